import { describe, expect, it } from 'vitest';
import { evaluate, type Names, parseNumber } from './expression.js';

const names: Names = {
  register: (name) => ({ rip: 0x7ff6_0000_1000, rax: 5, a: 7 })[name] ?? null,
  symbol: (module, name) => {
    if (module === 'sort') return name === null ? 0x7ff6_0000_0000 : null;
    return module === 'ntdll' && name === 'NtClose' ? 0x7ffc_0000_0040 : null;
  },
};
const value = (text: string) => evaluate(text, names);

describe('expressions of the debugger', () => {
  it('are hexadecimal unless they say otherwise', () => {
    expect(value('10')).toBe(16);
    expect(value('0x10')).toBe(16);
    expect(value('10h')).toBe(16);
    expect(value('0n10')).toBe(10);
    expect(value('00007ff6`a0001000')).toBe(0x7ff6_a000_1000);
    expect(value('7ff6`a0001000')).toBe(0x7ff6_a000_1000);
    expect(value('fffff680`00000000')).toBe(0xf680_0000_0000);
    expect(value('FFFFF680`00000008')).toBe(0xf680_0000_0008);
  });

  it('name registers, modules and exports', () => {
    expect(value('@rip')).toBe(0x7ff6_0000_1000);
    expect(value('RIP')).toBe(0x7ff6_0000_1000);
    expect(value('$rax')).toBe(5);
    expect(value('a')).toBe(10);
    expect(value('@a')).toBe(7);
    expect(value('sort')).toBe(0x7ff6_0000_0000);
    expect(value('ntdll!NtClose')).toBe(0x7ffc_0000_0040);
  });

  it('add and subtract', () => {
    expect(value('sort+1000')).toBe(0x7ff6_0000_1000);
    expect(value(' @rip - 1000 + 0n16 ')).toBe(0x7ff6_0000_0010);
    expect(value('-1')).toBe(0xffff_ffff_ffff);
  });

  it('say what is wrong and what is right', () => {
    expect(() => value('nowhere')).toThrow(/nowhere is neither a number .*0n for decimal/);
    expect(() => value('@rzx')).toThrow(/no register @rzx; 'r' lists them/);
    expect(() => value('sort!main')).toThrow(/sort!main is not found; 'lm'/);
    expect(() => value('1 2')).toThrow(/is not an address/);
    expect(() => value('1+')).toThrow(/is not an address/);
    expect(() => value('8000`00000000`0000')).toThrow(/not a canonical address/);
    expect(() => value('1000000000000')).toThrow(/not a canonical address/);
    expect(parseNumber('xyz')).toBeNull();
  });
});
