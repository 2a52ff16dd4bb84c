import { expect, it } from 'vitest';
import { MEM_COMMIT, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE } from '../base/memory-constants.js';
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_NOT_LOCKED,
  STATUS_SUCCESS,
  STATUS_WAS_LOCKED,
  STATUS_WAS_UNLOCKED,
  STATUS_WORKING_SET_QUOTA,
} from '../base/ntstatus.js';
import { createTestMachine } from '../testing/small-machine.js';
import { lockVirtualMemory, unlockVirtualMemory } from './lock-memory.js';
import { verify } from './verify.js';
import { allocateVirtualMemory, protectVirtualMemory } from './virtual-memory.js';

const PAGE = 4096;
/** Of a minimum of 50. */
const MOST = 42;

it('a page that is locked already does not count twice against the limit', () => {
  const { mm, space } = createTestMachine(300);
  const request = { baseAddress: 0, regionSize: 100 * PAGE };
  allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  const base = request.baseAddress;
  const lock = (page: number, pages: number) =>
    lockVirtualMemory(mm, space, { baseAddress: base + page * PAGE, regionSize: pages * PAGE });
  expect(lock(0, MOST - 1)).toBe(STATUS_SUCCESS);
  expect(lock(MOST - 1, 2)).toBe(STATUS_WORKING_SET_QUOTA);
  expect(lock(0, MOST)).toBe(STATUS_WAS_LOCKED);
  expect(lock(5, 10)).toBe(STATUS_WAS_LOCKED);
  expect(lock(MOST - 1, 2)).toBe(STATUS_WORKING_SET_QUOTA);
  expect(lock(0, 100)).toBe(STATUS_WORKING_SET_QUOTA);
  expect(space.workingSet.locked).toBe(MOST);
  verify(mm);
});

it('unlocks what is locked in a region of terabytes, without a look at every page', () => {
  const { mm, space } = createTestMachine(300);
  const request = { baseAddress: 2 ** 40, regionSize: 8 * PAGE };
  allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  expect(lockVirtualMemory(mm, space, { baseAddress: 2 ** 40, regionSize: 4 * PAGE })).toBe(STATUS_SUCCESS);
  const all = { baseAddress: 0x10000, regionSize: 2 ** 46 };
  expect(unlockVirtualMemory(mm, space, all)).toBe(STATUS_NOT_LOCKED);
  expect(space.workingSet.locked).toBe(0);
  verify(mm);
});

it('locks all pages of a region or none', () => {
  const { mm, space } = createTestMachine(300);
  const request = { baseAddress: 0, regionSize: 8 * PAGE };
  allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  const region = (page: number, pages: number) => ({
    baseAddress: request.baseAddress + page * PAGE,
    regionSize: pages * PAGE,
  });
  expect(lockVirtualMemory(mm, space, region(1, 1))).toBe(STATUS_SUCCESS);
  expect(lockVirtualMemory(mm, space, region(0, 9))).toBe(STATUS_ACCESS_VIOLATION);
  expect(space.workingSet.locked).toBe(1);
  expect(unlockVirtualMemory(mm, space, region(1, 1))).toBe(STATUS_SUCCESS);
  verify(mm);
});

it('a page that loses its access loses its lock', () => {
  const { mm, space } = createTestMachine(300);
  const request = { baseAddress: 0, regionSize: 4 * PAGE };
  allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  expect(lockVirtualMemory(mm, space, { ...request })).toBe(STATUS_SUCCESS);
  const out = { oldProtect: 0 };
  const one = { baseAddress: request.baseAddress, regionSize: 1 };
  expect(protectVirtualMemory(mm, space, { ...one }, PAGE_NOACCESS, out)).toBe(STATUS_WAS_UNLOCKED);
  expect([out.oldProtect, space.workingSet.locked]).toEqual([PAGE_READWRITE, 3]);
  expect(protectVirtualMemory(mm, space, { ...one }, PAGE_READWRITE, out)).toBe(STATUS_SUCCESS);
  verify(mm);
});
