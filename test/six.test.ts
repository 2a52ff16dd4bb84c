/**
 * The memory manager's threads at work for examples/six: each is woken by its own condition, and by nothing else. The
 * page lists are followed by the events alone.
 */
import { describe, expect, it } from 'vitest';
import type { MemoryEvent } from '../src/mm/events.js';
import { thresholdsFor } from '../src/mm/thresholds.js';
import { exampleBytes, makeExampleMachine } from '../src/testing/examples.js';

const MIB = 2 ** 20;
const RAM = 8 * MIB;
const SECOND_100NS = 10_000_000;
const MODIFIED = 3;
const FREE = 1;
const ZEROED = 0;
const thresholds = thresholdsFor(RAM / 4096);

/** Text as the guest writes it has CR LF, the expectations have LF. */
const textOf = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).replaceAll('\r\n', '\n');

/** A thread was woken: what its condition needs to know of that moment. */
interface Wake {
  readonly name: string;
  readonly time: number;
  /** Pages on the zeroed, free and standby lists. */
  readonly available: number;
  /** Pages on the modified list that belong into a paging file, and those of the mapped file. */
  readonly modifiedPrivate: number;
  readonly modifiedMapped: number;
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
      this.wakes.push({ name: text, time, available: detail, modifiedPrivate, modifiedMapped });
    }
  }
}

function runSix() {
  const follower = new ListFollower();
  const example = makeExampleMachine('six.exe', [], {
    ram: RAM,
    pageFiles: [{ initial: 8 * MIB, maximum: 32 * MIB }],
  });
  const { machine, process, host } = example;
  const { scheduler } = machine.kernel;
  const zeroing = { pages: 0, busy: 0, frames: 0 };
  machine.on((event) => {
    follower.see(event);
    if (event.kind === 'list' && event.detail === ((FREE << 8) | ZEROED)) {
      zeroing.frames++;
      if (scheduler.current !== null || scheduler.bestReady >= 0) zeroing.busy++;
    }
    if (event.kind === 'zero') zeroing.pages += event.detail;
  });
  expect(machine.run().state).toBe('exited');
  machine.verify();
  const output = textOf(host.consoleBytes(1));
  return { machine, process, output, follower, zeroing };
}

describe('six', () => {
  const { machine, process, output, follower, zeroing } = runSix();
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

  it('the zero page thread works only while nothing else can run', () => {
    expect(zeroing.pages).toBeGreaterThan(1000);
    expect(zeroing).toEqual({ pages: zeroing.pages, frames: zeroing.pages, busy: 0 });
  });
});
