import { describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const PAGE = 4096;
const COMMIT = 0x3000;
const ERROR_INVALID_HANDLE = 6;
const ERROR_BAD_LENGTH = 24;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_NOACCESS = 998;
const ERROR_PRIVILEGE_NOT_HELD = 1314;
const CURRENT_PROCESS = -1;
const CURRENT_THREAD = -2;

describe('memory priority', () => {
  const machine = new Win32Machine();
  const { pfn } = machine.kernel.mm;
  const information = machine.space(4);
  const give = (priority: number) => {
    machine.process.write(information, new Uint8Array(Uint32Array.of(priority).buffer));
    return information;
  };
  const ofProcess = () => {
    expect(machine.call('GetProcessInformation', CURRENT_PROCESS, 0, information, 4)).toBe(1);
    return machine.u32(information);
  };
  const ofThread = () => {
    expect(machine.call('GetThreadInformation', CURRENT_THREAD, 0, information, 4)).toBe(1);
    return machine.u32(information);
  };
  /** The priority of a page that the program itself touches for the first time, as QueryWorkingSetEx tells. */
  const ofNewPage = () => {
    const base = machine.callAddress('VirtualAlloc', 0, PAGE, COMMIT, 4);
    machine.call('RtlZeroMemory', base, 16);
    const entry = machine.space(16);
    machine.process.write(entry, new Uint8Array(new BigUint64Array([BigInt(base), 0n]).buffer));
    expect(machine.call('K32QueryWorkingSetEx', CURRENT_PROCESS, entry, 16)).toBe(1);
    expect(machine.u32(entry + 8) & 1).toBe(1);
    return (machine.u32(entry + 8) >>> 24) & 7;
  };

  it('is normal unless a process or a thread sets its own', () => {
    expect([ofProcess(), ofThread(), ofNewPage()]).toEqual([5, 5, 5]);
    expect(machine.call('SetProcessInformation', CURRENT_PROCESS, 0, give(2), 4)).toBe(1);
    expect([ofProcess(), ofThread(), ofNewPage()]).toEqual([2, 2, 2]);
    expect(machine.call('SetThreadInformation', CURRENT_THREAD, 0, give(1), 4)).toBe(1);
    expect([ofProcess(), ofThread(), ofNewPage()]).toEqual([2, 1, 1]);
    expect(machine.call('SetProcessInformation', CURRENT_PROCESS, 0, give(5), 4)).toBe(1);
    expect([ofProcess(), ofThread(), ofNewPage()]).toEqual([5, 1, 1]);
    expect(machine.call('SetThreadInformation', CURRENT_THREAD, 0, give(5), 4)).toBe(1);
    expect(ofNewPage()).toBe(5);
    expect(pfn.pagePriority).toBe(5);
    verify(machine.kernel.mm);
  });

  it('refuses what is no priority', () => {
    for (const name of ['SetProcessInformation', 'SetThreadInformation']) {
      const self = name === 'SetProcessInformation' ? CURRENT_PROCESS : CURRENT_THREAD;
      expect(machine.attempt(name, self, 0, give(8), 4)).toEqual([0, ERROR_INVALID_PARAMETER]);
      expect(machine.attempt(name, self, 0, give(7), 4)).toEqual([0, ERROR_PRIVILEGE_NOT_HELD]);
      expect(machine.attempt(name, self, 1, give(1), 4)).toEqual([0, ERROR_INVALID_PARAMETER]);
      expect(machine.attempt(name, self, 0, give(1), 8)).toEqual([0, ERROR_BAD_LENGTH]);
      expect(machine.attempt(name, self, 0, 0, 4)).toEqual([0, ERROR_NOACCESS]);
      expect(machine.attempt(name, 0x444, 0, give(1), 4)).toEqual([0, ERROR_INVALID_HANDLE]);
    }
    expect(machine.attempt('GetProcessInformation', CURRENT_PROCESS, 0, 0, 4)).toEqual([0, ERROR_NOACCESS]);
    expect([ofProcess(), ofThread()]).toEqual([5, 5]);
  });
});
