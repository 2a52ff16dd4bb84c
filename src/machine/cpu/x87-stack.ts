// The x87 register stack, its exceptions and the delivery of results.
// Source: Intel SDM volume 1, chapters 8.1 (state), 8.4 and 8.5 (exceptions), 4.8.3.5 (NaN results).

import * as at from './layout';
import {
  DE,
  IE,
  PE,
  QUIET_NAN,
  SIGNALING_NAN,
  UNSUPPORTED,
  ZE,
  Float,
  copy,
  round,
  setIndefinite,
  slot,
} from './softfloat';
import { pack80, unpack80 } from './softfloat-format';

/** Bits of the status word. */
export const SF: u32 = 0x40;
export const ES: u32 = 0x80;
export const C0: u32 = 0x100;
export const C1: u32 = 0x200;
export const C2: u32 = 0x400;
export const C3: u32 = 0x4000;
const BUSY: u32 = 0x8000;
const CONDITIONS: u32 = C0 | C1 | C2 | C3;
const EXCEPTIONS: u32 = 0x3f;

/**
 * Answers of an operation besides 0: the vector of a pending exception; finished, but the memory operand
 * must not be written.
 */
export const VECTOR_MF: u32 = 16;
export const NO_STORE: u32 = 256;

const EMPTY: u32 = 3;

// @ts-ignore: decorator
@inline
export function control(): u32 {
  return load<u32>(at.FPU_CONTROL);
}

// @ts-ignore: decorator
@inline
export function status(): u32 {
  return load<u32>(at.FPU_STATUS);
}

// @ts-ignore: decorator
@inline
export function setStatusWord(value: u32): void {
  store<u32>(at.FPU_STATUS, value);
}

/** Replaces C0 to C3. */
export function setConditions(bits: u32): void {
  setStatusWord((status() & ~CONDITIONS) | bits);
}

export function setC1(bit: u32): void {
  setStatusWord((status() & ~C1) | bit);
}

// @ts-ignore: decorator
@inline
export function rounding(): u32 {
  return (control() >> 10) & 3;
}

/** Exceptions that are not masked. */
// @ts-ignore: decorator
@inline
export function unmasked(): u32 {
  return ~control() & EXCEPTIONS;
}

/** Whether one of the flags that keep an operation from computing is not masked. */
// @ts-ignore: decorator
@inline
export function isUnmasked(flags: u32): bool {
  return (flags & unmasked() & (IE | DE | ZE)) != 0;
}

/** Bits of significand that the precision control asks for. */
export function precision(): u32 {
  const field = (control() >> 8) & 3;
  return field == 0 ? 24 : field == 2 ? 53 : 64;
}

/** Makes the summary bits agree with the flags and masks. */
export function summarize(): void {
  const word = status() & ~(ES | BUSY);
  setStatusWord(word & unmasked() ? word | ES | BUSY : word);
}

/** Records exceptions (with SF and C1 where given; C1 is cleared first). */
export function raise(flags: u32): void {
  let word = (status() & ~C1) | flags;
  if (flags & unmasked()) word |= ES | BUSY;
  setStatusWord(word);
}

// ---- registers ----

// @ts-ignore: decorator
@inline
export function top(): u32 {
  return (status() >> 11) & 7;
}

export function setTop(value: u32): void {
  setStatusWord((status() & ~((<u32>7) << 11)) | ((value & 7) << 11));
}

/** Byte address of the physical register under ST(i). */
// @ts-ignore: decorator
@inline
export function registerOf(i: u32): usize {
  return <usize>(at.FPU_REGISTERS + (((top() + i) & 7) << 4));
}

// @ts-ignore: decorator
@inline
function tagShift(i: u32): u32 {
  return ((top() + i) & 7) << 1;
}

export function isEmpty(i: u32): bool {
  return ((load<u32>(at.FPU_TAG) >> tagShift(i)) & 3) == EMPTY;
}

/**
 * Tags say only whether a register is in use (0) or empty (3); what a used one holds is worked out when the
 * tag word is stored.
 */
export function setUsed(i: u32): void {
  store<u32>(at.FPU_TAG, load<u32>(at.FPU_TAG) & ~(EMPTY << tagShift(i)));
}

export function setEmpty(i: u32): void {
  store<u32>(at.FPU_TAG, load<u32>(at.FPU_TAG) | (EMPTY << tagShift(i)));
}

/** Moves TOP without touching tags. */
export function rotate(by: u32): void {
  setTop(top() + by);
}

export function pop(): void {
  setEmpty(0);
  rotate(1);
}

export function readRegister(i: u32, f: Float): void {
  unpack80(registerOf(i), f);
}

/** Copies the 10 bytes of one register to another place. */
export function copyRegister(from: usize, to: usize): void {
  store<u64>(to, load<u64>(from));
  store<u64>(to, load<u16>(from, 8), 8);
}

export function writeRegister(i: u32, f: Float): void {
  pack80(f, registerOf(i));
  setUsed(i);
}

function writeIndefinite(i: u32): void {
  const f = slot(7);
  setIndefinite(f);
  writeRegister(i, f);
}

/**
 * A register that should hold a number is empty: with the invalid exception masked ST(destination) becomes
 * the indefinite. Answers whether the operation goes on (its pops happen).
 */
export function stackUnderflow(destination: u32): bool {
  raise(IE | SF);
  if (unmasked() & IE) return false;
  writeIndefinite(destination);
  return true;
}

/**
 * Makes room for a push: TOP moves down. When the place is in use the answer is false, and the indefinite is
 * pushed if masked.
 */
export function preparePush(): bool {
  if (isEmpty(7)) {
    rotate(7);
    return true;
  }
  raise(IE | SF | C1);
  if (!(unmasked() & IE)) {
    rotate(7);
    writeIndefinite(0);
  }
  return false;
}

// ---- results ----

/** Whether either operand decides the result by being a NaN or an encoding that is not supported. */
// @ts-ignore: decorator
@inline
export function isNan(f: Float): bool {
  return f.kind >= QUIET_NAN;
}

/**
 * Puts the NaN that answers an operation on `a` and `b` into `r`; answers IE when either is signaling or not
 * supported.
 */
export function propagateNan(a: Float, b: Float, r: Float): u32 {
  if (a.kind == UNSUPPORTED || b.kind == UNSUPPORTED) {
    setIndefinite(r);
    return IE;
  }
  const flags: u32 = a.kind == SIGNALING_NAN || b.kind == SIGNALING_NAN ? IE : 0;
  copy(prefersFirst(a, b) ? a : b, r);
  r.kind = QUIET_NAN;
  return flags;
}

/**
 * A NaN goes before a number, a quiet NaN before a signaling one, then the larger significand, then the
 * positive one.
 */
function prefersFirst(a: Float, b: Float): bool {
  if (!isNan(a) || !isNan(b)) return isNan(a);
  if (a.kind != b.kind) return a.kind == QUIET_NAN;
  if (a.hi != b.hi) return a.hi > b.hi;
  return a.sign < b.sign;
}

/** DE when an operand is a denormal. */
// @ts-ignore: decorator
@inline
export function denormalFlag(a: Float, b: Float): u32 {
  return a.denormal | b.denormal ? DE : 0;
}

/**
 * Ends an operation: rounds `r` to `bits` bits into ST(i) and records the exceptions, of which `flags` were
 * found before. Answers false, with nothing written, when one of those is not masked.
 */
export function deliver(r: Float, i: u32, bits: u32, flags: u32): bool {
  if (isUnmasked(flags)) {
    raise(flags & ~PE);
    return false;
  }
  flags |= round(r, bits, -16382, 16383, rounding(), unmasked());
  writeRegister(i, r);
  raise(flags);
  return true;
}
