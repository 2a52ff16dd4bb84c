import { describe, expect, it } from 'vitest';
import { STATUS_GUARD_PAGE_VIOLATION } from '../../base/ntstatus.js';
import { MachineProcess } from '../../machine-process.js';
import { outSwapProcess } from '../../mm/process-swap.js';
import { GuestFault } from '../../mm/user-memory.js';
import { verify } from '../../mm/verify.js';
import { PROCESS_QUERY_INFORMATION, PROCESS_TERMINATE } from '../../nt/access.js';
import { openHandle } from '../../nt/object-manager.js';
import { createProcess } from '../../nt/process-create.js';
import { swapOut, swapPages } from '../../testing/swap-out.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const COMMIT = 0x3000;
const PAGE = 4096;
const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_HANDLE = 6;
const ERROR_BAD_LENGTH = 24;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_NOT_LOCKED = 158;
const ERROR_NOACCESS = 998;
const ERROR_WORKING_SET_QUOTA = 1453;

function touched(machine: Win32Machine, pages: number): number {
  const base = machine.callAddress('VirtualAlloc', 0, pages * PAGE, COMMIT, 4);
  for (let page = 0; page < pages; page++) machine.process.write(base + page * PAGE, Uint8Array.of(page));
  return base;
}

describe('working sets', () => {
  const machine = new Win32Machine();
  const { space } = machine.process.object;
  const { workingSet } = space;

  it('have limits that programs read and set', () => {
    const [minimum, maximum, flags] = [machine.space(8), machine.space(8), machine.space(4)];
    expect(machine.call('GetProcessWorkingSetSize', -1, minimum, maximum)).toBe(1);
    expect([machine.pointer(minimum), machine.pointer(maximum)]).toEqual([50 * PAGE, 345 * PAGE]);
    expect(machine.call('SetProcessWorkingSetSizeEx', -1, 5 * PAGE, 600 * PAGE, 1 | 8)).toBe(1);
    expect(machine.call('GetProcessWorkingSetSizeEx', -1, minimum, maximum, flags)).toBe(1);
    expect([machine.pointer(minimum), machine.pointer(maximum), machine.u32(flags)]).toEqual([
      20 * PAGE,
      600 * PAGE,
      1 | 8,
    ]);
    for (const [least, most, bits] of [
      [0, PAGE, 0],
      [50 * PAGE, 40 * PAGE, 0],
      [PAGE, 12 * PAGE, 0],
      [PAGE, 2 ** 40, 0],
      [PAGE, 100 * PAGE, 3],
      [PAGE, 100 * PAGE, 16],
    ] as const)
      expect(machine.attempt('SetProcessWorkingSetSizeEx', -1, least, most, bits)).toEqual([
        0,
        ERROR_INVALID_PARAMETER,
      ]);
    expect(machine.call('SetProcessWorkingSetSizeEx', -1, 50 * PAGE, 345 * PAGE, 2)).toBe(1);
  });

  it('empty on request, and what is locked stays', () => {
    const base = touched(machine, 30);
    expect(machine.call('VirtualLock', base + 10 * PAGE + 5, PAGE)).toBe(1);
    expect(workingSet.locked).toBe(2);
    const before = space.workingSetPages;
    expect(machine.call('K32EmptyWorkingSet', -1)).toBe(1);
    expect(space.workingSetPages).toBeLessThan(before - 28);
    const { transition } = space.counters;
    expect(machine.u32(base + 11 * PAGE)).toBe(11);
    expect(space.counters.transition).toBe(transition);
    expect(machine.u32(base + 12 * PAGE)).toBe(12);
    expect(space.counters.transition).toBe(transition + 1);
    verify(machine.kernel.mm);
    expect(machine.call('VirtualUnlock', base + 10 * PAGE, 2 * PAGE)).toBe(1);
    expect(workingSet.locked).toBe(0);
    expect(machine.attempt('VirtualUnlock', base + 11 * PAGE, PAGE)).toEqual([0, ERROR_NOT_LOCKED]);
    expect(machine.u32(base + 11 * PAGE)).toBe(11);
    expect(space.counters.transition).toBeGreaterThan(transition + 1);
    verify(machine.kernel.mm);
  });

  it('lock no more than the minimum allows, and only what can be read', () => {
    const base = touched(machine, 60);
    expect(machine.attempt('VirtualLock', base, 43 * PAGE)).toEqual([0, ERROR_WORKING_SET_QUOTA]);
    expect(machine.attempt('VirtualLock', base, 0)).toEqual([0, ERROR_NOACCESS]);
    const reserved = machine.callAddress('VirtualAlloc', 0, PAGE, 0x2000, 4);
    expect(machine.attempt('VirtualLock', reserved, PAGE)).toEqual([0, ERROR_NOACCESS]);
    expect(machine.call('VirtualLock', base, 3 * PAGE)).toBe(1);
    expect(machine.call('VirtualFree', base, 0, 0x8000)).toBe(1);
    expect(workingSet.locked).toBe(0);
    verify(machine.kernel.mm);
  });

  it('keep to a hard maximum whatever memory there is', () => {
    expect(machine.call('SetProcessWorkingSetSizeEx', -1, 50 * PAGE, 100 * PAGE, 4)).toBe(1);
    const base = touched(machine, 200);
    expect(space.workingSetPages).toBeLessThanOrEqual(101);
    for (let page = 0; page < 200; page++) expect(machine.u32(base + page * PAGE)).toBe(page);
    verify(machine.kernel.mm);
  });

  it('are listed page by page, and the count says how much room that needs', () => {
    const base = touched(machine, 8);
    const buffer = machine.callAddress('VirtualAlloc', 0, 64 * PAGE, COMMIT, 4);
    const NOT_STORED = 0x55aa;
    machine.process.write(buffer, new Uint8Array(Uint32Array.of(NOT_STORED, 0).buffer));
    expect(machine.attempt('K32QueryWorkingSet', -1, buffer, 7)).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.pointer(buffer)).toBe(NOT_STORED);
    expect(machine.attempt('K32QueryWorkingSet', -1, buffer, 8)).toEqual([0, ERROR_BAD_LENGTH]);
    const needed = machine.pointer(buffer);
    expect(needed).toBe(workingSet.used);
    expect(machine.call('K32QueryWorkingSet', -1, buffer, 64 * PAGE)).toBe(1);
    const count = machine.pointer(buffer);
    const blocks = Array.from({ length: count }, (_, index) => machine.pointer(buffer + 8 + 8 * index));
    expect(blocks).toContain(base + 3 * PAGE + 4);
    expect(machine.attempt('K32QueryWorkingSet', -1, 0xdead_0000, 64 * PAGE)).toEqual([0, ERROR_NOACCESS]);
    expect(machine.attempt('K32QueryWorkingSet', 0x444, buffer, 64 * PAGE)).toEqual([
      0,
      ERROR_INVALID_HANDLE,
    ]);
    verify(machine.kernel.mm);
  });

  it('count the pages of the buffer that takes them', () => {
    expect(machine.call('SetProcessWorkingSetSizeEx', -1, 50 * PAGE, 345 * PAGE, 8)).toBe(1);
    const buffer = machine.callAddress('VirtualAlloc', 0, 64 * PAGE, COMMIT, 4);
    const before = workingSet.used;
    expect(machine.attempt('K32QueryWorkingSet', -1, buffer, 8 + 8 * before)).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.pointer(buffer)).toBeGreaterThan(before);
    expect(machine.call('K32QueryWorkingSet', -1, buffer, 8 + 8 * (before + 10))).toBe(1);
    const count = machine.pointer(buffer);
    const pages = Array.from({ length: count }, (_, index) =>
      Math.floor(machine.pointer(buffer + 8 + 8 * index) / PAGE),
    );
    expect(pages).toContain(buffer / PAGE);
  });

  it('describe the pages behind addresses', () => {
    const base = touched(machine, 2);
    const buffer = machine.space(32);
    const addresses = new BigUint64Array([BigInt(base), 0n, 0xffff_f680_0000_0000n, 0n]);
    machine.process.write(buffer, new Uint8Array(addresses.buffer));
    expect(machine.call('K32QueryWorkingSetEx', -1, buffer, 32)).toBe(1);
    expect(machine.u32(buffer + 8)).toBe(1 | (4 << 4) | (5 << 24));
    expect(machine.pointer(buffer + 24)).toBe(0);
    for (const bytes of [0, 15, 17])
      expect(machine.attempt('K32QueryWorkingSetEx', -1, buffer, bytes)).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.attempt('K32QueryWorkingSetEx', -1, 0, 16)).toEqual([0, ERROR_NOACCESS]);
  });

  it('of another process are seen through a handle that allows it', () => {
    const { kernel, process } = machine;
    const other = createProcess(kernel, {
      imagePath: null,
      commandLine: '',
      environment: [],
      currentDirectory: 'C:\\',
      suspended: false,
    });
    if (typeof other === 'number') throw new Error(other.toString(16));
    const theirs = new MachineProcess(kernel, other);
    const base = theirs.allocate(3 * PAGE);
    theirs.write(base + PAGE, Uint8Array.of(1));
    const handle = openHandle(process.object, other, PROCESS_QUERY_INFORMATION, 0);
    const buffer = machine.space(0x100);
    machine.process.write(buffer, new Uint8Array(0x100).fill(0xee));
    expect(machine.call('K32QueryWorkingSet', handle, buffer, 0x100)).toBe(1);
    expect(machine.pointer(buffer)).toBe(2);
    const behind = machine.process.read(buffer + 8 + 2 * 8, 0x100 - 8 - 2 * 8);
    expect(behind.every((byte) => byte === 0xee)).toBe(true);
    machine.process.write(buffer, new Uint8Array(new BigUint64Array([BigInt(base + PAGE), 0n]).buffer));
    expect(machine.call('K32QueryWorkingSetEx', handle, buffer, 16)).toBe(1);
    expect(machine.u32(buffer + 8)).toBe(1 | (4 << 4) | (5 << 24));
    expect(machine.call('K32GetProcessMemoryInfo', handle, buffer, 0x48)).toBe(1);
    expect(machine.pointer(buffer + 0x10)).toBe(other.space.workingSetPages * PAGE);
    const { mm } = kernel;
    for (const [name, bytes] of [
      ['K32QueryWorkingSet', 0x100],
      ['K32QueryWorkingSetEx', 16],
    ] as const) {
      expect(outSwapProcess(mm, other.space)).toBe(true);
      verify(mm);
      machine.process.write(buffer, new Uint8Array(new BigUint64Array([BigInt(base + PAGE), 0n]).buffer));
      expect(machine.call(name, handle, buffer, bytes)).toBe(1);
      expect(other.space.outSwapped, name).toBe(false);
    }
    expect(machine.u32(buffer + 8) & 1, 'valid').toBe(0);
    const blind = openHandle(process.object, other, PROCESS_TERMINATE, 0);
    for (const name of ['K32QueryWorkingSet', 'K32QueryWorkingSetEx', 'K32GetProcessMemoryInfo'])
      expect(machine.attempt(name, blind, buffer, 0x80)).toEqual([0, ERROR_ACCESS_DENIED]);
    theirs.terminate();
    for (const name of ['K32QueryWorkingSet', 'K32QueryWorkingSetEx'])
      expect(machine.attempt(name, handle, buffer, 0x80)).toEqual([0, ERROR_ACCESS_DENIED]);
    verify(kernel.mm);
  });
});

describe('a service that meets a guard page and then waits for another page', () => {
  const small = { ram: 8 * 2 ** 20, pageFiles: [{ initial: 2 ** 25, maximum: 2 ** 26 }] };
  const GUARDED = 0x104;

  it('has taken the guard away, and does not begin anew', () => {
    const { kernel, process } = new Win32Machine({ kernel: small });
    const [guarded, other] = [process.allocate(PAGE, { protection: GUARDED }), process.allocate(PAGE)];
    process.write(other, Uint8Array.of(7));
    swapPages(kernel.mm, process.object.space);
    kernel.attachProcess(process.object);
    kernel.memory.beginService(true);
    expect(() => kernel.memory.readU8(guarded)).toThrow(GuestFault);
    expect(kernel.memory.readU8(other)).toBe(7);
    verify(kernel.mm);
  });

  it('fails: VirtualLock', () => {
    const machine = new Win32Machine({ kernel: small });
    const { kernel, process } = machine;
    const page = process.allocate(PAGE, { protection: GUARDED });
    kernel.traceServices = true;
    kernel.mm.events.attach(({ kind, text }) => {
      const isFirst = kind === 'syscall' && kernel.currentThread!.pageWait.restarts === 0;
      if (isFirst && text.endsWith('!VirtualLock')) swapOut(kernel.mm, process.object.space);
    });
    expect(machine.attempt('VirtualLock', page, PAGE)).toEqual([0, STATUS_GUARD_PAGE_VIOLATION]);
    expect(machine.attempt('VirtualLock', page, PAGE)).toEqual([1, 0xdead]);
    verify(kernel.mm);
  });
});
