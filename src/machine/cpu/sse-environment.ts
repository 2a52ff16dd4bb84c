// What the floating-point parts of SSE share: MXCSR, operands in the way MXCSR asks for them, and the end of
// an operation.
// Source: Intel SDM volume 1, 10.2.3, 11.5.2 (exceptions of packed operations) and 4.8.3.5 (NaN results).

import { FLOAT_SCRATCH, MXCSR } from './layout';
import {
  DE,
  IE,
  PE,
  QUIET_NAN,
  SIGNALING_NAN,
  UE,
  ZE,
  ZERO,
  Float,
  isTiny,
  round,
  setSpecial,
} from './softfloat';
import { pack32, pack64, unpack32, unpack64 } from './softfloat-format';

const DENORMALS_ARE_ZERO: u32 = 0x40;
const FLUSH_TO_ZERO: u32 = 0x8000;
const ROUNDING: u32 = 0x6000;
const PRECISION_MASK: u32 = 0x1000;
/**
 * Exceptions found before an operation computes; unmasked, they keep those found after from being reported.
 */
const BEFORE: u32 = IE | DE | ZE;
/** Vector of the SIMD floating-point exception. */
const VECTOR_XM: u32 = 19;

/**
 * 16 bytes for the result of a packed operation until all lanes are known to be free of unmasked exceptions.
 */
export const RESULT: usize = FLOAT_SCRATCH + 24 * 32;

// @ts-ignore: decorator
@inline
export function mxcsr(): u32 {
  return load<u32>(MXCSR);
}

// @ts-ignore: decorator
@inline
export function rounding(control: u32): u32 {
  return (control >> 13) & 3;
}

/** Whether WebAssembly's own rounding is the one asked for, and inexact results do not trap. */
// @ts-ignore: decorator
@inline
export function isUsual(control: u32): bool {
  return (control & (ROUNDING | PRECISION_MASK)) == PRECISION_MASK;
}

// @ts-ignore: decorator
@inline
export function isInexactSticky(control: u32): bool {
  return (control & PE) != 0;
}

/** The bits of lane `index` of an operand of type `T`, zero-extended. */
// @ts-ignore: decorator
@inline
export function laneBits<T>(address: usize, index: u32): u64 {
  if (sizeof<T>() == 8) return load<u64>(address + <usize>(index << 3));
  return load<u32>(address + <usize>(index << 2));
}

// @ts-ignore: decorator
@inline
export function storeLane<T>(address: usize, index: u32, bits: u64): void {
  if (sizeof<T>() == 8) store<u64>(address + <usize>(index << 3), bits);
  else store<u32>(address + <usize>(index << 2), <u32>bits);
}

// @ts-ignore: decorator
@inline
export function asFloat<T>(bits: u64): T {
  if (sizeof<T>() == 8) return <T>reinterpret<f64>(bits);
  return <T>reinterpret<f32>(<u32>bits);
}

/** Unpacks an operand; with denormals-are-zero a denormal reads as a zero of its sign. */
export function unpack<T>(bits: u64, control: u32, f: Float): void {
  if (sizeof<T>() == 8) unpack64(bits, f);
  else unpack32(<u32>bits, f);
  if (f.denormal && control & DENORMALS_ARE_ZERO) setSpecial(f, ZERO, f.sign);
}

// @ts-ignore: decorator
@inline
export function isNan(f: Float): bool {
  return f.kind >= QUIET_NAN;
}

// @ts-ignore: decorator
@inline
export function isSignaling(f: Float): bool {
  return f.kind == SIGNALING_NAN;
}

/** Rounds to the type `T` under `control` and packs into lane `index` of RESULT. Answers exception flags. */
export function roundAndStore<T>(f: Float, control: u32, index: u32): u32 {
  const bits: u32 = sizeof<T>() == 8 ? 53 : 24;
  const least: i32 = sizeof<T>() == 8 ? -1022 : -126;
  const unmasked = ~(control >> 7) & 0x3f;
  let flags: u32;
  if (control & FLUSH_TO_ZERO && !(unmasked & UE) && isTiny(f, bits, least, rounding(control))) {
    setSpecial(f, ZERO, f.sign);
    flags = UE | PE;
  } else flags = round(f, bits, least, 1 - least, rounding(control), unmasked);
  storeLane<T>(RESULT, index, sizeof<T>() == 8 ? pack64(f) : pack32(f));
  return flags & 0x3f;
}

/** Records `flags` in MXCSR. Answers the vector to raise, or 0 when the operation may write its result. */
export function raise(flags: u32, control: u32): u32 {
  const unmasked = flags & ~(control >> 7);
  store<u32>(MXCSR, control | (unmasked & BEFORE ? flags & BEFORE : flags));
  return unmasked ? VECTOR_XM : 0;
}
