import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RESERVE,
  PAGE_EXECUTE_READ,
  PAGE_GUARD,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import { writeModified } from '../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { lockVirtualMemory } from './lock-memory.js';
import { MM_READONLY, MM_READWRITE } from './pte.js';
import { queryWorkingSet, queryWorkingSetEx } from './query-working-set.js';
import { createSection, type Section } from './section.js';
import { mapViewOfSection } from './section-view.js';
import { allocateVirtualMemory, protectVirtualMemory } from './virtual-memory.js';
import { emptyWorkingSet, removeFromWorkingSet } from './working-set-manager.js';

const VALID = 1;
const SHARED = 0x8000;
const LOCKED = 0x40_0000;
const NORMAL_PRIORITY = 5 << 24;
const SHARED_ORIGINAL = 0x4000_0000;
const RESIDENT = 1 << 22;
const IN_PAGE_FILE = 2 << 22;
const MODIFIED_LIST = 1 << 27;

function allocate({ mm, space }: TestMachine, pages: number, protection: number = PAGE_READWRITE): number {
  const region = { baseAddress: 0, regionSize: pages * 4096 };
  expect(allocateVirtualMemory(mm, space, region, MEM_RESERVE | MEM_COMMIT, protection)).toBe(0);
  return region.baseAddress;
}

function makeSection({ mm }: TestMachine, pages: number): Section {
  const out: { section: Section | null } = { section: null };
  const request = {
    file: null,
    maximumSize: pages * 4096,
    pageProtection: PAGE_READWRITE,
    allocationAttributes: SEC_COMMIT,
  };
  expect(createSection(mm, request, out)).toBe(0);
  return out.section!;
}

function map({ mm, space }: TestMachine, section: Section, protect: number): number {
  const view = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect };
  expect(mapViewOfSection(mm, space, section, view)).toBe(0);
  return view.baseAddress;
}

/** The low bits of each block by page address. */
function blocks({ mm, space }: TestMachine): Map<number, number> {
  const words = queryWorkingSet(mm, space);
  const found = new Map<number, number>();
  for (let at = 0; at < words.length; at += 2)
    found.set(words[at + 1]! * 2 ** 32 + (words[at]! - (words[at]! & 0xfff)), words[at]! & 0xfff);
  return found;
}

describe('MemoryWorkingSetInformation', () => {
  it('names every valid user page with its protection code', () => {
    const machine = createTestMachine(300);
    const base = allocate(machine, 4);
    machine.user.writeU8(base, 1);
    machine.user.writeU8(base + 2 * 4096, 1);
    protectVirtualMemory(machine.mm, machine.space, { baseAddress: base, regionSize: 1 }, PAGE_READONLY, {
      oldProtect: 0,
    });
    const found = blocks(machine);
    expect(found.size + machine.space.pageTablePages).toBeGreaterThanOrEqual(machine.space.workingSet.used);
    expect(found.get(base)).toBe(MM_READONLY);
    expect(found.has(base + 4096)).toBe(false);
    expect(found.get(base + 2 * 4096)).toBe(MM_READWRITE);
  });

  it('counts the sharers of a page up to 7', () => {
    const machine = createTestMachine(400);
    const section = makeSection(machine, 1);
    const views = Array.from({ length: 9 }, () => map(machine, section, PAGE_READWRITE));
    views.slice(0, 2).forEach((view) => {
      machine.user.readU8(view);
    });
    expect(blocks(machine).get(views[0]!)).toBe(MM_READWRITE | (2 << 5) | 0x100);
    for (const view of views) machine.user.readU8(view);
    expect(blocks(machine).get(views[8]!)).toBe(MM_READWRITE | (7 << 5) | 0x100);
  });
});

describe('MemoryWorkingSetExInformation', () => {
  it('describes valid pages: protection, sharers, lock, priority', () => {
    const machine = createTestMachine(300);
    const { mm, space, user } = machine;
    const base = allocate(machine, 2, PAGE_EXECUTE_READ);
    user.readU8(base + 5);
    const attributes = VALID | (PAGE_EXECUTE_READ << 4) | NORMAL_PRIORITY;
    expect(queryWorkingSetEx(mm, space, base + 77)).toBe(attributes);
    expect(lockVirtualMemory(mm, space, { baseAddress: base, regionSize: 1 })).toBe(0);
    expect(queryWorkingSetEx(mm, space, base)).toBe(attributes | LOCKED);
    const view = map(machine, makeSection(machine, 1), PAGE_WRITECOPY);
    user.readU8(view);
    expect(queryWorkingSetEx(mm, space, view)).toBe(
      VALID | (1 << 1) | (PAGE_WRITECOPY << 4) | SHARED | SHARED_ORIGINAL | NORMAL_PRIORITY,
    );
    user.writeU8(view, 1);
    expect(queryWorkingSetEx(mm, space, view)).toBe(VALID | (PAGE_READWRITE << 4) | NORMAL_PRIORITY);
  });

  it('says where a page is that is not valid', () => {
    const machine = createTestMachine(300, 300);
    const { mm, space, user } = machine;
    const base = allocate(machine, 2);
    expect(queryWorkingSetEx(mm, space, base)).toBe(0);
    user.writeU8(base, 1);
    removeFromWorkingSet(mm, space, base);
    expect(queryWorkingSetEx(mm, space, base)).toBe(RESIDENT | MODIFIED_LIST | NORMAL_PRIORITY);
    writeModified(mm);
    expect(queryWorkingSetEx(mm, space, base)).toBe(RESIDENT | NORMAL_PRIORITY);
    const others = allocate(machine, 290);
    for (let page = 0; page < 290; page++) user.readU8(others + page * 4096);
    expect(queryWorkingSetEx(mm, space, base)).toBe(IN_PAGE_FILE);
  });

  it('tells shared pages that are not valid from private ones', () => {
    const machine = createTestMachine(300);
    const { mm, space, user } = machine;
    const view = map(machine, makeSection(machine, 2), PAGE_READWRITE);
    expect(queryWorkingSetEx(mm, space, view)).toBe(SHARED | SHARED_ORIGINAL);
    user.readU8(view);
    emptyWorkingSet(mm, space);
    expect(queryWorkingSetEx(mm, space, view)).toBe(
      SHARED | SHARED_ORIGINAL | RESIDENT | MODIFIED_LIST | NORMAL_PRIORITY,
    );
    const second = map(machine, makeSection(machine, 1), PAGE_WRITECOPY);
    user.writeU8(second, 1);
    emptyWorkingSet(mm, space);
    expect(queryWorkingSetEx(mm, space, second)).toBe(RESIDENT | MODIFIED_LIST | NORMAL_PRIORITY);
  });

  it('answers 0 for what is no page of the process', () => {
    const machine = createTestMachine(300);
    const { mm, space } = machine;
    const guard = allocate(machine, 1, PAGE_READWRITE | PAGE_GUARD);
    for (const address of [0, 0x5000, guard, 2 ** 47, 0xf680_0000_0000, 2 ** 48 - 1, Number.NaN, -1])
      expect(queryWorkingSetEx(mm, space, address)).toBe(0);
    expect(queryWorkingSetEx(mm, space, 0x7ffe_0000) & VALID).toBe(VALID);
  });
});
