import { describe, expect, it } from 'vitest';
import { expressionOf, isNameInExpression } from './name-expression.js';

describe('names and wildcards', () => {
  it.each([
    ['a.txt', '*', true],
    ['a.txt', '*.txt', true],
    ['A.TXT', 'a.txt', true],
    ['größe.TXT', 'GRÖSSE.txt', false],
    ['größe.TXT', 'GRÖßE.txt', true],
    ['a.txt', '?.txt', true],
    ['ab.txt', '?.txt', false],
    ['', '*', true],
    ['a', '?', true],
    ['a', '??', false],
    ['a', '>>>', true],
    ['abcd', '>>>', false],
    ['a.b', '>>>.b', true],
    ['a.b.c', '<.c', true],
    ['a.b.c', '<b.c', true],
    ['a.b.c', '<c', true],
    ['abc', '<', true],
    ['a.bc', '<', false],
    ['abc', 'abc"', true],
    ['abc.', 'abc"', true],
    ['abc.d', 'abc"', false],
    ['abc', 'abc"*', true],
    ['a*b', 'a*b', true],
  ] as const)('%j is in %j: %s', (name, expression, isIn) => {
    expect(isNameInExpression(name, expression)).toBe(isIn);
  });

  it.each([
    ['file', '*.*', true],
    ['file', '*.', true],
    ['file.txt', '*.', false],
    ['file.txt', '*.t?t', true],
    ['file.tt', '*.t?t', false],
    ['a', 'a.*', true],
    ['a.b', 'a.*', true],
    ['ab', 'a.*', false],
    ['abc', 'a???????', true],
    ['a.tar.gz', '*.gz', true],
    ['a.gz.tar', '*.gz', false],
    ['readme', 'readme.??', true],
    ['a', 'a.', true],
    ['a', 'a?', true],
    ['abcabd', '*abd', true],
    ['a.txt', '*.tx', false],
    [`${'a'.repeat(200)}b`, `${'*a'.repeat(100)}c`, false],
    ['x'.repeat(200), `${'*'.repeat(5000)}y`, false],
  ] as const)('FindFirstFile finds %j by %j: %s', (name, pattern, isFound) => {
    expect(isNameInExpression(name, expressionOf(pattern))).toBe(isFound);
  });
});
