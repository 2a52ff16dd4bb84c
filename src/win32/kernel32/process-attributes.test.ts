import { beforeAll, describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { buildModule } from '../../testing/module-builder.js';
import { ModuleMachine } from '../../testing/win32-machine.js';

const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_HANDLE = 6;
const ERROR_BAD_LENGTH = 24;
const ERROR_GEN_FAILURE = 31;
const ERROR_NOT_SUPPORTED = 50;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_INSUFFICIENT_BUFFER = 122;
const ERROR_OBJECT_NAME_EXISTS = 698;

const CREATE_SUSPENDED = 0x4;
const EXTENDED_STARTUPINFO_PRESENT = 0x80000;
const PARENT_PROCESS = 0x20000;
const HANDLE_LIST = 0x20002;
const JOB_LIST = 0x2000d;
const CHILD_PROCESS_POLICY = 0x2000e;
const IDLE_PRIORITY_CLASS = 0x40;
const HANDLE_FLAG_INHERIT = 1;
const PROCESS_CREATE_PROCESS = 0x80;

/** Ends with exit code 5. */
const five = buildModule({
  name: 'five.exe',
  imports: { 'kernel32.dll': ['ExitProcess'] },
  entry: (code) => code.enter().first(5).call('kernel32.dll!ExitProcess').leave(),
});

class AttributeMachine extends ModuleMachine {
  readonly startup = this.space(0x70);
  readonly information = this.space(0x18);

  constructor() {
    super('kernel32.dll');
    const root = this.host.addRoot({ 'five.exe': five });
    this.kernel.fileSystem.mount('C:\\tools', this.host, root, false);
  }

  list(count: number): number {
    const [list, size] = [this.space(24 + 24 * count), this.space(8)];
    this.putNumber(size, 24 + 24 * count);
    expect(this.attempt('InitializeProcThreadAttributeList', list, count, 0, size)[0]).toBe(1);
    return list;
  }

  values(...numbers: number[]): number {
    const at = this.space(8 * numbers.length);
    numbers.forEach((number, index) => {
      this.putNumber(at + 8 * index, number);
    });
    return at;
  }

  update(list: number, attribute: number, value: number, bytes: number): [number, number] {
    return this.attempt('UpdateProcThreadAttribute', list, 0, attribute, value, bytes, 0, 0);
  }

  create(
    list: number,
    options: { inherit?: boolean; flags?: number; bytes?: number } = {},
  ): [number, number] {
    this.fill(this.startup, 0x70);
    this.putNumber(this.startup, options.bytes ?? 0x70);
    this.putNumber(this.startup + 0x68, list);
    const flags = EXTENDED_STARTUPINFO_PRESENT | CREATE_SUSPENDED | (options.flags ?? 0);
    const inherit = options.inherit ? 1 : 0;
    const [startup, information] = [this.startup, this.information];
    return this.attempt(
      'CreateProcessA',
      'C:\\tools\\five.exe',
      0,
      0,
      0,
      inherit,
      flags,
      0,
      0,
      startup,
      information,
    );
  }

  get childHandle(): number {
    return this.pointer(this.information);
  }

  get child() {
    return this.kernel.processes.get(this.u32(this.information + 16))!;
  }

  event(inherited: boolean): number {
    const handle = this.call('CreateEventA', 0, 1, 0, 0);
    if (inherited) this.call('SetHandleInformation', handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    return handle;
  }

  end(): void {
    expect(this.call('TerminateProcess', this.childHandle, 0)).toBe(1);
    this.call('CloseHandle', this.childHandle);
    this.call('CloseHandle', this.pointer(this.information + 8));
  }
}

describe('an attribute list', () => {
  let machine: AttributeMachine;
  beforeAll(() => {
    machine = new AttributeMachine();
  });

  it('tells the bytes that it takes', () => {
    const size = machine.values(0);
    expect(machine.attempt('InitializeProcThreadAttributeList', 0, 2, 0, size)).toEqual([
      0,
      ERROR_INSUFFICIENT_BUFFER,
    ]);
    expect(machine.u32(size)).toBe(72);
    expect(machine.attempt('InitializeProcThreadAttributeList', 0, 2, 1, size)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
  });

  it('takes each known attribute once, while there is room', () => {
    const [list, value] = [machine.list(2), machine.values(4)];
    expect(machine.update(list, 0x2ffff, value, 8)).toEqual([0, ERROR_NOT_SUPPORTED]);
    expect(machine.update(list, PARENT_PROCESS, value, 4)).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.update(list, HANDLE_LIST, value, 0)).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.update(list, HANDLE_LIST, value, 8)).toEqual([1, 0xdead]);
    expect(machine.update(list, HANDLE_LIST, value, 8)).toEqual([0, ERROR_OBJECT_NAME_EXISTS]);
    expect(machine.update(list, PARENT_PROCESS, value, 8)).toEqual([1, 0xdead]);
    expect(machine.update(list, JOB_LIST, value, 8)).toEqual([0, ERROR_GEN_FAILURE]);
  });

  it('lets a child inherit the listed handles alone', () => {
    const [listed, other, closed] = [machine.event(true), machine.event(true), machine.event(false)];
    const list = machine.list(1);
    expect(machine.update(list, HANDLE_LIST, machine.values(listed), 8)[0]).toBe(1);
    expect(machine.create(list)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.create(list, { inherit: true, bytes: 0x68 })).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.create(list, { inherit: true })).toEqual([1, 0xdead]);
    expect(machine.child.handles.lookup(listed)?.object.kind).toBe('event');
    expect(machine.child.handles.lookup(other)).toBeNull();
    machine.end();
    for (const refused of [closed, -1, 0x4000]) {
      const wrong = machine.list(1);
      machine.update(wrong, HANDLE_LIST, machine.values(listed, refused), 16);
      expect(machine.create(wrong, { inherit: true }), `${refused}`).toEqual([0, ERROR_INVALID_PARAMETER]);
    }
    verify(machine.kernel.mm);
  });

  it('makes another process the parent, whose handles and priority a child gets', () => {
    const own = machine.event(true);
    expect(machine.create(0, { flags: IDLE_PRIORITY_CLASS })[0]).toBe(1);
    const [parent, parentHandle] = [machine.child, machine.childHandle];
    const list = machine.list(1);
    machine.update(list, PARENT_PROCESS, machine.values(parentHandle), 8);
    expect(machine.create(list, { inherit: true })).toEqual([1, 0xdead]);
    expect(machine.child.parentId).toBe(parent.id);
    expect(machine.child.priorityClass).toBe(IDLE_PRIORITY_CLASS);
    expect(machine.child.handles.lookup(own)).toBeNull();
    machine.end();
    const limited = machine.call('OpenProcess', 0x1fffff & ~PROCESS_CREATE_PROCESS, 0, parent.id);
    const refused = machine.list(1);
    machine.update(refused, PARENT_PROCESS, machine.values(limited), 8);
    expect(machine.create(refused)).toEqual([0, ERROR_ACCESS_DENIED]);
    machine.call('TerminateProcess', parentHandle, 0);
  });

  it('puts a child into jobs from the start', () => {
    const [outer, inner] = [0, 1].map(() => machine.call('CreateJobObjectA', 0, 0));
    const list = machine.list(1);
    machine.update(list, JOB_LIST, machine.values(outer!, inner!), 16);
    expect(machine.create(list)).toEqual([1, 0xdead]);
    const answer = machine.space(4);
    for (const job of [outer, inner]) {
      expect(machine.call('IsProcessInJob', machine.childHandle, job!, answer)).toBe(1);
      expect(machine.u32(answer)).toBe(1);
    }
    machine.end();
    const wrong = machine.list(1);
    machine.update(wrong, JOB_LIST, machine.values(0x4000), 8);
    expect(machine.create(wrong)).toEqual([0, ERROR_INVALID_HANDLE]);
  });

  it('leaves nothing behind of a child whose job is full', () => {
    const job = machine.call('CreateJobObjectA', 0, 0);
    const limits = machine.space(0x40);
    machine.fill(limits, 0x40);
    machine.putNumber(limits + 0x10, 0x8);
    expect(machine.call('SetInformationJobObject', job, 2, limits, 0x40)).toBe(1);
    const list = machine.list(1);
    machine.update(list, JOB_LIST, machine.values(job), 8);
    const before = [...machine.kernel.processes.keys()];
    expect(machine.create(list)[0]).toBe(0);
    expect([...machine.kernel.processes.keys()]).toEqual(before);
    verify(machine.kernel.mm);
  });

  it('bars a child from making processes', () => {
    const list = machine.list(1);
    machine.update(list, CHILD_PROCESS_POLICY, machine.values(1), 4);
    expect(machine.create(list)[0]).toBe(1);
    expect(machine.child.isChildless).toBe(true);
    machine.end();
  });
});
