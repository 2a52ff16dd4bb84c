/**
 * verify(): walks every structure of the memory manager and proves its invariants. Each frame is on exactly one list or in
 * use; share counts, reference counts and used-entry counts are those that the page tables give; commit charge is what is
 * committed; ranges are ordered and disjoint; the TLB holds nothing that the page tables do not say.
 */
import {
  COMMIT_COPY_ON_WRITE,
  COMMIT_PAGE_TABLES,
  COMMIT_PRIVATE,
  COMMIT_SYSTEM,
  COMMIT_USES,
} from './commit.js';
import type { CommitQuota } from './commit-quota.js';
import type { FaultCounters } from './counters.js';
import type { MemoryManager } from './memory-manager.js';
import { isMappedFilePage } from './page-lists.js';
import {
  FRAME_ACTIVE,
  FRAME_BAD,
  FRAME_FREE,
  FRAME_MODIFIED,
  FRAME_STANDBY,
  FRAME_STATE_NAMES,
  FRAME_TRANSITION,
  FRAME_ZEROED,
  PFN_DELETED,
  PFN_MODIFIED,
  PFN_READ_IN_PROGRESS,
} from './pfn-database.js';
import { SHORT_VAD_SIZE, SHORT_VAD_TAG } from './private-memory.js';
import { hasPageFileBlock, PTE_RESET, resetMarks } from './pte.js';
import { observe } from './system-observer.js';
import { VAD_PRIVATE } from './vad-tree.js';
import { verifyCaches } from './verify-caches.js';
import { VerifyError } from './verify-error.js';
import { verifyLockedRanges } from './verify-locked-ranges.js';
import { verifyPageFiles } from './verify-page-files.js';
import { verifyAddressSpace, verifyLostTables, verifySystemSpace } from './verify-page-tables.js';
import { verifySections } from './verify-sections.js';
import { verifyKernelStacks, verifyOutSwapped } from './verify-swap.js';
import { verifyVads } from './verify-vads.js';
import { verifyProcessWorkingSet, verifySystemWorkingSet } from './verify-working-set.js';

export { VerifyError } from './verify-error.js';

/** How much verify() looked at. */
export interface VerifyCounts {
  frames: number;
  ptes: number;
  prototypePtes: number;
  vads: number;
  /** Comparisons that held. */
  checks: number;
}

/** What the page tables and prototype PTEs say, collected while they are walked. */
export class VerifyTally {
  readonly counts: VerifyCounts = { frames: 0, ptes: 0, prototypePtes: 0, vads: 0, checks: 0 };
  /** Share count that each frame should have. */
  readonly shares: Int32Array;
  /** Valid pages of paged pool. */
  pagedPoolPages = 0;
  /** For each paging file: 1 for each block that an entry names, and how many those are. */
  readonly blocks: Uint8Array[];
  readonly blocksNamed: number[];
  /** Large pages found. */
  largePages = 0;

  constructor(readonly mm: MemoryManager) {
    this.shares = new Int32Array(mm.pfn.frameCount);
    this.blocks = mm.pageFiles.files.map(({ size }) => new Uint8Array(size));
    this.blocksNamed = mm.pageFiles.files.map(() => 0);
  }

  /** Counts one comparison; throws VerifyError when the values differ. */
  equal(actual: number, expected: number, what: string, where: number): void {
    this.counts.checks++;
    if (actual !== expected) {
      throw new VerifyError(
        `${what} ${where.toString(16)}: ${actual.toString(16)}, expected ${expected.toString(16)}`,
      );
    }
  }

  /** Counts one condition; throws VerifyError when it does not hold. */
  holds(condition: boolean, what: string, where: number): void {
    this.counts.checks++;
    if (!condition) throw new VerifyError(`${what} ${where.toString(16)}`);
  }
}

/** Proves everything and changes nothing; returns what was counted, throws VerifyError naming the first thing that is wrong. */
export function verify(mm: MemoryManager): VerifyCounts {
  return observe(mm, () => verifyAll(mm));
}

function verifyAll(mm: MemoryManager): VerifyCounts {
  const tally = new VerifyTally(mm);
  verifyCaches(mm, tally);
  verifyLists(mm, tally);
  verifySystemSpace(mm, tally);
  for (const space of mm.addressSpaces) {
    verifyVads(mm, space, tally);
    if (space.outSwapped) {
      verifyOutSwapped(mm, space, tally);
      continue;
    }
    const systemTables = verifyAddressSpace(mm, space, tally);
    verifyProcessWorkingSet(mm, space, systemTables, tally);
  }
  verifyLostTables(mm, null, tally);
  verifyLockedRanges(mm, tally);
  verifySystemWorkingSet(mm, tally);
  verifyKernelStacks(mm, tally);
  verifySections(mm, tally);
  verifyFrames(mm, tally);
  verifyPageFiles(mm, tally);
  verifyCommit(mm, tally);
  verifyCounters(mm.counters, 0, tally);
  verifyCounters(mm.systemWorkingSet.counters, 0, tally);
  for (const { counters, processId } of mm.addressSpaces) verifyCounters(counters, processId, tally);
  verifyQuotas(mm, tally);
  return tally.counts;
}

/** Links, states and lengths of the lists; each listed frame is met once. */
function verifyLists(mm: MemoryManager, tally: VerifyTally): void {
  const { pfn, lists } = mm;
  const listed = new Uint8Array(pfn.frameCount);
  for (let list = 0; list < lists.head.length; list++) {
    let length = 0;
    let previous = -1;
    for (let frame = lists.head[list]!; frame >= 0; frame = pfn.flink[frame]!) {
      tally.holds(listed[frame] === 0, 'frame is listed twice', frame);
      listed[frame] = 1;
      tally.equal(pfn.blink[frame]!, previous, 'back link of frame', frame);
      tally.equal(pfn.state[frame]!, list < 8 ? list : FRAME_STANDBY, 'state of listed frame', frame);
      if (list >= 8) tally.equal(pfn.priority[frame]!, list - 8, 'priority of standby frame', frame);
      previous = frame;
      length++;
    }
    tally.equal(lists.tail[list]!, previous, 'last frame of list', list);
    tally.equal(lists.count[list]!, length, 'length of list', list);
  }
  for (let frame = 0; frame < pfn.frameCount; frame++) {
    const inUse = pfn.state[frame] === FRAME_ACTIVE || pfn.state[frame] === FRAME_TRANSITION;
    tally.holds(
      inUse === (listed[frame] === 0),
      `${FRAME_STATE_NAMES[pfn.state[frame]!]} frame and its list`,
      frame,
    );
  }
  const available = lists.count[FRAME_ZEROED]! + lists.count[FRAME_FREE]! + lists.standbyCount;
  tally.equal(lists.available, available, 'available frames', 0);
  let mapped = 0;
  for (let frame = lists.head[FRAME_MODIFIED]!; frame >= 0; frame = pfn.flink[frame]!)
    if (isMappedFilePage(pfn, frame)) mapped++;
  tally.equal(lists.modifiedMapped, mapped, 'modified pages of mapped files', 0);
  tally.equal(
    lists.modifiedPageFile,
    lists.count[FRAME_MODIFIED]! - mapped,
    'modified pages for paging files',
    0,
  );
  verifyZeroes(mm, tally);
}

/** The zeroed page that would be handed out next holds zeros. */
function verifyZeroes(mm: MemoryManager, tally: VerifyTally): void {
  const frame = mm.lists.head[FRAME_ZEROED]!;
  if (frame < 0) return;
  const word = mm.frameWord(frame);
  const { words } = mm;
  let bits = 0;
  for (let at = word; at < word + 1024; at++) bits |= words[at]!;
  tally.equal(bits, 0, 'bits of zeroed frame', frame);
}

/** PFN entries against what the walk of all tables found. */
function verifyFrames(mm: MemoryManager, tally: VerifyTally): void {
  const { pfn } = mm;
  const references = referencesForIo(mm, tally);
  for (let frame = 0; frame < pfn.frameCount; frame++) {
    const state = pfn.state[frame]!;
    tally.equal(pfn.shareCount[frame]!, tally.shares[frame]!, 'share count of frame', frame);
    if (state === FRAME_ACTIVE)
      tally.holds(pfn.shareCount[frame]! > 0, 'active frame without a mapping', frame);
    const expected = (pfn.shareCount[frame]! > 0 ? 1 : 0) + references[frame]!;
    tally.equal(pfn.referenceCount[frame]!, expected, 'reference count of frame', frame);
    if (state === FRAME_TRANSITION)
      tally.holds(expected > 0, 'frame in transition that nothing holds,', frame);
    if (state === FRAME_ZEROED || state === FRAME_FREE || state === FRAME_BAD) {
      tally.equal(pfn.pteAddress[frame]!, 0, 'PTE address of unused frame', frame);
      tally.equal(pfn.containingFrame[frame]!, -1, 'containing frame of unused frame', frame);
      tally.equal(pfn.flags[frame]!, 0, 'flags of unused frame', frame);
    } else verifyContents(mm, frame, tally);
    tally.counts.frames++;
  }
}

/**
 * What a page in use holds is newer than every copy, or a file or a paging file has it too: nothing is lost when the frame is
 * given another use, but what was reset (MEM_RESET). A page that is deleted when its I/O ends has neither.
 */
function verifyContents(mm: MemoryManager, frame: number, tally: VerifyTally): void {
  const { pfn } = mm;
  const flags = pfn.flags[frame]!;
  if ((flags & PFN_DELETED) !== 0) return;
  const isModified = (flags & PFN_MODIFIED) !== 0;
  const hasBlock = hasPageFileBlock(pfn.originalLo[frame]!, pfn.originalHi[frame]!);
  tally.holds(!(isModified && hasBlock), 'copy in a paging file of modified frame', frame);
  const isReset = (resetMarks(pfn.originalLo[frame]!) & PTE_RESET) !== 0;
  tally.holds(!(isModified && isReset), 'modified frame that was reset,', frame);
  const hasCopy = hasBlock || isReset || isMappedFilePage(pfn, frame);
  tally.holds(isModified || hasCopy, 'contents of frame that are nowhere else,', frame);
  const state = pfn.state[frame]!;
  if (state === FRAME_STANDBY) tally.holds(!isModified, 'modified frame on standby', frame);
  if (state === FRAME_MODIFIED) tally.holds(isModified, 'clean frame on the modified list', frame);
}

/** References that paging I/O in flight and threads that wait for it hold, by frame. */
function referencesForIo(mm: MemoryManager, tally: VerifyTally): Uint16Array {
  const { pfn, io } = mm;
  const references = new Uint16Array(pfn.frameCount);
  let last = 0;
  let writes = 0;
  let pagesWritten = 0;
  const reading = new Uint8Array(pfn.frameCount);
  for (const request of io.requests) {
    tally.holds(
      request.completesAt >= last,
      'paging I/O that ends before an earlier one,',
      request.completesAt,
    );
    last = request.completesAt;
    if (!request.isRead) {
      writes++;
      pagesWritten += request.pages;
    }
    for (let index = 0; index < request.pages; index++) {
      const frame = request.frames[index]!;
      references[frame]!++;
      if (request.isRead) reading[frame] = 1;
    }
  }
  tally.equal(io.writesInFlight, writes, 'writes in flight', 0);
  tally.equal(io.pagesBeingWritten, pagesWritten, 'pages being written', 0);
  const first = io.requests[0]?.completesAt ?? Number.POSITIVE_INFINITY;
  tally.equal(io.nextCompletion, first, 'end of the first paging I/O', 0);
  for (let frame = 0; frame < pfn.frameCount; frame++) {
    const isBeingRead = (pfn.flags[frame]! & PFN_READ_IN_PROGRESS) !== 0;
    tally.equal(isBeingRead ? 1 : 0, reading[frame]!, 'read of frame', frame);
    if (isBeingRead)
      tally.holds(
        pfn.state[frame] === FRAME_TRANSITION,
        'page is used before it has been read, frame',
        frame,
      );
  }
  for (const frame of io.waited) references[frame]!++;
  return references;
}

function verifyCommit(mm: MemoryManager, tally: VerifyTally): void {
  const { commit } = mm;
  let privatePages = 0;
  let viewPages = 0;
  let tablePages = 0;
  let shortVads = 0;
  for (const space of mm.addressSpaces) {
    tablePages += space.pageTablePages + space.hyperspacePages;
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
      if (vad.kind === VAD_PRIVATE) {
        privatePages += vad.commitCharge;
        shortVads++;
      } else viewPages += vad.commitCharge;
    }
  }
  tally.equal(commit.byUse[COMMIT_PRIVATE]!, privatePages, 'commit charge of private pages', 0);
  tally.equal(commit.byUse[COMMIT_COPY_ON_WRITE]!, viewPages, 'commit charge of views', 0);
  tally.equal(commit.byUse[COMMIT_PAGE_TABLES]!, tablePages, 'commit charge of page tables', 0);
  tally.equal(commit.byUse[COMMIT_SYSTEM]!, mm.systemPages, 'commit charge of the system', 0);
  const charged = mm.nonpagedPool.tags.get(SHORT_VAD_TAG)?.charged ?? 0;
  tally.equal(charged, shortVads * SHORT_VAD_SIZE, 'pool charge of private ranges', 0);
  let sum = 0;
  for (let use = 0; use < COMMIT_USES; use++) sum += commit.byUse[use]!;
  tally.equal(commit.current, sum, 'commit charge', 0);
}

/** The quota of a job is the sum of what its processes are charged for. */
function verifyQuotas(mm: MemoryManager, tally: VerifyTally): void {
  const sums = new Map<CommitQuota, number>();
  for (const space of mm.addressSpaces)
    for (let quota = space.quota; quota !== null; quota = quota.parent)
      sums.set(quota, (sums.get(quota) ?? 0) + space.commitCharge);
  for (const [quota, sum] of sums) tally.equal(quota.current, sum, 'commit charge of a job, pages', sum);
}

/** Every fault was soft, hard, a guard page's or a violation. */
function verifyCounters(counters: FaultCounters, id: number, tally: VerifyTally): void {
  const { soft, hard, guardPage, accessViolation } = counters;
  tally.equal(counters.total, soft + hard + guardPage + accessViolation, 'faults of process', id);
}
