import { describe, expect, it } from 'vitest';
import { availableFrames } from '../../mm/page-lists.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const PAGE = 4096;
const COMMIT = 0x3000;
const ERROR_INVALID_HANDLE = 6;
const ERROR_BAD_LENGTH = 24;
const ERROR_INSUFFICIENT_BUFFER = 122;

describe('psapi.dll', () => {
  const machine = new Win32Machine();
  const { mm } = machine.kernel;

  it('forwards to kernel32', () => {
    const library = machine.callAddress('LoadLibraryA', machine.put('psapi.dll'));
    const kernel32 = machine.callAddress('GetModuleHandleA', machine.put('kernel32.dll'));
    for (const name of ['QueryWorkingSet', 'GetPerformanceInfo', 'EnumProcesses', 'GetModuleFileNameExW'])
      expect(machine.callAddress('GetProcAddress', library, machine.put(name))).toBe(
        machine.callAddress('GetProcAddress', kernel32, machine.put(`K32${name}`)),
      );
  });

  it('counts the memory of a process', () => {
    const base = machine.callAddress('VirtualAlloc', 0, 10 * PAGE, COMMIT, 4);
    const counters = machine.space(0x50);
    expect(machine.call('K32GetProcessMemoryInfo', -1, counters, 0x50)).toBe(1);
    const [faults, workingSet, commit] = [4, 0x10, 0x38].map((at) => machine.pointer(counters + at));
    expect(machine.u32(counters)).toBe(0x50);
    for (let page = 0; page < 10; page++) machine.process.write(base + page * PAGE, Uint8Array.of(1));
    expect(machine.call('K32GetProcessMemoryInfo', -1, counters, 0x48)).toBe(1);
    expect(machine.u32(counters)).toBe(0x48);
    expect(machine.u32(counters + 4)).toBe((faults! % 2 ** 32) + 10);
    expect(machine.pointer(counters + 0x10)).toBe(workingSet! + 10 * PAGE);
    expect(machine.pointer(counters + 0x38)).toBe(commit);
    expect(machine.pointer(counters + 0x48)).toBe(commit);
    expect(machine.attempt('K32GetProcessMemoryInfo', -1, counters, 0x47)).toEqual([
      0,
      ERROR_INSUFFICIENT_BUFFER,
    ]);
    expect(machine.attempt('K32GetProcessMemoryInfo', 0x444, counters, 0x48)).toEqual([
      0,
      ERROR_INVALID_HANDLE,
    ]);
  });

  it('counts the memory of the system', () => {
    const information = machine.space(0x68);
    expect(machine.attempt('K32GetPerformanceInfo', information, 0x67)).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.call('K32GetPerformanceInfo', information, 0x68)).toBe(1);
    const fields = Array.from({ length: 10 }, (_, index) => machine.pointer(information + 8 + 8 * index));
    expect(fields).toEqual([
      mm.commit.current,
      mm.commit.limit,
      mm.commit.peak,
      mm.pfn.frameCount,
      availableFrames(mm),
      mm.lists.standbyCount + mm.pagedPool.pages,
      mm.pagedPool.pages + mm.nonpagedPool.pages,
      mm.pagedPool.pages,
      mm.nonpagedPool.pages,
      PAGE,
    ]);
    expect([0x58, 0x5c, 0x60].map((at) => machine.u32(information + at))).toEqual([
      machine.process.object.handles.count,
      1,
      1,
    ]);
  });

  it('names the processes', () => {
    const [ids, needed] = [machine.space(16), machine.space(4)];
    expect(machine.call('K32EnumProcesses', ids, 16, needed)).toBe(1);
    expect([0, 4, 8].map((offset) => machine.u32(ids + offset))).toEqual([0, 4, machine.process.id]);
    expect(machine.u32(needed)).toBe(12);
    expect(machine.call('K32EnumProcesses', ids, 3, needed)).toBe(1);
    expect(machine.u32(needed)).toBe(0);
  });
});
