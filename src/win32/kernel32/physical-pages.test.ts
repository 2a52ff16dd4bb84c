import { describe, expect, it } from 'vitest';
import { PAGE_READWRITE } from '../../base/memory-constants.js';
import { verify } from '../../mm/verify.js';
import { ModuleMachine } from '../../testing/win32-machine.js';

const CURRENT = -1;
const PAGE = 4096;
const LARGE = 0x200000;
const WINDOW = 0x402000;
const LARGE_PAGES = 0x20003000;
const TOKEN_ALL = 0x28;
const SE_LOCK_MEMORY = 4;
const ENABLED = 2;
const ERROR_PRIVILEGE_NOT_HELD = 1314;
const ERROR_NOT_ALL_ASSIGNED = 1300;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_NO_SYSTEM_RESOURCES = 1450;
const ERROR_NOACCESS = 998;

function make(privileges: readonly number[] = [SE_LOCK_MEMORY]) {
  const machine = new ModuleMachine('advapi32.dll', { kernel: { privileges } });
  const enable = () => {
    const [token, state] = [machine.space(8), machine.space(16)];
    expect(machine.call('OpenProcessToken', CURRENT, TOKEN_ALL, token)).toBe(1);
    machine.process.write(state, new Uint8Array(Uint32Array.of(1, SE_LOCK_MEMORY, 0, ENABLED).buffer));
    return machine.attempt('AdjustTokenPrivileges', machine.pointer(token), 0, state, 0, 0, 0);
  };
  const count = machine.space(8);
  const frames = machine.space(64 * 8);
  const allocate = (pages: number) => {
    machine.putNumber(count, pages);
    const result = machine.attempt('AllocateUserPhysicalPages', CURRENT, count, frames);
    return [...result, machine.pointer(count)];
  };
  const free = (pages: number) => {
    machine.putNumber(count, pages);
    const result = machine.attempt('FreeUserPhysicalPages', CURRENT, count, frames);
    return [...result, machine.pointer(count)];
  };
  const map = (address: number, pages: number, at: number) =>
    machine.attempt('MapUserPhysicalPages', address, pages, at);
  return { machine, enable, allocate, free, map, count, frames };
}

describe('the privilege to lock memory', () => {
  it('is not an ordinary user’s', () => {
    const { machine, enable, allocate } = make([]);
    expect(enable()).toEqual([1, ERROR_NOT_ALL_ASSIGNED]);
    expect(allocate(1)).toEqual([0, ERROR_PRIVILEGE_NOT_HELD, 1]);
    expect(machine.attempt('VirtualAlloc', 0, LARGE, LARGE_PAGES, PAGE_READWRITE)).toEqual([
      0,
      ERROR_PRIVILEGE_NOT_HELD,
    ]);
  });

  it('must be enabled first', () => {
    const { machine, enable, allocate } = make();
    expect(allocate(1)[1]).toBe(ERROR_PRIVILEGE_NOT_HELD);
    expect(enable()).toEqual([1, 0]);
    expect(allocate(1)).toEqual([1, 0xdead, 1]);
    const size = machine.call('GetLargePageMinimum');
    const base = machine.callAddress('VirtualAlloc', 0, size, LARGE_PAGES, PAGE_READWRITE);
    expect([size, base % LARGE]).toEqual([LARGE, 0]);
    machine.process.write(base + 0x12345, Uint8Array.of(1, 2, 3));
    verify(machine.kernel.mm);
    expect(machine.call('VirtualFree', base, 0, 0x8000)).toBe(1);
    expect(machine.attempt('VirtualAlloc', 0, 0x4000_0000, LARGE_PAGES, PAGE_READWRITE)).toEqual([
      0,
      ERROR_NO_SYSTEM_RESOURCES,
    ]);
  });
});

describe('file mappings in large pages', () => {
  const SECTION = 0x88000004;
  const FILE_MAP_ALL = 0xf001f;
  const FILE_MAP_LARGE_PAGES = 0x20000000;

  it('need the privilege, and show large pages where asked', () => {
    const { machine, enable } = make();
    const create = (size: number) => machine.attempt('CreateFileMappingA', -1, 0, SECTION, 0, size, 0);
    expect(create(LARGE)).toEqual([0, ERROR_PRIVILEGE_NOT_HELD]);
    enable();
    expect(create(LARGE + PAGE)).toEqual([0, ERROR_INVALID_PARAMETER]);
    const [mapping] = create(LARGE);
    const map = (of: number, access: number) => machine.callAddress('MapViewOfFile', of, access, 0, 0, 0);
    const [large, small] = [map(mapping, FILE_MAP_ALL | FILE_MAP_LARGE_PAGES), map(mapping, FILE_MAP_ALL)];
    expect(large % LARGE).toBe(0);
    machine.process.write(large + 0x123456, Uint8Array.of(1, 2, 3));
    expect(machine.process.read(small + 0x123456, 3)).toEqual(Uint8Array.of(1, 2, 3));
    verify(machine.kernel.mm);
    const other = machine.call('CreateFileMappingA', -1, 0, PAGE_READWRITE, 0, LARGE, 0);
    expect(map(other, FILE_MAP_ALL | FILE_MAP_LARGE_PAGES)).toBe(0);
    expect(machine.lastError).toBe(ERROR_INVALID_PARAMETER);
    expect(machine.call('CloseHandle', mapping)).toBe(1);
    expect(machine.call('UnmapViewOfFile', large)).toBe(1);
    expect(machine.process.read(small + 0x123456, 3)).toEqual(Uint8Array.of(1, 2, 3));
    verify(machine.kernel.mm);
  });
});

describe('AllocateUserPhysicalPages and its kin', () => {
  it('show pages by turns', () => {
    const { machine, enable, allocate, free, map, frames } = make();
    enable();
    const window = machine.callAddress('VirtualAlloc', 0, 4 * PAGE, WINDOW, PAGE_READWRITE);
    expect(allocate(8)).toEqual([1, 0xdead, 8]);
    expect(map(window, 4, frames)).toEqual([1, 0xdead]);
    machine.process.write(window + 5, Uint8Array.of(55));
    expect(map(window, 4, frames + 32)).toEqual([1, 0xdead]);
    expect(machine.process.read(window + 5, 1)).toEqual(Uint8Array.of(0));
    expect(map(window + PAGE, 1, frames)).toEqual([1, 0xdead]);
    expect(machine.process.read(window + PAGE + 5, 1)).toEqual(Uint8Array.of(55));
    const places = machine.space(16);
    machine.putNumber(places, window);
    machine.putNumber(places + 8, window + PAGE);
    expect(machine.attempt('MapUserPhysicalPagesScatter', places, 2, 0)).toEqual([1, 0xdead]);
    expect(map(window, 1, frames)).toEqual([1, 0xdead]);
    expect(machine.process.read(window + 5, 1)).toEqual(Uint8Array.of(55));
    verify(machine.kernel.mm);
    expect(free(8)).toEqual([1, 0xdead, 8]);
    expect(free(8)).toEqual([0, ERROR_INVALID_PARAMETER, 0]);
    verify(machine.kernel.mm);
  });

  it('refuse what is wrong', () => {
    const { machine, enable, allocate, map, count, frames } = make();
    enable();
    const window = machine.callAddress('VirtualAlloc', 0, 4 * PAGE, WINDOW, PAGE_READWRITE);
    allocate(4);
    expect(map(window + PAGE, 4, frames)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(map(window, 2 ** 40, frames)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(map(window, 2 ** 40, 0)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(map(frames, 1, frames)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(map(window, 1, 0x1000)).toEqual([0, ERROR_NOACCESS]);
    expect(machine.attempt('MapUserPhysicalPagesScatter', window, 2 ** 30, frames)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
    expect(machine.attempt('AllocateUserPhysicalPages', CURRENT, 0x1000, frames)).toEqual([
      0,
      ERROR_NOACCESS,
    ]);
    expect(machine.attempt('AllocateUserPhysicalPagesNuma', CURRENT, count, frames, 7)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
    machine.putNumber(count, 2 ** 60);
    expect(machine.attempt('AllocateUserPhysicalPages', CURRENT, count, 0x1000)).toEqual([0, ERROR_NOACCESS]);
    machine.putNumber(count, 1);
    expect(machine.attempt('AllocateUserPhysicalPages2', CURRENT, count, frames, 0, 0)).toEqual([1, 0xdead]);
    expect(machine.attempt('AllocateUserPhysicalPages2', CURRENT, count, frames, 0, 1)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
    verify(machine.kernel.mm);
  });
});
