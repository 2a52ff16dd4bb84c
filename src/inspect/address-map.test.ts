import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RESERVE,
  PAGE_GUARD,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import { Machine } from '../machine.js';
import type { MachineProcess } from '../machine-process.js';
import { exampleRuns, makeExampleMachine } from '../testing/examples.js';
import { describeAddressSpace, MEMORY_TYPES, type MemoryFigures, summarizeTypes } from './address-map.js';
import { peekBytes, peekPointer, peekU32 } from './peek.js';
import { formatMap, mapAddressSpace, mapToJson } from './vmmap.js';

const USER_SPACE = 0x7fff_fffe_0000;
const PAGE = 4096;

function mapOf(machine: Machine, process: MachineProcess) {
  return mapAddressSpace(machine.kernel, process.object);
}

function total(figures: readonly MemoryFigures[], key: keyof MemoryFigures): number {
  return figures.reduce((sum, entry) => sum + entry[key], 0);
}

/** What must hold of every map, against VirtualQuery and the process's own counts. */
function checkMap(machine: Machine, process: MachineProcess): void {
  const { types, ranges } = mapOf(machine, process);
  const { space } = process.object;
  const inUserSpace = types.filter(({ type }) => type !== 'Page Table');
  expect(total(inUserSpace, 'size')).toBe(USER_SPACE);
  let next = space.lowestAddress;
  for (const range of ranges) {
    expect(range.address).toBe(next);
    next += range.size;
    if (range.blocks.length === 0) continue;
    for (const key of ['size', 'committed', 'private', 'workingSet', 'shareable', 'shared'] as const)
      expect(total(range.blocks, key)).toBe(range[key]);
    for (const block of range.blocks) {
      expect(process.query(block.address)).toMatchObject({
        baseAddress: block.address,
        allocationBase: range.address,
        regionSize: block.size,
        protect: block.protection,
        state: block.state === 'committed' ? MEM_COMMIT : MEM_RESERVE,
      });
    }
  }
  expect(next).toBe(space.highestAddress + 1);
  const workingSetList = PAGE;
  expect(total(types, 'workingSet') + workingSetList).toBe(space.workingSetPages * PAGE);
  for (const { type, committed, size, private: own, workingSet, shareable, shared } of types) {
    expect(committed, type).toBeLessThanOrEqual(size);
    expect(own, type).toBeLessThanOrEqual(committed);
    expect(workingSet, type).toBeLessThanOrEqual(committed);
    expect(shareable, type).toBeLessThanOrEqual(workingSet);
    expect(shared, type).toBeLessThanOrEqual(shareable);
  }
}

describe('the address space by types', () => {
  it.each(exampleRuns())('adds up as $program $args runs', ({ program, args }) => {
    const { machine, process } = makeExampleMachine(program, args);
    for (const instructions of [1, 5000, 15_000, 25_000, 60_000]) {
      machine.run({ maxInstructions: instructions });
      if (process.exitStatus !== null) break;
      checkMap(machine, process);
    }
    expect(machine.processes[0]).toBe(process);
  });

  it('knows heaps, stacks, images and blocks of the process', () => {
    const { machine, process } = makeExampleMachine('sort.exe', ['lines.txt']);
    machine.run({ maxInstructions: 30_000 });
    const { ranges } = mapOf(machine, process);
    const details = ranges.map(({ type, details: text }) => `${type}: ${text}`);
    for (const text of [
      'Heap: heap 1, process heap',
      'Stack: thread 104',
      'Image: C:\\app\\sort.exe',
      'Image: C:\\Windows\\System32\\ntdll.dll',
      'Private Data: process environment block',
      'Private Data: thread environment block, thread 104',
      'Private Data: shared user data',
    ])
      expect(details).toContain(text);
    const stack = ranges.find(({ type }) => type === 'Stack')!;
    expect(stack.blocks.map(({ state, protection }) => [state, protection])).toEqual([
      ['reserved', 0],
      ['committed', PAGE_READWRITE | PAGE_GUARD],
      ['committed', PAGE_READWRITE],
    ]);
  });

  it('tells private, mapped and shareable memory apart', () => {
    const machine = new Machine();
    machine.mount('C:\\data', { 'file.bin': new Uint8Array(10_000).fill(7) }, { writable: true });
    const process = machine.createProcess({ empty: true });
    const own = process.allocate(3 * PAGE);
    process.write(own, Uint8Array.of(1));
    const shared = process.createSection({ size: 2 * PAGE });
    const views = [process.mapView(shared), process.mapView(shared)];
    process.write(views[0]!, Uint8Array.of(1));
    process.read(views[1]!, 1);
    const file = process.createSection({ file: 'C:\\data\\file.bin', protection: PAGE_READONLY });
    process.read(process.mapView(file, { protection: PAGE_READONLY }), 10_000);
    checkMap(machine, process);
    const types = Object.fromEntries(mapOf(machine, process).types.map((figures) => [figures.type, figures]));
    expect(types['Private Data']).toMatchObject({ private: 3 * PAGE, blocks: 2 });
    expect(types['Shareable']).toMatchObject({
      size: 4 * PAGE,
      private: 0,
      workingSet: 2 * PAGE,
      shareable: 2 * PAGE,
      shared: 2 * PAGE,
      blocks: 2,
    });
    expect(types['Mapped File']).toMatchObject({ size: 3 * PAGE, workingSet: 3 * PAGE, shared: 0 });
  });

  it('counts the private copies of a copy-on-write view', () => {
    const { machine, process } = makeExampleMachine('share.exe');
    let copies = 0;
    machine.kernel.processExiting.push((ending) => {
      copies = total(
        summarizeTypes(machine.kernel, ending, describeAddressSpace(machine.kernel, ending)),
        'private',
      );
    });
    machine.run();
    expect(process.exitStatus).toBe(0);
    expect(copies).toBeGreaterThan(0);
  });

  it('shows a program that overwrites its own structures', () => {
    const { machine, process } = makeExampleMachine('sort.exe', ['lines.txt']);
    machine.run({ maxInstructions: 25_000 });
    const { kernel } = machine;
    const heap = peekPointer(kernel.mm, process.object.space, process.object.peb + 0x30)!;
    process.write(heap, new Uint8Array(256).fill(0xff));
    expect(() => mapOf(machine, process)).not.toThrow();
    process.write(process.object.peb, new Uint8Array(PAGE).fill(0xff));
    expect(() => mapOf(machine, process)).not.toThrow();
    checkMap(machine, process);
  });

  it('is empty after the end of the process', () => {
    const { machine, process } = makeExampleMachine('hello.exe');
    machine.run();
    const { types, ranges } = mapOf(machine, process);
    expect(ranges.map(({ type }) => type)).toEqual(['Free']);
    expect(total(types, 'workingSet')).toBe(0);
  });

  it('has a text and a JSON form', () => {
    const { machine, process } = makeExampleMachine('hello.exe');
    machine.run({ maxInstructions: 20_000 });
    const map = mapOf(machine, process);
    const text = formatMap(map);
    for (const type of MEMORY_TYPES) expect(text).toContain(type);
    expect(text).toMatch(/^Total +[\d,]+/m);
    const json = JSON.parse(JSON.stringify(mapToJson(map)));
    expect(json).toMatchObject({ pid: 100, image: 'C:\\app\\hello.exe', instructions: 20_000 });
    expect(json.ranges[0].address).toMatch(/^0x[\dA-F]{16}$/);
    expect(json.types).toHaveLength(MEMORY_TYPES.length);
  });
});

describe('reads that change nothing', () => {
  it('see what is in memory and cause no fault', () => {
    const machine = new Machine();
    const process = machine.createProcess({ empty: true });
    const { mm } = machine.kernel;
    const { space } = process.object;
    const address = process.allocate(2 * PAGE);
    process.write(address + PAGE - 4, Uint8Array.of(1, 2, 3, 4));
    const before = { ...space.counters };
    expect([...peekBytes(mm, space, address + PAGE - 4, 8)]).toEqual([1, 2, 3, 4]);
    expect(peekU32(mm, space, address + PAGE - 4)).toBe(0x04030201);
    expect(peekU32(mm, space, address + PAGE - 2)).toBeNull();
    expect(peekPointer(mm, space, address + PAGE)).toBeNull();
    expect(peekBytes(mm, space, -1, 4)).toHaveLength(0);
    expect(peekBytes(mm, space, 2 ** 47, 4)).toHaveLength(0);
    process.write(address, new Uint8Array(8).fill(0xff));
    expect(peekPointer(mm, space, address)).toBeNull();
    expect({ ...space.counters, total: 0, soft: 0 }).toEqual({ ...before, total: 0, soft: 0 });
  });
});
