import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../../testing/win32-machine.js';

const GENERIC_READ = 0x80000000n;
const GENERIC_WRITE = 0x40000000n;
const CREATE_ALWAYS = 2;
const OPEN_EXISTING = 3;
const READONLY = 1;
const HIDDEN = 2;
const SYSTEM = 4;
const DIRECTORY = 0x10;
const ARCHIVE = 0x20;
const NORMAL = 0x80;
const ERROR_INVALID_FUNCTION = 1;
const ERROR_FILE_NOT_FOUND = 2;
const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_HANDLE = 6;
const ERROR_WRITE_PROTECT = 19;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_ALREADY_EXISTS = 183;
const ERROR_PRIVILEGE_NOT_HELD = 1314;

const make = () => new Win32Machine({ files: { 'a.txt': 'text', 'b.txt': 'other' } });
const create = (machine: Win32Machine, name: string, access: bigint, how: number, flags = 0) =>
  machine.attempt('CreateFileA', name, access, 0, 0, how, flags, 0);

describe('attributes of files', () => {
  it('are kept, and go with the name', () => {
    const machine = make();
    const of = (name: string) => machine.call('GetFileAttributesA', name);
    expect(of('a.txt')).toBe(ARCHIVE);
    expect(machine.call('SetFileAttributesA', 'a.txt', HIDDEN | SYSTEM)).toBe(1);
    expect(of('A.TXT')).toBe(HIDDEN | SYSTEM);
    expect(machine.call('MoveFileA', 'a.txt', 'c.txt')).toBe(1);
    expect(of('c.txt')).toBe(HIDDEN | SYSTEM);
    expect(machine.call('SetFileAttributesW', { wide: 'c.txt' }, NORMAL)).toBe(1);
    expect(of('c.txt')).toBe(NORMAL);
    const [file] = create(machine, 'c.txt', GENERIC_WRITE, OPEN_EXISTING);
    machine.call('WriteFile', file, 'x', 1, machine.space(4), 0);
    machine.call('CloseHandle', file);
    expect(of('c.txt')).toBe(ARCHIVE);
    expect(machine.call('DeleteFileA', 'c.txt')).toBe(1);
    machine.call('CloseHandle', create(machine, 'c.txt', GENERIC_WRITE, CREATE_ALWAYS, HIDDEN)[0]);
    expect(of('c.txt')).toBe(HIDDEN | ARCHIVE);
    expect(machine.call('CreateDirectoryA', 'folder', 0)).toBe(1);
    expect(machine.call('SetFileAttributesA', 'folder', HIDDEN | READONLY)).toBe(1);
    expect(of('folder')).toBe(DIRECTORY | HIDDEN);
    expect(machine.attempt('SetFileAttributesA', 'none', NORMAL)).toEqual([0, ERROR_FILE_NOT_FOUND]);
    expect(machine.attempt('SetFileAttributesA', 'C:\\app\\crt.exe', NORMAL)).toEqual([
      0,
      ERROR_WRITE_PROTECT,
    ]);
  });

  it('of read-only files keep them from being written and deleted', () => {
    const machine = make();
    expect(machine.call('SetFileAttributesA', 'a.txt', READONLY)).toBe(1);
    expect(machine.call('GetFileAttributesA', 'a.txt')).toBe(READONLY);
    expect(machine.host.lookup(machine.work, ['a.txt'])).toMatchObject({ readOnly: true });
    for (const how of [OPEN_EXISTING, CREATE_ALWAYS])
      expect(create(machine, 'a.txt', GENERIC_WRITE, how)).toEqual([-1, ERROR_ACCESS_DENIED]);
    expect(machine.attempt('DeleteFileA', 'a.txt')).toEqual([0, ERROR_ACCESS_DENIED]);
    const [file] = create(machine, 'a.txt', GENERIC_READ, OPEN_EXISTING);
    expect(file).toBeGreaterThan(0);
    machine.call('CloseHandle', file);
    expect(machine.call('SetFileAttributesA', 'a.txt', NORMAL)).toBe(1);
    expect(machine.call('DeleteFileA', 'a.txt')).toBe(1);
    const [made] = create(machine, 'new.txt', GENERIC_WRITE, CREATE_ALWAYS, READONLY);
    expect(machine.call('WriteFile', made, 'first', 5, machine.space(4), 0)).toBe(1);
    machine.call('CloseHandle', made);
    expect(machine.call('GetFileAttributesA', 'new.txt')).toBe(READONLY | ARCHIVE);
    expect(create(machine, 'new.txt', GENERIC_WRITE, OPEN_EXISTING)).toEqual([-1, ERROR_ACCESS_DENIED]);
    expect(machine.file('new.txt')).toBe('first');
  });

  it('of hidden files must be asked for when they are made anew', () => {
    const machine = make();
    machine.call('SetFileAttributesA', 'a.txt', HIDDEN);
    expect(create(machine, 'a.txt', GENERIC_WRITE, CREATE_ALWAYS)).toEqual([-1, ERROR_ACCESS_DENIED]);
    expect(machine.file('a.txt')).toBe('text');
    expect(create(machine, 'a.txt', GENERIC_WRITE, CREATE_ALWAYS, HIDDEN)[1]).toBe(ERROR_ALREADY_EXISTS);
  });
});

describe('what the volumes do not have', () => {
  it('is refused as a volume without it refuses', () => {
    const machine = make();
    const [file] = create(machine, 'a.txt', GENERIC_READ, OPEN_EXISTING);
    const [buffer, returned] = [machine.space(64), machine.space(4)];
    const control = (handle: number) =>
      machine.attempt('DeviceIoControl', handle, 0x900a8, 0, 0, buffer, 64, returned, 0);
    expect(control(file)).toEqual([0, ERROR_INVALID_FUNCTION]);
    expect(control(0x444)).toEqual([0, ERROR_INVALID_HANDLE]);
    expect(machine.attempt('CreateHardLinkA', 'c.txt', 'a.txt', 0)).toEqual([0, ERROR_INVALID_FUNCTION]);
    expect(machine.attempt('CreateHardLinkA', 'c.txt', 'none', 0)).toEqual([0, ERROR_FILE_NOT_FOUND]);
    expect(machine.attempt('CreateHardLinkA', 'b.txt', 'a.txt', 0)).toEqual([0, ERROR_ALREADY_EXISTS]);
    expect(machine.attempt('CreateSymbolicLinkA', 'c.txt', 'a.txt', 0)).toEqual([
      0,
      ERROR_PRIVILEGE_NOT_HELD,
    ]);
    expect(machine.attempt('FindFirstStreamW', { wide: 'a.txt' }, 0, buffer, 0)).toEqual([
      -1,
      ERROR_INVALID_PARAMETER,
    ]);
    expect(machine.call('GetCompressedFileSizeA', 'b.txt', 0)).toBe(5);
  });
});

describe('SetFileApisToOEM', () => {
  it('makes names of A functions OEM text', () => {
    const machine = make();
    expect(machine.call('AreFileApisANSI')).toBe(1);
    machine.call('SetFileApisToOEM');
    expect(machine.call('AreFileApisANSI')).toBe(0);
    machine.call('CloseHandle', create(machine, '\x84.txt', GENERIC_WRITE, CREATE_ALWAYS)[0]);
    expect(machine.call('GetFileAttributesW', { wide: 'ä.txt' })).toBe(ARCHIVE);
    const data = machine.space(0x140);
    machine.call('FindFirstFileA', '\x84*', data);
    expect(machine.text(data + 0x2c)).toBe('\x84.txt');
    machine.call('SetFileApisToANSI');
    expect(machine.call('GetFileAttributesA', '\xe4.txt')).toBe(ARCHIVE);
  });
});
