/** Paged pool whose pages are out, and no frame left: what makes frames must not free pool in the middle of an operation. */
import { expect, it } from 'vitest';
import { PAGE_READWRITE, SEC_COMMIT } from '../base/memory-constants.js';
import { MemoryFile } from '../testing/memory-file.js';
import { writeModified } from '../testing/paging-io.js';
import { createTestMachine } from '../testing/small-machine.js';
import { repurposeAll } from '../testing/swap-out.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { createSection, deleteSection, type Section } from './section.js';
import { MOST_UNUSED_SEGMENTS } from './unused-segments.js';
import { verify } from './verify.js';
import { emptyWorkingSet } from './working-set-manager.js';

/** Blocks of these sizes alternate, so that each free one lies between two in use. */
const SIZES = [0x30, 0x60, 0x90, 0x120];

it.each([1, 2, 3, 4, 6, 8])('with more unused segments than are kept, %i frames left', (left) => {
  const { mm } = createTestMachine(256, 512);
  const blocks: number[] = [];
  for (let index = 0; index <= MOST_UNUSED_SEGMENTS; index++) {
    const out: { section: Section | null } = { section: null };
    const file = new MemoryFile(new Uint8Array(4096 * (1 + (index % 20))), `C:\\work\\${index}`);
    const request = { file, maximumSize: 0, pageProtection: PAGE_READWRITE };
    expect(createSection(mm, { ...request, allocationAttributes: SEC_COMMIT }, out)).toBe(0);
    for (const size of SIZES) blocks.push(mm.pagedPool.allocate(size, 'Test'));
    deleteSection(mm, out.section!);
  }
  const kept = blocks.filter((_, index) => index % 2 === 0);
  for (const block of blocks) if (!kept.includes(block)) mm.pagedPool.free(block);
  for (let level = 0; level < 2; level++) {
    emptyWorkingSet(mm, mm.systemWorkingSet);
    writeModified(mm);
    repurposeAll(mm);
  }
  mm.systemThreads.dereferenceSegment.ready = true;
  const taken: number[] = [];
  while (mm.lists.available > left) taken.push(allocateFrame(mm));
  for (const size of SIZES) expect(mm.pagedPool.allocate(size, 'More')).not.toBe(0);
  for (const block of kept.slice(0, 20)) mm.pagedPool.free(block);
  for (const frame of taken) insertFree(mm, frame);
  verify(mm);
});
