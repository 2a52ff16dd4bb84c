/**
 * Page table entries as two 32-bit words, `lo` (bits 0-31) and `hi` (bits 32-63), in the layouts that Windows uses on
 * x64: the hardware form (Valid = 1) and the invalid forms software, transition, prototype and subsection. Pure
 * functions; nothing here touches memory. Source: published structure layouts (MMPTE_HARDWARE, MMPTE_SOFTWARE,
 * MMPTE_TRANSITION, MMPTE_PROTOTYPE, MMPTE_SUBSECTION) and the AMD64 manual, volume 2, 5.4 "Page-Translation-Table Entry Fields".
 */

import {
  PTE_ACCESSED,
  PTE_CACHE_DISABLE,
  PTE_COPY_ON_WRITE,
  PTE_NO_EXECUTE,
  PTE_PROTOTYPE,
  PTE_USER,
  PTE_VALID,
  PTE_WRITE,
  PTE_WRITE_THROUGH,
} from '../machine/paging/x64.js';

export {
  PTE_ACCESSED,
  PTE_COPY_ON_WRITE,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_LARGE_PAGE,
  PTE_NO_EXECUTE,
  PTE_PROTOTYPE,
  PTE_USER,
  PTE_VALID,
  PTE_WRITE,
} from '../machine/paging/x64.js';

/** Invalid forms, low word: the page's contents are still in the frame that the entry names. */
export const PTE_TRANSITION = 0x800;

/** High word of a prototype-form entry whose prototype PTE must be asked from the VAD. */
export const PTE_ASK_VAD = 0xffffffff;

/** Protection codes, the five bits of an invalid PTE or of a VAD. */
export const MM_READONLY = 1;
export const MM_EXECUTE = 2;
export const MM_EXECUTE_READ = 3;
export const MM_READWRITE = 4;
export const MM_WRITECOPY = 5;
export const MM_EXECUTE_READWRITE = 6;
export const MM_EXECUTE_WRITECOPY = 7;
export const MM_NOCACHE = 0x08;
export const MM_GUARD_PAGE = 0x10;
/** 0x10 with no access: a page of a private region that was committed and is not any more. */
export const MM_DECOMMIT = 0x10;
export const MM_NOACCESS = 0x18;
/** 0x18 with an access code other than 0. */
export const MM_WRITECOMBINE = 0x18;

/** Low word of the entry of a decommitted page. */
export const DECOMMITTED_PTE = MM_DECOMMIT << 5;

/**
 * Software form and original PTE of a private page, in reserved bits. RESET: the contents since MEM_RESET are of no interest and
 * need not be kept; in a PTE, that the page has gone. LOST: it had gone, and came back as zeros, before MEM_RESET_UNDO asked.
 */
export const PTE_RESET = 1 << 23;
export const PTE_LOST = 1 << 24;
const RESET_MARKS = PTE_RESET | PTE_LOST;

const PROTECTION_SHIFT = 5;
const PROTOTYPE_PROTECTION_SHIFT = 11;
const ADDRESS_LOW = 0x10000;

/** Bits 3 and 4 by the two modifier bits of a protection code: none, no-cache, guard, write-combine. */
const CACHE_BITS = [0, PTE_CACHE_DISABLE, 0, PTE_WRITE_THROUGH];
const ACCESS_BITS = [0, 0, 0, 0, PTE_WRITE, PTE_COPY_ON_WRITE, PTE_WRITE, PTE_COPY_ON_WRITE];

/** Hardware low-word bits (without Valid, Owner, Accessed, Dirty) that a protection code 0..31 stands for. */
const HARDWARE_LOW = Int32Array.from(
  { length: 32 },
  (_, code) => ACCESS_BITS[code & 7]! | CACHE_BITS[code >> 3]!,
);
/** Hardware high word that a protection code 0..31 stands for: no-execute for readonly, readwrite and writecopy. */
const HARDWARE_HIGH = Int32Array.from({ length: 32 }, (_, code) =>
  (code & 7) === MM_READONLY || (code & 7) === MM_READWRITE || (code & 7) === MM_WRITECOPY
    ? PTE_NO_EXECUTE | 0
    : 0,
);

/** Low word of a valid user entry for a frame: Valid, Owner and Accessed are set, Dirty is not. */
export function validLow(frame: number, protection: number): number {
  return ((frame << 12) | HARDWARE_LOW[protection]! | PTE_VALID | PTE_USER | PTE_ACCESSED) >>> 0;
}

/** High word of a valid entry: its no-execute bit. As a signed number; a Uint32Array stores it unsigned. */
export function validHigh(protection: number): number {
  return HARDWARE_HIGH[protection]!;
}

/** True when a page with this protection can be valid: some access, no guard. */
export function canBeValid(protection: number): boolean {
  return (protection & 7) !== 0 && (protection & MM_NOACCESS) !== MM_GUARD_PAGE;
}

/** Frame number of a hardware or transition entry. RAM is below 4 GiB, so the number is in the low word. */
export function pteFrame(lo: number): number {
  return lo >>> 12;
}

/** Protection code of a software, transition, subsection or ask-the-VAD entry. */
export function pteProtection(lo: number): number {
  return (lo >>> PROTECTION_SHIFT) & 31;
}

/** The same entry with another protection code in bits 5-9. */
export function withProtection(lo: number, protection: number): number {
  return ((lo & ~(31 << PROTECTION_SHIFT)) | (protection << PROTECTION_SHIFT)) >>> 0;
}

/** Low word of a demand-zero entry (high word 0); read/write is 0x80. */
export function demandZeroLow(protection: number): number {
  return protection << PROTECTION_SHIFT;
}

/** Low word of a transition entry (high word 0). */
export function transitionLow(frame: number, protection: number): number {
  return ((frame << 12) | PTE_TRANSITION | (protection << PROTECTION_SHIFT)) >>> 0;
}

/** Low word of a process entry that names a prototype PTE by its system address. */
export function prototypeLow(prototypeAddress: number, protection: number): number {
  return (
    ((prototypeAddress % ADDRESS_LOW) * ADDRESS_LOW +
      (protection << PROTOTYPE_PROTECTION_SHIFT) +
      PTE_PROTOTYPE) >>>
    0
  );
}

/** Bits 16-47 of the address that a prototype or subsection entry carries: its high word. */
export function addressHigh(address: number): number {
  return Math.floor(address / ADDRESS_LOW);
}

/** The 48-bit address that a prototype or subsection entry carries. */
export function pteAddressField(lo: number, hi: number): number {
  return hi * ADDRESS_LOW + (lo >>> 16);
}

/** Protection code of a process entry that names a prototype PTE. */
export function prototypeProtection(lo: number, hi: number): number {
  return hi === PTE_ASK_VAD ? pteProtection(lo) : (lo >>> PROTOTYPE_PROTECTION_SHIFT) & 31;
}

/** Low word of a process entry that names a prototype PTE, with another protection code. */
export function withPrototypeProtection(lo: number, protection: number): number {
  return ((lo & ~(31 << PROTOTYPE_PROTECTION_SHIFT)) | (protection << PROTOTYPE_PROTECTION_SHIFT)) >>> 0;
}

/** Low word of a process entry that says "ask the VAD" (high word PTE_ASK_VAD). */
export function askVadLow(protection: number): number {
  return (protection << PROTECTION_SHIFT) | PTE_PROTOTYPE;
}

/** Low word of a prototype PTE in subsection form. */
export function subsectionLow(subsectionAddress: number, protection: number): number {
  return (
    ((subsectionAddress % ADDRESS_LOW) * ADDRESS_LOW + (protection << PROTECTION_SHIFT) + PTE_PROTOTYPE) >>> 0
  );
}

/** Low word of a software entry whose page is in a paging file (high word: the block, never 0). */
export function pageFileLow(file: number, protection: number): number {
  return (file << 1) | (protection << PROTECTION_SHIFT);
}

/** Number of the paging file of a software entry; its block is the high word. */
export function pageFileNumber(lo: number): number {
  return (lo >>> 1) & 15;
}

/** True for an invalid entry that names a paging-file block. */
export function hasPageFileBlock(lo: number, hi: number): boolean {
  return hi !== 0 && (lo & (PTE_VALID | PTE_PROTOTYPE | PTE_TRANSITION)) === 0;
}

/** The RESET and LOST marks of an invalid private entry or original PTE; 0 for forms that have other things in these bits. */
export function resetMarks(lo: number): number {
  return (lo & (PTE_VALID | PTE_PROTOTYPE | PTE_TRANSITION)) === 0 ? lo & RESET_MARKS : 0;
}

/** True for a software entry without a paging-file block: page of zeros. Block 0 of a paging file is never used. */
export function isDemandZero(lo: number, hi: number): boolean {
  return (lo & (PTE_VALID | PTE_PROTOTYPE | PTE_TRANSITION)) === 0 && hi === 0 && (lo & 0x1e) === 0;
}

/** Protection code of a valid entry, from its hardware bits; execute-only shows as execute-read. */
export function validProtection(lo: number, hi: number): number {
  const executable = (hi & PTE_NO_EXECUTE) === 0;
  let code = executable ? MM_EXECUTE_READ : MM_READONLY;
  if ((lo & PTE_COPY_ON_WRITE) !== 0) code = executable ? MM_EXECUTE_WRITECOPY : MM_WRITECOPY;
  else if ((lo & PTE_WRITE) !== 0) code = executable ? MM_EXECUTE_READWRITE : MM_READWRITE;
  if ((lo & PTE_CACHE_DISABLE) !== 0) return code | MM_NOCACHE;
  if ((lo & PTE_WRITE_THROUGH) !== 0) return code | MM_WRITECOMBINE;
  return code;
}
