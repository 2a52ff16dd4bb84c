import { describe, expect, it } from 'vitest';
import { PAGE_NOACCESS } from '../base/memory-constants.js';
import { Machine } from '../machine.js';
import { FRAME_STATE_NAMES } from '../mm/pfn-database.js';
import { exampleRuns, makeExampleMachine } from '../testing/examples.js';
import { FrameUses } from './frame-use.js';
import { FRAME_LISTS, formatPhysicalMemory, mapPhysicalMemory, sumOfLists } from './rammap.js';

const PAGE = 4096;

/** What must hold of every map, against the page lists and the counts of processes and pools. */
function checkMap(machine: Machine): void {
  const { kernel } = machine;
  const { mm } = kernel;
  const { uses, priorities, processes, files, total } = mapPhysicalMemory(kernel);
  expect(priorities.reduce((sum, { standby }) => sum + standby, 0)).toBe(mm.lists.standbyCount);
  expect(total).toBe(mm.pfn.frameCount);
  expect(uses.reduce((sum, { pages }) => sum + sumOfLists(pages), 0)).toBe(total);
  const { lists } = machine.report();
  if (kernel.processes.size > 0)
    for (const list of FRAME_LISTS)
      expect(
        uses.reduce((sum, { pages }) => sum + pages[list], 0),
        list,
      ).toBe(lists[list]);
  const of = (name: string) => sumOfLists(uses.find(({ use }) => use === name)!.pages);
  expect(of('Nonpaged Pool')).toBe(mm.nonpagedPool.pages);
  expect(of('Paged Pool')).toBe(mm.pagedPool.pages);
  const threads = [...kernel.processes.values()].flatMap((process) => process.threads);
  expect(of('Kernel Stack') % 6).toBe(0);
  expect(of('Kernel Stack')).toBeLessThanOrEqual(threads.length * 6);
  const shared = files.reduce((sum, { pages }) => sum + sumOfLists(pages), 0);
  expect(of('Mapped File') + of('Shareable')).toBe(shared);
  const own = processes.reduce((sum, process) => sum + sumOfLists(process.private), 0);
  expect(of('Process Private')).toBe(own);
  for (const { pid, pageTable } of processes)
    expect(pageTable).toBe(kernel.processes.get(pid)!.space.pageTablePages);
}

describe('physical memory by use', () => {
  it.each(exampleRuns())('adds up as $program $args runs', ({ program, args }) => {
    const { machine } = makeExampleMachine(program, args);
    for (let instructions = 1; ; instructions += 9000) {
      checkMap(machine);
      if (machine.run({ maxInstructions: instructions }).state === 'exited') break;
    }
    checkMap(machine);
    expect(mapPhysicalMemory(machine.kernel).processes).toEqual([]);
  });

  it('tells private, mapped, shareable and trimmed pages apart', () => {
    const machine = new Machine({ ram: 8 * 2 ** 20 });
    machine.mount('C:\\data', { 'file.bin': new Uint8Array(10_000).fill(7) }, { writable: true });
    const process = machine.createProcess({ empty: true });
    const before = mapPhysicalMemory(machine.kernel);
    const address = process.allocate(3 * PAGE);
    process.write(address, new Uint8Array(3 * PAGE).fill(1));
    process.protect(address, PAGE, PAGE_NOACCESS);
    process.write(process.mapView(process.createSection({ size: 2 * PAGE })), Uint8Array.of(1));
    process.read(process.mapView(process.createSection({ file: 'C:\\data\\file.bin' })), 10_000);
    checkMap(machine);
    const after = mapPhysicalMemory(machine.kernel);
    const grown = (use: string, list: 'active' | 'modified') =>
      after.uses.find((entry) => entry.use === use)!.pages[list] -
      before.uses.find((entry) => entry.use === use)!.pages[list];
    expect(grown('Process Private', 'active')).toBe(2);
    expect(grown('Process Private', 'modified')).toBe(1);
    expect(grown('Shareable', 'active')).toBe(1);
    expect(grown('Mapped File', 'active')).toBe(3);
    expect(after.files.map(({ file }) => file)).toContain('C:\\data\\file.bin');
    expect(after.processes).toHaveLength(1);
  });

  it('names the address of every private page', () => {
    const { machine, process } = makeExampleMachine('sort.exe', ['lines.txt']);
    machine.run({ maxInstructions: 30_000 });
    const { kernel } = machine;
    const frames = new FrameUses(kernel);
    let found = 0;
    for (let frame = 0; frame < kernel.mm.pfn.frameCount; frame++) {
      const { use, address, process: owner } = frames.describe(frame);
      if (use !== 'Process Private' || address >= 2 ** 47) continue;
      found++;
      expect(owner).toBe(process.object);
      const offset = kernel.mm.ram.offsetOf(frame);
      expect(process.query(address).state).toBe(0x1000);
      if (kernel.mm.pfn.state[frame] === FRAME_STATE_NAMES.indexOf('active'))
        expect(process.read(address, 16)).toEqual(kernel.mm.ram.bytes.slice(offset, offset + 16));
    }
    expect(found).toBeGreaterThan(10);
  });

  it('has a text form', () => {
    const { machine } = makeExampleMachine('hello.exe');
    machine.run({ maxInstructions: 20_000 });
    const text = formatPhysicalMemory(mapPhysicalMemory(machine.kernel));
    expect(text).toMatch(/^Process Private +\d+/m);
    expect(text).toMatch(/^Total +65,536 /m);
    expect(text).toMatch(/^hello\.exe +100 /m);
    expect(text).toContain('C:\\app\\hello.exe');
  });

  it('shows what standby pages of which priority were given another use', () => {
    const machine = new Machine({ ram: 8 * 2 ** 20 });
    const { mm } = machine.kernel;
    const process = machine.createProcess({ empty: true });
    process.object.space.pagePriority = 2;
    const base = process.allocate(12 * 2 ** 20);
    for (let page = 0; page < 12 * 256; page++) process.write(base + page * PAGE, Uint8Array.of(1));
    const map = mapPhysicalMemory(machine.kernel);
    const low = map.priorities[2]!;
    expect(low.repurposed).toBeGreaterThan(1000);
    expect(low.standby).toBe(mm.lists.standbyOf(2));
    expect(formatPhysicalMemory(map)).toMatch(/^Priority +Standby +Repurposed\n +2 +[\d,]* +[\d,]+$/m);
    checkMap(machine);
  });
});
