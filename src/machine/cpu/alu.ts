/** Integer arithmetic on values, with flags. Facts: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2. */
import * as at from './layout';
import * as uop from './uops';
import { add, carry, logic, result, settle, sub } from './flags';

// @ts-ignore: decorator
@inline
function bits<T>(): u32 {
  return sizeof<T>() << 3;
}

// @ts-ignore: decorator
@inline
function top<T>(value: T): u64 {
  return (<u64>value) << (64 - bits<T>());
}

export function adc<T>(a: T, b: T): T {
  const c = <u64>carry();
  const r = <T>((<u64>a) + (<u64>b) + c);
  const out = c ? top<T>(r) <= top<T>(a) : top<T>(r) < top<T>(a);
  const over = ((top<T>(a) ^ top<T>(r)) & (top<T>(b) ^ top<T>(r))) >> 63;
  const adjust = ((<u64>a) ^ (<u64>b) ^ (<u64>r)) & at.AF;
  return result<T>(r, <u64>out | adjust | (over << 11));
}

export function sbb<T>(a: T, b: T): T {
  const c = <u64>carry();
  const r = <T>((<u64>a) - (<u64>b) - c);
  const out = c ? top<T>(a) <= top<T>(b) : top<T>(a) < top<T>(b);
  const over = ((top<T>(a) ^ top<T>(b)) & (top<T>(a) ^ top<T>(r))) >> 63;
  const adjust = ((<u64>a) ^ (<u64>b) ^ (<u64>r)) & at.AF;
  return result<T>(r, <u64>out | adjust | (over << 11));
}

export function inc<T>(a: T): T {
  const r = <T>(a + <T>1);
  return result<T>(r, carry() | (((<u64>r) & 15) == 0 ? at.AF : 0) | (top<T>(r) == 1 << 63 ? at.OF : 0));
}

export function dec<T>(a: T): T {
  const r = <T>(a - <T>1);
  return result<T>(r, carry() | (((<u64>r) & 15) == 15 ? at.AF : 0) | (top<T>(a) == 1 << 63 ? at.OF : 0));
}

/** Any of the nine two-operand operations; CMP and TEST return their first operand. */
export function arithmetic<T>(kind: u32, a: T, b: T): T {
  switch (kind) {
    case uop.ALU_ADD:
      return add<T>(a, b);
    case uop.ALU_OR:
      return logic<T>(<T>(a | b));
    case uop.ALU_ADC:
      return adc<T>(a, b);
    case uop.ALU_SBB:
      return sbb<T>(a, b);
    case uop.ALU_AND:
      return logic<T>(<T>(a & b));
    case uop.ALU_SUB:
      return sub<T>(a, b);
    case uop.ALU_XOR:
      return logic<T>(<T>(a ^ b));
    case uop.ALU_CMP:
      sub<T>(a, b);
      return a;
    default:
      logic<T>(<T>(a & b));
      return a;
  }
}

/** Shift counts are taken modulo the width, but of 8 and 16 bits modulo 32. */
// @ts-ignore: decorator
@inline
function countOf<T>(count: u32): u32 {
  return count & (sizeof<T>() == 8 ? 63 : 31);
}

// @ts-ignore: decorator
@inline
export function shl<T>(a: T, by: u32): T {
  const count = countOf<T>(by);
  if (!count) return a;
  const out = count <= bits<T>() ? ((<u64>a) >> (bits<T>() - count)) & 1 : 0;
  const r = <T>(sizeof<T>() == 8 || count < 32 ? (<u64>a) << count : 0);
  return result<T>(r, out | (((top<T>(r) >> 63) ^ out) << 11));
}

// @ts-ignore: decorator
@inline
export function shr<T>(a: T, by: u32): T {
  const count = countOf<T>(by);
  if (!count) return a;
  const out = ((<u64>a) >> (count - 1)) & 1;
  const r = <T>((<u64>a) >> count);
  return result<T>(r, out | ((top<T>(a) >> 63) << 11));
}

// @ts-ignore: decorator
@inline
export function sar<T>(a: T, by: u32): T {
  const count = countOf<T>(by);
  if (!count) return a;
  const wide = (<i64>top<T>(a)) >> (64 - bits<T>());
  return result<T>(<T>(wide >> count), <u64>(wide >> (count - 1)) & 1);
}

/** Rotations set only the carry and overflow flags. */
function rotated<T>(r: T, out: u64, over: u64): T {
  settle();
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~(at.CF | at.OF)) | <u32>out | (<u32>over << 11));
  return r;
}

export function rol<T>(a: T, by: u32): T {
  const count = countOf<T>(by);
  if (!count) return a;
  const n = count & (bits<T>() - 1);
  const r = n ? <T>(((<u64>a) << n) | ((<u64>a) >> (bits<T>() - n))) : a;
  const out = (<u64>r) & 1;
  return rotated<T>(r, out, (top<T>(r) >> 63) ^ out);
}

export function ror<T>(a: T, by: u32): T {
  const count = countOf<T>(by);
  if (!count) return a;
  const n = count & (bits<T>() - 1);
  const r = n ? <T>(((<u64>a) >> n) | ((<u64>a) << (bits<T>() - n))) : a;
  const out = top<T>(r) >> 63;
  return rotated<T>(r, out, out ^ ((top<T>(r) >> 62) & 1));
}

export function rcl<T>(a: T, by: u32): T {
  let count = countOf<T>(by);
  if (sizeof<T>() < 4) count %= bits<T>() + 1;
  if (!count) return a;
  let out = <u64>carry();
  let r = <u64>a;
  for (let n: u32 = 0; n < count; n++) {
    const bit = (r >> (bits<T>() - 1)) & 1;
    r = (r << 1) | out;
    out = bit;
  }
  return rotated<T>(<T>r, out, (top<T>(<T>r) >> 63) ^ out);
}

export function rcr<T>(a: T, by: u32): T {
  let count = countOf<T>(by);
  if (sizeof<T>() < 4) count %= bits<T>() + 1;
  if (!count) return a;
  let out = <u64>carry();
  let r = <u64>a;
  for (let n: u32 = 0; n < count; n++) {
    const bit = r & 1;
    r = (r >> 1) | (out << (bits<T>() - 1));
    out = bit;
  }
  return rotated<T>(<T>r, out, (top<T>(<T>r) >> 63) ^ ((top<T>(<T>r) >> 62) & 1));
}

/** The eight shifts of the group, in encoding order (6 is another SHL). */
export function shift<T>(kind: u32, a: T, count: u32): T {
  switch (kind) {
    case 0:
      return rol<T>(a, count);
    case 1:
      return ror<T>(a, count);
    case 2:
      return rcl<T>(a, count);
    case 3:
      return rcr<T>(a, count);
    case 5:
      return shr<T>(a, count);
    case 7:
      return sar<T>(a, count);
    default:
      return shl<T>(a, count);
  }
}

/** SHLD. A 16-bit count above 16 goes round into the first operand. */
export function shld<T>(a: T, b: T, by: u32): T {
  const count = countOf<T>(by);
  if (!count) return a;
  let r: T;
  let out: u64;
  if (sizeof<T>() == 2) {
    const wide = ((<u64>a) << 32) | ((<u64>b) << 16) | <u64>a;
    r = <T>((wide << count) >> 32);
    out = (wide >> (48 - count)) & 1;
  } else {
    r = <T>(((<u64>a) << count) | ((<u64>b) >> (bits<T>() - count)));
    out = ((<u64>a) >> (bits<T>() - count)) & 1;
  }
  return result<T>(r, out | (((top<T>(a) ^ top<T>(r)) >> 63) << 11));
}

export function shrd<T>(a: T, b: T, by: u32): T {
  const count = countOf<T>(by);
  if (!count) return a;
  let r: T;
  let out: u64;
  if (sizeof<T>() == 2) {
    const wide = ((<u64>a) << 32) | ((<u64>b) << 16) | <u64>a;
    r = <T>(wide >> count);
    out = (wide >> (count - 1)) & 1;
  } else {
    r = <T>(((<u64>a) >> count) | ((<u64>b) << (bits<T>() - count)));
    out = ((<u64>a) >> (count - 1)) & 1;
  }
  return result<T>(r, out | (((top<T>(a) ^ top<T>(r)) >> 63) << 11));
}

/** High 64 bits of an unsigned product. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const low = (a & 0xffffffff) * (b & 0xffffffff);
  const one = (a >> 32) * (b & 0xffffffff) + (low >> 32);
  const two = (a & 0xffffffff) * (b >> 32) + (one & 0xffffffff);
  return (a >> 32) * (b >> 32) + (one >> 32) + (two >> 32);
}

/** High 64 bits of a signed product. */
export function multiplyHighSigned(a: i64, b: i64): i64 {
  return <i64>multiplyHigh(<u64>a, <u64>b) - (a < 0 ? b : 0) - (b < 0 ? a : 0);
}

/** Flags of a multiplication: CF and OF say that the product did not fit. */
// @ts-ignore: decorator
@inline
export function product<T>(low: T, lost: bool): T {
  return result<T>(low, lost ? at.CF | at.OF : 0);
}

// @ts-ignore: decorator
@inline
export function imul<T>(a: T, b: T): T {
  if (sizeof<T>() == 8) {
    const low = (<u64>a) * (<u64>b);
    return product<T>(<T>low, multiplyHighSigned(<i64>a, <i64>b) != (<i64>low) >> 63);
  }
  const spread = 64 - bits<T>();
  const full = ((<i64>top<T>(a)) >> spread) * ((<i64>top<T>(b)) >> spread);
  return product<T>(<T>full, ((<i64>top<T>(<T>full)) >> spread) != full);
}

/** Quotient of a 128-bit dividend whose high half is below the divisor; the remainder goes to SCRATCH2. Shift and subtract by halves (Knuth's algorithm D, base 2^32). */
export function divideWide(high: u64, low: u64, divisor: u64): u64 {
  if (!high) {
    store<u64>(at.SCRATCH2, low % divisor);
    return low / divisor;
  }
  const s = clz<u64>(divisor);
  const d = divisor << s;
  const d1 = d >> 32;
  const d0 = d & 0xffffffff;
  const n32 = s ? (high << s) | (low >> (64 - s)) : high;
  const n10 = low << s;
  const q1 = digit(n32, n10 >> 32, d, d1, d0);
  const n21 = (n32 << 32) + (n10 >> 32) - q1 * d;
  const q0 = digit(n21, n10 & 0xffffffff, d, d1, d0);
  store<u64>(at.SCRATCH2, ((n21 << 32) + (n10 & 0xffffffff) - q0 * d) >> s);
  return (q1 << 32) + q0;
}

function digit(n: u64, next: u64, d: u64, d1: u64, d0: u64): u64 {
  let q = n / d1;
  let r = n % d1;
  while (q >= 1 << 32 || q * d0 > (r << 32) + next) {
    q--;
    r += d1;
    if (r >= 1 << 32) break;
  }
  return q;
}
