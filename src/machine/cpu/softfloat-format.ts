// Between Floats and the encodings of single, double and extended numbers.
// Source: Intel SDM volume 1, 4.2.2 and 4.8.3; 8.2.2 (encodings that are not supported).

import {
  INFINITE,
  QUIET_NAN,
  SIGNALING_NAN,
  TOP_BIT,
  UNSUPPORTED,
  ZERO,
  Float,
  setFinite,
  setSpecial,
} from './softfloat';

/**
 * `fraction` holds the stored fraction bits from bit 62 down, `exp` is the exponent of the smallest normal
 * number.
 */
function setDenormal(f: Float, sign: u32, fraction: u64, exp: i32): void {
  if (fraction == 0) {
    setSpecial(f, ZERO, sign);
    return;
  }
  const shift = clz(fraction);
  setFinite(f, sign, exp - <i32>shift, fraction << shift, 0);
  f.denormal = 1;
}

function setInfinityOrNan(f: Float, sign: u32, fraction: u64): void {
  setSpecial(f, fraction == 0 ? INFINITE : fraction >> 62 ? QUIET_NAN : SIGNALING_NAN, sign);
  f.hi = fraction | TOP_BIT;
}

export function unpack32(bits: u32, f: Float): void {
  const sign = bits >> 31;
  const exp = (bits >> 23) & 0xff;
  const fraction = (<u64>(bits & 0x7fffff)) << 40;
  if (exp == 0) setDenormal(f, sign, fraction, -126);
  else if (exp == 0xff) setInfinityOrNan(f, sign, fraction);
  else setFinite(f, sign, <i32>exp - 127, fraction | TOP_BIT, 0);
}

export function unpack64(bits: u64, f: Float): void {
  const sign = <u32>(bits >> 63);
  const exp = <u32>(bits >> 52) & 0x7ff;
  const fraction = (bits & 0xfffffffffffff) << 11;
  if (exp == 0) setDenormal(f, sign, fraction, -1022);
  else if (exp == 0x7ff) setInfinityOrNan(f, sign, fraction);
  else setFinite(f, sign, <i32>exp - 1023, fraction | TOP_BIT, 0);
}

/** Reads the 10 bytes of an extended number at `address`. */
export function unpack80(address: usize, f: Float): void {
  const significand = load<u64>(address);
  const head: u32 = load<u16>(address, 8);
  const sign = head >> 15;
  const exp = head & 0x7fff;
  if (exp == 0) setDenormal(f, sign, significand, -16382);
  else if (significand < TOP_BIT) {
    setSpecial(f, UNSUPPORTED, sign);
    f.hi = significand;
  } else if (exp == 0x7fff) setInfinityOrNan(f, sign, significand & ~TOP_BIT);
  else setFinite(f, sign, <i32>exp - 16383, significand, 0);
}

/** The bits of a number that round() has brought into range. Packing a signaling NaN makes it quiet. */
export function pack32(f: Float): u32 {
  const sign = f.sign << 31;
  if (f.kind == ZERO) return sign;
  if (f.kind == INFINITE) return sign | 0x7f800000;
  const fraction = <u32>(f.hi >> 40) & 0x7fffff;
  if (f.kind >= QUIET_NAN) return sign | 0x7fc00000 | fraction;
  return sign | (f.hi < TOP_BIT ? 0 : (<u32>(f.exp + 127)) << 23) | fraction;
}

export function pack64(f: Float): u64 {
  const sign = (<u64>f.sign) << 63;
  if (f.kind == ZERO) return sign;
  if (f.kind == INFINITE) return sign | 0x7ff0000000000000;
  const fraction = (f.hi >> 11) & 0xfffffffffffff;
  if (f.kind >= QUIET_NAN) return sign | 0x7ff8000000000000 | fraction;
  return sign | (f.hi < TOP_BIT ? 0 : (<u64>(f.exp + 1023)) << 52) | fraction;
}

export function pack80(f: Float, address: usize): void {
  let significand = f.hi;
  let exp: u32 = 0x7fff;
  if (f.kind == ZERO) {
    significand = 0;
    exp = 0;
  } else if (f.kind == INFINITE) significand = TOP_BIT;
  else if (f.kind >= QUIET_NAN) significand |= 0xc000000000000000;
  else exp = f.hi < TOP_BIT ? 0 : <u32>(f.exp + 16383);
  store<u64>(address, significand);
  store<u16>(address, <u16>((f.sign << 15) | exp), 8);
}
