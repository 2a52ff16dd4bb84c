import { describe, expect, it } from 'vitest';
import { PAGE_READWRITE } from '../base/memory-constants.js';
import { frameOfAddress } from '../inspect/peek.js';
import { Machine } from '../machine.js';
import type { MachineProcess } from '../machine-process.js';
import { exampleBytes, makeExampleMachine } from '../testing/examples.js';
import { buildModule } from '../testing/module-builder.js';
import {
  ABOVE_NORMAL_PRIORITY_CLASS,
  HIGH_PRIORITY_CLASS,
  IDLE_PRIORITY_CLASS,
  NORMAL_PRIORITY_CLASS,
  setPriorityClass,
} from './priority.js';

const RAM = 16 * 2 ** 20;
const QUANTUM = 2000;
/** Both programs have begun, neither has ended. */
const BEGUN = 24_000;

const spin = buildModule({ name: 'spin.exe', entry: (code) => code.raw(0xeb, 0xfe) });

/** hello.exe twice, in turns of few instructions. */
function twins(): { machine: Machine; processes: [MachineProcess, MachineProcess] } {
  const { machine, process } = makeExampleMachine('hello.exe', [], { ram: RAM, quantum: QUANTUM });
  const other = machine.createProcess({ image: 'C:\\app\\hello.exe', currentDirectory: 'C:\\work' });
  machine.run({ maxInstructions: BEGUN });
  expect([process.exitStatus, other.exitStatus]).toEqual([null, null]);
  return { machine, processes: [process, other] };
}

function frames(machine: Machine, processes: readonly MachineProcess[], address: number): number[] {
  return processes.map(({ object }) => frameOfAddress(machine.kernel.mm, object.space, address));
}

describe('two processes of one program', () => {
  it('share the frame of a code page, which two PTEs hold', () => {
    const { machine, processes } = twins();
    const { pfn } = machine.kernel.mm;
    const [{ object: first }, { object: second }] = processes;
    expect(second.imageBase).toBe(first.imageBase);
    const [one, two] = frames(machine, processes, first.entryPoint);
    expect(one).toBeGreaterThan(0);
    expect(two).toBe(one);
    expect(pfn.shareCount[one!]).toBe(2);
    processes[1].terminate();
    expect(pfn.shareCount[one!]).toBe(1);
    machine.verify();
  });

  it('have the system DLLs at one address, and their code in one frame', () => {
    const { machine, processes } = twins();
    const [first, second] = processes.map(({ object }) => object.systemModules);
    expect([...first!.keys()].sort()).toEqual(['kernel32.dll', 'kernelbase.dll', 'msvcrt.dll', 'ntdll.dll']);
    expect(new Map([...second!].sort())).toEqual(new Map([...first!].sort()));
    const thunk = machine.kernel.symbol(processes[0].object, 'ntdll.dll', 'LdrInitializeThunk');
    const [one, two] = frames(machine, processes, thunk);
    expect(two).toBe(one);
    expect(machine.kernel.mm.pfn.shareCount[one!]).toBe(2);
  });

  it('have their own directories, and a page of data of their own once they have written to it', () => {
    const { machine, processes } = twins();
    const directories = processes.map(({ object }) => object.space.directoryFrame);
    expect(new Set(directories).size).toBe(2);
    const { imageBase } = processes[0].object;
    const [image] = [processes[0].query(imageBase)];
    expect(image!.allocationBase).toBe(imageBase);
    const written = imageBase;
    for (const process of processes) process.read(written, 1);
    const [before] = frames(machine, processes, written);
    expect(frames(machine, processes, written)).toEqual([before, before]);
    processes[0].protect(written, 4096, 8 /* PAGE_WRITECOPY */);
    processes[0].write(written + 0x40, Uint8Array.of(0xa5));
    const [own, kept] = frames(machine, processes, written);
    expect(kept).toBe(before);
    expect(own).not.toBe(before);
    expect(processes[1].read(written + 0x40, 1)).not.toEqual(Uint8Array.of(0xa5));
    expect(machine.kernel.mm.pfn.shareCount[own!]).toBe(1);
    machine.verify();
  });

  it('run in turns, and both to their end', () => {
    const { machine, process, host } = makeExampleMachine('hello.exe', [], { ram: RAM, quantum: QUANTUM });
    const other = machine.createProcess({ image: 'C:\\app\\hello.exe', currentDirectory: 'C:\\work' });
    const turns: number[] = [];
    for (let limit = QUANTUM / 2; machine.run({ maxInstructions: limit }).state === 'limit'; limit += QUANTUM)
      turns.push(machine.kernel.loadedThread?.process.id ?? 0);
    const switches = turns.filter((id, index) => index > 0 && id !== turns[index - 1]).length;
    expect(switches).toBeGreaterThan(20);
    expect([process.exitStatus, other.exitStatus]).toEqual([0, 0]);
    const letters = (text: string) => [...text].sort().join('');
    const expected = new TextDecoder().decode(exampleBytes('hello/expected.txt'));
    expect(letters(host.consoleText())).toBe(letters(expected + expected));
    machine.verify();
  });
});

describe('processes that never wait', () => {
  /** How many instructions each of three spinning processes got of the last 40 quanta. */
  function shares(classes: readonly number[]): number[] {
    const machine = new Machine({ ram: RAM, quantum: QUANTUM });
    machine.mount('C:\\app', { 'spin.exe': spin });
    const threads = classes.map((priorityClass) => {
      const { object } = machine.createProcess({ image: 'C:\\app\\spin.exe' });
      setPriorityClass(machine.kernel, object, priorityClass);
      return object.threads[0]!;
    });
    machine.run({ maxInstructions: 100_000 });
    const before = threads.map(({ instructions }) => instructions);
    machine.run({ maxInstructions: 100_000 + 42 * QUANTUM });
    return threads.map(({ instructions }, index) => Math.round((instructions - before[index]!) / QUANTUM));
  }

  it('get a quantum each in turn when their priorities are equal', () => {
    expect(shares([NORMAL_PRIORITY_CLASS, NORMAL_PRIORITY_CLASS, NORMAL_PRIORITY_CLASS])).toEqual([
      14, 14, 14,
    ]);
  });

  it('wait for those of higher priority, which take turns among themselves', () => {
    expect(shares([IDLE_PRIORITY_CLASS, HIGH_PRIORITY_CLASS, HIGH_PRIORITY_CLASS])).toEqual([0, 21, 21]);
    expect(shares([ABOVE_NORMAL_PRIORITY_CLASS, NORMAL_PRIORITY_CLASS, IDLE_PRIORITY_CLASS])).toEqual([
      42, 0, 0,
    ]);
  });
});

describe('processes that page', () => {
  it('can be ended from outside at any moment; the others come to the right end', () => {
    const { machine, process, host } = makeExampleMachine('sweep.exe', ['4'], {
      ram: 8 * 2 ** 20,
      quantum: 20_000,
    });
    const start = () => machine.createProcess({ image: 'C:\\app\\sweep.exe', args: ['4'] });
    const victims = [start(), start(), start()];
    for (const [index, victim] of victims.entries()) {
      for (let step = 1; step <= 7; step++) {
        const { instructions } = machine.kernel.processor;
        machine.run({ maxInstructions: instructions + 100_000 * (index + step) + 4321 });
        if (step % 3 === 0) machine.verify();
      }
      victim.terminate(9);
      machine.verify();
    }
    expect(machine.run().state).toBe('exited');
    machine.verify();
    expect(process.exitStatus).toBe(0);
    expect(victims.map(({ exitStatus }) => exitStatus)).toEqual([9, 9, 9]);
    expect(host.consoleText()).toBe(new TextDecoder().decode(exampleBytes('sweep/expected-4.txt')));
    expect(machine.kernel.mm.pageFiles.pagesWritten).toBeGreaterThan(500);
    expect(machine.kernel.mm.pageFiles.pagesInUse).toBe(0);
  });
});

describe('a section of the paging file by name', () => {
  it('is one for two processes: what one writes the other reads', () => {
    const machine = makeExampleMachine('hello.exe', [], { ram: RAM }).machine;
    const [first, second] = [machine.createProcess({ empty: true }), machine.createProcess({ empty: true })];
    const views = [first, second].map((process) =>
      process.mapView(process.createSection({ size: 8192, name: 'Numbers', protection: PAGE_READWRITE })),
    );
    first.write(views[0]! + 4096, Uint8Array.of(1, 2, 3));
    expect(second.read(views[1]! + 4096, 3)).toEqual(Uint8Array.of(1, 2, 3));
    const { mm } = machine.kernel;
    const frame = frameOfAddress(mm, first.object.space, views[0]! + 4096);
    expect(frameOfAddress(mm, second.object.space, views[1]! + 4096)).toBe(frame);
    expect(mm.pfn.shareCount[frame]).toBe(2);
    first.terminate();
    expect(second.read(views[1]! + 4096, 3)).toEqual(Uint8Array.of(1, 2, 3));
    machine.verify();
  });
});
