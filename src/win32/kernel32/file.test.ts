import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../../testing/win32-machine.js';

const GENERIC_READ = 0x80000000n;
const GENERIC_WRITE = 0x40000000n;
const CREATE_NEW = 1;
const CREATE_ALWAYS = 2;
const OPEN_EXISTING = 3;
const OPEN_ALWAYS = 4;
const TRUNCATE_EXISTING = 5;

const wide = (text: string) => ({ wide: text });

describe('files by handle', () => {
  it('are read, written, positioned and cut', () => {
    const machine = new Win32Machine({ files: { 'a.txt': 'hello world' } });
    const count = machine.space(8);
    const buffer = machine.space(64);
    const file = machine.call(
      'CreateFileA',
      'A.TXT',
      GENERIC_READ | GENERIC_WRITE,
      0,
      0,
      OPEN_EXISTING,
      0,
      0,
    );
    expect(machine.call('GetFileType', file)).toBe(1);
    expect(machine.call('GetFileSize', file, 0)).toBe(11);
    expect(machine.call('ReadFile', file, buffer, 5, count, 0)).toBe(1);
    expect([machine.u32(count), machine.text(buffer, 5)]).toEqual([5, 'hello']);
    expect(machine.call('SetFilePointer', file, -5, 0, 2)).toBe(6);
    expect(machine.call('WriteFile', file, 'WORLD', 5, count, 0)).toBe(1);
    expect(machine.call('ReadFile', file, buffer, 5, count, 0)).toBe(1);
    expect(machine.u32(count)).toBe(0);
    expect(machine.attempt('SetFilePointer', file, -1, 0, 0)).toEqual([-1, 131]);
    const size = machine.space(8);
    expect(machine.call('SetFilePointerEx', file, 5, size, 0)).toBe(1);
    expect([machine.pointer(size), machine.call('SetEndOfFile', file)]).toEqual([5, 1]);
    expect([machine.call('GetFileSizeEx', file, size), machine.pointer(size)]).toEqual([1, 5]);
    expect(machine.call('FlushFileBuffers', file)).toBe(1);
    expect(machine.call('CloseHandle', file)).toBe(1);
    expect(machine.file('a.txt')).toBe('hello');
  });

  it('open as the disposition says, with the last error of each', () => {
    const machine = new Win32Machine({ files: { 'a.txt': 'text' } });
    const open = (name: string, disposition: number, access = GENERIC_WRITE) => {
      const [handle, error] = machine.attempt('CreateFileW', wide(name), access, 7, 0, disposition, 0, 0);
      return [handle > 0, error];
    };
    expect(open('a.txt', CREATE_NEW)).toEqual([false, 80]);
    expect(open('a.txt', OPEN_ALWAYS)).toEqual([true, 183]);
    expect(open('b.txt', OPEN_ALWAYS)).toEqual([true, 0]);
    expect(open('c.txt', OPEN_EXISTING)).toEqual([false, 2]);
    expect(open('no\\c.txt', OPEN_EXISTING)).toEqual([false, 3]);
    expect(open('c.txt', CREATE_ALWAYS)).toEqual([true, 0]);
    expect(open('c.txt', CREATE_ALWAYS)).toEqual([true, 183]);
    expect(open('a.txt', TRUNCATE_EXISTING, GENERIC_READ)).toEqual([false, 87]);
    expect(open('a.txt', 9)).toEqual([false, 87]);
    expect(open('', OPEN_EXISTING)).toEqual([false, 3]);
    expect(open('C:\\work', OPEN_EXISTING)).toEqual([false, 5]);
    expect(open('C:\\work\\', OPEN_EXISTING)).toEqual([false, 3]);
    expect(open('a?.txt', OPEN_EXISTING)).toEqual([false, 123]);
    expect(open('C:\\app\\new.txt', CREATE_NEW)).toEqual([false, 19]);
    expect(open('NUL', OPEN_EXISTING)[0]).toBe(true);
    expect(open(`${'x'.repeat(300)}`, OPEN_EXISTING)).toEqual([false, 3]);
  });

  it('keep to their sharing modes', () => {
    const machine = new Win32Machine({ files: { 'a.txt': 'text' } });
    const first = machine.call('CreateFileA', 'a.txt', GENERIC_READ, 1, 0, OPEN_EXISTING, 0, 0);
    expect(machine.attempt('CreateFileA', 'a.txt', GENERIC_WRITE, 7, 0, OPEN_EXISTING, 0, 0)).toEqual([
      -1, 32,
    ]);
    expect(machine.attempt('DeleteFileA', 'a.txt')).toEqual([0, 32]);
    machine.call('CloseHandle', first);
    expect(machine.call('DeleteFileA', 'a.txt')).toBe(1);
    expect(machine.attempt('DeleteFileA', 'a.txt')).toEqual([0, 2]);
  });

  it('give an error, not a crash, for a bad buffer', () => {
    const machine = new Win32Machine({ files: { 'a.txt': 'text' } });
    const count = machine.space(4);
    const file = machine.call(
      'CreateFileA',
      'a.txt',
      GENERIC_READ | GENERIC_WRITE,
      0,
      0,
      OPEN_EXISTING,
      0,
      0,
    );
    expect(machine.attempt('ReadFile', file, 0x10, 4, count, 0)).toEqual([0, 998]);
    expect(machine.attempt('WriteFile', file, 0xffff_f680_0000_0000n, 4, count, 0)).toEqual([0, 998]);
    expect(machine.attempt('ReadFile', 0x4444, 0, 4, count, 0)).toEqual([0, 6]);
  });

  it('use the offset of an OVERLAPPED, and tell the end of the file by it', () => {
    const machine = new Win32Machine({ files: { 'a.txt': '0123456789' } });
    const file = machine.call('CreateFileA', 'a.txt', GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0);
    const overlapped = machine.space(32);
    const [buffer, count] = [machine.space(16), machine.space(4)];
    machine.fill(overlapped, 32);
    machine.fill(overlapped + 16, 1, 4);
    expect(machine.call('ReadFile', file, buffer, 3, count, overlapped)).toBe(1);
    expect([machine.text(buffer, 3), machine.pointer(overlapped + 8)]).toEqual(['456', 3]);
    machine.fill(overlapped + 16, 1, 10);
    expect(machine.attempt('ReadFile', file, buffer, 3, count, overlapped)).toEqual([0, 38]);
  });
});

describe('names of files', () => {
  it('move, copy and tell attributes', () => {
    const machine = new Win32Machine({ files: { 'a.txt': 'alpha', 'b.txt': 'beta' } });
    expect(machine.attempt('MoveFileA', 'a.txt', 'b.txt')).toEqual([0, 183]);
    expect(machine.call('MoveFileExA', 'a.txt', 'b.txt', 1)).toBe(1);
    expect(machine.file('b.txt')).toBe('alpha');
    expect(machine.attempt('CopyFileW', wide('b.txt'), wide('b.txt'), 1)[0]).toBe(0);
    expect(machine.call('CopyFileW', wide('b.txt'), wide('c.txt'), 1)).toBe(1);
    expect(machine.attempt('CopyFileW', wide('b.txt'), wide('c.txt'), 1)).toEqual([0, 80]);
    expect(machine.file('c.txt')).toBe('alpha');
    expect(machine.call('GetFileAttributesA', 'c.txt')).toBe(0x20);
    expect(machine.call('GetFileAttributesA', 'C:\\work')).toBe(0x10);
    expect(machine.attempt('GetFileAttributesA', 'zzz')).toEqual([-1, 2]);
    const data = machine.space(40);
    expect(machine.call('GetFileAttributesExW', wide('c.txt'), 0, data)).toBe(1);
    expect([machine.u32(data), machine.u32(data + 32)]).toEqual([0x20, 5]);
  });

  it('are listed in order, with directories made and removed', () => {
    const machine = new Win32Machine({ files: { 'b.c': '1', 'A.C': '22', 'x.txt': '' } });
    expect(machine.call('CreateDirectoryA', 'sub', 0)).toBe(1);
    expect(machine.attempt('CreateDirectoryA', 'sub', 0)).toEqual([0, 183]);
    const data = machine.space(592);
    const list = (pattern: string) => {
      const names: string[] = [];
      const find = machine.callAddress('FindFirstFileW', wide(pattern), data);
      do names.push(machine.wideText(data + 0x2c));
      while (machine.call('FindNextFileW', find, data) !== 0);
      expect(machine.lastError).toBe(18);
      expect(machine.call('FindClose', find)).toBe(1);
      expect(machine.attempt('FindClose', find)).toEqual([0, 6]);
      return names;
    };
    expect(list('*.c')).toEqual(['A.C', 'b.c']);
    expect(list('C:\\work\\*')).toEqual(['.', '..', 'A.C', 'b.c', 'sub', 'x.txt']);
    expect(list('SUB')).toEqual(['sub']);
    expect(machine.attempt('FindFirstFileA', '*.zip', data)).toEqual([-1, 2]);
    expect(machine.attempt('FindFirstFileA', 'no\\*', data)).toEqual([-1, 3]);
    expect(machine.attempt('FindFirstFileA', '\\\\?\\C:\\work\\no\\..\\*', data)[0]).toBe(-1);
    expect(machine.call('RemoveDirectoryA', 'sub')).toBe(1);
    expect(machine.attempt('RemoveDirectoryA', 'sub')).toEqual([0, 2]);
  });

  it('have a full form and a current directory', () => {
    const machine = new Win32Machine({ files: { 'a.txt': '' } });
    const buffer = machine.space(600);
    const part = machine.space(8);
    expect(machine.call('GetFullPathNameA', 'x\\..\\a.txt', 260, buffer, part)).toBe(13);
    expect([machine.text(buffer), machine.text(machine.pointer(part))]).toEqual(
      ['C:\\work\\a.txt', 'a.txt'].map(String),
    );
    expect(machine.call('GetCurrentDirectoryW', 3, buffer)).toBe(8);
    expect(machine.call('GetCurrentDirectoryW', 260, buffer)).toBe(7);
    expect(machine.wideText(buffer)).toBe('C:\\work');
    expect(machine.call('CreateDirectoryA', 'deep', 0)).toBe(1);
    expect(machine.call('SetCurrentDirectoryA', 'deep\\')).toBe(1);
    expect(machine.call('GetCurrentDirectoryA', 260, buffer)).toBe(12);
    expect(machine.text(buffer)).toBe('C:\\work\\deep');
    expect(machine.attempt('SetCurrentDirectoryA', '..\\a.txt')).toEqual([0, 267]);
    expect(machine.call('GetTempPathA', 260, buffer)).toBe(8);
    expect(machine.text(buffer)).toBe('C:\\temp\\');
    expect(machine.call('GetTempFileNameA', 'C:\\work', 'abcd', 0, buffer)).toBe(1);
    expect(machine.text(buffer)).toBe('C:\\work\\abc1.tmp');
    expect(machine.file('abc1.tmp')).toBe('');
    expect(machine.call('GetTempFileNameA', '.', 'abc', 0x1e2, buffer)).toBe(0x1e2);
    expect(machine.attempt('GetTempFileNameA', 'none', 'abc', 0, buffer)).toEqual([0, 267]);
    expect(['C:\\', 'c:', 'none', 'Q:\\'].map((root) => machine.call('GetDriveTypeA', root))).toEqual([
      3, 3, 1, 1,
    ]);
    expect(machine.text(buffer)).toBe('.\\abc1E2.tmp');
  });
});

describe('the console', () => {
  it('takes text and gives lines', () => {
    const machine = new Win32Machine();
    const output = machine.call('GetStdHandle', -11);
    const input = machine.call('GetStdHandle', -10);
    const count = machine.space(4);
    expect(machine.call('GetFileType', output)).toBe(2);
    expect(machine.call('WriteConsoleA', output, 'plain ', 6, count, 0)).toBe(1);
    expect(machine.call('WriteConsoleW', output, wide('\u20ac'), 1, count, 0)).toBe(1);
    expect([...machine.host.consoleBytes(1)]).toEqual([...new TextEncoder().encode('plain \u20ac')]);
    expect(
      machine.attempt(
        'GetConsoleMode',
        machine.call('CreateFileA', 'NUL', GENERIC_READ, 0, 0, 3, 0, 0),
        count,
      ),
    ).toEqual([0, 6]);
    expect([machine.call('GetConsoleMode', output, count), machine.u32(count)]).toEqual([1, 3]);
    const buffer = machine.space(32);
    machine.begin('ReadFile', input, buffer, 32, count, 0);
    expect(machine.run()).toBe('waiting-input');
    machine.kernel.console.feed(new TextEncoder().encode('line\n'));
    machine.kernel.scheduler.consoleArrived();
    machine.run();
    expect([machine.u32(count), machine.text(buffer, 6)]).toEqual([6, 'line\r\n']);
  });
});
