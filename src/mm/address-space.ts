/**
 * The memory manager's half of a process: its page directory, its ranges and its counts. MmCreateProcessAddressSpace and
 * MmDeleteProcessAddressSpace. Source: Unit OS5: Memory Management 5.2, "MM: Process Support".
 */
import { BugCheck, NO_PAGES_AVAILABLE } from './bug-check.js';
import { COMMIT_PAGE_TABLES } from './commit.js';
import { type CommitQuota, noteCommit } from './commit-quota.js';
import { FaultCounters } from './counters.js';
import { deleteHyperspace } from './hyperspace.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateZeroedFrame, deleteActiveFrame } from './page-lists.js';
import { PTE_BASE, pdeAddress, pteAddress, SYSTEM_RANGE_START, SYSTEM_TABLE_LOW } from './page-tables.js';
import { DEFAULT_PRIORITY, PFN_MODIFIED, PFN_PAGE_TABLE } from './pfn-database.js';
import { deletePrivateVad } from './private-memory.js';
import { demandZeroLow, MM_READWRITE, PTE_NO_EXECUTE } from './pte.js';
import { deletePteRange, disownLostTables } from './pte-deletion.js';
import { unmapAllViews } from './section-view.js';
import { mapSharedUserData } from './shared-user-data.js';
import { copySystemEntries, SELF_MAP_INDEX } from './system-space.js';
import { needAddressSpace } from './threads/swapper.js';
import { deleteUserPhysicalPages, type UserPhysicalPages } from './user-physical-pages.js';
import { VadTree } from './vad-tree.js';
import { growWorkingSetList, WorkingSet } from './working-set.js';

/** First and last address a program can use ("SYSTEM_INFO structure"; 128 TB less 64 KB at the bottom and at the top). */
export const LOWEST_USER_ADDRESS = 0x10000;
export const HIGHEST_USER_ADDRESS = 0x7fff_fffe_ffff;

/** Directory, three tables of hyperspace, working-set list, three tables for the shared user data page. */
const PAGES_TO_CREATE = 8;

export class AddressSpace {
  /** Frame of the level-4 page directory: what CR3 names. */
  directoryFrame = 0;
  /** System address, in nonpaged pool, of the entry that names the directory while the process is swapped out; else 0. */
  directoryEntry = 0;
  /** The swapper has to bring it in. */
  wanted = false;
  readonly vads = new VadTree();
  /** Ranges in which writes are watched. */
  watchedRanges = 0;
  readonly counters = new FaultCounters();
  /** Pages that this process is charged for: private pages, copy-on-write views, page tables, working-set list. */
  commitCharge = 0;
  peakCommitCharge = 0;
  /** Most that it may be charged for; infinity for no limit. */
  commitLimit = Number.POSITIVE_INFINITY;
  /** The quota of its innermost job. */
  quota: CommitQuota | null = null;
  /** Valid pages, page tables included. */
  workingSetPages = 0;
  peakWorkingSetPages = 0;
  /** Page tables of all levels that exist, the directory included, wherever they are. */
  pageTablePages = 0;
  /** Ranges of large pages and windows for user physical pages: a process that has any is not swapped out. */
  lockedRanges = 0;
  /** The pages of Address Windowing Extensions that the process owns; null before the first. */
  userPhysicalPages: UserPhysicalPages | null = null;
  /** Pages of hyperspace: the working-set list and its hash. */
  hyperspacePages = 0;
  readonly workingSet = new WorkingSet();
  /** Page priority of threads that have none of their own. */
  pagePriority = DEFAULT_PRIORITY;
  readonly lowestAddress = LOWEST_USER_ADDRESS;
  readonly highestAddress = HIGHEST_USER_ADDRESS;
  /** The page table found last: address / 2 MB (-1: none), and its first word in ram.words. */
  cachedTable = -1;
  cachedTableWord = 0;

  constructor(readonly processId: number) {}

  /** Its tables and working-set list are not in memory: nothing may go through them before the swapper brought it in. */
  get outSwapped(): boolean {
    return this.directoryEntry !== 0;
  }

  addCommit(pages: number): void {
    this.commitCharge += pages;
    if (this.commitCharge > this.peakCommitCharge) this.peakCommitCharge = this.commitCharge;
    if (this.quota !== null) noteCommit(this, pages);
  }

  addResident(pages: number): void {
    this.workingSetPages += pages;
    if (this.workingSetPages > this.peakWorkingSetPages) this.peakWorkingSetPages = this.workingSetPages;
  }
}

/** Makes an address space that holds only the shared user data page; null when commit or RAM is short (STATUS_NO_MEMORY). */
export function createAddressSpace(mm: MemoryManager, processId: number): AddressSpace | null {
  if (!mm.commit.hasRoom(PAGES_TO_CREATE)) return null;
  const space = new AddressSpace(processId);
  if (!createDirectory(mm, space)) return null;
  mm.addressSpaces.push(space);
  if (mm.events.active) mm.events.emit('process-create', space, 0, space.directoryFrame, 0);
  if (growWorkingSetList(mm, space) && mapSharedUserData(mm, space)) return space;
  deleteAddressSpace(mm, space);
  return null;
}

function createDirectory(mm: MemoryManager, space: AddressSpace): boolean {
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) return false;
  const self = pteAddress(pteAddress(pdeAddress(PTE_BASE)));
  mm.pfn.initialize(frame, self, frame, demandZeroLow(MM_READWRITE), 0, PFN_MODIFIED | PFN_PAGE_TABLE);
  mm.pfn.shareCount[frame] = 2;
  mm.pfn.usedPtes[frame] = 1;
  space.directoryFrame = frame;
  const word = mm.frameWord(frame) + SELF_MAP_INDEX * 2;
  mm.words[word] = (frame << 12) | SYSTEM_TABLE_LOW;
  mm.words[word + 1] = PTE_NO_EXECUTE;
  copySystemEntries(mm, frame);
  mm.commit.force(COMMIT_PAGE_TABLES, 1);
  space.pageTablePages = 1;
  space.addCommit(1);
  space.addResident(1);
  return true;
}

/**
 * Makes the processor use an address space: loads CR3, which flushes the TLB. One that is swapped out comes in first; without
 * frames for it the machine stops with NO_PAGES_AVAILABLE.
 */
export function attach(mm: MemoryManager, space: AddressSpace): void {
  bringInAddressSpace(mm, space);
  mm.current = space;
  mm.processor.setDirectory(space.directoryFrame);
}

/** The processor leaves every process: it runs on the system's own directory. */
export function detach(mm: MemoryManager): void {
  mm.current = null;
  mm.currentStack = null;
  mm.processor.setDirectory(mm.systemDirectoryFrame);
}

/** Has the swapper bring in a process whose address space is needed at once. */
export function bringInAddressSpace(mm: MemoryManager, space: AddressSpace): void {
  if (needAddressSpace(mm, space)) return;
  const { modifiedPageFile, available } = mm.lists;
  const parameters = [modifiedPageFile, mm.pfn.frameCount, mm.pageFiles.pagesInUse, available];
  throw new BugCheck(NO_PAGES_AVAILABLE, parameters, 'no page can be had for a process that must come in');
}

/**
 * Takes an address space apart: unmaps its views, deletes its private pages, and every frame goes back to its list. Entries in
 * page tables that could not be brought back meanwhile are deleted with the tables in the end.
 */
export function deleteAddressSpace(mm: MemoryManager, space: AddressSpace): void {
  bringInAddressSpace(mm, space);
  unmapAllViews(mm, space);
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.first()) {
    deletePrivateVad(mm, space, vad);
  }
  deleteUserPhysicalPages(mm, space);
  deletePteRange(mm, space, 0, SYSTEM_RANGE_START);
  deleteHyperspace(mm, space);
  if (mm.current === space) detach(mm);
  const directory = space.directoryFrame;
  deleteActiveFrame(mm, directory);
  mm.commit.release(COMMIT_PAGE_TABLES, space.pageTablePages);
  disownLostTables(mm, space);
  mm.addressSpaces.splice(mm.addressSpaces.indexOf(space), 1);
  if (mm.events.active) mm.events.emit('process-delete', space, 0, directory, 0);
}
