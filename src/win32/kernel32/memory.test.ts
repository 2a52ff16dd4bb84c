import { describe, expect, it } from 'vitest';
import { closeUnusedSegments } from '../../nt/memory-threads.js';
import { createProcess } from '../../nt/process-create.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const MEM_COMMIT = 0x1000;
const MEM_RESERVE = 0x2000;
const MEM_DECOMMIT = 0x4000;
const MEM_RELEASE = 0x8000;
const MEM_FREE = 0x10000;
const MEM_RESET = 0x80000;
const MEM_PRIVATE = 0x20000;
const MEM_MAPPED = 0x40000;
const PROCESS_ALL_ACCESS = 0x1fffff;
const PAGE_READONLY = 2;
const PAGE_READWRITE = 4;
const PAGE_NOACCESS = 1;
const PAGE_EXECUTE = 0x10;
const SEC_COMMIT = 0x8000000;
const SEC_NOCACHE = 0x10000000;

function query(machine: Win32Machine, address: number) {
  const at = machine.space(48);
  expect(machine.call('VirtualQuery', address, at, 48)).toBe(48);
  return {
    base: machine.pointer(at),
    allocation: machine.pointer(at + 8),
    allocationProtect: machine.u32(at + 16),
    size: machine.pointer(at + 24),
    state: machine.u32(at + 32),
    protect: machine.u32(at + 36),
    type: machine.u32(at + 40),
  };
}

describe('VirtualAlloc and its kin', () => {
  const machine = new Win32Machine();

  it('reserves, commits, protects and frees as VirtualQuery tells', () => {
    const base = machine.callAddress('VirtualAlloc', 0, 120_000, MEM_RESERVE, PAGE_NOACCESS);
    expect(base % 0x10000).toBe(0);
    expect(query(machine, base)).toMatchObject({
      allocation: base,
      size: 0x1e000,
      state: MEM_RESERVE,
      protect: 0,
    });
    expect(machine.callAddress('VirtualAlloc', base, 7000, MEM_COMMIT, PAGE_READWRITE)).toBe(base);
    expect(query(machine, base)).toMatchObject({
      size: 0x2000,
      state: MEM_COMMIT,
      protect: 4,
      type: MEM_PRIVATE,
    });
    const old = machine.space(4);
    expect(machine.call('VirtualProtect', base, 1, PAGE_READONLY, old)).toBe(1);
    expect(machine.u32(old)).toBe(PAGE_READWRITE);
    expect(query(machine, base)).toMatchObject({ size: 0x1000, protect: PAGE_READONLY });
    expect(machine.call('VirtualFree', base, 0x1000, MEM_DECOMMIT)).toBe(1);
    expect(machine.call('VirtualFree', base, 0, MEM_RELEASE)).toBe(1);
    expect(query(machine, base)).toMatchObject({ allocation: 0, state: MEM_FREE, protect: PAGE_NOACCESS });
  });

  it('reaches into another process until that ends', () => {
    const { kernel } = machine;
    const other = createProcess(kernel, {
      imagePath: 'C:\\app\\crt.exe',
      commandLine: 'crt.exe',
      environment: [],
      currentDirectory: 'C:\\work',
      suspended: true,
    });
    if (typeof other === 'number') throw new Error(other.toString(16));
    const handle = machine.call('OpenProcess', PROCESS_ALL_ACCESS, 0, other.id);
    const base = machine.callAddress('VirtualAllocEx', handle, 0, 4096, MEM_COMMIT, PAGE_READWRITE);
    const bytes = machine.put('across');
    const back = machine.space(16);
    expect(machine.call('WriteProcessMemory', handle, base, bytes, 7, 0)).toBe(1);
    expect(machine.call('ReadProcessMemory', handle, base, back, 7, 0)).toBe(1);
    expect(machine.text(back)).toBe('across');
    expect(machine.call('VirtualFreeEx', handle, base, 0, MEM_RELEASE)).toBe(1);
    expect(machine.attempt('ReadProcessMemory', handle, base, back, 7, 0)).toEqual([0, 299]);
    expect(machine.call('TerminateProcess', handle, 5)).toBe(1);
    expect(machine.attempt('VirtualAllocEx', handle, 0, 4096, MEM_COMMIT, PAGE_READWRITE)).toEqual([0, 5]);
  });

  it('fails with the errors that Windows gives', () => {
    const base = machine.callAddress('VirtualAlloc', 0, 0x10000, MEM_RESERVE, PAGE_READWRITE);
    expect(machine.attempt('VirtualAlloc', 0x8000, 0x1000, MEM_RESERVE, PAGE_READWRITE)).toEqual([0, 87]);
    expect(machine.attempt('VirtualAlloc', 0, 0, MEM_RESERVE, PAGE_READWRITE)).toEqual([0, 87]);
    expect(machine.attempt('VirtualAlloc', 0, 0x1000, MEM_RESERVE, 3)).toEqual([0, 87]);
    expect(machine.attempt('VirtualAlloc', base, 0x1000, MEM_RESERVE, PAGE_READWRITE)).toEqual([0, 487]);
    expect(machine.attempt('VirtualAlloc', 0, 2 ** 40, MEM_COMMIT, PAGE_READWRITE)).toEqual([0, 1455]);
    expect(machine.attempt('VirtualFree', base, 0x1000, MEM_RELEASE)).toEqual([0, 87]);
    expect(machine.attempt('VirtualFree', base + 0x1000, 0, MEM_RELEASE)).toEqual([0, 487]);
    expect(machine.attempt('VirtualProtect', base, 0x1000, PAGE_READONLY, machine.space(4))).toEqual([
      0, 487,
    ]);
    machine.call('VirtualAlloc', base, 0x1000, MEM_COMMIT, PAGE_READWRITE);
    expect(machine.attempt('VirtualProtect', base, 0x1000, PAGE_READONLY, 0)).toEqual([0, 998]);
    expect(machine.attempt('VirtualQuery', base, machine.space(48), 16)).toEqual([0, 24]);
    expect(machine.attempt('VirtualQuery', base, 0, 48)).toEqual([0, 998]);
    expect(machine.attempt('VirtualQuery', 0xffff_8000_0000_0000n, machine.space(48), 48)).toEqual([0, 87]);
    expect(machine.attempt('VirtualAllocEx', 0x1234, 0, 0x1000, MEM_COMMIT, PAGE_READWRITE)).toEqual([0, 6]);
  });

  it('reads and writes the memory of a process by handle', () => {
    const from = machine.put('across');
    const to = machine.space(16);
    const count = machine.space(8);
    expect(machine.call('ReadProcessMemory', -1, from, to, 7, count)).toBe(1);
    expect([machine.text(to), machine.u32(count)]).toEqual(['across', 7]);
    expect(machine.attempt('WriteProcessMemory', -1, 0x1000, from, 4, count)).toEqual([0, 487]);
    expect(machine.u32(count)).toBe(0);
  });
});

describe('file mappings', () => {
  it('share pages between views and write them to the file', () => {
    const machine = new Win32Machine({ files: { 'data.txt': 'one two three' } });
    const file = machine.call('CreateFileA', 'data.txt', 0xc0000000n, 0, 0, 3, 0, 0);
    const mapping = machine.call('CreateFileMappingA', file, 0, PAGE_READWRITE, 0, 0, 'shared');
    expect(machine.lastError).toBe(0);
    const [one, two] = [0, 1].map(() => machine.callAddress('MapViewOfFile', mapping, 2, 0, 0, 0));
    expect(query(machine, one!)).toMatchObject({ type: MEM_MAPPED, protect: PAGE_READWRITE, size: 0x1000 });
    machine.process.write(
      one!,
      Uint8Array.from('ONE', (letter) => letter.charCodeAt(0)),
    );
    expect(machine.text(two!, 13)).toBe('ONE two three');
    expect(machine.file('data.txt')).toBe('one two three');
    expect(machine.call('FlushViewOfFile', one!, 0)).toBe(1);
    expect(machine.file('data.txt')).toBe('ONE two three');
    const private1 = machine.callAddress('MapViewOfFile', mapping, 1, 0, 0, 0);
    machine.process.write(private1, new Uint8Array([0x78]));
    expect(machine.text(two!, 3)).toBe('ONE');
    const [again, error] = machine.attempt('CreateFileMappingA', -1, 0, PAGE_READWRITE, 0, 4096, 'shared');
    expect([again > 0, error]).toEqual([true, 183]);
    expect(machine.attempt('OpenFileMappingA', 4, 0, 'absent')).toEqual([0, 2]);
    for (const view of [one!, two!, private1]) expect(machine.call('UnmapViewOfFile', view)).toBe(1);
    expect(machine.attempt('UnmapViewOfFile', one!)).toEqual([0, 487]);
    for (const handle of [again, mapping, file]) expect(machine.call('CloseHandle', handle)).toBe(1);
    expect(machine.attempt('CloseHandle', file)).toEqual([0, 6]);
    closeUnusedSegments(machine.kernel);
    expect([...machine.kernel.fileSystem.openFiles.keys()].join()).not.toContain('DATA.TXT');
  });

  it('refuse what the page protection does not allow', () => {
    const machine = new Win32Machine({ files: { 'data.txt': 'text', 'empty.txt': '' } });
    const file = machine.call('CreateFileA', 'data.txt', 0x80000000n, 1, 0, 3, 0, 0);
    const empty = machine.call('CreateFileA', 'empty.txt', 0x80000000n, 1, 0, 3, 0, 0);
    expect(machine.attempt('CreateFileMappingW', file, 0, PAGE_READWRITE, 0, 0, 0)).toEqual([0, 5]);
    expect(machine.attempt('CreateFileMappingW', file, 0, PAGE_READONLY, 0, 4096, 0)).toEqual([0, 8]);
    expect(machine.attempt('CreateFileMappingW', empty, 0, PAGE_READONLY, 0, 0, 0)).toEqual([0, 1006]);
    expect(machine.attempt('CreateFileMappingW', -1, 0, PAGE_READWRITE, 0, 0, 0)).toEqual([0, 87]);
    const mapping = machine.call('CreateFileMappingW', file, 0, PAGE_READONLY, 0, 0, 0);
    expect(machine.attempt('MapViewOfFile', mapping, 2, 0, 0, 0)).toEqual([0, 5]);
    expect(machine.attempt('MapViewOfFile', mapping, 4, 0, 100, 0)).toEqual([0, 1132]);
    expect(machine.attempt('MapViewOfFile', mapping, 4, 0, 0, 0x10000)).toEqual([0, 5]);
  });

  it('take no PAGE_EXECUTE, and SEC_NOCACHE only with SEC_COMMIT or SEC_RESERVE', () => {
    const machine = new Win32Machine();
    expect(machine.attempt('CreateFileMappingW', -1, 0, PAGE_EXECUTE, 0, 4096, 0)).toEqual([0, 87]);
    const uncached = PAGE_READWRITE | SEC_NOCACHE;
    expect(machine.attempt('CreateFileMappingW', -1, 0, uncached, 0, 4096, 0)).toEqual([0, 87]);
    expect(machine.call('CreateFileMappingW', -1, 0, uncached | SEC_COMMIT, 0, 4096, 0)).toBeGreaterThan(0);
  });

  it('may be reset when the paging file backs them, not when a file does', () => {
    const machine = new Win32Machine({ files: { 'data.txt': 'text' } });
    const file = machine.call('CreateFileA', 'data.txt', 0xc0000000n, 0, 0, 3, 0, 0);
    const resetViewOf = (backing: number) => {
      const mapping = machine.call('CreateFileMappingW', backing, 0, PAGE_READWRITE, 0, 4096, 0);
      const view = machine.callAddress('MapViewOfFile', mapping, 2, 0, 0, 0);
      const [address, error] = machine.attempt('VirtualAlloc', view, 4096, MEM_RESET, PAGE_NOACCESS);
      return address === 0 ? error : 0;
    };
    expect([resetViewOf(-1), resetViewOf(file)]).toEqual([0, 487]);
    const image = machine.callAddress('GetModuleHandleA', 'kernel32.dll');
    expect(machine.attempt('VirtualAlloc', image, 4096, MEM_RESET, PAGE_NOACCESS)).toEqual([0, 487]);
  });
});

describe('heaps', () => {
  it('allocate, grow, shrink and free', () => {
    const machine = new Win32Machine();
    const heap = machine.callAddress('HeapCreate', 0, 0, 0);
    const block = machine.callAddress('HeapAlloc', heap, 8, 100);
    expect(block % 16).toBe(0);
    expect(machine.call('HeapSize', heap, 0, block)).toBe(100);
    const grown = machine.callAddress('HeapReAlloc', heap, 8, block, 5000);
    expect(machine.call('HeapSize', heap, 0, grown)).toBe(5000);
    expect(machine.call('HeapValidate', heap, 0, 0)).toBe(1);
    expect(machine.call('HeapValidate', heap, 0, 0x123456780)).toBe(0);
    expect(machine.call('HeapFree', heap, 0, grown)).toBe(1);
    expect(machine.call('HeapCompact', heap, 0)).toBeGreaterThan(0x1000);
    expect(machine.call('HeapDestroy', heap)).toBe(1);
    expect(machine.attempt('HeapDestroy', machine.callAddress('GetProcessHeap'))).toEqual([0, 6]);
  });

  it('walks thousands of blocks, each from where the last one was', () => {
    const machine = new Win32Machine();
    const heap = machine.callAddress('HeapCreate', 0, 0, 0);
    const blocks = Array.from({ length: 1500 }, (_, index) =>
      machine.callAddress('HeapAlloc', heap, 0, index === 700 ? 0x200000 : 24),
    );
    const entry = machine.space(40);
    machine.fill(entry, 40);
    const found: number[] = [];
    while (machine.call('HeapWalk', heap, entry) !== 0)
      if (machine.u16(entry + 14) & 4) found.push(machine.pointer(entry));
    expect(machine.lastError).toBe(259);
    expect(found.toSorted((a, b) => a - b)).toEqual(blocks.toSorted((a, b) => a - b));
    machine.process.write(entry, new Uint8Array(BigUint64Array.of(BigInt(blocks[3]! + 8)).buffer));
    expect(machine.attempt('HeapWalk', heap, entry)).toEqual([0, 87]);
    expect(machine.call('HeapDestroy', heap)).toBe(1);
  });

  it('walk regions and blocks', () => {
    const machine = new Win32Machine();
    const heap = machine.callAddress('HeapCreate', 0, 0, 0);
    const blocks = [10, 700, 3].map((bytes) => machine.callAddress('HeapAlloc', heap, 0, bytes));
    const entry = machine.space(48);
    machine.fill(entry, 48);
    const seen: { address: number; bytes: number; flags: number }[] = [];
    while (machine.call('HeapWalk', heap, entry) !== 0)
      seen.push({
        address: machine.pointer(entry),
        bytes: machine.u32(entry + 8),
        flags: machine.u16(entry + 14),
      });
    expect(machine.lastError).toBe(259);
    expect(seen[0]).toMatchObject({ address: heap, flags: 1 });
    const busy = seen.filter(({ flags }) => flags === 4);
    expect(busy.map(({ address, bytes }) => [address, bytes])).toEqual([
      [blocks[0], 10],
      [blocks[1], 700],
      [blocks[2], 3],
    ]);
  });

  it('raise an exception when they are to, and when they are corrupt', () => {
    const machine = new Win32Machine();
    const heap = machine.callAddress('HeapCreate', 4, 0, 0x10000);
    expect(() => machine.call('HeapAlloc', heap, 0, 0x20000)).toThrow('exited');
    expect(machine.process.exitStatus).toBe(0xc0000017);
    const other = new Win32Machine();
    const block = other.callAddress('HeapAlloc', other.callAddress('GetProcessHeap'), 0, 32);
    other.fill(block - 16, 16, 0x41);
    expect(() => other.call('GlobalReAlloc', block, 64, 2)).not.toThrow();
    expect(() => other.call('HeapFree', other.callAddress('GetProcessHeap'), 0, block)).toThrow('exited');
    expect(other.process.exitStatus).toBe(0xc0000374);
  });

  it('stand behind GlobalAlloc and LocalAlloc', () => {
    const machine = new Win32Machine();
    const fixed = machine.callAddress('GlobalAlloc', 0x40, 64);
    expect(machine.call('GlobalSize', fixed)).toBe(64);
    expect(machine.callAddress('GlobalLock', fixed)).toBe(fixed);
    expect(machine.call('GlobalFree', fixed)).toBe(0);
    const moveable = machine.callAddress('GlobalAlloc', 0x42, 100);
    const bytes = machine.callAddress('GlobalLock', moveable);
    expect([bytes !== moveable, machine.call('GlobalFlags', moveable)]).toEqual([true, 1]);
    expect(machine.attempt('GlobalUnlock', moveable)).toEqual([0, 0]);
    expect(machine.attempt('GlobalUnlock', moveable)).toEqual([0, 158]);
    expect(machine.callAddress('GlobalReAlloc', moveable, 200_000, 0x40)).toBe(moveable);
    expect(machine.call('GlobalSize', moveable)).toBe(200_000);
    expect(machine.call('LocalFree', moveable)).toBe(0);
    expect(machine.attempt('GlobalSize', moveable)).toEqual([0, 6]);
    expect(machine.attempt('GlobalSize', 0x123450)).toEqual([0, 6]);
  });

  it('can be discarded, made moveable and found by their bytes', () => {
    const machine = new Win32Machine();
    const handle = machine.callAddress('GlobalAlloc', 0x142, 100);
    const bytes = machine.callAddress('GlobalLock', handle);
    expect(machine.call('GlobalFlags', handle)).toBe(0x101);
    expect(machine.callAddress('GlobalHandle', bytes)).toBe(handle);
    expect(machine.attempt('GlobalReAlloc', handle, 0, 2)).toEqual([0, 6]);
    machine.call('GlobalUnlock', handle);
    expect(machine.callAddress('GlobalReAlloc', handle, 0, 2)).toBe(handle);
    expect([machine.call('GlobalFlags', handle), machine.call('GlobalSize', handle)]).toEqual([0x4100, 0]);
    expect(machine.attempt('GlobalLock', handle)).toEqual([0, 157]);
    expect(machine.callAddress('GlobalReAlloc', handle, 300, 0x42)).toBe(handle);
    const again = machine.callAddress('GlobalLock', handle);
    expect(machine.process.read(again, 300).every((byte) => byte === 0)).toBe(true);
    expect(machine.callAddress('GlobalHandle', again)).toBe(handle);
    expect(machine.call('GlobalFree', handle)).toBe(0);
    const fixed = machine.callAddress('LocalAlloc', 0, 50);
    machine.fill(fixed, 50, 0x55);
    expect(machine.callAddress('LocalHandle', fixed)).toBe(fixed);
    const moveable = machine.callAddress('LocalReAlloc', fixed, 0, 0x82);
    expect(moveable % 16).toBe(8);
    const moved = machine.callAddress('LocalLock', moveable);
    expect(machine.process.read(moved, 50).every((byte) => byte === 0x55)).toBe(true);
    expect(machine.attempt('GlobalAlloc', 0x10000, 8)).toEqual([0, 87]);
    expect(machine.call('HeapValidate', machine.callAddress('GetProcessHeap'), 0, 0)).toBe(1);
  });

  it('say how much they hold and which front end they have', () => {
    const machine = new Win32Machine();
    const heap = machine.callAddress('HeapCreate', 0, 0, 0);
    const [value, summary] = [machine.space(8), machine.space(40)];
    expect(machine.call('HeapQueryInformation', heap, 0, value, 4, 0)).toBe(1);
    expect(machine.u32(value)).toBe(0);
    expect(machine.attempt('HeapQueryInformation', heap, 0, value, 3, 0)).toEqual([0, 122]);
    const blocks = Array.from({ length: 40 }, () => machine.callAddress('HeapAlloc', heap, 0, 24));
    expect(new Set(blocks).size).toBe(40);
    machine.call('HeapQueryInformation', heap, 0, value, 4, 0);
    expect(machine.u32(value)).toBe(2);
    machine.callAddress('HeapAlloc', heap, 0, 0x200000);
    machine.fill(summary, 40);
    expect(machine.attempt('HeapSummary', heap, 0, summary)).toEqual([0, 87]);
    machine.process.write(summary, Uint8Array.of(40));
    expect(machine.call('HeapSummary', heap, 0, summary)).toBe(1);
    expect(machine.pointer(summary + 8)).toBe(40 * 24 + 0x200000);
    const [committed, reserved] = [machine.pointer(summary + 16), machine.pointer(summary + 24)];
    expect([committed > 0x210000, reserved >= 0x310000, reserved >= committed]).toEqual([true, true, true]);
    expect(machine.attempt('HeapSetInformation', heap, 7, value, 4)).toEqual([0, 87]);
    expect(machine.call('HeapSetInformation', 0, 1, 0, 0)).toBe(1);
    machine.process.write(summary, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    expect(machine.call('HeapSetInformation', heap, 3, summary, 8)).toBe(1);
    expect(machine.call('HeapSetInformation', heap, 0, value, 4)).toBe(1);
    const single = machine.callAddress('HeapCreate', 1, 0, 0);
    expect(machine.attempt('HeapSetInformation', single, 0, value, 4)).toEqual([0, 31]);
  });

  it('find writes behind a block and into a free one', () => {
    const machine = new Win32Machine();
    const heap = machine.callAddress('HeapCreate', 0x60, 0, 0);
    const [block, second] = [24, 100].map((bytes) => machine.callAddress('HeapAlloc', heap, 0, bytes));
    machine.callAddress('HeapAlloc', heap, 0, 24);
    expect(machine.u32(block!)).toBe(0xbaadf00d);
    expect(machine.u32(block! + 24)).toBe(0xabababab);
    expect(machine.call('HeapValidate', heap, 0, 0)).toBe(1);
    machine.fill(block! + 24, 1, 0);
    expect(machine.call('HeapValidate', heap, 0, block!)).toBe(0);
    machine.fill(block! + 24, 1, 0xab);
    expect(machine.call('HeapFree', heap, 0, second!)).toBe(1);
    expect(machine.u32(second! + 32)).toBe(0xfeeefeee);
    machine.fill(second! + 40, 1, 0);
    expect(machine.call('HeapValidate', heap, 0, 0)).toBe(0);
    expect(() => machine.call('HeapFree', heap, 0, second!)).toThrow('exited');
    expect(machine.process.exitStatus).toBe(0xc0000374);
  });
});
