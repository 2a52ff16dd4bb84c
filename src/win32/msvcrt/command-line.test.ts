import { describe, expect, it } from 'vitest';
import { splitCommandLine } from './command-line.js';

const split = (line: string) => splitCommandLine(line).map(({ text }) => text);

describe('splitCommandLine', () => {
  // The table of "Parsing C command-line arguments", Microsoft.
  it.each([
    ['"a b c" d e', ['a b c', 'd', 'e']],
    ['"ab\\"c" "\\\\" d', ['ab"c', '\\', 'd']],
    ['a\\\\\\b d"e f"g h', ['a\\\\\\b', 'de fg', 'h']],
    ['a\\\\\\"b c d', ['a\\"b', 'c', 'd']],
    ['a\\\\\\\\"b c" d e', ['a\\\\b c', 'd', 'e']],
    ['a"b"" c d', ['ab" c d']],
  ])('%s', (line, expected) => {
    expect(split(`prog ${line}`)).toEqual(['prog', ...expected]);
  });

  it('takes the program name as it stands', () => {
    expect(split('"C:\\app\\my prog.exe" x')).toEqual(['C:\\app\\my prog.exe', 'x']);
    expect(split('C:\\app\\p.exe')).toEqual(['C:\\app\\p.exe']);
    expect(split('p.exe \t ')).toEqual(['p.exe']);
  });

  it('keeps empty arguments and remembers quotation marks', () => {
    expect(splitCommandLine('p "" "*.c" *.c')).toEqual([
      { text: 'p', quoted: true },
      { text: '', quoted: true },
      { text: '*.c', quoted: true },
      { text: '*.c', quoted: false },
    ]);
  });
});
