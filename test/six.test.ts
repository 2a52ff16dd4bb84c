/**
 * The memory manager's threads at work for examples/six: each is woken by its own condition, and by nothing else. The
 * page lists are followed by the events alone.
 */
import { describe, expect, it } from 'vitest';
import type { MemoryEvent } from '../src/mm/events.js';
import type { MemoryManager } from '../src/mm/memory-manager.js';
import { FREE_PAGES_TO_ZERO } from '../src/mm/threads/zero-page.js';
import { thresholdsFor } from '../src/mm/thresholds.js';
import { exampleBytes, makeExampleMachine } from '../src/testing/examples.js';

const MIB = 2 ** 20;
const RAM = 8 * MIB;
/** Initial size of the paging file, in pages. */
const FILE_PAGES = (8 * MIB) / 4096;
const SECOND_100NS = 10_000_000;
const MODIFIED = 3;
const FREE = 1;
const ZEROED = 0;
const thresholds = thresholdsFor(RAM / 4096);

/** Text as the guest writes it has CR LF, the expectations have LF. */
const textOf = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).replaceAll('\r\n', '\n');

/** A thread was woken: what its condition needs to know of that moment. Sizes in pages. */
interface Wake {
  readonly name: string;
  readonly time: number;
  /** Who woke it. */
  readonly tid: number;
  /** Pages on the zeroed, free and standby lists. */
  readonly available: number;
  readonly free: number;
  /** Pages on the modified list that belong into a paging file, and those of the mapped file. */
  readonly modifiedPrivate: number;
  readonly modifiedMapped: number;
  /** What is charged and what is asked for besides, and the limit. */
  readonly commit: number;
  readonly commitLimit: number;
  /** The paging file: its size, and what is taken of it. */
  readonly fileSize: number;
  readonly fileUsed: number;
  /** 100 ns units since the thread that has waited longest began to wait, its stack in memory; 0 for none. */
  readonly longestWait: number;
  /** A thread whose stack is out of memory is to go on. */
  readonly stackWanted: boolean;
}

/** Follows the modified list through the events of a run. */
class ListFollower {
  readonly wakes: Wake[] = [];
  /** What each thread did, by its id and the kind of event. */
  readonly work: Record<string, number> = {};
  #view = 0;
  #viewEnd = 0;
  readonly #mapped = new Set<number>();
  readonly #listed = new Set<number>();

  constructor(private readonly mm: MemoryManager) {}

  see(event: MemoryEvent): void {
    const { kind, address, frame, detail, tid, time, text } = event;
    const work = `${tid} ${kind}`;
    this.work[work] = (this.work[work] ?? 0) + 1;
    if (kind === 'map' && text.endsWith('six.dat')) {
      this.#view = address;
      this.#viewEnd = address + detail * 4096;
    } else if (kind === 'fault') {
      if (address >= this.#view && address < this.#viewEnd) this.#mapped.add(frame);
      else this.#mapped.delete(frame);
    } else if (kind === 'list') {
      if ((detail & 255) === MODIFIED) this.#listed.add(frame);
      else if (detail >>> 8 === MODIFIED) this.#listed.delete(frame);
    } else if (kind === 'thread-wake') {
      let modifiedMapped = 0;
      for (const listed of this.#listed) if (this.#mapped.has(listed)) modifiedMapped++;
      const modifiedPrivate = this.#listed.size - modifiedMapped;
      const { commit, pageFiles, systemThreads, kernelStacks } = this.mm;
      const waits = kernelStacks
        .filter(({ resident, waitingSince }) => resident && waitingSince >= 0)
        .map(({ waitingSince }) => time - waitingSince);
      this.wakes.push({
        name: text,
        time,
        tid,
        available: detail,
        free: this.mm.lists.count[FREE]!,
        modifiedPrivate,
        modifiedMapped,
        commit: commit.current + systemThreads.commitWanted,
        commitLimit: commit.limit,
        fileSize: pageFiles.files[0]!.size,
        fileUsed: pageFiles.files[0]!.used,
        longestWait: Math.max(0, ...waits),
        stackWanted: kernelStacks.some(({ resident, wanted }) => wanted && !resident),
      });
    }
  }
}

function makeSix() {
  return makeExampleMachine('six.exe', [], {
    ram: RAM,
    pageFiles: [{ initial: FILE_PAGES * 4096, maximum: 32 * MIB }],
  });
}

/** Every event of a run, of which the host does so much work at a time. */
function eventsInSlices(sliceInstructions: number): string[] {
  const { machine } = makeSix();
  const events: string[] = [];
  machine.on(({ time, tid, kind, address, frame, detail }) =>
    events.push(`${time} ${tid} ${kind} ${address} ${frame} ${detail}`),
  );
  while (machine.run({ sliceInstructions }).state === 'running');
  return events;
}

function runSix() {
  const example = makeSix();
  const { machine, process, host } = example;
  const { scheduler, mm } = machine.kernel;
  const follower = new ListFollower(mm);
  const zeroing = { pages: 0, busy: 0, frames: 0 };
  const sizes: number[] = [];
  const swaps: string[] = [];
  machine.on((event) => {
    follower.see(event);
    if (event.kind === 'list' && event.detail === ((FREE << 8) | ZEROED)) {
      zeroing.frames++;
      if (scheduler.current !== null || scheduler.bestReady >= 0) zeroing.busy++;
    }
    if (event.kind === 'zero') zeroing.pages += event.detail;
    if (/^page-file-(extend|shrink)$/.test(event.kind)) sizes.push(event.detail);
    if (/^(stack|process)-(in|out)$/.test(event.kind)) swaps.push(event.kind);
  });
  expect(machine.run().state).toBe('exited');
  machine.verify();
  const output = textOf(host.consoleBytes(1));
  return { machine, process, output, follower, zeroing, sizes, swaps };
}

describe('six', () => {
  const { machine, process, output, follower, zeroing, sizes, swaps } = runSix();
  const { systemThreads } = machine.kernel.mm;
  const wakesOf = (name: string) => follower.wakes.filter((wake) => wake.name === name);

  it('comes to the right result', () => {
    expect([output, process.exitStatus]).toEqual([textOf(exampleBytes('six/expected.txt')), 0]);
  });

  it('the balance set manager wakes when memory is short, and by the clock', () => {
    const { name, id } = systemThreads.balanceSetManager;
    const wakes = wakesOf(name);
    const short = wakes.filter(({ available }) => available < thresholds.low);
    const periodic = wakes.filter(({ available }) => available >= thresholds.low);
    expect(short.length).toBeGreaterThan(10);
    expect(periodic.length).toBeGreaterThan(0);
    const seconds = periodic.map(({ time }) => Math.floor(time / SECOND_100NS));
    expect(new Set(seconds).size, 'at most once a second').toBe(seconds.length);
    expect(follower.work[`${id} thread-wake`], 'page writers that it woke').toBeGreaterThan(10);
  });

  it('the modified page writer wakes when its part of the modified list is long or memory is short', () => {
    const { name, id } = systemThreads.modifiedPageWriter;
    const wakes = wakesOf(name);
    expect(wakes.length).toBeGreaterThan(10);
    for (const wake of wakes) {
      expect(wake.modifiedPrivate).toBeGreaterThan(0);
      expect(
        wake.modifiedPrivate > thresholds.modified || wake.available < thresholds.low,
        `${wake.time}`,
      ).toBe(true);
    }
    expect(follower.work[`${id} page-out`]).toBeGreaterThan(100);
    expect(follower.work[`${id} file-write`]).toBeUndefined();
  });

  it('the mapped page writer wakes when the other part is long or memory is short', () => {
    const { name, id } = systemThreads.mappedPageWriter;
    const wakes = wakesOf(name);
    expect(wakes.length).toBeGreaterThan(0);
    for (const wake of wakes) {
      expect(wake.modifiedMapped).toBeGreaterThan(0);
      expect(
        wake.modifiedMapped > thresholds.modified || wake.available < thresholds.low,
        `${wake.time}`,
      ).toBe(true);
    }
    expect(follower.work[`${id} file-write`]).toBeGreaterThan(100);
    expect(follower.work[`${id} page-out`]).toBeUndefined();
  });

  it('the process/stack swapper wakes for threads that have waited long, and for those that are to go on', () => {
    const { name, id } = systemThreads.swapper;
    const wakes = wakesOf(name);
    const long = wakes.filter(({ tid }) => tid === systemThreads.balanceSetManager.id);
    const ready = wakes.filter(({ tid }) => tid !== systemThreads.balanceSetManager.id);
    expect(long.length).toBeGreaterThan(0);
    for (const { longestWait, time } of long)
      expect(longestWait, `${time}`).toBeGreaterThanOrEqual(3 * SECOND_100NS);
    expect(ready.length).toBeGreaterThan(0);
    expect(ready[0]!.tid, 'no thread runs when the time is over').toBe(0);
    for (const { stackWanted, time } of ready) expect(stackWanted, `${time}`).toBe(true);
    expect(swaps).toEqual(['stack-out', 'stack-out', 'process-out', 'process-in', 'stack-in', 'stack-in']);
    expect(follower.work[`${id} stack-out`]).toBe(2);
  });

  it('the dereference segment thread wakes for commit near the limit, a full paging file, and one that is too large', () => {
    const { name } = systemThreads.dereferenceSegment;
    const wakes = wakesOf(name);
    const by = (thread: number) => wakes.filter(({ tid }) => tid === thread);
    const full = by(systemThreads.modifiedPageWriter.id);
    const large = by(systemThreads.balanceSetManager.id);
    const near = wakes.filter((wake) => !full.includes(wake) && !large.includes(wake));
    expect([full.length > 0, near.length > 0, large.length > 0]).toEqual([true, true, true]);
    for (const wake of full) expect(wake.fileSize - 1 - wake.fileUsed, `${wake.time}`).toBeLessThan(16);
    for (const wake of near) expect(wake.commit, `${wake.time}`).toBeGreaterThan(0.9 * wake.commitLimit);
    for (const wake of large) {
      expect(wake.commit, `${wake.time}`).toBeLessThan(0.75 * wake.commitLimit);
      expect(wake.fileSize, `${wake.time}`).toBeGreaterThan(FILE_PAGES);
    }
    expect(Math.max(...sizes)).toBeGreaterThan(2 * FILE_PAGES);
    expect(sizes.at(-1)).toBe(FILE_PAGES);
  });

  it('the zero page thread wakes when eight pages are free, and works only while nothing else can run', () => {
    expect(zeroing.pages).toBeGreaterThan(1000);
    expect(zeroing).toEqual({ pages: zeroing.pages, frames: zeroing.pages, busy: 0 });
    const { name, id } = systemThreads.zeroPage;
    const wakes = wakesOf(name);
    expect(wakes.length).toBeGreaterThan(0);
    for (const { free, time } of wakes) expect(free, `${time}`).toBeGreaterThanOrEqual(FREE_PAGES_TO_ZERO);
    expect(follower.work[`${id} zero`]).toBeGreaterThan(0);
  });

  it('is the same run when the host looks up after every fault, service and wait', () => {
    const [whole, sliced] = [eventsInSlices(Number.POSITIVE_INFINITY), eventsInSlices(1)];
    expect(whole.length).toBeGreaterThan(10_000);
    expect(sliced.findIndex((event, index) => event !== whole[index])).toBe(-1);
    expect(sliced.length).toBe(whole.length);
  });
});
