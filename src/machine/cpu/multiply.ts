/** One-operand multiplication and division, on the pair RDX:RAX (or AX) by width in bytes. */
import * as alu from './alu';
import { SCRATCH2 } from './layout';
import { RAX, RDX, loadWidth, putWidth } from './operands';

export function multiply(width: u32, value: u64, signed: bool): u32 {
  if (width == 8) multiply64(value, signed);
  else if (signed) multiplySigned(width, value);
  else multiplyUnsigned(width, value);
  return 0;
}

function multiply64(value: u64, signed: bool): void {
  const a = load<u64>(RAX);
  const low = a * value;
  const high = signed ? <u64>alu.multiplyHighSigned(<i64>a, <i64>value) : alu.multiplyHigh(a, value);
  store<u64>(RAX, low);
  store<u64>(RDX, high);
  alu.product<u64>(low, signed ? <i64>high != (<i64>low) >> 63 : high != 0);
}

function extend(width: u32, value: u64): i64 {
  const spread = <i64>(64 - (width << 3));
  return (<i64>(value << spread)) >> spread;
}

function multiplySigned(width: u32, value: u64): void {
  const full = extend(width, loadWidth(RAX, width)) * extend(width, value);
  putProduct(width, <u64>full, extend(width, <u64>full) != full);
}

function multiplyUnsigned(width: u32, value: u64): void {
  const full = loadWidth(RAX, width) * value;
  putProduct(width, full, full >> (<u64>width << 3) != 0);
}

function putProduct(width: u32, full: u64, lost: bool): void {
  if (width == 1) {
    store<u16>(RAX, <u16>full);
    alu.product<u8>(<u8>full, lost);
  } else if (width == 2) {
    store<u16>(RAX, <u16>full);
    store<u16>(RDX, <u16>(full >> 16));
    alu.product<u16>(<u16>full, lost);
  } else {
    store<u64>(RAX, full & 0xffffffff);
    store<u64>(RDX, full >> 32);
    alu.product<u32>(<u32>full, lost);
  }
}

/** False: the divide error. Flags are left as they are. */
export function divide(width: u32, divisor: u64, signed: bool): bool {
  if (!divisor) return false;
  if (width == 8) return signed ? divideSigned64(<i64>divisor) : divideUnsigned64(divisor);
  const bits = <u64>width << 3;
  const dividend = width == 1 ? <u64>load<u16>(RAX) : (loadWidth(RDX, width) << bits) | loadWidth(RAX, width);
  if (!signed) {
    const quotient = dividend / divisor;
    if (quotient >> bits) return false;
    return putQuotient(width, quotient, dividend % divisor);
  }
  const wide = width == 4 ? <i64>dividend : extend(width << 1, dividend);
  const by = extend(width, divisor);
  if (by == -1 && wide == i64.MIN_VALUE) return false;
  const quotient = wide / by;
  if (extend(width, <u64>quotient) != quotient) return false;
  return putQuotient(width, <u64>quotient, <u64>(wide % by));
}

function putQuotient(width: u32, quotient: u64, remainder: u64): bool {
  if (width == 1) store<u16>(RAX, <u16>((quotient & 0xff) | (remainder << 8)));
  else {
    putWidth(RAX, width, quotient);
    putWidth(RDX, width, remainder);
  }
  return true;
}

function divideUnsigned64(divisor: u64): bool {
  const high = load<u64>(RDX);
  if (high >= divisor) return false;
  const quotient = alu.divideWide(high, load<u64>(RAX), divisor);
  store<u64>(RAX, quotient);
  store<u64>(RDX, load<u64>(SCRATCH2));
  return true;
}

function divideSigned64(divisor: i64): bool {
  let high = load<u64>(RDX);
  let low = load<u64>(RAX);
  const negative = <i64>high < 0;
  if (negative) {
    low = 0 - low;
    high = ~high + u64(low == 0);
  }
  const by = <u64>(divisor < 0 ? 0 - divisor : divisor);
  if (high >= by) return false;
  const quotient = alu.divideWide(high, low, by);
  const remainder = load<u64>(SCRATCH2);
  const down = negative != divisor < 0;
  if (quotient > <u64>i64.MAX_VALUE + u64(down)) return false;
  store<u64>(RAX, down ? 0 - quotient : quotient);
  store<u64>(RDX, negative ? 0 - remainder : remainder);
  return true;
}
