import { describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const NAME = '\\\\.\\pipe\\test';
const DUPLEX = 3;
const OVERLAPPED = 0x40000000;
const MESSAGES = 6;
const NO_WAIT = 1;
const READ_WRITE = 0xc0000000n;
const OPEN_EXISTING = 3;

class PipeMachine extends Win32Machine {
  readonly count = this.space(8);
  readonly buffer = this.space(0x4000);

  create(openMode: number, pipeMode: number, instances = 1, quota = 0): number {
    return this.call('CreateNamedPipeA', NAME, openMode, pipeMode, instances, quota, quota, 0, 0);
  }

  connect(access: bigint = READ_WRITE, flags = 0): number {
    return this.call('CreateFileA', NAME, access, 0, 0, OPEN_EXISTING, flags, 0);
  }

  data32(value: number): number {
    const at = this.space(4);
    this.process.write(at, Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
    return at;
  }

  write(handle: number, text: string, overlapped = 0): [number, number] {
    return this.attempt('WriteFile', handle, text, text.length, this.count, overlapped);
  }

  /** The text that was read, or the last error. */
  read(handle: number, most: number): string | number {
    const [ok, error] = this.attempt('ReadFile', handle, this.buffer, most, this.count, 0);
    return ok ? this.text(this.buffer, this.u32(this.count)) : error;
  }
}

/** Charges nonpaged pool until there is no room for one byte more. */
function useUpPool({ kernel }: PipeMachine): void {
  const { nonpagedPool } = kernel.mm;
  for (let bytes = 2 ** 28; bytes >= 1; ) {
    if (nonpagedPool.mayCharge(bytes)) nonpagedPool.charge(bytes, 'Test');
    else bytes /= 2;
  }
}

const ERROR_NO_SYSTEM_RESOURCES = 1450;

describe('what I/O keeps in the system', () => {
  it('is charged to pool, refused when that is used up, and given back', () => {
    const machine = new PipeMachine();
    const { nonpagedPool } = machine.kernel.mm;
    const server = machine.create(DUPLEX | OVERLAPPED, 0);
    machine.connect();
    const file = machine.call('CreateFileA', 'C:\\work\\locked', READ_WRITE, 0, 0, 1, 0, 0);
    expect(machine.call('LockFile', file, 0, 0, 1, 0)).toBe(1);
    const overlapped = machine.space(32);
    machine.fill(overlapped, 32);
    const read = () => machine.attempt('ReadFile', server, machine.buffer, 1, 0, overlapped);
    expect(read()).toEqual([0, 997]);
    useUpPool(machine);
    expect(read()).toEqual([0, ERROR_NO_SYSTEM_RESOURCES]);
    expect(machine.attempt('LockFile', file, 1, 0, 1, 0)).toEqual([0, ERROR_NO_SYSTEM_RESOURCES]);
    const handles = machine.space(16);
    expect(machine.attempt('CreatePipe', handles, handles + 8, 0, 0)).toEqual([0, ERROR_NO_SYSTEM_RESOURCES]);
    expect(machine.attempt('CreateNamedPipeA', `${NAME}2`, DUPLEX, 0, 1, 0, 0, 0, 0)).toEqual([
      -1,
      ERROR_NO_SYSTEM_RESOURCES,
    ]);
    expect(machine.call('UnlockFile', file, 0, 0, 1, 0)).toBe(1);
    expect(machine.call('LockFile', file, 0, 0, 1, 0)).toBe(1);
    for (const handle of [server, file]) expect(machine.call('CloseHandle', handle)).toBe(1);
    expect(['Irp ', 'FLex'].map((tag) => nonpagedPool.tags.get(tag)?.charged)).toEqual([0, 0]);
  });

  it('goes with a completion port that packets reached after its last handle', () => {
    const machine = new PipeMachine();
    const server = machine.create(DUPLEX | OVERLAPPED, 0);
    const client = machine.connect();
    const port = machine.call('CreateIoCompletionPort', server, 0, 1, 0);
    const overlapped = machine.space(32);
    machine.fill(overlapped, 32);
    expect(machine.attempt('ReadFile', server, machine.buffer, 1, 0, overlapped)).toEqual([0, 997]);
    expect(machine.call('CloseHandle', port)).toBe(1);
    const bytes = () => machine.kernel.mm.nonpagedPool.tags.get('Icp ')?.bytes ?? 0;
    machine.write(client, 'x');
    expect(bytes()).toBeGreaterThan(0);
    expect(machine.call('CloseHandle', server)).toBe(1);
    expect(bytes()).toBe(0);
    verify(machine.kernel.mm);
  });
});

describe('named pipes', () => {
  it('check names, modes, directions and the number of instances', () => {
    const machine = new PipeMachine();
    const make = (...args: (string | number)[]) =>
      machine.attempt('CreateNamedPipeA', ...(args as [string, ...number[]]), 0, 0, 0, 0);
    expect(make('C:\\pipe\\x', DUPLEX, 0, 1)).toEqual([-1, 123]);
    expect(make(NAME, 0, 0, 1)).toEqual([-1, 87]);
    expect(make(NAME, DUPLEX, 0x10, 1)).toEqual([-1, 87]);
    expect(make(NAME, DUPLEX, 2, 1)).toEqual([-1, 87]);
    expect(make(NAME, DUPLEX, 0, 256)).toEqual([-1, 87]);
    const inbound = machine.create(1, 0, 2);
    expect(make(NAME, DUPLEX, 0, 2)).toEqual([-1, 5]);
    expect(make(NAME, 1 | 0x80000, 0, 2)).toEqual([-1, 5]);
    expect(machine.attempt('CreateFileA', NAME.toUpperCase(), READ_WRITE, 0, 0, OPEN_EXISTING, 0, 0)).toEqual(
      [-1, 5],
    );
    const client = machine.connect(0x40000000n);
    expect(client).toBeGreaterThan(0);
    expect(machine.attempt('CreateFileA', NAME, 0x40000000n, 0, 0, OPEN_EXISTING, 0, 0)).toEqual([-1, 231]);
    expect(machine.attempt('WaitNamedPipeA', NAME, 5)).toEqual([0, 121]);
    expect(machine.create(1, 0, 2)).toBeGreaterThan(0);
    expect(machine.attempt('WaitNamedPipeA', NAME, 5)[0]).toBe(1);
    expect(machine.read(client, 1)).toBe(5);
    expect(machine.attempt('ConnectNamedPipe', inbound, 0)).toEqual([0, 535]);
  });

  it('keep messages apart, hand out parts of them, and answer in one call', () => {
    const machine = new PipeMachine();
    const server = machine.create(DUPLEX, MESSAGES);
    const client = machine.connect();
    machine.write(client, 'first');
    machine.write(client, '');
    machine.write(client, 'second');
    expect(machine.read(server, 3)).toBe(234);
    expect(machine.text(machine.buffer, 3)).toBe('fir');
    expect(machine.read(server, 99)).toBe('st');
    expect(machine.read(server, 99)).toBe('');
    const places = machine.space(24);
    expect(machine.call('PeekNamedPipe', server, machine.buffer, 2, places, places + 8, places + 16)).toBe(1);
    expect([places, places + 8, places + 16].map((at) => machine.u32(at))).toEqual([2, 6, 4]);
    expect(machine.attempt('TransactNamedPipe', server, 'q', 1, machine.buffer, 9, machine.count, 0)).toEqual(
      [0, 231],
    );
    expect(machine.attempt('TransactNamedPipe', client, 'q', 1, machine.buffer, 9, machine.count, 0)).toEqual(
      [0, 230],
    );
    expect(machine.read(server, 99)).toBe('second');
    verify(machine.kernel.mm);
  });

  it('in nowait mode say at once that there is nothing or no room', () => {
    const machine = new PipeMachine();
    const server = machine.create(DUPLEX, NO_WAIT, 1, 100);
    expect(machine.attempt('ConnectNamedPipe', server, 0)).toEqual([0, 536]);
    const client = machine.connect();
    expect(machine.read(server, 9)).toBe(232);
    const state = machine.space(8);
    expect(machine.call('SetNamedPipeHandleState', client, machine.data32(NO_WAIT), 0, 0)).toBe(1);
    expect(machine.write(client, 'x'.repeat(150))[0]).toBe(1);
    expect(machine.u32(machine.count)).toBe(100);
    expect(machine.call('GetNamedPipeHandleStateA', client, state, state + 4, 0, 0, 0, 0)).toBe(1);
    expect([machine.u32(state), machine.u32(state + 4)]).toEqual([NO_WAIT, 1]);
    expect(machine.read(server, 200)).toBe('x'.repeat(100));
  });

  it('let overlapped writes wait for room and end one by one', () => {
    const machine = new PipeMachine();
    const server = machine.create(DUPLEX | OVERLAPPED, 0, 1, 64);
    const client = machine.connect();
    const overlapped = machine.space(32);
    machine.fill(overlapped, 32);
    expect(machine.write(server, 'a'.repeat(100), overlapped)).toEqual([0, 997]);
    const result = (wait: number) =>
      machine.attempt('GetOverlappedResult', server, overlapped, machine.count, wait);
    expect(result(0)).toEqual([0, 996]);
    expect(machine.read(client, 50)).toBe('a'.repeat(50));
    expect(result(1)[0]).toBe(1);
    expect(machine.u32(machine.count)).toBe(100);
    expect(machine.read(client, 99)).toBe('a'.repeat(50));
    expect(machine.write(server, 'b'.repeat(100), overlapped)).toEqual([0, 997]);
    expect(machine.call('CloseHandle', client)).toBe(1);
    expect(result(1)).toEqual([0, 232]);
    verify(machine.kernel.mm);
    expect(machine.call('CloseHandle', server)).toBe(1);
    expect([machine.kernel.pendingIo.size, machine.kernel.pipeNames.size]).toEqual([0, 0]);
  });

  it('tell a client that was forced off, which another one replaces', () => {
    const machine = new PipeMachine();
    const server = machine.create(DUPLEX, 0);
    const first = machine.connect();
    machine.write(first, 'lost');
    expect(machine.call('DisconnectNamedPipe', server)).toBe(1);
    expect(machine.read(first, 9)).toBe(233);
    expect(machine.read(server, 9)).toBe(233);
    expect(machine.call('SetNamedPipeHandleState', server, machine.data32(NO_WAIT), 0, 0)).toBe(1);
    expect(machine.attempt('ConnectNamedPipe', server, 0)[0]).toBe(1);
    const second = machine.connect();
    machine.write(second, 'here');
    expect(machine.call('CloseHandle', first)).toBe(1);
    expect(machine.read(server, 9)).toBe('here');
  });
});
