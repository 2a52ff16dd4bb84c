// RCPPS and RSQRTPS: estimates within 1.5 * 2^-12 of the true value, from a fixed table that is computed
// instead of stored. The processors' own tables are not published and differ between makers; the bound is
// what the manual promises. These ignore MXCSR, raise no exception and read denormals as zeros. Source: Intel
// SDM volume 2, RCPPS and RSQRTPS.

const INDEFINITE: u32 = 0xffc00000;
const INFINITY: u32 = 0x7f800000;
const QUIET: u32 = 0x00400000;

/** The estimate of 1 / x for the bits of a single. A result below the normal numbers is a zero. */
export function reciprocal(bits: u32): u32 {
  const sign = bits & 0x80000000;
  const exp = (bits >> 23) & 0xff;
  if (exp == 0) return sign | INFINITY;
  if (exp == 0xff) return bits & 0x7fffff ? bits | QUIET : sign;
  // The middle of the interval that the top 11 fraction bits name, in units of 2^-12; its reciprocal has
  // 13 bits.
  const middle = 4096 + ((bits >> 11) & 0xffe) + 1;
  const estimate: u32 = ((1 << 26) / middle + 1) >> 1;
  const fraction = (estimate - 4096) << 11;
  const resultExp = 253 - <i32>exp;
  return resultExp <= 0 ? sign : sign | ((<u32>resultExp) << 23) | fraction;
}

/** The estimate of 1 / sqrt(x) for the bits of a single. */
export function reciprocalRoot(bits: u32): u32 {
  const sign = bits & 0x80000000;
  const exp = (bits >> 23) & 0xff;
  if (exp == 0xff && bits & 0x7fffff) return bits | QUIET;
  if (exp == 0) return sign | INFINITY;
  if (sign) return INDEFINITE;
  if (exp == 0xff) return 0;
  // x = middle * 4^half with middle in [1, 4).
  const even = (exp & 1) == 1;
  const middle = <f64>(4096 + ((bits >> 11) & 0xffe) + 1) / (even ? 4096 : 2048);
  const half = (<i32>exp - 127) >> 1;
  const estimate = <u32>nearest(8192 / sqrt(middle));
  return ((<u32>(126 - half)) << 23) | ((estimate - 4096) << 11);
}
