import { describe, expect, it } from 'vitest';
import * as m from '../../base/memory-constants.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_INVALID_PARAMETER = 87;
const ERROR_INVALID_HANDLE = 6;
const ERROR_INVALID_ADDRESS = 487;
const ERROR_NOT_ENOUGH_MEMORY = 8;
const ERROR_NOACCESS = 998;
const ERROR_PRIVILEGE_NOT_HELD = 1314;
const RESERVE = m.MEM_RESERVE | m.MEM_RESERVE_PLACEHOLDER;
const REPLACE = m.MEM_RESERVE | m.MEM_REPLACE_PLACEHOLDER;
const PRESERVE = m.MEM_RELEASE | m.MEM_PRESERVE_PLACEHOLDER;
const ADDRESS_REQUIREMENTS = 1;
const NUMA_NODE = 2;
const ATTRIBUTE_FLAGS = 5;

function putNumber(machine: Win32Machine, address: number, value: number): void {
  machine.process.write(address, new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
}

/** An array of MEM_EXTENDED_PARAMETER; returns its address. */
function parameters(machine: Win32Machine, ...list: (readonly [type: number, value: number])[]): number {
  const at = machine.space(16 * list.length);
  list.forEach(([type, value], index) => {
    putNumber(machine, at + index * 16, type);
    putNumber(machine, at + index * 16 + 8, value);
  });
  return at;
}

function requirements(machine: Win32Machine, lowest: number, highest: number, alignment: number): number {
  const at = machine.space(24);
  putNumber(machine, at, lowest);
  putNumber(machine, at + 8, highest);
  putNumber(machine, at + 16, alignment);
  return at;
}

describe('VirtualAlloc2', () => {
  const machine = new Win32Machine();
  const allocate = (base: number, size: number, type: number, protect: number, at = 0, count = 0) =>
    machine.callAddress('VirtualAlloc2', 0, base, size, type, protect, at, count);
  /** What a refused call says. */
  const refusal = (base: number, size: number, type: number, protect: number, at = 0, count = 0) =>
    machine.attempt('VirtualAlloc2', 0, base, size, type, protect, at, count);

  it('reserves a placeholder that is split and replaced by memory and a view side by side', () => {
    const base = allocate(0, 0x20000, RESERVE, m.PAGE_NOACCESS);
    expect(base % 0x10000).toBe(0);
    expect(machine.call('VirtualFree', base, 0x10000, PRESERVE)).toBe(1);
    expect(allocate(base, 0x10000, REPLACE | m.MEM_COMMIT, m.PAGE_READWRITE)).toBe(base);
    const mapping = machine.call('CreateFileMappingA', -1, 0, m.PAGE_READWRITE, 0, 0x10000, 0);
    const view = machine.callAddress(
      'MapViewOfFile3',
      ...[mapping, -1, base + 0x10000, 0, 0x10000, m.MEM_REPLACE_PLACEHOLDER, m.PAGE_READWRITE, 0, 0],
    );
    expect(view).toBe(base + 0x10000);
    machine.fill(base + 0xfff0, 0x20, 0x5a);
    expect(machine.u32(view)).toBe(0x5a5a5a5a);
    expect(machine.call('UnmapViewOfFile2', -1, view, m.MEM_PRESERVE_PLACEHOLDER)).toBe(1);
    expect(machine.call('VirtualFree', base, 0x10000, PRESERVE)).toBe(1);
    expect(machine.call('VirtualFree', base, 0x20000, m.MEM_RELEASE | m.MEM_COALESCE_PLACEHOLDERS)).toBe(1);
    expect(machine.attempt('VirtualAlloc', base, 4096, m.MEM_COMMIT, m.PAGE_READWRITE)).toEqual([
      0,
      ERROR_INVALID_ADDRESS,
    ]);
    expect(machine.call('VirtualFree', base, 0, m.MEM_RELEASE)).toBe(1);
  });

  it('obeys address requirements and refuses what does not make sense', () => {
    const within = requirements(machine, 0x2_0000_0000, 0x2_ffff_ffff, 0x1000_0000);
    const list = parameters(machine, [ADDRESS_REQUIREMENTS, within], [NUMA_NODE, 0]);
    expect(allocate(0, 0x1000, m.MEM_RESERVE, m.PAGE_NOACCESS, list, 2)).toBe(0x2_0000_0000);
    expect(allocate(0, 0x1000, m.MEM_RESERVE, m.PAGE_NOACCESS, list, 2)).toBe(0x2_1000_0000);
    expect(refusal(0, 0x2_0000_0000, m.MEM_RESERVE, m.PAGE_NOACCESS, list, 2)).toEqual([
      0,
      ERROR_NOT_ENOUGH_MEMORY,
    ]);
    expect(refusal(0x3_0000_0000, 0x1000, m.MEM_RESERVE, m.PAGE_NOACCESS, list, 1)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
  });

  it.each([
    [
      'a type twice',
      [
        [NUMA_NODE, 0],
        [NUMA_NODE, 0],
      ],
      ERROR_INVALID_PARAMETER,
    ],
    ['an unknown type', [[7, 0]], ERROR_INVALID_PARAMETER],
    ['type 0', [[0, 0]], ERROR_INVALID_PARAMETER],
    ['reserved bits', [[NUMA_NODE + 0x100, 0]], ERROR_INVALID_PARAMETER],
    ['a node that does not exist', [[NUMA_NODE, 1]], ERROR_INVALID_PARAMETER],
    ['a partition', [[3, 4]], ERROR_INVALID_HANDLE],
    ['an image machine', [[6, 0x8664]], ERROR_INVALID_PARAMETER],
    ['nonpaged memory', [[ATTRIBUTE_FLAGS, 2]], ERROR_PRIVILEGE_NOT_HELD],
    ['an unknown attribute', [[ATTRIBUTE_FLAGS, 0x1000]], ERROR_INVALID_PARAMETER],
    ['requirements at a bad pointer', [[ADDRESS_REQUIREMENTS, 16]], ERROR_NOACCESS],
  ] as const)('refuses %s', (_, list, error) => {
    const at = parameters(machine, ...list);
    expect(refusal(0, 0x1000, m.MEM_RESERVE, m.PAGE_NOACCESS, at, list.length)).toEqual([0, error]);
  });

  it('refuses a count without parameters, and parameters that cannot be read', () => {
    expect(refusal(0, 0x1000, m.MEM_RESERVE, m.PAGE_NOACCESS, 0, 1)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(refusal(0, 0x1000, m.MEM_RESERVE, m.PAGE_NOACCESS, 16, 1)).toEqual([0, ERROR_NOACCESS]);
    expect(refusal(0, 0x1000, m.MEM_RESERVE, m.PAGE_NOACCESS, 16, 100)).toEqual([0, ERROR_INVALID_PARAMETER]);
  });

  it('lets apps have no memory that runs', () => {
    const run = m.PAGE_EXECUTE_READWRITE;
    const type = m.MEM_RESERVE | m.MEM_COMMIT;
    expect(machine.attempt('VirtualAllocFromApp', 0, 4096, type, run)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.attempt('VirtualAlloc2FromApp', 0, 0, 4096, type, run, 0, 0)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
    const base = machine.callAddress('VirtualAllocFromApp', 0, 4096, type, m.PAGE_READWRITE);
    const old = machine.space(4);
    expect(machine.call('VirtualProtectFromApp', base, 4096, m.PAGE_EXECUTE_READ, old)).toBe(1);
    expect(machine.u32(old)).toBe(m.PAGE_READWRITE);
  });

  it('takes the only node there is, or none', () => {
    const type = m.MEM_RESERVE | m.MEM_COMMIT;
    for (const node of [0, -1])
      expect(machine.callAddress('VirtualAllocExNuma', -1, 0, 4096, type, m.PAGE_READWRITE, node)).not.toBe(
        0,
      );
    expect(machine.attempt('VirtualAllocExNuma', -1, 0, 4096, type, m.PAGE_READWRITE, 1)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
  });
});

describe('MapViewOfFile3 and MapViewOfFileNuma2', () => {
  const machine = new Win32Machine();
  const mapping = machine.call('CreateFileMappingA', -1, 0, m.PAGE_READWRITE, 0, 0x30000, 0);

  it('round the base down to 64 KB, or keep to requirements', () => {
    const map = (base: number, offset: number, at = 0, count = 0) =>
      machine.callAddress('MapViewOfFile3', mapping, 0, base, offset, 0, 0, m.PAGE_READWRITE, at, count);
    const view = map(0x5000_8000, 0x10000);
    expect(view).toBe(0x5000_0000);
    const within = requirements(machine, 0x3_0000_0000, 0, 0);
    const other = map(0, 0, parameters(machine, [ADDRESS_REQUIREMENTS, within]), 1);
    expect(other).toBe(0x3_0000_0000);
    machine.fill(view, 4, 0x77);
    expect(machine.u32(other + 0x10000)).toBe(0x77777777);
    const numa = machine.callAddress(
      'MapViewOfFileNuma2',
      mapping,
      -1,
      0x10000,
      0,
      0,
      0,
      m.PAGE_READWRITE,
      -1,
    );
    expect(machine.u32(numa)).toBe(0x77777777);
    for (const at of [view, other, numa]) expect(machine.call('UnmapViewOfFileEx', at, 0)).toBe(1);
    expect(machine.attempt('UnmapViewOfFileEx', view, 0)).toEqual([0, ERROR_INVALID_ADDRESS]);
  });
});

describe('GetWriteWatch', () => {
  const machine = new Win32Machine();
  const type = m.MEM_RESERVE | m.MEM_COMMIT | m.MEM_WRITE_WATCH;
  const base = machine.callAddress('VirtualAlloc', 0, 0x100_0000, type, m.PAGE_READWRITE);
  const [array, count, granularity] = [machine.space(8 * 4096), machine.space(8), machine.space(4)];
  const report = (flags: number, room: number, bytes = 0x100_0000) => {
    putNumber(machine, count, room);
    expect(machine.call('GetWriteWatch', flags, base, bytes, array, count, granularity)).toBe(0);
    expect(machine.u32(granularity)).toBe(4096);
    return Array.from(
      { length: machine.u32(count) },
      (_, index) => machine.pointer(array + index * 8) - base,
    );
  };

  it('reports pages that services wrote to, more than a chunk of them', () => {
    expect(report(0, 16)).toEqual([]);
    machine.call('RtlFillMemory', base + 0x1800, 700 * 4096, 1);
    const expected = Array.from({ length: 701 }, (_, index) => 0x1000 + index * 0x1000);
    expect(report(0, 4096)).toEqual(expected);
    expect(report(1, 600)).toEqual(expected.slice(0, 600));
    expect(report(1, 4096)).toEqual(expected.slice(600));
    expect(report(0, 4096)).toEqual([]);
  });

  it('refuses other flags, no room and memory that is not watched', () => {
    const refusal = (flags: number, at: number, room: number) => {
      putNumber(machine, count, room);
      return machine.attempt('GetWriteWatch', flags, at, 4096, array, count, granularity);
    };
    const failed = [-1, ERROR_INVALID_PARAMETER];
    const asNumbers = ([result, error]: [number, number]) => [result | 0, error];
    expect(asNumbers(refusal(2, base, 16))).toEqual(failed);
    expect(asNumbers(refusal(0, base, 0))).toEqual(failed);
    expect(asNumbers(refusal(0, array, 16))).toEqual(failed);
    expect(asNumbers(machine.attempt('ResetWriteWatch', array, 4096))).toEqual(failed);
    expect(asNumbers(machine.attempt('GetWriteWatch', 0, base, 4096, 16, count, granularity))).toEqual([
      -1,
      ERROR_NOACCESS,
    ]);
    expect(machine.call('ResetWriteWatch', base, 4096)).toBe(0);
  });
});
