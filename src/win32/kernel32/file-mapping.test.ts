import { describe, expect, it } from 'vitest';
import {
  PAGE_EXECUTE_READ,
  PAGE_READONLY,
  PAGE_READWRITE,
  SEC_COMMIT,
  SEC_FILE,
  SEC_IMAGE,
} from '../../base/memory-constants.js';
import {
  STATUS_ACCESS_DENIED,
  STATUS_BUFFER_OVERFLOW,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_FILE_INVALID,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_ADDRESS,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_MAPPED_VIEW,
  STATUS_NOT_SAME_DEVICE,
  STATUS_SECTION_NOT_EXTENDED,
  STATUS_SECTION_NOT_IMAGE,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { MachineProcess } from '../../machine-process.js';
import { verify } from '../../mm/verify.js';
import { PROCESS_QUERY_INFORMATION, PROCESS_VM_OPERATION } from '../../nt/access.js';
import { createProcess } from '../../nt/process-create.js';
import { ModuleMachine } from '../../testing/win32-machine.js';

const CURRENT = -1;
const GENERIC_READ_WRITE = 0xc0000000;
const OPEN_EXISTING = 3;
const FILE_MAP_READ = 4;
const FILE_MAP_WRITE = 2;
const FILE_MAP_EXECUTE = 0x20;
const SECTION_ALL = 0xf001f;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_BAD_LENGTH = 24;
const ERROR_FILE_NOT_FOUND = 2;
const ERROR_INSUFFICIENT_BUFFER = 122;
const ERROR_UNEXP_NET_ERR = 59;
const ERROR_FILE_INVALID = 1006;

function make(files: Record<string, string> = { 'a.txt': 'abc' }) {
  const machine = new ModuleMachine('ntdll.dll', { files });
  const status = (name: string, ...args: number[]) => machine.call(name, ...args) >>> 0;
  const open = (name: string) =>
    machine.call('CreateFileW', { wide: `C:\\work\\${name}` }, GENERIC_READ_WRITE, 7, 0, OPEN_EXISTING, 0, 0);
  const map = (mapping: number, access = FILE_MAP_READ | FILE_MAP_WRITE) =>
    machine.callAddress('MapViewOfFile', mapping, access, 0, 0, 0);
  return { machine, status, open, map };
}

describe('ranges of an address space', () => {
  const { machine, status, open, map } = make();
  const buffer = machine.space(0x200);
  const returned = machine.space(8);
  const query = (address: number, kind: number, length: number) =>
    status('NtQueryVirtualMemory', CURRENT, address, kind, buffer, length, returned);
  const fileView = map(machine.call('CreateFileMappingA', open('a.txt'), 0, PAGE_READWRITE, 0, 0, 0));
  const pageFileView = map(machine.call('CreateFileMappingA', -1, 0, PAGE_READWRITE, 0, 0x3000, 0));
  const memory = machine.callAddress('VirtualAlloc', 0, 0x5000, 0x2000, PAGE_READWRITE);
  machine.callAddress('VirtualAlloc', memory + 0x1000, 0x2000, 0x1000, PAGE_READONLY);
  const image = machine.callAddress('GetModuleHandleA', 'ntdll.dll');

  it('are described as regions', () => {
    const region = (address: number) => {
      expect(query(address, 3, 0x20)).toBe(STATUS_SUCCESS);
      return [0x00, 0x08, 0x0c, 0x10, 0x18].map((at) => machine.u32(buffer + at));
    };
    expect(region(memory + 0x1234)).toEqual([memory % 2 ** 32, PAGE_READWRITE, 1, 0x5000, 0x2000]);
    expect(machine.pointer(returned)).toBe(0x20);
    expect(region(fileView)).toEqual([fileView % 2 ** 32, PAGE_READWRITE, 2, 0x1000, 0]);
    expect(region(pageFileView + 0x1000)).toEqual([pageFileView % 2 ** 32, PAGE_READWRITE, 8, 0x3000, 0]);
    expect(region(image + 0x1000)[2]).toBe(4);
    expect(query(memory, 7, 0x30)).toBe(STATUS_SUCCESS);
    expect(machine.pointer(returned)).toBe(0x30);
    expect(query(memory, 7, 0x2f)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    expect(query(memory, 3, 0x1f)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    expect(query(0x6000_0000_0000, 3, 0x20)).toBe(STATUS_INVALID_ADDRESS);
    expect(query(0x7fff_ffff_0000, 3, 0x20)).toBe(STATUS_INVALID_PARAMETER);
  });

  it('are described by QueryVirtualMemoryInformation', () => {
    const call = (kind: number, bytes: number) =>
      machine.attempt('QueryVirtualMemoryInformation', CURRENT, memory, kind, buffer, bytes, returned);
    expect(call(0, 0x20)).toEqual([1, 0xdead]);
    expect(machine.pointer(buffer + 0x10)).toBe(0x5000);
    expect(call(1, 0x20)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(call(0, 0x1f)).toEqual([0, ERROR_BAD_LENGTH]);
  });

  it('are described as images, and by what they share', () => {
    expect(query(image + 0x2000, 6, 0x18)).toBe(STATUS_SUCCESS);
    expect(machine.pointer(buffer)).toBe(image);
    const size = machine.pointer(buffer + 8);
    expect(size % 0x1000).toBe(0);
    expect(machine.u32(buffer + 0x10)).toBe(0);
    expect(query(memory, 6, 0x18)).toBe(STATUS_INVALID_ADDRESS);
    expect(query(image, 6, 0x17)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    expect(query(0, 5, 8)).toBe(STATUS_SUCCESS);
    const before = machine.pointer(buffer);
    const more = map(machine.call('CreateFileMappingA', -1, 0, PAGE_READWRITE, 0, 0x7000, 0));
    expect(query(0, 5, 8)).toBe(STATUS_SUCCESS);
    expect(machine.pointer(buffer)).toBe(before + 0x7000);
    machine.call('UnmapViewOfFile', more);
    expect(query(0, 5, 7)).toBe(STATUS_INFO_LENGTH_MISMATCH);
  });

  it('are named by the file that they show', () => {
    const name = '\\Device\\HarddiskVolume1\\work\\a.txt';
    expect(query(fileView, 2, 0x200)).toBe(STATUS_SUCCESS);
    expect(machine.u32(buffer)).toBe((name.length * 2) | ((name.length * 2 + 2) << 16));
    expect(machine.wideText(machine.pointer(buffer + 8))).toBe(name);
    expect(query(fileView, 2, 0x20)).toBe(STATUS_BUFFER_OVERFLOW);
    expect(machine.pointer(returned)).toBe(0x10 + name.length * 2 + 2);
    expect(query(fileView, 2, 0xf)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    expect(query(memory, 2, 0x200)).toBe(STATUS_INVALID_ADDRESS);
    expect(query(pageFileView, 2, 0x200)).toBe(STATUS_FILE_INVALID);
    const get = (address: number, units: number) =>
      machine.attempt('K32GetMappedFileNameW', CURRENT, address, buffer, units);
    expect(get(fileView, 0x100)).toEqual([name.length, 0xdead]);
    expect(machine.wideText(buffer)).toBe(name);
    expect(get(fileView, 8)[0]).toBe(7);
    expect(machine.wideText(buffer)).toBe('\\Device');
    expect(get(fileView, 0)).toEqual([0, ERROR_INSUFFICIENT_BUFFER]);
    expect(get(memory, 0x100)).toEqual([0, ERROR_UNEXP_NET_ERR]);
    expect(get(pageFileView, 0x100)).toEqual([0, ERROR_FILE_INVALID]);
  });

  it('are named by devices that stand for drives', () => {
    const ask = (name: string | number, units: number) =>
      machine.attempt('QueryDosDeviceW', typeof name === 'string' ? { wide: name } : name, buffer, units);
    const device = '\\Device\\HarddiskVolume1';
    expect(ask('c:', 0x100)).toEqual([device.length + 2, 0xdead]);
    expect(machine.wideText(buffer)).toBe(device);
    expect(machine.u16(buffer + (device.length + 1) * 2)).toBe(0);
    expect(ask('c:', device.length + 1)).toEqual([0, ERROR_INSUFFICIENT_BUFFER]);
    expect(ask('x:', 0x100)).toEqual([0, ERROR_FILE_NOT_FOUND]);
    expect(ask(0, 0x100)).toEqual(['C:_NUL__'.length, 0xdead]);
    expect(machine.wideText(buffer)).toBe('C:');
  });

  it('show the same file or not', () => {
    const again = map(machine.call('CreateFileMappingA', open('a.txt'), 0, PAGE_READWRITE, 0, 0, 0));
    const same = (one: number, other: number) => status('NtAreMappedFilesTheSame', one, other);
    expect(same(fileView, again)).toBe(STATUS_SUCCESS);
    expect(same(fileView, image)).toBe(STATUS_NOT_SAME_DEVICE);
    expect(same(fileView, pageFileView)).toBe(STATUS_NOT_SAME_DEVICE);
    expect(same(fileView, memory)).toBe(STATUS_CONFLICTING_ADDRESSES);
    expect(same(fileView, 0x6000_0000_0000)).toBe(STATUS_INVALID_ADDRESS);
    verify(machine.kernel.mm);
  });
});

describe('NtExtendSection', () => {
  it('lengthens the file, and views made then see it', () => {
    const { machine, status, open, map } = make();
    const section = machine.call('CreateFileMappingA', open('a.txt'), 0, PAGE_READWRITE, 0, 0, 0);
    const handle = machine.space(8);
    expect(status('NtDuplicateObject', CURRENT, section, CURRENT, handle, SECTION_ALL, 0, 0)).toBe(0);
    const [full, size] = [machine.u32(handle), machine.space(8)];
    const first = map(section);
    machine.process.write(first, Uint8Array.of(0x41));
    machine.putNumber(size, 0x2800);
    expect(status('NtExtendSection', section, size)).toBe(STATUS_ACCESS_DENIED);
    expect(status('NtExtendSection', full, size)).toBe(STATUS_SUCCESS);
    expect(machine.pointer(size)).toBe(0x2800);
    const second = map(section);
    expect(machine.process.read(second, 3)).toEqual(Uint8Array.of(0x41, 0x62, 0x63));
    machine.process.write(second + 0x27ff, Uint8Array.of(7));
    machine.process.write(first, Uint8Array.of(0x42));
    expect(machine.process.read(second, 1)).toEqual(Uint8Array.of(0x42));
    machine.putNumber(size, 16);
    expect(status('NtExtendSection', full, size)).toBe(STATUS_SUCCESS);
    expect(machine.pointer(size)).toBe(0x2800);
    machine.putNumber(size, 2 ** 63);
    expect(status('NtExtendSection', full, size)).toBe(STATUS_INVALID_PARAMETER);
    verify(machine.kernel.mm);
  });

  it('is for data files', () => {
    const { machine, status } = make();
    const handle = machine.space(8);
    const size = machine.space(8);
    machine.putNumber(size, 0x1000);
    expect(status('NtCreateSection', handle, SECTION_ALL, 0, size, PAGE_READWRITE, SEC_COMMIT, 0)).toBe(
      STATUS_SUCCESS,
    );
    machine.putNumber(size, 0x2000);
    expect(status('NtExtendSection', machine.u32(handle), size)).toBe(STATUS_SECTION_NOT_EXTENDED);
  });
});

describe('NtMapViewOfSection', () => {
  it('maps into another process with the right to operate on its memory', () => {
    const { machine, status } = make();
    const { kernel } = machine;
    const other = createProcess(kernel, {
      imagePath: 'C:\\app\\crt.exe',
      commandLine: 'crt.exe',
      environment: [],
      currentDirectory: 'C:\\work',
      suspended: true,
    });
    if (typeof other === 'number') throw new Error(`createProcess: ${other.toString(16)}`);
    const section = machine.call('CreateFileMappingA', -1, 0, PAGE_READWRITE, 0, 0x3000, 0);
    const [base, size] = [machine.space(8), machine.space(8)];
    const map = (access: number) => {
      const process = machine.call('OpenProcess', access, 0, other.id);
      for (const at of [base, size]) machine.putNumber(at, 0);
      return status('NtMapViewOfSection', section, process, base, 0, 0, 0, size, 2, 0, PAGE_READWRITE);
    };
    expect(map(PROCESS_QUERY_INFORMATION)).toBe(STATUS_ACCESS_DENIED);
    expect(map(PROCESS_VM_OPERATION)).toBe(STATUS_SUCCESS);
    const [there, here] = [machine.pointer(base), machine.callAddress('MapViewOfFile', section, 2, 0, 0, 0)];
    expect(machine.pointer(size)).toBe(0x3000);
    machine.process.write(here + 0x2345, Uint8Array.of(42));
    expect(new MachineProcess(kernel, other).read(there + 0x2345, 1)).toEqual(Uint8Array.of(42));
    verify(kernel.mm);
    const process = machine.call('OpenProcess', PROCESS_VM_OPERATION, 0, other.id);
    expect(status('NtUnmapViewOfSection', process, there)).toBe(STATUS_SUCCESS);
    expect(status('NtUnmapViewOfSection', process, there)).toBe(STATUS_NOT_MAPPED_VIEW);
    verify(kernel.mm);
  });
});

describe('NtQuerySection', () => {
  const { machine, status, open } = make();
  const buffer = machine.space(0x60);
  const query = (section: number, kind: number, bytes: number) =>
    status('NtQuerySection', section, kind, buffer, bytes, 0);

  it('tells attributes and size', () => {
    const section = machine.call('CreateFileMappingA', open('a.txt'), 0, PAGE_READONLY, 0, 0, 0);
    expect(query(section, 0, 0x18)).toBe(STATUS_SUCCESS);
    expect(machine.u32(buffer + 8)).toBe((SEC_COMMIT | SEC_FILE) >>> 0);
    expect(machine.pointer(buffer + 16)).toBe(3);
    expect(query(section, 0, 0x17)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    for (const kind of [1, 2, 3, 4]) expect(query(section, kind, 0x60)).toBe(STATUS_SECTION_NOT_IMAGE);
  });

  it('tells what an image is', () => {
    const path = { wide: 'C:\\app\\crt.exe' };
    const file = machine.call('CreateFileW', path, 0x80000000, 7, 0, OPEN_EXISTING, 0, 0);
    const section = machine.call('CreateFileMappingA', file, 0, SEC_IMAGE | PAGE_READONLY, 0, 0, 0);
    expect(query(section, 1, 0x40)).toBe(STATUS_SUCCESS);
    expect(machine.u32(buffer + 0x30) & 0xffff).toBe(0x8664);
    const entry = machine.pointer(buffer);
    expect(query(section, 3, 8)).toBe(STATUS_SUCCESS);
    const original = machine.pointer(buffer);
    expect(original).toBe(0x140000000);
    expect(query(section, 2, 8)).toBe(STATUS_SUCCESS);
    const moved = machine.pointer(buffer);
    const view = machine.callAddress('MapViewOfFile', section, FILE_MAP_READ, 0, 0, 0);
    expect(entry - (original + moved)).toBeGreaterThan(0);
    expect(view).not.toBe(0);
    expect(query(section, 4, 0x48)).toBe(STATUS_SUCCESS);
    expect(machine.pointer(buffer)).toBe(entry);
  });
});

describe('forms of CreateFileMapping and MapViewOfFile', () => {
  const { machine, open } = make();

  it('take a node', () => {
    const create = (node: number) =>
      machine.attempt('CreateFileMappingNumaA', -1, 0, PAGE_READWRITE, 0, 0x1000, 0, node);
    expect(create(1)).toEqual([0, ERROR_INVALID_PARAMETER]);
    const [section] = create(0xffffffff);
    const map = (node: number) =>
      machine.callAddress('MapViewOfFileExNuma', section, FILE_MAP_READ, 0, 0, 0, 0, node);
    expect(map(0)).not.toBe(0);
    expect(map(2)).toBe(0);
  });

  it('for store programs are never executable', () => {
    const create = (protect: number) =>
      machine.attempt('CreateFileMappingFromApp', -1, 0, protect, 0x10_0000_1000, 0);
    expect(create(PAGE_EXECUTE_READ)).toEqual([0, ERROR_INVALID_PARAMETER]);
    const file = open('a.txt');
    const section = machine.call('CreateFileMappingFromApp', file, 0, PAGE_READWRITE, 0x20000, 0);
    const map = (access: number, offset: number) =>
      machine.callAddress('MapViewOfFileFromApp', section, access, offset, 0x1000);
    expect(map(FILE_MAP_READ | FILE_MAP_EXECUTE, 0)).toBe(0);
    const view = map(FILE_MAP_READ | FILE_MAP_WRITE, 0x10000);
    machine.process.write(view, Uint8Array.of(9));
    expect(machine.process.read(map(FILE_MAP_READ, 0), 3)).toEqual(Uint8Array.of(0x61, 0x62, 0x63));
  });

  it('take access, attributes and parameters', () => {
    const parameters = machine.space(0x20);
    const create = (count: number) =>
      machine.attempt(
        'CreateFileMapping2',
        -1,
        0,
        SECTION_ALL,
        PAGE_READWRITE,
        SEC_COMMIT,
        0x3000,
        { wide: 'memory' },
        parameters,
        count,
      );
    machine.putNumber(parameters, 2);
    machine.putNumber(parameters + 8, 5);
    expect(create(1)).toEqual([0, ERROR_INVALID_PARAMETER]);
    machine.putNumber(parameters + 8, 0);
    const [section] = create(1);
    expect(section).not.toBe(0);
    machine.putNumber(parameters, 9);
    expect(create(1)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(create(99)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.call('OpenFileMappingA', FILE_MAP_READ, 0, 'memory')).not.toBe(0);
  });
});
