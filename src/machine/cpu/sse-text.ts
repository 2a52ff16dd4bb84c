// The text instructions of SSE4.2, PCMPISTRI to PCMPESTRM. Source: Intel SDM volume 1, 12.11.4 to 12.11.7 (the control
// byte and the tables of comparisons); volume 2 (the pages of the instructions).

import { setStatus } from './flags';
import { CF, GPR, OF, SF, XMM, ZF } from './layout';
import * as ops from './sse-ops';

const RAX: usize = GPR;
const RCX: usize = GPR + 8;
const RDX: usize = GPR + 16;

/** Bits of the control byte: elements of 16 bits; signed elements; the kind of comparison; negation; the last index, or a mask of elements. */
const WORDS: u32 = 1;
const SIGNED: u32 = 2;
const EQUAL_ANY: u32 = 0;
const RANGES: u32 = 1;
const EQUAL_EACH: u32 = 2;
const NEGATIVE: u32 = 0x10;
const MASKED: u32 = 0x20;
const LAST: u32 = 0x40;

/** Runs one text instruction; these raise no exception. The result goes to ECX or XMM0, flags tell what the texts are like. */
export function sseText(op: u32, dst: usize, src: usize, control: u32): void {
  const count: u32 = control & WORDS ? 8 : 16;
  const isExplicit = <i32>op >= ops.SSE_PCMPESTRI;
  const isWide = <i32>op >= ops.SSE_PCMPESTRI_WIDE;
  const first = isExplicit ? givenLength(RAX, isWide, count) : lengthOf(dst, control, count);
  const second = isExplicit ? givenLength(RDX, isWide, count) : lengthOf(src, control, count);
  const found = negated(compareTexts(dst, src, control, first, second, count), control, second, count);
  if ((op & 1) == (ops.SSE_PCMPISTRI & 1)) store<u64>(RCX, indexOf(found, control, count));
  else storeMask(found, control);
  setStatus((found ? CF : 0) | (second < count ? ZF : 0) | (first < count ? SF : 0) | (found & 1 ? OF : 0));
}

/** The absolute value of a length in a register, at most the elements there are. */
function givenLength(slot: usize, isWide: bool, count: u32): u32 {
  const value = isWide ? load<i64>(slot) : <i64>load<i32>(slot);
  const magnitude: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  return <u32>min<u64>(magnitude, count);
}

/** Elements before the first zero. */
function lengthOf(text: usize, control: u32, count: u32): u32 {
  let n: u32 = 0;
  while (n < count && elementOf(text, n, control) != 0) n++;
  return n;
}

function elementOf(text: usize, n: u32, control: u32): i32 {
  if (control & WORDS) {
    const at = text + <usize>(n << 1);
    return control & SIGNED ? <i32>load<i16>(at) : <i32>load<u16>(at);
  }
  return control & SIGNED ? <i32>load<i8>(text + <usize>n) : <i32>load<u8>(text + <usize>n);
}

/** A bit for each element of the second text (for the ordered comparison: for each place where the first text begins in it). */
function compareTexts(a: usize, b: usize, control: u32, first: u32, second: u32, count: u32): u32 {
  const kind = (control >> 2) & 3;
  let found: u32 = 0;
  for (let n: u32 = 0; n < count; n++) {
    let holds: bool;
    if (kind == EQUAL_EACH) holds = isSame(a, b, control, first, second, n);
    else if (kind == EQUAL_ANY) holds = n < second && isAmong(a, first, control, elementOf(b, n, control));
    else if (kind == RANGES) holds = n < second && isWithin(a, first, control, elementOf(b, n, control));
    else holds = beginsAt(a, b, control, first, second, n, count);
    if (holds) found |= 1 << n;
  }
  return found;
}

/** Beyond both ends elements count as the same, beyond one as different. */
function isSame(a: usize, b: usize, control: u32, first: u32, second: u32, n: u32): bool {
  if (n >= first || n >= second) return n >= first && n >= second;
  return elementOf(a, n, control) == elementOf(b, n, control);
}

function isAmong(set: usize, length: u32, control: u32, value: i32): bool {
  for (let n: u32 = 0; n < length; n++) if (elementOf(set, n, control) == value) return true;
  return false;
}

/** Whether a value lies in one of the ranges, each a lower and an upper bound; half a range does not count. */
function isWithin(ranges: usize, length: u32, control: u32, value: i32): bool {
  for (let n: u32 = 0; n + 1 < length; n += 2) {
    if (value >= elementOf(ranges, n, control) && value <= elementOf(ranges, n + 1, control)) return true;
  }
  return false;
}

/** Whether the first text, or as much of it as the register has room for, stands at place `from` of the second. */
function beginsAt(a: usize, b: usize, control: u32, first: u32, second: u32, from: u32, count: u32): bool {
  for (let n: u32 = 0; n < first && from + n < count; n++) {
    if (from + n >= second || elementOf(a, n, control) != elementOf(b, from + n, control)) return false;
  }
  return true;
}

function negated(found: u32, control: u32, second: u32, count: u32): u32 {
  if (!(control & NEGATIVE)) return found;
  return found ^ ((1 << (control & MASKED ? second : count)) - 1);
}

/** The first or the last element found; the number of elements when there is none. */
function indexOf(found: u32, control: u32, count: u32): u64 {
  if (!found) return count;
  return control & LAST ? 31 - clz<u32>(found) : ctz<u32>(found);
}

/** The bits found go to XMM0 as they are, or each as a whole element. */
function storeMask(found: u32, control: u32): void {
  if (!(control & LAST)) {
    v128.store(XMM, v128.replace_lane<u32>(i64x2.splat(0), 0, found));
    return;
  }
  const width: u32 = control & WORDS ? 2 : 1;
  for (let n: u32 = 0; n < 16; n++) store<u8>(XMM + <usize>n, (found >> (n / width)) & 1 ? 0xff : 0);
}
