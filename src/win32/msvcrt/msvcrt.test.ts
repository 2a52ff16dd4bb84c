import { describe, expect, it } from 'vitest';
import { CrtMachine } from '../../testing/crt-machine.js';

const double = (value: number) => ({ double: value });
const wide = (text: string) => ({ wide: text });

describe('msvcrt strings', () => {
  const crt = new CrtMachine();

  it('runs its machine code', () => {
    expect(crt.call('strlen', 'twelve chars')).toBe(12);
    expect(crt.call('wcslen', wide('three'))).toBe(5);
    expect(crt.call('strcmp', 'abc', 'abd')).toBe(-1);
    expect(crt.call('strncmp', 'abc', 'abd', 2)).toBe(0);
    expect(crt.call('memcmp', 'abcdefgh1', 'abcdefgh0', 9)).toBe(1);
    expect(crt.call('toupper', 0x71)).toBe(0x51);
    const original = 'a long text that moves over itself, more than sixty-four bytes of it, indeed';
    const text = crt.put(original);
    expect(crt.callAddress('memmove', text + 3, text, 70)).toBe(text + 3);
    expect(crt.text(text)).toBe(`a l${original.slice(0, 70)}${original.slice(73)}`);
    expect(crt.callAddress('memcpy', text, text + 3, 70)).toBe(text);
    expect(crt.text(text).slice(0, 70)).toBe(original.slice(0, 70));
    crt.call('memset', text + 1, 0x2a, 70);
    expect(crt.text(text)).toBe(`a${'*'.repeat(70)}${original.slice(68, 70)}${original.slice(73)}`);
    const to = crt.space(32);
    crt.call('strcpy', to, 'one');
    crt.call('strcat', to, ' two');
    expect(crt.text(to)).toBe('one two');
    expect(crt.callAddress('strchr', to, 0x74)).toBe(to + 4);
  });

  it('searches and cuts', () => {
    const text = crt.put('one, two;three');
    expect(crt.callAddress('strstr', text, 'two')).toBe(text + 5);
    expect(crt.callAddress('strrchr', text, 0x65)).toBe(text + 13);
    expect(crt.callAddress('strpbrk', text, ';,')).toBe(text + 3);
    expect(crt.call('strcspn', text, ';')).toBe(8);
    expect(crt.text(crt.callAddress('strtok', text, ', ;'))).toBe('one');
    expect(crt.text(crt.callAddress('strtok', 0, ', ;'))).toBe('two');
    expect(crt.text(crt.callAddress('strtok', 0, ', ;'))).toBe('three');
    expect(crt.call('strtok', 0, ', ;')).toBe(0);
    expect(crt.call('_stricmp', 'ABC', 'abd')).toBe(-1);
    expect(crt.text(crt.callAddress('_strrev', crt.put('abc')))).toBe('cba');
    expect(crt.text(crt.callAddress('strncpy', crt.put('........'), 'ab', 4))).toBe('ab');
  });

  it('refuses what does not fit', () => {
    const to = crt.put('....');
    expect(crt.call('strcpy_s', to, 4, 'four')).toBe(34);
    expect(crt.text(to)).toBe('');
    expect(crt.call('strcpy_s', to, 5, 'four')).toBe(0);
    expect(crt.text(to)).toBe('four');
  });

  it('converts between narrow and wide', () => {
    const to = crt.space(64);
    expect(crt.call('mbstowcs', to, 'text', 32)).toBe(4);
    expect(crt.call('wcscmp', to, wide('text'))).toBe(0);
    expect(crt.call('wcstombs', to, wide('back'), 32)).toBe(4);
    expect(crt.text(to)).toBe('back');
    expect(crt.call('wcstombs', to, wide('\u263a'), 32)).toBe(-1);
    expect(crt.errno).toBe(42);
  });
});

describe('msvcrt numbers', () => {
  const crt = new CrtMachine();

  it('reads integers', () => {
    const end = crt.space(8);
    const text = crt.put('-0x1fz');
    expect(crt.call('strtol', text, end, 0)).toBe(-31);
    expect(crt.pointer(end)).toBe(text + 5);
    expect(crt.call('strtol', '99999999999', 0, 10)).toBe(0x7fffffff);
    expect(crt.errno).toBe(34);
    expect(crt.call64('_strtoui64', '18446744073709551615', 0, 10)).toBe(0xffffffffffffffffn);
    expect(crt.call('atoi', ' 42x')).toBe(42);
    expect(crt.call('atoi', '9999999999999999999999')).toBe(-1304428545);
    expect(crt.call('strtoul', '-1', 0, 10)).toBe(-1);
    expect(crt.call('strtol', `${' '.repeat(500)}77`, 0, 10)).toBe(77);
    expect(crt.callDouble('strtod', `${'0'.repeat(300)}2.5`, 0)).toBe(2.5);
  });

  it('computes', () => {
    expect(crt.callDouble('sqrt', double(2))).toBe(Math.SQRT2);
    expect(crt.callDouble('pow', double(2), double(10))).toBe(1024);
    expect(crt.callDouble('fmod', double(7), double(4))).toBe(3);
    expect(crt.callDouble('log', double(-1))).toBeNaN();
    expect(crt.errno).toBe(33);
    const place = crt.space(8);
    expect(crt.callDouble('modf', double(-2.75), place)).toBe(-0.75);
    expect(crt.double(place)).toBe(-2);
    expect(crt.callDouble('ldexp', double(3), 4)).toBe(48);
    expect(crt.callDouble('atof', '1e3')).toBe(1000);
  });

  it('leaves the flags of errors where _statusfp finds them', () => {
    const flagsOf = (name: string, ...args: { double: number }[]) => {
      crt.call('_clearfp');
      crt.callDouble(name, ...args);
      return crt.call('_statusfp');
    };
    expect(flagsOf('sqrt', double(-4))).toBe(0x10);
    expect(flagsOf('log', double(0))).toBe(0x08);
    expect(flagsOf('exp', double(1000))).toBe(0x05);
    expect(flagsOf('sqrt', double(4))).toBe(0);
  });

  it('draws the numbers that this runtime draws', () => {
    crt.call('srand', 1);
    expect([1, 2, 3, 4, 5].map(() => crt.call('rand'))).toEqual([41, 18467, 6334, 26500, 19169]);
  });

  it('sorts and searches with the program comparing', () => {
    const numbers = Array.from({ length: 500 }, (_, index) => (index * 7919) % 1009);
    const at = crt.put(new Uint8Array(Int32Array.from(numbers).buffer));
    crt.call('qsort', at, numbers.length, 4, crt.compare);
    const sorted = [...new Int32Array(crt.process.read(at, 4 * numbers.length).buffer)];
    expect(sorted).toEqual(numbers.toSorted((a, b) => a - b));
    const key = crt.put(new Uint8Array(Int32Array.of(sorted[123]!).buffer));
    expect(crt.callAddress('bsearch', key, at, sorted.length, 4, crt.compare)).toBe(at + 4 * 123);
    const missing = crt.put(new Uint8Array(Int32Array.of(-5).buffer));
    expect(crt.call('bsearch', missing, at, sorted.length, 4, crt.compare)).toBe(0);
  });

  it('keeps a calendar on the virtual clock', () => {
    const now = crt.callAddress('time', 0);
    expect(now).toBeGreaterThanOrEqual(1_767_225_600);
    expect(now).toBeLessThan(1_767_225_600 + 10);
    const seconds = crt.space(8);
    crt.process.write(seconds, new Uint8Array(BigInt64Array.of(86400n * 365n).buffer));
    const tm = crt.callAddress('gmtime', seconds);
    expect(crt.text(crt.callAddress('asctime', tm))).toBe('Fri Jan 01 00:00:00 1971\n');
    expect(crt.callAddress('mktime', tm)).toBe(86400 * 365);
    const text = crt.space(64);
    expect(crt.call('strftime', text, 64, '%Y-%m-%d', tm)).toBe(10);
    expect(crt.text(text)).toBe('1971-01-01');
  });
});

describe('msvcrt memory', () => {
  const crt = new CrtMachine();

  it('allocates, grows and frees', () => {
    const block = crt.callAddress('malloc', 100);
    expect(block % 16).toBe(0);
    crt.call('memset', block, 0x61, 100);
    const grown = crt.callAddress('realloc', block, 5000);
    expect(crt.text(grown, 100)).toBe('a'.repeat(100));
    expect(crt.callAddress('_msize', grown)).toBe(5000);
    crt.call('free', grown);
    const zeroed = crt.callAddress('calloc', 10, 10);
    expect([...crt.process.read(zeroed, 100)].every((byte) => byte === 0)).toBe(true);
    const aligned = crt.callAddress('_aligned_malloc', 100, 256);
    expect(aligned % 256).toBe(0);
    crt.call('_aligned_free', aligned);
    expect(crt.call('_heapchk')).toBe(-2);
  });

  it('refuses what is too much', () => {
    expect(crt.call('malloc', -1)).toBe(0);
    expect(crt.errno).toBe(12);
    expect(crt.call('calloc', 1n << 33n, 1n << 33n)).toBe(0);
  });

  it('ends a program that frees what is no block', () => {
    const victim = new CrtMachine();
    victim.space(64);
    victim.begin('free', victim.put('this is no heap block'));
    expect(victim.run()).toBe('exited');
    expect(victim.process.exitStatus).toBe(0xc0000374);
  });
});

describe('msvcrt start-up and end', () => {
  it('gives the arguments and the environment', () => {
    const crt = new CrtMachine({
      commandLine: 'crt.exe one "two words" *.txt "*.txt"',
      environment: ['PATH=C:\\app', 'NAME=value'],
      files: { 'b.txt': '', 'a.txt': '', 'c.dat': '' },
    });
    const [argc, argv, env, info] = [crt.space(8), crt.space(8), crt.space(8), crt.space(8)];
    expect(crt.call('__getmainargs', argc, argv, env, 1, info)).toBe(0);
    const count = crt.u32(argc);
    const texts = Array.from({ length: count }, (_, index) =>
      crt.text(crt.pointer(crt.pointer(argv) + 8 * index)),
    );
    expect(texts).toEqual(['crt.exe', 'one', 'two words', 'a.txt', 'b.txt', '*.txt']);
    expect(crt.u32(crt.symbol('__argc'))).toBe(count);
    expect(crt.text(crt.pointer(crt.symbol('_acmdln')))).toBe('crt.exe one "two words" *.txt "*.txt"');
    expect(crt.text(crt.callAddress('getenv', 'name'))).toBe('value');
    expect(crt.call('_putenv', 'NAME=other')).toBe(0);
    expect(crt.text(crt.callAddress('getenv', 'NAME'))).toBe('other');
    expect(crt.call('_putenv', 'NAME=')).toBe(0);
    expect(crt.call('getenv', 'NAME')).toBe(0);
    expect(crt.pointer(env)).toBe(crt.pointer(crt.symbol('__initenv')));
  });

  it('flushes and closes at exit', () => {
    const crt = new CrtMachine();
    const file = crt.callAddress('fopen', 'out.txt', 'w');
    crt.call('fputs', 'kept\n', file);
    crt.call('printf', 'bye\n');
    crt.begin('exit', 7);
    expect(crt.run()).toBe('exited');
    expect(crt.process.exitStatus).toBe(7);
    expect(crt.file('out.txt')).toBe('kept\r\n');
    expect(crt.output()).toBe('bye\r\n');
  });

  it.each(['abort', '?terminate@@YAXXZ'])('%s ends with 3', (name) => {
    const crt = new CrtMachine();
    crt.begin(name);
    expect(crt.run()).toBe('exited');
    expect(crt.process.exitStatus).toBe(3);
    expect(crt.output(2)).toContain('requested the Runtime to terminate it in an unusual way');
  });
});

describe('msvcrt streams', () => {
  it('writes text with CR LF and reads it back', () => {
    const crt = new CrtMachine();
    const out = crt.callAddress('fopen', 't.txt', 'w');
    expect(crt.call('fprintf', out, '%d %s %.2f\n', 12, 'text', double(2.5))).toBe(13);
    expect(crt.call('fwrite', 'x\ny\n', 1, 4, out)).toBe(4);
    expect(crt.call('ftell', out)).toBe(13 + 1 + 4 + 2);
    expect(crt.call('fclose', out)).toBe(0);
    expect(crt.file('t.txt')).toBe('12 text 2.50\r\nx\r\ny\r\n');

    const input = crt.callAddress('fopen', 't.txt', 'r');
    const line = crt.space(64);
    expect(crt.callAddress('fgets', line, 64, input)).toBe(line);
    expect(crt.text(line)).toBe('12 text 2.50\n');
    expect(crt.call('ftell', input)).toBe(14);
    expect(crt.call('fgetc', input)).toBe(0x78);
    expect(crt.call('ungetc', 0x7a, input)).toBe(0x7a);
    expect(crt.call('fgetc', input)).toBe(0x7a);
    expect(crt.call('fseek', input, 0, 0)).toBe(0);
    const [a, b, c] = [crt.space(8), crt.space(16), crt.space(8)];
    expect(crt.call('fscanf', input, '%d %s %lf', a, b, c)).toBe(3);
    expect([crt.u32(a), crt.text(b), crt.double(c)]).toEqual([12, 'text', 2.5]);
    expect(crt.call('fread', line, 1, 64, input)).toBe(5);
    expect(crt.call('feof', input)).not.toBe(0);
  });

  it('finds its place in files with either kind of line end', () => {
    const crt = new CrtMachine({ files: { 'unix.txt': 'ab\ncd\nef\n', 'mixed.txt': 'ab\r\ncd\ne\rf\r\n' } });
    const line = crt.space(64);
    for (const [name, places] of [
      ['unix.txt', [3, 6, 9]],
      ['mixed.txt', [4, 7, 12]],
    ] as const) {
      const input = crt.callAddress('fopen', name, 'r');
      for (const place of places) {
        crt.call('fgets', line, 64, input);
        expect(crt.call('ftell', input)).toBe(place);
      }
      expect(crt.call('fseek', input, places[0], 0)).toBe(0);
      crt.call('fgets', line, 64, input);
      expect(crt.text(line)).toBe('cd\n');
    }
  });

  it('reads and writes one file, and appends', () => {
    const crt = new CrtMachine({ files: { 'f.bin': '0123456789' } });
    const file = crt.callAddress('fopen', 'f.bin', 'r+b');
    crt.call('fseek', file, 4, 0);
    crt.call('fputs', 'xy', file);
    crt.call('fseek', file, 0, 1);
    expect(crt.call('fgetc', file)).toBe(0x36);
    crt.call('rewind', file);
    expect(crt.call('fgetc', file)).toBe(0x30);
    crt.call('fclose', file);
    const more = crt.callAddress('fopen', 'f.bin', 'ab');
    expect(crt.call('ftell', more)).toBe(0);
    crt.call('fputs', '!', more);
    crt.call('fclose', more);
    expect(crt.file('f.bin')).toBe('0123xy6789!');
  });

  it('moves across buffers', () => {
    const text = 'line of text\r\n'.repeat(1000);
    const crt = new CrtMachine({ files: { 'long.txt': text } });
    const file = crt.callAddress('fopen', 'long.txt', 'r');
    const to = crt.space(20000);
    expect(crt.call('fread', to, 1, 20000, file)).toBe(13000);
    expect(crt.text(to, 26)).toBe('line of text\nline of text\n');
    crt.call('fseek', file, -14, 2);
    expect(crt.call('fgetc', file)).toBe(0x6c);
    expect(crt.call('ftell', file)).toBe(text.length - 13);
  });

  it('stops at Ctrl+Z in text', () => {
    const crt = new CrtMachine({ files: { 'z.txt': 'ab\x1acd' } });
    const file = crt.callAddress('fopen', 'z.txt', 'r');
    const to = crt.space(16);
    expect(crt.call('fread', to, 1, 16, file)).toBe(2);
    expect(crt.call('feof', file)).toBe(0x10);
  });

  it('says why it cannot open', () => {
    const crt = new CrtMachine();
    expect(crt.call('fopen', 'none.txt', 'r')).toBe(0);
    expect(crt.errno).toBe(2);
    expect(crt.call('fopen', 'none.txt', 'q')).toBe(0);
    expect(crt.errno).toBe(22);
    expect(crt.call('fopen', 'C:\\app\\new.txt', 'w')).toBe(0);
    expect(crt.errno).toBe(13);
    expect(crt.call('remove', 'none.txt')).toBe(-1);
    crt.call('perror', 'here');
    expect(crt.output(2)).toBe('here: No such file or directory\r\n');
  });

  it('removes, renames and looks at files', () => {
    const crt = new CrtMachine({ files: { 'a.txt': 'abc' } });
    expect(crt.call('rename', 'a.txt', 'A.txt')).toBe(0);
    expect(crt.call('rename', 'none.txt', 'a.txt')).toBe(-1);
    expect(crt.errno).toBe(2);
    expect(crt.call('rename', 'a.txt', 'b.txt')).toBe(0);
    const stat = crt.space(64);
    expect(crt.call('_stat64', 'b.txt', stat)).toBe(0);
    expect(crt.u32(stat + 24)).toBe(3);
    expect(crt.call('_access', 'b.txt', 0)).toBe(0);
    expect(crt.call('remove', 'b.txt')).toBe(0);
    expect(crt.call('_access', 'b.txt', 0)).toBe(-1);
  });

  it('knows the case of 26 letters', () => {
    const crt = new CrtMachine();
    expect(crt.call('towupper', 0x3b1)).toBe(0x3b1);
    expect(crt.call('towlower', 0x41)).toBe(0x61);
    expect(crt.call('_wcsicmp', { wide: '\xe4b' }, { wide: '\xe4B' })).toBe(0);
    expect(crt.call('_wcsicmp', { wide: '\xe4' }, { wide: '\xc4' })).not.toBe(0);
  });

  it('makes, enters and removes folders', () => {
    const crt = new CrtMachine();
    const path = crt.space(64);
    expect(crt.call('_mkdir', 'd')).toBe(0);
    expect(crt.call('_chdir', 'd')).toBe(0);
    expect(crt.text(crt.callAddress('_getcwd', path, 64))).toBe('C:\\work\\d');
    expect(crt.call('_wchdir', { wide: '..' })).toBe(0);
    expect(crt.text(crt.callAddress('_getcwd', path, 64))).toBe('C:\\work');
    expect(crt.call('_rmdir', 'd')).toBe(0);
    expect(crt.call('_chdir', 'd')).toBe(-1);
    expect(crt.errno).toBe(2);
    expect(crt.call('_chdir', 0)).toBe(-1);
    expect(crt.errno).toBe(22);
  });

  it('makes a temporary file that goes away', () => {
    const crt = new CrtMachine();
    const file = crt.callAddress('tmpfile');
    crt.call('fputs', 'gone', file);
    expect(crt.host.list(crt.work, []).length).toBe(1);
    crt.call('fclose', file);
    expect(crt.host.list(crt.work, [])).toEqual([]);
  });

  it('names temporary files in the folder of TMP, else in the one given', () => {
    const crt = new CrtMachine();
    crt.call('_mkdir', 'given');
    crt.call('_mkdir', 'other');
    expect(crt.text(crt.callAddress('_tempnam', 'given', 'pre'))).toBe('given\\pre1');
    expect(crt.text(crt.callAddress('_tempnam', 'nowhere', 0))).toBe('.\\2');
    crt.call('_putenv', 'TMP=other');
    expect(crt.text(crt.callAddress('_tempnam', 'given', 'pre'))).toBe('other\\pre3');
  });

  it('refuses modes that it cannot keep', () => {
    const crt = new CrtMachine();
    for (const mode of ['q', 'w, ccs=UTF-16LE']) {
      expect(crt.call('fopen', 't.txt', mode)).toBe(0);
      expect(crt.errno).toBe(22);
    }
    expect(crt.call('_access', 't.txt', 0)).toBe(-1);
  });

  it('takes keys from the console and writes to it', () => {
    const crt = new CrtMachine();
    crt.begin('_getch');
    expect(crt.run()).toBe('waiting-input');
    crt.kernel.console.feed(Uint8Array.of(0x61, 10, 13, 0x62));
    crt.kernel.console.feed(null);
    crt.kernel.scheduler.consoleArrived();
    expect(crt.run()).toBe('limit');
    expect(crt.call('_getch')).toBe(13);
    expect(crt.call('_getch')).toBe(13);
    expect(crt.call('_getch')).toBe(0x62);
    expect(crt.call('_getch')).toBe(-1);
    crt.call('_putch', 0x63);
    crt.call('_cputs', 'd\n');
    expect(crt.output()).toBe('cd\n');
  });

  it('makes files read only with _chmod, and writable again', () => {
    const crt = new CrtMachine({ files: { 'a.txt': '' } });
    expect(crt.call('_chmod', 'a.txt', 0x100)).toBe(0);
    expect(crt.call('_access', 'a.txt', 2)).toBe(-1);
    expect(crt.errno).toBe(13);
    expect(crt.callAddress('fopen', 'a.txt', 'w')).toBe(0);
    expect(crt.call('_chmod', 'a.txt', 0x180)).toBe(0);
    expect(crt.call('_access', 'a.txt', 2)).toBe(0);
    expect(crt.callAddress('fopen', 'a.txt', 'w')).not.toBe(0);
    expect(crt.call('_chmod', 'b.txt', 0x180)).toBe(-1);
    expect(crt.errno).toBe(2);
  });

  it('bounds what _snprintf writes', () => {
    const crt = new CrtMachine();
    const to = crt.put('#########');
    expect(crt.call('_snprintf', to, 4, '%s', 'abcdef')).toBe(-1);
    expect(crt.text(to)).toBe('abcd#####');
    expect(crt.call('_snprintf', to, 8, '%d', 42)).toBe(2);
    expect(crt.text(to)).toBe('42');
    expect(crt.call('_scprintf', '%f', double(1.5))).toBe(8);
    expect(crt.call('sprintf', to, '%c%n', 65, to + 4)).toBe(1);
    expect(crt.u32(to + 4)).toBe(1);
  });

  it('prints wide text', () => {
    const crt = new CrtMachine();
    expect(crt.call('wprintf', wide('%s|%S|%d\n'), wide('wide'), 'narrow', 5)).toBe(14);
    expect(crt.output()).toBe('wide|narrow|5\r\n');
  });
});

describe('msvcrt console', () => {
  it('waits for input and goes on where it was', () => {
    const crt = new CrtMachine();
    const line = crt.space(64);
    crt.begin('fgets', line, 64, crt.symbol('_iob'));
    expect(crt.run()).toBe('waiting-input');
    crt.kernel.console.feed(Uint8Array.from('hello\n', (letter) => letter.charCodeAt(0)));
    expect(crt.run()).toBe('limit');
    expect(crt.text(line)).toBe('hello\n');
  });

  it('keeps what a waiting read has taken', () => {
    const crt = new CrtMachine();
    const [a, b] = [crt.space(8), crt.space(8)];
    const feed = (text: string) =>
      crt.kernel.console.feed(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
    crt.begin('scanf', '%d %d', a, b);
    expect(crt.run()).toBe('waiting-input');
    feed('12\n');
    expect(crt.run()).toBe('waiting-input');
    feed('34\n');
    expect(crt.run()).toBe('limit');
    expect([crt.u32(a), crt.u32(b)]).toEqual([12, 34]);
    const to = crt.space(16);
    crt.begin('fread', to, 1, 7, crt.symbol('_iob'));
    expect(crt.run()).toBe('waiting-input');
    feed('abc\n');
    expect(crt.run()).toBe('waiting-input');
    crt.kernel.console.feed(null);
    expect(crt.run()).toBe('limit');
    expect(crt.text(to)).toBe('\nabc\n');
  });
});

describe('msvcrt and hostile arguments', () => {
  it('raises violations in the program', () => {
    for (const [name, ...args] of [
      ['strlen', -1],
      ['printf', 0x123456789],
      ['printf', '%s', 1],
      ['fputs', 'x', 0],
      ['strtok', 5, 6],
      ['qsort', 5, 2 ** 40, 2 ** 20, 7],
      ['fwrite', 0x10000, 2 ** 40, 2 ** 20, 5],
      ['fread', 0x10000, -1, -1, 5],
      ['memset', 5, 0, -1],
      ['sprintf', 0x10, '%2000000000d', 1],
      ['_strrev', -1],
      ['mbstowcs', 5, 'x', -1],
    ] as [string, ...(number | string)[]][]) {
      const crt = new CrtMachine();
      crt.begin(name, ...args);
      expect([name, crt.run(), crt.process.exitStatus]).toEqual([name, 'exited', 0xc0000005]);
    }
  });
});

describe('its heap', () => {
  it('grows arrays cleared, aligned ones too, and is walked block by block', () => {
    const crt = new CrtMachine();
    const array = crt.callAddress('_recalloc', 0, 10, 4);
    crt.process.write(array, new Uint8Array(40).fill(0x55));
    const grown = crt.callAddress('_recalloc', array, 300, 4);
    const bytes = crt.process.read(grown, 1200);
    expect([bytes.subarray(0, 40).every((byte) => byte === 0x55), bytes[40], bytes.at(-1)]).toEqual([
      true,
      0,
      0,
    ]);
    expect(crt.callAddress('_recalloc', grown, 2 ** 40, 2 ** 40)).toBe(0);
    const aligned = crt.callAddress('_aligned_malloc', 100, 256);
    expect([aligned % 256, crt.call('_aligned_msize', aligned, 256, 0)]).toEqual([0, 100]);
    crt.process.write(aligned, new Uint8Array(100).fill(0x66));
    const wide = crt.callAddress('_aligned_recalloc', aligned, 50, 8, 256);
    const all = crt.process.read(wide, 400);
    expect([wide % 256, all[99], all.subarray(100).every((byte) => byte === 0)]).toEqual([0, 0x66, true]);
    const info = crt.space(24);
    crt.process.write(info, new Uint8Array(24));
    const used = new Map<number, number>();
    while (crt.call('_heapwalk', info) === -2)
      if (crt.u32(info + 16) === 1) used.set(crt.pointer(info), crt.pointer(info + 8));
    expect(crt.call('_heapwalk', info)).toBe(-5);
    expect([used.get(grown), used.has(wide), crt.call('_heapmin')]).toEqual([1200, false, 0]);
  });
});
