/**
 * Proves what the swapper has taken out: kernel stacks, and the tables and working-set lists of processes, wherever their pages
 * are now. Part of verify().
 */
import type { AddressSpace } from './address-space.js';
import { KERNEL_STACK_PAGES, type KernelStack, signatureAddress } from './kernel-stack.js';
import type { MemoryManager } from './memory-manager.js';
import { ENTRY_SPAN, entryAddress, frameOfWord, pteAddress, SYSTEM_RANGE_START } from './page-tables.js';
import { FRAME_ACTIVE, PFN_PAGE_TABLE } from './pfn-database.js';
import { isSystemEntry } from './process-swap.js';
import { PTE_PROTOTYPE, PTE_TRANSITION, PTE_VALID, pteFrame } from './pte.js';
import { findSystemPte, systemWord } from './system-space.js';
import type { VerifyTally } from './verify.js';
import { verifyPageFileEntry } from './verify-page-files.js';
import { readTable, verifyLostTables, verifyTransition } from './verify-page-tables.js';

const DIRECTORY_LEVEL = 4;
const PAGE_SIZE = 4096;

/** Every stack is in memory or out as a whole; one that is out and still in RAM has its signature. */
export function verifyKernelStacks(mm: MemoryManager, tally: VerifyTally): void {
  for (const stack of mm.kernelStacks) {
    for (let page = 0; page < KERNEL_STACK_PAGES; page++) {
      const address = stack.limit + page * PAGE_SIZE;
      const isValid = (mm.words[findSystemPte(mm, address)]! & PTE_VALID) !== 0;
      tally.holds(isValid === stack.resident, 'kernel stack that is out in part, at', address);
    }
    if (!stack.resident) verifySignature(mm, stack, tally);
  }
}

function verifySignature(mm: MemoryManager, stack: KernelStack, tally: VerifyTally): void {
  const at = signatureAddress(stack);
  const lo = mm.words[findSystemPte(mm, at)]!;
  if ((lo & PTE_TRANSITION) === 0) return;
  const found = mm.words[mm.frameWord(pteFrame(lo)) + ((at % PAGE_SIZE) >>> 2)]!;
  tally.equal(found, stack.threadId, 'signature of the kernel stack at', at);
}

interface SwapWalk {
  tables: number;
  listPages: number;
}

/** A process that is out: its tables lie in frames that are in transition, or in paging files. */
export function verifyOutSwapped(mm: MemoryManager, space: AddressSpace, tally: VerifyTally): void {
  const walk: SwapWalk = { tables: 0, listPages: 0 };
  const word = systemWord(mm, space.directoryEntry);
  const holder = frameOfWord(mm, word);
  const entry: Entry = { lo: mm.words[word]!, hi: mm.words[word + 1]!, at: space.directoryEntry, holder };
  verifyOutTable(mm, entry, DIRECTORY_LEVEL, 0, walk, tally);
  const { processId } = space;
  const tables = walk.tables + verifyLostTables(mm, space, tally);
  tally.equal(tables, space.pageTablePages, 'page tables of swapped process', processId);
  tally.equal(walk.listPages, space.hyperspacePages, 'working-set list of swapped process', processId);
  tally.equal(space.workingSetPages, 0, 'working set of swapped process', processId);
  tally.equal(space.workingSet.used, 0, 'entries of the working set of swapped process', processId);
  tally.equal(space.directoryFrame, mm.systemDirectoryFrame, 'directory of swapped process', processId);
}

/** An entry of a table that is out: its words, its system address, and the frame that holds it, -1 in a paging file. */
interface Entry {
  readonly lo: number;
  readonly hi: number;
  readonly at: number;
  readonly holder: number;
}

function verifyOutTable(
  mm: MemoryManager,
  entry: Entry,
  level: number,
  base: number,
  walk: SwapWalk,
  tally: VerifyTally,
): void {
  walk.tables++;
  const frame = (entry.lo & PTE_TRANSITION) === 0 ? -1 : pteFrame(entry.lo);
  if (frame < 0) verifyPageFileEntry(mm, entry.lo, entry.hi, entry.at, tally);
  else verifyOutFrame(mm, entry, frame, tally);
  const first = mm.frameWord(readTable(mm, entry.lo, entry.hi, level, base));
  for (let index = 0; index < 512; index++) {
    const lo = mm.words[first + index * 2]!;
    const hi = mm.words[first + index * 2 + 1]!;
    if ((lo === 0 && hi === 0) || isSystemEntry(level, index)) continue;
    const address = base + index * ENTRY_SPAN[level]!;
    tally.holds((lo & PTE_VALID) === 0, 'valid entry of a swapped process, for', address);
    const below: Entry = { lo, hi, at: entryAddress(address, level), holder: frame };
    if (level > 1) verifyOutTable(mm, below, level - 1, address, walk, tally);
    else verifyOutPage(mm, below, address, walk, tally);
  }
}

/** The frame of a table: on a list, or active while entries in it are in transition. */
function verifyOutFrame(mm: MemoryManager, entry: Entry, frame: number, tally: VerifyTally): void {
  const { pfn } = mm;
  tally.holds(entry.holder >= 0, 'table in transition below one in a paging file', entry.at);
  tally.shares[entry.holder]!++;
  tally.equal(pfn.pteAddress[frame]!, entry.at, 'PTE address of swapped table', frame);
  tally.equal(pfn.containingFrame[frame]!, entry.holder, 'containing frame of swapped table', frame);
  tally.holds((pfn.flags[frame]! & PFN_PAGE_TABLE) !== 0, 'swapped table is not marked', frame);
  const held = pfn.shareCount[frame]! > 0;
  tally.equal(pfn.state[frame] === FRAME_ACTIVE ? 1 : 0, held ? 1 : 0, 'state of swapped table', frame);
}

function verifyOutPage(
  mm: MemoryManager,
  entry: Entry,
  address: number,
  walk: SwapWalk,
  tally: VerifyTally,
): void {
  const { lo, hi, holder } = entry;
  if (address >= SYSTEM_RANGE_START) walk.listPages++;
  tally.counts.ptes++;
  if ((lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION) {
    tally.holds(holder >= 0, 'page in transition below a table in a paging file', address);
    tally.equal(entry.at, pteAddress(address), 'entry of', address);
    verifyTransition(mm, lo, holder, address, tally);
  } else verifyPageFileEntry(mm, lo, hi, address, tally);
}
