/** Machine code written as listings, one instruction a line: offset, bytes, instruction; "+40" in a jump is an offset in the listing. */

/** The bytes of a listing. */
export function assemble(listing: string): Uint8Array {
  return Uint8Array.from(bytesOf(listing), ({ byte }) => byte);
}

const OPEN_BYTES = 4;

interface ListedByte {
  readonly byte: number;
  /** First byte of a displacement that is open: the jump goes to the end of the code. */
  readonly opens: boolean;
}

function bytesOf(listing: string): ListedByte[] {
  const bytes: ListedByte[] = [];
  for (const line of listing.trim().split('\n')) {
    const hex = line.trim().split(/\s+/)[1]!;
    for (let at = 0; at < hex.length; at += 2) {
      const open = hex[at] === '.';
      bytes.push({
        byte: open ? 0 : Number.parseInt(hex.slice(at, at + 2), 16),
        opens: open && hex[at - 1] !== '.',
      });
    }
  }
  return bytes;
}

/** The bytes of listings one behind the other; the jumps with a displacement of dots go to the end of all. */
export function assembleTo(...listings: readonly string[]): Uint8Array {
  const listed = listings.flatMap(bytesOf);
  const code = Uint8Array.from(listed, ({ byte }) => byte);
  const view = new DataView(code.buffer);
  listed.forEach(({ opens }, at) => {
    if (opens) view.setInt32(at, code.length - at - OPEN_BYTES, true);
  });
  return code;
}
