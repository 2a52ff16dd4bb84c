import { beforeAll, describe, expect, it } from 'vitest';
import { buildModule } from '../../testing/module-builder.js';
import { ModuleMachine } from '../../testing/win32-machine.js';

const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_HANDLE = 6;
const ERROR_NOT_SUPPORTED = 50;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_INSUFFICIENT_BUFFER = 122;
const ERROR_NOT_GUI_PROCESS = 1471;
const STATUS_INFO_LENGTH_MISMATCH = 0xc0000004;
const STATUS_ACCESS_DENIED = 0xc0000022;
const STATUS_PORT_NOT_SET = 0xc0000353;
const STATUS_INVALID_INFO_CLASS = 0xc0000003;
const CURRENT = -1;
const LIMITED = 0x1000;
const INFINITE = 0xffffffff;
const CREATE_DEFAULT_ERROR_MODE = 0x4000000;

const child = buildModule({
  name: 'child.exe',
  imports: { 'kernel32.dll': ['ExitProcess', 'Sleep'] },
  entry: (code) =>
    code.enter().first(50).call('kernel32.dll!Sleep').first(5).call('kernel32.dll!ExitProcess').leave(),
});

class ProcessMachine extends ModuleMachine {
  constructor() {
    super('ntdll.dll');
    this.call('LoadLibraryA', 'user32.dll');
    const root = this.host.addRoot({ 'child.exe': child });
    this.kernel.fileSystem.mount('C:\\tools', this.host, root, false);
  }

  override symbol(name: string): number {
    return name === 'WaitForInputIdle' ? this.find('user32.dll', name) : super.symbol(name);
  }

  start(flags = 0): { handle: number; id: number } {
    const [startup, information] = [this.space(0x68), this.space(0x18)];
    this.fill(startup, 0x68);
    const made = this.call(
      'CreateProcessA',
      'C:\\tools\\child.exe',
      'child a',
      0,
      0,
      0,
      flags,
      0,
      0,
      startup,
      information,
    );
    expect(made).toBe(1);
    return { handle: this.pointer(information), id: this.u32(information + 16) };
  }

  query(handle: number, kind: number, bytes: number): { status: number; at: number; returned: number } {
    const [at, returned] = [this.space(bytes), this.space(4)];
    const status = this.call('NtQueryInformationProcess', handle, kind, at, bytes, returned) >>> 0;
    return { status, at, returned: this.u32(returned) };
  }

  /** The text of a UNICODE_STRING. */
  string(at: number): string {
    return this.wideText(this.pointer(at + 8)).slice(0, this.u16(at) / 2);
  }
}

describe('a process', () => {
  let machine: ProcessMachine;
  beforeAll(() => {
    machine = new ProcessMachine();
  });

  it('has times: creation before its exit, none of that while it runs', () => {
    const { handle } = machine.start();
    const times = machine.space(32);
    const read = (process: number) => {
      expect(machine.call('GetProcessTimes', process, times, times + 8, times + 16, times + 24)).toBe(1);
      return [0, 8, 16, 24].map((offset) => machine.pointer(times + offset));
    };
    expect(read(handle)[1]).toBe(0);
    machine.call('WaitForSingleObject', handle, INFINITE);
    const [created, exited] = read(handle);
    expect(exited! - created!).toBeGreaterThan(500_000);
    expect(read(CURRENT)[3]).toBeGreaterThan(0);
    expect(machine.attempt('GetProcessTimes', 0x4000, times, times, times, times)).toEqual([
      0,
      ERROR_INVALID_HANDLE,
    ]);
  });

  it('counts its handles', () => {
    const count = machine.space(4);
    const read = () => {
      expect(machine.call('GetProcessHandleCount', CURRENT, count)).toBe(1);
      return machine.u32(count);
    };
    const before = read();
    machine.call('CreateEventA', 0, 0, 0, 0);
    expect(read()).toBe(before + 1);
    expect(machine.query(CURRENT, 20, 4)).toMatchObject({ status: 0, returned: 4 });
  });

  it('tells its image, command line and machine', () => {
    const { handle, id } = machine.start();
    const limited = machine.call('OpenProcess', LIMITED, 0, id);
    const buffer = machine.space(128);
    expect(machine.call('K32GetProcessImageFileNameA', limited, buffer, 64)).toBe(39);
    expect(machine.text(buffer)).toBe('\\Device\\HarddiskVolume1\\tools\\child.exe');
    expect(machine.attempt('K32GetProcessImageFileNameA', limited, buffer, 10)).toEqual([
      0,
      ERROR_INSUFFICIENT_BUFFER,
    ]);
    expect(machine.string(machine.query(limited, 27, 256).at)).toBe(
      '\\Device\\HarddiskVolume1\\tools\\child.exe',
    );
    expect(machine.string(machine.query(limited, 43, 256).at)).toBe('C:\\tools\\child.exe');
    expect(machine.string(machine.query(limited, 60, 256).at)).toBe('child a');
    expect(machine.call('IsWow64Process2', limited, buffer, buffer + 2)).toBe(1);
    expect([machine.u16(buffer), machine.u16(buffer + 2)]).toEqual([0, 0x8664]);
    expect(machine.attempt('WaitForInputIdle', handle, 0)).toEqual([-1, ERROR_NOT_GUI_PROCESS]);
    machine.call('WaitForSingleObject', handle, INFINITE);
  });

  it.each([
    [0, 0x30],
    [1, 0x30],
    [3, 0x58],
    [3, 0x60],
    [4, 0x20],
    [7, 8],
    [12, 4],
    [18, 2],
    [21, 8],
    [22, 4],
    [24, 4],
    [26, 8],
    [29, 4],
    [31, 4],
    [36, 4],
    [38, 16],
    [39, 4],
    [52, 8],
    [61, 1],
  ])('answers class %i with %i bytes', (kind, bytes) => {
    expect(machine.query(CURRENT, kind, bytes)).toMatchObject({ status: 0, returned: bytes });
    expect(machine.query(CURRENT, kind, bytes - 1).status).toBe(
      kind === 3 && bytes === 0x60 ? 0 : STATUS_INFO_LENGTH_MISMATCH,
    );
  });

  it('answers what it is not with a status of its own', () => {
    expect(machine.query(CURRENT, 30, 8).status).toBe(STATUS_PORT_NOT_SET);
    expect(machine.query(CURRENT, 999, 8).status).toBe(STATUS_INVALID_INFO_CLASS);
  });

  it('has counters of memory', () => {
    const read = () => {
      const { at } = machine.query(CURRENT, 3, 0x60);
      return {
        size: machine.pointer(at + 8),
        committed: machine.pointer(at + 0x48),
        own: machine.pointer(at + 0x58),
      };
    };
    const before = read();
    expect(machine.call('VirtualAlloc', 0, 0x40000, 0x3000, 4)).not.toBe(0);
    expect(machine.call('VirtualAlloc', 0, 0x40000, 0x2000, 4)).not.toBe(0);
    const after = read();
    expect(after.size - before.size).toBe(0x80000);
    expect(after.committed - before.committed).toBeGreaterThanOrEqual(0x40000);
    expect(after.own).toBe(after.committed);
  });

  it('hands its error mode on, natively with one bit turned', () => {
    expect(machine.call('SetErrorMode', 0x8003)).toBe(0);
    expect(machine.u32(machine.query(CURRENT, 12, 4).at)).toBe(0x8002);
    const [same, fresh] = [machine.start(), machine.start(CREATE_DEFAULT_ERROR_MODE)];
    expect(machine.u32(machine.query(same.handle, 12, 4).at)).toBe(0x8002);
    expect(machine.u32(machine.query(fresh.handle, 12, 4).at)).toBe(1);
    expect(machine.call('SetErrorMode', 0)).toBe(0x8003);
    for (const { handle } of [same, fresh]) machine.call('WaitForSingleObject', handle, INFINITE);
  });

  it('has policies: DEP for good, and those that it puts in force', () => {
    const at = machine.space(8);
    expect(machine.call('GetProcessMitigationPolicy', CURRENT, 0, at, 8)).toBe(1);
    expect([machine.u32(at), machine.u32(at + 4)]).toEqual([1, 1]);
    expect(machine.attempt('GetProcessMitigationPolicy', CURRENT, 0, at, 4)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
    expect(machine.attempt('GetProcessMitigationPolicy', CURRENT, 90, at, 4)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
    machine.putNumber(at, 1);
    expect(machine.attempt('SetProcessMitigationPolicy', 2, at, 4)).toEqual([0, ERROR_NOT_SUPPORTED]);
    machine.putNumber(at, 0);
    expect(machine.attempt('SetProcessMitigationPolicy', 0, at, 8)).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(machine.attempt('GetProcessDEPPolicy', CURRENT, at, at)).toEqual([0, ERROR_NOT_SUPPORTED]);
  });

  it('is suspended and resumed as a whole', () => {
    const { handle } = machine.start();
    expect(machine.call('NtSuspendProcess', handle)).toBe(0);
    expect(machine.call('WaitForSingleObject', handle, 1000)).toBe(0x102);
    expect(machine.call('NtResumeProcess', handle)).toBe(0);
    expect(machine.call('WaitForSingleObject', handle, INFINITE)).toBe(0);
  });

  it('cannot be opened when it is the system', () => {
    expect(machine.attempt('OpenProcess', LIMITED, 0, 4)).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(machine.attempt('OpenProcess', LIMITED, 0, 0)).toEqual([0, ERROR_INVALID_PARAMETER]);
    const [place, id, attributes] = [machine.space(8), machine.space(16), machine.space(0x30)];
    machine.fill(attributes, 0x30);
    machine.fill(id, 16);
    machine.putNumber(id, 4);
    expect(machine.call('NtOpenProcess', place, LIMITED, attributes, id) >>> 0).toBe(STATUS_ACCESS_DENIED);
  });

  it('is on the list of all, with its threads', () => {
    const { handle, id } = machine.start();
    const needed = machine.space(4);
    expect(machine.call('NtQuerySystemInformation', 5, 0, 0, needed) >>> 0).toBe(STATUS_INFO_LENGTH_MISMATCH);
    const bytes = machine.u32(needed);
    const list = machine.space(bytes);
    expect(machine.call('NtQuerySystemInformation', 5, list, bytes, needed)).toBe(0);
    const found: { id: number; name: string; threads: number; owner: number }[] = [];
    for (let at = list; ; at += machine.u32(at)) {
      found.push({
        id: machine.u32(at + 0x50),
        name: machine.u16(at + 0x38) === 0 ? '' : machine.string(at + 0x38),
        threads: machine.u32(at + 4),
        owner: machine.u32(at + 0x100 + 0x28),
      });
      if (machine.u32(at) === 0) break;
    }
    expect(found.slice(0, 3)).toEqual([
      { id: 0, name: '', threads: 1, owner: 0 },
      { id: 4, name: 'System', threads: 6, owner: 4 },
      { id: machine.process.object.id, name: 'crt.exe', threads: 1, owner: machine.process.object.id },
    ]);
    expect(found.at(-1)).toEqual({ id, name: 'child.exe', threads: 1, owner: id });
    machine.call('WaitForSingleObject', handle, INFINITE);
  });
});
