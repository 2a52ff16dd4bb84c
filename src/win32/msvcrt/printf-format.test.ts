import { describe, expect, it } from 'vitest';
import { type FormatArguments, formatText, type Piece } from './printf-format.js';

/** Text of every code in the pieces. */
function joined(pieces: readonly Piece[]): string {
  return pieces
    .map((piece) => (typeof piece === 'string' ? piece : String.fromCharCode(piece.code).repeat(piece.count)))
    .join('');
}

/** A floating argument; plain numbers are integers. */
class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
const f = (value: number) => new Double(value);

function doubleOf(hi: number, lo = 0): Double {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, hi);
  view.setUint32(4, lo);
  return f(view.getFloat64(0));
}

type Argument = number | bigint | string | null | Double;

class TestArguments implements FormatArguments {
  private index = -1;
  private readonly values: readonly Argument[];

  constructor(values: readonly Argument[]) {
    this.values = values;
  }
  next(): void {
    this.index++;
  }
  private get bits(): bigint {
    const value = this.values[this.index];
    if (typeof value === 'number' || typeof value === 'bigint') return BigInt.asUintN(64, BigInt(value));
    return 0n;
  }
  get lo(): number {
    return Number(this.bits & 0xffffffffn);
  }
  get hi(): number {
    return Number(this.bits >> 32n);
  }
  get address(): number {
    const value = this.values[this.index];
    return typeof value === 'string' ? this.index + 1 : Number(this.bits);
  }
  get double(): number {
    const value = this.values[this.index];
    return value instanceof Double ? value.value : 0;
  }
  narrowString(address: number, limit: number): string {
    return String(this.values[address - 1]).slice(0, limit);
  }
  wideString(address: number, limit: number): string {
    return this.narrowString(address, limit);
  }
}

function printf(format: string, ...values: Argument[]): string {
  return joined(formatText(format, false, new TestArguments(values)).pieces);
}

function wprintf(format: string, ...values: Argument[]): string {
  return joined(formatText(format, true, new TestArguments(values)).pieces);
}

describe('printf', () => {
  it('writes integers', () => {
    expect(printf('%d %i %u %x %X %o', -5, 6, 7, 255, 255, 8)).toBe('-5 6 7 ff FF 10');
    expect(printf('%u %x', -1, -1)).toBe('4294967295 ffffffff');
    expect(printf('%+d % d %05d %-5d|', 5, 5, 5, 5)).toBe('+5  5 00005 5    |');
    expect(printf('%+ d|%+u|% 05d|%-+5d|', 3, 3, 42, 42)).toBe('+3|3| 0042|+42  |');
    expect(printf('%d', -2147483648)).toBe('-2147483648');
  });

  it('gives precisions in digits, and then ignores the 0 flag', () => {
    expect(printf('%.3d %.0d|%5.3d|%-5.3d|%05.3d', 5, 0, 5, 5, 5)).toBe('005 |  005|005  |  005');
    expect(printf('%#.3x|%#5.0x', 5, 0)).toBe('0x005|     ');
  });

  it('writes the alternate forms', () => {
    expect(printf('%#x %#X %#o %#x %#o', 255, 255, 8, 0, 0)).toBe('0xff 0XFF 010 0 0');
  });

  it('knows the sizes', () => {
    expect(printf('%hd %hu %hhd %hhx', 70000, 70000, 300, -1)).toBe('4464 4464 300 ffff');
    expect(printf('%ld %lu %lld %llu', -1, -1, -1, -1)).toBe('-1 4294967295 -1 18446744073709551615');
    expect(printf('%I64d %I32d %I64x %Id', -1, -1, -1, 1n << 40n)).toBe(
      '-1 -1 ffffffffffffffff 1099511627776',
    );
    expect(printf('%zu %td %jd', -1, -1, -1)).toBe('18446744073709551615 -1 -1');
    expect(printf('%lld', -(1n << 63n))).toBe('-9223372036854775808');
    expect(printf('%I3d', 4)).toBe('I3d');
  });

  it('writes pointers as sixteen capital hexadecimal digits', () => {
    expect(printf('%p %p|%20p|%-20p|', 0x1234, 0, 1, 1)).toBe(
      '0000000000001234 0000000000000000|    0000000000000001|0000000000000001    |',
    );
    expect(printf('%#p', 0xabc)).toBe('0X0000000000000ABC');
  });

  it('writes strings and characters', () => {
    expect(printf('%s %.2s %5s %-5s|', 'abc', 'abc', 'abc', 'abc')).toBe('abc ab   abc abc  |');
    expect(printf('%s %.3s', null, null)).toBe('(null) (nu');
    expect(printf('%c%5c|%-5c|%05s', 97, 98, 99, 'ab')).toBe('a    b|c    |000ab');
    expect(printf('%S %ls %hs %ws', 'wide', 'l', 'h', 'w')).toBe('wide l h w');
    expect(printf('%c', 0)).toBe('\0');
  });

  it('fails for a wide character without a narrow form', () => {
    expect(formatText('x%lsy', false, new TestArguments(['\u263a'])).unconvertible).toBe(true);
    expect(printf('%ls', '\u00e9')).toBe('\u00e9');
    expect(printf('[%lc]', 0x263a)).toBe('[]');
  });

  it('is wide by default in the wide functions', () => {
    expect(wprintf('%s %S %hs %lc %c', '\u263a', 'n', 'h', 0x263a, 0x263b)).toBe('\u263a n h \u263a \u263b');
  });

  it('takes widths and precisions from arguments', () => {
    expect(printf('%*d|%-*d|%*d', 5, 1, 5, 2, -5, 3)).toBe('    1|2    |3    ');
    expect(printf('%.*d|%.*d', 3, 1, -3, 2)).toBe('001|2');
    expect(printf('%*.*f', 10, 2, f(2.34567))).toBe('      2.35');
  });

  it('copies what has no meaning', () => {
    expect(printf('%%|%5%|%y|%k|abc%')).toBe('%|%|y|k|abc');
  });

  it('notes %n with its size', () => {
    const { stores } = formatText('abc%n%d%lln', false, new TestArguments([0x100, 12, 0x200]));
    expect(stores).toEqual([
      { address: 0x100, bytes: 4, count: 3 },
      { address: 0x200, bytes: 8, count: 5 },
    ]);
  });

  it('keeps a huge field as a number', () => {
    const { pieces, length } = formatText('%2000000000d', false, new TestArguments([1]));
    expect(length).toBe(2000000000);
    expect(pieces).toEqual([{ code: 32, count: 1999999999 }, '1']);
    expect(formatText('%.2000000000f', false, new TestArguments([f(1)])).length).toBe(2000000002);
  });
});

describe('printf of doubles', () => {
  it('writes fixed form', () => {
    expect(printf('%f %.0f %#.0f %.1f', f(1.5), f(1), f(1), f(-0.05))).toBe('1.500000 1 1. -0.1');
    expect(printf('%.20f', f(0.1))).toBe('0.10000000000000000555');
    expect(printf('%010.3f|%-10.3f|%+.1f|% .1f', f(-2.34567), f(2.34567), f(1), f(1))).toBe(
      '-00002.346|2.346     |+1.0| 1.0',
    );
    expect(printf('%.2f', f(1e22))).toBe('10000000000000000000000.00');
    expect(printf('%f', f(-0))).toBe('-0.000000');
  });

  it('rounds half away from zero', () => {
    expect(printf('%.0f %.0f %.0f', f(0.5), f(1.5), f(2.5))).toBe('1 2 3');
    expect(printf('%.1f %.2f', f(0.25), f(0.125))).toBe('0.3 0.13');
    expect(printf('%.0e', f(2.5))).toBe('3e+000');
  });

  it('writes at least three exponent digits', () => {
    expect(printf('%e %E %.0e %#.0e', f(0), f(12345.678), f(1), f(1))).toBe(
      '0.000000e+000 1.234568E+004 1e+000 1.e+000',
    );
    expect(printf('%e', f(1e-310))).toBe('1.000000e-310');
    expect(printf('%.3e', f(9.9996))).toBe('1.000e+001');
  });

  it('writes general form', () => {
    expect(printf('%g %g %g %g', f(1e5), f(1e6), f(123456789), f(0.0001))).toBe(
      '100000 1e+006 1.23457e+008 0.0001',
    );
    expect(printf('%g %g %.3g %.10g', f(0), f(0.00001), f(0.00012345), f(0.1))).toBe('0 1e-005 0.000123 0.1');
    expect(printf('%#g %.0g %g %g', f(1), f(1.5), f(1e100), f(5e-324))).toBe('1.00000 2 1e+100 4.94066e-324');
    expect(printf('%g %G', f(999999.5), f(1e-7))).toBe('1e+006 1E-007');
  });

  it('writes infinities and what is no number as this runtime does', () => {
    const infinity = f(Number.POSITIVE_INFINITY);
    expect(printf('%f %e %g', infinity, infinity, infinity)).toBe('1.#INF00 1.#INF00e+000 1.#INF');
    expect(printf('%.2f %.3f %.1f %.0f', infinity, infinity, infinity, infinity)).toBe('1.#J 1.#IO 1.$ 1');
    expect(printf('%012f|%10.2f', infinity, f(Number.NEGATIVE_INFINITY))).toBe('00001.#INF00|     -1.#J');
    const quiet = doubleOf(0x7ff80000);
    const indefinite = doubleOf(0xfff80000);
    expect(printf('%f %g %.3f %f', quiet, quiet, quiet, indefinite)).toBe('1.#QNAN0 1.#QNAN 1.#QO -1.#IND00');
    expect(printf('%a', infinity)).toBe('0x1.#INF000000000p+0');
  });

  it('writes hexadecimal form', () => {
    expect(printf('%a %A %.3a', f(1), f(-3.75), f(2.34567))).toBe(
      '0x1.0000000000000p+0 -0X1.E000000000000P+1 0x1.2c4p+1',
    );
    expect(printf('%a %.0a %#.0a', f(5e-324), f(1.5), f(1))).toBe('0x0.0000000000001p-1022 0x2p+0 0x1.p+0');
    expect(printf('%a %.15a', f(0), f(Number.MAX_VALUE))).toBe(
      '0x0.0000000000000p+0 0x1.fffffffffffff00p+1023',
    );
    expect(printf('%025a', f(1))).toBe('0x000001.0000000000000p+0');
  });

  it('agrees with the shortest text that reads back, for 17 digits', () => {
    for (const value of [
      0.1,
      1 / 3,
      2 ** 0.5,
      1e23,
      1.7976931348623157e308,
      2.2250738585072014e-308,
      123456.789,
    ]) {
      expect(Number(printf('%.16e', f(value)).replace('e+', 'e'))).toBe(value);
      expect(Number(printf('%.17g', f(value)))).toBe(value);
    }
  });
});
