import { describe, expect, it } from 'vitest';
import { MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE, SEC_COMMIT } from '../base/memory-constants.js';
import { writeModified } from '../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { type AddressSpace, attach, createAddressSpace } from './address-space.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { findPte } from './page-tables.js';
import { FRAME_FREE, FRAME_ZEROED } from './pfn-database.js';
import { PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { createSection, type Section } from './section.js';
import { mapViewOfSection } from './section-view.js';
import { verify } from './verify.js';
import { allocateVirtualMemory } from './virtual-memory.js';
import { ageWorkingSets, emptyWorkingSet, trimWorkingSet } from './working-set-manager.js';

const VERY_LOW = 1;
const LOW = 2;
const NORMAL = 5;
const FIRST_STANDBY = 8;

/** Commits and touches pages in an address space at a priority. */
function touch({ mm, user }: TestMachine, space: AddressSpace, pages: number, priority: number): number {
  attach(mm, space);
  const request = { baseAddress: 0, regionSize: pages * 4096 };
  expect(allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)).toBe(0);
  mm.pfn.pagePriority = priority;
  for (let page = 0; page < pages; page++) user.writeU32(request.baseAddress + page * 4096, page);
  mm.pfn.pagePriority = NORMAL;
  return request.baseAddress;
}

function entries({ mm }: TestMachine, space: AddressSpace, base: number, pages: number): number[] {
  return Array.from({ length: pages }, (_, page) => mm.words[findPte(mm, space, base + page * 4096)]!);
}

/** Takes the process's pages out of its working set, and has them written. */
function toStandby({ mm }: TestMachine, space: AddressSpace): void {
  emptyWorkingSet(mm, space);
  writeModified(mm);
}

describe('page priority', () => {
  it('chooses the standby list, and the lowest is repurposed first, however young', () => {
    const machine = createTestMachine(400, 400);
    const { mm, space, user } = machine;
    const background = createAddressSpace(mm, 8)!;
    const ours = touch(machine, space, 30, NORMAL);
    toStandby(machine, space);
    const theirs = touch(machine, background, 30, VERY_LOW);
    toStandby(machine, background);
    expect(mm.lists.count[FIRST_STANDBY + VERY_LOW]).toBe(30);
    expect(mm.lists.count[FIRST_STANDBY + NORMAL]).toBeGreaterThanOrEqual(30);
    verify(mm);
    const taken: number[] = [];
    while (mm.lists.count[FRAME_FREE]! + mm.lists.count[FRAME_ZEROED]! > 0) taken.push(allocateFrame(mm));
    for (let page = 0; page < 30; page++) taken.push(allocateFrame(mm));
    expect(mm.lists.count[FIRST_STANDBY + VERY_LOW]).toBe(0);
    for (const lo of entries(machine, space, ours, 30)) expect(lo & PTE_TRANSITION).not.toBe(0);
    for (const lo of entries(machine, background, theirs, 30)) expect(lo & PTE_TRANSITION).toBe(0);
    for (const frame of taken) insertFree(mm, frame);
    for (let page = 0; page < 30; page++) expect(user.readU32(theirs + page * 4096)).toBe(page);
    verify(mm);
  });

  it('rises when a thread of higher priority brings the page in again, and never falls', () => {
    const machine = createTestMachine(300, 300);
    const { mm, space, user } = machine;
    const base = touch(machine, space, 1, LOW);
    const frame = pteFrame(mm.words[findPte(mm, space, base)]!);
    expect(mm.pfn.priority[frame]).toBe(LOW);
    toStandby(machine, space);
    user.readU8(base);
    expect(mm.pfn.priority[frame]).toBe(NORMAL);
    toStandby(machine, space);
    expect(mm.lists.count[FIRST_STANDBY + LOW]).toBe(0);
    mm.pfn.pagePriority = VERY_LOW;
    user.readU8(base);
    expect(mm.pfn.priority[frame]).toBe(NORMAL);
    mm.pfn.pagePriority = NORMAL;
    verify(mm);
  });

  it('of a shared page is the highest of those who use it', () => {
    const machine = createTestMachine(300, 300);
    const { mm, space, user } = machine;
    const out: { section: Section | null } = { section: null };
    const request = {
      file: null,
      maximumSize: 4096,
      pageProtection: PAGE_READWRITE,
      allocationAttributes: SEC_COMMIT,
    };
    expect(createSection(mm, request, out)).toBe(0);
    const other = createAddressSpace(mm, 8)!;
    const [first, second] = [space, other].map((process) => {
      const view = {
        baseAddress: 0,
        viewSize: 0,
        sectionOffset: 0,
        allocationType: 0,
        protect: PAGE_READWRITE,
      };
      expect(mapViewOfSection(mm, process, out.section!, view)).toBe(0);
      return view.baseAddress;
    });
    mm.pfn.pagePriority = LOW;
    user.readU8(first!);
    const frame = pteFrame(mm.words[findPte(mm, space, first!)]!);
    expect(mm.pfn.priority[frame]).toBe(LOW);
    mm.pfn.pagePriority = NORMAL;
    attach(mm, other);
    user.readU8(second!);
    expect(mm.pfn.priority[frame]).toBe(NORMAL);
    expect(emptyWorkingSet(mm, space)).toBe(1);
    attach(mm, space);
    mm.pfn.pagePriority = LOW;
    user.readU8(first!);
    expect(trimWorkingSet(mm, space, 1)).toBe(1);
    mm.pfn.pagePriority = NORMAL;
    verify(mm);
  });

  it('does not touch page tables', () => {
    const machine = createTestMachine(300);
    const { mm, space } = machine;
    const base = touch(machine, space, 1, VERY_LOW);
    const frame = pteFrame(mm.words[findPte(mm, space, base)]!);
    expect(mm.pfn.priority[mm.pfn.containingFrame[frame]!]).toBe(NORMAL);
  });

  it('decides which of the pages of one age is trimmed first', () => {
    const machine = createTestMachine(400, 400);
    const { mm, space } = machine;
    const normal = touch(machine, space, 20, NORMAL);
    const low = touch(machine, space, 20, LOW);
    const lowest = touch(machine, space, 20, VERY_LOW);
    ageWorkingSets(mm);
    ageWorkingSets(mm);
    const valid = (base: number) =>
      entries(machine, space, base, 20).filter((lo) => (lo & PTE_VALID) !== 0).length;
    expect(trimWorkingSet(mm, space, 25)).toBe(25);
    expect([valid(normal), valid(low), valid(lowest)]).toEqual([20, 15, 0]);
    expect(trimWorkingSet(mm, space, 25)).toBe(25);
    expect([valid(normal), valid(low)]).toEqual([10, 0]);
    verify(mm);
  });
});
