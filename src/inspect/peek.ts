/**
 * Reads of guest memory that change nothing: no fault, no accessed bit, no TLB entry. Only pages that are in memory can be
 * read: valid, in transition, or resident behind a prototype PTE.
 */
import type { AddressSpace } from '../mm/address-space.js';
import { findLargePde, LARGE_PAGE_FRAMES } from '../mm/large-page.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { peekPte } from '../mm/page-table-peek.js';
import {
  PTE_ASK_VAD,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  pteAddressField,
  pteFrame,
} from '../mm/pte.js';
import { residentSystemWord } from '../mm/system-observer.js';

const PAGE_SIZE = 4096;
const TWO_32 = 2 ** 32;

/** Frame that an entry names, or -1. */
export function residentFrame(lo: number): number {
  const resident = (lo & PTE_VALID) !== 0 || (lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION;
  return resident ? pteFrame(lo) : -1;
}

/** Frame that holds the page of a user address, or -1 when it is not in memory. */
export function frameOfAddress(mm: MemoryManager, space: AddressSpace, address: number): number {
  if (address < 0 || address > space.highestAddress) return -1;
  const large = space.lockedRanges > 0 ? findLargePde(mm, space, address) : 0;
  if (large !== 0) return pteFrame(mm.words[large]!) + (Math.floor(address / PAGE_SIZE) % LARGE_PAGE_FRAMES);
  const word = peekPte(mm, space, address);
  if (word === 0) return -1;
  const lo = mm.words[word]!;
  const hi = mm.words[word + 1]!;
  if ((lo & (PTE_VALID | PTE_PROTOTYPE)) !== PTE_PROTOTYPE) return residentFrame(lo);
  if (hi === PTE_ASK_VAD) return -1;
  const prototype = residentSystemWord(mm, pteAddressField(lo, hi));
  return prototype === 0 ? -1 : residentFrame(mm.words[prototype]!);
}

/** Bytes from a user address on; as many as are in memory without a gap, at most `length`. */
export function peekBytes(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  length: number,
): Uint8Array {
  return bytesInFrames(mm, (at) => frameOfAddress(mm, space, at), address, length);
}

/** Bytes from an address on, page by page from the frames that `frameAt` names (negative: not in memory, which ends it). */
export function bytesInFrames(
  mm: MemoryManager,
  frameAt: (address: number) => number,
  address: number,
  length: number,
): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const frame = frameAt(address + done);
    if (frame < 0) break;
    const within = (address + done) % PAGE_SIZE;
    const count = Math.min(PAGE_SIZE - within, length - done);
    const from = mm.ram.offsetOf(frame) + within;
    bytes.set(mm.ram.bytes.subarray(from, from + count), done);
    done += count;
  }
  return bytes.subarray(0, done);
}

/** The 32-bit word at a user address, or null when it is not in memory. */
export function peekU32(mm: MemoryManager, space: AddressSpace, address: number): number | null {
  const bytes = peekBytes(mm, space, address, 4);
  return bytes.length < 4 ? null : new DataView(bytes.buffer).getUint32(0, true);
}

/** The pointer at a user address; null when it is not in memory or not the address of user memory. */
export function peekPointer(mm: MemoryManager, space: AddressSpace, address: number): number | null {
  const bytes = peekBytes(mm, space, address, 8);
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer);
  const pointer = view.getUint32(4, true) * TWO_32 + view.getUint32(0, true);
  return pointer <= space.highestAddress ? pointer : null;
}
