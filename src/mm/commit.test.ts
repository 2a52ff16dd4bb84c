import { describe, expect, it } from 'vitest';
import { PhysicalMemory } from '../machine/physical-memory.js';
import { Processor } from '../machine/processor.js';
import { COMMIT_PAGE_TABLES, COMMIT_PRIVATE } from './commit.js';
import type { MemoryEvent } from './events.js';
import { MemoryManager, type PageFileSize } from './memory-manager.js';
import { MemoryPageFileStore } from './page-file.js';
import { runSystemThreads } from './threads/run-system-threads.js';
import { systemThreadsTick } from './threads/system-threads.js';
import { verify } from './verify.js';

const RAM_PAGES = 256;
const pages = (initial: number, maximum: number): PageFileSize => ({
  initial: initial * 4096,
  maximum: maximum * 4096,
});

function withPageFiles(...pageFileBytes: PageFileSize[]) {
  const ram = new PhysicalMemory(RAM_PAGES * 4096, 1 << 20);
  const clock = { now100ns: 0 };
  const pageFileStore = new MemoryPageFileStore();
  const processor = new Processor(ram);
  const mm = new MemoryManager({ ram, processor, pageFileBytes, pageFileStore, seed: 1, clock });
  const events: MemoryEvent[] = [];
  mm.events.attach((event) => events.push(event));
  const kinds = () => events.splice(0).map(({ kind, text }) => (text === '' ? kind : `${kind}: ${text}`));
  return { mm, commit: mm.commit, kinds, pageFileStore };
}

/** Charges so much that `total` pages are charged. */
function chargeUpTo({ mm }: { mm: MemoryManager }, total: number): boolean {
  return mm.commit.charge(COMMIT_PRIVATE, total - mm.commit.current);
}

describe('the commit limit', () => {
  it('is RAM and the present sizes of the paging files; a charge that passes it waits for their extension', () => {
    const machine = withPageFiles(pages(100, 1000), pages(50, 50));
    const { mm, commit, kinds } = machine;
    expect([commit.limit, commit.maximumLimit]).toEqual([406, 1306]);
    expect(chargeUpTo(machine, 300)).toBe(true);
    expect(kinds()).toEqual([]);
    expect(chargeUpTo(machine, 410)).toBe(true);
    expect(kinds()).toEqual(['thread-wake: dereference segment', 'page-file-extend: paging file 0']);
    expect([mm.pageFiles.files[0]!.size, commit.limit]).toEqual([356, 662]);
  });

  it('refuses what even the largest paging files would not hold, and then extends none', () => {
    const machine = withPageFiles(pages(100, 300), pages(50, 60));
    const { mm, commit, kinds } = machine;
    expect(chargeUpTo(machine, 617)).toBe(false);
    expect(mm.pageFiles.files.map(({ size }) => size)).toEqual([100, 50]);
    kinds();
    expect(chargeUpTo(machine, 616)).toBe(true);
    expect(kinds()).toEqual([
      'thread-wake: dereference segment',
      'page-file-extend: paging file 0',
      'page-file-extend: paging file 1',
    ]);
    expect([commit.limit, commit.maximumLimit, commit.peak]).toEqual([616, 616, 616]);
    expect(commit.charge(COMMIT_PRIVATE, 1)).toBe(false);
    commit.release(COMMIT_PRIVATE, 100);
    expect([commit.current, commit.peak]).toEqual([516, 616]);
  });

  it('is raised by the dereference segment thread when nine tenths of it are charged', () => {
    const machine = withPageFiles(pages(144, 1000));
    const { mm, commit, kinds } = machine;
    chargeUpTo(machine, 360);
    expect(mm.systemThreads.dereferenceSegment.ready).toBe(false);
    chargeUpTo(machine, 361);
    expect(kinds()).toEqual(['thread-wake: dereference segment']);
    expect(commit.limit).toBe(400);
    runSystemThreads(mm, 17);
    expect(kinds()).toEqual(['page-file-extend: paging file 0']);
    expect(commit.limit).toBe(656);
    expect(mm.systemThreads.dereferenceSegment.ready).toBe(false);
  });

  it('sinks again when commit has fallen: free tails go back to the host', () => {
    const machine = withPageFiles(pages(100, 2000));
    const { mm, commit, kinds, pageFileStore } = machine;
    chargeUpTo(machine, 1200);
    const [file] = mm.pageFiles.files;
    const grown = file!.size;
    expect(grown).toBeGreaterThan(944);
    file!.take(500, 1);
    pageFileStore.write(0, 700 * 4096, new Uint8Array(4096).fill(7));
    commit.release(COMMIT_PRIVATE, 1100);
    kinds();
    systemThreadsTick(mm, 10_000_000);
    runSystemThreads(mm, 15);
    expect(kinds()).toEqual([
      'thread-wake: balance set manager',
      'thread-wake: dereference segment',
      'page-file-shrink: paging file 0',
    ]);
    expect(file!.size).toBe(501);
    const block = new Uint8Array(4096);
    pageFileStore.read(0, 700 * 4096, block);
    expect(block[0]).toBe(0);
    file!.release(500);
    systemThreadsTick(mm, 20_000_000);
    runSystemThreads(mm, 15);
    expect([file!.size, file!.findRun(16)]).toEqual([100, 1]);
    verifyCommit(mm);
  });

  it('does not hold back page tables', () => {
    const machine = withPageFiles();
    const { commit } = machine;
    expect(chargeUpTo(machine, 256)).toBe(true);
    commit.force(COMMIT_PAGE_TABLES, 1);
    expect([commit.current, commit.limit]).toEqual([257, 256]);
    expect([commit.hasRoom(1), commit.hasRoom(0)]).toEqual([false, true]);
  });
});

/** The charges of these tests belong to nothing; without them everything is right. */
function verifyCommit(mm: MemoryManager): void {
  mm.commit.release(COMMIT_PRIVATE, mm.commit.byUse[COMMIT_PRIVATE]!);
  verify(mm);
}
