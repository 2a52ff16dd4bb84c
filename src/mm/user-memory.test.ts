import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_RESERVE,
  PAGE_GUARD,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import { STATUS_ACCESS_VIOLATION, STATUS_GUARD_PAGE_VIOLATION, STATUS_SUCCESS } from '../base/ntstatus.js';
import { createTestMachine, type TestMachine } from '../testing/small-machine.js';
import { GuestFault, NON_CANONICAL } from './user-memory.js';
import { allocateVirtualMemory, protectVirtualMemory } from './virtual-memory.js';

const PAGES = 6;

function machineWithPages(): TestMachine & { base: number } {
  const machine = createTestMachine(128);
  const request = { baseAddress: 0, regionSize: PAGES * 4096 };
  const type = MEM_RESERVE | MEM_COMMIT;
  expect(allocateVirtualMemory(machine.mm, machine.space, request, type, PAGE_READWRITE)).toBe(
    STATUS_SUCCESS,
  );
  return { ...machine, base: request.baseAddress };
}

function protect({ mm, space }: TestMachine, address: number, protection: number): void {
  const request = { baseAddress: address, regionSize: 1 };
  expect(protectVirtualMemory(mm, space, request, protection, { oldProtect: 0 })).toBe(STATUS_SUCCESS);
}

function faultOf(action: () => unknown): GuestFault {
  try {
    action();
  } catch (error) {
    if (error instanceof GuestFault) return error;
    throw error;
  }
  throw new Error('no fault');
}

describe('UserMemory', () => {
  it('reads and writes values, also across pages', () => {
    const { user, base } = machineWithPages();
    for (const at of [base + 16, base + 4096 - 1, base + 4096 - 3, base + 4096 - 7]) {
      user.writeU8(at, 0xfe);
      expect(user.readU8(at)).toBe(0xfe);
      user.writeU16(at, 0xfedc);
      expect(user.readU16(at)).toBe(0xfedc);
      user.writeU32(at, 0xfedc_ba98);
      expect(user.readU32(at)).toBe(0xfedc_ba98);
      expect(user.readI32(at)).toBe(0xfedc_ba98 | 0);
      user.writeU64(at, 0x89ab_cdef, 0x0123_4567);
      expect([user.readU64Lo(at), user.readU64Hi(at)]).toEqual([0x89ab_cdef, 0x0123_4567]);
      user.writeDouble(at, -1.5e300);
      expect(user.readDouble(at)).toBe(-1.5e300);
      user.writePointer(at, 0x7fff_1234_5678);
      expect(user.readPointer(at)).toBe(0x7fff_1234_5678);
    }
  });

  it('keeps pointers canonical and refuses those that are not', () => {
    const { user, base } = machineWithPages();
    user.writePointer(base, 0xf680_0000_1000);
    expect([user.readU64Lo(base), user.readU64Hi(base)]).toEqual([0x1000, 0xffff_f680]);
    expect(user.readPointer(base)).toBe(0xf680_0000_1000);
    user.writeU64(base, 0x1000, 0x0001_7fff);
    expect(user.readPointer(base)).toBe(NON_CANONICAL);
    user.writeU64(base, 0, 0x0000_8000);
    expect(user.readPointer(base)).toBe(NON_CANONICAL);
    for (const address of [NON_CANONICAL, 0xf680_0000_1000, 2 ** 47, -1, Number.NaN]) {
      expect(faultOf(() => user.readU8(address))).toMatchObject({
        status: STATUS_ACCESS_VIOLATION,
        isWrite: false,
      });
      expect(faultOf(() => user.writeU8(address, 1))).toMatchObject({
        status: STATUS_ACCESS_VIOLATION,
        isWrite: true,
      });
    }
  });

  it('names the address and the kind of a violation, and counts it', () => {
    const machine = machineWithPages();
    const { mm, user, base } = machine;
    protect(machine, base + 4096, PAGE_READONLY);
    protect(machine, base + 8192, PAGE_READWRITE | PAGE_GUARD);
    const before = mm.counters.accessViolation;
    expect(faultOf(() => user.writeU32(base + 4094, 1))).toEqual(
      new GuestFault(STATUS_ACCESS_VIOLATION, base + 4096, true),
    );
    expect(user.readU16(base + 4094)).toBe(0);
    expect(faultOf(() => user.readBytes(base, 3 * 4096))).toEqual(
      new GuestFault(STATUS_GUARD_PAGE_VIOLATION, base + 8192, false),
    );
    expect(mm.counters.accessViolation).toBe(before + 1);
    expect(faultOf(() => user.readBytes(base, 2 ** 40))).toMatchObject({ status: STATUS_ACCESS_VIOLATION });
  });

  it('probes whole ranges before anything changes', () => {
    const machine = machineWithPages();
    const { user, base } = machine;
    protect(machine, base + 2 * 4096, PAGE_READONLY);
    user.probeWrite(base + 100, 2 * 4096 - 100);
    user.probeRead(base, PAGES * 4096);
    user.probeWrite(base + 2 * 4096, 0);
    expect(faultOf(() => user.probeWrite(base + 100, 2 * 4096)).address).toBe(base + 2 * 4096);
    expect(faultOf(() => user.probeRead(base, PAGES * 4096 + 1)).address).toBe(base + PAGES * 4096);
  });

  it('moves bytes by pages', () => {
    const { user, base } = machineWithPages();
    const data = Uint8Array.from({ length: 10_000 }, (_, index) => index * 7);
    user.writeBytes(base + 333, data);
    expect(user.readBytes(base + 333, data.length)).toEqual(data);
    user.copy(base + 1333, base + 333, data.length);
    expect(user.readBytes(base + 1333, data.length)).toEqual(data);
    user.copy(base + 50, base + 1333, data.length);
    expect(user.readBytes(base + 50, data.length)).toEqual(data);
    user.copy(base + 51, base + 50, data.length);
    expect(user.readBytes(base + 51, data.length)).toEqual(data);
    expect(user.compare(base + 51, base + 51, data.length)).toBe(0);
    user.writeU8(base + 51 + 9000, data[9000]! ^ 1);
    user.writeBytes(base + 12_000, data);
    expect(Math.sign(user.compare(base + 51, base + 12_000, data.length))).toBe(data[9000]! & 1 ? -1 : 1);
    user.fill(base + 4000, 5000, 0x5a);
    expect(user.readBytes(base + 4000, 5000).every((byte) => byte === 0x5a)).toBe(true);
  });

  it('reads and writes strings, and looks no further than their end', () => {
    const { user, base } = machineWithPages();
    const last = base + PAGES * 4096;
    user.writeAnsi(last - 7, 'h\u00e9llo\u2192');
    user.writeU8(last - 1, 0);
    expect(user.readAnsi(last - 7)).toBe('h\u00e9llo?');
    expect(user.findByte(last - 7, 0, 1000)).toBe(6);
    expect(user.findByte(last - 7, 0x6c, 3)).toBe(2);
    expect(user.findByte(last - 7, 0x7a, 7)).toBe(-1);
    expect(user.readAnsi(last - 7, 2)).toBe('h\u00e9');
    user.writeU8(last - 1, 1);
    expect(faultOf(() => user.readAnsi(last - 7)).address).toBe(last);
    user.writeUtf16(base + 4093, 'na\u00efve \u{1f600}');
    expect(user.readUtf16(base + 4093)).toBe('na\u00efve \u{1f600}');
    expect(user.readUtf16(base + 4093, 3)).toBe('na\u00ef');
  });
});

describe('texts of a program', () => {
  it('are read across pages up to their end or a limit, from any address', () => {
    const { user, base } = machineWithPages();
    const text = Array.from({ length: 5000 }, (_, index) => String.fromCharCode(1 + (index % 255))).join('');
    for (const at of [base, base + 1, base + 4095]) {
      user.writeAnsi(at, `${text}\0x`);
      expect(user.readAnsi(at)).toBe(text);
      expect(user.readAnsi(at, 4097)).toBe(text.slice(0, 4097));
      user.writeUtf16(at, `${text}\u0100\0x`);
      expect(user.readUtf16(at)).toBe(`${text}\u0100`);
      expect(user.readUtf16(at, 2049)).toBe(text.slice(0, 2049));
    }
  });

  it('may end with the last byte that can be read', () => {
    const { user, base } = machineWithPages();
    const end = base + PAGES * 4096;
    user.writeAnsi(end - 3, 'ab\0');
    expect(user.readAnsi(end - 3)).toBe('ab');
    user.writeAnsi(end - 1, 'c');
    expect(faultOf(() => user.readAnsi(end - 3)).address).toBe(end);
    expect(user.readAnsi(end - 3, 3)).toBe('abc');
    expect(user.readUtf16(end - 3, 1)).toBe('\u6261');
    expect(faultOf(() => user.readUtf16(end - 3)).address).toBe(end);
  });
});
