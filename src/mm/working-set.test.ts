import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_READWRITE,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { deleteAddressSpace } from './address-space.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { pdeAddress, pteAddress } from './page-tables.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { verify } from './verify.js';
import { VerifyError } from './verify-error.js';
import { allocateVirtualMemory, freeVirtualMemory } from './virtual-memory.js';
import { WSLE_AGE_ONE, WSLE_DIRECT, WSLE_HASHED, WSLE_VALID, wsleAddress, wsleWord } from './working-set.js';

function privatePages({ mm, space, user }: TestMachine, pages: number): number {
  const request = { baseAddress: 0, regionSize: pages * 4096 };
  expect(allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)).toBe(0);
  for (let page = 0; page < pages; page++) user.writeU32(request.baseAddress + page * 4096, page);
  return request.baseAddress;
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

function mapAndTouch({ mm, space, user }: TestMachine, section: Section, pages: number): number {
  const view = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect: PAGE_READWRITE };
  expect(mapViewOfSection(mm, space, section, view)).toBe(0);
  for (let page = 0; page < pages; page++) user.writeU32(view.baseAddress + page * 4096, page);
  return view.baseAddress;
}

describe('the working-set list', () => {
  it('has an entry of eight bytes for each valid user page and page table, its page number in bits 12-63', () => {
    const machine = createTestMachine(300);
    const { mm, space } = machine;
    const base = privatePages(machine, 20);
    const { workingSet } = space;
    expect([workingSet.used, workingSet.size, space.hyperspacePages]).toEqual([1 + 3 + 20 + 2, 512, 1]);
    for (const [index, address] of [pdeAddress(base), pteAddress(base), base].entries()) {
      const entry = wsleWord(workingSet, 4 + index);
      expect(mm.words[entry]! & 0xfff).toBe(WSLE_VALID | WSLE_DIRECT);
      expect(wsleAddress(mm.words[entry]!, mm.words[entry + 1]!)).toBe(address - (address % 4096));
    }
    verify(mm);
    freeVirtualMemory(mm, space, { baseAddress: base, regionSize: 0 }, MEM_RELEASE);
    expect(workingSet.used).toBe(1 + 3);
    verify(mm);
  });

  it('grows by pages, and shared pages are hashed from then on', () => {
    const machine = createTestMachine(4000);
    const { mm, space } = machine;
    const { workingSet } = space;
    const section = makeSection(machine, 600);
    const views = [mapAndTouch(machine, section, 400), mapAndTouch(machine, section, 600)];
    expect(workingSet.size).toBe(1024);
    expect([workingSet.hashed, workingSet.slots]).toEqual([1001, 2048]);
    verify(mm);
    views.push(mapAndTouch(machine, section, 600), mapAndTouch(machine, section, 600));
    const base = privatePages(machine, 700);
    expect(workingSet.slots).toBe(4096);
    verify(mm);
    unmapViewOfSection(mm, space, views[1]!);
    freeVirtualMemory(mm, space, { baseAddress: base + 100 * 4096, regionSize: 300 * 4096 }, MEM_RELEASE);
    verify(mm);
    views[1] = mapAndTouch(machine, section, 600);
    verify(mm);
    deleteSection(mm, section);
    deleteAddressSpace(mm, space);
    verify(mm);
    expect(mm.commit.byUse[1]).toBe(0);
  });

  it('is searched entry by entry when there are no frames for a larger hash', () => {
    const machine = createTestMachine(1000);
    const { mm, space, user } = machine;
    const { workingSet } = space;
    const section = makeSection(machine, 600);
    const view = mapAndTouch(machine, section, 598);
    expect(workingSet.slots).toBe(1024);
    workingSet.hashLimit = workingSet.hashed;
    const taken: number[] = [];
    for (let frame = allocateFrame(mm); frame >= 0; frame = allocateFrame(mm)) taken.push(frame);
    for (const frame of taken.splice(-2)) insertFree(mm, frame);
    user.readU32(view + 598 * 4096);
    expect(workingSet.slots).toBe(2048);
    workingSet.hashLimit = workingSet.hashed;
    expect(() => user.readU32(view + 599 * 4096)).toThrow();
    expect([workingSet.slots, workingSet.hashed]).toEqual([0, 0]);
    for (const frame of taken) insertFree(mm, frame);
    verify(mm);
    unmapViewOfSection(mm, space, view);
    deleteSection(mm, section);
    verify(mm);
  });

  it.each<[string, (machine: TestMachine, word: number) => void]>([
    ['a lost entry', ({ space }) => space.workingSet.used--],
    ['a wrong address', ({ mm }, word) => (mm.words[word]! += 0x100_0000)],
    ['a wrong kind', ({ mm }, word) => (mm.words[word]! ^= WSLE_DIRECT)],
    ['a hash mark', ({ mm }, word) => (mm.words[word]! |= WSLE_HASHED)],
    ['a wrong index in the PFN entry', ({ mm }) => mm.pfn.flink.fill(3)],
    [
      'a free entry that is not empty',
      ({ mm, space }) => (mm.words[wsleWord(space.workingSet, 100)]! += WSLE_AGE_ONE),
    ],
    ['a broken chain', ({ space }) => (space.workingSet.firstFree = 0)],
  ])('verify finds %s', (_, damage) => {
    const machine = createTestMachine(300);
    privatePages(machine, 5);
    damage(machine, wsleWord(machine.space.workingSet, 2));
    expect(() => verify(machine.mm)).toThrow(VerifyError);
  });
});
