import type { MachineCode } from '../nt/system-module.js';

/**
 * Machine code from a listing. Each line: offset, bytes, "; instruction"; "+40" in a jump is an offset in the function, and
 * bytes that end in "->Name" have four more, the distance to another function of the same module.
 */
export function assemble(listing: string): MachineCode {
  const bytes: number[] = [];
  const targets: Record<number, string> = {};
  for (const line of listing.trim().split('\n')) {
    const [hex = '', target] = line.trim().split(/\s+/)[1]!.split('->');
    for (let at = 0; at < hex.length; at += 2) bytes.push(Number.parseInt(hex.slice(at, at + 2), 16));
    if (target === undefined) continue;
    targets[bytes.length] = target;
    bytes.push(0, 0, 0, 0);
  }
  return { bytes: Uint8Array.from(bytes), targets };
}
