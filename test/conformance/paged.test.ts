/**
 * The table once more on a machine whose process is paged out before its services, page tables and all, with the frames given
 * other uses: what a service answers does not depend on where the memory is. Left out are rows that ask what is in memory, and
 * those of contents that may be lost.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { swapOut } from '../../src/testing/swap-out.js';
import { observeInMachine } from './guest-machine.js';
import { readRows, rowName } from './row-file.js';
import { judge } from './verdict.js';

const MIB = 2 ** 20;
const SMALL = { ram: 24 * MIB, pageFiles: [{ initial: 64 * MIB, maximum: 128 * MIB }] };
/** The process is paged out before one in so many services. */
const INTERVAL = 29;

const LEFT_OUT = /WorkingSet|Lock|MEM_RESET|Offer/;

const rows = readRows().filter(({ gap, needs, family }) => !gap && !needs && !LEFT_OUT.test(family));
let swaps = 0;
let services = 0;
const observed = observeInMachine(rows, SMALL, (machine) => {
  const { kernel } = machine;
  kernel.traceServices = true;
  kernel.mm.events.attach(({ kind }) => {
    const thread = kernel.currentThread;
    if (kind !== 'syscall' || !thread || thread.pageWait.restarts > 0 || services++ % INTERVAL !== 0) return;
    swaps++;
    swapOut(kernel.mm, thread.process.space);
  });
});

afterAll(() => console.log(`conformance: ${rows.length} rows, paged out before ${swaps} services`));

describe('the conformance table of a process that is paged out', () => {
  for (const row of rows) {
    it(rowName(row), () => {
      const problem = judge(row, observed.get(row)!);
      if (problem !== null) expect.fail(problem);
    });
  }

  it('was paged out often', () => {
    expect(swaps).toBeGreaterThan(100);
  });
});
