/** The dereference segment thread: what wakes it, and what it then does to paging files and unused segments. */
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_READWRITE,
  SEC_COMMIT,
} from '../../base/memory-constants.js';
import { STATUS_DISK_FULL, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { MemoryFile } from '../../testing/memory-file.js';
import { completeIo } from '../../testing/paging-io.js';
import { createMemoryManager } from '../../testing/small-machine.js';
import { useAllMemory } from '../../testing/use-all-memory.js';
import { attach, createAddressSpace } from '../address-space.js';
import { HostIoError } from '../backing-file.js';
import { COMMIT_PRIVATE } from '../commit.js';
import type { MemoryManager } from '../memory-manager.js';
import { MemoryPageFileStore } from '../page-file.js';
import { allocateFrame, insertFree } from '../page-lists.js';
import { createSection, deleteSection, type Section } from '../section.js';
import { mapViewOfSection, unmapViewOfSection } from '../section-view.js';
import { MOST_UNUSED_SEGMENTS } from '../unused-segments.js';
import { UserMemory } from '../user-memory.js';
import { verify } from '../verify.js';
import { allocateVirtualMemory, freeVirtualMemory } from '../virtual-memory.js';
import { emptyWorkingSet } from '../working-set-manager.js';
import {
  canShrinkPageFiles,
  freeUnusedSegments,
  GROWTH_BLOCKS,
  makeCommitRoom,
  makePageFileRoom,
} from './dereference-segment.js';
import { writeCluster } from './modified-page-writer.js';
import { runSystemThreads } from './run-system-threads.js';
import { systemThreadsTick } from './system-threads.js';

const RAM = 256;
/** Below the priority of the thread, above that of programs. */
const BELOW = 17;

/** Counts the truncations, and refuses them when told to. */
class CountingStore extends MemoryPageFileStore {
  readonly truncations: [file: number, blocks: number][] = [];
  refuses: Error | null = null;

  override truncate(file: number, bytes: number): void {
    this.truncations.push([file, bytes / 4096]);
    if (this.refuses !== null) throw this.refuses;
    super.truncate(file, bytes);
  }
}

/** Paging files by initial and maximum blocks. */
function machineWith(...files: readonly [initial: number, maximum: number][]) {
  const store = new CountingStore();
  const pageFileBytes = files.map(([initial, maximum]) => ({
    initial: initial * 4096,
    maximum: maximum * 4096,
  }));
  const mm = createMemoryManager(RAM, 0, store, 'aging', { pageFileBytes });
  const space = createAddressSpace(mm, 4)!;
  attach(mm, space);
  const events: string[] = [];
  mm.events.attach(({ kind, tid, detail }) => {
    if (/^(page-file|segment)-/.test(kind)) events.push(`${tid} ${kind} ${detail}`);
  });
  const sizes = () => mm.pageFiles.files.map(({ size }) => size);
  return { mm, space, user: new UserMemory(mm), store, sizes, seen: () => events.splice(0) };
}

/** Charges until so many pages are charged in all. */
function chargeTo(mm: MemoryManager, pages: number): boolean {
  return mm.commit.charge(COMMIT_PRIVATE, pages - mm.commit.current);
}

function releaseTo(mm: MemoryManager, pages: number): void {
  mm.commit.release(COMMIT_PRIVATE, mm.commit.current - pages);
}

/** A second passes. */
function passSecond(mm: MemoryManager): void {
  systemThreadsTick(mm, mm.systemThreads.nextBalance);
  runSystemThreads(mm, 15);
}

/** Maps a file of a page, touches it and lets go of it: a segment that nobody uses. */
function useFile(machine: ReturnType<typeof machineWith>, file: MemoryFile): void {
  const { mm, space, user } = machine;
  const out: { section: Section | null } = { section: null };
  const section = {
    file,
    maximumSize: 0,
    pageProtection: PAGE_READWRITE,
    allocationAttributes: SEC_COMMIT,
  };
  expect(createSection(mm, section, out)).toBe(STATUS_SUCCESS);
  const view = {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_READWRITE,
  };
  expect(mapViewOfSection(mm, space, out.section!, view)).toBe(STATUS_SUCCESS);
  user.readU8(view.baseAddress);
  deleteSection(mm, out.section!);
  expect(unmapViewOfSection(mm, space, view.baseAddress)).toBe(STATUS_SUCCESS);
}

const onePage = () => new MemoryFile(new Uint8Array(4096).fill(5));

describe('the dereference segment thread extends paging files', () => {
  it('wakes when more than nine tenths of the limit are charged, and not before', () => {
    const { mm, sizes, seen } = machineWith([744, 5000]);
    const { dereferenceSegment } = mm.systemThreads;
    expect(mm.commit.limit).toBe(1000);
    chargeTo(mm, 900);
    expect(dereferenceSegment.wakeups).toBe(0);
    chargeTo(mm, 901);
    chargeTo(mm, 902);
    expect([dereferenceSegment.wakeups, sizes()]).toEqual([1, [744]]);
    runSystemThreads(mm, BELOW);
    expect(seen()).toEqual([`24 page-file-extend ${744 + GROWTH_BLOCKS}`]);
    expect([dereferenceSegment.ready, mm.commit.isHigh]).toEqual([false, false]);
  });

  it('in steps of 256 blocks up to the maximum of each file, in their order', () => {
    const { mm, sizes, seen } = machineWith([100, 500], [50, 300]);
    const steps: number[][] = [];
    for (let charge = 300; charge <= RAM + 800; charge += 20) {
      expect(chargeTo(mm, Math.min(charge, RAM + 800))).toBe(true);
      runSystemThreads(mm, BELOW);
      if (seen().length > 0) steps.push(sizes());
    }
    expect(steps).toEqual([
      [356, 50],
      [500, 50],
      [500, 300],
    ]);
    const { wakeups } = mm.systemThreads.dereferenceSegment;
    chargeTo(mm, mm.commit.limit);
    expect(mm.systemThreads.dereferenceSegment.wakeups, 'nothing can grow any more').toBe(wakeups);
  });

  it('by more than a step when more is missing, while who wants it waits', () => {
    const { mm, sizes, seen } = machineWith([100, 5000]);
    expect(chargeTo(mm, 3000)).toBe(true);
    const wanted = Math.ceil(3000 / 0.9);
    expect([mm.commit.limit, sizes()]).toEqual([wanted, [wanted - RAM]]);
    expect(seen()).toEqual([`24 page-file-extend ${wanted - RAM}`]);
  });

  it('not at all when the largest files would not hold what is asked for', () => {
    const { mm, sizes, seen } = machineWith([100, 500]);
    expect(makeCommitRoom(mm, RAM + 500 - mm.commit.current + 1)).toBe(false);
    expect([sizes(), seen()]).toEqual([[100], []]);
    expect([mm.systemThreads.commitWanted, mm.systemThreads.dereferenceSegment.ready]).toEqual([0, false]);
    expect(makeCommitRoom(mm, RAM + 500 - mm.commit.current)).toBe(true);
    expect(sizes()).toEqual([500]);
  });

  it('for the page writer when no block is free, until no file can grow', () => {
    const { mm, space, user, sizes, seen } = machineWith([9, 300]);
    const request = { baseAddress: 0, regionSize: 100 * 4096 };
    expect(allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)).toBe(0);
    for (let page = 0; page < 100; page++) user.writeU32(request.baseAddress + page * 4096, page + 7);
    const [file] = mm.pageFiles.files;
    file!.take(1, 8);
    runSystemThreads(mm, BELOW);
    seen();
    const before = mm.systemThreads.dereferenceSegment.wakeups;
    emptyWorkingSet(mm, space);
    expect(mm.lists.modifiedPageFile).toBe(100);
    expect(file!.findRun(1)).toBe(-1);
    expect(writeCluster(mm)).toBeGreaterThan(0);
    completeIo(mm);
    expect(mm.systemThreads.dereferenceSegment.wakeups).toBe(before + 1);
    expect([sizes(), seen()]).toEqual([[9 + GROWTH_BLOCKS], [`24 page-file-extend ${9 + GROWTH_BLOCKS}`]]);
    expect([makePageFileRoom(mm, 16), sizes()]).toEqual([true, [300]]);
    expect([makePageFileRoom(mm, 16), sizes()]).toEqual([false, [300]]);
  });
});

describe('the dereference segment thread shrinks paging files', () => {
  it('when less than three quarters of the limit are charged, and looks once a second', () => {
    const { mm, sizes, seen, store } = machineWith([100, 5000]);
    chargeTo(mm, 2000);
    const [grown] = sizes();
    seen();
    releaseTo(mm, Math.ceil((mm.commit.limit - GROWTH_BLOCKS) * 0.75) + 1);
    expect(canShrinkPageFiles(mm)).toBe(false);
    passSecond(mm);
    expect([sizes(), store.truncations]).toEqual([[grown], []]);
    releaseTo(mm, Math.floor((mm.commit.limit - GROWTH_BLOCKS) * 0.75));
    expect(canShrinkPageFiles(mm)).toBe(true);
    expect(seen()).toEqual([]);
    passSecond(mm);
    const [shrunk] = sizes();
    expect(seen()).toEqual([`24 page-file-shrink ${shrunk}`]);
    expect(grown! - shrunk!).toBeGreaterThanOrEqual(GROWTH_BLOCKS);
    expect(mm.commit.current).toBeLessThanOrEqual(mm.commit.limit * 0.75);
    expect(store.truncations).toEqual([[0, shrunk]]);
  });

  it('down to the last block in use, and to the initial size when there is none', () => {
    const { mm, sizes, seen, store } = machineWith([100, 5000]);
    chargeTo(mm, 4000);
    const [file] = mm.pageFiles.files;
    file!.take(1500, 1);
    releaseTo(mm, 200);
    passSecond(mm);
    expect(sizes()).toEqual([1501]);
    passSecond(mm);
    expect(sizes()).toEqual([1501]);
    expect(file!.isTaken(1500)).toBe(true);
    file!.release(1500);
    passSecond(mm);
    expect([sizes(), store.truncations]).toEqual([
      [100],
      [
        [0, 1501],
        [0, 100],
      ],
    ]);
    seen();
    passSecond(mm);
    expect(seen()).toEqual([]);
  });

  it('and loses nothing that is in them', () => {
    const { mm, space, user, sizes } = machineWith([9, 2000]);
    const request = { baseAddress: 0, regionSize: 120 * 4096 };
    const type = MEM_RESERVE | MEM_COMMIT;
    expect(allocateVirtualMemory(mm, space, request, type, PAGE_READWRITE)).toBe(0);
    const promise = { baseAddress: 0, regionSize: 1200 * 4096 };
    expect(allocateVirtualMemory(mm, space, promise, type, PAGE_READWRITE)).toBe(0);
    for (let round = 0; round < 3; round++)
      for (let page = 0; page < 120; page++) user.writeU32(request.baseAddress + page * 4096, page + round);
    emptyWorkingSet(mm, space);
    useAllMemory(mm);
    expect(mm.pageFiles.pagesInUse).toBe(120);
    const [grown] = sizes();
    expect(freeVirtualMemory(mm, space, { ...promise, regionSize: 0 }, MEM_RELEASE)).toBe(0);
    passSecond(mm);
    expect(sizes()[0]).toBeLessThan(grown!);
    for (let page = 0; page < 120; page++)
      expect(user.readU32(request.baseAddress + page * 4096)).toBe(page + 2);
    verify(mm);
  });

  it('also when the host does not take the tail back', () => {
    const { mm, sizes, store } = machineWith([100, 5000]);
    chargeTo(mm, 2000);
    releaseTo(mm, 200);
    store.refuses = new HostIoError(STATUS_DISK_FULL, 'the disk is not in the mood');
    passSecond(mm);
    expect([sizes(), store.truncations]).toEqual([[100], [[0, 100]]]);
  });

  it('but lets other failures of the host through', () => {
    const { mm, store } = machineWith([100, 5000]);
    chargeTo(mm, 2000);
    releaseTo(mm, 200);
    store.refuses = new TypeError('a mistake of the program');
    expect(() => passSecond(mm)).toThrow(TypeError);
  });
});

describe('the dereference segment thread deletes unused segments', () => {
  it('down to a hundred, the oldest first', () => {
    const machine = machineWith([500, 500]);
    const { mm, seen } = machine;
    const files = Array.from({ length: MOST_UNUSED_SEGMENTS + 3 }, onePage);
    for (const file of files) useFile(machine, file);
    expect(mm.systemThreads.dereferenceSegment.wakeups).toBe(1);
    runSystemThreads(mm, BELOW);
    expect(seen()).toEqual(Array(3).fill('24 segment-delete 1'));
    expect(files.map((file) => file.dataControlArea === null).lastIndexOf(true)).toBe(2);
    expect(mm.sections.unused.length).toBe(MOST_UNUSED_SEGMENTS);
    verify(mm);
  });

  it('all of them when frames run out', () => {
    const machine = machineWith([500, 500]);
    const { mm, seen } = machine;
    for (let left = 4; left > 0; left--) useFile(machine, onePage());
    const taken: number[] = [];
    while (mm.sections.unused.length > 0) taken.push(allocateFrame(mm));
    expect(seen()).toEqual(Array(4).fill('24 segment-delete 1'));
    for (const frame of taken) insertFree(mm, frame);
    verify(mm);
  });

  it('all of them when pool runs out', () => {
    const machine = machineWith([500, 500]);
    const { mm, seen } = machine;
    for (let left = 4; left > 0; left--) useFile(machine, onePage());
    const pool: number[] = [];
    for (let at = mm.nonpagedPool.allocate(4096, 'Test'); at !== 0; ) {
      pool.push(at);
      at = mm.nonpagedPool.allocate(4096, 'Test');
    }
    expect(seen()).toEqual(Array(4).fill('24 segment-delete 1'));
    for (const at of pool) mm.nonpagedPool.free(at);
    verify(mm);
  });

  it('all of them when commit is asked for that no paging file can bring', () => {
    const machine = machineWith([100, 500]);
    const { mm, seen } = machine;
    useFile(machine, onePage());
    expect(makeCommitRoom(mm, 10_000)).toBe(false);
    expect(seen()).toEqual(['24 segment-delete 1']);
    expect(freeUnusedSegments(mm)).toBe(false);
    verify(mm);
  });
});
