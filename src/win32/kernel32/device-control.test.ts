import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../../testing/win32-machine.js';

const READ_WRITE = 0xc0000000n;
const OPEN_EXISTING = 3;
const GET_COMPRESSION = 0x9003c;
const GET_REPARSE_POINT = 0x900a8;
const SET_SPARSE = 0x900c4;
const QUERY_ALLOCATED_RANGES = 0x940cf;
const SET_ZERO_DATA = 0x980c8;

class ControlMachine extends Win32Machine {
  readonly input = this.space(32);
  readonly answer = this.space(64);
  readonly returned = this.space(8);
  readonly handle: number;

  constructor() {
    super({ files: { 'a.txt': 'hello world' } });
    this.handle = this.call('CreateFileA', 'a.txt', READ_WRITE, 7, 0, OPEN_EXISTING, 0, 0);
  }

  range(first: number, second: number): void {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, first, true);
    view.setUint32(8, second, true);
    this.process.write(this.input, bytes);
  }

  control(code: number, inputBytes: number, outputBytes: number): [number, number, number] {
    const [ok, error] = this.attempt(
      'DeviceIoControl',
      this.handle,
      code,
      this.input,
      inputBytes,
      this.answer,
      outputBytes,
      this.returned,
      0,
    );
    return [ok, error, this.u32(this.returned)];
  }
}

describe('file system controls', () => {
  it('zero a part of a file, within it', () => {
    const machine = new ControlMachine();
    machine.range(2, 5);
    expect(machine.control(SET_ZERO_DATA, 16, 0)[0]).toBe(1);
    expect(machine.file('a.txt')).toBe('he\0\0\0 world');
    machine.range(9, 100);
    expect(machine.control(SET_ZERO_DATA, 16, 0)[0]).toBe(1);
    expect(machine.file('a.txt')).toBe('he\0\0\0 wor\0\0');
    machine.range(5, 2);
    expect(machine.control(SET_ZERO_DATA, 16, 0)).toEqual([0, 87, 0]);
    expect(machine.control(SET_ZERO_DATA, 15, 0)).toEqual([0, 87, 0]);
  });

  it('mark a file sparse and tell its ranges', () => {
    const machine = new ControlMachine();
    expect(machine.control(SET_SPARSE, 0, 0)[0]).toBe(1);
    expect(machine.call('GetFileAttributesA', 'a.txt') & 0x200).toBe(0x200);
    machine.range(4, 1000);
    expect(machine.control(QUERY_ALLOCATED_RANGES, 16, 16)).toEqual([1, 0xdead, 16]);
    expect([machine.u32(machine.answer), machine.u32(machine.answer + 8)]).toEqual([4, 7]);
    expect(machine.control(QUERY_ALLOCATED_RANGES, 16, 8)).toEqual([0, 122, 0]);
  });

  it('say that nothing is compressed, and know no other code', () => {
    const machine = new ControlMachine();
    expect(machine.control(GET_COMPRESSION, 0, 2)).toEqual([1, 0xdead, 2]);
    expect(machine.control(GET_REPARSE_POINT, 0, 64)).toEqual([0, 1, 0]);
    expect(machine.control(0x12345678, 0, 0)).toEqual([0, 1, 0]);
  });
});

describe('paths and volumes', () => {
  it('are searched for, and named in other ways', () => {
    const machine = new ControlMachine();
    const buffer = machine.space(520);
    const search = (...args: (string | number)[]) =>
      machine.call('SearchPathA', ...(args as [number]), 260, buffer, 0) > 0
        ? machine.text(buffer)
        : machine.lastError;
    expect(search(0, 'a.txt', 0)).toBe('C:\\work\\a.txt');
    expect(search('C:\\Windows;C:\\work', 'a', '.txt')).toBe('C:\\work\\a.txt');
    expect(search('C:\\Windows', 'a.txt', 0)).toBe(2);
    expect(search(0, 'kernel32', '.dll')).toBe('C:\\Windows\\system32\\kernel32.dll');
    expect(machine.call('GetVolumePathNameA', 'a.txt', buffer, 10)).toBe(1);
    expect(machine.text(buffer)).toBe('C:\\');
    expect(machine.attempt('GetVolumePathNameA', 'a.txt', buffer, 3)).toEqual([0, 206]);
    expect(machine.call('QueryDosDeviceA', 'c:', buffer, 100)).toBe(25);
    expect(machine.text(buffer)).toBe('\\Device\\HarddiskVolume1');
    expect(machine.attempt('QueryDosDeviceA', 'q:', buffer, 100)).toEqual([0, 2]);
    expect(machine.call('GetFinalPathNameByHandleA', machine.handle, buffer, 260, 2)).toBeGreaterThan(0);
    expect(machine.text(buffer)).toBe('\\Device\\HarddiskVolume1\\work\\a.txt');
  });
});
