import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../../testing/win32-machine.js';

const GENERIC_READ_WRITE = 0xc0000000n;
const DELETE = 0x10000n;
const OPEN_EXISTING = 3;
const SHARE_ALL = 7;
const BASIC = 0;
const STANDARD = 1;
const NAME = 2;
const RENAME = 3;
const DISPOSITION = 4;
const END_OF_FILE = 6;
const ATTRIBUTE_TAG = 9;
const HIDDEN = 2;
const ARCHIVE = 0x20;
const ERROR_BAD_LENGTH = 24;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_INSUFFICIENT_BUFFER = 122;
const ERROR_MORE_DATA = 234;

function open(): { machine: Win32Machine; file: number; at: number } {
  const machine = new Win32Machine({ files: { 'a.txt': 'some text' } });
  const access = GENERIC_READ_WRITE | DELETE;
  const file = machine.call('CreateFileA', 'a.txt', access, SHARE_ALL, 0, OPEN_EXISTING, 0, 0);
  return { machine, file, at: machine.space(0x80) };
}

describe('an open file', () => {
  it('tells its times, sizes, name and attributes by class', () => {
    const { machine, file, at } = open();
    const get = (kind: number, bytes: number) =>
      machine.attempt('GetFileInformationByHandleEx', file, kind, at, bytes);
    expect(get(STANDARD, 0x18)[0]).toBe(1);
    expect([machine.u32(at), machine.u32(at + 8), machine.u32(at + 16), machine.u32(at + 20)]).toEqual([
      4096, 9, 1, 0,
    ]);
    expect(get(ATTRIBUTE_TAG, 8)[0]).toBe(1);
    expect([machine.u32(at), machine.u32(at + 4)]).toEqual([ARCHIVE, 0]);
    expect(get(NAME, 64)[0]).toBe(1);
    expect([machine.u32(at), machine.wideText(at + 4).slice(0, 11)]).toEqual([22, '\\work\\a.txt']);
    expect(get(NAME, 12)).toEqual([0, ERROR_MORE_DATA]);
    expect(get(BASIC, 0x20)).toEqual([0, ERROR_BAD_LENGTH]);
    expect(get(99, 0x80)).toEqual([0, ERROR_INVALID_PARAMETER]);
  });

  it('is given attributes and time, an end, a name, and goes away', () => {
    const { machine, file, at } = open();
    const set = (kind: number, bytes: Uint8Array) => {
      machine.process.write(at, bytes);
      return machine.attempt('SetFileInformationByHandle', file, kind, at, bytes.length);
    };
    const basic = new Uint8Array(0x28);
    new DataView(basic.buffer).setBigUint64(0x10, 132_000_000_000_000_000n, true);
    basic[0x20] = HIDDEN;
    expect(set(BASIC, basic)[0]).toBe(1);
    expect(machine.call('GetFileInformationByHandleEx', file, BASIC, at, 0x28)).toBe(1);
    expect([machine.pointer(at + 0x10), machine.u32(at + 0x20)]).toEqual([132_000_000_000_000_000, HIDDEN]);
    expect(set(END_OF_FILE, Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0))[0]).toBe(1);
    expect(machine.file('a.txt')).toBe('some');
    const rename = new Uint8Array(0x14 + 10);
    rename[0x10] = 10;
    rename.set(new Uint8Array(Uint16Array.from('b.txt', (unit) => unit.charCodeAt(0)).buffer), 0x14);
    expect(set(RENAME, rename)[0]).toBe(1);
    expect(machine.file('b.txt')).toBe('some');
    expect(set(DISPOSITION, Uint8Array.of(1))[0]).toBe(1);
    expect(set(END_OF_FILE, Uint8Array.of(1))).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.call('CloseHandle', file)).toBe(1);
    expect(machine.call('GetFileAttributesA', 'b.txt')).toBe(-1);
  });

  it('is opened by CreateFile2, and its transfers have ended when they are asked for', () => {
    const { machine, at } = open();
    machine.fill(at, 0x20);
    machine.process.write(at, Uint8Array.of(0x20, 0, 0, 0, HIDDEN));
    const file = machine.call('CreateFile2', { wide: 'new.txt' }, GENERIC_READ_WRITE, 0, 1, at);
    expect(machine.call('GetFileAttributesA', 'new.txt')).toBe(HIDDEN | ARCHIVE);
    const [overlapped, count] = [machine.space(0x20), machine.space(4)];
    machine.fill(overlapped, 0x20);
    expect(machine.call('WriteFile', file, 'abc', 3, 0, overlapped)).toBe(1);
    expect(machine.call('GetOverlappedResult', file, overlapped, count, 1)).toBe(1);
    expect(machine.u32(count)).toBe(3);
  });
});

describe('the processor', () => {
  it('is one core in one node, package and group', () => {
    const { machine } = open();
    const [at, bytes] = [machine.space(0x100), machine.space(4)];
    machine.fill(bytes, 4);
    expect(machine.attempt('GetLogicalProcessorInformation', at, bytes)).toEqual([
      0,
      ERROR_INSUFFICIENT_BUFFER,
    ]);
    expect(machine.u32(bytes)).toBe(96);
    expect(machine.call('GetLogicalProcessorInformation', at, bytes)).toBe(1);
    expect([0, 1, 2].map((index) => machine.u32(at + 32 * index + 8))).toEqual([0, 1, 3]);
    expect(machine.u32(at)).toBe(1);
    machine.process.write(bytes, Uint8Array.of(0, 1, 0, 0));
    expect(machine.call('GetLogicalProcessorInformationEx', 0xffff, at, bytes)).toBe(1);
    expect(machine.u32(bytes)).toBe(0x30 * 3 + 0x50);
    expect([machine.u32(at + 4), machine.u32(at + 0x20), machine.u32(at + 0x90)]).toEqual([0x30, 1, 4]);
    expect(machine.attempt('GetLogicalProcessorInformationEx', 9, at, bytes)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
  });

  it('counts a cycle for each instruction of a process and of a thread', () => {
    const { machine } = open();
    const at = machine.space(16);
    expect(machine.call('QueryThreadCycleTime', -2, at)).toBe(1);
    expect(machine.call('QueryProcessCycleTime', -1, at + 8)).toBe(1);
    expect(machine.pointer(at)).toBeGreaterThan(1000);
    expect(machine.pointer(at + 8)).toBeGreaterThan(machine.pointer(at));
  });
});
