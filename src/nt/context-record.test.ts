import { describe, expect, it } from 'vitest';
import {
  CONTEXT,
  FPU_CONTROL,
  FPU_STATUS,
  FPU_TAG,
  CONTEXT_SIZE as HEADER_BYTES,
} from '../machine/cpu/layout.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { makeTestKernel } from '../testing/test-kernel.js';
import {
  CONTEXT_RIP,
  CONTEXT_SIZE,
  captureContext,
  contextRegister,
  restoreContext,
} from './context-record.js';

describe('a CONTEXT record', () => {
  it('brings every register back', () => {
    const random = mulberry32(seedFor('context round trip'));
    const { kernel } = makeTestKernel();
    const { bytes, words } = kernel.mm.ram;
    for (let round = 0; round < 50; round++) {
      for (let at = CONTEXT; at < CONTEXT + HEADER_BYTES; at++) bytes[at] = below(random, 256);
      const { processor } = kernel;
      processor.flags = 0x246;
      processor.mxcsr = 0x1f80 + below(random, 64);
      processor.rip = 0x140001000 + round;
      words[FPU_STATUS >> 2] = below(random, 8) << 11;
      words[FPU_CONTROL >> 2] = 0x37f;
      const record = new Uint8Array(CONTEXT_SIZE);
      captureContext(kernel, record);
      restoreContext(processor, bytes, record);
      const tags = words[FPU_TAG >> 2];
      const again = new Uint8Array(CONTEXT_SIZE);
      for (let register = 0; register < 16; register++) processor.set(register, 1, 2);
      restoreContext(processor, bytes, record);
      captureContext(kernel, again);
      expect(again).toEqual(record);
      expect(words[FPU_TAG >> 2]).toBe(tags);
      expect(processor.rip).toBe(0x140001000 + round);
    }
  });

  it('makes the x87 summary agree with the exceptions and masks that a handler left', () => {
    const { kernel } = makeTestKernel();
    const { bytes, words } = kernel.mm.ram;
    const statusAfter = (control: number, status: number) => {
      const record = new Uint8Array(CONTEXT_SIZE);
      const view = new DataView(record.buffer);
      view.setUint32(0x30, 0x100008, true);
      view.setUint16(0x100, control, true);
      view.setUint16(0x102, status, true);
      restoreContext(kernel.processor, bytes, record);
      return words[FPU_STATUS >> 2];
    };
    expect(statusAfter(0x37b, 0x8084)).toBe(0x8084);
    expect(statusAfter(0x37f, 0x8084)).toBe(0x4);
    expect(statusAfter(0x37b, 0x4)).toBe(0x8084);
  });

  it("keeps what its flags leave out, and the flags that are not the program's", () => {
    const { kernel } = makeTestKernel();
    const { processor } = kernel;
    const record = new Uint8Array(CONTEXT_SIZE);
    const view = new DataView(record.buffer);
    processor.set(0, 7, 8);
    processor.rip = 0x1234;
    view.setUint32(0x30, 0x100001, true);
    view.setUint32(contextRegister(0), 99, true);
    view.setUint32(CONTEXT_RIP, 0x5678, true);
    view.setUint32(0x44, 0xffffffff, true);
    restoreContext(processor, kernel.mm.ram.bytes, record);
    expect([processor.getLo(0), processor.getHi(0), processor.rip]).toEqual([7, 8, 0x5678]);
    expect(processor.flags & 0x27e00).toBe(0x400 + 0x800 + 0x200);
  });
});
