/**
 * Proves that what is remembered of the page tables is what they say: the TLB's translations, and the table that each address
 * space and the system found last. Part of verify().
 */
import type { MemoryManager } from './memory-manager.js';
import { ENTRY_SPAN } from './page-tables.js';
import { PTE_DIRTY, PTE_NO_EXECUTE, PTE_VALID, PTE_WRITE, pteFrame } from './pte.js';
import type { VerifyTally } from './verify.js';

const TABLE_SPAN = ENTRY_SPAN[2];
const WRITABLE = PTE_VALID | PTE_WRITE | PTE_DIRTY;

export function verifyCaches(mm: MemoryManager, tally: VerifyTally): void {
  for (let slot = 0; slot < mm.processor.tlbEntries; slot++) verifyTranslation(mm, slot, tally);
  for (const space of mm.addressSpaces) {
    if (space.cachedTable < 0) continue;
    const word = walk(mm, space.directoryFrame, space.cachedTable * TABLE_SPAN);
    tally.equal(space.cachedTableWord, word, 'remembered page table of process', space.processId);
  }
  if (mm.systemWordPage < 0) return;
  const word = walk(mm, mm.systemDirectoryFrame, mm.systemWordPage * 4096);
  const frame = word === 0 ? -1 : pteFrame(mm.words[word]!);
  tally.equal(mm.systemWordBase, mm.frameWord(frame), 'remembered system page', mm.systemWordPage);
}

/** A translation leads to the frame that the tables give, with no right that they do not give. */
function verifyTranslation(mm: MemoryManager, slot: number, tally: VerifyTally): void {
  const translation = mm.processor.cachedTranslation(slot);
  if (translation === null) return;
  const { address, frame, writable, executable } = translation;
  const word = walk(mm, mm.processor.directory, address);
  const lo = word === 0 ? 0 : mm.words[word]!;
  tally.holds((lo & PTE_VALID) !== 0, 'translation of a page that is not valid,', address);
  tally.equal(frame, pteFrame(lo), 'frame of the translation of', address);
  tally.holds(!writable || (lo & WRITABLE) === WRITABLE, 'writable translation of', address);
  const noExecute = (mm.words[word + 1]! & PTE_NO_EXECUTE) !== 0;
  tally.holds(!executable || !noExecute, 'executable translation of', address);
}

/** Index in ram.words of the PTE of an address under a directory, or 0 when a table above it is missing. */
function walk(mm: MemoryManager, directory: number, address: number): number {
  let table = directory;
  for (let level = 4; level > 1; level--) {
    const entry = mm.words[mm.frameWord(table) + (Math.floor(address / ENTRY_SPAN[level]!) & 511) * 2]!;
    if ((entry & PTE_VALID) === 0) return 0;
    table = pteFrame(entry);
  }
  return mm.frameWord(table) + (Math.floor(address / 4096) & 511) * 2;
}
