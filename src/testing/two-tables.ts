/** A process with pages in two page tables, for tests of page tables. */
import { expect } from 'vitest';
import { MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import { allocateVirtualMemory } from '../mm/virtual-memory.js';
import { FaultyPageFile } from './faulty-page-file.js';
import { createTestMachine, type TestMachine } from './small-machine.js';

export const MB = 0x10_0000;
export const GB = 0x4000_0000;
/** Two page tables, in two page directories, under one level-3 table. */
export const BASE = GB - 2 * MB;
export const PAGES = 16;

export function machineWith(
  pages: number,
  store = new FaultyPageFile(),
): TestMachine & { store: FaultyPageFile } {
  return { ...createTestMachine(pages, 600, store), store };
}

/** Commits 16 pages on each side of a 1 GB boundary, inside one range of 4 MB, and fills them. */
export function fillAcross({ mm, space, user }: TestMachine): void {
  const range = { baseAddress: BASE, regionSize: 4 * MB };
  expect(allocateVirtualMemory(mm, space, range, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
  for (const start of [BASE, GB]) {
    const region = { baseAddress: start, regionSize: PAGES * 4096 };
    expect(allocateVirtualMemory(mm, space, region, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    for (let page = 0; page < PAGES; page++) user.writeU32(start + page * 4096, start / 4096 + page);
  }
}

export function expectFilled({ user }: TestMachine, start: number, pages = PAGES): void {
  for (let page = 0; page < pages; page++)
    expect(user.readU32(start + page * 4096)).toBe(start / 4096 + page);
}

export function commitOne({ mm, space }: TestMachine, address: number): void {
  const page = { baseAddress: address, regionSize: 4096 };
  expect(allocateVirtualMemory(mm, space, page, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
}
