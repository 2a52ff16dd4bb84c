import { describe, expect, it } from 'vitest';
import type { CrashReport } from '../nt/process.js';
import { makeExampleMachine } from '../testing/examples.js';
import { formatCrash } from './crash.js';

const disassemble = () => ({ text: 'nop', length: 1 });

function crashed(program: string, args: readonly string[]): string {
  const { machine, process } = makeExampleMachine(program, args);
  machine.run();
  const { processor } = machine.kernel;
  return formatCrash(program, process.crash!, (bytes, address) =>
    processor.describeInstruction(bytes, address),
  );
}

const report: CrashReport = {
  code: 0xc0000005,
  address: 0x1_4000_1000,
  parameters: [0, 0x10],
  threadId: 104,
  module: null,
  offset: 0,
  registers: [{ name: 'RAX', lo: 1, hi: 0xffffffff }],
  code16: [],
  target: 'free',
  message: null,
};

describe('an unhandled exception as text', () => {
  it('names the access, the place, the instruction and the registers', () => {
    const text = crashed('states.exe', ['crash']);
    expect(text).toMatch(/^states\.exe: unhandled exception 0xC0000005 \(STATUS_ACCESS_VIOLATION\)$/m);
    expect(text).toMatch(/access +writing 00000000`[\dA-F]{8}: reserved, not committed$/m);
    expect(text).toMatch(/at +[\dA-F]{8}`[\dA-F]{8} {2}C:\\app\\states\.exe\+0x[\da-f]+$/m);
    expect(text).toMatch(/instruction +([\dA-F]{2} )+ mov byte ptr \[/m);
    expect(text).toMatch(/RIP +[\dA-F]{8}`[\dA-F]{8} +RFLAGS/);
  });

  it('says what a stack overflow touched', () => {
    expect(crashed('stack.exe', ['overflow'])).toMatch(
      /STATUS_STACK_OVERFLOW\)\n +access +writing \S+: the last guard page of the stack\n/,
    );
  });

  it('says that RAM is used up and what helps, of committed memory alone', () => {
    const noMemory = { ...report, code: 0xc0000017, parameters: [1, 0x10000], target: null };
    const text = formatCrash('x.exe', noMemory, disassemble);
    expect(text).toContain('access       writing 00000000`00010000\n');
    expect(text).toMatch(/because +no frame of RAM is free, .*--ram helps/);
    const ofHeap = formatCrash('x.exe', { ...noMemory, parameters: [64] }, disassemble);
    expect(ofHeap).not.toContain('--ram');
  });

  it('does without a module, readable code, a known code or a canonical address', () => {
    const text = formatCrash('x.exe', report, disassemble);
    expect(text).toContain('outside of every module');
    expect(text).toContain('instruction  cannot be read');
    expect(text).toContain('RAX    FFFFFFFF`00000001');
    expect(formatCrash('x.exe', { ...report, parameters: [8, -1] }, disassemble)).toContain(
      'executing an address that is not canonical: free',
    );
    const other = { ...report, code: 0xe0000001, parameters: [1, 2, 3], target: null, message: 'why' };
    const unknown = formatCrash('x.exe', other, disassemble);
    expect(unknown).toContain('exception 0xE0000001\n');
    expect(unknown).toContain('parameters   00000000`00000001 00000000`00000002 00000000`00000003');
    expect(unknown).toContain('because      why');
  });

  it('gives the reason of an in-page error', () => {
    const text = formatCrash(
      'x.exe',
      { ...report, code: 0xc0000006, parameters: [0, 0x20000, 0xc000007f] },
      disassemble,
    );
    expect(text).toContain('reading 00000000`00020000: free, because of 0xC000007F (STATUS_DISK_FULL)');
  });
});
