import { describe, expect, test } from 'vitest';
import { BareMachine, USER_PAGE } from '../../testing/bare-machine.js';
import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_USER, ACCESS_WRITE } from '../processor.js';
import {
  frameOf,
  highWord,
  lowWord,
  PTE_ACCESSED,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_LARGE_PAGE,
  PTE_USER,
  PTE_VALID,
  PTE_WRITE,
  tableIndex,
} from './x64.js';

const PAGE = 0x7ff6_1234_5000;
const PRESENT = 1;
const WRITE = 2;
const USER = 4;
const RESERVED = 8;
const FETCH = 16;

function faultOf(machine: BareMachine, address: number, access: number): number | undefined {
  return machine.cpu.translate(address, access) === 0 ? machine.cpu.faultError : undefined;
}

describe('the walk on x64', () => {
  test('translates to the byte of the frame', () => {
    const machine = new BareMachine();
    const frame = machine.map(PAGE);
    expect(machine.cpu.translate(PAGE + 0x123, ACCESS_USER)).toBe(machine.ram.offsetOf(frame) + 0x123);
  });

  test('sets the accessed bit at every level, the dirty bit on a write alone', () => {
    const machine = new BareMachine();
    machine.map(PAGE);
    const { words } = machine.ram;
    machine.cpu.translate(PAGE, ACCESS_USER | ACCESS_READ);
    for (let level = 0; level < 4; level++) {
      expect(words[machine.entry(PAGE, level)]! & (PTE_ACCESSED | PTE_DIRTY)).toBe(PTE_ACCESSED);
    }
    machine.cpu.translate(PAGE, ACCESS_USER | ACCESS_WRITE);
    expect(words[machine.entry(PAGE)]! & PTE_DIRTY).toBe(PTE_DIRTY);
    expect(words[machine.entry(PAGE, 1)]! & PTE_DIRTY).toBe(0);
  });

  test('a failed access sets no bit', () => {
    const machine = new BareMachine();
    machine.map(PAGE, PTE_VALID | PTE_USER);
    machine.cpu.translate(PAGE, ACCESS_USER | ACCESS_WRITE);
    expect(machine.ram.words[machine.entry(PAGE)]! & (PTE_ACCESSED | PTE_DIRTY)).toBe(0);
  });

  test('reports the cause, the kind and the mode of a fault', () => {
    const machine = new BareMachine();
    expect(faultOf(machine, PAGE, ACCESS_READ)).toBe(0);
    expect(faultOf(machine, PAGE, ACCESS_USER | ACCESS_WRITE)).toBe(USER | WRITE);
    expect(machine.cpu.faultAddress).toBe(PAGE);
    machine.map(PAGE, PTE_VALID | PTE_USER, true);
    expect(faultOf(machine, PAGE, ACCESS_USER)).toBeUndefined();
    expect(faultOf(machine, PAGE, ACCESS_USER | ACCESS_WRITE)).toBe(PRESENT | USER | WRITE);
    expect(faultOf(machine, PAGE, ACCESS_USER | ACCESS_EXECUTE)).toBe(PRESENT | USER | FETCH);
    expect(faultOf(machine, PAGE, ACCESS_WRITE)).toBe(PRESENT | WRITE);
  });

  test('a supervisor page is for supervisor accesses', () => {
    const machine = new BareMachine();
    machine.map(PAGE, PTE_VALID | PTE_WRITE);
    expect(faultOf(machine, PAGE, ACCESS_USER)).toBe(PRESENT | USER);
    expect(faultOf(machine, PAGE, ACCESS_READ)).toBeUndefined();
    expect(faultOf(machine, PAGE, ACCESS_USER)).toBe(PRESENT | USER);
    expect(faultOf(machine, PAGE, ACCESS_WRITE)).toBeUndefined();
  });

  test('a right denied at an upper level is denied', () => {
    const machine = new BareMachine();
    machine.map(PAGE);
    machine.ram.words[machine.entry(PAGE, 2)]! &= ~PTE_WRITE;
    machine.cpu.flushTlb();
    expect(faultOf(machine, PAGE, ACCESS_USER | ACCESS_WRITE)).toBe(PRESENT | USER | WRITE);
    expect(faultOf(machine, PAGE, ACCESS_USER)).toBeUndefined();
  });

  test('a frame beyond RAM and a large page at an upper level are reserved', () => {
    const machine = new BareMachine();
    machine.map(PAGE, USER_PAGE, false, machine.ram.frameCount);
    expect(faultOf(machine, PAGE, ACCESS_READ)).toBe(PRESENT | RESERVED);
    machine.ram.words[machine.entry(PAGE, 2)]! |= PTE_LARGE_PAGE;
    expect(faultOf(machine, PAGE, ACCESS_READ)).toBe(PRESENT | RESERVED);
  });

  test('a large page maps 2 MB, and one invalidation drops all of it', () => {
    const machine = new BareMachine(8 << 20);
    const large = 0x4000_0000;
    const at = machine.entry(large, 1);
    machine.ram.words[at] = lowWord(512, USER_PAGE | PTE_LARGE_PAGE);
    for (const offset of [0, 0x1000, 0x1f_fabc]) {
      const expected = machine.ram.offsetOf(512) + offset;
      expect(machine.cpu.translate(large + offset, ACCESS_USER | ACCESS_WRITE)).toBe(expected);
    }
    expect(machine.ram.words[at]! & (PTE_ACCESSED | PTE_DIRTY)).toBe(PTE_ACCESSED | PTE_DIRTY);
    machine.ram.words[at] = 0;
    machine.cpu.invalidatePage(large + 0x5000);
    for (const offset of [0, 0x1000, 0x1f_fabc]) {
      expect(faultOf(machine, large + offset, ACCESS_READ)).toBe(0);
    }
  });

  test('system addresses have their upper bits set', () => {
    const machine = new BareMachine();
    const system = 0xf6fb_7dbe_d000;
    const frame = machine.map(system, PTE_VALID | PTE_WRITE);
    expect(machine.cpu.translate(system + 8, ACCESS_READ)).toBe(machine.ram.offsetOf(frame) + 8);
  });

  test('frame numbers and words are converted both ways', () => {
    for (const frame of [0, 1, 0xfffff, 0x100000, 0xabcdef123]) {
      expect(frameOf(lowWord(frame, 0xfff), highWord(frame, true))).toBe(frame);
    }
    expect([3, 2, 1, 0].map((level) => tableIndex(0xfedc_ba98_7654, level))).toEqual([
      0x1fd, 0x172, 0x1d4, 0x187,
    ]);
  });
});

describe('the TLB', () => {
  test('counts hits, misses and flushes', () => {
    const machine = new BareMachine();
    const { cpu } = machine;
    machine.map(PAGE);
    const before = cpu.tlbFlushes;
    cpu.translate(PAGE, ACCESS_USER);
    cpu.translate(PAGE + 8, ACCESS_USER);
    cpu.translate(PAGE, ACCESS_USER | ACCESS_WRITE);
    expect([cpu.tlbHits, cpu.tlbMisses]).toEqual([2, 1]);
    cpu.invalidatePage(PAGE);
    cpu.translate(PAGE, ACCESS_USER);
    expect([cpu.tlbHits, cpu.tlbMisses]).toEqual([2, 2]);
    expect(cpu.tlbFlushes).toBe(before + 1);
  });

  test('keeps a translation until it is invalidated', () => {
    const machine = new BareMachine();
    const frame = machine.map(PAGE);
    machine.cpu.translate(PAGE, ACCESS_USER);
    const at = machine.entry(PAGE);
    machine.ram.words[at] = 0;
    expect(machine.cpu.translate(PAGE, ACCESS_USER)).toBe(machine.ram.offsetOf(frame));
    machine.cpu.invalidatePage(PAGE);
    expect(machine.cpu.translate(PAGE, ACCESS_USER)).toBe(0);
  });

  test('a change of directory keeps global translations only, a full flush none', () => {
    const machine = new BareMachine();
    machine.map(PAGE);
    machine.map(PAGE + 0x1000, USER_PAGE | PTE_GLOBAL);
    for (const page of [PAGE, PAGE + 0x1000]) machine.cpu.translate(page, ACCESS_USER);
    const empty = machine.allocate();
    machine.cpu.setDirectory(empty);
    expect(machine.cpu.directory).toBe(empty);
    expect(machine.cpu.translate(PAGE, ACCESS_USER)).toBe(0);
    expect(machine.cpu.translate(PAGE + 0x1000, ACCESS_USER)).not.toBe(0);
    machine.cpu.flushTlb();
    expect(machine.cpu.translate(PAGE + 0x1000, ACCESS_USER)).toBe(0);
  });

  test('each of several changes of directory drops what was translated since the one before', () => {
    const machine = new BareMachine();
    const full = machine.cpu.directory;
    const frame = machine.map(PAGE);
    const empty = machine.allocate();
    for (let round = 0; round < 3; round++) {
      expect(machine.cpu.translate(PAGE, ACCESS_USER)).toBe(machine.ram.offsetOf(frame));
      machine.cpu.setDirectory(empty);
      machine.cpu.setDirectory(empty);
      expect(machine.cpu.translate(PAGE, ACCESS_USER)).toBe(0);
      machine.cpu.setDirectory(full);
    }
  });
});
