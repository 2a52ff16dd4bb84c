import { describe, expect, it } from 'vitest';
import { Machine } from '../machine.js';
import { makeExampleMachine } from '../testing/examples.js';
import type { FaultReport, Report } from './report.js';
import { formatReport } from './report-text.js';

const FAULT_KEYS = [
  'total',
  'soft',
  'hard',
  'demandZero',
  'transition',
  'copyOnWrite',
  'pageFileRead',
  'mappedFileRead',
  'imageRead',
  'prototype',
  'guardPage',
  'accessViolation',
];
const TYPE_KEYS = ['type', 'size', 'committed', 'private', 'workingSet', 'shareable', 'shared'];
const LISTS = ['zeroed', 'free', 'standby', 'modified', 'modifiedNoWrite', 'bad', 'active', 'transition'];
const RAM = 16 * 2 ** 20;

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
const keys = (value: object) => Object.keys(value);

function checkFaults(faults: FaultReport): void {
  expect(keys(faults)).toEqual(FAULT_KEYS);
  expect(faults.total).toBe(faults.soft + faults.hard + faults.guardPage + faults.accessViolation);
  const reads = faults.pageFileRead + faults.mappedFileRead + faults.imageRead;
  expect(faults.hard).toBe(reads);
  expect(faults.soft).toBe(faults.demandZero + faults.transition + faults.copyOnWrite + faults.prototype);
}

function checkContract(report: Report): void {
  expect(keys(report)).toEqual([
    'exitCode',
    'instructions',
    'virtualTime100ns',
    'faults',
    'workingSet',
    'commit',
    'lists',
    'pageFile',
    'mappedFile',
    'types',
    'tlb',
    'processes',
  ]);
  expect(keys(report.workingSet)).toEqual(['currentPages', 'peakPages']);
  expect(keys(report.commit)).toEqual(['current', 'peak', 'limit']);
  expect(keys(report.lists).sort()).toEqual([...LISTS].sort());
  expect(sum(Object.values(report.lists))).toBe(RAM / 4096);
  expect(keys(report.pageFile)).toEqual(['pagesRead', 'pagesWritten', 'pagesInUse', 'writeIOs']);
  expect(keys(report.mappedFile)).toEqual(['pagesRead', 'pagesWritten']);
  expect(keys(report.tlb)).toEqual(['hits', 'misses', 'flushes']);
  checkFaults(report.faults);
  for (const figures of report.types) expect(keys(figures)).toEqual(TYPE_KEYS);
  for (const process of report.processes) {
    expect(keys(process)).toEqual(['pid', 'image', 'exitCode', 'faults', 'workingSet', 'commit', 'types']);
    checkFaults(process.faults);
  }
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
}

function typeOf(report: Report, type: string) {
  return report.types.find((figures) => figures.type === type)!;
}

function checkText(report: Report): string {
  const text = formatReport(report);
  for (const line of text.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(80);
  return text;
}

describe('the memory report', () => {
  it('has every key of the contract at the end of a run', () => {
    const { machine } = makeExampleMachine('hello.exe', [], { ram: RAM });
    expect(machine.run().state).toBe('exited');
    const report = machine.report();
    checkContract(report);
    expect(report.exitCode).toBe(0);
    expect(report.instructions).toBeGreaterThan(10_000);
    expect(report.processes.map(({ image }) => image)).toEqual(['C:\\app\\hello.exe']);
    expect(report.faults.imageRead).toBeGreaterThan(0);
    expect(report.faults.demandZero).toBeGreaterThan(0);
  });

  it('shows memory as it was before the program gave it back', () => {
    const { machine } = makeExampleMachine('hello.exe', [], { ram: RAM });
    machine.run();
    const report = machine.report();
    expect(report.workingSet.currentPages).toBeGreaterThan(20);
    expect(report.workingSet).toEqual(report.processes[0]!.workingSet);
    expect(report.lists.active).toBeGreaterThan(report.workingSet.currentPages - 1);
    for (const type of ['Image', 'Heap', 'Stack', 'Private Data', 'Page Table'])
      expect(typeOf(report, type).workingSet, type).toBeGreaterThan(0);
    expect(machine.kernel.mm.addressSpaces).toEqual([]);
    expect(checkText(report)).toMatch(/Exit code +0$/m);
  });

  it('counts a guard page and its stack', () => {
    const { machine } = makeExampleMachine('stack.exe', [], { ram: RAM });
    machine.run();
    const report = machine.report();
    expect(report.faults.guardPage).toBeGreaterThan(0);
    expect(checkText(report)).toContain('Guard page');
  });

  it('counts what a mapped file read and wrote', () => {
    const { machine } = makeExampleMachine('widen.exe', ['ascii.txt', 'wide.txt'], { ram: RAM });
    machine.run();
    const report = machine.report();
    expect(report.mappedFile.pagesRead).toBeGreaterThan(0);
    expect(report.mappedFile.pagesWritten).toBeGreaterThan(0);
    expect(report.faults.mappedFileRead).toBeGreaterThan(0);
    expect(checkText(report)).toContain('Mapped files');
  });

  it('stands in the middle of a run', () => {
    const { machine } = makeExampleMachine('sort.exe', ['lines.txt'], { ram: RAM });
    expect(machine.run({ maxInstructions: 20_000 })).toEqual({ state: 'limit', instructions: 20_000 });
    const report = machine.report();
    checkContract(report);
    expect(report.exitCode).toBeNull();
    expect(report.instructions).toBe(20_000);
    expect(checkText(report)).toContain('still running');
    machine.close();
    checkContract(machine.report());
  });

  it('sums several processes at its top', () => {
    const machine = new Machine({ ram: RAM });
    const first = machine.createProcess({ empty: true });
    const second = machine.createProcess({ empty: true });
    first.write(first.allocate(8192), new Uint8Array(8192).fill(1));
    second.write(second.allocate(4096), new Uint8Array(4096).fill(1));
    const report = machine.report();
    checkContract(report);
    expect(report.processes.map(({ faults }) => faults.demandZero)).toEqual([2, 1]);
    expect(report.faults.demandZero).toBe(3);
    expect(report.workingSet.currentPages).toBe(
      sum(report.processes.map(({ workingSet }) => workingSet.currentPages)),
    );
    second.terminate();
    expect(machine.report().workingSet.currentPages).toBe(report.processes[0]!.workingSet.currentPages);
    expect(machine.report().processes[1]!.types).toEqual(report.processes[1]!.types);
    const text = checkText(machine.report());
    expect(text).toContain('Memory report: no program and 1 other process ');
    expect(text).toMatch(/^ +100 {2}no program +runs +\d/m);
    expect(text).toMatch(/^ +104 {2}no program +0 +\d/m);
  });

  it('is of use on a machine without processes', () => {
    const report = new Machine({ ram: RAM }).report();
    checkContract(report);
    expect(report.processes).toEqual([]);
    expect(checkText(report)).toContain('no program');
  });
});
