import { describe, expect, it } from 'vitest';
import { ModuleMachine } from '../../testing/win32-machine.js';

const TOKEN_ADJUST_PRIVILEGES = 0x20;
const TOKEN_QUERY = 8;
const SE_PRIVILEGE_ENABLED = 2;
const SE_PRIVILEGE_REMOVED = 4;
const CURRENT_PROCESS = -1;
const HKEY_LOCAL_MACHINE = 0xffff_ffff_8000_0002n;
const KEY_READ = 0x20019;
const KEY_WRITE = 0x20006;

const ERROR_FILE_NOT_FOUND = 2;
const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_HANDLE = 6;
const ERROR_WRITE_PROTECT = 19;
const ERROR_INSUFFICIENT_BUFFER = 122;
const ERROR_MORE_DATA = 234;
const ERROR_NO_MORE_ITEMS = 259;
const ERROR_NOT_ALL_ASSIGNED = 1300;
const ERROR_NO_SUCH_PRIVILEGE = 1313;
const ERROR_PRIVILEGE_NOT_HELD = 1314;
const ERROR_INVALID_SECURITY_DESCR = 1338;

const MEM_COMMIT_RESERVE_LARGE_PAGES = 0x20003000;
const wide = (text: string) => ({ wide: text });
const make = () => new ModuleMachine('advapi32.dll', { files: { 'a.txt': 'text' } });

function openToken(machine: ModuleMachine, access: number): number {
  const place = machine.space(8);
  expect(machine.call('OpenProcessToken', CURRENT_PROCESS, access, place)).toBe(1);
  return machine.pointer(place);
}

/** TOKEN_PRIVILEGES with one entry. */
function privilege(machine: ModuleMachine, name: string, attributes: number): number {
  const at = machine.space(16);
  expect(machine.call('LookupPrivilegeValueW', 0, wide(name), at + 4)).toBe(1);
  machine.process.write(at, Uint8Array.of(1, 0, 0, 0));
  machine.process.write(at + 12, Uint8Array.of(attributes, 0, 0, 0));
  return at;
}

describe('privileges', () => {
  it('that an ordinary user does not hold are not assigned, and large pages stay refused', () => {
    const machine = make();
    const token = openToken(machine, TOKEN_ADJUST_PRIVILEGES);
    const lockMemory = privilege(machine, 'SeLockMemoryPrivilege', SE_PRIVILEGE_ENABLED);
    expect(machine.u32(lockMemory + 4)).toBe(4);
    expect(machine.attempt('AdjustTokenPrivileges', token, 0, lockMemory, 0, 0, 0)).toEqual([
      1,
      ERROR_NOT_ALL_ASSIGNED,
    ]);
    expect(machine.attempt('VirtualAlloc', 0, 0x200000, MEM_COMMIT_RESERVE_LARGE_PAGES, 4)).toEqual([
      0,
      ERROR_PRIVILEGE_NOT_HELD,
    ]);
    expect(machine.attempt('LookupPrivilegeValueA', 0, 'SeNoSuchPrivilege', lockMemory)).toEqual([
      0,
      ERROR_NO_SUCH_PRIVILEGE,
    ]);
  });

  it('that the user holds are enabled, disabled and removed, and the state before is told', () => {
    const machine = make();
    const token = openToken(machine, TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY);
    const [previous, needed] = [machine.space(64), machine.space(4)];
    const shutdown = privilege(machine, 'seshutdownprivilege', SE_PRIVILEGE_ENABLED);
    const adjust = (bytes: number) =>
      machine.attempt('AdjustTokenPrivileges', token, 0, shutdown, bytes, previous, needed);
    expect(adjust(4)).toEqual([0, ERROR_INSUFFICIENT_BUFFER]);
    expect(machine.u32(needed)).toBe(16);
    expect(adjust(64)).toEqual([1, 0]);
    expect([machine.u32(previous), machine.u32(previous + 4), machine.u32(previous + 12)]).toEqual([
      1, 19, 0,
    ]);
    expect(adjust(64)).toEqual([1, 0]);
    expect(machine.u32(previous)).toBe(0);
    const removed = privilege(machine, 'SeShutdownPrivilege', SE_PRIVILEGE_REMOVED);
    expect(machine.attempt('AdjustTokenPrivileges', token, 0, removed, 0, 0, 0)).toEqual([1, 0]);
    expect(adjust(64)).toEqual([1, ERROR_NOT_ALL_ASSIGNED]);
    expect(machine.call('GetTokenInformation', token, 3, previous, 64, needed)).toBe(1);
    expect([machine.u32(needed), machine.u32(previous)]).toEqual([4 + 4 * 12, 4]);
    expect(machine.attempt('AdjustTokenPrivileges', token, 1, 0, 0, 0, 0)).toEqual([1, 0]);
  });

  it('need a handle with the right', () => {
    const machine = make();
    const token = openToken(machine, TOKEN_QUERY);
    expect(machine.attempt('AdjustTokenPrivileges', token, 1, 0, 0, 0, 0)).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(machine.attempt('AdjustTokenPrivileges', 4, 1, 0, 0, 0, 0)).toEqual([0, ERROR_INVALID_HANDLE]);
    expect(machine.call('CloseHandle', token)).toBe(1);
    expect(machine.attempt('OpenProcessToken', 0x44, TOKEN_QUERY, machine.space(8))).toEqual([
      0,
      ERROR_INVALID_HANDLE,
    ]);
  });
});

describe('the registry', () => {
  const PROCESSOR = 'HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0';

  it('names the processor and the version', () => {
    const machine = make();
    const [key, type, data, bytes] = [8, 4, 128, 4].map((size) => machine.space(size)) as [
      number,
      number,
      number,
      number,
    ];
    expect(machine.call('RegOpenKeyExW', HKEY_LOCAL_MACHINE, wide(PROCESSOR), 0, KEY_READ, key)).toBe(0);
    const query = (room: number, name: string) => {
      machine.process.write(bytes, Uint8Array.of(room, 0, 0, 0));
      return machine.call('RegQueryValueExW', machine.pointer(key), wide(name), 0, type, data, bytes);
    };
    expect(query(128, 'processornamestring')).toBe(0);
    expect([machine.u32(type), machine.wideText(data)]).toEqual([1, 'ntmm x86-64 processor']);
    expect(machine.u32(bytes)).toBe(44);
    expect(query(43, 'ProcessorNameString')).toBe(ERROR_MORE_DATA);
    expect(machine.u32(bytes)).toBe(44);
    expect(query(128, '~MHz')).toBe(0);
    expect([machine.u32(type), machine.u32(bytes), machine.u32(data)]).toEqual([4, 4, 1000]);
    expect(query(128, 'Previous Update Revision')).toBe(ERROR_FILE_NOT_FOUND);
    expect(machine.call('RegCloseKey', machine.pointer(key))).toBe(0);
    expect(machine.call('RegCloseKey', machine.pointer(key))).toBe(ERROR_INVALID_HANDLE);
  });

  it('may be read, not written, and lists its keys', () => {
    const machine = make();
    const [key, name, units] = [machine.space(8), machine.space(64), machine.space(4)];
    const open = (path: string, access: number) =>
      machine.call('RegOpenKeyExA', HKEY_LOCAL_MACHINE, path, 0, access, key);
    expect(open('SOFTWARE', KEY_WRITE)).toBe(ERROR_ACCESS_DENIED);
    expect(open('SOFTWARE\\7-Zip', KEY_READ)).toBe(ERROR_FILE_NOT_FOUND);
    machine.process.write(units, Uint8Array.of(32, 0, 0, 0));
    expect(machine.call('RegEnumKeyExA', HKEY_LOCAL_MACHINE, 0, name, units, 0, 0, 0, 0)).toBe(0);
    expect([machine.text(name), machine.u32(units)]).toEqual(['HARDWARE', 8]);
    expect(machine.call('RegEnumKeyExA', HKEY_LOCAL_MACHINE, 3, name, units, 0, 0, 0, 0)).toBe(
      ERROR_NO_MORE_ITEMS,
    );
    expect(machine.call('RegCloseKey', HKEY_LOCAL_MACHINE)).toBe(0);
  });
});

describe('security of files', () => {
  it('allows everyone everything, and is not kept', () => {
    const machine = make();
    const [descriptor, needed] = [machine.space(128), machine.space(4)];
    const get = (name: string, information: number, bytes: number) =>
      machine.attempt('GetFileSecurityW', wide(name), information, descriptor, bytes, needed);
    expect(get('a.txt', 7, 0)).toEqual([0, ERROR_INSUFFICIENT_BUFFER]);
    expect(machine.u32(needed)).toBe(20 + 12 + 12 + 28);
    expect(get('a.txt', 7, 128)[0]).toBe(1);
    expect([machine.u16(descriptor + 2), machine.u32(descriptor + 4), machine.u32(descriptor + 16)]).toEqual([
      0x8004, 20, 44,
    ]);
    expect(machine.u32(descriptor + 44 + 12)).toBe(0x1f01ff);
    expect(get('none', 7, 128)).toEqual([0, ERROR_FILE_NOT_FOUND]);
    expect(get('a.txt', 8, 128)).toEqual([0, ERROR_PRIVILEGE_NOT_HELD]);
    expect(machine.call('SetFileSecurityW', wide('a.txt'), 4, descriptor)).toBe(1);
    machine.process.write(descriptor, Uint8Array.of(9));
    expect(machine.attempt('SetFileSecurityW', wide('a.txt'), 4, descriptor)).toEqual([
      0,
      ERROR_INVALID_SECURITY_DESCR,
    ]);
    machine.process.write(descriptor, Uint8Array.of(1));
    expect(machine.attempt('SetFileSecurityW', wide('C:\\app\\crt.exe'), 4, descriptor)).toEqual([
      0,
      ERROR_WRITE_PROTECT,
    ]);
  });
});

describe('random bytes', () => {
  it('go on from call to call, alike for the same seed', () => {
    const draw = () => {
      const machine = make();
      const at = machine.space(64);
      expect(machine.call('SystemFunction036', at, 30) & 0xff).toBe(1);
      expect(machine.call('SystemFunction036', at + 32, 30) & 0xff).toBe(1);
      return [...machine.process.read(at, 64)];
    };
    const bytes = draw();
    expect(bytes.slice(30, 32)).toEqual([0, 0]);
    expect(bytes.slice(0, 30)).not.toEqual(bytes.slice(32, 62));
    expect(new Set(bytes).size).toBeGreaterThan(40);
    expect(draw()).toEqual(bytes);
  });
});
