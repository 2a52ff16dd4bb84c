/** Programs whose memory is larger than RAM, from their first instruction to their exit code. */
import { describe, expect, it } from 'vitest';
import { MemoryHost } from './host/memory-host.js';
import { Machine, type MachineOptions } from './machine.js';
import { exampleBytes, makeExampleMachine } from './testing/examples.js';

const MIB = 2 ** 20;
const pageFiles = [{ initial: 64 * MIB, maximum: 256 * MIB }];
const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).replaceAll('\r\n', '\n');
const expected = text(exampleBytes('sweep/expected.txt'));

function sweep(megabytes: number, options: Omit<MachineOptions, 'host'>) {
  const example = makeExampleMachine('sweep.exe', [String(megabytes)], options);
  return { ...example, output: () => text(example.host.consoleBytes(1)) };
}

describe('sweep 48', () => {
  it.each([
    [256, 'aging'],
    [64, 'aging'],
    [16, 'aging'],
    [16, 'fifo'],
  ] as const)('comes to the same with %i MB of RAM (%s)', (ram, policy) => {
    const { machine, process, output } = sweep(48, { ram: ram * MIB, pageFiles, policy });
    expect(machine.run().state).toBe('exited');
    expect([output(), process.exitStatus]).toEqual([expected, 0]);
    machine.verify();
    const { pageFile, faults } = machine.report();
    expect(faults.pageFileRead).toBeLessThanOrEqual(pageFile.pagesRead);
    if (ram > 16) {
      expect([pageFile.pagesRead, pageFile.pagesWritten]).toEqual([0, 0]);
      return;
    }
    expect(pageFile.pagesWritten).toBeGreaterThan(8000);
    expect(pageFile.pagesRead).toBeGreaterThan(16_000);
    expect(pageFile.pagesWritten / pageFile.writeIOs).toBeGreaterThan(14);
    // One fault may read a page table and then its page.
    const reads = faults.pageFileRead + faults.imageRead;
    expect(faults.hard).toBeLessThanOrEqual(reads);
    expect(faults.hard).toBeGreaterThan(0.99 * reads);
  });

  it('is refused its memory without paging files, and ends by its own error path', () => {
    const { machine, process, output } = sweep(48, { ram: 16 * MIB, pageFiles: [] });
    expect(machine.run().state).toBe('exited');
    expect([output(), process.exitStatus]).toEqual(['48 MB: error 1455\n', 1]);
    machine.verify();
  });
});

describe('pressure', () => {
  it('keeps every invariant all the way', () => {
    const { machine, process } = sweep(12, {
      ram: 8 * MIB,
      pageFiles: [{ initial: MIB, maximum: 16 * MIB }],
    });
    for (let limit = 250_000; machine.run({ maxInstructions: limit }).state === 'limit'; limit += 250_000)
      machine.verify();
    expect(process.exitStatus).toBe(0);
    expect(machine.report().pageFile.pagesRead).toBeGreaterThan(2000);
    machine.verify();
  });

  it('of four processes at once leaves each its own memory', () => {
    const { machine, output } = sweep(12, { ram: 16 * MIB, pageFiles, quantum: 200_000 });
    for (let other = 0; other < 3; other++)
      machine.createProcess({ image: 'C:\\app\\sweep.exe', args: ['12'], currentDirectory: 'C:\\work' });
    expect(machine.run().state).toBe('exited');
    expect(machine.processes.map(({ exitStatus }) => exitStatus)).toEqual([0, 0, 0, 0]);
    const lines = output().trimEnd().split('\n');
    expect(new Set(lines).size).toBe(2);
    expect(lines.every((line) => line.endsWith(' 0 wrong'))).toBe(true);
    expect(machine.report().pageFile.pagesRead).toBeGreaterThan(8000);
    machine.verify();
  });

  it('gives the same events every time, with its threads among them', () => {
    const run = () => {
      const { machine } = sweep(10, { ram: 8 * MIB, pageFiles });
      const kinds: Record<string, number> = {};
      let hash = 0;
      machine.on((event) => {
        kinds[event.kind] = (kinds[event.kind] ?? 0) + 1;
        hash = (Math.imul(hash, 31) + event.time + event.frame * 7 + event.detail + event.tid) | 0;
      });
      machine.run({ sliceInstructions: 100_000 * (1 + (runs++ % 2)) });
      while (machine.run({ sliceInstructions: 100_000 }).state === 'running');
      return { kinds, hash };
    };
    let runs = 0;
    const first = run();
    expect(run()).toEqual(first);
    for (const kind of ['trim', 'page-out', 'page-in', 'thread-wake'])
      expect(first.kinds[kind], kind).toBeGreaterThan(0);
  });
});

describe('paging files on the host', () => {
  it('lie in the folder that they are given, named as Windows names them', () => {
    const host = new MemoryHost();
    const pageFileRoot = host.addRoot();
    const machine = new Machine({ host, pageFileRoot, ram: 8 * MIB, pageFiles });
    machine.mount('C:\\app', { 'sweep.exe': exampleBytes('bin/sweep.exe') });
    const process = machine.createProcess({ image: 'C:\\app\\sweep.exe', args: ['12'] });
    expect(machine.run().state).toBe('exited');
    expect(process.exitStatus).toBe(0);
    const [entry] = host.list(pageFileRoot, []);
    expect(entry).toMatchObject({ kind: 'file', name: 'pagefile.sys' });
    expect(entry!.size).toBeGreaterThan(4 * MIB);
    machine.close();
  });
});
