/**
 * User-mode access to memory by linear address. Each function returns a host address, or 0 with a fault in the header.
 * An access that crosses a page goes through SPLIT_BUFFER: read into it at once, written back by `finish`.
 */
import * as at from './layout';
import { touch } from './paging';

// @ts-ignore: decorator
@inline
function slot(address: u64): usize {
  return at.TLB + (<u32>(address >> 7) & ((at.TLB_ENTRIES - 1) << 5));
}

/** Where to read T at an address. */
// @ts-ignore: decorator
@inline
export function reading<T>(address: u64): usize {
  const entry = slot(address);
  if (load<u64>(entry, at.TLB_READ) == ((address + (sizeof<T>() - 1)) & ~0xfff)) {
    return load<u32>(entry, at.TLB_ADDEND) + <u32>address;
  }
  return readingSlowly(address, sizeof<T>());
}

/** Where to write T (or read and write it) at an address; `finish` must follow the store. */
// @ts-ignore: decorator
@inline
export function writing<T>(address: u64): usize {
  const entry = slot(address);
  if (load<u64>(entry, at.TLB_WRITE) == ((address + (sizeof<T>() - 1)) & ~0xfff)) {
    return load<u32>(entry, at.TLB_ADDEND) + <u32>address;
  }
  return writingSlowly(address, sizeof<T>());
}

/** Completes a store to the host address that `writing` gave. */
// @ts-ignore: decorator
@inline
export function finish(host: usize): void {
  if (host == at.SPLIT_BUFFER) writeSplit();
}

/** Whether alignment checks stop an access: its address must be a multiple of its size, of 10 bytes of 8, of another size of the largest power of two in that. */
function isRefused(address: u64, size: u32): bool {
  if (!load<u32>(at.ALIGNMENT_CHECK)) return false;
  const unit = size == 10 ? 8 : min<u32>(size & (0 - size), 16);
  if (!(<u32>address & (unit - 1))) return false;
  store<u32>(at.EXCEPTION_VECTOR, 17);
  return true;
}

/** As `reading`, of any number of bytes up to 576. */
export function readingSlowly(address: u64, size: u32): usize {
  if (isRefused(address, size)) return 0;
  const inPage: u32 = 4096 - (<u32>address & 0xfff);
  if (size <= inPage) return touch(address, at.ACCESS_USER | at.ACCESS_READ);
  return split(address, size, inPage, at.ACCESS_USER | at.ACCESS_READ);
}

/** As `writing`, of any number of bytes up to 576. */
export function writingSlowly(address: u64, size: u32): usize {
  if (isRefused(address, size)) return 0;
  const inPage: u32 = 4096 - (<u32>address & 0xfff);
  if (size <= inPage) return touch(address, at.ACCESS_USER | at.ACCESS_WRITE);
  return split(address, size, inPage, at.ACCESS_USER | at.ACCESS_WRITE);
}

function split(address: u64, size: u32, inPage: u32, access: u32): usize {
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) + 1);
  const first = touch(address, access);
  if (!first) return 0;
  const second = touch(address + inPage, access);
  if (!second) return 0;
  memory.copy(at.SPLIT_BUFFER, first, inPage);
  memory.copy(at.SPLIT_BUFFER + inPage, second, size - inPage);
  store<u32>(at.SPLIT_FIRST, first);
  store<u32>(at.SPLIT_SECOND, second);
  store<u32>(at.SPLIT_BYTES, inPage | (size << 16));
  return at.SPLIT_BUFFER;
}

function writeSplit(): void {
  const bytes = load<u32>(at.SPLIT_BYTES);
  const inPage = bytes & 0xffff;
  const first: usize = load<u32>(at.SPLIT_FIRST);
  const second: usize = load<u32>(at.SPLIT_SECOND) - inPage;
  for (let n: u32 = 0; n < bytes >> 16; n++) {
    store<u8>((n < inPage ? first : second) + n, load<u8>(at.SPLIT_BUFFER + n));
  }
}

/** `reading` for what is counted as it runs: outside the main loop. */
export function read(address: u64, size: u32): usize {
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) + 1);
  return readingSlowly(address, size);
}

/** `writing` for what is counted as it runs. */
export function write(address: u64, size: u32): usize {
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) + 1);
  return writingSlowly(address, size);
}
