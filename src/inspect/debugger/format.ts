/** Numbers as WinDbg writes them: hexadecimal, lower case, eight digits on each side of the backtick. */
import { canonicalAddress } from '../text.js';

const TWO_32 = 2 ** 32;

export function hex(value: number, digits = 1): string {
  return value.toString(16).padStart(digits, '0');
}

/** A 48-bit address, bit 47 extended: fffff680`00000000. */
export function addressText(address: number): string {
  const digits = canonicalAddress(address).slice(2).toLowerCase();
  return `${digits.slice(0, 8)}\`${digits.slice(8)}`;
}

/** A 64-bit value of two words. */
export function quadText(lo: number, hi: number): string {
  return `${hex(hi >>> 0, 8)}\`${hex(lo >>> 0, 8)}`;
}

/** A value of two words as 48-bit address, or -1 when its upper bits do not extend bit 47. */
export function addressOfWords(lo: number, hi: number): number {
  const upper = hi >>> 15;
  if (upper !== 0 && upper !== 0x1ffff) return -1;
  return (hi & 0xffff) * TWO_32 + (lo >>> 0);
}

/** Pages as number and kilobytes, right-aligned: '   16384 (    65536 Kb)'. */
export function pagesText(pages: number): string {
  return `${String(pages).padStart(8)} (${String(pages * 4).padStart(9)} Kb)`;
}

/** 'one page', '3 pages'. */
export function count(amount: number, what: string): string {
  return amount === 1 ? `one ${what}` : `${amount} ${what}s`;
}
