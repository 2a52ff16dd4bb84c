/** Page tables under pressure: trimmed when nothing in them has a frame, written to a paging file, and brought back first. */
import { describe, expect, it } from 'vitest';
import { MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import { writeModified } from '../testing/paging-io.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { pageOut, repurposeAll, swapOut } from '../testing/swap-out.js';
import {
  BASE,
  commitOne,
  expectFilled,
  fillAcross,
  GB,
  MB,
  machineWith,
  PAGES,
} from '../testing/two-tables.js';
import { attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import type { MemoryEvent } from './events.js';
import { PEEKED } from './page-table-peek.js';
import {
  addressOfPte,
  findPte,
  frameOfWord,
  invalidLevel,
  pdeAddress,
  pteAddress,
  tableEntryWord,
} from './page-tables.js';
import { FRAME_MODIFIED, FRAME_STANDBY, PFN_PAGE_TABLE } from './pfn-database.js';
import { hasPageFileBlock, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { verify } from './verify.js';
import { VerifyError } from './verify-error.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';
import { emptyWorkingSet, replaceOnePage } from './working-set-manager.js';

/** Sends pages to the paging file, so that their tables can be trimmed. */
function swapPagesOut({ mm, space }: TestMachine): void {
  pageOut(mm, space);
  repurposeAll(mm);
}

/** The entry of a level for an address, whose tables above are valid. */
function entry({ mm, space }: TestMachine, address: number, level: number): [number, number] {
  const word = tableEntryWord(mm, space, address, level);
  return [mm.words[word]!, mm.words[word + 1]!];
}

describe('a page table', () => {
  it('stays as long as one of its pages is valid or in transition', () => {
    const machine = machineWith(400);
    const { mm, space } = machine;
    fillAcross(machine);
    const table = frameOfWord(mm, findPte(mm, space, BASE));
    expect(mm.pfn.shareCount[table]).toBe(1 + PAGES);
    pageOut(machine.mm, machine.space);
    expect(mm.pfn.shareCount[table]).toBe(1 + PAGES);
    emptyWorkingSet(mm, space);
    expect(frameOfWord(mm, findPte(mm, space, BASE))).toBe(table);
    repurposeAll(machine.mm);
    expect(mm.pfn.shareCount[table]).toBe(1);
    verify(mm);
  });

  it('goes into transition, still names its entry, and comes back before its page is read', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    fillAcross(machine);
    swapPagesOut(machine);
    const table = frameOfWord(mm, findPte(mm, space, BASE));
    const { workingSetPages, pageTablePages } = space;
    expect(emptyWorkingSet(mm, space)).toBe(2);
    expect(space.workingSetPages).toBe(workingSetPages - 2);
    expect(space.pageTablePages).toBe(pageTablePages);
    expect(findPte(mm, space, BASE)).toBe(0);
    expect(invalidLevel(mm, space, BASE)).toBe(2);
    const [lo] = entry(machine, BASE, 2);
    expect(lo & (PTE_VALID | PTE_TRANSITION)).toBe(PTE_TRANSITION);
    expect(pteFrame(lo)).toBe(table);
    expect(mm.pfn.state[table]).toBe(FRAME_MODIFIED);
    expect(mm.pfn.pteAddress[table]).toBe(pdeAddress(BASE));
    expect(addressOfPte(mm.pfn.pteAddress[table]!)).toBe(pteAddress(BASE));
    verify(mm);
    const { soft, hard, transition, pageFileRead } = space.counters;
    expect(user.readU32(BASE)).toBe(BASE / 4096);
    expect(frameOfWord(mm, findPte(mm, space, BASE))).toBe(table);
    expect(space.counters.transition).toBe(transition + 1);
    expect([space.counters.hard, space.counters.pageFileRead]).toEqual([hard + 1, pageFileRead + 1]);
    expect(space.counters.soft).toBe(soft);
    verify(mm);
  });

  it('on standby comes back modified, and its block is free', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    fillAcross(machine);
    swapPagesOut(machine);
    const used = mm.pageFiles.pagesInUse;
    const table = frameOfWord(mm, findPte(mm, space, BASE));
    pageOut(machine.mm, machine.space);
    expect(mm.pfn.state[table]).toBe(FRAME_STANDBY);
    expect(mm.pfn.flags[table]).toBe(PFN_PAGE_TABLE);
    expect(mm.pageFiles.pagesInUse).toBe(used + 2);
    verify(mm);
    user.readU32(BASE);
    expect(mm.pageFiles.pagesInUse).toBe(used + 1);
    verify(mm);
  });

  it('is written, its frame has another use, and a fault brings back each level before the page', () => {
    const machine = machineWith(400);
    const { mm, space, user } = machine;
    fillAcross(machine);
    const before = space.pageTablePages;
    const charge = mm.commit.current;
    swapOut(machine.mm, machine.space);
    expect([space.pageTablePages, mm.commit.current]).toEqual([before, charge]);
    expect(invalidLevel(mm, space, BASE)).toBe(3);
    expect(hasPageFileBlock(...entry(machine, BASE, 3))).toBe(true);
    verify(mm);
    const events: MemoryEvent[] = [];
    mm.events.attach((event) => events.push(event));
    const { hard, total, pageFileRead } = space.counters;
    expect(user.readU32(BASE + 4096)).toBe(BASE / 4096 + 1);
    const reads = events.filter(({ kind }) => kind === 'page-in').map(({ address }) => address);
    expect(reads.slice(0, 3)).toEqual([
      pdeAddress(BASE) - (pdeAddress(BASE) % 4096),
      pteAddress(BASE),
      BASE + 4096,
    ]);
    expect([space.counters.total, space.counters.hard]).toEqual([total + 1, hard + 1]);
    expect(space.counters.pageFileRead).toBe(pageFileRead + 3);
    verify(mm);
    expectFilled(machine, BASE);
    expectFilled(machine, GB);
    verify(mm);
  });

  it('is trimmed with its process far below what its tables alone would take', () => {
    const machine = machineWith(160);
    const { mm, space, user } = machine;
    const range = { baseAddress: 16 * GB, regionSize: GB };
    expect(allocateVirtualMemory(mm, space, range, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    const places = Array.from({ length: 200 }, (_, index) => 16 * GB + ((index * 37) % 200) * 2 * MB);
    for (const [index, at] of places.entries()) {
      commitOne(machine, at);
      user.writeU32(at, index + 1);
    }
    expect(space.pageTablePages).toBeGreaterThan(200);
    verify(mm);
    for (const [index, at] of places.entries()) expect(user.readU32(at)).toBe(index + 1);
    verify(mm);
    deleteAddressSpace(mm, space);
    expect([mm.pageFiles.pagesInUse, mm.commit.current]).toEqual([0, mm.systemPages]);
    verify(mm);
  });

  it('is looked at where it is without coming back', () => {
    const machine = machineWith(400);
    const { mm, space } = machine;
    fillAcross(machine);
    swapOut(machine.mm, machine.space);
    const out = emptyBasicInformation();
    const read = mm.pageFiles.pagesRead;
    expect(queryVirtualMemory(mm, space, BASE, out, PEEKED)).toBe(STATUS_SUCCESS);
    expect([out.regionSize, out.protect]).toEqual([PAGES * 4096, PAGE_READWRITE]);
    expect(queryVirtualMemory(mm, space, GB, out, PEEKED)).toBe(STATUS_SUCCESS);
    expect(out.regionSize).toBe(PAGES * 4096);
    expect(invalidLevel(mm, space, BASE)).toBe(3);
    expect(mm.pageFiles.pagesRead).toBe(read);
  });
});

describe('page tables in transition', () => {
  /** Pages in the paging file, their tables on the modified list, or with `written` on standby. */
  const trimmed = (written: boolean) => {
    const machine = machineWith(400);
    fillAcross(machine);
    swapPagesOut(machine);
    expect(emptyWorkingSet(machine.mm, machine.space)).toBe(2);
    if (written) writeModified(machine.mm);
    return machine;
  };

  it.each([false, true])('go with their process (written: %s)', (written) => {
    const { mm, space } = trimmed(written);
    deleteAddressSpace(mm, space);
    expect([mm.pageFiles.pagesInUse, mm.commit.current]).toEqual([0, mm.systemPages]);
    verify(mm);
  });

  it.each([false, true])('go with the range (written: %s)', (written) => {
    const { mm, space } = trimmed(written);
    const { pageTablePages } = space;
    const region = { baseAddress: BASE, regionSize: 2 * MB };
    expect(freeVirtualMemory(mm, space, region, MEM_RELEASE)).toBe(STATUS_SUCCESS);
    expect(space.pageTablePages).toBeLessThan(pageTablePages);
    verify(mm);
    expect(freeVirtualMemory(mm, space, { baseAddress: GB, regionSize: 0 }, MEM_RELEASE)).toBe(
      STATUS_SUCCESS,
    );
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });

  it('stay in RAM without a paging file, and come back with a soft fault', () => {
    const machine = createTestMachine(300);
    const { mm, space, user } = machine;
    const range = { baseAddress: BASE, regionSize: 2 * MB };
    expect(allocateVirtualMemory(mm, space, range, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    commitOne(machine, BASE);
    expect(replaceOnePage(mm, space, true)).toBe(false);
    expect(emptyWorkingSet(mm, space)).toBe(1);
    expect(findPte(mm, space, BASE)).toBe(0);
    repurposeAll(mm);
    verify(mm);
    const { soft } = space.counters;
    user.writeU32(BASE, 5);
    expect(space.counters.soft).toBe(soft + 1);
    expect(user.readU32(BASE)).toBe(5);
    verify(mm);
  });
});

describe('the tables of another process', () => {
  it('go and come while it does not run', () => {
    const machine = machineWith(500);
    const { mm, space } = machine;
    fillAcross(machine);
    const other = createAddressSpace(mm, 8)!;
    attach(mm, other);
    fillAcross({ ...machine, space: other });
    swapOut(mm, space);
    swapOut(mm, other);
    verify(mm);
    for (const one of [space, other]) {
      attach(mm, one);
      expectFilled(machine, BASE);
      expectFilled(machine, GB);
    }
    deleteAddressSpace(mm, space);
    deleteAddressSpace(mm, other);
    expect(mm.pageFiles.pagesInUse).toBe(0);
    verify(mm);
  });
});

describe('verify()', () => {
  const blockOf = (machine: TestMachine, address: number) => {
    const word = PEEKED.pte(machine.mm, machine.space, address);
    return machine.mm.words[word + 1]!;
  };

  it.each<[string, (machine: TestMachine) => void]>([
    [
      'another block',
      (machine) => machine.mm.words[tableEntryWord(machine.mm, machine.space, BASE, 3) + 1]!--,
    ],
    ['the block of a page', (machine) => machine.mm.pageFiles.files[0]!.release(blockOf(machine, BASE))],
    ['a count', ({ space }) => space.pageTablePages--],
    ['a lost table', ({ mm }) => mm.lostTables.push({ lo: 0x80, hi: 1, level: 1, owner: null })],
  ])('finds damage to tables in a paging file: %s', (_name, damage) => {
    const machine = machineWith(400);
    fillAcross(machine);
    swapOut(machine.mm, machine.space);
    verify(machine.mm);
    damage(machine);
    expect(() => verify(machine.mm)).toThrow(VerifyError);
  });

  it('finds a table that is trimmed though a page of it is valid', () => {
    const machine = machineWith(400);
    const { mm, space } = machine;
    fillAcross(machine);
    const word = tableEntryWord(mm, space, BASE, 2);
    verify(mm);
    mm.words[word] = (mm.words[word]! & ~0xfff) | PTE_TRANSITION;
    expect(() => verify(mm)).toThrow(VerifyError);
  });
});
