import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_PRIVATE,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_READONLY,
  PAGE_READWRITE,
  SEC_COMMIT,
  SECTION_ALL_ACCESS,
} from '../../base/memory-constants.js';
import {
  STATUS_ACCESS_DENIED,
  STATUS_ACCESS_VIOLATION,
  STATUS_DLL_NOT_FOUND,
  STATUS_END_OF_FILE,
  STATUS_ENTRYPOINT_NOT_FOUND,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_HANDLE,
  STATUS_INVALID_INFO_CLASS,
  STATUS_NO_MORE_FILES,
  STATUS_OBJECT_NAME_EXISTS,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_PARTIAL_COPY,
  STATUS_SUCCESS,
  STATUS_TIMEOUT,
} from '../../base/ntstatus.js';
import { ServiceCaller } from '../../testing/service-caller.js';

const CURRENT_PROCESS = -1;
const CURRENT_THREAD = -2;
const SYSTEM_POINTER = -0x80000000;
const OBJ_OPENIF = 0x80;
const SHARE_ALL = 7;
const FILE_OPEN = 1;

describe('native services', () => {
  it('allocate, protect, query, move and free memory', () => {
    const caller = new ServiceCaller();
    const [base, size, old, info] = [caller.data, caller.data + 8, caller.data + 16, caller.data + 0x100];
    caller.memory.writePointer(base, 0);
    caller.memory.writeU64(size, 0x5001, 0);
    const type = MEM_RESERVE | MEM_COMMIT;
    expect(caller.call('NtAllocateVirtualMemory', CURRENT_PROCESS, base, 0, size, type, PAGE_READWRITE)).toBe(
      STATUS_SUCCESS,
    );
    const address = caller.memory.readPointer(base);
    expect(address % 0x10000).toBe(0);
    expect(caller.memory.readU32(size)).toBe(0x6000);
    caller.memory.writePointer(base, address + 0x1000);
    caller.memory.writeU64(size, 1, 0);
    expect(caller.call('ZwProtectVirtualMemory', CURRENT_PROCESS, base, size, PAGE_READONLY, old)).toBe(0);
    expect(caller.memory.readU32(old)).toBe(PAGE_READWRITE);
    expect(caller.call('NtQueryVirtualMemory', CURRENT_PROCESS, address + 0x1234, 0, info, 0x30, 0)).toBe(0);
    expect(caller.memory.readPointer(info)).toBe(address + 0x1000);
    expect(caller.memory.readPointer(info + 8)).toBe(address);
    expect(caller.memory.readU32(info + 0x18)).toBe(0x1000);
    expect(caller.memory.readU32(info + 0x24)).toBe(PAGE_READONLY);
    expect(caller.memory.readU32(info + 0x28)).toBe(MEM_PRIVATE);
    expect(caller.call('NtQueryVirtualMemory', CURRENT_PROCESS, address, 0, info, 0x2f, 0)).toBe(
      STATUS_INFO_LENGTH_MISMATCH,
    );
    expect(caller.call('NtQueryVirtualMemory', CURRENT_PROCESS, address, 99, info, 0x30, 0)).toBe(
      STATUS_INVALID_INFO_CLASS,
    );
    caller.memory.writeAnsi(caller.data + 0x200, 'moved');
    const from = caller.data + 0x200;
    expect(caller.call('NtWriteVirtualMemory', CURRENT_PROCESS, address, from, 5, old)).toBe(0);
    expect(caller.memory.readAnsi(address)).toBe('moved');
    const beyond = address + 0x6000 - 4;
    expect(caller.call('NtReadVirtualMemory', CURRENT_PROCESS, beyond, from, 8, old)).toBe(
      STATUS_PARTIAL_COPY,
    );
    expect(caller.memory.readU32(old)).toBe(4);
    caller.memory.writePointer(base, address);
    caller.memory.writeU64(size, 0, 0);
    expect(caller.call('NtFreeVirtualMemory', CURRENT_PROCESS, base, size, MEM_RELEASE)).toBe(0);
  });

  it('set and query page priorities', () => {
    const caller = new ServiceCaller();
    const { memory, data } = caller;
    memory.writeU32(data, 3);
    expect(caller.call('NtSetInformationProcess', CURRENT_PROCESS, 39, data, 4)).toBe(STATUS_SUCCESS);
    expect(caller.call('NtQueryInformationProcess', CURRENT_PROCESS, 39, data + 8, 4, 0)).toBe(0);
    expect(caller.call('NtQueryInformationThread', CURRENT_THREAD, 24, data + 12, 4, 0)).toBe(0);
    expect([memory.readU32(data + 8), memory.readU32(data + 12)]).toEqual([3, 3]);
    memory.writeU32(data, 2);
    expect(caller.call('NtSetInformationThread', CURRENT_THREAD, 24, data, 4)).toBe(STATUS_SUCCESS);
    expect(caller.call('NtQueryInformationThread', CURRENT_THREAD, 24, data + 12, 4, 0)).toBe(0);
    expect(memory.readU32(data + 12)).toBe(2);
    for (const name of ['NtSetInformationProcess', 'NtSetInformationThread']) {
      const [self, kind] = name === 'NtSetInformationThread' ? [CURRENT_THREAD, 24] : [CURRENT_PROCESS, 39];
      expect(caller.call(name, self, kind, data, 8)).toBe(STATUS_INFO_LENGTH_MISMATCH);
      expect(caller.call(name, self, 99, data, 4)).toBe(STATUS_INVALID_INFO_CLASS);
      expect(caller.call(name, self, kind, SYSTEM_POINTER, 4)).toBe(STATUS_ACCESS_VIOLATION);
      expect(caller.call(name, 0x444, kind, data, 4)).toBe(STATUS_INVALID_HANDLE);
    }
  });

  it('let programs wait for memory conditions, not change them', () => {
    const caller = new ServiceCaller();
    const { data, memory, kernel } = caller;
    const EVENT_ALL_ACCESS = 0x1f0003;
    const MAXIMUM_ALLOWED = 0x2000000;
    const attributes = caller.objectAttributes(data + 0x100, '\\KernelObjects\\LowMemoryCondition');
    expect(caller.call('NtOpenEvent', data, EVENT_ALL_ACCESS, attributes)).toBe(STATUS_ACCESS_DENIED);
    expect(caller.call('NtCreateEvent', data, EVENT_ALL_ACCESS, attributes, 0, 1)).not.toBe(STATUS_SUCCESS);
    const again = caller.objectAttributes(data + 0x200, '\\KernelObjects\\HighMemoryCondition', OBJ_OPENIF);
    expect(caller.call('NtCreateEvent', data, EVENT_ALL_ACCESS, again, 0, 0)).toBe(STATUS_ACCESS_DENIED);
    expect(caller.call('NtOpenEvent', data, MAXIMUM_ALLOWED, attributes)).toBe(STATUS_SUCCESS);
    const handle = memory.readU32(data);
    expect(caller.call('NtSetEvent', handle, 0)).toBe(STATUS_ACCESS_DENIED);
    expect(caller.call('NtDuplicateObject', -1, handle, -1, data + 8, 2, 0, 0)).toBe(STATUS_ACCESS_DENIED);
    memory.writeU64(data + 16, 0, 0);
    expect(caller.call('NtWaitForSingleObject', handle, 0, data + 16)).toBe(STATUS_TIMEOUT);
    expect(caller.call('NtClose', handle)).toBe(STATUS_SUCCESS);
    expect(kernel.objectDirectory.lookup('\\KernelObjects\\LowMemoryCondition')).toBe(
      kernel.memoryConditions.low,
    );
  });

  it('query working sets', () => {
    const caller = new ServiceCaller();
    const { memory, process, data } = caller;
    const { workingSet } = process.space;
    const query = (kind: number, buffer: number, length: number, returned: number) =>
      caller.call('NtQueryVirtualMemory', CURRENT_PROCESS, 0, kind, buffer, length, returned);
    expect(query(1, data, 7, 0)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    expect(query(1, data, 8, 0)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    expect(memory.readU32(data)).toBe(workingSet.used);
    expect(query(1, data, 0xc00, data + 0xff0)).toBe(STATUS_SUCCESS);
    const count = memory.readU32(data);
    expect(memory.readU32(data + 0xff0)).toBe(8 + 8 * count);
    const pages = Array.from({ length: count }, (_, index) => memory.readU64Lo(data + 8 + 8 * index) >>> 12);
    expect(pages).toContain((data >>> 12) & 0xfffff);
    memory.writePointer(data, data);
    expect(query(4, data, 16, data + 16)).toBe(STATUS_SUCCESS);
    expect(memory.readU32(data + 8) & 1).toBe(1);
    expect(memory.readU32(data + 16)).toBe(16);
    expect(query(4, data, 17, 0)).toBe(STATUS_INFO_LENGTH_MISMATCH);
    for (const bad of [0, 0x7ffe0000, SYSTEM_POINTER]) {
      expect(query(1, bad, 0xc00, 0)).toBe(STATUS_ACCESS_VIOLATION);
      expect(query(4, bad, 16, 0)).toBe(STATUS_ACCESS_VIOLATION);
      expect(query(4, data, 16, bad === 0 ? 1 : bad)).toBe(STATUS_ACCESS_VIOLATION);
    }
    expect(query(4, data, 2 ** 47, 0)).toBe(STATUS_ACCESS_VIOLATION);
    expect(caller.call('NtQueryVirtualMemory', 0x444, 0, 4, data, 16, 0)).toBe(STATUS_INVALID_HANDLE);
  });

  it('answer a bad pointer with its status and change nothing', () => {
    const caller = new ServiceCaller();
    const size = caller.data + 8;
    caller.memory.writeU64(size, 0x1000, 0);
    for (const bad of [0, 0x7ffe0000, SYSTEM_POINTER])
      expect(
        caller.call('NtAllocateVirtualMemory', CURRENT_PROCESS, bad, 0, size, MEM_RESERVE, PAGE_READWRITE),
      ).toBe(STATUS_ACCESS_VIOLATION);
    expect(caller.call('NtClose', 0x1234)).toBe(STATUS_INVALID_HANDLE);
  });

  it('create, name, open, map and unmap sections', () => {
    const caller = new ServiceCaller();
    const { data } = caller;
    const name = '\\Sessions\\1\\BaseNamedObjects\\shared';
    caller.memory.writeU64(data + 8, 0x2000, 0);
    const create = (flags: number) =>
      caller.call(
        'NtCreateSection',
        data,
        SECTION_ALL_ACCESS,
        caller.objectAttributes(data + 0x100, name, flags),
        data + 8,
        PAGE_READWRITE,
        SEC_COMMIT,
        0,
      );
    expect(create(0)).toBe(STATUS_SUCCESS);
    expect(create(OBJ_OPENIF)).toBe(STATUS_OBJECT_NAME_EXISTS);
    const attributes = caller.objectAttributes(data + 0x100, name);
    expect(caller.call('NtOpenSection', data, SECTION_ALL_ACCESS, attributes)).toBe(STATUS_SUCCESS);
    const section = caller.memory.readU32(data);
    const map = () => {
      caller.memory.fill(data + 0x20, 24, 0);
      const [base, offset, size] = [data + 0x20, data + 0x28, data + 0x30];
      const status = caller.call(
        'NtMapViewOfSection',
        section,
        CURRENT_PROCESS,
        base,
        0,
        0,
        offset,
        size,
        1,
        0,
        PAGE_READWRITE,
      );
      expect(status).toBe(STATUS_SUCCESS);
      expect(caller.memory.readU32(size)).toBe(0x2000);
      return caller.memory.readPointer(base);
    };
    const [first, second] = [map(), map()];
    expect(second).not.toBe(first);
    caller.memory.writeU32(first + 0x1ffc, 0xabcdef01);
    expect(caller.memory.readU32(second + 0x1ffc)).toBe(0xabcdef01);
    expect(caller.call('NtQuerySection', section, 0, data + 0x40, 0x18, 0)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(data + 0x50)).toBe(0x2000);
    expect(caller.call('NtUnmapViewOfSection', CURRENT_PROCESS, first)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(second + 0x1ffc)).toBe(0xabcdef01);
  });

  it('open, read, describe and list files', () => {
    const caller = new ServiceCaller({ 'note.txt': new TextEncoder().encode('hello') });
    const { data } = caller;
    const [io, buffer] = [data + 8, data + 0x200];
    const open = (path: string, disposition: number, options = 0) =>
      caller.call(
        'NtCreateFile',
        data,
        0x80000000,
        caller.objectAttributes(data + 0x100, path),
        io,
        0,
        0,
        SHARE_ALL,
        disposition,
        options,
        0,
        0,
      );
    expect(open('\\??\\C:\\work\\none.txt', FILE_OPEN)).toBe(STATUS_OBJECT_NAME_NOT_FOUND);
    expect(open('\\??\\C:\\work\\note.txt', FILE_OPEN)).toBe(STATUS_SUCCESS);
    const file = caller.memory.readU32(data);
    const readAt = (length: number) => caller.call('NtReadFile', file, 0, 0, 0, io, buffer, length, 0, 0);
    expect(readAt(4)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readAnsi(buffer, 4)).toBe('hell');
    expect(readAt(4)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(io + 8)).toBe(1);
    expect(readAt(4)).toBe(STATUS_END_OF_FILE);
    expect(caller.call('NtQueryInformationFile', file, io, buffer, 0x18, 5)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(buffer + 8)).toBe(5);
    expect(caller.call('NtQueryInformationFile', file, io, buffer, 0x40, 9)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readUtf16(buffer + 4, caller.memory.readU32(buffer) / 2)).toBe('\\work\\note.txt');
    expect(caller.call('NtClose', file)).toBe(STATUS_SUCCESS);
    expect(open('\\??\\C:\\work', FILE_OPEN, 1)).toBe(STATUS_SUCCESS);
    const folder = caller.memory.readU32(data);
    const names: string[] = [];
    for (;;) {
      const status = caller.call('NtQueryDirectoryFile', folder, 0, 0, 0, io, buffer, 0x200, 12, 1, 0, 0);
      if (status !== STATUS_SUCCESS) {
        expect(status).toBe(STATUS_NO_MORE_FILES);
        break;
      }
      names.push(caller.memory.readUtf16(buffer + 12, caller.memory.readU32(buffer + 8) / 2));
    }
    expect(names).toEqual(['.', '..', 'note.txt']);
  });

  it('create events and wait for them', () => {
    const caller = new ServiceCaller();
    const { data } = caller;
    expect(caller.call('NtCreateEvent', data, 0x1f0003, 0, 1, 0)).toBe(STATUS_SUCCESS);
    const event = caller.memory.readU32(data);
    caller.memory.writeU64(data + 8, 0, 0);
    const poll = () => caller.call('NtWaitForSingleObject', event, 0, data + 8);
    expect(poll()).toBe(STATUS_TIMEOUT);
    expect(caller.call('NtSetEvent', event, data + 16)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(data + 16)).toBe(0);
    expect(poll()).toBe(STATUS_SUCCESS);
    expect(poll()).toBe(STATUS_TIMEOUT);
    caller.memory.writeU64(data + 8, 0xfffffff6, 0xffffffff);
    expect(poll()).toBe(STATUS_TIMEOUT);
  });

  it('tell about process, thread and system', () => {
    const caller = new ServiceCaller();
    const { data, process } = caller;
    expect(caller.call('NtQueryInformationProcess', CURRENT_PROCESS, 0, data, 0x30, data + 0x40)).toBe(0);
    expect(caller.memory.readPointer(data + 8)).toBe(process.peb);
    expect(caller.memory.readU32(data + 0x20)).toBe(process.id);
    expect(caller.memory.readU32(data + 0x40)).toBe(0x30);
    expect(caller.call('NtQueryInformationThread', CURRENT_THREAD, 0, data, 0x30, 0)).toBe(0);
    expect(caller.memory.readPointer(data + 8)).toBe(process.threads[0]!.teb);
    expect(caller.call('NtQuerySystemInformation', 0, data, 0x40, 0)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(data + 8)).toBe(4096);
    expect(caller.call('NtQueryInformationProcess', CURRENT_PROCESS, 0, data, 8, data + 0x40)).toBe(
      STATUS_INFO_LENGTH_MISMATCH,
    );
  });

  it('find modules and their exports', () => {
    const caller = new ServiceCaller();
    const { data } = caller;
    const module = caller.unicodeString(data + 0x100, 'KERNEL32');
    expect(caller.call('LdrGetDllHandle', 0, 0, module, data)).toBe(STATUS_SUCCESS);
    const base = caller.memory.readPointer(data);
    expect(base).toBe(caller.process.systemModules.get('kernel32.dll'));
    caller.memory.writeU16(data + 0x200, 11);
    caller.memory.writePointer(data + 0x208, data + 0x210);
    caller.memory.writeAnsi(data + 0x210, 'ExitProcess');
    expect(caller.call('LdrGetProcedureAddress', base, data + 0x200, 0, data + 8)).toBe(STATUS_SUCCESS);
    const exit = caller.kernel.symbol(caller.process, 'ntdll.dll', 'RtlExitUserProcess');
    expect(caller.memory.readPointer(data + 8)).toBe(exit);
    caller.memory.writeU16(data + 0x200, 4);
    expect(caller.call('LdrGetProcedureAddress', base, data + 0x200, 0, data + 8)).toBe(
      STATUS_ENTRYPOINT_NOT_FOUND,
    );
    const gone = caller.unicodeString(data + 0x100, 'gone.dll');
    expect(caller.call('LdrLoadDll', 0, 0, gone, data)).toBe(STATUS_DLL_NOT_FOUND);
    expect(caller.call('RtlPcToFileHeader', base + 0x1234, data)).toBe(base % 2 ** 32);
  });

  it('find the entry of a function in tables that the program added', () => {
    const caller = new ServiceCaller();
    const { data } = caller;
    const base = data + 0x800;
    const entries = [
      [0x10, 0x20, 0x100],
      [0x20, 0x40, 0x200],
      [0x80, 0x90, 0x25],
    ];
    entries.forEach((words, index) => {
      words.forEach((word, place) => {
        caller.memory.writeU32(data + 0x100 + index * 12 + place * 4, word);
      });
    });
    const lookup = (address: number) => caller.call('RtlLookupFunctionEntry', address, data, 0);
    const outside = 0x50000;
    expect(caller.call('RtlAddFunctionTable', data + 0x100, 3, outside)).toBe(1);
    expect(lookup(outside + 0x1f)).toBe((data + 0x100) % 2 ** 32);
    expect(caller.memory.readPointer(data)).toBe(outside);
    expect(lookup(outside + 0x20)).toBe((data + 0x10c) % 2 ** 32);
    expect(lookup(outside + 0x40)).toBe(0);
    expect(lookup(outside + 0x80)).toBe(outside + 0x24);
    expect(lookup(base)).toBe(0);
    expect(caller.call('RtlDeleteFunctionTable', data + 0x100)).toBe(1);
    expect(lookup(outside + 0x1f)).toBe(0);
  });

  it('move, fill and compare memory, and tell the version', () => {
    const caller = new ServiceCaller();
    const { data } = caller;
    caller.memory.writeAnsi(data, 'abcdef');
    caller.call('RtlMoveMemory', data + 2, data, 6);
    expect(caller.memory.readAnsi(data)).toBe('ababcdef');
    expect(caller.call('RtlCompareMemory', data, data + 2, 6)).toBe(2);
    caller.call('RtlFillMemory', data, 3, 0x7a);
    expect(caller.memory.readAnsi(data)).toBe('zzzbcdef');
    caller.memory.writeU32(data, 0x11c);
    expect(caller.call('RtlGetVersion', data)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(data + 4)).toBe(10);
    expect(caller.memory.readU32(data + 12)).toBe(19045);
    expect(caller.call('RtlNtStatusToDosError', STATUS_INVALID_HANDLE)).toBe(6);
    const base = caller.process.imageBase;
    expect(caller.call('RtlImageNtHeader', base)).toBe((base + 0x80) % 2 ** 32);
    expect(caller.call('RtlImageNtHeader', base + 0x1000)).toBe(0);
  });

  it('count strings', () => {
    const caller = new ServiceCaller();
    const { data } = caller;
    caller.memory.writeUtf16(data + 0x100, 'Name\0');
    caller.call('RtlInitUnicodeString', data, data + 0x100);
    expect([caller.memory.readU16(data), caller.memory.readU16(data + 2)]).toEqual([8, 10]);
    expect(caller.memory.readPointer(data + 8)).toBe(data + 0x100);
    const other = caller.unicodeString(data + 0x200, 'nAME');
    expect(caller.call('RtlEqualUnicodeString', data, other, 0)).toBe(0);
    expect(caller.call('RtlEqualUnicodeString', data, other, 1)).toBe(1);
    caller.memory.writeAnsi(data + 0x300, 'ansi');
    caller.call('RtlInitAnsiString', data + 0x20, data + 0x300);
    expect(caller.call('RtlAnsiStringToUnicodeString', data + 0x40, data + 0x20, 1)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readUtf16(caller.memory.readPointer(data + 0x48))).toBe('ansi');
    caller.call('RtlFreeUnicodeString', data + 0x40);
    expect(caller.memory.readPointer(data + 0x48)).toBe(0);
  });
});
