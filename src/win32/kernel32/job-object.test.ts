import { describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { buildModule } from '../../testing/module-builder.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_ACCESS_DENIED = 5;
const ERROR_BAD_LENGTH = 24;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_COMMITMENT_LIMIT = 1455;
const ERROR_NOT_ENOUGH_QUOTA = 1816;

const BASIC_LIMITS = 2;
const PROCESS_IDS = 3;
const UI_RESTRICTIONS = 4;
const COMPLETION_PORT = 7;
const EXTENDED_LIMITS = 9;
const EXTENDED_BYTES = 0x90;

const LIMIT_WORKINGSET = 0x1;
const LIMIT_PROCESS_TIME = 0x2;
const LIMIT_JOB_TIME = 0x4;
const LIMIT_ACTIVE_PROCESS = 0x8;
const LIMIT_PRIORITY_CLASS = 0x20;
const LIMIT_PROCESS_MEMORY = 0x100;
const LIMIT_JOB_MEMORY = 0x200;
const LIMIT_BREAKAWAY_OK = 0x800;
const LIMIT_KILL_ON_JOB_CLOSE = 0x2000;

const CREATE_SUSPENDED = 0x4;
const CREATE_BREAKAWAY_FROM_JOB = 0x1000000;
const STILL_ACTIVE = 259;
const CURRENT_PROCESS = -1;
const INFINITE = 0xffffffff;
const STATUS_QUOTA_EXCEEDED = 0xc0000044;

/** Spins for ever. */
const spin = buildModule({ name: 'spin.exe', entry: (code) => code.raw(0xeb, 0xfe) });

class JobMachine extends Win32Machine {
  readonly information = this.space(0x18);
  private readonly startup = this.space(0x68);

  constructor() {
    super();
    this.kernel.fileSystem.mount('C:\\tools', this.host, this.host.addRoot({ 'spin.exe': spin }), false);
  }

  create(flags = CREATE_SUSPENDED): readonly [result: number, lastError: number] {
    const spinning = 'C:\\tools\\spin.exe';
    return this.attempt('CreateProcessA', spinning, 0, 0, 0, 0, flags, 0, 0, this.startup, this.information);
  }

  /** Handle of a new process, suspended. */
  start(flags = CREATE_SUSPENDED): number {
    expect(this.create(flags)).toEqual([1, 0xdead]);
    return this.pointer(this.information);
  }

  limits(
    job: number,
    flags: number,
    fields: Readonly<Record<number, number>> = {},
  ): readonly [number, number] {
    const at = this.space(EXTENDED_BYTES);
    const view = new DataView(new ArrayBuffer(EXTENDED_BYTES));
    view.setUint32(0x10, flags, true);
    for (const [offset, value] of Object.entries(fields))
      view.setBigUint64(Number(offset), BigInt(value), true);
    this.process.write(at, new Uint8Array(view.buffer));
    return this.attempt('SetInformationJobObject', job, EXTENDED_LIMITS, at, EXTENDED_BYTES);
  }

  exitCode(process: number): number {
    const at = this.space(4);
    this.call('GetExitCodeProcess', process, at);
    return this.u32(at);
  }

  isInJob(process: number, job: number): number {
    const at = this.space(4);
    expect(this.call('IsProcessInJob', process, job, at)).toBe(1);
    return this.u32(at);
  }
}

const newJob = (machine: JobMachine) => machine.call('CreateJobObjectA', 0, 0);

describe('the processes of a job', () => {
  it('are listed, counted and ended together', () => {
    const machine = new JobMachine();
    const job = newJob(machine);
    const processes = [machine.start(), machine.start()];
    for (const process of processes) {
      expect(machine.isInJob(process, 0)).toBe(0);
      expect(machine.call('AssignProcessToJobObject', job, process)).toBe(1);
      expect(machine.isInJob(process, job)).toBe(1);
    }
    const [list, returned] = [machine.space(64), machine.space(4)];
    expect(machine.call('QueryInformationJobObject', job, PROCESS_IDS, list, 64, returned)).toBe(1);
    expect([machine.u32(list), machine.u32(list + 4), machine.u32(returned)]).toEqual([2, 2, 24]);
    expect(machine.u32(list + 8)).toBe(machine.call('GetProcessId', processes[0]!));
    expect(machine.attempt('QueryInformationJobObject', job, PROCESS_IDS, list, 16, returned)).toEqual([
      0, 234,
    ]);
    expect(machine.call('TerminateJobObject', job, 9)).toBe(1);
    expect(processes.map((process) => machine.exitCode(process))).toEqual([9, 9]);
    verify(machine.kernel.mm);
  });

  it('end when its last handle closes, if it says so', () => {
    const machine = new JobMachine();
    const job = newJob(machine);
    const process = machine.start();
    machine.call('AssignProcessToJobObject', job, process);
    expect(machine.limits(job, LIMIT_KILL_ON_JOB_CLOSE)[0]).toBe(1);
    expect(machine.exitCode(process)).toBe(STILL_ACTIVE);
    machine.call('CloseHandle', job);
    expect(machine.exitCode(process)).toBe(0);
  });

  it('have children in the same job, unless those may break away', () => {
    const machine = new JobMachine();
    const job = newJob(machine);
    expect(machine.call('AssignProcessToJobObject', job, CURRENT_PROCESS)).toBe(1);
    expect(machine.isInJob(machine.start(), job)).toBe(1);
    expect(machine.create(CREATE_SUSPENDED | CREATE_BREAKAWAY_FROM_JOB)).toEqual([0, ERROR_ACCESS_DENIED]);
    machine.limits(job, LIMIT_BREAKAWAY_OK);
    expect(machine.isInJob(machine.start(CREATE_SUSPENDED | CREATE_BREAKAWAY_FROM_JOB), 0)).toBe(0);
  });

  it('go into a job within their job, and into no other', () => {
    const machine = new JobMachine();
    const [outer, inner, other] = [newJob(machine), newJob(machine), newJob(machine)];
    const [process, stranger] = [machine.start(), machine.start()];
    machine.call('AssignProcessToJobObject', outer, process);
    machine.call('AssignProcessToJobObject', other, stranger);
    expect(machine.call('AssignProcessToJobObject', inner, process)).toBe(1);
    expect([outer, inner, other].map((job) => machine.isInJob(process, job))).toEqual([1, 1, 0]);
    expect(machine.attempt('AssignProcessToJobObject', other, process)).toEqual([0, ERROR_ACCESS_DENIED]);
    machine.call('TerminateJobObject', outer, 3);
    expect([machine.exitCode(process), machine.exitCode(stranger)]).toEqual([3, STILL_ACTIVE]);
  });
});

describe('jobs within jobs', () => {
  const assign = (machine: JobMachine, job: number, process: number) =>
    machine.attempt('AssignProcessToJobObject', job, process);

  it('take processes of no job, and those of any job around them', () => {
    const machine = new JobMachine();
    const jobs = [newJob(machine), newJob(machine), newJob(machine)] as const;
    const [process, free, outer] = [machine.start(), machine.start(), machine.start()];
    for (const job of jobs) expect(assign(machine, job, process)[0]).toBe(1);
    expect(assign(machine, jobs[2], free)[0]).toBe(1);
    expect(assign(machine, jobs[0], outer)[0]).toBe(1);
    expect(assign(machine, jobs[2], outer)[0]).toBe(1);
    for (const each of [process, free, outer])
      expect(jobs.map((job) => machine.isInJob(each, job))).toEqual([1, 1, 1]);
    expect(assign(machine, jobs[1], free)).toEqual([0, ERROR_ACCESS_DENIED]);
    machine.call('TerminateJobObject', jobs[0], 3);
    expect([process, free, outer].map((each) => machine.exitCode(each))).toEqual([3, 3, 3]);
    verify(machine.kernel.mm);
  });

  it('do not restrict the user interface', () => {
    const machine = new JobMachine();
    const [outer, inner, process] = [newJob(machine), newJob(machine), machine.start()];
    const restrictions = machine.space(4);
    machine.process.write(restrictions, Uint8Array.of(1, 0, 0, 0));
    expect(machine.call('SetInformationJobObject', inner, UI_RESTRICTIONS, restrictions, 4)).toBe(1);
    expect(assign(machine, outer, process)[0]).toBe(1);
    expect(assign(machine, inner, process)).toEqual([0, ERROR_ACCESS_DENIED]);
  });

  it('are not deeper than the system can follow', () => {
    const machine = new JobMachine();
    const process = machine.start();
    let depth = 0;
    let error = 0;
    for (let result = 1; result === 1 && depth < 1000; depth++)
      [result, error] = assign(machine, newJob(machine), process);
    expect([depth, error]).toEqual([257, 1450]);
    machine.call('TerminateProcess', process, 1);
    verify(machine.kernel.mm);
  });
});

describe('a limit of a job', () => {
  it('on memory stops commitment, of one process or of all, and the port is told', () => {
    const machine = new JobMachine();
    const [job, key] = [newJob(machine), 77];
    const port = machine.call('CreateIoCompletionPort', -1, 0, 0, 0);
    const association = machine.space(16);
    machine.process.write(association, new Uint8Array(BigUint64Array.of(BigInt(key), BigInt(port)).buffer));
    expect(machine.call('SetInformationJobObject', job, COMPLETION_PORT, association, 16)).toBe(1);
    const [process, second] = [machine.start(), machine.start()];
    for (const each of [process, second]) machine.call('AssignProcessToJobObject', job, each);
    const allocate = (handle: number, bytes: number) =>
      machine.attempt('VirtualAllocEx', handle, 0, bytes, 0x3000, 4);
    machine.limits(job, LIMIT_PROCESS_MEMORY, { 112: 2 ** 20 });
    expect(allocate(process, 2 ** 20)).toEqual([0, ERROR_COMMITMENT_LIMIT]);
    expect(allocate(process, 2 ** 18)[0]).not.toBe(0);
    machine.limits(job, LIMIT_JOB_MEMORY, { 120: 2 ** 20 });
    expect(allocate(second, 2 ** 20 - 2 ** 18)).toEqual([0, ERROR_COMMITMENT_LIMIT]);
    verify(machine.kernel.mm);
    const messages = Array.from({ length: 4 }, () => {
      const [count, at, pid] = [machine.space(4), machine.space(8), machine.space(8)];
      expect(machine.call('GetQueuedCompletionStatus', port, count, at, pid, INFINITE)).toBe(1);
      return [machine.u32(count), machine.u32(at)];
    });
    expect(messages).toEqual([6, 6, 9, 10].map((message) => [message, key]));
    const at = machine.space(EXTENDED_BYTES);
    machine.call('QueryInformationJobObject', job, EXTENDED_LIMITS, at, EXTENDED_BYTES, 0);
    expect(machine.pointer(at + 0x88)).toBeGreaterThan(2 ** 18);
    expect(machine.pointer(at + 0x88)).toBeLessThanOrEqual(2 ** 20);
  });

  it('on processes ends the one too many', () => {
    const machine = new JobMachine();
    const job = newJob(machine);
    machine.limits(job, LIMIT_ACTIVE_PROCESS, { 40: 1 });
    const [first, second] = [machine.start(), machine.start()];
    expect(machine.call('AssignProcessToJobObject', job, first)).toBe(1);
    expect(machine.attempt('AssignProcessToJobObject', job, second)).toEqual([0, ERROR_NOT_ENOUGH_QUOTA]);
    expect(machine.exitCode(second)).toBe(STATUS_QUOTA_EXCEEDED);
  });

  it.each([
    ['of each process', LIMIT_PROCESS_TIME, 0x00],
    ['of all', LIMIT_JOB_TIME, 0x08],
  ])('on the time %s ends what has used it up', (_, flag, offset) => {
    const machine = new JobMachine();
    const job = newJob(machine);
    const threeMilliseconds = 30_000;
    machine.limits(job, flag, { [offset]: threeMilliseconds });
    const process = machine.start();
    const thread = machine.pointer(machine.information + 8);
    machine.call('AssignProcessToJobObject', job, process);
    machine.call('ResumeThread', thread);
    expect(machine.call('WaitForSingleObject', process, INFINITE)).toBe(0);
    expect(machine.exitCode(process)).toBe(STATUS_QUOTA_EXCEEDED);
    const isSignalled = flag === LIMIT_JOB_TIME ? 0 : 0x102;
    expect(machine.call('WaitForSingleObject', job, 0)).toBe(isSignalled);
  });

  it('on the working set and the priority class is applied to those in it', () => {
    const machine = new JobMachine();
    const job = newJob(machine);
    const process = machine.start();
    machine.call('AssignProcessToJobObject', job, process);
    const fields = { 24: 25 * 4096, 32: 60 * 4096, 56: 0x40 };
    expect(machine.limits(job, LIMIT_WORKINGSET | LIMIT_PRIORITY_CLASS, fields)[0]).toBe(1);
    const [least, most] = [machine.space(8), machine.space(8)];
    machine.call('GetProcessWorkingSetSize', process, least, most);
    expect([machine.pointer(least), machine.pointer(most)]).toEqual([25 * 4096, 60 * 4096]);
    expect(machine.call('GetPriorityClass', process)).toBe(0x40);
    machine.call('SetPriorityClass', process, 0x80);
    expect(machine.call('GetPriorityClass', process)).toBe(0x40);
  });

  it('is refused when it makes no sense', () => {
    const machine = new JobMachine();
    const job = newJob(machine);
    expect(machine.limits(job, 0x80000)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.limits(job, LIMIT_WORKINGSET, { 24: 8192, 32: 4096 })).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
    expect(machine.limits(job, LIMIT_PRIORITY_CLASS, { 56: 3 })).toEqual([0, ERROR_INVALID_PARAMETER]);
    const at = machine.space(64);
    expect(machine.attempt('SetInformationJobObject', job, BASIC_LIMITS, at, 63)).toEqual([
      0,
      ERROR_BAD_LENGTH,
    ]);
  });
});
