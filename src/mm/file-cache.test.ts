import { describe, expect, it } from 'vitest';
import { MemoryFile } from '../testing/memory-file.js';
import { type MemoryMachine, memoryMachine } from '../testing/memory-machine.js';
import { HostIoError } from './backing-file.js';
import { beginCachedRead, readCachedFile, writeCachedFile } from './file-cache.js';
import { setMappedFileSize } from './mapped-file.js';
import { allocateFrame, returnUnusedFrame } from './page-lists.js';
import { isBeingRead, waitForFrame } from './paging-io.js';
import { deleteUnusedSegments, forceSectionClosed } from './unused-segments.js';
import { verify } from './verify.js';

const PAGE = 4096;
const content = (bytes: number) => Uint8Array.from({ length: bytes }, (_, at) => at * 7 + (at >> 8));

function read({ mm }: MemoryMachine, file: MemoryFile, offset: number, length: number): Uint8Array {
  const target = new Uint8Array(length);
  const count = readCachedFile(mm, file, offset, length, (bytes, done) => target.set(bytes, done));
  return target.subarray(0, count);
}

/** Uses every frame that can be had, and gives them back: standby pages are lost. */
function takeAllMemory({ mm }: MemoryMachine): void {
  const frames: number[] = [];
  for (let frame = allocateFrame(mm); frame >= 0; frame = allocateFrame(mm)) frames.push(frame);
  for (const frame of frames) returnUnusedFrame(mm, frame);
}

describe('cached file I/O', () => {
  it('keeps what it has read on standby, and reads it from there', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content(10 * PAGE + 100));
    expect(read(machine, file, 5, 3 * PAGE)).toEqual(file.bytes.subarray(5, 5 + 3 * PAGE));
    const { reads } = file;
    expect(mm.lists.standbyCount).toBe(11);
    expect(read(machine, file, 4 * PAGE, 100 * PAGE)).toEqual(file.bytes.subarray(4 * PAGE));
    expect(file.reads).toBe(reads);
    expect(read(machine, file, file.size, 1)).toHaveLength(0);
    verify(mm);
  });

  it('gives its pages up when memory is wanted, and its segment when pool is', () => {
    const machine = memoryMachine(1);
    const { mm } = machine;
    const file = new MemoryFile(content(10 * PAGE));
    read(machine, file, 0, file.size);
    takeAllMemory(machine);
    verify(mm);
    expect(read(machine, file, 0, file.size)).toEqual(file.bytes);
    deleteUnusedSegments(mm, 0);
    expect([file.dataControlArea, mm.sections.controlAreas.length]).toEqual([null, 0]);
    expect(read(machine, file, PAGE, PAGE)).toEqual(file.bytes.subarray(PAGE, 2 * PAGE));
    verify(mm);
  });

  it('takes time to read, which a thread can spend elsewhere', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content(20 * PAGE));
    const frame = beginCachedRead(mm, file, 0, file.size);
    expect(isBeingRead(mm, frame)).toBe(true);
    expect(mm.io.requests).toHaveLength(2);
    verify(mm);
    waitForFrame(mm, frame);
    const waits = mm.io.waitsOnTheSpot;
    expect(read(machine, file, 0, file.size)).toEqual(file.bytes);
    expect(mm.io.waitsOnTheSpot).toBe(waits);
    expect(beginCachedRead(mm, file, 0, file.size)).toBe(-1);
  });

  it('has pages in memory that were written whole, and the host has all at once', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(new Uint8Array(0));
    const expected = content(5 * PAGE + 7);
    for (let at = 0; at < expected.length; at += 3000)
      writeCachedFile(mm, file, at, expected.subarray(at, at + 3000));
    expect(file.bytes).toEqual(expected);
    verify(mm);
    writeCachedFile(mm, file, PAGE, new Uint8Array(PAGE).fill(9));
    expected.fill(9, PAGE, 2 * PAGE);
    const { reads } = file;
    expect(read(machine, file, PAGE, PAGE)).toEqual(expected.subarray(PAGE, 2 * PAGE));
    expect(file.reads).toBe(reads);
    expect(read(machine, file, 0, 10 * PAGE)).toEqual(expected);
    verify(mm);
  });

  it('loses the pages that a cut takes away, and shows zeros when the file grows again', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content(6 * PAGE));
    read(machine, file, 0, file.size);
    expect(setMappedFileSize(mm, file, PAGE + 10)).toBe(0);
    expect(mm.lists.standbyCount).toBe(2);
    verify(mm);
    expect(setMappedFileSize(mm, file, 3 * PAGE)).toBe(0);
    const expected = new Uint8Array(3 * PAGE);
    expected.set(content(PAGE + 10));
    expect(read(machine, file, 0, 4 * PAGE)).toEqual(expected);
    expect(forceSectionClosed(mm, file)).toBe(true);
    expect(mm.lists.standbyCount).toBe(0);
    verify(mm);
  });

  it('grows with its file without moving its prototype PTEs each time', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(new Uint8Array(0));
    const bases = new Set<number>();
    for (let page = 0; page < 200; page++) {
      writeCachedFile(mm, file, page * PAGE, content(PAGE));
      bases.add(file.dataControlArea!.segment.prototypeBase);
    }
    expect(bases.size).toBeLessThan(8);
    verify(mm);
  });

  it('goes past the cache for a file whose prototype PTEs would fill paged pool', () => {
    const machine = memoryMachine(1);
    const { mm } = machine;
    const file = new MemoryFile(content(100));
    Object.defineProperty(file, 'size', { value: mm.pagedPool.limitPages * PAGE * PAGE });
    expect(beginCachedRead(mm, file, 0, 100)).toBe(-1);
    expect(file.dataControlArea).toBeNull();
    expect(read(machine, file, 0, 100)).toEqual(file.bytes);
  });

  it('says so when the host cannot read or write, and has changed nothing', () => {
    const machine = memoryMachine(4);
    const { mm } = machine;
    const file = new MemoryFile(content(4 * PAGE));
    file.failing = 'reads';
    expect(() => read(machine, file, 0, 10)).toThrow(HostIoError);
    verify(mm);
    file.failing = 'writes';
    const before = read(machine, file, 0, 4 * PAGE);
    expect(() => writeCachedFile(mm, file, 0, new Uint8Array(PAGE))).toThrow(HostIoError);
    expect(read(machine, file, 0, 4 * PAGE)).toEqual(before);
    verify(mm);
  });
});
