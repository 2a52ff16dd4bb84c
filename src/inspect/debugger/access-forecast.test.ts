import { describe, expect, it } from 'vitest';
import {
  MEM_RESERVE,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
} from '../../base/memory-constants.js';
import {
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_PAGE_FAULT_GUARD_PAGE,
  STATUS_PENDING,
  STATUS_STACK_OVERFLOW,
} from '../../base/ntstatus.js';
import { Machine } from '../../machine.js';
import { type MachineProcess, NtStatusError } from '../../machine-process.js';
import { FAULT_USER } from '../../mm/access-check.js';
import { beginFault } from '../../mm/fault-handler.js';
import { emptyWorkingSet } from '../../mm/working-set-manager.js';
import { exampleRuns, makeExampleMachine } from '../../testing/examples.js';
import { repurposeAll, swapOut } from '../../testing/swap-out.js';
import { describeAddressSpace } from '../address-map.js';
import { type Access, forecast } from './access-forecast.js';
import { explainAddress } from './explain-command.js';

const PAGE = 4096;

/** Makes an access and says how its first fault was counted. */
function makeAccess(machine: Machine, process: MachineProcess, address: number, access: Access): string {
  const { counters } = machine.kernel.mm;
  const before = { ...counters };
  let first = 'none';
  const stop = machine.on(({ kind }) => {
    if (kind !== 'fault' || first !== 'none') return;
    if (counters.hard > before.hard) first = 'hard';
    else if (counters.soft > before.soft) first = 'soft';
    else first = counters.guardPage > before.guardPage ? 'guard' : 'violation';
  });
  try {
    if (access === 'read') process.read(address, 1);
    else process.write(address, Uint8Array.of(9));
  } catch (error) {
    if (!(error instanceof NtStatusError)) throw error;
  }
  stop();
  return first;
}

describe('the forecast of an access', () => {
  it.each(exampleRuns())('is what a read comes to as $program $args runs', ({ program, args }) => {
    const example = makeExampleMachine(program, args);
    const { machine, process } = example;
    const { mm } = machine.kernel;
    const seen = new Set<string>();
    for (let instructions = 200; instructions < 80_000; instructions += 25_000) {
      if (machine.run({ maxInstructions: instructions }).state === 'exited') break;
      for (const { address, size, type } of describeAddressSpace(machine.kernel, process.object)) {
        const end = type === 'Free' ? address + 2 * PAGE : address + Math.min(size, 64 * PAGE);
        for (let at = address; at < end; at += PAGE) {
          const { outcome, text } = forecast(mm, process.object.space, at, 'read');
          expect(makeAccess(machine, process, at, 'read'), `${at.toString(16)}: ${text}`).toBe(outcome);
          seen.add(outcome);
        }
      }
      machine.verify();
    }
    expect([...seen].sort()).toEqual(expect.arrayContaining(['hard', 'none', 'soft', 'violation']));
  });

  it('is what reads and writes of every kind of page come to', () => {
    const machine = new Machine({ ram: 8 * 2 ** 20 });
    machine.mount('C:\\data', { 'file.bin': new Uint8Array(12 * PAGE).fill(7) }, { writable: true });
    const process = machine.createProcess({ empty: true });
    const { mm } = machine.kernel;
    const { space } = process.object;
    const own = process.allocate(8 * PAGE);
    process.write(own, new Uint8Array(2 * PAGE).fill(1));
    process.protect(own, PAGE, PAGE_NOACCESS);
    process.protect(own + 2 * PAGE, PAGE, PAGE_READONLY);
    process.protect(own + 3 * PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD);
    process.free(own + 4 * PAGE, PAGE, 0x4000);
    process.write(own + 5 * PAGE, Uint8Array.of(1));
    process.protect(own + 5 * PAGE, PAGE, PAGE_NOACCESS);
    process.protect(own + 5 * PAGE, PAGE, PAGE_READWRITE);
    const reserved = process.allocate(PAGE, { type: MEM_RESERVE });
    const section = process.createSection({ size: 4 * PAGE });
    const copy = process.mapView(section, { protection: PAGE_WRITECOPY });
    const shared = process.mapView(section);
    process.write(shared, Uint8Array.of(1));
    process.read(copy, 1);
    process.write(shared + PAGE, Uint8Array.of(1));
    const file = process.mapView(process.createSection({ file: 'C:\\data\\file.bin' }), {
      protection: PAGE_WRITECOPY,
    });
    process.read(file, 1);
    const pages = [0, 1, 2, 3, 4, 5, 6, 7].map((page) => own + page * PAGE);
    pages.push(
      reserved,
      copy,
      copy + PAGE,
      copy + 2 * PAGE,
      shared,
      shared + 3 * PAGE,
      file,
      file + PAGE,
      file + 10 * PAGE,
      0x5000_0000,
    );
    const outcomes: string[] = [];
    for (const at of pages) {
      const { outcome, text } = forecast(mm, space, at, 'write');
      outcomes.push(
        `${outcome} ${text.match(/demand zero|copy-on-write|read from|frame [0-9a-f]+, on the \w+|then faults again/)?.[0] ?? ''}`.trim(),
      );
      expect(makeAccess(machine, process, at, 'write'), `${at.toString(16)}: ${text}`).toBe(outcome);
    }
    expect(outcomes.join('\n')).toMatch(/soft copy-on-write/);
    expect(outcomes.join('\n')).toMatch(/hard read from/);
    expect(outcomes.join('\n')).toMatch(/soft frame [0-9a-f]+, on the modified/);
    expect(outcomes).toContain('guard');
    expect(forecast(mm, space, own + PAGE, 'execute')).toMatchObject({ outcome: 'violation' });
    expect(forecast(mm, space, 0xf680_0000_0000, 'read')).toMatchObject({ outcome: 'violation' });
    machine.verify();
  });

  it('counts the page tables that have to come back first', () => {
    const machine = new Machine({ ram: 8 * 2 ** 20 });
    const process = machine.createProcess({ empty: true });
    const { mm } = machine.kernel;
    const { space } = process.object;
    const own = process.allocate(4 * PAGE);
    process.write(own, new Uint8Array(2 * PAGE).fill(1));
    const seen: string[] = [];
    const check = (at: number, access: Access) => {
      const { outcome, text } = forecast(mm, space, at, access);
      seen.push(text);
      expect(makeAccess(machine, process, at, access), `${at.toString(16)}: ${text}`).toBe(outcome);
    };
    for (const at of [own, own + 3 * PAGE, 0x5000]) {
      swapOut(mm, space);
      check(at, 'read');
    }
    expect(seen[0]).toMatch(
      /is a hard fault: 2 page tables come back first, 2 read from a paging file; then the page is/,
    );
    expect(seen[1]).toMatch(/is a hard fault: 2 page tables come back first, .* then demand zero/);
    expect(seen[2]).toMatch(/raises STATUS_ACCESS_VIOLATION/);
    swapOut(mm, space);
    process.read(own, 1);
    emptyWorkingSet(mm, space);
    repurposeAll(mm);
    process.free(own + 3 * PAGE, PAGE, 0x4000);
    expect(emptyWorkingSet(mm, space)).toBeGreaterThan(0);
    check(own + 2 * PAGE, 'read');
    machine.verify();
  });

  it('waits for a read that has begun', () => {
    const machine = new Machine({ ram: 8 * 2 ** 20 });
    const process = machine.createProcess({ empty: true });
    const { kernel } = machine;
    const { mm } = kernel;
    const { space } = process.object;
    const own = process.allocate(PAGE);
    process.write(own, Uint8Array.of(7));
    swapOut(mm, space);
    process.read(own, 1);
    emptyWorkingSet(mm, space);
    repurposeAll(mm);
    expect(beginFault(mm, space, own, FAULT_USER, true, null)).toBe(STATUS_PENDING);
    const { outcome, text } = forecast(mm, space, own, 'read');
    expect([outcome, text]).toEqual([
      'hard',
      expect.stringMatching(/is being read into frame [0-9a-f]+ already/),
    ]);
    const said = explainAddress(kernel, process.object, own, null);
    expect(said).toContain('held by the read that brings its contents, one reference, ReadInProgress');
    expect(makeAccess(machine, process, own, 'read')).toBe('hard');
    machine.verify();
  });

  it('is how the stack of the running thread grows, down to its end', () => {
    const { machine, process } = makeExampleMachine('stack.exe', ['overflow']);
    const { mm } = machine.kernel;
    const { space, threads } = process.object;
    const { stack } = threads[0]!;
    let grown = 0;
    let ends = 0;
    machine.on(({ kind, address, detail }) => {
      if (kind !== 'fault' || detail === STATUS_GUARD_PAGE_VIOLATION) return;
      const said = forecasts.get(Math.floor(address / PAGE));
      if (detail === STATUS_PAGE_FAULT_GUARD_PAGE) {
        grown++;
        const next = /grows: ([\da-f`]+) becomes/.exec(said ?? '')?.[1]?.replace('`', '') ?? '';
        expect(forecast(mm, space, Number.parseInt(next, 16), 'read', stack).outcome).toBe('guard');
      } else if (detail === STATUS_STACK_OVERFLOW) {
        ends++;
        expect(said).toContain('STATUS_STACK_OVERFLOW');
      }
    });
    const forecasts = new Map<number, string>();
    while (process.exitStatus === null) {
      const vad = space.vads.find(Math.floor(threads[0]!.stackAllocation / PAGE))!;
      for (let page = vad.startPage; page <= vad.endPage; page++) {
        const { outcome, text } = forecast(mm, space, page * PAGE, 'write', stack);
        if (outcome === 'guard') forecasts.set(page, text);
      }
      machine.run({ sliceInstructions: 1 });
    }
    expect(grown).toBeGreaterThan(10);
    expect(ends).toBeGreaterThan(0);
  });
});
