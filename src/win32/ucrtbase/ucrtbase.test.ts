import { describe, expect, it } from 'vitest';
import { STATUS_STACK_BUFFER_OVERRUN } from '../../base/ntstatus.js';
import { type CrtArgument, CrtMachine } from '../../testing/crt-machine.js';

const UCRT = 'ucrtbase.dll';
const double = (value: number) => ({ double: value });
const STANDARD = 2;
const LEGACY = 1;

/** A va_list of 8-byte arguments. */
function list(
  crt: CrtMachine,
  ...values: (number | bigint | string | { readonly double: number })[]
): number {
  const at = crt.space(8 * values.length);
  values.forEach((value, index) => {
    const slot = new DataView(new ArrayBuffer(8));
    if (typeof value === 'string') slot.setBigUint64(0, BigInt(crt.put(value)), true);
    else if (typeof value === 'object') slot.setFloat64(0, value.double, true);
    else slot.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
    crt.process.write(at + 8 * index, new Uint8Array(slot.buffer));
  });
  return at;
}

function print(
  crt: CrtMachine,
  format: string,
  ...values: (number | bigint | string | { double: number })[]
) {
  const to = crt.space(512);
  const args: CrtArgument[] = [STANDARD, to, 512, format, 0, list(crt, ...values)];
  const length = crt.call('__stdio_common_vsprintf', ...args);
  expect(crt.text(to).length).toBe(length);
  return crt.text(to);
}

describe('ucrtbase printf', () => {
  const crt = new CrtMachine({ runtime: UCRT });

  it('writes two exponent digits, hh, and words for what is no number', () => {
    expect(print(crt, '%e %g', double(1.5), double(1e-5))).toBe('1.500000e+00 1e-05');
    expect(print(crt, '%hhd %zu %lld', 300, 7, -(2n ** 40n))).toBe('44 7 -1099511627776');
    const [inf, nan] = [double(Number.POSITIVE_INFINITY), 0x7ff8000000000001n];
    expect(print(crt, '%f|%E|%6.1g|%-5f|', inf, double(Number.NEGATIVE_INFINITY), inf, inf)).toBe(
      'inf|-INF|   inf|inf  |',
    );
    expect(print(crt, '%f %f %F', nan, 0xfff8000000000000n, 0x7ff0000000000001n)).toBe(
      'nan -nan(ind) NAN(SNAN)',
    );
    expect(print(crt, '%f %05d', double(0.5), 42)).toBe('0.500000 00042');
  });

  it('rounds halves by its options', () => {
    const to = crt.space(32);
    const halves = () => list(crt, double(0.5), double(2.5));
    crt.call('__stdio_common_vsprintf', STANDARD, to, 32, '%.0f %.0f', 0, halves());
    expect(crt.text(to)).toBe('1 3');
    crt.call('__stdio_common_vsprintf', STANDARD | 0x20, to, 32, '%.0f %.0f', 0, halves());
    expect(crt.text(to)).toBe('0 2');
  });

  it('cuts by its options', () => {
    const to = crt.put('________');
    const cut = (options: number, size: number) =>
      crt.call('__stdio_common_vsprintf', options, to, size, '%s', 0, list(crt, 'abcdef'));
    expect(cut(STANDARD, 4)).toBe(6);
    expect(crt.text(to)).toBe('abc');
    expect(cut(0, 3)).toBe(-1);
    expect(crt.text(to)).toBe('ab');
    expect(cut(LEGACY, 4)).toBe(-1);
    expect(crt.text(to).slice(0, 4)).toBe('abcd');
    expect(cut(LEGACY, 6)).toBe(6);
    expect(crt.call('__stdio_common_vsprintf', STANDARD, 0, 0, '%s', 0, list(crt, 'abcdef'))).toBe(6);
    expect(crt.call('__stdio_common_vsnprintf_s', 0, to, 4, -1, '%s', 0, list(crt, 'abcdef'))).toBe(-1);
    expect(crt.text(to)).toBe('abc');
    expect(crt.call('__stdio_common_vsprintf_s', 0, to, 8, '%s', 0, list(crt, 'abcdef'))).toBe(6);
  });

  it('ends the process for a text that does not fit the secure form', () => {
    const other = new CrtMachine({ runtime: UCRT });
    const to = other.space(8);
    other.begin('__stdio_common_vsprintf_s', 0, to, 4, '%s', 0, list(other, 'abcdef'));
    other.run();
    expect(other.process.exitStatus).toBe(STATUS_STACK_BUFFER_OVERRUN);
  });

  it('prints to streams and reads strings', () => {
    const out = crt.callAddress('__acrt_iob_func', 1);
    expect(crt.call('__stdio_common_vfprintf', 0, out, '%s-%d\n', 0, list(crt, 'text', 5))).toBe(7);
    crt.call('fflush', 0);
    expect(crt.output()).toContain('text-5\r\n');
    const [number, word] = [crt.space(8), crt.space(16)];
    const into = list(crt, number, word);
    expect(crt.call('__stdio_common_vsscanf', 0, '42 apples', -1, '%d %s', 0, into)).toBe(2);
    expect(crt.u32(number)).toBe(42);
    expect(crt.text(word)).toBe('apples');
    expect(crt.call('__stdio_common_vsscanf', 0, '423', 2, '%d', 0, into)).toBe(1);
    expect(crt.u32(number)).toBe(42);
  });
});

describe('ucrtbase start and end', () => {
  it('gives arguments and environment', () => {
    const crt = new CrtMachine({
      runtime: UCRT,
      commandLine: 'crt.exe "two words" *.txt',
      environment: ['ONE=1'],
      files: { 'a.txt': '', 'b.txt': '' },
    });
    const argv = () => {
      const at = crt.pointer(crt.callAddress('__p___argv'));
      return Array.from({ length: crt.u32(crt.callAddress('__p___argc')) }, (_, index) =>
        crt.text(crt.pointer(at + 8 * index)),
      );
    };
    expect(crt.call('_configure_narrow_argv', 1)).toBe(0);
    expect(argv()).toEqual(['crt.exe', 'two words', '*.txt']);
    expect(crt.call('_configure_narrow_argv', 2)).toBe(0);
    expect(argv()).toEqual(['crt.exe', 'two words', 'a.txt', 'b.txt']);
    expect(crt.call('_configure_narrow_argv', 3)).toBe(22);
    expect(crt.call('_initialize_narrow_environment')).toBe(0);
    const environment = crt.callAddress('_get_initial_narrow_environment');
    expect(crt.text(crt.pointer(environment))).toBe('ONE=1');
    expect(crt.text(crt.callAddress('_get_narrow_winmain_command_line'))).toBe('"two words" *.txt');
  });

  it('keeps tables of functions and calls the last one first', () => {
    const crt = new CrtMachine({ runtime: UCRT });
    const table = crt.space(24);
    expect(crt.call('_initialize_onexit_table', table)).toBe(0);
    const rand = crt.symbol('rand');
    for (let index = 0; index < 40; index++)
      expect(crt.call('_register_onexit_function', table, rand)).toBe(0);
    expect(crt.pointer(table + 8) - crt.pointer(table)).toBe(40 * 8);
    crt.call('srand', 1);
    expect(crt.call('_execute_onexit_table', table)).toBe(0);
    const after = crt.call('rand');
    crt.call('srand', 1);
    for (let index = 0; index < 40; index++) crt.call('rand');
    expect(after).toBe(crt.call('rand'));
    expect(crt.pointer(table)).toBe(0);
    expect(crt.call('_initialize_onexit_table', 0)).toBe(-1);
  });

  it('has a state of its own beside msvcrt', () => {
    const crt = new CrtMachine({ runtime: UCRT });
    crt.call('_set_fmode', 0x8000);
    expect(crt.u32(crt.callAddress('__p__fmode'))).toBe(0x8000);
    const fresh = crt.callAddress('_errno');
    expect(fresh).toBeGreaterThan(0);
    expect(Object.keys(crt.process.object.library)).toContain('ucrtbase.dll');
    expect(Object.keys(crt.process.object.library)).not.toContain('msvcrt.dll');
  });

  it('aborts with a fast fail, or exit code 3 when asked for no report', () => {
    const crt = new CrtMachine({ runtime: UCRT });
    crt.begin('abort');
    crt.run();
    expect(crt.process.exitStatus).toBe(STATUS_STACK_BUFFER_OVERRUN);
    const quiet = new CrtMachine({ runtime: UCRT });
    expect(quiet.call('_set_abort_behavior', 0, 2)).toBe(3);
    quiet.begin('abort');
    quiet.run();
    expect(quiet.process.exitStatus).toBe(3);
  });
});

describe('ucrtbase numbers', () => {
  const crt = new CrtMachine({ runtime: UCRT });
  const value = (name: string, ...args: number[]) => crt.callDouble(name, ...args.map(double));

  it('reads hexadecimal numbers, infinities and NaNs', () => {
    expect(crt.callDouble('strtod', '0x1.8p3', 0)).toBe(12);
    expect(crt.callDouble('strtod', '0x1p-1074', 0)).toBe(2 ** -1074);
    expect(crt.callDouble('strtod', '0x1.fffffffffffff8p0', 0)).toBe(2);
    expect(crt.callDouble('strtod', '-inf', 0)).toBe(Number.NEGATIVE_INFINITY);
    expect(crt.callDouble('strtod', 'nan(12)', 0)).toBeNaN();
    const end = crt.space(8);
    const text = crt.put('0x1.8p1z');
    crt.callDouble('strtod', text, end);
    expect(crt.pointer(end)).toBe(text + 7);
  });

  it('computes what C99 added', () => {
    expect(value('round', 2.5)).toBe(3);
    expect(value('round', -0.5)).toBe(-1);
    expect(value('round', 0.49999999999999994)).toBe(0);
    expect(value('rint', 2.5)).toBe(2);
    expect(value('nearbyint', -3.5)).toBe(-4);
    expect(value('trunc', -1.9)).toBe(-1);
    expect(value('cbrt', 27)).toBe(3);
    expect(value('exp2', 10)).toBe(1024);
    expect(value('log2', 8)).toBe(3);
    expect(value('fmax', Number.NaN, 1)).toBe(1);
    expect(value('fdim', 5, 3)).toBe(2);
    expect(value('remainder', 5, 3)).toBe(-1);
    expect(value('remainder', 6, 4)).toBe(-2);
    expect(value('remainder', 2 ** 1000, 3)).toBe(1);
    expect(value('fma', 2 ** 53 + 2, 1 + 2 ** -52, -(2 ** 53))).toBe(4);
    expect(value('fma', 0.1, 10, -1)).toBe(2 ** -54);
    expect(value('tgamma', 6)).toBe(120);
    expect(value('tgamma', 0.5)).toBeCloseTo(Math.sqrt(Math.PI), 13);
    expect(value('tgamma', 5.5)).toBeCloseTo(52.34277778455352, 11);
    expect(value('lgamma', 100)).toBeCloseTo(359.1342053695754, 11);
    expect(value('erf', 0.5)).toBeCloseTo(0.5204998778130465, 15);
    expect(value('erfc', 3)).toBeCloseTo(2.209049699858544e-5, 19);
    expect(crt.call('lrint', double(2.5))).toBe(2);
    expect(crt.call('lround', double(-2.5))).toBe(-3);
    expect(crt.call64('llround', double(2 ** 40))).toBe(2n ** 40n);
    expect(crt.call('ilogb', double(0.1))).toBe(-4);
  });

  it('rounds by the mode that the program sets', () => {
    const UPWARD = 0x200;
    expect(crt.call('fesetround', UPWARD)).toBe(0);
    expect(crt.call('fegetround')).toBe(UPWARD);
    expect(value('rint', 2.1)).toBe(3);
    expect(crt.call('fesetround', 0)).toBe(0);
    expect(crt.call('fesetround', 7)).toBe(1);
  });
});

describe('ucrtbase strings, memory and time', () => {
  const crt = new CrtMachine({ runtime: UCRT });

  it('knows the conversions of time that C99 added', () => {
    const time = crt.space(36);
    // Friday, 1 January 2021: the last week of 2020 by ISO 8601.
    crt.process.write(time, new Uint8Array(Int32Array.of(5, 4, 3, 1, 0, 121, 5, 0, 0).buffer));
    const to = crt.space(64);
    const format = (text: string) => {
      crt.call('strftime', to, 64, text, time);
      return crt.text(to);
    };
    expect(format('%F %T %e %D')).toBe('2021-01-01 03:04:05  1 01/01/21');
    expect(format('%G-W%V-%u %C%%')).toBe('2020-W53-5 20%');
    expect(format('%r %R %h %Ey')).toBe('03:04:05 AM 03:04 Jan 21');
  });

  it('cuts wide texts with a context or without one', () => {
    const [text, context] = [crt.put({ wide: 'a,b' }), crt.space(8)];
    expect(crt.callAddress('wcstok', text, { wide: ',' }, context)).toBe(text);
    expect(crt.callAddress('wcstok', 0, { wide: ',' }, context)).toBe(text + 4);
    expect(crt.callAddress('wcstok', 0, { wide: ',' }, context)).toBe(0);
  });

  it('copies with checks, grows with zeroes, divides', () => {
    const to = crt.put('........');
    expect(crt.call('memcpy_s', to, 8, 'abcd', 4)).toBe(0);
    expect(crt.text(to)).toBe('abcd....');
    expect(crt.call('memcpy_s', to, 2, 'abcd', 4)).toBe(34);
    expect([...crt.process.read(to, 3)]).toEqual([0, 0, 0x63]);
    const block = crt.callAddress('_recalloc', crt.callAddress('_recalloc', 0, 1, 4), 4, 4);
    expect([...crt.process.read(block, 16)]).toEqual(Array(16).fill(0));
    const result = crt.space(16);
    expect(crt.callAddress('lldiv', result, -7n, 2)).toBe(result);
    expect([crt.pointer(result), crt.pointer(result + 8)]).toEqual([2 ** 64 - 3, 2 ** 64 - 1]);
    expect(crt.call('isblank', 9) + crt.call('isblank', 10)).toBe(1);
  });

  it('converts multibyte characters one byte at a time', () => {
    const to = crt.space(64);
    const source = crt.space(8);
    const text = crt.put('caf\xe9');
    crt.process.write(source, new Uint8Array(BigUint64Array.of(BigInt(text)).buffer));
    expect(crt.call('mbsrtowcs', to, source, 32, 0)).toBe(4);
    expect(crt.pointer(source)).toBe(0);
    expect(crt.call('wcscmp', to, { wide: 'caf\xe9' })).toBe(0);
    expect(crt.call('mbrtowc', to, '', 1, 0)).toBe(0);
    expect(crt.call('mbrtowc', to, text, 0, 0)).toBe(-2);
    expect(crt.call('wcrtomb', to, 0x20ac, 0)).toBe(-1);
    expect(crt.call('btowc', 0xe9)).toBe(0xe9);
    expect(crt.call('_strtoi64_l', '12', 0, 10, 0)).toBe(12);
    expect(crt.callAddress('_create_locale', 0, 'de-DE')).toBe(0);
  });
});
