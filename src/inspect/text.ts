/** Numbers and tables as text. Sizes in bytes, addresses as 48-bit numbers. */

const TWO_47 = 2 ** 47;
const KIB = 1024;
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** An address with bit 47 extended, as Windows writes it: 0x00007FF6A0001000. */
export function canonicalAddress(address: number): string {
  const digits = address.toString(16).toUpperCase();
  const system = address >= TWO_47;
  return `0x${system ? `FFFF${digits.padStart(12, '0')}` : digits.padStart(16, '0')}`;
}

/** A user address without leading zeros in the way: 00007FF6`A0001000. */
export function splitAddress(address: number): string {
  const digits = canonicalAddress(address).slice(2);
  return `${digits.slice(0, 8)}\`${digits.slice(8)}`;
}

/** Eight hexadecimal digits. */
export function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;
}

/** A whole number in groups of three digits. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A number of things: 1 instruction, 2,000 instructions. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** Bytes in the unit that gives at most four digits before the point: 96 KB, 1.5 MB, 128 TB. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= KIB && unit < UNITS.length - 1) {
    value /= KIB;
    unit++;
  }
  const digits = Number.isInteger(value) || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const SECOND_100NS = 1e7;

/** Virtual time in a unit of its size. */
export function timeText(time100ns: number): string {
  if (time100ns >= SECOND_100NS) return `${(time100ns / SECOND_100NS).toFixed(2)} s`;
  if (time100ns >= 1e4) return `${(time100ns / 1e4).toFixed(2)} ms`;
  return `${(time100ns / 10).toFixed(1)} µs`;
}

/** A share of `whole` as a bar of so many characters. */
export function bar(part: number, whole: number, width: number): string {
  const eighths = whole > 0 ? Math.round((part / whole) * width * 8) : 0;
  const least = part > 0 ? Math.max(eighths, 1) : 0;
  const full = Math.floor(least / 8);
  const rest = least % 8;
  const end = rest === 0 ? '' : String.fromCodePoint(0x2590 - rest);
  return ('█'.repeat(full) + end).padEnd(width, '·');
}

/** Rows as aligned columns: those named in `right` flush right. Two spaces between columns, none at the end. */
export function table(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, column) =>
        right.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}
