/**
 * Proves the paging files: each block that is taken is named by exactly one PTE, prototype PTE or original PTE, and each that
 * one of them names is taken. Part of verify().
 */
import type { MemoryManager } from './memory-manager.js';
import { hasPageFileBlock, pageFileNumber } from './pte.js';
import type { VerifyTally } from './verify.js';

/** Notes the block that an invalid entry or an original PTE names, if it names one. */
export function verifyPageFileEntry(
  mm: MemoryManager,
  lo: number,
  hi: number,
  where: number,
  tally: VerifyTally,
): void {
  if (!hasPageFileBlock(lo, hi)) return;
  const number = pageFileNumber(lo);
  const file = mm.pageFiles.files[number];
  tally.holds(file !== undefined && hi < file.size, 'paging-file block that does not exist, named at', where);
  tally.holds(file!.isTaken(hi), 'paging-file block that is free, named at', where);
  const blocks = tally.blocks[number]!;
  tally.equal(blocks[hi]!, 0, 'paging-file block that is named twice, at', where);
  blocks[hi] = 1;
  tally.blocksNamed[number]!++;
}

/** After every entry was noted. */
export function verifyPageFiles(mm: MemoryManager, tally: VerifyTally): void {
  for (let frame = 0; frame < mm.pfn.frameCount; frame++)
    verifyPageFileEntry(mm, mm.pfn.originalLo[frame]!, mm.pfn.originalHi[frame]!, frame, tally);
  for (const file of mm.pageFiles.files) {
    let taken = 0;
    for (let block = 1; block < file.size; block++) if (file.isTaken(block)) taken++;
    tally.equal(taken, file.used, 'blocks taken in paging file', file.number);
    tally.equal(taken, tally.blocksNamed[file.number]!, 'blocks named in paging file', file.number);
  }
}
