/**
 * <math.h>. Where an argument is outside a function's domain, or the result is too large, the program's own handler of
 * __setusermatherr is asked first, then errno says so. Source: the page of each function, "_matherr", "__setusermatherr",
 * Microsoft.
 */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { besselJ, besselY } from './bessel.js';
import { EDOM, ERANGE } from './errno.js';
import {
  classify,
  copySign,
  frexp,
  fromWords,
  highWord,
  hypot,
  INDEFINITE_HIGH,
  ldexp,
  log10,
  logb,
  lowWord,
  nextAfter,
  nextAfterFloat,
} from './math-kernel.js';
import { block, crtState, setErrno, THREAD_MATH_EXCEPTION, threadData } from './state.js';
import { writeNarrow } from './text.js';

/** Kinds of errors: _exception.type. */
const DOMAIN = 1;
const SINGULARITY = 2;
const OVERFLOW = 3;

/** Sticky flags of MXCSR that an error of each kind leaves: invalid; divide by zero; overflow and inexact. */
const STICKY_FLAGS: Readonly<Record<number, number>> = {
  [DOMAIN]: 0x01,
  [SINGULARITY]: 0x04,
  [OVERFLOW]: 0x28,
};

/** struct _exception: type 0, name 8, arg1 16, arg2 24, retval 32. */
const EXCEPTION_NAME = 8;
const EXCEPTION_ARGUMENTS = 16;
const EXCEPTION_RESULT = 32;
const NAME_BYTES = 16;

export interface Operation {
  readonly arguments: 1 | 2;
  compute(x: number, y: number): number;
  /** The kind of error for the arguments and the result, 0 for none. */
  error(x: number, y: number, result: number): number;
}

const noError = () => 0;
export const overflows = (x: number, y: number, result: number) =>
  Number.isFinite(x) && Number.isFinite(y) && Math.abs(result) === Number.POSITIVE_INFINITY ? OVERFLOW : 0;
export const outside = (x: number, _y: number, result: number) =>
  Number.isNaN(result) && !Number.isNaN(x) ? DOMAIN : 0;

function logarithmError(x: number): number {
  if (x === 0) return SINGULARITY;
  return x < 0 ? DOMAIN : 0;
}

function powerError(x: number, y: number, result: number): number {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return 0;
  if (x === 0 && y < 0) return SINGULARITY;
  if (Number.isNaN(result)) return DOMAIN;
  return Number.isFinite(result) ? 0 : OVERFLOW;
}

/** pow as C has it: 1 for a base of 1 and for exponents of 0, whatever the other is. */
function power(x: number, y: number): number {
  if (x === 1 || y === 0) return 1;
  if (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) return 1;
  return x ** y;
}

export function unary(
  compute: (x: number) => number,
  error: (x: number, y: number, result: number) => number = noError,
): Operation {
  return { arguments: 1, compute, error };
}

export function binary(
  compute: (x: number, y: number) => number,
  error: (x: number, y: number, result: number) => number = noError,
): Operation {
  return { arguments: 2, compute, error };
}

/** Functions that exist for double, and with an f for float. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  acos: unary(Math.acos, outside),
  asin: unary(Math.asin, outside),
  atan: unary(Math.atan),
  atan2: binary(Math.atan2),
  ceil: unary(Math.ceil),
  cos: unary(Math.cos, outside),
  cosh: unary(Math.cosh, overflows),
  exp: unary(Math.exp, overflows),
  fabs: unary(Math.abs),
  floor: unary(Math.floor),
  fmod: binary(
    (x, y) => x % y,
    (x, y, result) => (Number.isNaN(result) && !Number.isNaN(x) && !Number.isNaN(y) ? DOMAIN : 0),
  ),
  log: unary(Math.log, logarithmError),
  log10: unary(log10, logarithmError),
  pow: binary(power, powerError),
  sin: unary(Math.sin, outside),
  sinh: unary(Math.sinh, overflows),
  sqrt: unary(Math.sqrt, outside),
  tan: unary(Math.tan, outside),
  tanh: unary(Math.tanh),
  _hypot: binary(hypot, overflows),
  _logb: unary(logb, (x) => (x === 0 ? SINGULARITY : 0)),
  _copysign: binary(copySign),
  _chgsign: unary((x) => fromWords((highWord(x) ^ 0x80000000) >>> 0, lowWord(x))),
};

/** NaN results of invalid operations carry the sign, as the processor's do. */
export function canonicalResult(x: number, y: number, result: number): number {
  if (!Number.isNaN(result)) return result;
  if (Number.isNaN(x)) return x;
  return Number.isNaN(y) ? y : fromWords(INDEFINITE_HIGH, 0);
}

/** errno of a kind of error that nobody handled. */
function errnoOf(kind: number): number {
  return kind === DOMAIN ? EDOM : ERANGE;
}

function finish(call: ServiceCall, result: number, isFloat: boolean): void {
  if (isFloat) call.returnFloat(result);
  else call.returnDouble(result);
}

/** Asks the program's handler: struct _exception in the thread's block. */
function askHandler(
  call: ServiceCall,
  handler: number,
  name: string,
  values: readonly number[],
): ServiceResult {
  const { memory } = call;
  const at = threadData(call) + THREAD_MATH_EXCEPTION;
  const nameAt = block(call, `name of ${name}`, NAME_BYTES);
  writeNarrow(memory, nameAt, name);
  const [kind, x, y, result] = values as [number, number, number, number];
  memory.writeU32(at, kind);
  memory.writePointer(at + EXCEPTION_NAME, nameAt);
  memory.writeDouble(at + EXCEPTION_ARGUMENTS, x);
  memory.writeDouble(at + EXCEPTION_ARGUMENTS + 8, y);
  memory.writeDouble(at + EXCEPTION_RESULT, result);
  return call.callGuest(handler, [at], 0, [kind]);
}

export function operationService(name: string, operation: Operation, isFloat: boolean): Service {
  return {
    enter: (call) => {
      const x = isFloat ? call.float(0) : call.double(0);
      const y = operation.arguments === 1 ? 0 : isFloat ? call.float(1) : call.double(1);
      const computed = canonicalResult(x, y, operation.compute(x, y));
      const result = isFloat && !Number.isNaN(computed) ? Math.fround(computed) : computed;
      const kind = operation.error(x, y, result);
      if (kind === 0) return finish(call, result, isFloat);
      call.processor.mxcsr |= STICKY_FLAGS[kind]!;
      const handler = crtState(call).userMathError;
      if (handler !== 0) return askHandler(call, handler, name, [kind, x, y, result]);
      setErrno(call, errnoOf(kind));
      finish(call, result, isFloat);
    },
    steps: [
      (call, saved) => {
        if (call.resultLo === 0) setErrno(call, errnoOf(saved[0]!));
        const at = threadData(call) + THREAD_MATH_EXCEPTION;
        finish(call, call.memory.readDouble(at + EXCEPTION_RESULT), isFloat);
      },
    ],
  };
}

function operationServices(): Record<string, Service> {
  const services: Record<string, Service> = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    services[name] = operationService(name, operation, false);
    services[`${name}f`] = operationService(`${name}f`, operation, true);
  }
  return services;
}

/** The integral part to memory, the rest as the result; both keep the sign. */
const integerAndRest =
  (isFloat: boolean): ServiceFunction =>
  (call) => {
    const x = isFloat ? call.float(0) : call.double(0);
    const whole = Math.trunc(x);
    const rest = Number.isFinite(x) ? copySign(x - whole, x) : Number.isNaN(x) ? x : copySign(0, x);
    if (isFloat) {
      const view = new DataView(new ArrayBuffer(4));
      view.setFloat32(0, whole);
      call.memory.writeU32(call.address(1), view.getUint32(0));
    } else {
      call.memory.writeDouble(call.address(1), whole);
    }
    finish(call, rest, isFloat);
  };

function fractionAndExponent(call: ServiceCall): void {
  const { fraction, exponent } = frexp(call.double(0));
  call.memory.writeU32(call.address(1), exponent >>> 0);
  call.returnDouble(fraction);
}

function scale(call: ServiceCall): void {
  const x = call.double(0);
  const result = ldexp(x, call.i32(1));
  if (Number.isFinite(x) && x !== 0 && (result === 0 || !Number.isFinite(result))) setErrno(call, ERANGE);
  call.returnDouble(result);
}

/** _cabs(struct { x, y }): the structure comes by address. */
function absoluteComplex(call: ServiceCall): void {
  const at = call.address(0);
  call.returnDouble(hypot(call.memory.readDouble(at), call.memory.readDouble(at + 8)));
}

const truth = (value: boolean) => (value ? 1 : 0);
const scaleFloat: ServiceFunction = (call) => {
  call.returnFloat(Math.fround(ldexp(call.float(0), call.i32(1))));
};

/** Mask of MXCSR's six sticky flags, and the _SW_… bits that they become. */
const STATUS_BITS: readonly [mxcsr: number, status: number][] = [
  [0x01, 0x10],
  [0x02, 0x80000],
  [0x04, 0x08],
  [0x08, 0x04],
  [0x10, 0x02],
  [0x20, 0x01],
];

/** _EM_… mask bits and MXCSR's mask bits, in the same order; rounding in _RC_… is bits 8 and 9, MXCSR's 13 and 14. */
const MASK_BITS: readonly [mxcsr: number, control: number][] = STATUS_BITS.map(([flag, status]) => [
  flag << 7,
  status,
]);
const ROUNDING_CONTROL = 0x300;
const ROUNDING_SHIFT = 5;
const PRECISION_CONTROL = 0x30000;

function statusOf(mxcsr: number): number {
  return STATUS_BITS.reduce((bits, [flag, status]) => (mxcsr & flag ? bits | status : bits), 0);
}

function controlOf(mxcsr: number): number {
  const masks = MASK_BITS.reduce((bits, [mask, control]) => (mxcsr & mask ? bits | control : bits), 0);
  // MXCSR orders down and up as the control word does.
  return masks | ((mxcsr >>> ROUNDING_SHIFT) & ROUNDING_CONTROL);
}

function setControl(call: ServiceCall, value: number, mask: number): number {
  const { processor } = call;
  const old = controlOf(processor.mxcsr);
  const next = (old & ~mask) | (value & mask & ~PRECISION_CONTROL);
  let mxcsr = processor.mxcsr & 0x803f;
  for (const [bit, control] of MASK_BITS) if (next & control) mxcsr |= bit;
  mxcsr |= (next & ROUNDING_CONTROL) << ROUNDING_SHIFT;
  processor.mxcsr = mxcsr;
  return next;
}

function clearStatus(call: ServiceCall): number {
  const status = statusOf(call.processor.mxcsr);
  call.processor.mxcsr &= ~0x3f;
  return status;
}

const MXCSR_DEFAULT = 0x1f80;
/** _controlfp leaves the mask of denormals alone. */
const WITHOUT_DENORMAL = ~0x80000;

const bessel =
  (order: number | null, compute: (order: number, x: number) => number): ServiceFunction =>
  (call) => {
    const x = order === null ? call.double(1) : call.double(0);
    const result = compute(order ?? call.i32(0), x);
    if (Number.isNaN(result) && !Number.isNaN(x)) setErrno(call, EDOM);
    call.returnDouble(canonicalResult(x, 0, result));
  };

export const mathFunctions: Record<string, Service | ServiceFunction> = {
  ...operationServices(),
  _j0: bessel(0, besselJ),
  _j1: bessel(1, besselJ),
  _jn: bessel(null, besselJ),
  _y0: bessel(0, besselY),
  _y1: bessel(1, besselY),
  _yn: bessel(null, besselY),
  modf: integerAndRest(false),
  modff: integerAndRest(true),
  frexp: fractionAndExponent,
  ldexp: scale,
  _scalb: (call) => {
    call.returnDouble(ldexp(call.double(0), call.i32(1)));
  },
  _scalbf: scaleFloat,
  _nextafter: (call) => {
    call.returnDouble(nextAfter(call.double(0), call.double(1)));
  },
  _nextafterf: (call) => {
    call.returnFloat(nextAfterFloat(call.float(0), call.float(1)));
  },
  _cabs: absoluteComplex,
  _finite: (call) => truth(Number.isFinite(call.double(0))),
  _finitef: (call) => truth(Number.isFinite(call.float(0))),
  _isnan: (call) => truth(Number.isNaN(call.double(0))),
  _isnanf: (call) => truth(Number.isNaN(call.float(0))),
  _fpclass: (call) => classify(call.double(0)),
  _fpclassf: (call) => classify(call.float(0)),
  _control87: (call) => setControl(call, call.u32(0), call.u32(1)),
  _controlfp: (call) => setControl(call, call.u32(0), call.u32(1) & WITHOUT_DENORMAL),
  _controlfp_s: (call) => {
    const to = call.address(0);
    if (to !== 0) call.memory.probeWrite(to, 4);
    call.memory.commit();
    const next = setControl(call, call.u32(1), call.u32(2) & WITHOUT_DENORMAL);
    if (to !== 0) call.memory.writeU32(to, next);
    return 0;
  },
  _statusfp: (call) => statusOf(call.processor.mxcsr),
  _clearfp: clearStatus,
  _fpreset: (call) => {
    call.processor.mxcsr = MXCSR_DEFAULT;
  },
};
