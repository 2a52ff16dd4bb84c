/**
 * String instructions. A repeated one moves RCX, RSI and RDI with each element, so that after a fault in the middle it
 * goes on where it was. Forward moves and fills take a page at a time.
 */
import * as at from './layout';
import * as uop from './uops';
import { sub } from './flags';
import { finish, read, write } from './memory';
import { RAX, RCX, RDI, RSI, loadWidth, putWidth, storeWidth } from './operands';

// @ts-ignore: decorator
@inline
function pointer(slot: usize, kind: u32): u64 {
  return kind & uop.STRING_NARROW ? <u64>load<u32>(slot) : load<u64>(slot);
}

// @ts-ignore: decorator
@inline
function advance(slot: usize, kind: u32, by: i64): void {
  const value = load<u64>(slot) + <u64>by;
  store<u64>(slot, kind & uop.STRING_NARROW ? value & 0xffffffff : value);
}

function compare(width: u32, a: u64, b: u64): bool {
  if (width == 8) sub<u64>(a, b);
  else if (width == 4) sub<u32>(<u32>a, <u32>b);
  else if (width == 2) sub<u16>(<u16>a, <u16>b);
  else sub<u8>(<u8>a, <u8>b);
  return a == b;
}

/** One element. 0: fault; 1: done, the elements differ; 2: done (equal, where elements are compared). */
function element(u: usize, kind: u32, width: u32, step: i64): u32 {
  let equal = true;
  let value: u64 = 0;
  const what = <i32>(kind & uop.STRING_KIND);
  if (what != uop.STRING_STOS && what != uop.STRING_SCAS) {
    const from = read(pointer(RSI, kind) + load<u64>(load<u16>(u, uop.BASE)), width);
    if (!from) return 0;
    value = loadWidth(from, width);
  } else value = loadWidth(RAX, width);
  if (what == uop.STRING_LODS) putWidth(RAX, width, value);
  else if (what == uop.STRING_SCAS || what == uop.STRING_CMPS) {
    const other = read(pointer(RDI, kind), width);
    if (!other) return 0;
    equal = compare(width, value, loadWidth(other, width));
  } else {
    const to = write(pointer(RDI, kind), width);
    if (!to) return 0;
    storeWidth(to, width, value);
    finish(to);
  }
  if (what != uop.STRING_STOS && what != uop.STRING_SCAS) advance(RSI, kind, step);
  if (what != uop.STRING_LODS) advance(RDI, kind, step);
  return equal ? 2 : 1;
}

/** Whole elements from an address to the end of its page. */
// @ts-ignore: decorator
@inline
function elementsInPage(address: u64, width: u32): u64 {
  return <u64>((4096 - (<u32>address & 0xfff)) / width);
}

/** Forward MOVS or STOS of several elements that stay in their pages. The count done; 0: take one element instead. */
function chunk(u: usize, kind: u32, width: u32, count: u64): u64 {
  const moving = (kind & uop.STRING_KIND) == uop.STRING_MOVS;
  const to = pointer(RDI, kind);
  let n = min<u64>(count, elementsInPage(to, width));
  let from: u64 = 0;
  if (moving) {
    from = pointer(RSI, kind) + load<u64>(load<u16>(u, uop.BASE));
    n = min<u64>(n, elementsInPage(from, width));
  }
  if (n < 2) return 0;
  const bytes = <u32>n * width;
  if (moving) {
    const source = read(from, 1);
    if (!source) return 0;
    const target = write(to, 1);
    if (!target) return 0;
    if (target > source && target < source + bytes) return 0;
    memory.copy(target, source, bytes);
    advance(RSI, kind, bytes);
  } else {
    const target = write(to, 1);
    if (!target) return 0;
    if (width == 1) memory.fill(target, load<u8>(RAX), bytes);
    else {
      const value = load<u64>(RAX);
      for (let done: u32 = 0; done < bytes; done += width) storeWidth(target + done, width, value);
    }
  }
  advance(RDI, kind, bytes);
  return n;
}

export function string(u: usize): u32 {
  const kind = <u32>load<u8>(u, uop.SUB);
  const width = <u32>load<u8>(u, uop.WIDTH);
  const forward = (load<u32>(at.RFLAGS) & at.DF) == 0;
  const step = forward ? <i64>width : -(<i64>width);
  if (!(kind & uop.STRING_REPEAT)) return element(u, kind, width, step) ? uop.GO_ON : uop.FAULTED;
  const what = <i32>(kind & uop.STRING_KIND);
  const comparing = what == uop.STRING_SCAS || what == uop.STRING_CMPS;
  const chunks = forward && what <= uop.STRING_STOS;
  const stopOn: u32 = kind & uop.STRING_UNTIL_EQUAL ? 2 : 1;
  while (true) {
    const count = pointer(RCX, kind);
    if (!count) break;
    const many = chunks ? chunk(u, kind, width, count) : 0;
    if (many) {
      advance(RCX, kind, -(<i64>many));
      continue;
    }
    const done = element(u, kind, width, step);
    if (!done) return uop.FAULTED;
    advance(RCX, kind, -1);
    if (comparing && done == stopOn) break;
  }
  if (kind & uop.STRING_NARROW) store<u64>(RCX, load<u32>(RCX));
  return uop.GO_ON;
}
