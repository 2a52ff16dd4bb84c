import { describe, expect, it } from 'vitest';
import { MOST_UNUSED_SEGMENTS } from '../../mm/unused-segments.js';
import { verify } from '../../mm/verify.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const GENERIC_READ = 0x80000000n;
const GENERIC_WRITE = 0x40000000n;
const CREATE_NEW = 1;
const OPEN_EXISTING = 3;
const HIDDEN = 2;
const ARCHIVE = 0x20;
const ERROR_NO_SYSTEM_RESOURCES = 1450;
const FILES = Array.from({ length: 3 * MOST_UNUSED_SEGMENTS }, (_, index) => `${index}.txt`);

const names = () => Object.fromEntries(FILES.map((name) => [name, name]));

describe('many files', () => {
  it.each([
    ['read', OPEN_EXISTING, names(), 'ReadFile'],
    ['written', CREATE_NEW, {}, 'WriteFile'],
  ] as const)(
    'that are %s one after the other are not all kept open at the host',
    (_, disposition, files, move) => {
      const machine = new Win32Machine({ files });
      const [count, buffer] = [machine.space(8), machine.space(64)];
      for (const name of FILES) {
        const file = machine.call('CreateFileA', name, GENERIC_READ | GENERIC_WRITE, 0, 0, disposition, 0, 0);
        expect(machine.call(move, file, buffer, 5, count, 0)).toBe(1);
        expect(machine.call('CloseHandle', file)).toBe(1);
      }
      expect(machine.kernel.fileSystem.openFiles.size).toBeLessThan(MOST_UNUSED_SEGMENTS + 30);
      verify(machine.kernel.mm);
    },
  );

  it('in a folder that is gone through take pool until the search is closed', () => {
    const machine = new Win32Machine({ files: names() });
    const { nonpagedPool } = machine.kernel.mm;
    const data = machine.space(600);
    const charged = () => nonpagedPool.tags.get('NtfD')?.charged ?? 0;
    const find = machine.call('FindFirstFileA', '*', data);
    expect(charged()).toBeGreaterThan(FILES.length);
    expect(machine.call('FindClose', find)).toBe(1);
    expect(charged()).toBe(0);
    for (let bytes = 2 ** 28; bytes >= 0x1000; ) {
      if (nonpagedPool.mayCharge(bytes + 0x1000)) nonpagedPool.charge(bytes, 'Test');
      else bytes /= 2;
    }
    expect(machine.attempt('FindFirstFileA', '*', data)).toEqual([-1, ERROR_NO_SYSTEM_RESOURCES]);
    expect(charged()).toBe(0);
  });
});

describe('a folder', () => {
  it('that gets another name keeps what was noted of the files below it', () => {
    const machine = new Win32Machine();
    expect(machine.call('CreateDirectoryA', 'old', 0)).toBe(1);
    expect(machine.call('CreateDirectoryA', 'old\\sub', 0)).toBe(1);
    const path = 'old\\sub\\a.txt';
    const file = machine.call('CreateFileA', path, GENERIC_WRITE, 0, 0, CREATE_NEW, HIDDEN, 0);
    machine.call('CloseHandle', file);
    expect(machine.call('MoveFileA', 'old', 'new')).toBe(1);
    expect(machine.call('GetFileAttributesA', 'new\\sub\\a.txt')).toBe(HIDDEN | ARCHIVE);
    const { attributes } = machine.kernel.fileSystem;
    expect([...attributes.keys()].filter((key) => key.includes('OLD'))).toEqual([]);
  });

  it('that is removed leaves nothing noted', () => {
    const machine = new Win32Machine();
    const { times, writtenMs } = machine.kernel.fileSystem;
    const before = [times.size, writtenMs.size];
    expect(machine.call('CreateDirectoryA', 'gone', 0)).toBe(1);
    expect(machine.call('RemoveDirectoryA', 'gone')).toBe(1);
    expect([times.size, writtenMs.size]).toEqual(before);
  });
});
