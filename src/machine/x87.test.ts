import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  DE,
  DOUBLE,
  EXTENDED,
  encode,
  IE,
  isLess,
  negate,
  OE,
  over,
  PE,
  plus,
  type Rational,
  rational,
  rootOf,
  roundTo,
  roundToUnit,
  SINGLE,
  scaled,
  times,
  UE,
  ZE,
} from '../testing/exact-float.js';
import * as exact from '../testing/exact-functions.js';
import { type Extended, InstructionMachine } from '../testing/instruction-machine.js';
import { below, mulberry32, type Random, seedFor } from '../testing/seed.js';

const C0 = 0x100;
const C1 = 0x200;
const C2 = 0x400;
const C3 = 0x4000;
const SF = 0x40;
const ES_AND_BUSY = 0x8080;
/** All exceptions masked, 64 bits, to nearest. */
const USUAL = 0x37f;
const PRECISIONS: readonly [field: number, bits: number][] = [
  [0, 24],
  [2, 53],
  [3, 64],
];
const NEGATIVE = 0x8000;
const TOP = 1n << 63n;
const INDEFINITE: Extended = [0xffff, 0xc000000000000000n];
const ZERO: Extended = [0, 0n];
const ONE: Extended = [0x3fff, TOP];
const INFINITY: Extended = [0x7fff, TOP];
const machine = new InstructionMachine();

/** Runs an instruction on a stack. Answers the vector. */
function run(code: string, control: number, ...stack: Extended[]): number {
  machine.setStack(control, ...stack);
  return machine.run(code);
}

const value80 = ([head, significand]: Extended): Rational =>
  scaled(head & NEGATIVE ? -significand : significand, Math.max(head & 0x7fff, 1) - 16383 - 63);
const isDenormal = ([head, significand]: Extended) => (head & 0x7fff) === 0 && significand !== 0n;
const text = (number: Extended | undefined) =>
  number ? `${number[0].toString(16)}:${number[1].toString(16)}` : 'empty';

/** A number as ST(0) shows it; a rational that is not zero. */
function rounded(value: Rational, rounding: number, bits = 64): { text: string; flags: number } {
  const { exponent, significand, flags } = roundTo(value, EXTENDED, rounding, bits);
  const head = exponent | (value.numerator < 0n ? NEGATIVE : 0);
  return { text: text([head, significand << BigInt(64 - bits)]), flags };
}

function randomSignificand(random: Random): bigint {
  const full = (BigInt(random()) << 32n) | BigInt(random());
  return (below(random, 2) ? full : full & BigInt.asUintN(64, -1n << BigInt(below(random, 63)))) | TOP;
}

/** Finite numbers whose exponents are often close to each other or to an end of the range. */
function randomFinite(random: Random): Extended {
  const sign = random() & 1 ? NEGATIVE : 0;
  const significand = randomSignificand(random);
  switch (below(random, 6)) {
    case 0:
      return [sign, significand >> BigInt(1 + below(random, 63))];
    case 1:
      return [sign | (1 + below(random, 3)), significand];
    case 2:
      return [sign | (0x7ffe - below(random, 3)), significand];
    default:
      return [sign | (0x3fff + below(random, 80) - 40), significand];
  }
}

const OPERATIONS: readonly [string, string, (a: Rational, b: Rational) => Rational][] = [
  ['fadd', 'd8 c1', plus],
  ['fsub', 'd8 e1', (a, b) => plus(a, negate(b))],
  ['fsubr', 'd8 e9', (a, b) => plus(b, negate(a))],
  ['fmul', 'd8 c9', times],
  ['fdiv', 'd8 f1', over],
  ['fdivr', 'd8 f9', (a, b) => over(b, a)],
];

describe('arithmetic', () => {
  it.each(OPERATIONS)(
    '%s is exact in all roundings and precisions, flags included',
    (name, code, exactly) => {
      const random = mulberry32(seedFor(name));
      for (let round = 0; round < 1200; round++) {
        const a = randomFinite(random);
        const b = randomFinite(random);
        if ((name === 'fdiv' ? b : a)[1] === 0n) continue;
        const [field, bits] = PRECISIONS[below(random, 3)]!;
        const rounding = below(random, 4);
        const value = exactly(value80(a), value80(b));
        if (value.numerator === 0n) continue;
        const expected = rounded(value, rounding, bits);
        expect(run(code, 0x7f | (field << 8) | (rounding << 10), a, b)).toBe(0);
        const denormal = isDenormal(a) || isDenormal(b) ? DE : 0;
        const context = `${text(a)} ${text(b)} ${bits} ${rounding}`;
        expect(`${context}: ${text(machine.stack(0))} ${machine.statusWord & 0xff}`).toBe(
          `${context}: ${expected.text} ${expected.flags | denormal}`,
        );
        expect(machine.stack(1)).toEqual(b);
      }
    },
  );

  it('fsqrt is exact', () => {
    const random = mulberry32(seedFor('fsqrt'));
    for (let round = 0; round < 300; round++) {
      const [head, significand] = randomFinite(random);
      const a: Extended = [head & ~NEGATIVE, significand];
      const [field, bits] = PRECISIONS[below(random, 3)]!;
      const rounding = below(random, 4);
      const expected = rounded(rootOf(value80(a)), rounding, bits);
      run('d9 fa', 0x7f | (field << 8) | (rounding << 10), a);
      expect([text(a), text(machine.stack(0)), machine.statusWord & 0x3f]).toEqual([
        text(a),
        expected.text,
        expected.flags | (isDenormal(a) ? DE : 0),
      ]);
    }
  });

  it('C1 says that the magnitude was rounded up', () => {
    run('d8 f1', USUAL, ONE, [0x4000, 0xc000000000000000n]);
    expect(machine.statusWord & (PE | C1)).toBe(PE | C1);
    run('d8 f1', USUAL | 0xc00, ONE, [0x4000, 0xc000000000000000n]);
    expect(machine.statusWord & (PE | C1)).toBe(PE);
  });

  it.each([
    ['fprem', 'd9 f8', false],
    ['fprem1', 'd9 f5', true],
  ] as const)('%s reduces to the exact remainder', (name, code, nearest) => {
    const random = mulberry32(seedFor(name));
    for (let round = 0; round < 300; round++) {
      const a: Extended = [
        (random() & 1 ? NEGATIVE : 0) | (0x3fff + below(random, 300)),
        randomSignificand(random),
      ];
      const b: Extended = [
        (random() & 1 ? NEGATIVE : 0) | (0x3fff + below(random, 40)),
        randomSignificand(random),
      ];
      const { units } = roundToUnit(over(value80(a), value80(b)), 0, nearest ? 0 : 3);
      const rest = plus(value80(a), negate(times(rational(units), value80(b))));
      machine.setStack(USUAL, a, b);
      let steps = 0;
      do machine.run(code);
      while (machine.statusWord & C2 && ++steps < 20);
      const expected = rest.numerator === 0n ? text([a[0] & NEGATIVE, 0n]) : rounded(rest, 0).text;
      const quotient = units < 0n ? -units : units;
      const bits = (quotient & 1n ? C1 : 0) | (quotient & 2n ? C3 : 0) | (quotient & 4n ? C0 : 0);
      expect([text(a), text(b), text(machine.stack(0)), machine.statusWord & (C0 | C1 | C3 | 0xff)]).toEqual([
        text(a),
        text(b),
        expected,
        bits,
      ]);
    }
  });

  it('fscale, fxtract and frndint', () => {
    const five: Extended = [0x4001, 0xa000000000000000n];
    run('d9 fd', USUAL, ONE, five);
    expect(machine.stack(0)).toEqual([0x4004, TOP]);
    run('d9 f4', USUAL, five);
    expect([machine.stack(0), machine.stack(1)]).toEqual([
      [0x3fff, 0xa000000000000000n],
      [0x4000, TOP],
    ]);
    run('d9 f4', USUAL, [NEGATIVE, 0n]);
    expect([machine.stack(0), machine.stack(1), machine.statusWord & 0x3f]).toEqual([
      [NEGATIVE, 0n],
      [0xffff, TOP],
      ZE,
    ]);
    const half: Extended = [0x3ffe, TOP];
    const results = [0, 1, 2, 3].map((rounding) => {
      run('d9 fc', USUAL | (rounding << 10), half);
      return machine.stack(0);
    });
    expect(results).toEqual([ZERO, ZERO, ONE, ZERO]);
  });
});

describe('special operands', () => {
  const quiet: Extended = [0x7fff, 0xc000000000000123n];
  const largerQuiet: Extended = [0xffff, 0xd000000000000000n];
  const signaling: Extended = [0x7fff, 0x9000000000000000n];
  const unnormal: Extended = [0x4000, 0x4000000000000000n];
  it.each([
    ['of two quiet NaNs the larger significand', 'd8 c1', quiet, largerQuiet, largerQuiet, 0],
    ['a quiet NaN before a signaling one', 'd8 c1', signaling, quiet, quiet, IE],
    ['a signaling NaN becomes quiet', 'd8 c1', ONE, signaling, [0x7fff, 0xd000000000000000n], IE],
    ['an unnormal is invalid', 'd8 c1', unnormal, quiet, INDEFINITE, IE],
    ['infinity minus infinity', 'd8 e1', INFINITY, INFINITY, INDEFINITE, IE],
    ['zero by zero', 'd8 f1', ZERO, ZERO, INDEFINITE, IE],
    ['one by zero', 'd8 f1', ONE, [NEGATIVE, 0n], [0xffff, TOP], ZE],
    ['x - x is plus zero', 'd8 e1', ONE, ONE, ZERO, 0],
  ] as [string, string, Extended, Extended, Extended, number][])('%s', (_name, code, a, b, result, flags) => {
    run(code, USUAL, a, b);
    expect([text(machine.stack(0)), machine.statusWord & 0x3f]).toEqual([text(result), flags]);
  });

  it('x - x is minus zero when rounding down', () => {
    run('d8 e1', USUAL | 0x400, ONE, ONE);
    expect(machine.stack(0)).toEqual([NEGATIVE, 0n]);
  });

  it.each([
    ['a normal number', [NEGATIVE | 0x4000, TOP], C2 | C1],
    ['a zero', ZERO, C3],
    ['an infinity', INFINITY, C2 | C0],
    ['a NaN', quiet, C0],
    ['a denormal', [0, 1n], C3 | C2],
    ['an unsupported encoding', unnormal, 0],
  ] as [string, Extended, number][])('fxam of %s', (_name, number, conditions) => {
    run('d9 e5', USUAL, number);
    expect(machine.statusWord & (C0 | C1 | C2 | C3)).toBe(conditions);
  });

  it('fxam of an empty register', () => {
    run('d9 e5', USUAL);
    expect(machine.statusWord & (C0 | C2 | C3)).toBe(C3 | C0);
  });

  it('compares', () => {
    const conditions = (code: string, a: Extended, b: Extended) => {
      run(code, USUAL, a, b);
      return machine.statusWord & (C0 | C2 | C3 | 0x3f);
    };
    expect(conditions('d8 d1', ZERO, ONE)).toBe(C0);
    expect(conditions('d8 d1', ONE, ONE)).toBe(C3);
    expect(conditions('d8 d1', ONE, ZERO)).toBe(0);
    expect(conditions('d8 d1', quiet, ONE)).toBe(C0 | C2 | C3 | IE);
    expect(conditions('dd e1', quiet, ONE)).toBe(C0 | C2 | C3);
    run('db f1', USUAL, ZERO, ONE);
    expect(machine.cpu.flags & 0x8d5).toBe(1);
    run('df e9', USUAL, quiet, ONE);
    expect([machine.cpu.flags & 0x8d5, machine.stack(0), machine.stack(1)]).toEqual([0x45, ONE, undefined]);
  });
});

describe('stack faults', () => {
  it('reading an empty register gives the indefinite, C1 clear', () => {
    run('d8 c1', USUAL, ONE);
    expect([machine.stack(0), machine.statusWord & (IE | SF | C1)]).toEqual([INDEFINITE, IE | SF]);
  });

  it('pushing onto a full stack gives the indefinite, C1 set', () => {
    run('d9 e8', USUAL, ...Array.from({ length: 8 }, () => ONE));
    expect([machine.stack(0), machine.statusWord & (IE | SF | C1)]).toEqual([INDEFINITE, IE | SF | C1]);
  });

  it('not masked, it leaves the stack and waits for the next instruction', () => {
    run('d9 e8', USUAL & ~IE, ...Array.from({ length: 8 }, () => ONE));
    expect([machine.stack(0), machine.statusWord & (ES_AND_BUSY | IE | SF)]).toEqual([
      ONE,
      ES_AND_BUSY | IE | SF,
    ]);
    expect(machine.run('9b')).toBe(16);
    expect(machine.run('d9 e8')).toBe(16);
    expect(machine.run('db e2')).toBe(0);
    expect([machine.statusWord & 0x80ff, machine.run('9b')]).toEqual([0, 0]);
  });

  it('an exception that is not masked keeps fstp from storing and popping', () => {
    machine.view.setBigUint64(machine.data, 0x1234n, true);
    run('dd 1b', USUAL & ~OE, [0x7000, TOP]);
    expect([machine.view.getBigUint64(machine.data, true), machine.stack(0)]).toEqual([
      0x1234n,
      [0x7000, TOP],
    ]);
    expect(machine.statusWord & (ES_AND_BUSY | OE)).toBe(ES_AND_BUSY | OE);
  });

  it('an underflow that is not masked wraps the exponent', () => {
    run('d8 c9', USUAL & ~UE, [1, TOP], [0x3ffe, TOP]);
    expect([machine.stack(0), machine.statusWord & (UE | PE)]).toEqual([[24576, TOP], UE]);
  });
});

describe('loads and stores', () => {
  it('constants follow the rounding control', () => {
    const constants: [string, bigint][] = [
      ['d9 eb', exact.PI],
      ['d9 ea', (exact.ONE * exact.ONE) / exact.LN2],
      ['d9 ed', exact.LN2],
      ['d9 e9', exact.log2(rational(10n))],
      ['d9 ec', (exact.ONE * exact.ONE) / exact.log2(rational(10n))],
    ];
    for (const [code, value] of constants) {
      for (let rounding = 0; rounding < 4; rounding++) {
        run(code, USUAL | (rounding << 10));
        const expected = rounded(exact.toRational(value), rounding).text;
        expect([code, rounding, text(machine.stack(0)), machine.statusWord & 0x3f]).toEqual([
          code,
          rounding,
          expected,
          0,
        ]);
      }
    }
  });

  it.each([
    ['single', 'd9 1b', SINGLE],
    ['double', 'dd 1b', DOUBLE],
  ] as const)('stores a %s in all roundings', (name, code, format) => {
    const random = mulberry32(seedFor(`store ${name}`));
    for (let round = 0; round < 600; round++) {
      const span = format.greatest + 70;
      const number: Extended = [
        (random() & 1 ? NEGATIVE : 0) | (0x3fff - span + below(random, 2 * span)),
        randomSignificand(random),
      ];
      const rounding = below(random, 4);
      const expected = encode(value80(number), format, rounding);
      machine.view.setBigUint64(machine.data, 0n, true);
      run(code, USUAL | (rounding << 10), number);
      expect([
        text(number),
        machine.view.getBigUint64(machine.data, true),
        machine.statusWord & 0x3f,
      ]).toEqual([text(number), expected.bits, expected.flags]);
      expect(machine.stack(0)).toBeUndefined();
    }
  });

  it.each([
    ['16', 'df 1b', 16],
    ['32', 'db 1b', 32],
    ['64', 'df 3b', 64],
  ] as const)('stores a %s-bit integer in all roundings', (_name, code, width) => {
    const random = mulberry32(seedFor(`integer ${width}`));
    for (let round = 0; round < 400; round++) {
      const number: Extended = [
        (random() & 1 ? NEGATIVE : 0) | (0x3fff - 4 + below(random, width + 6)),
        randomSignificand(random),
      ];
      const rounding = below(random, 4);
      const { units, exact: isExact } = roundToUnit(value80(number), 0, rounding);
      const fits = BigInt.asIntN(width, units) === units;
      machine.view.setBigUint64(machine.data, 0n, true);
      run(code, USUAL | (rounding << 10), number);
      expect([
        text(number),
        machine.view.getBigUint64(machine.data, true),
        machine.statusWord & 0x3f,
      ]).toEqual([
        text(number),
        fits ? BigInt.asUintN(width, units) : 1n << BigInt(width - 1),
        fits ? (isExact ? 0 : PE) : IE,
      ]);
    }
  });

  it('integers and packed decimals make the round trip', () => {
    const random = mulberry32(seedFor('round trip'));
    for (let round = 0; round < 200; round++) {
      const value =
        BigInt.asIntN(64, (BigInt(random()) << 32n) | BigInt(random())) >> BigInt(5 + below(random, 58));
      machine.view.setBigInt64(machine.data, value, true);
      run('df 2b', USUAL);
      machine.run('df 33');
      const digits = (value < 0n ? -value : value).toString().padStart(18, '0');
      const stored = Array.from({ length: 9 }, (_, index) =>
        machine.view
          .getUint8(machine.data + 8 - index)
          .toString(16)
          .padStart(2, '0'),
      );
      expect([stored.join(''), machine.view.getUint8(machine.data + 9)]).toEqual([
        digits,
        value < 0n ? 0x80 : 0,
      ]);
      machine.run('df 23');
      machine.run('df 3b');
      expect(machine.view.getBigInt64(machine.data, true)).toBe(value);
    }
    run('df 33', USUAL, [0x4040, TOP]);
    expect([
      machine.view.getBigUint64(machine.data, true),
      machine.view.getUint16(machine.data + 8, true),
    ]).toEqual([0xc000000000000000n, 0xffff]);
  });

  it('fnsave and frstor keep the whole state, fnstenv masks all exceptions', () => {
    const numbers: Extended[] = [ONE, INFINITY, ZERO, [0x1234, TOP | 5n]];
    run('dd 33', 0x372, ...numbers);
    expect([machine.controlWord, machine.statusWord, machine.stack(0)]).toEqual([0x37f, 0, undefined]);
    const tags = machine.view.getUint16(machine.data + 8, true);
    expect(tags).toBe(0b00_01_10_00_11_11_11_11);
    machine.run('dd 23');
    expect([0, 1, 2, 3, 4].map((i) => machine.stack(i))).toEqual([...numbers, undefined]);
    expect(machine.controlWord).toBe(0x372);
    machine.run('d9 33');
    expect(machine.controlWord).toBe(0x37f);
    expect(machine.view.getUint16(machine.data, true)).toBe(0x372);
  });
});

describe('transcendental functions', () => {
  /** Pi to 66 bits, as the processors reduce angles. */
  const PI_66: Rational = scaled(0x3243f6a8885a308d3n, -64);

  /** The angle's distance from the nearest multiple of pi / 2 in fixed point, and the multiple. */
  function reduce(angle: Rational): { rest: bigint; multiple: bigint } {
    const halfPi = over(PI_66, rational(2n));
    const { units } = roundToUnit(over(angle, halfPi), 0, 0);
    return {
      rest: exact.fromRational(plus(angle, negate(times(rational(units), halfPi)))),
      multiple: BigInt.asUintN(2, units),
    };
  }

  function sineOf(angle: Rational): bigint {
    const { rest, multiple } = reduce(angle);
    const value = multiple & 1n ? exact.cosine(rest) : exact.sine(rest);
    return multiple & 2n ? -value : value;
  }

  function cosineOf(angle: Rational): bigint {
    const { rest, multiple } = reduce(angle);
    const value = multiple & 1n ? -exact.sine(rest) : exact.cosine(rest);
    return multiple & 2n ? -value : value;
  }

  function arctanOf(y: Rational, x: Rational): bigint {
    const positive = (a: Rational) => (a.numerator < 0n ? negate(a) : a);
    const steep = isLess(positive(x), positive(y));
    const ratio = positive(steep ? over(x, y) : over(y, x));
    let angle = exact.arctan(exact.fromRational(ratio));
    if (steep) angle = exact.PI / 2n - angle;
    if (x.numerator < 0n) angle = exact.PI - angle;
    return y.numerator < 0n ? -angle : angle;
  }

  const near = (random: Random, from: number, count: number): Extended => [
    (random() & 1 ? NEGATIVE : 0) | (0x3fff + from + below(random, count)),
    randomSignificand(random),
  ];
  const positive = ([head, significand]: Extended): Extended => [head & ~NEGATIVE, significand];
  type Sample = readonly [stack: Extended[], value: bigint];
  const FUNCTIONS: readonly [string, string, (random: Random) => Sample][] = [
    ['fsin', 'd9 fe', (random) => ((x) => [[x], sineOf(value80(x))] as const)(near(random, -20, 60))],
    ['fcos', 'd9 ff', (random) => ((x) => [[x], cosineOf(value80(x))] as const)(near(random, -20, 60))],
    [
      'f2xm1',
      'd9 f0',
      (random) => {
        const x = near(random, -30, 30);
        return [[x], exact.expMinus1((exact.fromRational(value80(x)) * exact.LN2) >> exact.FRACTION_BITS)];
      },
    ],
    [
      'fyl2x',
      'd9 f1',
      (random) => {
        const x = positive(near(random, -40, 80));
        const y = near(random, -5, 10);
        return [[x, y], (exact.log2(value80(x)) * exact.fromRational(value80(y))) >> exact.FRACTION_BITS];
      },
    ],
    [
      'fyl2xp1',
      'd9 f9',
      (random) => {
        const x = near(random, -30, 28);
        const y = near(random, -5, 10);
        const log = exact.log2Of1Plus(exact.fromRational(value80(x)));
        return [[x, y], (log * exact.fromRational(value80(y))) >> exact.FRACTION_BITS];
      },
    ],
    [
      'fpatan',
      'd9 f3',
      (random) => {
        const x = near(random, -6, 12);
        const y = near(random, -6, 12);
        return [[x, y], arctanOf(value80(y), value80(x))];
      },
    ],
  ];

  it.each(FUNCTIONS)('%s is the true value rounded', (name, code, sample) => {
    const random = mulberry32(seedFor(name));
    for (let round = 0; round < 250; round++) {
      const [stack, value] = sample(random);
      if (value === 0n) continue;
      const rounding = below(random, 4);
      const expected = rounded(exact.toRational(value), rounding);
      run(code, USUAL | (rounding << 10), ...stack);
      const operands = stack.map(text).join(' ');
      expect([operands, rounding, text(machine.stack(0))]).toEqual([operands, rounding, expected.text]);
      expect([operands, machine.stack(1)]).toEqual([operands, undefined]);
    }
  });

  it('fsincos and fptan push their second result', () => {
    const random = mulberry32(seedFor('fsincos'));
    for (let round = 0; round < 150; round++) {
      const x = near(random, -20, 50);
      const sine = sineOf(value80(x));
      const cosine = cosineOf(value80(x));
      run('d9 fb', USUAL, x);
      expect([text(x), text(machine.stack(0)), text(machine.stack(1))]).toEqual([
        text(x),
        rounded(exact.toRational(cosine), 0).text,
        rounded(exact.toRational(sine), 0).text,
      ]);
      run('d9 f2', USUAL, x);
      expect([text(x), text(machine.stack(0)), text(machine.stack(1))]).toEqual([
        text(x),
        text(ONE),
        rounded(over(exact.toRational(sine), exact.toRational(cosine)), 0).text,
      ]);
    }
  });

  it('an angle of 2^63 or more is left alone with C2 set', () => {
    const far: Extended = [0x3fff + 63, TOP];
    run('d9 fe', USUAL, far);
    expect([machine.stack(0), machine.statusWord & (C2 | 0x3f)]).toEqual([far, C2]);
  });

  it('tiny arguments are rounded as their true values ask', () => {
    const tiny: Extended = [0x3f00, TOP];
    const below1: Extended = [0x3eff, (1n << 64n) - 1n];
    run('d9 fe', USUAL | 0xc00, tiny);
    expect([machine.stack(0), machine.statusWord & PE]).toEqual([below1, PE]);
    run('d9 ff', USUAL, tiny);
    expect([machine.stack(0), machine.statusWord & PE]).toEqual([ONE, PE]);
  });

  it.each([
    ['log2 of zero', 'd9 f1', ZERO, ONE, [0xffff, TOP], ZE],
    ['zero times log2 of zero', 'd9 f1', ZERO, ZERO, INDEFINITE, IE],
    ['log2 of minus one', 'd9 f1', [NEGATIVE | 0x3fff, TOP], ONE, INDEFINITE, IE],
    ['infinity times log2 of one', 'd9 f1', ONE, INFINITY, INDEFINITE, IE],
    [
      'arctan of a negative zero over minus one',
      'd9 f3',
      [NEGATIVE | 0x3fff, TOP],
      [NEGATIVE, 0n],
      [0xc000, 0xc90fdaa22168c235n],
      PE,
    ],
    ['arctan of infinity over infinity', 'd9 f3', INFINITY, INFINITY, [0x3ffe, 0xc90fdaa22168c235n], PE],
    ['arctan of zero over one', 'd9 f3', ONE, ZERO, ZERO, 0],
  ] as [string, string, Extended, Extended, Extended, number][])('%s', (_name, code, x, y, result, flags) => {
    run(code, USUAL, x, y);
    expect([text(machine.stack(0)), machine.statusWord & 0x3f]).toEqual([text(result), flags]);
  });

  it('the coefficients are what their comments say', () => {
    const source = readFileSync(new URL('./cpu/x87-constants.ts', import.meta.url), 'utf8');
    const table = (name: string) => {
      const body = new RegExp(`const ${name}: usize = memory.data<u64>\\(\\[([^\\]]*)`).exec(source)![1]!;
      const words = [...body.matchAll(/0x([0-9a-f]{16})/g)].map((match) => BigInt(`0x${match[1]}`));
      return Array.from({ length: words.length / 2 }, (_, k) => (words[2 * k]! << 64n) | words[2 * k + 1]!);
    };
    const fixed = (value: Rational) => roundToUnit(value, -127, 0).units;
    const factorial = (n: number): bigint => (n < 2 ? 1n : BigInt(n) * factorial(n - 1));
    const expected: [string, (k: number) => Rational][] = [
      ['EXP_SERIES', (k) => rational(1n, factorial(k + 1))],
      ['SIN_SERIES', (k) => rational(1n, factorial(2 * k + 1))],
      ['COS_SERIES', (k) => rational(1n, factorial(2 * k))],
      ['ODD_SERIES', (k) => rational(1n, BigInt(2 * k + 1))],
      ['ARCTAN', (k) => exact.toRational(exact.arctan((exact.ONE * BigInt(k)) / 16n))],
    ];
    for (const [name, value] of expected) {
      const entries = table(name);
      expect(entries.length).toBeGreaterThan(10);
      expect([name, entries]).toEqual([name, entries.map((_, k) => fixed(value(k)))]);
    }
  });
});
