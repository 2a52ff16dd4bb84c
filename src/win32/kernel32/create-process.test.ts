import { beforeAll, describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { exampleBytes } from '../../testing/examples.js';
import { buildModule } from '../../testing/module-builder.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_FILE_NOT_FOUND = 2;
const ERROR_PATH_NOT_FOUND = 3;
const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_HANDLE = 6;
const ERROR_NOT_SUPPORTED = 50;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_INVALID_NAME = 123;
const ERROR_BAD_EXE_FORMAT = 193;
const ERROR_FILENAME_EXCED_RANGE = 206;
const ERROR_DIRECTORY = 267;
const ERROR_NOACCESS = 998;

const CREATE_SUSPENDED = 0x4;
const INFINITE = 0xffffffff;
const STILL_ACTIVE = 259;
const STARTF_USESTDHANDLES = 0x100;
const INHERIT = 1;

/** Ends with exit code 5. */
const five = buildModule({
  name: 'five.exe',
  imports: { 'kernel32.dll': ['ExitProcess'] },
  entry: (code) => code.enter().first(5).call('kernel32.dll!ExitProcess').leave(),
});
const library = buildModule({ name: 'library.dll', dll: true, entry: (code) => code.raw(0xc3) });
/** Spins for ever. */
const spin = buildModule({ name: 'spin.exe', entry: (code) => code.raw(0xeb, 0xfe) });

class ParentMachine extends Win32Machine {
  readonly startup = this.space(0x68);
  readonly information = this.space(0x18);

  constructor() {
    super({ files: { 'text.exe': 'no program', empty: '' }, environment: ['PATH=C:\\tools', 'X=1'] });
    const root = this.host.addRoot({
      'hello.exe': exampleBytes('bin/hello.exe'),
      'five.exe': five,
      'spin.exe': spin,
      'two words.exe': five,
      'library.dll': library,
      folder: {},
    });
    this.kernel.fileSystem.mount('C:\\tools', this.host, root, false);
  }

  create(
    application: string | null,
    line: string | null,
    options: { flags?: number; inherit?: boolean; environment?: number; directory?: string } = {},
  ): [result: number, lastError: number] {
    return this.attempt(
      'CreateProcessA',
      application ?? 0,
      line ?? 0,
      0,
      0,
      options.inherit ? 1 : 0,
      options.flags ?? 0,
      options.environment ?? 0,
      options.directory ?? 0,
      this.startup,
      this.information,
    );
  }

  get child(): { process: number; thread: number; processId: number; threadId: number } {
    const at = this.information;
    return {
      process: this.pointer(at),
      thread: this.pointer(at + 8),
      processId: this.u32(at + 16),
      threadId: this.u32(at + 20),
    };
  }

  exitCode(name: string, handle: number): number {
    const at = this.space(4);
    expect(this.call(name, handle, at)).toBe(1);
    return this.u32(at);
  }

  wait(handle: number, milliseconds = INFINITE): number {
    return this.call('WaitForSingleObject', handle, milliseconds);
  }
}

describe('CreateProcess', () => {
  let machine: ParentMachine;
  beforeAll(() => {
    machine = new ParentMachine();
  });

  it('makes a process whose handles are signalled at its end, with its exit code', () => {
    expect(machine.create('C:\\tools\\five.exe', null)).toEqual([1, 0xdead]);
    const { process, thread, processId, threadId } = machine.child;
    expect(machine.call('GetProcessId', process)).toBe(processId);
    expect(machine.call('GetThreadId', thread)).toBe(threadId);
    expect(machine.exitCode('GetExitCodeProcess', process)).toBe(STILL_ACTIVE);
    expect(machine.wait(process, 0)).toBe(0x102);
    expect(machine.wait(process)).toBe(0);
    expect(machine.wait(thread, 0)).toBe(0);
    expect(machine.exitCode('GetExitCodeProcess', process)).toBe(5);
    expect(machine.exitCode('GetExitCodeThread', thread)).toBe(5);
    expect(machine.call('OpenProcess', 0x1000, 0, processId)).not.toBe(0);
    for (const handle of [process, thread]) expect(machine.call('CloseHandle', handle)).toBe(1);
    expect(machine.kernel.exited.map(({ environment }) => environment)).toEqual([[]]);
    verify(machine.kernel.mm);
  });

  it('holds a suspended process back until its thread is resumed', () => {
    expect(machine.create('C:\\tools\\five.exe', 'five', { flags: CREATE_SUSPENDED })[0]).toBe(1);
    const { process, thread } = machine.child;
    expect(machine.wait(process, 1000)).toBe(0x102);
    expect(machine.call('ResumeThread', thread)).toBe(1);
    expect(machine.wait(process)).toBe(0);
  });

  it.each([
    ['five.exe', 'five.exe'],
    ['five', 'five.exe'],
    ['  five a b', 'five.exe'],
    ['"five" a', 'five.exe'],
    ['"C:\\tools\\two words.exe" a', 'two words.exe'],
    ['C:\\tools\\two words.exe a', 'two words.exe'],
    ['two words a b', 'two words.exe'],
    ['C:\\tools\\..\\tools\\five a', 'five.exe'],
  ])('finds the program of the command line %j', (line, name) => {
    expect(machine.create(null, line)).toEqual([1, 0xdead]);
    const made = machine.kernel.processes.get(machine.child.processId)!;
    expect(made.imagePath).toBe(`C:\\tools\\${name}`);
    expect(made.commandLine).toBe(line);
    expect(machine.wait(machine.child.process)).toBe(0);
  });

  it.each([
    [null, null, ERROR_INVALID_PARAMETER],
    [null, '', ERROR_PATH_NOT_FOUND],
    ['', 'five.exe', ERROR_PATH_NOT_FOUND],
    ['five.exe', null, ERROR_FILE_NOT_FOUND],
    ['C:\\tools\\five', null, ERROR_FILE_NOT_FOUND],
    ['C:\\tools\\nothing\\five.exe', null, ERROR_PATH_NOT_FOUND],
    [null, 'nothing here', ERROR_FILE_NOT_FOUND],
    [null, 'C:\\tools\\no.exe', ERROR_FILE_NOT_FOUND],
    ['C:\\tools\\f*.exe', null, ERROR_INVALID_NAME],
    ['text.exe', null, ERROR_BAD_EXE_FORMAT],
    ['C:\\tools\\library.dll', null, ERROR_BAD_EXE_FORMAT],
    ['C:\\tools\\folder', null, ERROR_ACCESS_DENIED],
  ])('refuses %j, %j with error %d and leaves nothing behind', (application, line, error) => {
    const before = machine.kernel.processes.size;
    expect(machine.create(application, line)).toEqual([0, error]);
    expect(machine.kernel.processes.size).toBe(before);
  });

  it('refuses a folder that is none, a long command line, and flags that cannot be', () => {
    const path = 'C:\\tools\\five.exe';
    expect(machine.create(path, null, { directory: 'C:\\nowhere' })).toEqual([0, ERROR_DIRECTORY]);
    expect(machine.create(path, null, { directory: path })).toEqual([0, ERROR_DIRECTORY]);
    expect(machine.create(null, `five ${'x'.repeat(32_763)}`)).toEqual([0, ERROR_FILENAME_EXCED_RANGE]);
    expect(machine.create(path, null, { flags: 0x18 })).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.create(path, null, { flags: 1 })).toEqual([0, ERROR_NOT_SUPPORTED]);
    verify(machine.kernel.mm);
  });

  it('gives the child its environment, folder and parent', () => {
    const block = machine.put('A=b\0C=d\0');
    const options = { environment: block, directory: 'C:\\tools', flags: CREATE_SUSPENDED };
    expect(machine.create('C:\\tools\\five.exe', 'name arg', options)[0]).toBe(1);
    const made = machine.kernel.processes.get(machine.child.processId)!;
    expect(made).toMatchObject({
      environment: ['A=b', 'C=d'],
      currentDirectory: 'C:\\tools',
      parentId: machine.process.id,
    });
    expect(machine.create('C:\\tools\\five.exe', null, { flags: CREATE_SUSPENDED })[0]).toBe(1);
    expect(machine.kernel.processes.get(machine.child.processId)).toMatchObject({
      environment: ['PATH=C:\\tools', 'X=1'],
      currentDirectory: 'C:\\work',
      commandLine: 'C:\\tools\\five.exe',
    });
    machine.call('TerminateProcess', machine.child.process, 1);
  });

  it('lets the child write to a file as its standard output', () => {
    const security = machine.put(Uint8Array.of(24, ...Array(15).fill(0), 1, ...Array(7).fill(0)));
    const file = machine.call('CreateFileA', 'out.txt', 0xc0000000, 0, security, 2, 0, 0);
    machine.fill(machine.startup, 0x68);
    const words = new DataView(new ArrayBuffer(0x68));
    words.setUint32(0, 0x68, true);
    words.setUint32(0x3c, STARTF_USESTDHANDLES, true);
    for (const at of [0x50, 0x58, 0x60]) words.setUint32(at, file, true);
    machine.process.write(machine.startup, new Uint8Array(words.buffer));
    expect(machine.create('C:\\tools\\hello.exe', 'hello', { inherit: true })[0]).toBe(1);
    const made = machine.kernel.processes.get(machine.child.processId)!;
    expect(made.handles.lookup(file)?.object).toBe(machine.process.object.handles.lookup(file)?.object);
    expect(made.handles.count).toBe(1);
    expect(machine.wait(machine.child.process)).toBe(0);
    expect(machine.call('CloseHandle', file)).toBe(1);
    const expected = new TextDecoder().decode(exampleBytes('hello/expected.txt'));
    expect(machine.file('out.txt')).toBe(expected);
    machine.fill(machine.startup, 0x68);
  });

  it('hands the standard handles on, redirected or not', () => {
    expect(machine.create('C:\\tools\\hello.exe', 'hello one')[0]).toBe(1);
    expect(machine.wait(machine.child.process)).toBe(0);
    expect(machine.output()).toContain('argument 1: one');
    const before = machine.output();
    expect(machine.create('C:\\tools\\hello.exe', 'hello two', { flags: 0x8000000 })[0]).toBe(1);
    expect(machine.wait(machine.child.process)).toBe(0);
    expect(machine.output()).toBe(before);
  });

  it('reads everything that its pointers name before it makes anything', () => {
    const { processes } = machine.kernel;
    const before = processes.size;
    const bad = 0x10_0000;
    const good = [
      machine.put('C:\\tools\\five.exe'),
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      machine.startup,
      machine.information,
    ];
    for (const index of [0, 1, 2, 3, 6, 7, 8, 9]) {
      const fresh = new ParentMachine();
      const values = good.map((value, at) => (at === index ? bad : value > 0 ? value : 0));
      fresh.put('C:\\tools\\five.exe');
      fresh.begin('CreateProcessA', ...values);
      expect(fresh.run(), `argument ${index}`).toBe('exited');
      expect(fresh.process.exitStatus).toBe(0xc0000005);
      verify(fresh.kernel.mm);
    }
    expect(processes.size).toBe(before);
  }, 60_000);
});

describe('another process', () => {
  let machine: ParentMachine;
  let process: number;
  let processId: number;
  beforeAll(() => {
    machine = new ParentMachine();
    expect(machine.create('C:\\tools\\spin.exe', null, { flags: CREATE_SUSPENDED })[0]).toBe(1);
    ({ process, processId } = machine.child);
  });

  it('is reached through a handle with the rights for it', () => {
    const at = machine.callAddress('VirtualAllocEx', process, 0, 0x3000, 0x3000, 4);
    expect(at).toBeGreaterThan(0);
    const text = machine.put('written from outside');
    expect(machine.call('WriteProcessMemory', process, at, text, 21, 0)).toBe(1);
    const back = machine.space(32);
    const done = machine.space(8);
    expect(machine.call('ReadProcessMemory', process, at, back, 21, done)).toBe(1);
    expect(machine.text(back)).toBe('written from outside');
    expect(machine.u32(done)).toBe(21);
    const old = machine.space(4);
    expect(machine.call('VirtualProtectEx', process, at, 0x1000, 2, old)).toBe(1);
    expect(machine.attempt('WriteProcessMemory', process, at, text, 21, 0)).toEqual([0, ERROR_NOACCESS]);
    const information = machine.space(48);
    expect(machine.call('VirtualQueryEx', process, at, information, 48)).toBe(48);
    expect(machine.u32(information + 0x24)).toBe(2);
    expect(machine.call('VirtualFreeEx', process, at, 0, 0x8000)).toBe(1);
    expect(machine.call('VirtualQueryEx', process, at, information, 48)).toBe(48);
    expect(machine.u32(information + 0x20)).toBe(0x10000);
    verify(machine.kernel.mm);
  });

  it('is not reached without them', () => {
    const open = (access: number) => machine.call('OpenProcess', access, 0, processId);
    const read = open(0x10);
    const query = open(0x400);
    const buffer = machine.space(64);
    const { peb } = machine.kernel.processes.get(processId)!;
    expect(machine.call('ReadProcessMemory', read, peb, buffer, 8, 0)).toBe(1);
    const denied = [0, ERROR_ACCESS_DENIED];
    expect(machine.attempt('WriteProcessMemory', read, peb, buffer, 8, 0)).toEqual(denied);
    expect(machine.attempt('ReadProcessMemory', query, peb, buffer, 8, 0)).toEqual(denied);
    expect(machine.attempt('VirtualAllocEx', read, 0, 4096, 0x3000, 4)).toEqual(denied);
    expect(machine.attempt('VirtualQueryEx', read, peb, buffer, 48)).toEqual(denied);
    expect(machine.attempt('TerminateProcess', query, 1)).toEqual(denied);
    expect(machine.attempt('SetPriorityClass', query, 0x40)).toEqual(denied);
    expect(machine.attempt('CreateRemoteThread', read, 0, 0, 0x1000, 0, 0, 0)).toEqual(denied);
    expect(machine.attempt('WaitForSingleObject', query, 0)).toEqual([-1, ERROR_ACCESS_DENIED]);
    expect(machine.attempt('GetExitCodeProcess', read, buffer)).toEqual(denied);
    expect(machine.exitCode('GetExitCodeProcess', query)).toBe(STILL_ACTIVE);
    expect(machine.attempt('OpenProcess', 0x10, 0, 0x7777)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.attempt('OpenThread', 0x10, 0, processId)).toEqual([0, ERROR_INVALID_PARAMETER]);
  });

  it('gets and gives handles', () => {
    const event = machine.call('CreateEventA', 0, 1, 0, 0);
    const place = machine.space(8);
    expect(machine.call('DuplicateHandle', -1, event, process, place, 0, 0, 2)).toBe(1);
    const there = machine.u32(place);
    const child = machine.kernel.processes.get(processId)!;
    expect(child.handles.lookup(there)?.object.kind).toBe('event');
    const back = machine.space(8);
    expect(machine.call('DuplicateHandle', process, there, -1, back, 2, 0, 1)).toBe(1);
    expect(child.handles.lookup(there)).toBeNull();
    expect(machine.call('SetEvent', machine.u32(back))).toBe(1);
    expect(machine.attempt('WaitForSingleObject', machine.u32(back), 0)).toEqual([-1, ERROR_ACCESS_DENIED]);
    expect(machine.wait(event, 0)).toBe(0);
    expect(machine.call('DuplicateHandle', -1, event, process, place, 0, 0, 2)).toBe(1);
    const again = machine.u32(place);
    expect(machine.call('DuplicateHandle', process, again, 0, 0, 0, 0, 1)).toBe(1);
    expect(child.handles.lookup(again)).toBeNull();
    expect(machine.attempt('DuplicateHandle', process, again, -1, back, 0, 0, 2)).toEqual([
      0,
      ERROR_INVALID_HANDLE,
    ]);
  });

  it('runs a thread that this one makes in it', () => {
    const code = machine.callAddress('VirtualAllocEx', process, 0, 0x1000, 0x3000, 0x40);
    // lea eax, [rcx+1]; ret
    const bytes = machine.put(Uint8Array.of(0x8d, 0x41, 0x01, 0xc3));
    expect(machine.call('WriteProcessMemory', process, code, bytes, 4, 0)).toBe(1);
    const id = machine.space(4);
    const thread = machine.call('CreateRemoteThread', process, 0, 0, code, 41, 0, id);
    expect(thread).not.toBe(0);
    expect(machine.wait(thread)).toBe(0);
    expect(machine.exitCode('GetExitCodeThread', thread)).toBe(42);
    verify(machine.kernel.mm);
  });

  it('has a priority class, and its threads the priorities of the table', () => {
    const child = machine.kernel.processes.get(processId)!;
    const [main] = child.threads;
    const thread = machine.call('OpenThread', 0x1fffff, 0, main!.id);
    const table: [number, number[]][] = [
      [0x40, [1, 2, 3, 4, 5, 6, 15]],
      [0x4000, [1, 4, 5, 6, 7, 8, 15]],
      [0x20, [1, 6, 7, 8, 9, 10, 15]],
      [0x8000, [1, 8, 9, 10, 11, 12, 15]],
      [0x80, [1, 11, 12, 13, 14, 15, 15]],
    ];
    for (const [priorityClass, priorities] of table) {
      expect(machine.call('SetPriorityClass', process, priorityClass)).toBe(1);
      expect(machine.call('GetPriorityClass', process)).toBe(priorityClass);
      const levels = [-15, -2, -1, 0, 1, 2, 15];
      levels.forEach((level, index) => {
        expect(machine.call('SetThreadPriority', thread, level)).toBe(1);
        expect(machine.call('GetThreadPriority', thread)).toBe(level);
        expect(main!.priority).toBe(priorities[index]);
      });
    }
    expect(machine.call('SetPriorityClass', process, 0x100)).toBe(1);
    expect(machine.call('GetPriorityClass', process)).toBe(0x80);
    expect(machine.attempt('SetPriorityClass', process, 3)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.attempt('SetThreadPriority', thread, 3)).toEqual([0, ERROR_INVALID_PARAMETER]);
    machine.call('SetThreadPriority', thread, 0);
    machine.call('SetPriorityClass', process, 0x20);
  });

  it('is ended from outside', () => {
    expect(machine.call('TerminateProcess', process, 77)).toBe(1);
    expect(machine.wait(process, 0)).toBe(0);
    expect(machine.exitCode('GetExitCodeProcess', process)).toBe(77);
    expect(machine.attempt('VirtualAllocEx', process, 0, 4096, 0x3000, 4)).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(machine.attempt('ReadProcessMemory', process, 0x10000, machine.space(8), 8, 0)[0]).toBe(0);
    expect(machine.attempt('CreateRemoteThread', process, 0, 0, 0x1000, 0, 0, 0)).toEqual([
      0,
      ERROR_ACCESS_DENIED,
    ]);
    const place = machine.space(8);
    expect(machine.attempt('DuplicateHandle', -1, process, process, place, 0, 0, 2)[0]).toBe(0);
    verify(machine.kernel.mm);
  });
});

describe('inheritance', () => {
  it('takes inheritable handles along at their values, and no others', () => {
    const machine = new ParentMachine();
    const handles = [0, 1, 2, 3, 4, 5].map(() => machine.call('CreateEventA', 0, 0, 0, 0));
    const inherited = [handles[1]!, handles[4]!];
    for (const handle of inherited) machine.call('SetHandleInformation', handle, INHERIT, INHERIT);
    expect(machine.create('C:\\tools\\spin.exe', null, { flags: CREATE_SUSPENDED, inherit: true })[0]).toBe(
      1,
    );
    const child = machine.kernel.processes.get(machine.child.processId)!;
    const parent = machine.process.object;
    for (const handle of handles) {
      const entry = child.handles.lookup(handle);
      const expected = inherited.includes(handle) ? parent.handles.lookup(handle)!.object : null;
      if (expected !== null) expect(entry?.object).toBe(expected);
      else expect(entry?.object.kind).not.toBe('event');
    }
    const event = parent.handles.lookup(inherited[0]!)!.object;
    expect(event.handleCount).toBe(2);
    machine.call('TerminateProcess', machine.child.process, 0);
    expect(event.handleCount).toBe(1);
  });
});

describe('processes without end', () => {
  it('are refused when memory is short, and what is there goes on', () => {
    const machine = new ParentMachine();
    let [made, error] = [0, 0];
    for (; made < 2000; made++) {
      const [result, lastError] = machine.create('C:\\tools\\spin.exe', null, { flags: CREATE_SUSPENDED });
      error = lastError;
      if (result === 0) break;
      machine.call('CloseHandle', machine.child.thread);
    }
    expect(made).toBeGreaterThan(20);
    expect(made).toBeLessThan(2000);
    expect([8, 14, 1450, 1455]).toContain(error);
    verify(machine.kernel.mm);
    for (const { id } of [...machine.kernel.processes.values()])
      if (id !== machine.process.id)
        expect(machine.call('TerminateProcess', machine.call('OpenProcess', 1, 0, id), 0)).toBe(1);
    expect(machine.create('C:\\tools\\five.exe', null)[0]).toBe(1);
    expect(machine.wait(machine.child.process)).toBe(0);
    verify(machine.kernel.mm);
  }, 120_000);
});
