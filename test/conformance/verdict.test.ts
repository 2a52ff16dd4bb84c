/** The judge of the conformance table finds what is wrong, and the row files say what they say. */
import { describe, expect, it } from 'vitest';
import { StringTable } from './expression.js';
import { compileRow } from './guest-script.js';
import { parseRows, type Row } from './row-file.js';
import { judge, observationsByRow } from './verdict.js';

function row(...steps: string[]): Row {
  return parseRows(`family F\nsource S\nrow r\n${steps.map((step) => `  ${step}`).join('\n')}\n`, 'test')[0]!;
}

describe('a judge', () => {
  const refused = row('p = VirtualAlloc(0, 0, MEM_RESERVE, PAGE_NOACCESS) -> fails ERROR_INVALID_PARAMETER');

  it('takes a failure with its last error', () => {
    expect(judge(refused, ['= 0 57'])).toBeNull();
  });

  it.each([
    ['another last error', '= 0 5', 'last error ERROR_ACCESS_DENIED'],
    ['success', '= 10000 dead', '0x10000'],
    ['an exception', '! c0000005 1 10', 'STATUS_ACCESS_VIOLATION'],
    ['a missing function', 'missing', 'no such function'],
  ])('does not take %s', (_, line, words) => {
    expect(judge(refused, [line])).toContain(words);
  });

  it('does not take the end of the program', () => {
    expect(judge(refused, [])).toContain('the program ended');
  });

  it('compares a BOOL by its 32 bits, a pointer by its 64', () => {
    expect(judge(row('VirtualFree(0, 0, 0) -> 1'), ['= ffffffff00000001 0', '# 1'])).toBeNull();
    expect(judge(row('VirtualAlloc(0, 0, 0, 0) -> 1'), ['= ffffffff00000001 0', '# 1'])).not.toBeNull();
  });

  it('tells where and how an exception came', () => {
    const write = row('write u8 16 1 -> raises STATUS_ACCESS_VIOLATION write at 16');
    expect(judge(write, ['! c0000005 1 10', '# 10'])).toBeNull();
    expect(judge(write, ['! c0000005 0 10', '# 10'])).not.toBeNull();
    expect(judge(write, ['! c0000005 1 11', '# 10'])).not.toBeNull();
    expect(judge(write, ['! 80000001 1 10', '# 10'])).not.toBeNull();
    expect(judge(write, ['= 0 0', '# 10'])).toContain('no exception');
  });

  it('names the parts of a query that are wrong', () => {
    const query = row('query 64K -> MEM_COMMIT, MEM_PRIVATE, PAGE_READWRITE, size 8K');
    const line = (size: string, state: string) => [`? 10000 10000 4 ${size} ${state} 4 20000`, '# 2000'];
    expect(judge(query, line('2000', '1000'))).toBeNull();
    expect(judge(query, line('3000', '1000'))).toContain('not size 8K');
    expect(judge(query, line('2000', '2000'))).toContain('not MEM_COMMIT');
  });

  it('compares two values', () => {
    expect(judge(row('check 1 < 2'), ['# 1', '# 2'])).toBeNull();
    expect(judge(row('check 1 = 2'), ['# 1', '# 2'])).toBe('check 1 = 2\n    gave 0x1 and 0x2');
  });
});

describe('a row file', () => {
  it('makes a row of each case and each value', () => {
    const rows = parseRows(
      'family F\nsource S\nrow $a of $b\n  cases $a $b\n    1 2\n    3 4\n  check $a = $b\nrow $x$y\n  each $x: 1 2\n  each $y: 3 4\n  check $x = $y\n',
      'test',
    );
    expect(rows.map(({ title }) => title)).toEqual(['1 of 2', '3 of 4', '13', '14', '23', '24']);
  });

  it.each([
    ['a line that says nothing', 'family F\nnothing\n'],
    ['a step that is none', 'family F\nrow r\n  p q r\n'],
    ['a case that lacks a value', 'family F\nrow r\n  cases $a $b\n    1\n'],
  ])('refuses %s', (_, text) => {
    expect(() => parseRows(text, 'test')).toThrow();
  });

  it('compiles expressions, and refuses names that nobody knows', () => {
    const compile = (...steps: string[]) => compileRow(row(...steps), new StringTable());
    expect(compile('n = 64K + 2*3', 'check n = -1')).toEqual(['L 1 10000 2 3 * +', 'E v1', 'E 0 1 -']);
    expect(() => compile('check n = 1')).toThrow('nothing has set n');
    expect(() => compile('check MEM_UNKNOWN = 1')).toThrow('MEM_UNKNOWN');
  });

  it('undoes what a row made, the last first', () => {
    const lines = compileRow(
      row('p = VirtualAlloc(0, 1, 0, 0) -> anything', 'h = HeapCreate(0, 0, 0) -> anything'),
      new StringTable(),
    );
    expect(lines.slice(-2)).toEqual(['D HeapDestroy v2', 'D VirtualFree v1,0,8000']);
  });
});

it('the output of a guest falls into rows', () => {
  expect([...observationsByRow('R 0\n= 1 0\nR a\n# 5\ndone\n')]).toEqual([
    [0, ['= 1 0']],
    [10, ['# 5']],
  ]);
});
