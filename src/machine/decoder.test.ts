import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { CODE_PAGE, FS_BASE, GPR, ZERO } from './cpu/layout.js';
import {
  DECODE_INVALID,
  DECODE_TRUNCATED,
  DECODED,
  InstructionDecoder,
  OPERAND_MEMORY,
  OPERAND_REGISTER,
} from './decoder.js';

const COPY = new URL('../generated/iced-x86.js', import.meta.url);

describe('the host-free copy of iced-x86', () => {
  test('loads where only web globals exist, and decodes', () => {
    const source = readFileSync(COPY, 'utf8')
      .replace(/^export function /gm, 'function ')
      .replace(/^export \{[^}]*\};$/m, '');
    const probe = `
      const { decoder, offset, memory } = windowDecoder(64, 16, 0);
      new Uint8Array(memory.buffer, offset, 16).set([0x48, 0x01, 0xd8]);
      Code_[decoder.decode().code];`;
    const globals = { TextDecoder, TextEncoder, atob };
    expect(runInNewContext(`'use strict';${source}${probe}`, globals)).toBe('Add_rm64_r64');
  });
});

describe('decoded instructions', () => {
  const decoder = new InstructionDecoder();

  test('name operands by their places in the header', () => {
    decoder.load(new Uint8Array([0x00, 0xe3, 0x64, 0x48, 0x8b, 0x4c, 0x97, 0xf0]), 0);
    expect(decoder.next()).toBe(DECODED);
    const { decoded } = decoder;
    const [first, second] = decoded.operands;
    expect(decoded.code).toBe('Add_rm8_r8');
    expect([first.kind, first.slot, first.size]).toEqual([OPERAND_REGISTER, GPR + 3 * 8, 1]);
    expect(second.slot).toBe(GPR + 4 * 0 + 1);
    expect(decoder.next()).toBe(DECODED);
    expect([decoded.code, decoded.length, second.kind]).toEqual(['Mov_r64_rm64', 6, OPERAND_MEMORY]);
    const { base, index, scale, displacement, segment } = decoded;
    expect({ base, index, scale, displacement, segment }).toEqual({
      base: GPR + 7 * 8,
      index: GPR + 2 * 8,
      scale: 2,
      displacement: -16,
      segment: FS_BASE,
    });
  });

  test('are relative to the page where they are relative to RIP', () => {
    decoder.load(new Uint8Array([0x48, 0x8b, 0x05, 0x10, 0, 0, 0, 0x75, 0xfe]), 0x100);
    decoder.next();
    expect([decoder.decoded.base, decoder.decoded.displacement]).toEqual([CODE_PAGE, 0x117]);
    expect([decoder.decoded.index, decoder.decoded.segment]).toEqual([ZERO, ZERO]);
    decoder.next();
    expect(decoder.decoded.target).toBe(0x107);
  });

  test('that are invalid or incomplete are told apart', () => {
    decoder.load(new Uint8Array([0x06, 0x90]), 0);
    expect(decoder.next()).toBe(DECODE_INVALID);
    decoder.load(new Uint8Array([0x48, 0x8b]), 0xffe);
    expect(decoder.next()).toBe(DECODE_TRUNCATED);
    decoder.load(new Uint8Array([]), 0);
    expect(decoder.next()).toBe(DECODE_TRUNCATED);
  });
});
