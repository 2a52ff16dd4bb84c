/**
 * The PFN database: what each page frame of RAM is now. One entry per frame, kept as parallel typed arrays, 39 bytes a
 * frame (MMPFN on x64 has 48). Source: published layout of MMPFN; Windows Memory Model and Its Inner Workings ("Page Frame Database").
 */

/** Frame states, as MMPFN.PageLocation has them. */
export const FRAME_ZEROED = 0;
export const FRAME_FREE = 1;
export const FRAME_STANDBY = 2;
export const FRAME_MODIFIED = 3;
export const FRAME_MODIFIED_NO_WRITE = 4;
export const FRAME_BAD = 5;
/** In use: mapped by at least one valid PTE, or holding page tables or pool. */
export const FRAME_ACTIVE = 6;
/** On no list and in no working set: an I/O or a lock still refers to it. */
export const FRAME_TRANSITION = 7;

export const FRAME_STATE_NAMES = [
  'zeroed',
  'free',
  'standby',
  'modified',
  'modifiedNoWrite',
  'bad',
  'active',
  'transition',
] as const;

/** Flag: the contents are newer than the backing store. */
export const PFN_MODIFIED = 1;
/** Flag: pteAddress is a prototype PTE. */
export const PFN_PROTOTYPE = 2;
/** Flag: the PTE is gone; at reference count 0 the frame goes to the free list. */
export const PFN_DELETED = 4;
/** Flag: the frame holds page tables (any level). */
export const PFN_PAGE_TABLE = 8;
/** Flag: the contents are on their way from the disk; the PTE or prototype PTE is in transition. */
export const PFN_READ_IN_PROGRESS = 16;

/** Flag: one of the 512 frames of a large page; pteAddress is that of its page-directory entry, or of its prototype PTE. */
export const PFN_LARGE_PAGE = 32;
/** Flag: a page of Address Windowing Extensions, which its process owns; pteAddress is 0 while no window shows it. */
export const PFN_AWE = 64;

/** Standby priority of an ordinary page; 0 is repurposed first, 7 last. */
export const DEFAULT_PRIORITY = 5;
/** Where the PTEs of user addresses end in the self-map; below it are no others. */
const USER_PTE_END = 0xf6c0_0000_0000;

export class PfnDatabase {
  /** System address of the PTE (in the self-map of its process) or of the prototype PTE; 0 for zeroed, free and bad frames. */
  readonly pteAddress: Float64Array;
  /** The PTE to put back when the frame is given another use: software form, or subsection form for a file's page. */
  readonly originalLo: Uint32Array;
  readonly originalHi: Uint32Array;
  /** Next frame in the list, -1 at its end; of an active private page or table of user space, the index of its working-set entry; of a shared page, where it last was entered. */
  readonly flink: Int32Array;
  /** Previous frame in the list, -1 at its start. */
  readonly blink: Int32Array;
  /** Valid PTEs that map the frame; for a page of PTEs or prototype PTEs also its valid and transition entries. */
  readonly shareCount: Int32Array;
  /** Frame that holds the PTE or prototype PTE; -1 for zeroed, free and bad frames. */
  readonly containingFrame: Int32Array;
  /** Reasons to keep the frame: 1 while shareCount > 0, plus one for each I/O or lock. */
  readonly referenceCount: Uint16Array;
  /** Page-table pages: entries that are not zero. */
  readonly usedPtes: Uint16Array;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  /** Standby list 0-7 that the frame goes to. */
  readonly priority: Uint8Array;
  /** Page priority of the thread that runs: what it brings into a working set gets at least this one. */
  pagePriority = DEFAULT_PRIORITY;

  constructor(readonly frameCount: number) {
    this.pteAddress = new Float64Array(frameCount);
    this.originalLo = new Uint32Array(frameCount);
    this.originalHi = new Uint32Array(frameCount);
    this.flink = new Int32Array(frameCount);
    this.blink = new Int32Array(frameCount);
    this.shareCount = new Int32Array(frameCount);
    this.containingFrame = new Int32Array(frameCount).fill(-1);
    this.referenceCount = new Uint16Array(frameCount);
    this.usedPtes = new Uint16Array(frameCount);
    this.state = new Uint8Array(frameCount);
    this.flags = new Uint8Array(frameCount);
    this.priority = new Uint8Array(frameCount);
  }

  /** Makes an allocated frame active: mapped once, by the PTE at `pteAddress`, which lies in `containingFrame`. MiInitializePfn. */
  initialize(
    frame: number,
    pteAddress: number,
    containingFrame: number,
    originalLo: number,
    originalHi: number,
    flags: number,
  ): void {
    this.pteAddress[frame] = pteAddress;
    this.containingFrame[frame] = containingFrame;
    this.originalLo[frame] = originalLo;
    this.originalHi[frame] = originalHi;
    this.flags[frame] = flags;
    this.shareCount[frame] = 1;
    this.referenceCount[frame] = 1;
    this.priority[frame] =
      (flags & PFN_PROTOTYPE) !== 0 || pteAddress < USER_PTE_END ? this.pagePriority : DEFAULT_PRIORITY;
    this.state[frame] = FRAME_ACTIVE;
    this.shareCount[containingFrame]!++;
  }

  /** Makes an allocated frame the transition page of a PTE, held by the read that brings its contents. MiInitializeTransitionPfn. */
  initializeTransition(
    frame: number,
    pteAddress: number,
    containingFrame: number,
    originalLo: number,
    originalHi: number,
    flags: number,
  ): void {
    this.initialize(frame, pteAddress, containingFrame, originalLo, originalHi, flags | PFN_READ_IN_PROGRESS);
    this.shareCount[frame] = 0;
    this.state[frame] = FRAME_TRANSITION;
  }

  isPrototype(frame: number): boolean {
    return (this.flags[frame]! & PFN_PROTOTYPE) !== 0;
  }
}
