/**
 * The page lists: zeroed, free, standby (one list per priority), modified, modified-no-write and bad, doubly linked through
 * the PFN entries, and the legal moves between them. Source: Windows Internals, "Page list dynamics"; Windows Memory Model and Its
 * Inner Workings has the same rule that a frame is reused only when its contents are safe and its reference count is 0.
 */
import { BugCheck, PFN_LIST_CORRUPT } from './bug-check.js';
import type { MemoryManager } from './memory-manager.js';
import { releasePageFileSpace } from './page-file.js';
import { waitForNextRequest } from './paging-io.js';
import {
  FRAME_ACTIVE,
  FRAME_BAD,
  FRAME_FREE,
  FRAME_MODIFIED,
  FRAME_MODIFIED_NO_WRITE,
  FRAME_STANDBY,
  FRAME_STATE_NAMES,
  FRAME_TRANSITION,
  FRAME_ZEROED,
  PFN_DELETED,
  PFN_MODIFIED,
  type PfnDatabase,
} from './pfn-database.js';
import { PTE_PROTOTYPE, pteProtection, transitionLow } from './pte.js';
import { freeUnusedSegments } from './threads/dereference-segment.js';
import { runThreadsForFrame } from './threads/run-system-threads.js';
import { wakeSystemThread } from './threads/system-threads.js';
import { FREE_PAGES_TO_ZERO } from './threads/zero-page.js';
import { trimBelowMinimum } from './working-set-manager.js';

const STANDBY_LISTS = 8;
const FIRST_STANDBY = 8;
const LIST_COUNT = FIRST_STANDBY + STANDBY_LISTS;
const LIST_STATES = 1 << FRAME_ACTIVE;

/** For each state, a bit for every state that a frame may go to next. */
const LEGAL_MOVES = new Uint8Array(8);
LEGAL_MOVES[FRAME_ZEROED] = (1 << FRAME_ACTIVE) | (1 << FRAME_BAD);
LEGAL_MOVES[FRAME_FREE] = (1 << FRAME_ZEROED) | (1 << FRAME_ACTIVE) | (1 << FRAME_BAD);
LEGAL_MOVES[FRAME_STANDBY] = (1 << FRAME_ACTIVE) | (1 << FRAME_FREE) | (1 << FRAME_TRANSITION);
LEGAL_MOVES[FRAME_MODIFIED] =
  (1 << FRAME_ACTIVE) | (1 << FRAME_FREE) | (1 << FRAME_TRANSITION) | (1 << FRAME_STANDBY);
LEGAL_MOVES[FRAME_MODIFIED_NO_WRITE] =
  (1 << FRAME_ACTIVE) | (1 << FRAME_FREE) | (1 << FRAME_TRANSITION) | (1 << FRAME_MODIFIED);
LEGAL_MOVES[FRAME_ACTIVE] =
  (1 << FRAME_FREE) |
  (1 << FRAME_STANDBY) |
  (1 << FRAME_MODIFIED) |
  (1 << FRAME_MODIFIED_NO_WRITE) |
  (1 << FRAME_TRANSITION);
LEGAL_MOVES[FRAME_TRANSITION] =
  (1 << FRAME_ACTIVE) |
  (1 << FRAME_FREE) |
  (1 << FRAME_STANDBY) |
  (1 << FRAME_MODIFIED) |
  (1 << FRAME_MODIFIED_NO_WRITE);

export class PageLists {
  /** First and last frame of each list, -1 when empty. Lists 8-15 are standby priorities 0-7, the others are indexed by state. */
  readonly head = new Int32Array(LIST_COUNT).fill(-1);
  readonly tail = new Int32Array(LIST_COUNT).fill(-1);
  /** Frames on each list. */
  readonly count = new Int32Array(LIST_COUNT);
  /** Frames that are zeroed, free or on standby. */
  available = 0;
  /** Modified pages that belong to mapped files, and those that belong into a paging file. */
  modifiedMapped = 0;
  modifiedPageFile = 0;
  /** Standby pages that were given another use, by priority. */
  readonly repurposed = new Float64Array(STANDBY_LISTS);

  /** Puts every frame on the zeroed list, lowest first: firmware hands over cleared RAM. */
  constructor(pfn: PfnDatabase) {
    const last = pfn.frameCount - 1;
    for (let frame = 0; frame <= last; frame++) {
      pfn.flink[frame] = frame + 1;
      pfn.blink[frame] = frame - 1;
    }
    pfn.flink[last] = -1;
    this.head[FRAME_ZEROED] = 0;
    this.tail[FRAME_ZEROED] = last;
    this.count[FRAME_ZEROED] = pfn.frameCount;
    this.available = pfn.frameCount;
  }

  /** Frames on the standby list of a priority. */
  standbyOf(priority: number): number {
    return this.count[FIRST_STANDBY + priority]!;
  }

  /** Frames on all standby lists. */
  get standbyCount(): number {
    let sum = 0;
    for (let list = FIRST_STANDBY; list < LIST_COUNT; list++) sum += this.count[list]!;
    return sum;
  }
}

/** Frames that a program can be given at once: zeroed, free and standby. */
export function availableFrames(mm: MemoryManager): number {
  return mm.lists.available;
}

/** True for the page of a mapped file; a modified page of any other kind goes to a paging file. */
export function isMappedFilePage(pfn: PfnDatabase, frame: number): boolean {
  return (pfn.originalLo[frame]! & PTE_PROTOTYPE) !== 0;
}

/** Counts a frame that joins (1) or leaves (-1) a list. */
function countListed(mm: MemoryManager, frame: number, list: number, change: number): void {
  const { lists } = mm;
  lists.count[list]! += change;
  if (list === FRAME_MODIFIED) {
    if (isMappedFilePage(mm.pfn, frame)) lists.modifiedMapped += change;
    else lists.modifiedPageFile += change;
  } else if (list <= FRAME_FREE || list >= FIRST_STANDBY) lists.available += change;
}

function listOf(pfn: PfnDatabase, frame: number): number {
  const state = pfn.state[frame]!;
  return state === FRAME_STANDBY ? FIRST_STANDBY + pfn.priority[frame]! : state;
}

function changeState(mm: MemoryManager, frame: number, to: number): void {
  const from = mm.pfn.state[frame]!;
  if ((LEGAL_MOVES[from]! & (1 << to)) === 0) throw illegalMove(frame, from, to);
  mm.pfn.state[frame] = to;
  if (mm.events.active) mm.events.emit('list', null, 0, frame, (from << 8) | to);
}

function illegalMove(frame: number, from: number, to: number): BugCheck {
  const text = `frame cannot go from ${FRAME_STATE_NAMES[from]} to ${FRAME_STATE_NAMES[to]}`;
  return new BugCheck(PFN_LIST_CORRUPT, [frame, from, to], text);
}

function removeLinks(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  const lists = mm.lists;
  const list = listOf(pfn, frame);
  const next = pfn.flink[frame]!;
  const previous = pfn.blink[frame]!;
  if (previous < 0) lists.head[list] = next;
  else pfn.flink[previous] = next;
  if (next < 0) lists.tail[list] = previous;
  else pfn.blink[next] = previous;
  countListed(mm, frame, list, -1);
  pfn.flink[frame] = -1;
  pfn.blink[frame] = -1;
}

function linkAtHead(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  const lists = mm.lists;
  const list = listOf(pfn, frame);
  const first = lists.head[list]!;
  pfn.flink[frame] = first;
  pfn.blink[frame] = -1;
  if (first < 0) lists.tail[list] = frame;
  else pfn.blink[first] = frame;
  lists.head[list] = frame;
  countListed(mm, frame, list, 1);
}

function linkAtTail(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  const lists = mm.lists;
  const list = listOf(pfn, frame);
  const last = lists.tail[list]!;
  pfn.blink[frame] = last;
  pfn.flink[frame] = -1;
  if (last < 0) lists.head[list] = frame;
  else pfn.flink[last] = frame;
  lists.tail[list] = frame;
  countListed(mm, frame, list, 1);
}

/** Takes a frame off its list; it is then active, or in transition when `to` says so, with its counts unchanged. */
export function unlinkFrame(mm: MemoryManager, frame: number, to: number = FRAME_ACTIVE): void {
  removeLinks(mm, frame);
  changeState(mm, frame, to);
}

/** Clears what the PFN entry knows and puts the frame first on the free list, where its contents are warm in the cache. */
export function insertFree(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  if (pfn.referenceCount[frame] !== 0 || pfn.shareCount[frame] !== 0) {
    throw new BugCheck(
      PFN_LIST_CORRUPT,
      [frame, pfn.referenceCount[frame]!, pfn.shareCount[frame]!],
      'freed frame is in use',
    );
  }
  pfn.pteAddress[frame] = 0;
  pfn.containingFrame[frame] = -1;
  pfn.originalLo[frame] = 0;
  pfn.originalHi[frame] = 0;
  pfn.flags[frame] = 0;
  pfn.usedPtes[frame] = 0;
  changeState(mm, frame, FRAME_FREE);
  linkAtHead(mm, frame);
  if (mm.lists.count[FRAME_FREE]! >= FREE_PAGES_TO_ZERO) wakeSystemThread(mm, mm.systemThreads.zeroPage);
}

/** Moves the first free frame, its contents zeroed, to the zeroed list. False when the free list is empty. */
export function zeroFreeFrame(mm: MemoryManager): boolean {
  const frame = mm.lists.head[FRAME_FREE]!;
  if (frame < 0) return false;
  mm.processor.zeroFrame(frame);
  removeLinks(mm, frame);
  changeState(mm, frame, FRAME_ZEROED);
  linkAtHead(mm, frame);
  return true;
}

/** Puts a frame whose PTE is in transition at the end of the standby, modified or modified-no-write list. */
function insertPageable(mm: MemoryManager, frame: number, list: number): void {
  changeState(mm, frame, list);
  linkAtTail(mm, frame);
}

export function insertStandby(mm: MemoryManager, frame: number): void {
  insertPageable(mm, frame, FRAME_STANDBY);
}

export function insertModified(mm: MemoryManager, frame: number): void {
  insertPageable(mm, frame, FRAME_MODIFIED);
  const { lists, thresholds, systemThreads } = mm;
  if (lists.modifiedPageFile > thresholds.modified) wakeSystemThread(mm, systemThreads.modifiedPageWriter);
  if (lists.modifiedMapped > thresholds.modified) wakeSystemThread(mm, systemThreads.mappedPageWriter);
}

export function insertModifiedNoWrite(mm: MemoryManager, frame: number): void {
  insertPageable(mm, frame, FRAME_MODIFIED_NO_WRITE);
}

/** Puts a frame on the bad list for ever. The frame must be zeroed or free. */
export function retireFrame(mm: MemoryManager, frame: number): void {
  removeLinks(mm, frame);
  changeState(mm, frame, FRAME_BAD);
  linkAtTail(mm, frame);
}

/** Index in ram.words of the PTE or prototype PTE that a frame's PFN entry names. */
export function pteWordOfFrame(mm: MemoryManager, frame: number): number {
  const pfn = mm.pfn;
  return mm.frameWord(pfn.containingFrame[frame]!) + ((pfn.pteAddress[frame]! & 0xfff) >>> 2);
}

/** Takes the oldest standby page of the lowest priority and gives its PTE or prototype PTE the original contents back; -1: none. */
function repurposeStandby(mm: MemoryManager): number {
  for (let list = FIRST_STANDBY; list < LIST_COUNT; list++) {
    const frame = takeFirst(mm, list);
    if (frame < 0) continue;
    repurpose(mm, frame);
    return frame;
  }
  return -1;
}

/** A page that was taken off standby is given up: its PTE or prototype PTE has its original contents again. */
function repurpose(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  mm.lists.repurposed[pfn.priority[frame]!]!++;
  const word = pteWordOfFrame(mm, frame);
  mm.words[word] = pfn.originalLo[frame]!;
  mm.words[word + 1] = pfn.originalHi[frame]!;
  const holder = pfn.containingFrame[frame]!;
  pfn.flags[frame] = 0;
  pfn.usedPtes[frame] = 0;
  releaseShare(mm, holder);
}

/** Takes an available frame (zeroed, free or on standby) off its list; it is active and holds zeros. */
export function claimFrame(mm: MemoryManager, frame: number): void {
  const state = mm.pfn.state[frame]!;
  unlinkFrame(mm, frame);
  if (state === FRAME_STANDBY) repurpose(mm, frame);
  if (state !== FRAME_ZEROED) mm.processor.zeroFrame(frame);
  wakeWhenLow(mm);
}

/** Deletes unused segments, unless the frame is for a pool page that is wanted in the middle of a pool operation. */
function giveUpSegments(mm: MemoryManager): boolean {
  return mm.sections.unused.length > 0 && !mm.pagedPool.busy && freeUnusedSegments(mm);
}

/**
 * No frame is available: the threads that make some run at once, being of higher priority, and their writes are waited for on
 * the spot. False: none can be made.
 */
function relieveShortage(mm: MemoryManager): boolean {
  for (;;) {
    runRelief(mm);
    if (mm.lists.available > 0) return true;
    if (!waitForNextRequest(mm) && !giveUpSegments(mm) && !trimBelowMinimum(mm)) return false;
    if (mm.lists.available > 0) return true;
  }
}

/** The threads that make frames available run. */
function runRelief(mm: MemoryManager): void {
  const { balanceSetManager, modifiedPageWriter, mappedPageWriter } = mm.systemThreads;
  wakeSystemThread(mm, balanceSetManager);
  if (mm.lists.modifiedPageFile > 0) wakeSystemThread(mm, modifiedPageWriter);
  if (mm.lists.modifiedMapped > 0) wakeSystemThread(mm, mappedPageWriter);
  runThreadsForFrame(mm);
}

/**
 * Fewer than `frames` frames are available: has some made. True when there are still fewer but writes are in flight that
 * will make some, so that waiting helps (MiEnsureAvailablePageOrWait).
 */
export function relieveShortageLater(mm: MemoryManager, frames: number): boolean {
  runRelief(mm);
  return mm.lists.available < frames && mm.io.writesInFlight > 0;
}

/** Takes the first frame of a list, active. */
function takeFirst(mm: MemoryManager, list: number): number {
  const frame = mm.lists.head[list]!;
  if (frame < 0) return frame;
  unlinkFrame(mm, frame);
  wakeWhenLow(mm);
  return frame;
}

function wakeWhenLow(mm: MemoryManager): void {
  if (mm.lists.available < mm.thresholds.low && !mm.systemThreads.nothingToTrim)
    wakeSystemThread(mm, mm.systemThreads.balanceSetManager);
}

/** A frame of zeros, active, its PFN entry still to be initialized; -1 when no frame can be had (STATUS_NO_MEMORY). */
export function allocateZeroedFrame(mm: MemoryManager): number {
  if (mm.lists.available === 0 && !relieveShortage(mm)) return -1;
  let frame = takeFirst(mm, FRAME_ZEROED);
  if (frame >= 0) return frame;
  frame = takeFirst(mm, FRAME_FREE);
  if (frame < 0) frame = repurposeStandby(mm);
  mm.processor.zeroFrame(frame);
  return frame;
}

/** A frame whose contents the caller will replace, active, its PFN entry still to be initialized; -1 when none can be had. */
export function allocateFrame(mm: MemoryManager): number {
  if (mm.lists.available === 0 && !relieveShortage(mm)) return -1;
  let frame = takeFirst(mm, FRAME_FREE);
  if (frame < 0) frame = takeFirst(mm, FRAME_ZEROED);
  if (frame < 0) frame = repurposeStandby(mm);
  mm.processor.frameChanged(frame);
  return frame;
}

/** Gives back a frame that was allocated and not initialized. */
export function returnUnusedFrame(mm: MemoryManager, frame: number): void {
  insertFree(mm, frame);
}

/** One more valid PTE maps the frame, or one more valid or transition entry lies in it. */
export function addShare(mm: MemoryManager, frame: number): void {
  if (mm.pfn.shareCount[frame]!++ === 0) mm.pfn.referenceCount[frame]!++;
}

/**
 * One valid PTE less maps the frame, or one valid or transition entry less lies in it. At 0 the PTE or prototype PTE that
 * the PFN entry names goes into transition (unless it was deleted) and the reference is dropped. MiDecrementShareCount.
 */
export function releaseShare(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  if (--pfn.shareCount[frame]! > 0) return;
  if (pfn.shareCount[frame]! < 0) throw new BugCheck(PFN_LIST_CORRUPT, [frame], 'share count below zero');
  if ((pfn.flags[frame]! & PFN_DELETED) === 0) {
    const word = pteWordOfFrame(mm, frame);
    mm.words[word] = transitionLow(frame, pteProtection(pfn.originalLo[frame]!));
    mm.words[word + 1] = 0;
  }
  if (pfn.referenceCount[frame]! > 1) changeState(mm, frame, FRAME_TRANSITION);
  releaseReference(mm, frame);
}

/** Keeps a frame in place for an I/O or a lock; a frame on standby or modified leaves its list. */
export function addReference(mm: MemoryManager, frame: number): void {
  const state = mm.pfn.state[frame]!;
  if (1 << state < LIST_STATES) unlinkFrame(mm, frame, FRAME_TRANSITION);
  mm.pfn.referenceCount[frame]!++;
}

/** Drops one reason to keep a frame; at 0 it goes to the free list when its PTE is gone, else to modified or standby. */
export function releaseReference(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  if (--pfn.referenceCount[frame]! !== 0) return;
  const flags = pfn.flags[frame]!;
  if ((flags & PFN_DELETED) !== 0) insertFree(mm, frame);
  else if ((flags & PFN_MODIFIED) !== 0) insertModified(mm, frame);
  else insertStandby(mm, frame);
}

/** Brings a frame in transition (on standby, modified, or held by an I/O) back to active, mapped once. MiUnlinkPage and share count 1. */
export function activateTransitionFrame(mm: MemoryManager, frame: number): void {
  if (mm.pfn.state[frame] === FRAME_TRANSITION) changeState(mm, frame, FRAME_ACTIVE);
  else unlinkFrame(mm, frame);
  addShare(mm, frame);
}

/** The page is deleted: its copy in a paging file is freed. */
function forgetBackingStore(mm: MemoryManager, frame: number): void {
  const { pfn } = mm;
  releasePageFileSpace(mm, pfn.originalLo[frame]!, pfn.originalHi[frame]!);
  pfn.originalHi[frame] = 0;
}

/**
 * The PTE that names a transition frame is deleted: its page goes to the free list, at once or when the last I/O ends, and
 * the page of PTEs that held it loses a share.
 */
export function deleteTransitionFrame(mm: MemoryManager, frame: number): void {
  const pfn = mm.pfn;
  const holder = pfn.containingFrame[frame]!;
  forgetBackingStore(mm, frame);
  if (pfn.state[frame] === FRAME_TRANSITION) pfn.flags[frame]! |= PFN_DELETED;
  else {
    unlinkFrame(mm, frame);
    insertFree(mm, frame);
  }
  releaseShare(mm, holder);
}

/** The PTE of an active private frame is deleted: the frame is freed when no reference is left. */
export function deleteActiveFrame(mm: MemoryManager, frame: number): void {
  const holder = mm.pfn.containingFrame[frame]!;
  forgetBackingStore(mm, frame);
  mm.pfn.flags[frame]! |= PFN_DELETED;
  releaseShare(mm, frame);
  releaseShare(mm, holder);
}
