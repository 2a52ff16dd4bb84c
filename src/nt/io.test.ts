import { describe, expect, it } from 'vitest';
import { MemoryHost } from '../host/memory-host.js';
import { verify } from '../mm/verify.js';
import { allocateVirtualMemory } from '../mm/virtual-memory.js';
import { bytes32, makeTestKernel, systemCall } from '../testing/test-kernel.js';
import { DELETE, FILE_APPEND_DATA, GENERIC_READ, GENERIC_WRITE } from './access.js';
import { createFile } from './create-file.js';
import { dosPathToNtPath } from './dos-path.js';
import {
  queryAttributesFile,
  queryDirectoryFile,
  queryInformationFile,
  renameFile,
  setDeleteDisposition,
  setEndOfFile,
  setFilePosition,
} from './file-information.js';
import { flushBuffersFile, readFile, writeFile } from './io.js';
import { closeUnusedSegments } from './memory-threads.js';
import { closeHandle } from './object-manager.js';
import type { Process } from './process.js';
import { createProcess } from './process-create.js';
import { createSection, mapViewOfSection, unmapViewOfSection } from './section-services.js';
import { PENDING, type ServiceCall } from './service.js';

const SHARING_VIOLATION = 0xc0000043;
const END_OF_FILE = 0xc0000011;
const ACCESS_DENIED = 0xc0000022;
const ACCESS_VIOLATION = 0xc0000005;
const NOT_FOUND = 0xc0000034;
const CANNOT_DELETE = 0xc0000121;
const USER_MAPPED_FILE = 0xc0000243;
const INVALID_HANDLE = 0xc0000008;

/** A process without a program, a writable folder C:\work, and 64 KB of memory for buffers. */
function makeWorld() {
  const { kernel } = makeTestKernel();
  const host = new MemoryHost({ capacity: 1_000_000 });
  const root = host.addRoot({ 'a.txt': 'hello, world', 'B.dat': 'bb', sub: { 'c.txt': 'c' } });
  kernel.fileSystem.mount('C:\\work', host, root, true);
  const creation = { imagePath: null, commandLine: '', environment: [], currentDirectory: 'C:\\work' };
  const process = createProcess(kernel, { ...creation, suspended: false }) as Process;
  const region = { baseAddress: 0, regionSize: 0x10000 };
  kernel.attachProcess(process);
  allocateVirtualMemory(kernel.mm, process.space, region, 0x3000, 4);
  const buffer = region.baseAddress;
  const call = { kernel, process, memory: kernel.memory, wait: () => PENDING } as unknown as ServiceCall;
  const out = { handle: 0, information: 0 };
  const open = (path: string, access = GENERIC_READ, disposition = 1, share = 7, options = 0) => {
    const request = { path: dosPathToNtPath(path, 'C:\\work')!, access, share, disposition, options };
    const status = createFile(kernel, process, request, out);
    return status === 0 ? out.handle : status;
  };
  const read = (handle: number, length: number, offset: number | null = null) => {
    const status = readFile(call, handle, buffer, length, offset, out);
    return status === 0 ? kernel.memory.readAnsi(buffer, out.information) : status;
  };
  const write = (handle: number, text: string, offset: number | null = null) => {
    kernel.memory.writeAnsi(buffer, text);
    return writeFile(call, handle, buffer, text.length, offset, out);
  };
  const content = (...path: string[]) => new TextDecoder().decode(host.fileBytes(root, path));
  const close = (handle: number) => closeHandle(kernel, process, handle);
  return { kernel, process, host, root, buffer, call, out, open, read, write, content, close };
}

describe('files', () => {
  it('are read and written at their position or at an offset', () => {
    const { open, read, write, content, close, out } = makeWorld();
    const handle = open('a.txt', GENERIC_READ | GENERIC_WRITE);
    expect(read(handle, 5)).toBe('hello');
    expect(read(handle, 100)).toBe(', world');
    expect(read(handle, 1)).toBe(END_OF_FILE);
    expect(read(handle, 5, 7)).toBe('world');
    expect(write(handle, 'W', 7)).toBe(0);
    expect(write(handle, 'ORLD')).toBe(0);
    expect(write(handle, '!', -1)).toBe(0);
    expect(out.information).toBe(1);
    expect(content('a.txt')).toBe('hello, WORLD!');
    expect(close(handle)).toBe(0);
    expect(read(handle, 1)).toBe(INVALID_HANDLE);
  });

  it('opened for appending are written at their end', () => {
    const { open, write, content } = makeWorld();
    const handle = open('a.txt', FILE_APPEND_DATA);
    expect(write(handle, '!', 0)).toBe(0);
    expect(content('a.txt')).toBe('hello, world!');
  });

  it('check the rights of the handle and the buffer of the guest', () => {
    const { kernel, open, read, write, call, out, buffer } = makeWorld();
    expect(write(open('a.txt'), 'x')).toBe(ACCESS_DENIED);
    expect(read(open('a.txt', GENERIC_WRITE), 1)).toBe(ACCESS_DENIED);
    const handle = open('a.txt', GENERIC_READ | GENERIC_WRITE);
    for (const bad of [0, 0x1000, 2 ** 47 - 1, 2 ** 47, 2 ** 48 - 1, 2 ** 52, buffer + 0x10000 - 1]) {
      expect(readFile(call, handle, bad, 12, 0, out)).toBe(ACCESS_VIOLATION);
      expect(writeFile(call, handle, bad, 12, 0, out)).toBe(ACCESS_VIOLATION);
    }
    expect(readFile(call, handle, buffer, 2 ** 32 - 1, 0, out)).toBe(0);
    expect(out.information).toBe(12);
    expect(writeFile(call, handle, buffer, 2 ** 32 - 1, 0, out)).toBe(ACCESS_VIOLATION);
    for (const offset of [-2, 2 ** 60, Number.NaN])
      expect(readFile(call, handle, buffer, 1, offset, out)).toBe(0xc000000d);
    expect(kernel.memory.readAnsi(buffer, 5)).toBe('hello');
  });

  it('give STATUS_DISK_FULL when the host has no room', () => {
    const { kernel, process, open, write } = makeWorld();
    const handle = open('big', GENERIC_WRITE, 2);
    expect(write(handle, 'x', 2_000_000)).toBe(0xc000007f);
    expect(setEndOfFile(kernel, process, handle, 2_000_000)).toBe(0xc000007f);
    expect(setEndOfFile(kernel, process, handle, -1)).toBe(0xc000000d);
    expect(setFilePosition(kernel, process, handle, -1)).toBe(0xc000000d);
  });

  it('are shared as each open allows', () => {
    const { open, close } = makeWorld();
    const reader = open('a.txt', GENERIC_READ, 1, 1);
    expect(open('A.TXT', GENERIC_WRITE, 1, 7)).toBe(SHARING_VIOLATION);
    expect(open('a.txt', GENERIC_READ, 1, 0)).toBe(SHARING_VIOLATION);
    expect(open('a.txt', DELETE, 1, 7)).toBe(SHARING_VIOLATION);
    expect(open('a.txt', 0x80, 1, 0)).toBeLessThan(0x10000);
    expect(open('a.txt', GENERIC_READ, 5, 7)).toBe(SHARING_VIOLATION);
    close(reader);
    const writer = open('a.txt', GENERIC_WRITE, 1, 1);
    expect(open('a.txt', GENERIC_READ, 1, 1)).toBe(SHARING_VIOLATION);
    expect(open('a.txt', GENERIC_READ, 1, 3)).toBeLessThan(0x10000);
    close(writer);
  });

  it('are created, emptied and replaced as the disposition says', () => {
    const { open, content, close, out } = makeWorld();
    const attempt = (name: string, disposition: number) => {
      const handle = open(name, GENERIC_WRITE, disposition);
      if (handle > 0x10000) return handle;
      close(handle);
      return out.information;
    };
    expect([0, 1, 2, 3, 4, 5].map((disposition) => attempt('a.txt', disposition))).toEqual([
      0, 1, 0xc0000035, 1, 3, 3,
    ]);
    expect(content('a.txt')).toBe('');
    expect([1, 4].map((disposition) => attempt('n', disposition))).toEqual([NOT_FOUND, NOT_FOUND]);
    expect(attempt('n0', 0)).toBe(2);
    expect([2, 3, 5].map((disposition) => attempt(`n${disposition}`, disposition))).toEqual([2, 2, 2]);
    expect(attempt('n', 6)).toBe(0xc000000d);
  });

  it('go away when the last handle closes', () => {
    const { kernel, process, open, close } = makeWorld();
    const first = open('a.txt', DELETE);
    const second = open('a.txt');
    expect(setDeleteDisposition(kernel, process, first, true)).toBe(0);
    close(first);
    expect(open('a.txt')).toBe(0xc0000056);
    close(second);
    expect(open('a.txt')).toBe(NOT_FOUND);
    close(open('B.dat', DELETE, 1, 7, 0x1000));
    expect(open('B.dat')).toBe(NOT_FOUND);
    expect(kernel.fileSystem.openFiles.size).toBe(0);
  });

  it('are moved within their folder', () => {
    const { kernel, process, open, close, content } = makeWorld();
    const handle = open('a.txt', DELETE);
    const to = (name: string) => dosPathToNtPath(name, 'C:\\work')!;
    expect(renameFile(kernel, process, handle, to('B.dat'), false)).toBe(0xc0000035);
    expect(renameFile(kernel, process, handle, to('C:\\Windows\\x'), false)).toBe(0xc00000d4);
    expect(renameFile(kernel, process, handle, to('..\\x'), false)).toBe(0xc00000d4);
    expect(renameFile(kernel, process, handle, to('sub\\d.txt'), false)).toBe(0);
    expect(queryInformationFile(kernel, process, handle)).toMatchObject({ path: 'C:\\work\\sub\\d.txt' });
    close(handle);
    expect(content('sub', 'd.txt')).toBe('hello, world');
    expect(queryAttributesFile(kernel, to('a.txt'))).toBe(NOT_FOUND);
  });

  it('can be emptied, cut, deleted, moved and replaced while a segment of theirs is left that nobody uses', () => {
    const { kernel, process, open, close, content, out, read } = makeWorld();
    const { mm } = kernel;
    const all = GENERIC_READ | GENERIC_WRITE | DELETE;
    /** Maps a file, reads it through the view and lets go of everything. */
    const use = (path: string) => {
      const handle = open(path);
      const section = { maximumSize: 0, protection: 2, attributes: 0x8000000, fileHandle: handle };
      expect(createSection(kernel, process, { path: null, access: 4, openIf: true }, section, out)).toBe(0);
      const request = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect: 2 };
      expect(mapViewOfSection(kernel, process, out.handle, request)).toBe(0);
      const text = kernel.memory.readAnsi(request.baseAddress);
      for (const each of [out.handle, handle]) close(each);
      expect(unmapViewOfSection(kernel, process, request.baseAddress)).toBe(0);
      expect(mm.sections.unused.length).toBeGreaterThan(0);
      return text;
    };
    const to = (name: string) => dosPathToNtPath(name, 'C:\\work')!;
    expect(use('a.txt')).toBe('hello, world');
    const { hard } = mm.counters;
    expect(use('a.txt')).toBe('hello, world');
    expect(mm.counters.hard).toBe(hard);
    let handle = open('a.txt', all);
    expect(setEndOfFile(kernel, process, handle, 5)).toBe(0);
    close(handle);
    expect([content('a.txt'), use('a.txt')]).toEqual(['hello', 'hello']);
    close(open('a.txt', GENERIC_WRITE, 5));
    expect([content('a.txt'), use('B.dat')]).toEqual(['', 'bb']);
    handle = open('a.txt', all);
    expect(renameFile(kernel, process, handle, to('B.dat'), true)).toBe(0);
    close(handle);
    expect([content('B.dat'), open('a.txt'), use('sub\\c.txt')]).toEqual(['', NOT_FOUND, 'c']);
    handle = open('sub', DELETE, 1, 7, 1);
    expect(renameFile(kernel, process, handle, to('sup'), false)).toBe(0);
    close(handle);
    expect(use('sup\\c.txt')).toBe('c');
    handle = open('sup\\c.txt', all);
    expect([read(handle, 9, 0), setDeleteDisposition(kernel, process, handle, true)]).toEqual(['c', 0]);
    close(handle);
    expect(open('sup\\c.txt')).toBe(NOT_FOUND);
    handle = open('B.dat', all, 0);
    expect(setEndOfFile(kernel, process, handle, 3)).toBe(0);
    expect(setDeleteDisposition(kernel, process, handle, true)).toBe(0);
    const section = { maximumSize: 0, protection: 2, attributes: 0x8000000, fileHandle: handle };
    expect(createSection(kernel, process, { path: null, access: 4, openIf: true }, section, out)).toBe(0);
    close(handle);
    expect([open('B.dat'), kernel.fileSystem.orphans.length]).toEqual([NOT_FOUND, 1]);
    close(out.handle);
    expect(kernel.fileSystem.orphans).toEqual([]);
    expect([kernel.fileSystem.openFiles.size, mm.sections.unused.length]).toEqual([0, 0]);
    verify(mm);
  });

  it('are seen through a mapping and change it', () => {
    const { kernel, process, open, close, read, write, content, out } = makeWorld();
    const handle = open('a.txt', GENERIC_READ | GENERIC_WRITE | DELETE);
    const unnamed = { path: null, access: 0xf001f, openIf: true };
    const section = { maximumSize: 0, protection: 4, attributes: 0x8000000, fileHandle: handle };
    expect(createSection(kernel, process, unnamed, section, out)).toBe(0);
    const request = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect: 4 };
    expect(mapViewOfSection(kernel, process, out.handle, request)).toBe(0);
    close(out.handle);
    expect(kernel.memory.readAnsi(request.baseAddress)).toBe('hello, world');
    kernel.memory.writeAnsi(request.baseAddress, 'HELLO');
    expect(read(handle, 12, 0)).toBe('HELLO, world');
    expect(write(handle, 'WORLD', 7)).toBe(0);
    expect(kernel.memory.readAnsi(request.baseAddress)).toBe('HELLO, WORLD');
    expect(setDeleteDisposition(kernel, process, handle, true)).toBe(CANNOT_DELETE);
    expect(setEndOfFile(kernel, process, handle, 0)).toBe(USER_MAPPED_FILE);
    expect(flushBuffersFile(kernel, process, handle)).toBe(0);
    expect(content('a.txt')).toBe('HELLO, WORLD');
    kernel.memory.writeAnsi(request.baseAddress, 'J');
    close(handle);
    expect(kernel.fileSystem.openFiles.size).toBe(1);
    expect(unmapViewOfSection(kernel, process, request.baseAddress)).toBe(0);
    expect(content('a.txt')).toBe('JELLO, WORLD');
    expect(kernel.fileSystem.openFiles.size).toBe(1);
    closeUnusedSegments(kernel);
    expect(kernel.fileSystem.openFiles.size).toBe(0);
  });
});

describe('deletion the POSIX way', () => {
  it('takes the name when the handle closes, and leaves the file to those who have it open', () => {
    const { kernel, process, open, read, write, close } = makeWorld();
    const [reader, deleter] = [open('a.txt', GENERIC_READ | GENERIC_WRITE), open('a.txt', DELETE)];
    expect(setDeleteDisposition(kernel, process, deleter, true, { posix: true })).toBe(0);
    expect(open('a.txt')).toBe(0xc0000056);
    expect(close(deleter)).toBe(0);
    expect(open('a.txt')).toBe(NOT_FOUND);
    expect(read(reader, 5)).toBe('hello');
    const second = open('a.txt', GENERIC_WRITE, 2);
    expect(write(second, 'another')).toBe(0);
    expect(read(reader, 5, 0)).toBe('hello');
    expect([close(reader), close(second), kernel.fileSystem.orphans.length]).toEqual([0, 0, 0]);
    verify(kernel.mm);
  });
});

describe('directories', () => {
  it('list what matches, sorted, with the folders that are mounted in them', () => {
    const { kernel, process, open } = makeWorld();
    const names = (path: string, pattern: string) => {
      const handle = open(path, GENERIC_READ, 1, 7, 1);
      const found: string[] = [];
      for (;;) {
        const entry = queryDirectoryFile(kernel, process, handle, pattern, false);
        if (typeof entry === 'number') return [...found, entry.toString(16)];
        found.push(entry.name);
      }
    };
    expect(names('.', '*')).toEqual(['.', '..', 'a.txt', 'B.dat', 'sub', '80000006']);
    expect(names('.', '*.T?T')).toEqual(['a.txt', '80000006']);
    expect(names('.', 'nothing')).toEqual(['c000000f']);
    expect(names('C:\\', '*')).toEqual(['Windows', 'work', '80000006']);
    expect(names('C:\\Windows', '*')).toEqual(['.', '..', 'System32', '80000006']);
    expect(names('C:\\Windows\\System32', 'NT*.dll')).toEqual(['ntdll.dll', '80000006']);
  });

  it('are made, and removed when they are empty', () => {
    const { kernel, process, open, close } = makeWorld();
    const made = open('new', GENERIC_READ | DELETE, 2, 7, 1);
    expect(made).toBeLessThan(0x10000);
    expect(open('new', GENERIC_READ, 2, 7, 1)).toBe(0xc0000035);
    expect(open('new', GENERIC_READ, 1, 7, 0x40)).toBe(0xc00000ba);
    expect(setDeleteDisposition(kernel, process, made, true)).toBe(0);
    close(made);
    expect(open('new', GENERIC_READ, 1, 7, 1)).toBe(NOT_FOUND);
    const full = open('sub', DELETE, 1, 7, 1);
    expect(setDeleteDisposition(kernel, process, full, true)).toBe(0xc0000101);
    expect(setDeleteDisposition(kernel, process, open('.', DELETE, 1, 7, 1), true)).toBe(CANNOT_DELETE);
  });
});

describe('the console', () => {
  it('makes a reading thread wait until a line has come, and ends with its input', () => {
    const lines: string[] = [];
    const out = { information: 0 };
    const test = makeTestKernel({
      Read: (call) => {
        const buffer = call.stackPointer - 0x400;
        const status = readFile(call, call.process.standardHandles[0], buffer, call.u32(0), null, out);
        if (status === 0) lines.push(call.memory.readAnsi(buffer, out.information));
        return status === 0 ? out.information : status;
      },
    });
    const loop = [
      ...[0xb9, ...bytes32(6)], // again: mov ecx, 6
      ...systemCall(test.service('Read')),
      ...[0x85, 0xc0], // test eax, eax
      ...[0x75, 0xed], // jnz again
      0xc3,
    ];
    test.start(loop);
    const feed = (text: string | null) =>
      test.kernel.console.feed(text === null ? null : new TextEncoder().encode(text));
    expect(test.run()).toBe('waiting-input');
    feed('one\ntwo');
    expect(test.run()).toBe('waiting-input');
    expect(lines).toEqual(['one\r\n']);
    feed(' and more\r\n');
    expect(test.run()).toBe('waiting-input');
    expect(lines).toEqual(['one\r\n', 'two an', 'd more', '\r\n']);
    feed('end');
    expect(test.run()).toBe('waiting-input');
    feed(null);
    expect(test.run()).toBe('exited');
    expect(lines.slice(4)).toEqual(['end', '']);
  });

  it('shows output on the stream of its handle', () => {
    const out = { information: 0 };
    const test = makeTestKernel({
      Write: (call) => {
        const buffer = call.stackPointer - 0x400;
        for (const index of [1, 2]) {
          call.memory.writeAnsi(buffer, `to ${index}`);
          writeFile(call, call.process.standardHandles[index]!, buffer, 4, null, out);
        }
      },
    });
    test.start([...systemCall(test.service('Write')), 0xc3]);
    test.run();
    expect([test.host.consoleText(1), test.host.consoleText(2)]).toEqual(['to 1', 'to 2']);
  });
});
