import { describe, expect, it } from 'vitest';
import {
  STATUS_DLL_INIT_FAILED,
  STATUS_DLL_NOT_FOUND,
  STATUS_ENTRYPOINT_NOT_FOUND,
  STATUS_ORDINAL_NOT_FOUND,
} from '../base/ntstatus.js';
import { FRAME_ACTIVE } from '../mm/pfn-database.js';
import { verify } from '../mm/verify.js';
import type { Process } from '../nt/process.js';
import type { ServiceCall } from '../nt/service.js';
import { createThread } from '../nt/thread-create.js';
import { type LoaderMachine, makeLoaderMachine } from '../testing/loader-machine.js';
import {
  type Assembler,
  buildModule,
  type Code,
  DATA_RVA,
  TEXT_RVA,
  type TestModule,
  TLS_INDEX_RVA,
} from '../testing/module-builder.js';
import { loadDllService, procedureService, unloadDllService } from './load-dll.js';
import { loaderOf } from './loader-state.js';

const KERNEL32 = { 'kernel32.dll': ['Note'] };

/** DllMain(module, reason): notes tag + reason, returns the result. */
const dllMain =
  (tag: number, result = 1): Code =>
  (code) =>
    code
      .enter()
      .raw(0x8d, 0x8a) // lea ecx, [rdx+tag]
      .u32(tag)
      .call('kernel32.dll!Note')
      .raw(0xb8)
      .u32(result)
      .leave();

const returns =
  (value: number): Code =>
  (code) =>
    code.raw(0xb8).u32(value).raw(0xc3);

/** Calls imports one after the other; the last result is returned. */
const calls =
  (...names: string[]): Code =>
  (code) =>
    names.reduce((all: Assembler, name) => all.call(name), code.enter()).leave();

function files(...modules: TestModule[]): Record<string, Uint8Array> {
  return Object.fromEntries(modules.map((module) => [module.name, buildModule(module)]));
}

function start(machine: LoaderMachine, name = 'test.exe'): Process {
  const process = machine.start(name);
  if (typeof process === 'number') throw new Error(`createProcess: 0x${process.toString(16)}`);
  return process;
}

/** Runs test.exe of these modules to its end. */
function run(
  modules: TestModule[],
  functions?: Parameters<typeof makeLoaderMachine>[1],
): { process: Process; machine: LoaderMachine } {
  const machine = makeLoaderMachine(files(...modules), functions);
  const process = start(machine);
  expect(machine.run(2_000_000)).toBe('exited');
  verify(machine.kernel.mm);
  return { process, machine };
}

describe('the loader', () => {
  it('binds imports by name and ordinal, and the entry point ends the process with what it returns', () => {
    const { process } = run([
      { name: 'test.exe', imports: { 'a.dll': ['add', 7] }, entry: calls('a.dll!add', 'a.dll!#7') },
      {
        name: 'a.dll',
        dll: true,
        functions: { add: returns(1), seven: returns(77) },
        ordinals: { seven: 7 },
      },
    ]);
    expect(process.exitMessage).toBeNull();
    expect(process.exitStatus).toBe(77);
  });

  it('initializes dependencies first, also in a circle, and lets them go in the reverse order', () => {
    const { machine } = run([
      {
        name: 'test.exe',
        imports: { 'a.dll': ['fa'], 'c.dll': ['fc'], ...KERNEL32 },
        entry: calls('a.dll!fa', 'kernel32.dll!Note'),
      },
      {
        name: 'a.dll',
        dll: true,
        imports: { 'b.dll': ['fb'], ...KERNEL32 },
        functions: { fa: returns(1) },
        entry: dllMain(0x10),
      },
      {
        name: 'b.dll',
        dll: true,
        imports: { 'a.dll': ['fa'], ...KERNEL32 },
        functions: { fb: returns(2) },
        entry: dllMain(0x20),
      },
      {
        name: 'c.dll',
        dll: true,
        imports: KERNEL32,
        functions: { fc: returns(3) },
        entry: dllMain(0x30),
      },
    ]);
    expect(machine.notes.filter((note) => note < 0x100)).toEqual([0x21, 0x11, 0x31, 0x30, 0x10, 0x20]);
  });

  it('refuses to start when DllMain says no, and tells those that had begun', () => {
    const { process, machine } = run([
      { name: 'test.exe', imports: { 'a.dll': ['fa'] }, entry: calls('a.dll!fa') },
      {
        name: 'a.dll',
        dll: true,
        imports: KERNEL32,
        functions: { fa: returns(1) },
        entry: dllMain(0x10, 0),
      },
    ]);
    expect(process.exitStatus).toBe(STATUS_DLL_INIT_FAILED);
    expect(process.exitMessage).toBe('a.dll could not be initialized');
    expect(machine.notes).toEqual([0x11]);
  });

  it.each([
    [{ 'gone.dll': ['x'] }, STATUS_DLL_NOT_FOUND, 'gone.dll, which test.exe needs, was not found'],
    [
      { 'a.dll': ['gone'] },
      STATUS_ENTRYPOINT_NOT_FOUND,
      'gone, which test.exe needs, was not found in a.dll',
    ],
    [{ 'a.dll': [9] }, STATUS_ORDINAL_NOT_FOUND, 'ordinal 9, which test.exe needs, was not found in a.dll'],
  ])('says what is missing: %j', (imports, status, message) => {
    const { process } = run([
      { name: 'test.exe', imports, entry: returns(0) },
      { name: 'a.dll', dll: true, functions: { here: returns(1) } },
    ]);
    expect(process.exitStatus).toBe(status);
    expect(process.exitMessage).toBe(message);
  });

  it('stops a program at the call of a system function that nobody implemented, not before', () => {
    const { process, machine } = run([
      {
        name: 'test.exe',
        imports: { 'kernel32.dll': ['Note', 'NotYetA', 'NotYetW'] },
        entry: (code) => code.enter().first(5).call('kernel32.dll!Note').call('kernel32.dll!NotYetW').leave(),
      },
    ]);
    expect(machine.notes).toEqual([5]);
    expect(process.exitMessage).toBe('kernel32.dll!NotYetW is not implemented');
    expect(process.exitStatus).toBe(STATUS_ENTRYPOINT_NOT_FOUND);
  });

  it('follows chains of forwarders, by name and by ordinal, and loads their DLLs', () => {
    const { process } = run([
      { name: 'test.exe', imports: { 'a.dll': ['first'] }, entry: calls('a.dll!first') },
      { name: 'a.dll', dll: true, forwarders: { first: 'B.second' } },
      { name: 'b.dll', dll: true, forwarders: { second: 'C.#5' } },
      { name: 'c.dll', dll: true, functions: { third: returns(333) }, ordinals: { third: 5 } },
    ]);
    expect(process.exitStatus).toBe(333);
  });

  it('ends a circle of forwarders', () => {
    const { process } = run([
      { name: 'test.exe', imports: { 'a.dll': ['first'] }, entry: calls('a.dll!first') },
      { name: 'a.dll', dll: true, forwarders: { first: 'a.first' } },
    ]);
    expect(process.exitStatus).toBe(STATUS_ENTRYPOINT_NOT_FOUND);
  });

  it('relocates a DLL whose place is taken, and fills a read-only import table', () => {
    const dll = (name: string, value: number): TestModule => ({
      name,
      dll: true,
      imports: KERNEL32,
      readOnlyImports: true,
      functions: {
        [`get_${name[0]}`]: (code) =>
          code
            .enter()
            .first(value)
            .call('kernel32.dll!Note')
            .raw(0x48, 0x8b, 0x05) // mov rax, [pointer]
            .distance(DATA_RVA + 8)
            .raw(0x48, 0x8d, 0x0d) // lea rcx, [what it points to]
            .distance(DATA_RVA + 0x40)
            .raw(0x48, 0x29, 0xc8) // sub rax, rcx
            .leave(),
      },
      pointers: { 8: DATA_RVA + 0x40 },
      imageBase: 0x190000000,
    });
    const { process, machine } = run([
      {
        name: 'test.exe',
        imports: { 'a.dll': ['get_a'], 'b.dll': ['get_b'] },
        entry: calls('a.dll!get_a', 'b.dll!get_b'),
      },
      dll('a.dll', 1),
      dll('b.dll', 2),
    ]);
    expect(process.exitMessage).toBeNull();
    expect(process.exitStatus).toBe(0);
    expect(machine.notes).toEqual([1, 2]);
  });

  it('refuses a DLL whose place is taken and that has no relocations', () => {
    const dll = (name: string): TestModule => ({
      name,
      dll: true,
      functions: { f: returns(1) },
      imageBase: 0x190000000,
      relocationsStripped: true,
    });
    const { process } = run([
      { name: 'test.exe', imports: { 'a.dll': ['f'], 'b.dll': ['f'] }, entry: returns(0) },
      dll('a.dll'),
      dll('b.dll'),
    ]);
    expect(process.exitStatus).toBe(0xc0000018);
    expect(process.exitMessage).toContain('C:\\app\\b.dll cannot be relocated');
  });

  it('gives threads their copies of the TLS template and calls the callbacks', () => {
    const tlsModule = (name: string, dll: boolean, tag: number): TestModule => ({
      name,
      dll,
      imports: dll ? KERNEL32 : { ...KERNEL32, 'a.dll': ['read'] },
      tls: { template: [tag, 2, 3, 4], callbacks: ['callback'] },
      dynamicBase: true,
      functions: {
        callback: dllMain(tag * 0x100),
        read: (code) =>
          code
            .raw(0x8b, 0x05) // mov eax, [index]
            .distance(TLS_INDEX_RVA)
            .raw(0x65, 0x48, 0x8b, 0x0c, 0x25) // mov rcx, gs:[58h]
            .u32(0x58)
            .raw(0x48, 0x8b, 0x0c, 0xc1) // mov rcx, [rcx+rax*8]
            .raw(0x0f, 0xb6, 0x01, 0xc3), // movzx eax, byte [rcx]; ret
      },
      ...(dll ? { entry: dllMain(0x10) } : { entry: calls('a.dll!read') }),
    });
    const { process, machine } = run([tlsModule('test.exe', false, 5), tlsModule('a.dll', true, 9)]);
    expect(process.exitStatus).toBe(9);
    expect(machine.notes).toEqual([0x901, 0x11, 0x501, 0x900, 0x10, 0x500]);
  });

  it('looks in System32, then in the folder of the program, then in the current directory', () => {
    const machine = makeLoaderMachine(
      files(
        { name: 'test.exe', imports: { 'a.dll': ['f'], 'b.dll': ['f'] }, entry: calls('a.dll!f', 'b.dll!f') },
        { name: 'a.dll', dll: true, functions: { f: returns(1) } },
        { name: 'kernel32.dll', dll: true, functions: { f: returns(1) } },
      ),
      {},
      files(
        { name: 'a.dll', dll: true, functions: { other: returns(1) } },
        { name: 'b.dll', dll: true, functions: { f: returns(22) } },
      ),
    );
    const process = start(machine);
    machine.run();
    expect(process.exitStatus).toBe(22);
    expect(loaderOf(process).modules.map(({ path }) => path)).toEqual([
      'C:\\app\\test.exe',
      'C:\\Windows\\System32\\ntdll.dll',
      'C:\\Windows\\System32\\kernel32.dll',
      'C:\\app\\a.dll',
      'C:\\work\\b.dll',
    ]);
  });

  it('gives every frame back when a start fails half-way', () => {
    const machine = makeLoaderMachine(
      files(
        { name: 'test.exe', imports: { 'a.dll': ['f'], 'gone.dll': ['f'] }, entry: returns(0) },
        { name: 'a.dll', dll: true, functions: { f: returns(1) } },
      ),
    );
    const { mm } = machine.kernel;
    const inUse = () => mm.pfn.state.filter((state) => state === FRAME_ACTIVE).length;
    start(machine);
    machine.run();
    const before = inUse();
    start(machine);
    machine.run();
    expect(inUse()).toBe(before);
    verify(mm);
  });
});

/** Walks a list of LDR_DATA_TABLE_ENTRY in guest memory as a program would: base names by order. */
function walkList(call: ServiceCall, headOffset: number, linksOffset: number): string[] {
  const { memory } = call;
  const peb = memory.readPointer(call.thread.teb + 0x60);
  const head = memory.readPointer(peb + 0x18) + headOffset;
  const names: string[] = [];
  let back = head;
  for (let link = memory.readPointer(head); link !== head; link = memory.readPointer(link)) {
    expect(memory.readPointer(link + 8)).toBe(back);
    back = link;
    const entry = link - linksOffset;
    names.push(memory.readUtf16(memory.readPointer(entry + 0x60), memory.readU16(entry + 0x58) / 2));
    const base = memory.readPointer(entry + 0x30);
    expect(memory.readU16(base)).toBe(0x5a4d);
  }
  expect(memory.readPointer(head + 8)).toBe(back);
  return names;
}

const lists = (call: ServiceCall) => [
  walkList(call, 0x10, 0x00),
  walkList(call, 0x20, 0x10),
  walkList(call, 0x30, 0x20),
];

/** Functions of the test's kernel32 that are made of the loader's services. */
const dynamic = (seen: unknown[]) => ({
  LoadLibraryA: loadDllService(
    (call) => call.memory.readAnsi(call.address(0)),
    (_call, status, base) => {
      seen.push(status);
      return base;
    },
  ),
  FreeLibrary: unloadDllService(
    (call) => call.address(0),
    (_call, status) => (status === 0 ? 1 : 0),
  ),
  GetProcAddress: procedureService(
    (call) => ({ base: call.address(0), name: call.memory.readAnsi(call.address(1)), ordinal: -1 }),
    (_call, status, address) => {
      seen.push(status);
      return address;
    },
  ),
  Look: (call: ServiceCall) => {
    seen.push(lists(call));
    return 1;
  },
});

describe('modules in guest memory', () => {
  it('stand in the three lists of PEB_LDR_DATA', () => {
    const seen: unknown[] = [];
    run(
      [
        {
          name: 'test.exe',
          imports: { 'a.dll': ['fa'], 'kernel32.dll': ['Look'] },
          entry: calls('kernel32.dll!Look'),
        },
        { name: 'a.dll', dll: true, imports: { 'b.dll': ['fb'] }, functions: { fa: returns(1) } },
        { name: 'b.dll', dll: true, functions: { fb: returns(1) } },
      ],
      dynamic(seen),
    );
    const loadOrder = ['test.exe', 'ntdll.dll', 'kernel32.dll', 'a.dll', 'b.dll'];
    expect(seen).toEqual([[loadOrder, loadOrder, ['ntdll.dll', 'kernel32.dll', 'b.dll', 'a.dll']]]);
  });

  it('come with LoadLibrary and go with the last FreeLibrary, with what only they needed', () => {
    const seen: unknown[] = [];
    const name = 'plug.dll';
    const load: Code = (code) =>
      code
        .enter()
        .raw(0x48, 0xb8, ...[...name].map((character) => character.charCodeAt(0))) // mov rax, 'plug.dll'
        .raw(0x48, 0x89, 0x05) // mov [data], rax
        .distance(DATA_RVA)
        .firstAddress(DATA_RVA)
        .call('kernel32.dll!LoadLibraryA')
        .raw(0x48, 0x89, 0x05) // mov [data+20h], rax
        .distance(DATA_RVA + 0x20)
        .firstAddress(DATA_RVA)
        .call('kernel32.dll!LoadLibraryA')
        .call('kernel32.dll!Look')
        .raw(0x48, 0x8b, 0x0d) // mov rcx, [data+20h]
        .distance(DATA_RVA + 0x20)
        .call('kernel32.dll!FreeLibrary')
        .first(0x1000)
        .call('kernel32.dll!Note')
        .raw(0x48, 0x8b, 0x0d)
        .distance(DATA_RVA + 0x20)
        .call('kernel32.dll!FreeLibrary')
        .call('kernel32.dll!Look')
        .raw(0x48, 0x8b, 0x0d)
        .distance(DATA_RVA + 0x20)
        .call('kernel32.dll!FreeLibrary')
        .leave();
    const { process, machine } = run(
      [
        {
          name: 'test.exe',
          imports: { 'kernel32.dll': ['Note', 'LoadLibraryA', 'FreeLibrary', 'Look'] },
          entry: load,
        },
        {
          name: 'plug.dll',
          dll: true,
          imports: { 'dep.dll': ['f'], ...KERNEL32 },
          functions: { g: returns(1) },
          tls: { template: [1], callbacks: [] },
          entry: dllMain(0x10),
        },
        { name: 'dep.dll', dll: true, imports: KERNEL32, functions: { f: returns(1) }, entry: dllMain(0x20) },
      ],
      dynamic(seen),
    );
    expect(machine.notes).toEqual([0x21, 0x11, 0x1000, 0x10, 0x20]);
    expect(process.exitStatus).toBe(0);
    const base = ['test.exe', 'ntdll.dll', 'kernel32.dll'];
    const grown = [...base, 'plug.dll', 'dep.dll'];
    expect(seen).toEqual([
      0,
      0,
      [grown, grown, ['ntdll.dll', 'kernel32.dll', 'dep.dll', 'plug.dll']],
      [base, base, ['ntdll.dll', 'kernel32.dll']],
    ]);
  });
});

describe('threads', () => {
  it('are told to the modules, have TLS of their own, and wait for the loader lock', () => {
    const seen: unknown[] = [];
    const functions = {
      ...dynamic(seen),
      Start: (call: ServiceCall) => {
        const thread = createThread(call.kernel, call.process, {
          startAddress: call.address(0),
          argument: 0,
          stackReserve: 0x10000,
          stackCommit: 0x1000,
          suspended: false,
        });
        return typeof thread === 'number' ? 0 : 1;
      },
    };
    const loadPlug: Code = (code) => code.firstAddress(DATA_RVA).call('kernel32.dll!LoadLibraryA');
    const { process, machine } = run(
      [
        {
          name: 'test.exe',
          imports: { 'kernel32.dll': ['Note', 'LoadLibraryA', 'Start', 'ExitThread'] },
          functions: {
            thread: (code) =>
              loadPlug(code.enter())
                .first(0x500)
                .call('kernel32.dll!Note')
                .raw(0xc7, 0x05) // mov dword [data+40h], 1
                .distance(DATA_RVA + 0x40, 4)
                .u32(1)
                .first(3)
                .call('kernel32.dll!ExitThread')
                .raw(0xcc),
          },
          entry: (code) =>
            loadPlug(
              code
                .enter()
                .raw(0x48, 0xb8, ...[...'plug.dll'].map((character) => character.charCodeAt(0)))
                .raw(0x48, 0x89, 0x05) // mov [data], rax
                .distance(DATA_RVA)
                .firstAddress(TEXT_RVA)
                .call('kernel32.dll!Start'),
            )
              .raw(0x83, 0x3d) // again: cmp dword [data+40h], 0
              .distance(DATA_RVA + 0x40, 1)
              .raw(0)
              .raw(0x74, 0xf7) // je again
              .leave(),
        },
        {
          name: 'plug.dll',
          dll: true,
          imports: KERNEL32,
          tls: { template: [1, 2], callbacks: [] },
          functions: { f: returns(1) },
          entry: (code) => dllMain(0x10)(code.raw(0xb8).u32(20_000).raw(0xff, 0xc8, 0x75, 0xfc)), // dec eax; jne
        },
      ],
      functions,
    );
    expect(process.exitMessage).toBeNull();
    expect(machine.notes).toEqual([0x11, 0x12, 0x500, 0x13, 0x10]);
  });
});
