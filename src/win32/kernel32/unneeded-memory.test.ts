import { describe, expect, it } from 'vitest';
import * as m from '../../base/memory-constants.js';
import {
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_INVALID_PARAMETER_3,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { completeIo } from '../../testing/paging-io.js';
import { ServiceCaller } from '../../testing/service-caller.js';
import { repurposeAll, swapOut } from '../../testing/swap-out.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_SUCCESS = 0;
const ERROR_INVALID_HANDLE = 6;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_BUSY = 170;
const ERROR_INVALID_ADDRESS = 487;
const ERROR_NOACCESS = 998;
const COMMIT = m.MEM_RESERVE | m.MEM_COMMIT;

describe('memory that a program can do without', () => {
  const machine = new Win32Machine();
  const { mm } = machine.kernel;
  const space = machine.process.object.space;
  const base = machine.callAddress('VirtualAlloc', 0, 0x10000, COMMIT, m.PAGE_READWRITE);

  it('is reset and taken back as long as it is there', () => {
    machine.fill(base, 0x10000, 1);
    const reset = (type: number) => machine.attempt('VirtualAlloc', base, 0x10000, type, m.PAGE_NOACCESS)[1];
    const isDone = (type: number) =>
      machine.callAddress('VirtualAlloc', base, 0x10000, type, m.PAGE_NOACCESS);
    expect(isDone(m.MEM_RESET)).toBe(base);
    expect(isDone(m.MEM_RESET_UNDO)).toBe(base);
    expect(machine.u32(base)).toBe(0x01010101);
    expect(isDone(m.MEM_RESET)).toBe(base);
    swapOut(mm, space);
    expect(reset(m.MEM_RESET_UNDO)).toBe(ERROR_BUSY);
    expect(machine.u32(base)).toBe(0);
  });

  it('is offered, reclaimed and discarded', () => {
    machine.fill(base, 0x10000, 2);
    expect(machine.call('OfferVirtualMemory', base, 0x10000, 1)).toBe(ERROR_SUCCESS);
    expect(machine.call('ReclaimVirtualMemory', base, 0x10000)).toBe(ERROR_SUCCESS);
    expect(machine.u32(base)).toBe(0x02020202);
    expect(machine.call('OfferVirtualMemory', base, 0x10000, 4)).toBe(ERROR_SUCCESS);
    repurposeAll(mm);
    expect(machine.call('ReclaimVirtualMemory', base, 0x10000)).toBe(ERROR_BUSY);
    machine.fill(base, 0x10000, 3);
    expect(machine.call('DiscardVirtualMemory', base, 0x8000)).toBe(ERROR_SUCCESS);
    expect([machine.u32(base), machine.u32(base + 0x8000)]).toEqual([0, 0x03030303]);
  });

  it('is refused when it is not whole committed writable pages', () => {
    for (const name of ['DiscardVirtualMemory', 'ReclaimVirtualMemory', 'OfferVirtualMemory']) {
      expect(machine.call(name, base + 1, 0x1000, 1)).toBe(ERROR_INVALID_PARAMETER);
      expect(machine.call(name, base, 0x1001, 1)).toBe(ERROR_INVALID_PARAMETER);
      expect(machine.call(name, -4096, 0x1000, 1)).toBe(ERROR_INVALID_PARAMETER);
      expect(machine.call(name, 0x10_0000_0000, 0x1000, 1)).toBe(ERROR_INVALID_ADDRESS);
      expect(machine.call(name, base, 0x11000, 1)).toBe(ERROR_INVALID_PARAMETER);
    }
    expect(machine.call('OfferVirtualMemory', base, 0x1000, 5)).toBe(ERROR_INVALID_PARAMETER);
  });
});

describe('PrefetchVirtualMemory', () => {
  const machine = new Win32Machine();
  const { mm } = machine.kernel;
  const base = machine.callAddress('VirtualAlloc', 0, 0x20000, COMMIT, m.PAGE_READWRITE);
  const ranges = machine.space(32);
  const put = (index: number, address: number, bytes: number) =>
    machine.process.write(
      ranges + index * 16,
      new Uint8Array(BigUint64Array.of(BigInt(address), BigInt(bytes)).buffer),
    );

  it('reads what is on the disk, so that touching it is no hard fault', () => {
    machine.fill(base, 0x20000, 5);
    put(0, base, 0x8000);
    put(1, base + 0x10000, 0x8000);
    swapOut(mm, machine.process.object.space);
    expect(machine.call('PrefetchVirtualMemory', -1, 2, ranges, 0)).toBe(1);
    completeIo(mm);
    const { hard } = mm.counters;
    for (const at of [base, base + 0x7000, base + 0x17000]) expect(machine.u32(at)).toBe(0x05050505);
    expect(mm.counters.hard).toBe(hard);
  });

  it('takes addresses that are nothing, and refuses flags, no ranges and bad pointers', () => {
    put(0, 0x7000_0000_0000, 2 ** 50);
    put(1, 0, 2 ** 63);
    expect(machine.call('PrefetchVirtualMemory', -1, 2, ranges, 0)).toBe(1);
    expect(machine.attempt('PrefetchVirtualMemory', -1, 2, ranges, 1)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.attempt('PrefetchVirtualMemory', -1, 0, ranges, 0)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.attempt('PrefetchVirtualMemory', -1, 1, 16, 0)).toEqual([0, ERROR_NOACCESS]);
    expect(machine.attempt('PrefetchVirtualMemory', 0x9990, 1, ranges, 0)).toEqual([0, ERROR_INVALID_HANDLE]);
  });
});

describe('NtSetInformationVirtualMemory', () => {
  it('knows prefetching, without flags', () => {
    const caller = new ServiceCaller();
    const { data, memory } = caller;
    memory.writePointer(data, data);
    memory.writeU64(data + 8, 4096, 0);
    const set = (kind: number, count: number, length: number) =>
      caller.call('NtSetInformationVirtualMemory', -1, kind, count, data, data + 0x20, length);
    expect(set(0, 1, 4)).toBe(STATUS_SUCCESS);
    expect(set(0, 0, 4)).toBe(STATUS_INVALID_PARAMETER_3);
    expect(set(0, 1, 8)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    expect(set(99, 1, 4)).toBe(STATUS_INVALID_INFO_CLASS);
    caller.memory.writeU32(data + 0x20, 1);
    expect(set(0, 1, 4)).toBe(STATUS_INVALID_PARAMETER);
  });
});
