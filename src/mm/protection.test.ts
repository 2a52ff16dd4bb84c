import { describe, expect, it } from 'vitest';
import {
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_NOCACHE,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOMBINE,
  PAGE_WRITECOPY,
} from '../base/memory-constants.js';
import {
  afterCopy,
  allowsExecute,
  allowsWrite,
  isCopyOnWrite,
  pageProtection,
  protectionCode,
} from './protection.js';
import {
  addressHigh,
  askVadLow,
  canBeValid,
  demandZeroLow,
  isDemandZero,
  MM_DECOMMIT,
  MM_NOACCESS,
  PTE_ASK_VAD,
  prototypeLow,
  prototypeProtection,
  pteAddressField,
  pteFrame,
  pteProtection,
  subsectionLow,
  transitionLow,
  validHigh,
  validLow,
  validProtection,
  withProtection,
  withPrototypeProtection,
} from './pte.js';

/** Base protections with their codes, and what a resident page allows on x64: write, execute. */
const BASES = [
  { page: PAGE_READONLY, code: 1, write: false, execute: false },
  { page: PAGE_EXECUTE, code: 2, write: false, execute: true },
  { page: PAGE_EXECUTE_READ, code: 3, write: false, execute: true },
  { page: PAGE_READWRITE, code: 4, write: true, execute: false },
  { page: PAGE_WRITECOPY, code: 5, write: true, execute: false },
  { page: PAGE_EXECUTE_READWRITE, code: 6, write: true, execute: true },
  { page: PAGE_EXECUTE_WRITECOPY, code: 7, write: true, execute: true },
];
const MODIFIERS = [
  { flag: 0, bits: 0 },
  { flag: PAGE_NOCACHE, bits: 0x08 },
  { flag: PAGE_GUARD, bits: 0x10 },
  { flag: PAGE_WRITECOMBINE, bits: 0x18 },
];

describe('protections', () => {
  it('have the five-bit codes of PTEs, both ways', () => {
    expect(protectionCode(PAGE_NOACCESS)).toBe(MM_NOACCESS);
    expect(pageProtection(MM_NOACCESS)).toBe(PAGE_NOACCESS);
    expect(pageProtection(MM_DECOMMIT)).toBe(0);
    for (const { page, code, write, execute } of BASES) {
      for (const { flag, bits } of MODIFIERS) {
        expect(protectionCode(page | flag)).toBe(code | bits);
        expect(pageProtection(code | bits)).toBe(page | flag);
        expect([allowsWrite(code | bits), allowsExecute(code | bits)]).toEqual([write, execute]);
      }
    }
  });

  it('refuse every other combination', () => {
    let legal = 0;
    for (let flags = 0; flags < 0x1000; flags++) if (protectionCode(flags) >= 0) legal++;
    expect(legal).toBe(1 + BASES.length * MODIFIERS.length);
    for (const flags of [-1, 1.5, 0x4000_0004, Number.NaN]) expect(protectionCode(flags)).toBe(-1);
  });

  it('turn into plain writable ones after a copy', () => {
    expect(BASES.filter(({ code }) => isCopyOnWrite(code)).map(({ code }) => code)).toEqual([5, 7]);
    expect(BASES.map(({ code }) => afterCopy(code))).toEqual([1, 2, 3, 4, 4, 6, 6]);
    expect(afterCopy(5 | 0x10)).toBe(4 | 0x10);
  });
});

describe('PTE layouts', () => {
  it('valid: Valid, Owner, Accessed, the write, copy-on-write, cache and no-execute bits', () => {
    const words = BASES.map(({ code }) => [validLow(0x12345, code), validHigh(code) >>> 0]);
    expect(words).toEqual([
      [0x1234_5025, 0x8000_0000],
      [0x1234_5025, 0],
      [0x1234_5025, 0],
      [0x1234_5027, 0x8000_0000],
      [0x1234_5225, 0x8000_0000],
      [0x1234_5027, 0],
      [0x1234_5225, 0],
    ]);
    expect(validLow(0xfffff, 4 | 0x08)).toBe(0xffff_f037);
    expect(validLow(0xfffff, 4 | 0x18)).toBe(0xffff_f02f);
    for (const { code } of BASES) {
      const seen = validProtection(validLow(1, code), validHigh(code) >>> 0);
      expect(seen).toBe(code === 2 ? 3 : code);
    }
  });

  it('software: a committed read/write page that was never touched is 0x80', () => {
    expect(demandZeroLow(4)).toBe(0x80);
    expect(isDemandZero(0x80, 0)).toBe(true);
    expect(isDemandZero(0x80, 1)).toBe(false);
    expect(isDemandZero(0x82, 0)).toBe(false);
    expect(demandZeroLow(MM_DECOMMIT)).toBe(0x200);
  });

  it('transition: bit 11, protection in bits 5-9, the frame', () => {
    const lo = transitionLow(0xabcde, 4);
    expect(lo).toBe(0xabcd_e880);
    expect([pteFrame(lo), pteProtection(lo)]).toEqual([0xabcde, 4]);
    expect(withProtection(lo, 1)).toBe(0xabcd_e820);
  });

  it('prototype and subsection: 48 bits of address from bit 16 on', () => {
    const address = 0xf8a0_1234_5678;
    const lo = prototypeLow(address, 5);
    expect(lo).toBe(0x5678_2c00);
    expect(addressHigh(address)).toBe(0xf8a0_1234);
    expect(pteAddressField(lo, addressHigh(address))).toBe(address);
    expect(prototypeProtection(lo, addressHigh(address))).toBe(5);
    expect(withPrototypeProtection(lo, 1)).toBe(0x5678_0c00);
    const sub = subsectionLow(address, 7);
    expect(sub).toBe(0x5678_04e0);
    expect([pteAddressField(sub, addressHigh(address)), pteProtection(sub)]).toEqual([address, 7]);
    expect(askVadLow(1)).toBe(0x420);
    expect(prototypeProtection(askVadLow(1), PTE_ASK_VAD)).toBe(1);
  });

  it('says which protections a valid page can have', () => {
    expect(canBeValid(4)).toBe(true);
    expect(canBeValid(4 | 0x18)).toBe(true);
    expect(canBeValid(4 | 0x10)).toBe(false);
    expect(canBeValid(MM_NOACCESS)).toBe(false);
    expect(canBeValid(0)).toBe(false);
  });
});
