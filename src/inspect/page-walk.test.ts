/**
 * An independent reader of page tables, which knows only the bytes of RAM and the frame of the page directory, held against
 * what the process itself reads, and against its address descriptors.
 */
import { describe, expect, it } from 'vitest';
import { MEM_COMMIT, PAGE_GUARD, PAGE_NOACCESS } from '../base/memory-constants.js';
import type { ExampleMachine } from '../testing/examples.js';
import { exampleRuns, makeExampleMachine } from '../testing/examples.js';
import { swapOut } from '../testing/swap-out.js';
import { TableWalker, type WalkResult } from '../testing/table-walker.js';
import { describeAddressSpace } from './address-map.js';

const PAGE = 4096;

function walkerOf({ machine, process }: ExampleMachine): TableWalker {
  const { ram, pageFiles } = machine.kernel.mm;
  const readTable = (file: number, block: number) => {
    const table = new Uint8Array(PAGE);
    pageFiles.store.read(file, block * PAGE, table);
    return table;
  };
  return new TableWalker(ram.bytes, ram.base, process.object.space.directoryFrame, readTable);
}

/** Every page of every range that is not free: address, what the walker says, whether it can be read. */
function* pages({ machine, process }: ExampleMachine) {
  for (const { blocks, address: base } of describeAddressSpace(machine.kernel, process.object)) {
    for (const { address, size, state, protection } of blocks) {
      const isReadable = state === 'committed' && (protection & (PAGE_GUARD | PAGE_NOACCESS)) === 0;
      for (let at = address; at < address + size; at += PAGE) yield { base, at, state, isReadable };
    }
  }
}

/** Whether what the walker says of a page that no frame holds is what its descriptor says. */
function agrees(example: ExampleMachine, at: number, kind: WalkResult['kind'], state: string): boolean {
  const vad = example.process.object.space.vads.find(at / PAGE);
  if (vad === null) return false;
  const area = vad.controlArea;
  switch (kind) {
    case 'demand-zero':
      return state === 'committed' && (area === null || area.file === null || area.isImage);
    case 'file-backed':
      return area !== null && area.file !== null;
    case 'paging-file':
      return state === 'committed';
    case 'decommitted':
      return state === 'reserved' && area === null;
    case 'ask-the-vad':
      return area !== null || state === (vad.memCommit ? 'committed' : 'reserved');
    default:
      return false;
  }
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** Compares every page; answers how many there were of each kind. */
function compare(example: ExampleMachine): Record<string, number> {
  const { machine, process } = example;
  const { bytes } = machine.kernel.mm.ram;
  const walker = walkerOf(example);
  const counts: Record<string, number> = {};
  const resident: { at: number; content: Uint8Array }[] = [];
  const where = (at: number) =>
    `page ${at.toString(16)} after ${machine.kernel.processor.instructions} instructions`;
  for (const { at, state, isReadable } of pages(example)) {
    const { kind, offset } = walker.walk(at);
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (offset >= 0 && isReadable) resident.push({ at, content: bytes.slice(offset, offset + PAGE) });
    else if (offset < 0 && !agrees(example, at, kind, state))
      expect.fail(`${where(at)}: ${kind} and ${state}`);
  }
  for (const { at, content } of resident)
    if (!isEqual(process.read(at, PAGE), content)) expect.fail(`${where(at)}: other bytes`);
  counts['compared'] = resident.length;
  return counts;
}

describe('page tables read from RAM alone', () => {
  it('give the bytes that a running sort.exe reads', () => {
    const example = makeExampleMachine('sort.exe', ['lines.txt']);
    let last: Record<string, number> = {};
    for (let instructions = 1000; ; instructions += 7000) {
      const { state } = example.machine.run({ maxInstructions: instructions });
      if (state === 'exited') break;
      last = compare(example);
      example.machine.verify();
    }
    expect(last['compared']).toBeGreaterThan(50);
    expect(last['ask-the-vad']).toBeGreaterThan(100);
  });

  it.each(exampleRuns())('give the bytes that a running $program $args reads', ({ program, args }) => {
    const example = makeExampleMachine(program, args);
    for (let instructions = 2000; instructions < 200_000; instructions += 9001) {
      if (example.machine.run({ maxInstructions: instructions }).state === 'exited') break;
      expect(compare(example)['compared']).toBeGreaterThan(10);
    }
  });

  it('are followed into the paging file, and show the same as the views', () => {
    const example = makeExampleMachine('sort.exe', ['lines.txt']);
    const { machine, process } = example;
    machine.run({ maxInstructions: 20_000 });
    const before = compare(example);
    const { mm } = machine.kernel;
    const { space } = process.object;
    const committed = [...pages(example)].filter(({ state }) => state === 'committed').length;
    swapOut(mm, space);
    expect(space.workingSetPages).toBeLessThan(20);
    expect(new TableWalker(mm.ram.bytes, mm.ram.base, space.directoryFrame).walk(0x10000).kind).toBe(
      'table-unread',
    );
    expect([...pages(example)].filter(({ state }) => state === 'committed').length).toBe(committed);
    const after = compare(example);
    expect(after['paging-file']).toBeGreaterThan(20);
    expect(after['ask-the-vad']).toBe(before['ask-the-vad']);
    machine.verify();
    expect(machine.run().state).toBe('exited');
  });

  it('lead through prototype PTEs to pages that the process does not map', () => {
    const example = makeExampleMachine('hello.exe');
    const { process } = example;
    const view = process.mapView(process.createSection({ size: 2 * PAGE }));
    process.write(view, Uint8Array.of(42));
    process.protect(view, PAGE, PAGE_NOACCESS);
    const { kind, offset } = walkerOf(example).walk(view);
    expect(kind).toBe('resident');
    expect(example.machine.kernel.mm.ram.bytes[offset]).toBe(42);
  });

  it('tell committed from reserved memory, touched from untouched', () => {
    const example = makeExampleMachine('hello.exe');
    const { process } = example;
    const walker = walkerOf(example);
    const reserved = process.allocate(2 * PAGE, { type: 0x2000 });
    process.allocate(PAGE, { address: reserved + PAGE, type: MEM_COMMIT });
    const touched = process.allocate(2 * PAGE);
    process.write(touched, Uint8Array.of(42));
    expect(walker.walk(reserved).kind).toBe('ask-the-vad');
    expect(walker.walk(reserved + PAGE).kind).toBe('demand-zero');
    const { kind, offset } = walker.walk(touched);
    expect(kind).toBe('resident');
    expect(example.machine.kernel.mm.ram.bytes[offset]).toBe(42);
    expect(['ask-the-vad', 'demand-zero']).toContain(walker.walk(touched + PAGE).kind);
    expect(walker.walk(0x7000_0000_0000).kind).toBe('ask-the-vad');
  });
});
