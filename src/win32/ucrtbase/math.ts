/**
 * What the Universal C Runtime has of <math.h> and <fenv.h> beyond msvcrt.dll. Each function exists for double, with f for
 * float, and with l for long double, which is a double here. Source: the page of each function, Microsoft; C11, 7.12, 7.6.
 */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { EDOM, ERANGE } from '../msvcrt/errno.js';
import {
  binary,
  OPERATIONS,
  type Operation,
  operationService,
  outside,
  overflows,
  unary,
} from '../msvcrt/math.js';
import { copySign, hypot, ldexp, logb, nextAfter, nextAfterFloat } from '../msvcrt/math-kernel.js';
import { setErrno } from '../msvcrt/state.js';
import {
  exp2,
  exponentOf,
  fusedMultiplyAdd,
  type Rounding,
  remainder,
  roundAway,
  roundBy,
} from './c99-arithmetic.js';
import { erf, erfc, gamma, logGamma } from './special-functions.js';

const SINGULARITY = 2;
const FP_ILOGB0 = -0x80000000;
const FP_ILOGBNAN = 0x7fffffff;
const atPole = (pole: number) => (x: number, y: number, result: number) =>
  x === pole ? SINGULARITY : outside(x, y, result);

const NEW_OPERATIONS: Readonly<Record<string, Operation>> = {
  acosh: unary(Math.acosh, outside),
  asinh: unary(Math.asinh),
  atanh: unary(Math.atanh, (x, y, result) => (Math.abs(x) === 1 ? SINGULARITY : outside(x, y, result))),
  cbrt: unary(Math.cbrt),
  copysign: binary(copySign),
  erf: unary(erf),
  erfc: unary(erfc),
  exp2: unary(exp2, overflows),
  expm1: unary(Math.expm1, overflows),
  fdim: binary((x, y) => (Number.isNaN(x) || Number.isNaN(y) ? x + y : x > y ? x - y : 0)),
  fmax: binary((x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.max(x, y))),
  fmin: binary((x, y) => (Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.min(x, y))),
  hypot: binary(hypot, overflows),
  lgamma: unary(logGamma, (x, y, result) =>
    x <= 0 && Number.isInteger(x) ? SINGULARITY : overflows(x, y, result),
  ),
  log1p: unary(Math.log1p, atPole(-1)),
  log2: unary(Math.log2, atPole(0)),
  logb: unary(logb, (x) => (x === 0 ? SINGULARITY : 0)),
  remainder: binary(
    (x, y) => remainder(x, y).remainder,
    (x, y, result) => (Number.isNaN(y) ? 0 : outside(x, y, result)),
  ),
  round: unary(roundAway),
  tgamma: unary(gamma, (x, y, result) =>
    x === 0 ? SINGULARITY : outside(x, y, result) || overflows(x, y, result),
  ),
  trunc: unary(Math.trunc),
};

/** The forms of one function: for double, float and long double. */
type Forms = (isFloat: boolean) => ServiceFunction;

const give = (call: ServiceCall, isFloat: boolean, value: number): void => {
  if (isFloat) call.returnFloat(Math.fround(value));
  else call.returnDouble(value);
};
const take = (call: ServiceCall, isFloat: boolean, index: number): number =>
  isFloat ? call.float(index) : call.double(index);

const roundingOf = (call: ServiceCall) => ((call.processor.mxcsr >>> 13) & 3) as Rounding;

const rounded: Forms = (isFloat) => (call) =>
  give(call, isFloat, roundBy(take(call, isFloat, 0), roundingOf(call)));

const TWO_63 = 2 ** 63;
/** What a conversion to an integer gives for what does not fit, as the processor's instructions have it. */
const INDEFINITE_32 = -0x80000000;

/** A rounded value as an integer of 32 or 64 bits. */
const toInteger =
  (bits: 32 | 64, round: (call: ServiceCall, x: number) => number): Forms =>
  (isFloat) =>
  (call) => {
    const value = round(call, take(call, isFloat, 0));
    const limit = bits === 32 ? 2 ** 31 : TWO_63;
    const fits = value >= -limit && value < limit;
    if (!fits) setErrno(call, EDOM);
    if (bits === 32) return fits ? value : INDEFINITE_32;
    const whole = BigInt.asUintN(64, fits ? BigInt(value) : -(2n ** 63n));
    call.return64(Number(whole & 0xffffffffn), Number(whole >> 32n));
  };

const byMode = (call: ServiceCall, x: number) => roundBy(x, roundingOf(call));
const away = (_call: ServiceCall, x: number) => roundAway(x);

const scale: Forms = (isFloat) => (call) => {
  const x = take(call, isFloat, 0);
  const result = ldexp(x, call.i32(1));
  const kept = isFloat ? Math.fround(result) : result;
  if (Number.isFinite(x) && x !== 0 && (kept === 0 || !Number.isFinite(kept))) setErrno(call, ERANGE);
  give(call, isFloat, kept);
};

const exponent: Forms = (isFloat) => (call) => {
  const x = take(call, isFloat, 0);
  if (x === 0) return FP_ILOGB0;
  return Number.isFinite(x) ? exponentOf(x) : FP_ILOGBNAN;
};

const multiplyAdd: Forms = (isFloat) => (call) => {
  const [x, y, z] = [take(call, isFloat, 0), take(call, isFloat, 1), take(call, isFloat, 2)];
  // The product of two floats is exact in a double; rounding the sum twice could err, so the sum is exact too.
  give(call, isFloat, isFloat ? fusedFloat(x, y, z) : fusedMultiplyAdd(x, y, z));
};

/** x * y + z of floats, rounded once: an inexact sum of doubles gets its last bit set, which keeps halves apart. */
function fusedFloat(x: number, y: number, z: number): number {
  const product = x * y;
  const sum = product + z;
  const error = Math.abs(product) > Math.abs(z) ? z - (sum - product) : product - (sum - z);
  if (!Number.isFinite(sum) || error === 0) return Math.fround(sum);
  const low = Math.fround(sum);
  const isHalf =
    Math.abs(sum - low) === Math.abs(nextAfterFloat(low, sum > low ? Infinity : -Infinity) - sum);
  return isHalf ? Math.fround(nextAfter(sum, error > 0 ? Infinity : -Infinity)) : low;
}

const quotient: Forms = (isFloat) => (call) => {
  const result = remainder(take(call, isFloat, 0), take(call, isFloat, 1));
  call.memory.writeU32(call.address(2), result.quotient >>> 0);
  if (Number.isNaN(result.remainder)) setErrno(call, EDOM);
  give(call, isFloat, result.remainder);
};

const following: Forms = (isFloat) => (call) => {
  if (isFloat) call.returnFloat(nextAfterFloat(call.float(0), call.float(1)));
  else call.returnDouble(nextAfter(call.double(0), call.double(1)));
};

/** nexttoward: the direction is a long double. */
const towards: Forms = (isFloat) => (call) => {
  if (isFloat) call.returnFloat(nextAfterFloat(call.float(0), call.double(1)));
  else call.returnDouble(nextAfter(call.double(0), call.double(1)));
};

const notANumber: Forms = (isFloat) => (call) => give(call, isFloat, Number.NaN);

const FORMS: Readonly<Record<string, Forms>> = {
  fma: multiplyAdd,
  ilogb: exponent,
  llrint: toInteger(64, byMode),
  llround: toInteger(64, away),
  lrint: toInteger(32, byMode),
  lround: toInteger(32, away),
  nan: notANumber,
  nearbyint: rounded,
  nextafter: following,
  nexttoward: towards,
  remquo: quotient,
  rint: rounded,
  scalbln: scale,
  scalbn: scale,
};

function allForms(): Record<string, Service | ServiceFunction> {
  const functions: Record<string, Service | ServiceFunction> = {};
  for (const [name, operation] of Object.entries(NEW_OPERATIONS)) {
    functions[name] = operationService(name, operation, false);
    functions[`${name}f`] = operationService(`${name}f`, operation, true);
    functions[`${name}l`] = operationService(`${name}l`, operation, false);
  }
  for (const [name, form] of Object.entries(FORMS)) {
    functions[name] = form(false);
    functions[`${name}f`] = form(true);
    functions[`${name}l`] = form(false);
  }
  const { _hypot, _logb, _copysign } = OPERATIONS;
  functions['_hypotl'] = operationService('_hypotl', _hypot!, false);
  functions['_logbl'] = operationService('_logbl', _logb!, false);
  functions['_copysignl'] = operationService('_copysignl', _copysign!, false);
  return functions;
}

/** FE_ALL_EXCEPT bits of <fenv.h> in the order inexact, underflow, overflow, divide by zero, invalid; MXCSR's sticky bits. */
const FENV_BITS: readonly (readonly [fenv: number, mxcsr: number])[] = [
  [0x01, 0x20],
  [0x02, 0x10],
  [0x04, 0x08],
  [0x08, 0x04],
  [0x10, 0x01],
];
const STICKY = 0x3f;
const ROUNDING_FIELD = 0x6000;
const ROUNDING_SHIFT = 5;

const toMxcsr = (excepts: number) =>
  FENV_BITS.reduce((bits, [fenv, sticky]) => (excepts & fenv ? bits | sticky : bits), 0);
const fromMxcsr = (mxcsr: number) =>
  FENV_BITS.reduce((bits, [fenv, sticky]) => (mxcsr & sticky ? bits | fenv : bits), 0);

/** fenv_t: control word (masks and rounding), status word. */
function storeEnvironment(call: ServiceCall, to: number): void {
  const { mxcsr } = call.processor;
  call.memory.probeWrite(to, 8);
  call.memory.writeU32(to, mxcsr & ~STICKY);
  call.memory.writeU32(to + 4, fromMxcsr(mxcsr));
}

const MXCSR_DEFAULT = 0x1f80;
const FE_DFL_ENV = 0;

const environmentFunctions: Record<string, ServiceFunction> = {
  fegetround: ({ processor }) => (processor.mxcsr & ROUNDING_FIELD) >>> ROUNDING_SHIFT,
  fesetround: (call) => {
    const mode = call.u32(0);
    if (mode & ~(ROUNDING_FIELD >>> ROUNDING_SHIFT)) return 1;
    call.processor.mxcsr = (call.processor.mxcsr & ~ROUNDING_FIELD) | (mode << ROUNDING_SHIFT);
    return 0;
  },
  fegetenv: (call) => {
    storeEnvironment(call, call.address(0));
    return 0;
  },
  fesetenv: (call) => {
    const from = call.address(0);
    let mxcsr = MXCSR_DEFAULT;
    if (from !== FE_DFL_ENV)
      mxcsr = (call.memory.readU32(from) & 0xffc0) | toMxcsr(call.memory.readU32(from + 4));
    call.memory.commit();
    call.processor.mxcsr = mxcsr;
    return 0;
  },
  feholdexcept: (call) => {
    storeEnvironment(call, call.address(0));
    call.memory.commit();
    call.processor.mxcsr = (call.processor.mxcsr & ~STICKY) | MXCSR_DEFAULT;
    return 0;
  },
  feclearexcept: (call) => {
    call.processor.mxcsr &= ~toMxcsr(call.u32(0));
    return 0;
  },
  fetestexcept: (call) => fromMxcsr(call.processor.mxcsr) & call.u32(0),
};

export const mathFunctions: Record<string, Service | ServiceFunction> = {
  ...allForms(),
  ...environmentFunctions,
};
