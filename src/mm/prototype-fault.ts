/**
 * Faults on views: the process entry is zero or names a prototype PTE, which says where the page is. One frame serves every
 * process; each valid entry counts as a share of it. MiResolveProtoPteFault, MiResolveMappedFileFault.
 * Source: Unit OS5: Memory Management 5.2, "Shared Memory and Memory-Mapped Files"; Windows Internals, "Prototype PTEs".
 */
import {
  ntSuccess,
  STATUS_ACCESS_VIOLATION,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_NO_MEMORY,
  STATUS_PAGE_FAULT_DEMAND_ZERO,
  STATUS_PAGE_FAULT_TRANSITION,
  STATUS_PENDING,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { checkAccess, FAULT_WRITE } from './access-check.js';
import type { AddressSpace } from './address-space.js';
import type { ControlArea } from './control-area.js';
import { countTransition } from './counters.js';
import { resolveDemandZeroFault } from './demand-zero.js';
import { beginFileRead } from './file-read.js';
import type { MemoryManager } from './memory-manager.js';
import { READ_CLUSTER_PAGES, resolvePageFileFault } from './page-file-fault.js';
import {
  activateTransitionFrame,
  addReference,
  addShare,
  allocateZeroedFrame,
  releaseReference,
} from './page-lists.js';
import { isBeyondSection, prototypeAddress, untouchedState } from './page-protection.js';
import { countUsedPte, frameOfWord } from './page-tables.js';
import { isBeingRead, waitForCollided } from './paging-io.js';
import { PFN_MODIFIED, PFN_PROTOTYPE } from './pfn-database.js';
import { afterCopy, isCopyOnWrite } from './protection.js';
import {
  askVadLow,
  hasPageFileBlock,
  isDemandZero,
  MM_GUARD_PAGE,
  PTE_ASK_VAD,
  PTE_DIRTY,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_VALID,
  prototypeProtection,
  pteFrame,
  pteProtection,
  validHigh,
  validLow,
} from './pte.js';
import { systemWord } from './system-space.js';
import { makeSystemPageValid, markSystemPageWritten } from './system-working-set.js';
import type { Vad } from './vad-tree.js';
import { insertWsle } from './working-set.js';

/**
 * Resolves a fault on a page of a view. `word` is the index in ram.words of the process entry, which is zero or in prototype
 * form. Answers like accessFault. A write that needs a private copy faults again on the entry that is valid then, so that each
 * fault is of one kind. The page of the prototype PTE is brought in first and held meanwhile; when that fails, nothing has
 * changed and the answer is STATUS_IN_PAGE_ERROR or STATUS_NO_MEMORY.
 */
export function resolvePrototypeFault(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  word: number,
  address: number,
  errorCode: number,
): number {
  if (isBeyondSection(vad, Math.floor(address / 4096))) return STATUS_ACCESS_VIOLATION;
  const at = prototypeAddress(vad, Math.floor(address / 4096));
  const valid = makeSystemPageValid(mm, at);
  if (valid !== STATUS_SUCCESS) return valid;
  const prototype = systemWord(mm, at);
  const holder = frameOfWord(mm, prototype);
  addReference(mm, holder);
  const status = resolveByPrototype(mm, space, vad, word, address, errorCode, prototype);
  releaseReference(mm, holder);
  return status;
}

/** Begins to read the page of a view when its prototype PTE says that it is only on a disk; nobody waits for it. */
export function beginPrototypeRead(mm: MemoryManager, space: AddressSpace, vad: Vad, address: number): void {
  if (isBeyondSection(vad, Math.floor(address / 4096))) return;
  const at = prototypeAddress(vad, Math.floor(address / 4096));
  if (makeSystemPageValid(mm, at) !== STATUS_SUCCESS) return;
  const prototype = systemWord(mm, at);
  const lo = mm.words[prototype]!;
  const isInFile = (lo & (PTE_VALID | PTE_PROTOTYPE)) === PTE_PROTOTYPE;
  if (!isInFile && !hasPageFileBlock(lo, mm.words[prototype + 1]!)) return;
  const holder = frameOfWord(mm, prototype);
  addReference(mm, holder);
  markSystemPageWritten(mm, holder);
  if (isInFile) readPage(mm, space, vad.controlArea!, prototype, at, address);
  else resolvePageFileFault(mm, space, prototype, at, address, PFN_PROTOTYPE);
  releaseReference(mm, holder);
}

/** The prototype PTE is at index `prototype` in ram.words, its page resident and held. */
function resolveByPrototype(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  word: number,
  address: number,
  errorCode: number,
  prototype: number,
): number {
  const words = mm.words;
  const page = Math.floor(address / 4096);
  const lo = words[prototype]!;
  const hi = words[prototype + 1]!;
  if (lo === 0 && hi === 0) return STATUS_ACCESS_VIOLATION;
  const named = (words[word]! & PTE_PROTOTYPE) !== 0;
  const protection = named
    ? prototypeProtection(words[word]!, words[word + 1]!)
    : untouchedState(mm, vad, page);
  const refusal = checkAccess(protection, errorCode);
  if (refusal === STATUS_GUARD_PAGE_VIOLATION) removeGuard(mm, word, protection);
  if (refusal !== STATUS_SUCCESS) return refusal;
  const isWrite = (errorCode & FAULT_WRITE) !== 0;
  if (isWrite && isCopyOnWrite(protection) && isDemandZero(lo, hi)) {
    return resolveDemandZeroFault(mm, space, word, address, afterCopy(protection), errorCode);
  }
  markSystemPageWritten(mm, frameOfWord(mm, prototype));
  const status = makeResident(mm, space, vad, prototype, page, address);
  if (status === STATUS_PENDING || !ntSuccess(status)) return status;
  mapShared(mm, space, word, address, pteFrame(words[prototype]!), protection, isWrite);
  return status;
}

/** A guard page of a view was touched: its entry says the same without the guard. */
function removeGuard(mm: MemoryManager, word: number, protection: number): void {
  if (mm.words[word] === 0 && mm.words[word + 1] === 0) countUsedPte(mm, word);
  mm.words[word] = askVadLow(protection & ~MM_GUARD_PAGE);
  mm.words[word + 1] = PTE_ASK_VAD;
}

/** Makes the process entry valid for the frame of a shared page, whose share it becomes (the frame counts it already). */
function mapShared(
  mm: MemoryManager,
  space: AddressSpace,
  word: number,
  address: number,
  frame: number,
  protection: number,
  isWrite: boolean,
): void {
  if (mm.words[word] === 0 && mm.words[word + 1] === 0) countUsedPte(mm, word);
  const dirty = isWrite && !isCopyOnWrite(protection) ? PTE_DIRTY : 0;
  mm.words[word] = validLow(frame, protection) | dirty;
  mm.words[word + 1] = validHigh(protection);
  addShare(mm, frameOfWord(mm, word));
  space.addResident(1);
  insertWsle(mm, space, address, frame);
}

/** Makes the page of a prototype PTE (index `prototype` in ram.words, not zero) resident and adds a share to its frame. */
function makeResident(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  prototype: number,
  page: number,
  address: number,
): number {
  const lo = mm.words[prototype]!;
  const hi = mm.words[prototype + 1]!;
  if ((lo & PTE_VALID) !== 0) {
    addShare(mm, pteFrame(lo));
    if (!mm.faultGoesOn) {
      mm.counters.prototype++;
      space.counters.prototype++;
    }
    return STATUS_PAGE_FAULT_TRANSITION;
  }
  if ((lo & (PTE_PROTOTYPE | PTE_TRANSITION)) === PTE_TRANSITION) {
    const frame = pteFrame(lo);
    if (isBeingRead(mm, frame)) return waitForCollided(mm, space, frame);
    activateTransitionFrame(mm, frame);
    setValid(mm, prototype, frame, pteProtection(lo));
    countTransition(mm, space);
    return STATUS_PAGE_FAULT_TRANSITION;
  }
  const at = prototypeAddress(vad, page);
  if (isDemandZero(lo, hi)) return makeZeroPage(mm, space, prototype, at);
  if ((lo & PTE_PROTOTYPE) === 0)
    return resolvePageFileFault(mm, space, prototype, at, address, PFN_PROTOTYPE);
  return readPage(mm, space, vad.controlArea!, prototype, at, address);
}

function setValid(mm: MemoryManager, prototype: number, frame: number, protection: number): void {
  mm.words[prototype] = validLow(frame, protection);
  mm.words[prototype + 1] = validHigh(protection);
}

/** The first touch of a page that no file backs, or of the zero-filled end of an image's section; its prototype PTE lies at `at`. */
function makeZeroPage(mm: MemoryManager, space: AddressSpace, prototype: number, at: number): number {
  const frame = allocateZeroedFrame(mm);
  if (frame < 0) return STATUS_NO_MEMORY;
  const lo = mm.words[prototype]!;
  const flags = PFN_PROTOTYPE | PFN_MODIFIED;
  mm.pfn.initialize(frame, at, frameOfWord(mm, prototype), lo, 0, flags);
  setValid(mm, prototype, frame, pteProtection(lo));
  mm.counters.demandZero++;
  space.counters.demandZero++;
  return STATUS_PAGE_FAULT_DEMAND_ZERO;
}

/**
 * Begins to read a page, whose prototype PTE lies at `at`, from its file, and the pages after it that are not in memory
 * either. STATUS_PENDING; STATUS_IN_PAGE_ERROR when the host cannot read it.
 */
function readPage(
  mm: MemoryManager,
  space: AddressSpace,
  controlArea: ControlArea,
  prototype: number,
  at: number,
  address: number,
): number {
  const status = beginFileRead(mm, space, controlArea, prototype, at, address, READ_CLUSTER_PAGES);
  if (status === STATUS_NO_MEMORY) return status;
  mm.faultWasHard = true;
  if (status === STATUS_PENDING) countRead(mm, space, controlArea.isImage);
  return status;
}

function countRead(mm: MemoryManager, space: AddressSpace, isImage: boolean): void {
  if (isImage) {
    mm.counters.imageRead++;
    space.counters.imageRead++;
  } else {
    mm.counters.mappedFileRead++;
    space.counters.mappedFileRead++;
  }
}
