import { describe, expect, it } from 'vitest';
import { PAGE_READWRITE, SEC_COMMIT } from '../base/memory-constants.js';
import { MemoryFile } from '../testing/memory-file.js';
import { completeIo, writeModified } from '../testing/paging-io.js';
import { createTestMachine } from '../testing/small-machine.js';
import { repurposeAll } from '../testing/swap-out.js';
import type { MemoryManager } from './memory-manager.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { createSection, type Section } from './section.js';
import { flushVirtualMemory, mapViewOfSection } from './section-view.js';
import { verify } from './verify.js';
import { emptyWorkingSet } from './working-set-manager.js';

const PAGE = 4096;
const OLD_PAGES = 1500;
const NEW_PAGES = 2000;

function fileSection(mm: MemoryManager, file: MemoryFile, pages: number): Section {
  const out: { section: Section | null } = { section: null };
  const request = { file, maximumSize: pages * PAGE, pageProtection: PAGE_READWRITE };
  expect(createSection(mm, { ...request, allocationAttributes: SEC_COMMIT }, out)).toBe(0);
  return out.section!;
}

/** A file whose pages begin with their number. */
function numberedFile(): MemoryFile {
  const bytes = new Uint8Array(OLD_PAGES * PAGE);
  const view = new DataView(bytes.buffer);
  for (let page = 0; page < OLD_PAGES; page++) view.setUint32(page * PAGE, page, true);
  return new MemoryFile(bytes);
}

describe('a segment that grows', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 8, 10, 12])(
    'while its dirty pages have to be written for %i frames that are left',
    (left) => {
      const { mm, space, user } = createTestMachine(256, 512);
      const file = numberedFile();
      const request = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0 };
      const view = { ...request, protect: PAGE_READWRITE };
      expect(mapViewOfSection(mm, space, fileSection(mm, file, OLD_PAGES), view)).toBe(0);
      const dirty = [3, 4, 5, 6, 8, 10, 11, 12];
      for (const page of dirty) user.writeU32(view.baseAddress + page * PAGE + 8, page);
      completeIo(mm);
      emptyWorkingSet(mm, space);
      for (let level = 0; level < 2; level++) {
        emptyWorkingSet(mm, mm.systemWorkingSet);
        writeModified(mm);
        repurposeAll(mm);
      }
      const taken: number[] = [];
      while (mm.lists.available > left) taken.push(allocateFrame(mm));
      fileSection(mm, file, NEW_PAGES);
      for (const frame of taken) insertFree(mm, frame);
      verify(mm);
      const all = { baseAddress: view.baseAddress, regionSize: 0 };
      expect(flushVirtualMemory(mm, space, all, { bytesWritten: 0 })).toBe(0);
      const written = new DataView(file.bytes.buffer);
      for (let page = 0; page < NEW_PAGES; page++) {
        expect(written.getUint32(page * PAGE, true)).toBe(page < OLD_PAGES ? page : 0);
        expect(written.getUint32(page * PAGE + 8, true)).toBe(dirty.includes(page) ? page : 0);
      }
      completeIo(mm);
      verify(mm);
    },
  );
});
