/**
 * The experiment of docs/guide/experiment.md, step by step, by the words in RAM: private memory leaves the working set for
 * the modified list, standby and the paging file, and comes back. The layouts are written out here, not taken from the
 * memory manager.
 */
import { expect, it } from 'vitest';
import { findPte } from '../src/mm/page-tables.js';
import { exampleBytes, makeExampleMachine } from '../src/testing/examples.js';

const BLOCK = 0x1000_0000;
const PAGE = 4096;
const STANDBY = 2;
const MODIFIED = 3;
const ACTIVE = 6;
/** A committed read/write page that was never written to a file. */
const DEMAND_ZERO_READ_WRITE = 0x80;
const STATUS_PAGE_FAULT_TRANSITION = 0x110;
const STATUS_PAGE_FAULT_PAGING_FILE = 0x114;

/** Text as the guest writes it has CR LF, the expectations have LF. */
const textOf = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).replaceAll('\r\n', '\n');

/** `fill` stopped at the VirtualQuery after a step; faults on the block from then on are noted. */
function stopAfter(step: number) {
  const example = makeExampleMachine('fill.exe', [String(step)], { ram: 16 * 2 ** 20, traceServices: true });
  const { machine, process, host } = example;
  const { mm } = machine.kernel;
  const faults: { page: number; status: number }[] = [];
  let stopped = false;
  machine.on(({ kind, text, address, detail }) => {
    if (kind === 'syscall' && text.endsWith('!VirtualQuery')) stopped = true;
    const page = Math.floor((address - BLOCK) / PAGE);
    if (stopped && kind === 'fault' && page >= 0 && page < 64) faults.push({ page, status: detail });
  });
  while (!stopped) expect(machine.run({ sliceInstructions: 1 }).state).toBe('running');

  const pte = (page: number) => {
    const word = findPte(mm, process.object.space, BLOCK + page * PAGE);
    return { lo: mm.words[word]!, hi: mm.words[word + 1]! };
  };
  const frame = (number: number) => ({
    state: mm.pfn.state[number],
    pte: mm.pfn.pteAddress[number],
    original: [mm.pfn.originalLo[number], mm.pfn.originalHi[number]],
    references: mm.pfn.referenceCount[number],
  });
  /** Runs on to the next fault on the block. */
  const nextFault = () => {
    while (faults.length === 0) expect(machine.run({ sliceInstructions: 1 }).state).toBe('running');
    machine.verify();
    return faults[0]!;
  };
  /** The program goes on to its end and finds every page as it was. */
  const finish = () => {
    expect(machine.run().state).toBe('exited');
    expect(process.exitStatus).toBe(0);
    const output = textOf(host.consoleBytes(1));
    expect(output).toBe(textOf(exampleBytes('fill/expected.txt')));
    machine.verify();
  };
  machine.verify();
  return { mm, pte, frame, nextFault, finish };
}

/** Address of the PTE of a page of the block in the self-map, as 48 bits. */
const pteAddress = (page: number) => 0xf680_0000_0000 + ((BLOCK + page * PAGE) / PAGE) * 8;
/** The frame that a PTE in transition names: valid and prototype bits clear, transition bit set. */
function transitionFrame({ lo, hi }: { lo: number; hi: number }): number {
  expect([lo & 0xc01, hi]).toEqual([0x800, 0]);
  return lo >>> 12;
}

it('a filled page is valid and has no copy on disk', () => {
  const { pte, frame, finish } = stopAfter(2);
  const { lo } = pte(0);
  expect(lo & 0x61).toBe(0x61);
  expect(frame(lo >>> 12)).toEqual({
    state: ACTIVE,
    pte: pteAddress(0),
    original: [DEMAND_ZERO_READ_WRITE, 0],
    references: 1,
  });
  finish();
});

it('emptied out of the working set, it is on the modified list and comes back by a soft fault', () => {
  const { mm, pte, frame, nextFault, finish } = stopAfter(3);
  const frames = Array.from({ length: 64 }, (_, page) => transitionFrame(pte(page)));
  expect(new Set(frames).size).toBe(64);
  for (const [page, number] of frames.entries()) {
    expect(frame(number)).toEqual({
      state: MODIFIED,
      pte: pteAddress(page),
      original: [DEMAND_ZERO_READ_WRITE, 0],
      references: 0,
    });
    expect(mm.words[mm.frameWord(number)]).toBe(page + 1);
  }
  expect(mm.pageFiles.pagesWritten).toBe(0);
  expect(nextFault()).toMatchObject({ page: 0, status: STATUS_PAGE_FAULT_TRANSITION });
  expect(pte(0).lo >>> 12).toBe(frames[0]);
  expect(frame(frames[0]!).state).toBe(ACTIVE);
  finish();
});

it('written by the modified page writer, it is on standby with a block of the paging file', () => {
  const { mm, pte, frame, nextFault, finish } = stopAfter(5);
  const number = transitionFrame(pte(1));
  const { state, pte: named, original } = frame(number);
  const [lo, block] = original;
  expect([state, named, lo]).toEqual([STANDBY, pteAddress(1), DEMAND_ZERO_READ_WRITE]);
  expect(block).toBeGreaterThan(0);
  const copy = new Uint8Array(PAGE);
  mm.pageFiles.store.read(0, block! * PAGE, copy);
  expect(copy).toEqual(mm.ram.bytes.slice(mm.ram.offsetOf(number), mm.ram.offsetOf(number) + PAGE));
  expect(nextFault()).toMatchObject({ page: 1, status: STATUS_PAGE_FAULT_TRANSITION });
  expect(pte(1).lo >>> 12).toBe(number);
  expect(frame(number)).toMatchObject({ state: ACTIVE, original });
  finish();
});

it('its frame used for another page, it comes back by a hard fault', () => {
  const before = stopAfter(5);
  const block = before.frame(transitionFrame(before.pte(2))).original[1];
  const { mm, pte, frame, nextFault, finish } = stopAfter(7);
  expect(pte(2)).toEqual({ lo: DEMAND_ZERO_READ_WRITE, hi: block });
  const read = mm.pageFiles.pagesRead;
  expect(nextFault()).toMatchObject({ page: 2, status: STATUS_PAGE_FAULT_PAGING_FILE });
  expect(mm.pageFiles.pagesRead).toBeGreaterThan(read);
  const { lo } = pte(2);
  expect(lo & 1).toBe(1);
  expect(mm.words[mm.frameWord(lo >>> 12)]).toBe(3);
  expect(frame(lo >>> 12)).toMatchObject({ state: ACTIVE, original: [DEMAND_ZERO_READ_WRITE, block] });
  finish();
});
