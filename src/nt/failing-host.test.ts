import { describe, expect, it } from 'vitest';
import { type Host, HostError, type HostErrorCode } from '../host/host.js';
import { MemoryHost } from '../host/memory-host.js';
import { verify } from '../mm/verify.js';
import { allocateVirtualMemory } from '../mm/virtual-memory.js';
import { makeTestKernel } from '../testing/test-kernel.js';
import { DELETE, GENERIC_READ, GENERIC_WRITE } from './access.js';
import { createFile } from './create-file.js';
import {
  queryDirectoryFile,
  renameFile,
  setDeleteDisposition,
  setEndOfFile,
  setFileTimes,
} from './file-information.js';
import { flushBuffersFile, readFile, writeFile } from './io.js';
import { closeHandle } from './object-manager.js';
import type { Process } from './process.js';
import { createProcess } from './process-create.js';
import type { ServiceCall } from './service.js';

const STATUS: Partial<Record<HostErrorCode, number>> = {
  io: 0xc0000185,
  denied: 0xc0000022,
  busy: 0xc0000043,
  'read-only': 0xc00000a2,
  'no-space': 0xc000007f,
  'too-many-files': 0xc000011f,
};
const CODES = Object.keys(STATUS) as HostErrorCode[];

/** A host of which one operation fails while it is told to. */
class FailingHost {
  failing: keyof Host | null = null;
  code: HostErrorCode = 'io';
  readonly inner = new MemoryHost();
  readonly host: Host;

  constructor() {
    this.host = new Proxy<Host>(this.inner, {
      get: (target, name: keyof Host) =>
        this.failing === name
          ? () => {
              throw new HostError(this.code, 'as the test wants it');
            }
          : (target[name] as (...args: unknown[]) => unknown).bind(target),
    });
  }

  during<T>(operation: keyof Host, code: HostErrorCode, action: () => T): T {
    this.failing = operation;
    this.code = code;
    try {
      return action();
    } finally {
      this.failing = null;
    }
  }
}

function makeWorld() {
  const { kernel } = makeTestKernel();
  const failing = new FailingHost();
  const root = failing.inner.addRoot({ 'a.txt': 'hello, world', sub: { 'c.txt': 'c' } });
  kernel.fileSystem.mount('C:\\work', failing.host, root, true);
  const creation = { imagePath: null, commandLine: '', environment: [], currentDirectory: 'C:\\work' };
  const process = createProcess(kernel, { ...creation, suspended: false }) as Process;
  const region = { baseAddress: 0, regionSize: 0x4000 };
  kernel.attachProcess(process);
  allocateVirtualMemory(kernel.mm, process.space, region, 0x3000, 4);
  const call = { kernel, process, memory: kernel.memory } as unknown as ServiceCall;
  const out = { handle: 0, information: 0 };
  const open = (
    name: string,
    access = GENERIC_READ | GENERIC_WRITE | DELETE,
    disposition = 1,
    options = 0,
  ) => {
    const request = { path: `\\??\\C:\\work\\${name}`, access, share: 7, disposition, options };
    const status = createFile(kernel, process, request, out);
    return status === 0 ? out.handle : status;
  };
  const read = (handle: number) => {
    const status = readFile(call, handle, region.baseAddress, 100, 0, out);
    return status === 0 ? kernel.memory.readAnsi(region.baseAddress, out.information) : status;
  };
  const write = (handle: number, text: string) => {
    kernel.memory.writeAnsi(region.baseAddress, text);
    return writeFile(call, handle, region.baseAddress, text.length, 0, out);
  };
  const text = () => new TextDecoder().decode(failing.inner.fileBytes(root, ['a.txt']));
  return { kernel, process, failing, open, read, write, text };
}

describe.each(CODES)('a host that answers %s', (code) => {
  const status = STATUS[code]!;

  it('gives its status, changes nothing, and works again afterwards', () => {
    const { kernel, process, failing, open, read, write, text } = makeWorld();
    const fail = <T>(operation: keyof Host, action: () => T) => failing.during(operation, code, action);
    const file = open('a.txt');
    expect(fail('read', () => read(file))).toBe(status);
    expect(read(file)).toBe('hello, world');
    expect(fail('write', () => write(file, 'HELLO'))).toBe(status);
    expect([read(file), text()]).toEqual(['hello, world', 'hello, world']);
    expect(fail('truncate', () => setEndOfFile(kernel, process, file, 5))).toBe(status);
    expect(read(file)).toBe('hello, world');
    expect(fail('flush', () => flushBuffersFile(kernel, process, file))).toBe(status);
    expect(fail('setModified', () => setFileTimes(kernel, process, file, { modifiedMs: 1 }))).toBe(status);
    expect(fail('rename', () => renameFile(kernel, process, file, '\\??\\C:\\work\\b.txt', false))).toBe(
      status,
    );
    expect(write(file, 'HELLO')).toBe(0);
    expect(text()).toBe('HELLO, world');
    verify(kernel.mm);
  });

  it('refuses to open, make and list', () => {
    const { kernel, process, failing, open, text } = makeWorld();
    const fail = <T>(operation: keyof Host, action: () => T) => failing.during(operation, code, action);
    expect(fail('lookup', () => open('a.txt'))).toBe(status);
    expect(fail('open', () => open('new.txt', GENERIC_WRITE, 2))).toBe(status);
    expect(open('new.txt', GENERIC_READ)).toBe(0xc0000034);
    expect(fail('open', () => open('a.txt', GENERIC_READ))).toBe(status);
    expect(fail('makeDirectory', () => open('folder', GENERIC_READ, 2, 1))).toBe(status);
    const folder = open('sub', GENERIC_READ, 1, 1);
    expect(fail('list', () => queryDirectoryFile(kernel, process, folder, '', true))).toBe(status);
    expect(queryDirectoryFile(kernel, process, folder, 'c*', true)).toMatchObject({ name: 'c.txt' });
    expect(fail('truncate', () => open('a.txt', GENERIC_WRITE, 5))).toBe(status);
    expect(text()).toBe('hello, world');
    verify(kernel.mm);
  });

  it('does not keep a handle from closing', () => {
    const { kernel, process, failing, open, text } = makeWorld();
    const file = open('a.txt');
    expect(setDeleteDisposition(kernel, process, file, true)).toBe(0);
    expect(failing.during('remove', code, () => closeHandle(kernel, process, file))).toBe(0);
    expect(text()).toBe('hello, world');
    expect(open('a.txt', GENERIC_READ)).toBeLessThan(0x1000);
    verify(kernel.mm);
  });
});
