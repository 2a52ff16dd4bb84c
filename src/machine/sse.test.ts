import { describe, expect, it } from 'vitest';
import {
  DE,
  DOUBLE,
  decode,
  encode,
  type Format,
  IE,
  isDenormal,
  negate,
  OE,
  over,
  PE,
  plus,
  type Rational,
  rootOf,
  roundToUnit,
  SINGLE,
  times,
  UE,
  ZE,
} from '../testing/exact-float.js';
import { InstructionMachine } from '../testing/instruction-machine.js';
import { below, mulberry32, type Random, seedFor } from '../testing/seed.js';

const ALL_MASKED = 0x1f80;
const machine = new InstructionMachine();

interface Kind {
  readonly name: string;
  readonly format: Format;
  readonly prefix: string;
  readonly packedPrefix: string;
  readonly lanes: number;
  readonly width: bigint;
}
const KINDS: readonly Kind[] = [
  { name: 'single', format: SINGLE, prefix: 'f3', packedPrefix: '', lanes: 4, width: 32n },
  { name: 'double', format: DOUBLE, prefix: 'f2', packedPrefix: '66 ', lanes: 2, width: 64n },
];
const OPERATIONS: readonly [string, string, (a: Rational, b: Rational) => Rational][] = [
  ['add', '58', plus],
  ['sub', '5c', (a, b) => plus(a, negate(b))],
  ['mul', '59', times],
  ['div', '5e', over],
];

/** Finite numbers whose exponents are often close to each other or to an end of the range. */
function randomFinite(random: Random, { format, width }: Kind): bigint {
  const fractionBits = BigInt(format.precision - 1);
  const full = (BigInt(random()) << 32n) | BigInt(random());
  const ends = [0, 1, 2, 2 * format.greatest, 2 * format.greatest - 1];
  const middle = format.greatest + below(random, 40) - 20;
  const choice = below(random, 4);
  const exponent =
    choice === 0 ? ends[below(random, 5)]! : choice === 1 ? below(random, 2 * format.greatest + 1) : middle;
  let fraction = full & ((1n << fractionBits) - 1n);
  if (below(random, 3) === 0) fraction &= -1n << (fractionBits - BigInt(below(random, 12)));
  const sign = BigInt(random() & 1) << (width - 1n);
  return sign | (BigInt(exponent) << fractionBits) | fraction;
}

/** A zero of the sign that the operation gives it. */
function exactZero(kind: Kind, name: string, a: bigint, b: bigint, rounding: number): bigint {
  const signBit = 1n << (kind.width - 1n);
  const signA = (a & signBit) !== 0n;
  const signB = ((b & signBit) !== 0n) !== (name === 'sub');
  if (name === 'mul' || name === 'div') return signA !== (b & signBit) > 0n ? signBit : 0n;
  if (signA === signB) return signA ? signBit : 0n;
  return rounding === 1 ? signBit : 0n;
}

describe.each(KINDS)('$name arithmetic', (kind) => {
  const { format, prefix, width } = kind;
  const fill = 0x1122334455667788n;

  it.each(OPERATIONS)('%s is exact in all roundings, flags included', (name, opcode, exactly) => {
    const random = mulberry32(seedFor(`${kind.name} ${name}`));
    for (let round = 0; round < 1500; round++) {
      const a = randomFinite(random, kind);
      const b = randomFinite(random, kind);
      const exactB = decode(b, format)!;
      if (name === 'div' && exactB.numerator === 0n) continue;
      const rounding = below(random, 4);
      const exact = exactly(decode(a, format)!, exactB);
      const expected =
        exact.numerator === 0n
          ? { bits: exactZero(kind, name, a, b, rounding), flags: 0 }
          : encode(exact, format, rounding);
      const flags = expected.flags | (isDenormal(a, format) || isDenormal(b, format) ? DE : 0);
      machine.setXmm(0, width === 64n ? a : ((fill >> 32n) << 32n) | a, fill);
      machine.setXmm(1, b, ~fill & (-1n & 0xffffffffffffffffn));
      machine.mxcsr = ALL_MASKED | (rounding << 13);
      expect(machine.run(`${prefix} 0f ${opcode} c1`)).toBe(0);
      const got = BigInt.asUintN(Number(width), machine.xmmHalf(0, 0));
      const context = `${a.toString(16)} ${name} ${b.toString(16)} rounding ${rounding}`;
      expect(`${context}: ${got.toString(16)} ${machine.mxcsr & 0x3f}`).toBe(
        `${context}: ${expected.bits.toString(16)} ${flags}`,
      );
      expect(machine.xmmHalf(0, 1)).toBe(fill);
    }
  });

  it('sqrt is exact in all roundings', () => {
    const random = mulberry32(seedFor(`${kind.name} sqrt`));
    for (let round = 0; round < 400; round++) {
      const a = randomFinite(random, kind) & ((1n << (width - 1n)) - 1n);
      const rounding = below(random, 4);
      const exact = rootOf(decode(a, format)!);
      const expected = exact.numerator === 0n ? { bits: 0n, flags: 0 } : encode(exact, format, rounding);
      machine.setXmm(1, a);
      machine.mxcsr = ALL_MASKED | (rounding << 13);
      machine.run(`${prefix} 0f 51 c1`);
      const got = BigInt.asUintN(Number(width), machine.xmmHalf(0, 0));
      expect([a, got, machine.mxcsr & 0x3f]).toEqual([
        a,
        expected.bits,
        expected.flags | (isDenormal(a, format) ? DE : 0),
      ]);
    }
  });

  it('a packed operation is its scalar one in each lane, with the flags of all', () => {
    const random = mulberry32(seedFor(`${kind.name} packed`));
    const pack = (lanes: readonly bigint[], half: number) =>
      kind.lanes === 2 ? lanes[half]! : lanes[half * 2]! | (lanes[half * 2 + 1]! << 32n);
    for (let round = 0; round < 400; round++) {
      const [, opcode] = OPERATIONS[below(random, 4)]!;
      const a = Array.from({ length: kind.lanes }, () => randomFinite(random, kind));
      const b = Array.from({ length: kind.lanes }, () => randomFinite(random, kind));
      const control = ALL_MASKED | (below(random, 3) === 0 ? below(random, 4) << 13 : 0) | (random() & PE);
      machine.mxcsr = control;
      const expected = a.map((lane, index) => {
        machine.setXmm(0, lane);
        machine.setXmm(1, b[index]!);
        machine.run(`${prefix} 0f ${opcode} c1`);
        return BigInt.asUintN(Number(width), machine.xmmHalf(0, 0));
      });
      const flags = machine.mxcsr;
      machine.setXmm(0, pack(a, 0), pack(a, 1));
      machine.setXmm(1, pack(b, 0), pack(b, 1));
      machine.mxcsr = control;
      machine.run(`${kind.packedPrefix}0f ${opcode} c1`);
      expect([machine.xmmHalf(0, 0), machine.xmmHalf(0, 1), machine.mxcsr]).toEqual([
        pack(expected, 0),
        pack(expected, 1),
        flags,
      ]);
    }
  });
});

/** Runs a scalar double instruction on xmm0 and xmm1. */
function double(code: string, a: bigint, b: bigint, control = ALL_MASKED): [bigint, number] {
  machine.setXmm(0, a);
  machine.setXmm(1, b);
  machine.mxcsr = control;
  expect(machine.run(code)).toBe(0);
  return [machine.xmmHalf(0, 0), machine.mxcsr & 0x3f];
}

const ADDSD = 'f2 0f 58 c1';
const DIVSD = 'f2 0f 5e c1';
const MULSD = 'f2 0f 59 c1';
const MINSD = 'f2 0f 5d c1';
const MAXSD = 'f2 0f 5f c1';
const ONE = 0x3ff0000000000000n;
const INFINITY = 0x7ff0000000000000n;
const INDEFINITE = 0xfff8000000000000n;
const QUIET = 0x7ff8000000000123n;
const QUIET_2 = 0xfff8000000000456n;
const SIGNALING = 0x7ff0000000000777n;
const LEAST = 0x0010000000000000n;

describe('NaNs, infinities and zeros', () => {
  it.each([
    ['the first quiet NaN wins', ADDSD, QUIET, QUIET_2, QUIET, 0],
    ['the only NaN wins', ADDSD, ONE, QUIET_2, QUIET_2, 0],
    ['a signaling NaN becomes quiet', ADDSD, ONE, SIGNALING, SIGNALING | 0x8000000000000n, IE],
    ['a quiet first operand hides a signaling second', ADDSD, QUIET, SIGNALING, QUIET, IE],
    [
      'infinity minus infinity is the negative default NaN',
      ADDSD,
      INFINITY,
      INFINITY | (1n << 63n),
      INDEFINITE,
      IE,
    ],
    ['zero by zero', DIVSD, 0n, 0n, INDEFINITE, IE],
    ['one by minus zero', DIVSD, ONE, 1n << 63n, INFINITY | (1n << 63n), ZE],
    ['a denormal by zero reports only the division', DIVSD, 1n, 0n, INFINITY, ZE],
    ['zero times infinity', MULSD, 0n, INFINITY, INDEFINITE, IE],
    ['min of two zeros is the second', MINSD, 0n, 1n << 63n, 1n << 63n, 0],
    ['max with a NaN first is the second', MAXSD, QUIET, ONE, ONE, IE],
    ['max with a NaN second is that NaN, unchanged', MAXSD, ONE, SIGNALING, SIGNALING, IE],
  ])('%s', (_name, code, a, b, result, flags) => {
    expect(double(code, a, b)).toEqual([result, flags]);
  });

  it('flush-to-zero and denormals-are-zero', () => {
    const half = 0x3fe0000000000000n;
    expect(double(MULSD, LEAST | 1n, half)).toEqual([LEAST >> 1n, UE | PE]);
    expect(double(MULSD, LEAST, half)).toEqual([LEAST >> 1n, 0]);
    expect(double(MULSD, LEAST | (1n << 63n), half, ALL_MASKED | 0x8000)).toEqual([1n << 63n, UE | PE]);
    expect(double(ADDSD, 5n, ONE)).toEqual([ONE, DE | PE]);
    expect(double(ADDSD, 5n, ONE, ALL_MASKED | 0x40)).toEqual([ONE, 0]);
  });

  it('compares put the relation into ZF, PF and CF', () => {
    const comisd = (a: bigint, b: bigint) => {
      double('66 0f 2f c1', a, b);
      return [machine.cpu.flags & 0x8d5, machine.mxcsr & 0x3f];
    };
    expect(comisd(ONE, 0n)).toEqual([0, 0]);
    expect(comisd(0n, ONE)).toEqual([1, 0]);
    expect(comisd(0n, 1n << 63n)).toEqual([0x40, 0]);
    expect(comisd(QUIET, ONE)).toEqual([0x45, IE]);
    double('66 0f 2e c1', QUIET, ONE);
    expect([machine.cpu.flags & 0x8d5, machine.mxcsr & 0x3f]).toEqual([0x45, 0]);
  });

  it('the eight predicates', () => {
    const relations: [bigint, bigint][] = [
      [0n, ONE],
      [ONE, ONE],
      [ONE, 0n],
      [ONE, QUIET],
    ];
    const holds = ['0100', '1000', '1100', '0001', '1011', '0111', '0011', '1110'];
    for (const [predicate, expected] of holds.entries()) {
      const got = relations.map(([a, b]) => double(`f2 0f c2 c1 0${predicate}`, a, b)[0]);
      expect([predicate, got.map((mask) => (mask === 0xffffffffffffffffn ? '1' : '0')).join('')]).toEqual([
        predicate,
        expected,
      ]);
    }
  });
});

describe('exceptions that are not masked', () => {
  it.each([
    ['invalid', IE, ADDSD, SIGNALING, ONE, IE],
    ['denormal', DE, ADDSD, 1n, ONE, DE],
    ['division by zero', ZE, DIVSD, ONE, 0n, ZE],
    ['overflow, though exact', OE, MULSD, 0x7fe0000000000000n, 0x4010000000000000n, OE],
    ['underflow, though exact', UE, MULSD, LEAST, 0x3fe0000000000000n, UE],
    ['inexact', PE, DIVSD, ONE, 0x4008000000000000n, PE],
  ])('%s raises vector 19 and leaves the register', (_name, exception, code, a, b, flags) => {
    machine.setXmm(0, a, 7n);
    machine.setXmm(1, b);
    machine.mxcsr = ALL_MASKED & ~(exception << 7);
    expect(machine.run(code)).toBe(19);
    expect([machine.xmmHalf(0, 0), machine.xmmHalf(0, 1), machine.mxcsr & 0x3f]).toEqual([a, 7n, flags]);
  });

  it('one bad lane keeps all lanes, and hides what the others would report after computing', () => {
    machine.setXmm(0, ONE, ONE);
    machine.setXmm(1, 0x4008000000000000n, 0n);
    machine.mxcsr = ALL_MASKED & ~(ZE << 7);
    expect(machine.run('66 0f 5e c1')).toBe(19);
    expect([machine.xmmHalf(0, 0), machine.xmmHalf(0, 1), machine.mxcsr & 0x3f]).toEqual([ONE, ONE, ZE]);
  });

  it('a reserved bit of MXCSR raises vector 13', () => {
    machine.view.setUint32(machine.data, 0x11f80, true);
    machine.mxcsr = ALL_MASKED;
    expect(machine.run('0f ae 13')).toBe(13);
    expect(machine.mxcsr).toBe(ALL_MASKED);
  });
});

describe('conversions', () => {
  it('doubles to integers in all roundings', () => {
    const random = mulberry32(seedFor('double to integer'));
    for (let round = 0; round < 2000; round++) {
      const exponent = BigInt(1023 - 4 + below(random, 72)) << 52n;
      const fraction =
        ((BigInt(random()) << 20n) | BigInt(random() & 0xfffff)) & (-1n << BigInt(below(random, 52)));
      const bits = (BigInt(random() & 1) << 63n) | exponent | (fraction & 0xfffffffffffffn);
      const rounding = below(random, 4);
      const wide = below(random, 2) === 1;
      const truncating = below(random, 2) === 1;
      const { units, exact } = roundToUnit(decode(bits, DOUBLE)!, 0, truncating ? 3 : rounding);
      const width = wide ? 64 : 32;
      const fits = BigInt.asIntN(width, units) === units;
      const expected = fits ? BigInt.asUintN(width, units) : 1n << BigInt(width - 1);
      machine.setXmm(1, bits);
      machine.mxcsr = ALL_MASKED | (rounding << 13);
      machine.cpu.set(0, 0xffffffff, 0xffffffff);
      machine.run(`f2 ${wide ? '48 ' : ''}0f ${truncating ? '2c' : '2d'} c1`);
      const got = (BigInt(machine.cpu.getHi(0) >>> 0) << 32n) | BigInt(machine.cpu.getLo(0) >>> 0);
      expect([bits, width, got, machine.mxcsr & 0x3f]).toEqual([
        bits,
        width,
        expected,
        fits ? (exact ? 0 : PE) : IE,
      ]);
    }
  });

  it.each([
    ['doubles', 'f2 48 0f 2a c0', DOUBLE, 64],
    ['singles', 'f3 48 0f 2a c0', SINGLE, 32],
  ] as const)('64-bit integers to %s in all roundings', (_name, code, format, width) => {
    const random = mulberry32(seedFor(`integer to ${width}`));
    for (let round = 0; round < 500; round++) {
      const value =
        BigInt.asIntN(64, (BigInt(random()) << 32n) | BigInt(random())) >> BigInt(below(random, 64));
      const rounding = below(random, 4);
      const expected =
        value === 0n
          ? { bits: 0n, flags: 0 }
          : encode({ numerator: value, denominator: 1n }, format, rounding);
      machine.mxcsr = ALL_MASKED | (rounding << 13);
      machine.cpu.set(0, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
      machine.run(code);
      expect([value, BigInt.asUintN(width, machine.xmmHalf(0, 0)), machine.mxcsr & 0x3f]).toEqual([
        value,
        expected.bits,
        expected.flags,
      ]);
    }
  });

  it('doubles to singles in all roundings', () => {
    const random = mulberry32(seedFor('double to single'));
    for (let round = 0; round < 1000; round++) {
      const exponent = BigInt(1023 - 155 + below(random, 290)) << 52n;
      const fraction = (BigInt(random()) << 20n) | BigInt(random() & 0xfffff);
      const bits = (BigInt(random() & 1) << 63n) | exponent | (fraction & (-1n << BigInt(below(random, 40))));
      const rounding = below(random, 4);
      const expected = encode(decode(bits, DOUBLE)!, SINGLE, rounding);
      const [got, flags] = double('f2 0f 5a c1', 0n, bits, ALL_MASKED | (rounding << 13));
      expect([bits, got, flags]).toEqual([bits, expected.bits, expected.flags]);
    }
  });
});

describe('estimates', () => {
  /** Relative error of an estimate of exact(x). */
  function worstError(code: string, exact: (x: number) => number): number {
    let worst = 0;
    for (let exponent = 1; exponent < 255; exponent += 7) {
      for (let fraction = 0; fraction < 1 << 23; fraction += 1201) {
        const bits = (exponent << 23) | fraction;
        machine.view.setUint32(machine.xmm(1), bits, true);
        const x = machine.view.getFloat32(machine.xmm(1), true);
        machine.run(code);
        const truth = exact(x);
        if (truth < 2 ** -125) continue;
        worst = Math.max(worst, Math.abs(machine.view.getFloat32(machine.xmm(0), true) / truth - 1));
      }
    }
    return worst;
  }

  it('RCPSS and RSQRTSS are within 1.5 * 2^-12 and touch no flag', () => {
    machine.mxcsr = ALL_MASKED;
    expect(worstError('f3 0f 53 c1', (x) => 1 / x)).toBeLessThanOrEqual(1.5 * 2 ** -12);
    expect(worstError('f3 0f 52 c1', (x) => 1 / Math.sqrt(x))).toBeLessThanOrEqual(1.5 * 2 ** -12);
    expect(machine.mxcsr).toBe(ALL_MASKED);
  });

  it.each([
    ['rcpss of zero', '53', 0x80000000, 0xff800000],
    ['rcpss of a denormal', '53', 1, 0x7f800000],
    ['rcpss of infinity', '53', 0xff800000, 0x80000000],
    ['rcpss of a large number', '53', 0x7f000000, 0],
    ['rsqrtss of minus one', '52', 0xbf800000, 0xffc00000],
    ['rsqrtss of minus zero', '52', 0x80000000, 0xff800000],
    ['rsqrtss of a signaling NaN', '52', 0x7f800001, 0x7fc00001],
  ])('%s', (_name, opcode, operand, result) => {
    machine.view.setUint32(machine.xmm(1), operand, true);
    machine.run(`f3 0f ${opcode} c1`);
    expect(machine.view.getUint32(machine.xmm(0), true)).toBe(result);
  });
});

describe('packed integers', () => {
  type Lane = (a: number, b: number) => number;
  const clampByte = (x: number) => Math.max(-128, Math.min(127, x));
  const clampWord = (x: number) => Math.max(-32768, Math.min(32767, x));
  const unsigned: Lane[] = [(a, b) => Math.min(a + b, 65535), (a, b) => Math.max(a - b, 0)];
  const LANES: readonly [string, string, 1 | 2 | -1 | -2, Lane][] = [
    ['paddsb', 'ec', -1, (a, b) => clampByte(a + b)],
    ['psubsw', 'e9', -2, (a, b) => clampWord(a - b)],
    ['paddusw', 'dd', 2, unsigned[0]!],
    ['psubusb', 'd8', 1, unsigned[1]!],
    ['pavgw', 'e3', 2, (a, b) => (a + b + 1) >> 1],
    ['pmulhw', 'e5', -2, (a, b) => (a * b) >> 16],
    ['pmulhuw', 'e4', 2, (a, b) => Math.floor((a * b) / 65536)],
    ['pmullw', 'd5', -2, (a, b) => Math.imul(a, b)],
    ['pcmpgtb', '64', -1, (a, b) => (a > b ? -1 : 0)],
    ['pminsw', 'ea', -2, Math.min],
    ['pmaxub', 'de', 1, Math.max],
  ];

  it.each(LANES)('%s', (name, opcode, kind, lane) => {
    const random = mulberry32(seedFor(name));
    const size = Math.abs(kind);
    const read = (register: number, offset: number) => {
      const at = machine.xmm(register) + offset;
      if (kind === 1) return machine.view.getUint8(at);
      if (kind === -1) return machine.view.getInt8(at);
      return kind === 2 ? machine.view.getUint16(at, true) : machine.view.getInt16(at, true);
    };
    for (let round = 0; round < 100; round++) {
      for (let byte = 0; byte < 32; byte++) {
        machine.view.setUint8(
          machine.xmm(0) + byte,
          below(random, 3) ? random() : [0, 0x7f, 0x80, 0xff][random() & 3]!,
        );
      }
      const expected: number[] = [];
      for (let offset = 0; offset < 16; offset += size) {
        expected.push(lane(read(0, offset), read(1, offset)) & (size === 1 ? 0xff : 0xffff));
      }
      machine.run(`66 0f ${opcode} c1`);
      const got = expected.map((_, index) => read(0, index * size) & (size === 1 ? 0xff : 0xffff));
      expect(got).toEqual(expected);
    }
  });

  it('shifts by more than the width clear or fill', () => {
    const value = 0x8000_7fff_1234_ff00n;
    const shifted = (code: string, count: bigint) => {
      machine.setXmm(0, value, value);
      machine.setXmm(1, count, 5n);
      machine.run(code);
      return machine.xmmHalf(0, 1);
    };
    expect(shifted('66 0f d1 c1', 16n)).toBe(0n);
    expect(shifted('66 0f e1 c1', 1n << 40n)).toBe(0xffff_0000_0000_ffffn);
    expect(shifted('66 0f d1 c1', 4n)).toBe(0x0800_07ff_0123_0ff0n);
    expect(shifted('66 0f 73 d8 09', 0n)).toBe(0n);
    expect(machine.xmmHalf(0, 0)).toBe(value >> 8n);
  });

  it('an operand may be its own source', () => {
    machine.setXmm(0, 0x0706050403020100n, 0x0f0e0d0c0b0a0908n);
    machine.run('66 0f 60 c0');
    expect([machine.xmmHalf(0, 0), machine.xmmHalf(0, 1)]).toEqual([
      0x0303020201010000n,
      0x0707060605050404n,
    ]);
    machine.run('66 0f 70 c0 1b');
    expect([machine.xmmHalf(0, 0), machine.xmmHalf(0, 1)]).toEqual([
      0x0505040407070606n,
      0x0101000003030202n,
    ]);
  });

  it('aligned operands must be, and MASKMOVDQU writes only chosen bytes', () => {
    expect(machine.run('66 0f fe 43 08')).toBe(13);
    expect(machine.run('f3 0f 6f 43 08')).toBe(0);
    machine.view.setBigUint64(machine.data + 3, 0x1111111111111111n, true);
    machine.setXmm(0, 0x2222222222222222n, 0n);
    machine.setXmm(1, 0x80ff7f0000000080n, 0n);
    machine.cpu.set(7, 0x20003, 0);
    expect(machine.run('66 0f f7 c1')).toBe(0);
    expect(machine.view.getBigUint64(machine.data + 3, true)).toBe(0x2222111111111122n);
  });
});
