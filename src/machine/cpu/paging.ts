/**
 * Translation on x64: the four-level walk and the translation look-aside buffer, for the processor and for TypeScript alike.
 * Facts: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3, chapter "Paging"; PTE bits as in
 * "Unit OS5: Memory Management 5.2".
 */
import * as at from './layout';
import { dropFrame } from './code-cache';

const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const USER: u64 = 4;
const ACCESSED: u64 = 0x20;
const DIRTY: u64 = 0x40;
const LARGE: u64 = 0x80;
const GLOBAL: u64 = 0x100;
const NO_EXECUTE: u64 = 1 << 63;
const PFN: u64 = 0x000ffffffffff000;
/** Bits 13-20 of a large-page entry are reserved. */
const LARGE_RESERVED: u64 = 0x1fe000;

const ERROR_PRESENT: u32 = 1;
const ERROR_RESERVED: u32 = 8;
const ERROR_FETCH: u32 = 16;

const TLB_END: usize = at.TLB + at.TLB_ENTRIES * 32;

const LARGE_TLB_END: usize = at.LARGE_TLB + at.LARGE_TLB_ENTRIES * 16;
/** Bits of an address that name a large page. */
const LARGE_MASK: u64 = ~0x1fffff;

/** Low bits of a tag that no page address has. */
const NO_TAG: u64 = 1;

// @ts-ignore: decorator
@inline
function entryOf(address: u64): usize {
  return at.TLB + (<u32>(address >> 7) & ((at.TLB_ENTRIES - 1) << 5));
}

// @ts-ignore: decorator
@inline
function supervisorOf(entry: usize): usize {
  return at.TLB_SUPERVISOR + ((entry - at.TLB) >> 2);
}

// @ts-ignore: decorator
@inline
function largeEntryOf(address: u64): usize {
  return at.LARGE_TLB + ((<u32>(address >> 21) & (at.LARGE_TLB_ENTRIES - 1)) << 4);
}

function pageFault(address: u64, access: u32, cause: u32): usize {
  store<u64>(at.FAULT_ADDRESS, address);
  let error = cause;
  if (access & at.ACCESS_WRITE) error |= 2;
  if (access & at.ACCESS_USER) error |= 4;
  if (access & at.ACCESS_EXECUTE) error |= ERROR_FETCH;
  store<u32>(at.FAULT_ERROR, error);
  store<u32>(at.EXCEPTION_VECTOR, 14);
  return 0;
}

// @ts-ignore: decorator
@inline
function tableEntry(frame: u64, address: u64, shift: u64): usize {
  return load<u32>(at.RAM_BASE) + (<u32>frame << 12) + ((<u32>(address >> shift) & 511) << 3);
}

// @ts-ignore: decorator
@inline
function frameOf(entry: u64): u64 {
  return (entry & PFN) >> 12;
}

// @ts-ignore: decorator
@inline
function isRam(frame: u64): bool {
  return frame < <u64>load<u32>(at.FRAME_COUNT);
}

/** Sets accessed (and dirty) bits that are not set yet. */
// @ts-ignore: decorator
@inline
function mark(entry: usize, bits: u64): void {
  const value = load<u64>(entry);
  if ((value & bits) == bits) return;
  store<u64>(entry, value | bits);
  dropFrame((entry - load<u32>(at.RAM_BASE)) >> 12);
}

/** Walks the tables for one access; fills the TLB and returns the host address, or 0 with a fault. */
function walk(address: u64, access: u32): usize {
  const e4 = tableEntry(load<u32>(at.DIRECTORY), address, 39);
  const v4 = load<u64>(e4);
  if (!(v4 & PRESENT)) return pageFault(address, access, 0);
  if (v4 & LARGE || !isRam(frameOf(v4))) return pageFault(address, access, ERROR_PRESENT | ERROR_RESERVED);
  const e3 = tableEntry(frameOf(v4), address, 30);
  const v3 = load<u64>(e3);
  if (!(v3 & PRESENT)) return pageFault(address, access, 0);
  if (v3 & LARGE || !isRam(frameOf(v3))) return pageFault(address, access, ERROR_PRESENT | ERROR_RESERVED);
  const e2 = tableEntry(frameOf(v3), address, 21);
  const v2 = load<u64>(e2);
  if (!(v2 & PRESENT)) return pageFault(address, access, 0);
  const large = (v2 & LARGE) != 0;
  if (!isRam(frameOf(v2)) || (large && v2 & LARGE_RESERVED)) {
    return pageFault(address, access, ERROR_PRESENT | ERROR_RESERVED);
  }
  let e1 = e2;
  let v1 = v2;
  let frame = frameOf(v2) + ((address >> 12) & 511);
  if (!large) {
    e1 = tableEntry(frameOf(v2), address, 12);
    v1 = load<u64>(e1);
    if (!(v1 & PRESENT)) return pageFault(address, access, 0);
    frame = frameOf(v1);
  }
  if (!isRam(frame)) return pageFault(address, access, ERROR_PRESENT | ERROR_RESERVED);
  const all = v4 & v3 & v2 & v1;
  const any = v4 | v3 | v2 | v1;
  if (access & at.ACCESS_USER && !(all & USER)) return pageFault(address, access, ERROR_PRESENT);
  if (access & at.ACCESS_WRITE && !(all & WRITE)) return pageFault(address, access, ERROR_PRESENT);
  if (access & at.ACCESS_EXECUTE && any & NO_EXECUTE) return pageFault(address, access, ERROR_PRESENT);
  mark(e4, ACCESSED);
  mark(e3, ACCESSED);
  mark(e2, ACCESSED);
  mark(e1, access & at.ACCESS_WRITE ? ACCESSED | DIRTY : ACCESSED);
  if (access & at.ACCESS_WRITE) dropFrame(<u32>frame);
  const writable = (all & WRITE) != 0 && (load<u64>(e1) & DIRTY) != 0;
  const user = (all & USER) != 0;
  const executable = (any & NO_EXECUTE) == 0;
  const global = (v1 & GLOBAL) != 0;
  if (large) keepLarge(address, <u32>frameOf(v2), user, writable, executable, global);
  return fill(address, <u32>frame, user, writable, executable, global, large);
}

/** Remembers the translation of a large page. */
function keepLarge(address: u64, frame: u32, user: bool, writable: bool, executable: bool, global: bool): void {
  const entry = largeEntryOf(address);
  let rights: u64 = at.TLB_VALID;
  if (user) rights |= at.TLB_USER;
  if (writable) rights |= at.TLB_WRITABLE;
  if (executable) rights |= at.TLB_EXECUTABLE;
  if (global) rights |= at.TLB_GLOBAL;
  store<u64>(entry, (address & LARGE_MASK) | rights);
  store<u32>(entry, frame, 8);
}

/** The host address of one byte by the translation of a large page; 0 when there is none that allows the access. */
function fromLarge(address: u64, access: u32): usize {
  const entry = largeEntryOf(address);
  const value = load<u64>(entry);
  let needed: u64 = at.TLB_VALID;
  if (access & at.ACCESS_USER) needed |= at.TLB_USER;
  if (access & at.ACCESS_WRITE) needed |= at.TLB_WRITABLE;
  if (access & at.ACCESS_EXECUTE) needed |= at.TLB_EXECUTABLE;
  if ((value & (LARGE_MASK | needed)) != ((address & LARGE_MASK) | needed)) return 0;
  const frame = load<u32>(entry, 8) + (<u32>(address >> 12) & 511);
  if (access & at.ACCESS_WRITE) dropFrame(frame);
  const writable = (value & at.TLB_WRITABLE) != 0;
  const executable = (value & at.TLB_EXECUTABLE) != 0;
  return fill(address, frame, (value & at.TLB_USER) != 0, writable, executable, (value & at.TLB_GLOBAL) != 0, true);
}

/**
 * Puts a translation into the TLB. User writes to a frame with decoded code always miss, so that the code is dropped; while alignment is
 * checked, all user accesses to data miss.
 */
function fill(address: u64, frame: u32, user: bool, writable: bool, executable: bool, global: bool, large: bool): usize {
  const page = address & ~0xfff;
  const entry = entryOf(address);
  const host = load<u32>(at.RAM_BASE) + (frame << 12);
  const hasCode = load<u32>(load<u32>(at.FRAME_BLOCKS) + (frame << 2)) != 0;
  const data = user && !load<u32>(at.ALIGNMENT_CHECK);
  store<u64>(entry, data ? page : NO_TAG, at.TLB_READ);
  store<u64>(entry, data && writable && !hasCode ? page : NO_TAG, at.TLB_WRITE);
  store<u64>(entry, user && executable ? page : NO_TAG, at.TLB_EXECUTE);
  store<u32>(entry, <u32>(host - <u32>page), at.TLB_ADDEND);
  let rights: u64 = at.TLB_VALID;
  if (writable) rights |= at.TLB_WRITABLE;
  if (executable) rights |= at.TLB_EXECUTABLE;
  if (global) rights |= at.TLB_GLOBAL;
  if (large) {
    rights |= at.TLB_LARGE_PAGE;
    store<u32>(at.TLB_LARGE, 1);
  }
  store<u64>(supervisorOf(entry), page | rights);
  store<u32>(at.TLB_FILLED, 1);
  return host + (<u32>address & 0xfff);
}

/** The host address of one byte, from the TLB or by a walk; 0 with a fault in the header. */
export function touch(address: u64, access: u32): usize {
  const page = address & ~0xfff;
  const entry = entryOf(address);
  const supervisor = load<u64>(supervisorOf(entry));
  const cached = (supervisor & (~0xfff | at.TLB_VALID)) == (page | at.TLB_VALID);
  if (cached) {
    const tag = access & at.ACCESS_WRITE ? at.TLB_WRITE : access & at.ACCESS_EXECUTE ? at.TLB_EXECUTE : at.TLB_READ;
    if (access & at.ACCESS_USER) {
      if (load<u64>(entry + tag) == page) return load<u32>(entry, at.TLB_ADDEND) + <u32>address;
    } else {
      const needed: u64 = access & at.ACCESS_WRITE ? at.TLB_WRITABLE : access & at.ACCESS_EXECUTE ? at.TLB_EXECUTABLE : at.TLB_VALID;
      if (supervisor & needed) {
        const host = load<u32>(entry, at.TLB_ADDEND) + <u32>address;
        if (access & at.ACCESS_WRITE) dropFrame((host - load<u32>(at.RAM_BASE)) >> 12);
        return host;
      }
    }
  } else {
    if (load<u32>(at.TLB_LARGE)) {
      const host = fromLarge(address, access);
      if (host) return host;
    }
    store<u64>(at.TLB_MISSES, load<u64>(at.TLB_MISSES) + 1);
    if (<u64>((<i64>(address << 16)) >> 16) != address) {
      store<u32>(at.EXCEPTION_VECTOR, 13);
      store<u32>(at.NON_CANONICAL, 1);
      return 0;
    }
  }
  return walk(address, access);
}

/** Takes the user's right to write to a frame out of the TLB: the frame now holds decoded code. */
export function watchFrame(frame: u32): void {
  const host = load<u32>(at.RAM_BASE) + (frame << 12);
  for (let entry: usize = at.TLB; entry < TLB_END; entry += 32) {
    const tag = load<u64>(entry, at.TLB_WRITE);
    if (tag != NO_TAG && <u32>tag + load<u32>(entry, at.TLB_ADDEND) == host) store<u64>(entry, NO_TAG, at.TLB_WRITE);
  }
}

function clear(entry: usize): void {
  store<u64>(entry, NO_TAG, at.TLB_READ);
  store<u64>(entry, NO_TAG, at.TLB_WRITE);
  store<u64>(entry, NO_TAG, at.TLB_EXECUTE);
  store<u64>(supervisorOf(entry), 0);
}

/** Empties the TLB, with or without the global translations. */
export function flush(global: bool): void {
  store<u64>(at.TLB_FLUSHES, load<u64>(at.TLB_FLUSHES) + 1);
  if (global) store<u32>(at.TLB_LARGE, 0);
  else if (!load<u32>(at.TLB_FILLED)) return;
  store<u32>(at.TLB_FILLED, 0);
  for (let entry: usize = at.TLB; entry < TLB_END; entry += 32) {
    if (global || !(load<u64>(supervisorOf(entry)) & at.TLB_GLOBAL)) clear(entry);
  }
  for (let entry: usize = at.LARGE_TLB; entry < LARGE_TLB_END; entry += 16) {
    if (global || !(load<u64>(entry) & at.TLB_GLOBAL)) store<u64>(entry, 0);
  }
}

/** Drops the translation of one page, given as the two words of an address; of a large page, all of it. */
export function invalidatePage(low: u32, high: u32): void {
  const address = wide(low, high);
  store<u64>(at.TLB_FLUSHES, load<u64>(at.TLB_FLUSHES) + 1);
  const entry = entryOf(address);
  const page = address & ~0xfff;
  if ((load<u64>(supervisorOf(entry)) & ~0xfff) == page) clear(entry);
  if (!load<u32>(at.TLB_LARGE)) return;
  const large = largeEntryOf(address);
  if (load<u64>(large) >> 21 == address >> 21) store<u64>(large, 0);
  for (let other: usize = at.TLB; other < TLB_END; other += 32) {
    const value = load<u64>(supervisorOf(other));
    if (value & at.TLB_LARGE_PAGE && value >> 21 == address >> 21) clear(other);
  }
}

/** Begins or ends alignment checks as AC of RFLAGS says. */
export function followAlignmentFlag(): void {
  const checked = load<u32>(at.RFLAGS) & at.AC;
  if (checked == load<u32>(at.ALIGNMENT_CHECK)) return;
  store<u32>(at.ALIGNMENT_CHECK, checked);
  flush(true);
}

/** Points CR3 at a frame; translations that are not global go. */
export function setDirectory(frame: u32): void {
  store<u32>(at.DIRECTORY, frame);
  flush(false);
}

/** A canonical address from two words, of which the high one counts only to bit 15. */
// @ts-ignore: decorator
@inline
function wide(low: u32, high: u32): u64 {
  return <u64>((<i64>((<u64>high << 48) | (<u64>low << 16))) >> 16);
}

/** Translates for TypeScript: byte offset in memory, or 0 with a fault. */
export function translate(low: u32, high: u32, access: u32): usize {
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) + 1);
  return touch(wide(low, high), access);
}
