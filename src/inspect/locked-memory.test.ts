/** Large pages and windows for user physical pages, as programs use them and as the views show them. */
import { describe, expect, it } from 'vitest';
import type { Machine } from '../machine.js';
import { exampleBytes, makeExampleMachine } from '../testing/examples.js';
import { describeAddressSpace } from './address-map.js';
import { DebugSession } from './debugger/session.js';
import { mapPhysicalMemory, sumOfLists } from './rammap.js';

const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).replaceAll('\r\n', '\n');
const PAGE = 4096;
/** Instructions before the first look, and between looks. */
const FIRST = 2000;
const SLICE = 100;

function make(name: string) {
  return makeExampleMachine(`${name}.exe`, [], {
    ram: 16 * 2 ** 20,
    privileges: ['SeLockMemoryPrivilege'],
  });
}

function pagesOf(machine: Machine, use: string): number {
  return sumOfLists(mapPhysicalMemory(machine.kernel).uses.find((each) => each.use === use)!.pages);
}

/** Runs until a use of RAM has so many pages, and proves that everything agrees then. */
function runUntil(machine: Machine, use: string, pages: number): void {
  for (let instructions = FIRST; pagesOf(machine, use) !== pages; instructions += SLICE) {
    expect(machine.run({ maxInstructions: instructions }).state).not.toBe('exited');
  }
  machine.verify();
}

function command(machine: Machine, line: string): string {
  return new DebugSession(machine.kernel).execute(line).text;
}

describe.each(['awe', 'large'])('%s', (name) => {
  it('does its work on an account that may lock pages', () => {
    const { machine, process, host } = make(name);
    expect(machine.run({ maxInstructions: 50_000_000 }).state).toBe('exited');
    expect(text(host.consoleBytes(1))).toBe(text(exampleBytes(`${name}/expected.txt`)));
    expect(process.exitStatus).toBe(0);
    expect(machine.kernel.mm.lockedFrames).toBe(0);
    machine.verify();
  });
});

describe('the views', () => {
  it('show large pages', () => {
    const { machine, process } = make('large');
    runUntil(machine, 'Large Page', 1024);
    const range = describeAddressSpace(machine.kernel, process.object).find(
      ({ details }) => details === 'Large Pages',
    )!;
    expect(range).toMatchObject({
      type: 'Private Data',
      size: 1024 * PAGE,
      committed: 1024 * PAGE,
      private: 1024 * PAGE,
      workingSet: 0,
    });
    const address = range.address + 3 * PAGE;
    const at = address.toString(16);
    expect(command(machine, `!pte ${at}`)).toMatch(
      /PDE at .*\n.*L.*V\n.*LargePage.*\n.*maps 2 MB itself: there is no page table$/,
    );
    expect(command(machine, `!vad ${at}`)).toContain('Flags       MemCommit LargePages');
    const { mm } = machine.kernel;
    const frame = mm.pfn.flags.findIndex((flags, index) => (flags & 32) !== 0 && index % 512 === 3);
    expect(command(machine, `!pfn ${frame.toString(16)}`)).toMatch(
      /Modified LargePage\n.*Large Page: .*3000 of process/,
    );
    process.write(address, Uint8Array.of(0xab, 0xcd));
    expect(command(machine, `db ${at} L2`)).toContain('ab cd');
    expect(command(machine, `!explain ${at}`)).toMatch(/A write goes to frame [\da-f]+ of a large page/);
    expect(command(machine, `!vm`)).toMatch(/Locked in memory:? +1024/);
  });

  it('show user physical pages', () => {
    const { machine, process } = make('awe');
    runUntil(machine, 'AWE', 128);
    const { mm } = machine.kernel;
    const own = process.object.space;
    const findWindow = () =>
      describeAddressSpace(machine.kernel, process.object).find(({ details }) => details === 'AWE');
    for (let slice = 1; (findWindow()?.committed ?? 0) === 0; slice++)
      machine.run({ maxInstructions: machine.kernel.processor.instructions + 500 * slice });
    const window = findWindow()!;
    expect(window).toMatchObject({ size: 16 * PAGE, committed: 16 * PAGE, private: 0, workingSet: 0 });
    expect(command(machine, `!vad ${window.address.toString(16)}`)).toContain('Flags       Awe');
    const shown = mm.pfn.flags.findIndex(
      (flags, index) => (flags & 64) !== 0 && mm.pfn.pteAddress[index] !== 0,
    );
    const hidden = mm.pfn.flags.findIndex(
      (flags, index) => (flags & 64) !== 0 && mm.pfn.pteAddress[index] === 0,
    );
    expect(own.userPhysicalPages!.owns(shown) && own.userPhysicalPages!.owns(hidden)).toBe(true);
    expect(command(machine, `!pfn ${shown.toString(16)}`)).toMatch(
      /Modified UserPhysical\n +AWE: [\da-f`]+ of process/,
    );
    expect(command(machine, `!pfn ${hidden.toString(16)}`)).toMatch(/AWE: shown nowhere, of process/);
  });
});
