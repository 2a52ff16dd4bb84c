import { describe, expect, it } from 'vitest';
import { BugCheck } from './bug-check.js';
import { MAX_PAGE_FILES, MemoryPageFileStore, PageFile, PageFiles } from './page-file.js';

const bytes = (pages: number) => pages * 4096;
const file = (initial: number, maximum = initial) =>
  new PageFile(0, { initial: bytes(initial), maximum: bytes(maximum) });

describe('a paging file', () => {
  it('never gives block 0 away and goes on behind the last block taken', () => {
    const paging = file(100);
    expect(paging.findRun(16)).toBe(1);
    paging.take(1, 16);
    expect(paging.findRun(16)).toBe(17);
    paging.take(17, 16);
    paging.release(5);
    expect(paging.findRun(1)).toBe(33);
    expect([paging.used, paging.free, paging.peakUsed]).toEqual([31, 68, 32]);
  });

  it('gives the longest run when none is long enough, also before the place of the search', () => {
    const paging = file(64);
    paging.take(1, 63);
    expect(paging.findRun(16)).toBe(-1);
    for (const block of [3, 4, 5, 40, 41, 42, 43, 60]) paging.release(block);
    expect(paging.findRun(16)).toBe(40);
    expect(paging.runLength(40, 16)).toBe(4);
    expect(paging.findRun(3)).toBe(3);
    paging.take(40, 4);
    expect(paging.findRun(16)).toBe(3);
  });

  it('is extended up to its maximum and shrinks to the last block in use', () => {
    const paging = file(32, 40);
    paging.take(1, 31);
    expect(paging.findRun(4)).toBe(-1);
    expect([paging.extend(6), paging.findRun(4), paging.size]).toEqual([6, 32, 38]);
    expect([paging.extend(100), paging.size, paging.free]).toEqual([2, 40, 8]);
    paging.take(32, 4);
    expect(paging.smallestSize).toBe(36);
    paging.release(35);
    paging.release(7);
    paging.shrinkTo(paging.smallestSize);
    expect([paging.size, paging.findRun(1)]).toEqual([35, 7]);
    for (const block of [32, 33, 34]) paging.release(block);
    expect(paging.smallestSize).toBe(32);
  });

  it('stops the machine when a block is freed that is not taken', () => {
    const paging = file(32);
    paging.take(1, 2);
    paging.release(2);
    for (const block of [0, 2, 3, 32]) expect(() => paging.release(block)).toThrow(BugCheck);
  });
});

describe('paging files', () => {
  it('are sixteen at most', () => {
    const size = { initial: bytes(16), maximum: bytes(16) };
    const sizes = Array.from({ length: MAX_PAGE_FILES }, () => size);
    const files = new PageFiles(sizes, new MemoryPageFileStore());
    expect(files.files.map(({ number }) => number)).toEqual(sizes.map((_, number) => number));
    files.files[15]!.take(3, 4);
    expect(files.pagesInUse).toBe(4);
    expect(() => new PageFiles([...sizes, size], new MemoryPageFileStore())).toThrow(RangeError);
    expect(new PageFiles([], new MemoryPageFileStore()).hasSpace).toBe(false);
  });

  it('in memory keep what was written, block by block', () => {
    const store = new MemoryPageFileStore();
    const source = new Uint8Array(bytes(2)).map((_, index) => index >>> 4);
    store.write(3, bytes(7), source);
    store.write(2, bytes(7), new Uint8Array(bytes(1)).fill(9));
    const target = new Uint8Array(bytes(2)).fill(1);
    store.read(3, bytes(7), target);
    expect(target).toEqual(source);
    store.read(3, bytes(8), target.subarray(0, 4096));
    expect(target.subarray(0, 4096)).toEqual(source.subarray(4096));
    store.read(0, bytes(7), target.subarray(0, 4096));
    expect(target.subarray(0, 4096).every((byte) => byte === 0)).toBe(true);
    store.truncate(3, bytes(8));
    store.read(3, bytes(7), target);
    expect(target.subarray(0, 4096)).toEqual(source.subarray(0, 4096));
    expect(target.subarray(4096).every((byte) => byte === 0)).toBe(true);
  });
});
