/**
 * Proves that what is remembered of the page tables is what they say: the TLB's translations, and the table that each address
 * space and the system found last. Part of verify().
 */
import type { CachedTranslation } from '../machine/processor.js';
import type { MemoryManager } from './memory-manager.js';
import { ENTRY_SPAN, isLargePage } from './page-tables.js';
import { PTE_DIRTY, PTE_NO_EXECUTE, PTE_VALID, PTE_WRITE, pteFrame } from './pte.js';
import type { VerifyTally } from './verify.js';

const TABLE_SPAN = ENTRY_SPAN[2];
/** Small pages in a large one. */
const SMALL_PAGES = 512;
const WRITABLE = PTE_VALID | PTE_WRITE | PTE_DIRTY;

export function verifyCaches(mm: MemoryManager, tally: VerifyTally): void {
  const { processor } = mm;
  for (let slot = 0; slot < processor.tlbEntries; slot++)
    verifyTranslation(mm, processor.cachedTranslation(slot), tally);
  for (let slot = 0; slot < processor.largeTlbEntries; slot++)
    verifyTranslation(mm, processor.cachedLargeTranslation(slot), tally);
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
function verifyTranslation(
  mm: MemoryManager,
  translation: CachedTranslation | null,
  tally: VerifyTally,
): void {
  if (translation === null) return;
  const { address, frame, writable, executable, isLarge } = translation;
  const word = walk(mm, mm.processor.directory, address, isLarge ? 2 : 1);
  const lo = word === 0 ? 0 : mm.words[word]!;
  tally.holds((lo & PTE_VALID) !== 0, 'translation of a page that is not valid,', address);
  tally.equal(isLargePage(lo) ? 1 : 0, isLarge ? 1 : 0, 'size of the page of the translation of', address);
  const within = isLarge ? Math.floor(address / 4096) % SMALL_PAGES : 0;
  tally.equal(frame, pteFrame(lo) + within, 'frame of the translation of', address);
  tally.holds(!writable || (lo & WRITABLE) === WRITABLE, 'writable translation of', address);
  const noExecute = (mm.words[word + 1]! & PTE_NO_EXECUTE) !== 0;
  tally.holds(!executable || !noExecute, 'executable translation of', address);
}

/** Index in ram.words of the entry of a level for an address under a directory, or 0 when a table above it is missing. */
function walk(mm: MemoryManager, directory: number, address: number, lowest = 1): number {
  let table = directory;
  for (let level = 4; level > lowest; level--) {
    const entry = mm.words[mm.frameWord(table) + (Math.floor(address / ENTRY_SPAN[level]!) & 511) * 2]!;
    if ((entry & PTE_VALID) === 0) return 0;
    table = pteFrame(entry);
  }
  return mm.frameWord(table) + (Math.floor(address / ENTRY_SPAN[lowest]!) & 511) * 2;
}
