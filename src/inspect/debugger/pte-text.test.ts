import { describe, expect, it } from 'vitest';
import {
  addressHigh,
  askVadLow,
  DECOMMITTED_PTE,
  demandZeroLow,
  MM_EXECUTE_WRITECOPY,
  MM_GUARD_PAGE,
  MM_READWRITE,
  PTE_ASK_VAD,
  PTE_DIRTY,
  prototypeLow,
  subsectionLow,
  transitionLow,
  validHigh,
  validLow,
} from '../../mm/pte.js';
import { describePte, protectionCodeText, pteForm, validLetters } from './pte-text.js';

const POOL = 0xf8a0_0000_1238;

describe('PTEs in words', () => {
  it('name every form', () => {
    const cases: [ReturnType<typeof pteForm>, number, number][] = [
      ['zero', 0, 0],
      ['valid', validLow(5, MM_READWRITE), validHigh(MM_READWRITE)],
      ['transition', transitionLow(5, MM_READWRITE), 0],
      ['demand-zero', demandZeroLow(MM_READWRITE), 0],
      ['decommitted', DECOMMITTED_PTE, 0],
      ['paging-file', 0x80 | (2 << 1), 0x1234],
      ['prototype', prototypeLow(POOL, MM_READWRITE), addressHigh(POOL)],
      ['ask-vad', askVadLow(MM_READWRITE), PTE_ASK_VAD],
    ];
    for (const [form, lo, hi] of cases) expect(pteForm(lo, hi), form).toBe(form);
    expect(pteForm(subsectionLow(POOL, 3), addressHigh(POOL), true)).toBe('subsection');
  });

  it('write the letters of WinDbg', () => {
    expect(validLetters(validLow(5, MM_READWRITE) | PTE_DIRTY, validHigh(MM_READWRITE))).toBe('---DA--UW-V');
    expect(validLetters(validLow(5, MM_EXECUTE_WRITECOPY), validHigh(MM_EXECUTE_WRITECOPY))).toBe(
      'C---A--UREV',
    );
    expect(validLetters(0x163, 0)).toBe('-G-DA--KWEV');
    expect(validLetters(0x99, 0)).toBe('--L--NT'.concat('KREV'));
  });

  it('name every field', () => {
    expect(describePte(validLow(0xabc, MM_READWRITE) | PTE_DIRTY, 0x8000_0000)).toEqual([
      'pfn abc  ---DA--UW-V',
      'Valid, Write, Owner (user), Accessed, Dirty, NoExecute',
    ]);
    expect(describePte(0x80, 0)).toContain('Protect: 4 - ReadWrite');
    expect(describePte(transitionLow(0x12, MM_READWRITE), 0)).toContain(
      'Transition: 12 (the page is still in this frame)',
    );
    expect(describePte(0x84, 0x1234)).toEqual([
      'not valid',
      'PageFile: 2',
      'Offset: 1234 (pages)',
      'Protect: 4 - ReadWrite',
    ]);
    expect(describePte(prototypeLow(POOL, 4), addressHigh(POOL))).toContain('Proto: fffff8a0`00001238');
    expect(describePte(subsectionLow(POOL, 3), addressHigh(POOL), 'prototype').join()).toContain(
      'Subsection: fffff8a0`00001238',
    );
    expect(describePte(askVadLow(7), PTE_ASK_VAD)).toContain('Protect: 7 - ExecuteWriteCopy');
    expect(describePte(DECOMMITTED_PTE, 0)).toContain('Decommitted');
  });

  it('name protection codes', () => {
    expect(protectionCodeText(MM_READWRITE | MM_GUARD_PAGE)).toBe('14 - ReadWrite Guard');
    expect(protectionCodeText(0x18)).toBe('18 - NoAccess');
    expect(protectionCodeText(0x10)).toBe('10 - Decommitted');
    expect(protectionCodeText(0x0c)).toBe('c - ReadWrite NoCache');
  });
});
