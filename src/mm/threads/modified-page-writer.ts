/**
 * The modified page writer (priority 17): writes modified pages to paging files, up to 16 with one write to contiguous
 * blocks, so that their frames can go to standby. Woken when the modified list is long or memory is short. Source: Unit OS5:
 * Memory Management 5.2, "Memory Manager Components"; Windows Internals, "Modified page writer".
 */
import { HostIoError } from '../backing-file.js';
import type { MemoryManager } from '../memory-manager.js';
import { CLUSTER_PAGES, type PageFile, pageFilePosition } from '../page-file.js';
import { addReference, isMappedFilePage } from '../page-lists.js';
import { submitRequest } from '../paging-io.js';
import { FRAME_MODIFIED, PFN_MODIFIED } from '../pfn-database.js';
import { pageFileLow, pteProtection, resetMarks } from '../pte.js';
import { makePageFileRoom } from './dereference-segment.js';
import { wantsPagesWritten } from './mapped-page-writer.js';

const PAGE_SIZE = 4096;

/** Begins the write of a cluster; true when the thread goes on. */
export function modifiedPageWriterStep(mm: MemoryManager): boolean {
  return writeCluster(mm) > 0 && wantsPagesWritten(mm, mm.lists.modifiedPageFile);
}

/**
 * Begins to write the oldest modified pages that belong into a paging file; returns how many. They go to standby when the
 * write ends. A file that fails is left for another.
 */
export function writeCluster(mm: MemoryManager): number {
  let wanted = gather(mm);
  let refused = 0;
  while (wanted > 0) {
    const file = chooseFile(mm, wanted, refused);
    if (file === null) {
      if (refused !== 0 || !makePageFileRoom(mm, wanted)) return 0;
      wanted = gather(mm);
      continue;
    }
    const first = file.findRun(wanted);
    const pages = file.runLength(first, wanted);
    if (write(mm, file, first, pages)) return pages;
    refused |= 1 << file.number;
  }
  return 0;
}

/** Notes the oldest modified pages, at most a cluster; returns how many. */
function gather(mm: MemoryManager): number {
  const { clusterFrames } = mm.pageFiles;
  let count = 0;
  for (
    let frame = mm.lists.head[FRAME_MODIFIED]!;
    frame >= 0 && count < CLUSTER_PAGES;
    frame = mm.pfn.flink[frame]!
  ) {
    if (!isMappedFilePage(mm.pfn, frame)) clusterFrames[count++] = frame;
  }
  return count;
}

/** The paging file with the longest free run, the first of equals, among those not in the mask `refused`; null for none. */
function chooseFile(mm: MemoryManager, wanted: number, refused: number): PageFile | null {
  let best: PageFile | null = null;
  let bestRun = 0;
  for (const file of mm.pageFiles.files) {
    if ((refused & (1 << file.number)) !== 0) continue;
    const first = file.findRun(wanted);
    const run = first < 0 ? 0 : file.runLength(first, wanted);
    if (run <= bestRun) continue;
    best = file;
    bestRun = run;
    if (run === wanted) break;
  }
  return best;
}

/**
 * Begins the write of the first noted pages to blocks from `first` on: from then on they are clean, and each original PTE
 * names its block, until somebody writes to the page again. When the host refuses they stay modified and the blocks free.
 */
function write(mm: MemoryManager, file: PageFile, first: number, pages: number): boolean {
  const { cluster, clusterFrames, store } = mm.pageFiles;
  for (let index = 0; index < pages; index++) {
    const start = mm.ram.offsetOf(clusterFrames[index]!);
    cluster.set(mm.ram.bytes.subarray(start, start + PAGE_SIZE), index * PAGE_SIZE);
  }
  let written = true;
  try {
    store.write(file.number, first * PAGE_SIZE, cluster.subarray(0, pages * PAGE_SIZE));
  } catch (error) {
    if (!(error instanceof HostIoError)) throw error;
    written = false;
  }
  if (mm.events.active)
    mm.events.emit('page-out', null, first * PAGE_SIZE, clusterFrames[0]!, written ? pages : 0);
  if (written) begin(mm, file, first, pages);
  else mm.pageFiles.failedWrites++;
  return written;
}

function begin(mm: MemoryManager, file: PageFile, first: number, pages: number): void {
  const { pfn, pageFiles } = mm;
  file.take(first, pages);
  for (let index = 0; index < pages; index++) {
    const frame = pageFiles.clusterFrames[index]!;
    addReference(mm, frame);
    const original = pfn.originalLo[frame]!;
    pfn.originalLo[frame] = pageFileLow(file.number, pteProtection(original)) | resetMarks(original);
    pfn.originalHi[frame] = first + index;
    pfn.flags[frame]! &= ~PFN_MODIFIED;
  }
  pageFiles.pagesWritten += pages;
  pageFiles.writeIOs++;
  submitRequest(mm, false, pageFiles.clusterFrames, pages, pageFilePosition(file.number, first));
}
