import { describe, expect, it } from 'vitest';
import {
  CRITICAL_SECTION_LOCK_COUNT,
  CRITICAL_SECTION_OWNING_THREAD,
  CRITICAL_SECTION_RECURSION_COUNT,
} from '../../ldr/peb-layout.js';
import type { ServiceCall } from '../../nt/service.js';
import { createThread } from '../../nt/thread-create.js';
import { makeLoaderMachine } from '../../testing/loader-machine.js';
import { type Assembler, buildModule, type Code, DATA_RVA, TEXT_RVA } from '../../testing/module-builder.js';

const SECTION = DATA_RVA + 0x100;
const on = (code: Assembler, name: string) => code.firstAddress(SECTION).call(`ntdll.dll!${name}`);
const note = (code: Assembler, value: number) => code.first(value).call('kernel32.dll!Note');
const IMPORTS = {
  'kernel32.dll': ['Note', 'Start', 'Fields', 'ExitThread'],
  'ntdll.dll': [
    'RtlInitializeCriticalSection',
    'RtlEnterCriticalSection',
    'RtlTryEnterCriticalSection',
    'RtlLeaveCriticalSection',
    'RtlDeleteCriticalSection',
  ],
};

function run(entry: Code, thread: Code) {
  const fields: number[][] = [];
  const functions = {
    Start: (call: ServiceCall) => {
      createThread(call.kernel, call.process, {
        startAddress: call.address(0),
        argument: 0,
        stackReserve: 0x10000,
        stackCommit: 0x1000,
        suspended: false,
      });
      return 1;
    },
    Fields: (call: ServiceCall) => {
      const at = call.address(0);
      fields.push([
        call.memory.readI32(at + CRITICAL_SECTION_LOCK_COUNT),
        call.memory.readU32(at + CRITICAL_SECTION_RECURSION_COUNT),
        call.memory.readU32(at + CRITICAL_SECTION_OWNING_THREAD) === call.thread.id ? 1 : 0,
      ]);
    },
  };
  const image = buildModule({ name: 'test.exe', imports: IMPORTS, functions: { thread }, entry });
  const machine = makeLoaderMachine({ 'test.exe': image }, functions);
  const process = machine.start('test.exe');
  if (typeof process === 'number') throw new Error(process.toString(16));
  expect(machine.run(2_000_000)).toBe('exited');
  return { process, machine, fields };
}

const unused: Code = (code) => code.raw(0xc3);
const showFields = (code: Assembler) => code.firstAddress(SECTION).call('kernel32.dll!Fields');

describe('critical sections', () => {
  it('count the entries of their owner in the fields that programs see', () => {
    const { fields, process } = run((code) => {
      on(code.enter(), 'RtlInitializeCriticalSection');
      showFields(code);
      on(code, 'RtlEnterCriticalSection');
      on(code, 'RtlTryEnterCriticalSection');
      showFields(code);
      on(code, 'RtlLeaveCriticalSection');
      showFields(code);
      on(code, 'RtlLeaveCriticalSection');
      showFields(code);
      return on(code, 'RtlDeleteCriticalSection').leave();
    }, unused);
    expect(process.exitStatus).toBe(0);
    expect(fields).toEqual([
      [-1, 0, 0],
      [-2, 2, 1],
      [-2, 1, 1],
      [-1, 0, 0],
    ]);
  });

  it('let a thread wait until the owner leaves', () => {
    const { machine, fields } = run(
      (code) => {
        on(code.enter(), 'RtlInitializeCriticalSection');
        on(code, 'RtlEnterCriticalSection');
        code.firstAddress(TEXT_RVA).call('kernel32.dll!Start');
        code.raw(0xb8).u32(100_000).raw(0xff, 0xc8, 0x75, 0xfc); // mov eax, n; dec eax; jne
        note(code, 1);
        showFields(code);
        on(code, 'RtlLeaveCriticalSection');
        code.raw(0xb8).u32(100_000).raw(0xff, 0xc8, 0x75, 0xfc);
        on(code, 'RtlEnterCriticalSection');
        return note(code, 3).leave();
      },
      (code) => {
        on(code.enter(), 'RtlEnterCriticalSection');
        note(code, 2);
        on(code, 'RtlLeaveCriticalSection');
        return code.first(0).call('kernel32.dll!ExitThread').raw(0xcc);
      },
    );
    expect(machine.notes).toEqual([1, 2, 3]);
    expect(fields).toEqual([[-6, 1, 1]]);
  });
});
