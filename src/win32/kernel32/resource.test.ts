import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_INVALID_HANDLE = 6;
const ERROR_RESOURCE_DATA_NOT_FOUND = 1812;
const ERROR_RESOURCE_TYPE_NOT_FOUND = 1813;
const ERROR_RESOURCE_NAME_NOT_FOUND = 1814;
const RT_VERSION = 16;
const AS_DATAFILE = 2;
const AS_IMAGE = 0x20;

describe('resources', () => {
  it('are found in loaded modules, and in files mapped as data or as images', () => {
    const machine = new Win32Machine();
    const loaded = machine.callAddress('GetModuleHandleA', 'kernel32.dll');
    const asFile = machine.callAddress('LoadLibraryExA', 'psapi.dll', 0, AS_DATAFILE);
    const asImage = machine.callAddress('LoadLibraryExA', 'psapi.dll', 0, AS_IMAGE);
    expect([asFile % 4, asImage % 4]).toEqual([1, 2]);
    const contents = [loaded, asFile, asImage].map((module) => {
      const found = machine.callAddress('FindResourceW', module, 1, RT_VERSION);
      const size = machine.call('SizeofResource', module, found);
      const bytes = machine.process.read(machine.callAddress('LoadResource', module, found), size);
      return String.fromCharCode(...bytes.filter((byte) => byte >= 32 && byte < 127));
    });
    expect(contents[0]).toContain('Windows NT BASE API Client DLL');
    expect(contents[1]).toContain('Process Status Helper');
    expect(contents[2]).toBe(contents[1]);
    expect(machine.attempt('FindResourceA', asFile, 1, '#99')).toEqual([0, ERROR_RESOURCE_TYPE_NOT_FOUND]);
    expect(machine.attempt('FindResourceA', asFile, 'NONE', RT_VERSION)).toEqual([
      0,
      ERROR_RESOURCE_NAME_NOT_FOUND,
    ]);
    expect(machine.attempt('FindResourceA', 0, 1, RT_VERSION)).toEqual([0, ERROR_RESOURCE_DATA_NOT_FOUND]);
    expect(machine.call('FreeLibrary', asFile)).toBe(1);
    expect(machine.attempt('FreeLibrary', asFile)).toEqual([0, ERROR_INVALID_HANDLE]);
    expect(machine.attempt('FindResourceA', asFile, 1, RT_VERSION)).toEqual([0, ERROR_INVALID_HANDLE]);
  });

  it('are changed in a file', () => {
    const machine = new Win32Machine();
    expect(machine.call('CopyFileA', 'C:\\Windows\\System32\\psapi.dll', 'copy.dll', 1)).toBe(1);
    const update = machine.callAddress('BeginUpdateResourceW', { wide: 'copy.dll' }, 0);
    const text = machine.put('some text');
    expect(machine.call('UpdateResourceA', update, 'KIND', 5, 0x409, text, 9)).toBe(1);
    expect(machine.call('EndUpdateResourceA', update, 0)).toBe(1);
    const module = machine.callAddress('LoadLibraryExA', 'C:\\work\\copy.dll', 0, AS_DATAFILE);
    const found = machine.callAddress('FindResourceA', module, 5, 'kind');
    expect(machine.call('SizeofResource', module, found)).toBe(9);
    expect(machine.text(machine.callAddress('LoadResource', module, found)).slice(0, 9)).toBe('some text');
    expect(machine.attempt('BeginUpdateResourceA', 'missing.dll', 0)).toEqual([0, 2]);
    expect(machine.attempt('UpdateResourceA', update, 1, 1, 0, text, 9)[0]).toBe(0);
  });
});
