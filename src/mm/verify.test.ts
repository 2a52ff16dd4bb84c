import { describe, expect, it } from 'vitest';
import { MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { createTestMachine } from '../testing/small-machine.js';
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { addReference } from './page-lists.js';
import { findPte } from './page-tables.js';
import { submitRequest } from './paging-io.js';
import { FRAME_ZEROED, PFN_MODIFIED, PFN_READ_IN_PROGRESS } from './pfn-database.js';
import { PTE_DIRTY, PTE_WRITE, pteFrame } from './pte.js';
import { trimPage } from './pte-deletion.js';
import { findSystemPte, SYSTEM_SHARED_DATA, systemWord } from './system-space.js';
import { VerifyError, verify } from './verify.js';
import { allocateVirtualMemory } from './virtual-memory.js';

const BASE = 0x1000_0000;

/** A process with resident, trimmed and untouched pages, and two pages of paged pool. */
function busyMachine(): {
  mm: MemoryManager;
  space: AddressSpace;
  word: number;
  frame: number;
  poolPte: number;
} {
  const { mm, space, user } = createTestMachine(256);
  for (const base of [BASE, BASE + 0x100000, BASE + 0x200000]) {
    const request = { baseAddress: base, regionSize: 0x8000 };
    allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    user.fill(base, 0x4000, 1);
  }
  trimPage(mm, space, findPte(mm, space, BASE + 0x1000), BASE + 0x1000, 4);
  const pool = mm.pagedPool.allocate(2 * 4096, 'Test');
  systemWord(mm, SYSTEM_SHARED_DATA);
  const word = findPte(mm, space, BASE);
  return { mm, space, word, frame: pteFrame(mm.words[word]!), poolPte: findSystemPte(mm, pool) };
}

/** The page looks as if a paging file had it. */
function cleanPoolPage(mm: MemoryManager, poolPte: number): void {
  mm.words[poolPte]! &= ~PTE_DIRTY;
  mm.pfn.flags[pteFrame(mm.words[poolPte]!)] = 0;
}

type Damage = (machine: ReturnType<typeof busyMachine>) => void;

const DAMAGES: [string, Damage][] = [
  ['a share count', ({ mm, frame }) => mm.pfn.shareCount[frame]!++],
  ['a reference count', ({ mm, frame }) => mm.pfn.referenceCount[frame]!++],
  [
    'a page that is used before it has been read',
    ({ mm, frame }) => {
      addReference(mm, frame);
      mm.pfn.flags[frame]! |= PFN_READ_IN_PROGRESS;
      submitRequest(mm, true, Int32Array.of(frame), 1, 0);
    },
  ],
  ['a PTE address', ({ mm, frame }) => (mm.pfn.pteAddress[frame]! += 8)],
  ['a containing frame', ({ mm, frame }) => mm.pfn.containingFrame[frame]!++],
  ['an original PTE', ({ mm, frame }) => (mm.pfn.originalLo[frame] = 0x20)],
  ['a frame state', ({ mm, frame }) => (mm.pfn.state[frame] = FRAME_ZEROED)],
  ['a used-entry count', ({ mm, frame }) => mm.pfn.usedPtes[mm.pfn.containingFrame[frame]!]!++],
  ['a lost frame', ({ mm, word }) => (mm.words[word] = 0)],
  ['a page mapped twice', ({ mm, word }) => (mm.words[word + 10] = mm.words[word]!)],
  ['a write bit', ({ mm, word }) => (mm.words[word]! &= ~PTE_WRITE)],
  ['a no-execute bit', ({ mm, word }) => (mm.words[word + 1] = 0)],
  ['an entry outside every range', ({ mm, word }) => (mm.words[word + 2 * 100] = 0x80)],
  ['a broken list', ({ mm }) => (mm.pfn.blink[mm.lists.head[FRAME_ZEROED]!] = 3)],
  ['a list length', ({ mm }) => mm.lists.count[FRAME_ZEROED]!++],
  ['a zeroed page', ({ mm }) => (mm.words[mm.frameWord(mm.lists.head[FRAME_ZEROED]!) + 5] = 1)],
  ['flags of an unused frame', ({ mm }) => (mm.pfn.flags[mm.lists.tail[FRAME_ZEROED]!] = PFN_MODIFIED)],
  ['the commit charge', ({ mm }) => mm.commit.current++],
  ['the commit charge of a range', ({ space }) => space.vads.first()!.commitCharge++],
  ['the commit charge of a process', ({ space }) => space.commitCharge++],
  ['overlapping ranges', ({ space }) => (space.vads.first()!.endPage += 0x100)],
  ['a range count', ({ space }) => space.vads.count++],
  ['the working-set size', ({ space }) => space.workingSetPages++],
  ['the size of the system working set', ({ mm }) => mm.systemWorkingSet.workingSetPages++],
  ['the dirty bit of a pool page', ({ mm, poolPte }) => (mm.words[poolPte]! &= ~PTE_DIRTY)],
  ['the backing store of a pool page', ({ mm, poolPte }) => cleanPoolPage(mm, poolPte)],
  ['the index of a pool page', ({ mm, poolPte }) => mm.pfn.flink[pteFrame(mm.words[poolPte]!)]!++],
  ['the page-table count', ({ space }) => space.pageTablePages--],
  ['a dirty bit that the TLB counts on', ({ mm, word }) => (mm.words[word]! &= ~PTE_DIRTY)],
  ['the table that an address space found last', ({ space }) => (space.cachedTableWord += 1024)],
  ['the system page that was found last', ({ mm }) => (mm.systemWordPage += 1)],
  ['a tree gap', ({ space }) => space.vads.root!.subtreeGap++],
];

describe('verify', () => {
  it('counts what it looked at', () => {
    const { mm } = busyMachine();
    const counts = verify(mm);
    expect(counts.frames).toBe(256);
    expect(counts.vads).toBe(4);
    expect(counts.ptes).toBeGreaterThan(12);
    expect(counts.checks).toBeGreaterThan(2000);
  });

  it.each(DAMAGES)('finds damage to %s', (_name, damage) => {
    const machine = busyMachine();
    verify(machine.mm);
    damage(machine);
    expect(() => verify(machine.mm)).toThrow(VerifyError);
  });
});
