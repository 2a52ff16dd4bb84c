import { describe, expect, it } from 'vitest';
import { bytes32, bytes64, makeTestKernel, systemCall } from '../testing/test-kernel.js';
import { addVectoredHandler, raiseException } from './exception-dispatch.js';

const RET = 0xc3;
const CONTINUE_EXECUTION = -1;
const CONTINUE_SEARCH = 0;

/** mov rax, [address]. */
const loadFrom = (address: number) => [0x48, 0xa1, ...bytes64(address)];
const returnValue = (value: number) => [0xb8, ...bytes32(value), RET];

/** A handler that sets RIP of the context (rcx -> EXCEPTION_POINTERS) forward and RAX to a value, then continues. */
const skipHandler = (skip: number, rax: number) => [
  ...[0x48, 0x8b, 0x51, 0x08], // mov rdx, [rcx+8]
  ...[0x48, 0x83, 0x82, ...bytes32(0xf8), skip], // add qword [rdx+0f8h], skip
  ...[0x48, 0xc7, 0x42, 0x78, ...bytes32(rax)], // mov qword [rdx+78h], rax
  ...returnValue(CONTINUE_EXECUTION),
];

interface Seen {
  code: number;
  address: number;
  parameters: number[];
  rip: number;
}

/** Starts a program with a handler behind it at 0x100; what each exception was goes to `seen`. */
function startWithHandler(body: readonly number[], handler: readonly number[]) {
  const seen: Seen[] = [];
  const test = makeTestKernel({
    Note: (call) => {
      const record = call.memory.readPointer(call.address(0));
      const context = call.memory.readPointer(call.address(0) + 8);
      const count = call.memory.readU32(record + 0x18);
      seen.push({
        code: call.memory.readU32(record),
        address: call.memory.readPointer(record + 0x10),
        parameters: Array.from({ length: count }, (_, index) =>
          call.memory.readPointer(record + 0x20 + index * 8),
        ),
        rip: call.memory.readPointer(context + 0xf8),
      });
      return CONTINUE_SEARCH;
    },
  });
  const note = systemCall(test.service('Note'));
  const code = [...body, ...Array(0x100 - body.length).fill(0xcc), ...note, RET];
  code.push(...Array(0x140 - code.length).fill(0xcc), ...handler);
  const process = test.start(code);
  addVectoredHandler(process.vectoredHandlers, test.kernel, 0x140001100, false);
  addVectoredHandler(process.vectoredHandlers, test.kernel, 0x140001140, false);
  return { test, process, seen };
}

describe('exceptions', () => {
  it('reach vectored handlers in order; a changed context goes on', () => {
    const load = loadFrom(0x7ff000000000);
    const { test, process, seen } = startWithHandler([...load, RET], skipHandler(load.length, 77));
    expect(test.run()).toBe('exited');
    expect(process.exitStatus).toBe(77);
    expect(process.crash).toBeNull();
    expect(seen).toEqual([
      { code: 0xc0000005, address: 0x140001000, parameters: [0, 0x7ff000000000], rip: 0x140001000 },
    ]);
  });

  it('end the process with their code when nobody handles them, and say what the address was', () => {
    const { test, process } = startWithHandler(
      [...loadFrom(0x7ff000000000), RET],
      returnValue(CONTINUE_SEARCH),
    );
    test.run();
    expect(process.exitStatus).toBe(0xc0000005);
    expect(process.crash).toMatchObject({
      code: 0xc0000005,
      address: 0x140001000,
      parameters: [0, 0x7ff000000000],
      module: 'C:\\app\\test.exe',
      offset: 0x1000,
      target: 'free',
    });
    expect(process.crash!.code16.slice(0, 2)).toEqual([0x48, 0xa1]);
    expect(process.crash!.registers.find(({ name }) => name === 'RIP')).toEqual({
      name: 'RIP',
      lo: 0x40001000,
      hi: 1,
    });
  });

  // push control; fldcw [rsp]
  const x87Control = (control: number) => [0x68, ...bytes32(control), 0xd9, 0x2c, 0x24];
  const [loadOne, loadZero, dividePop, wait] = [[0xd9, 0xe8], [0xd9, 0xee], [0xde, 0xf9], [0x9b]];
  // push control; ldmxcsr [rsp]; mov eax, 1; cvtsi2sd xmm0, eax; pxor xmm1, xmm1; divsd xmm0, xmm1
  const oneByZero = [
    ...[0x68, ...bytes32(0x1d80), 0x0f, 0xae, 0x14, 0x24, 0xb8, ...bytes32(1)],
    ...[0xf2, 0x0f, 0x2a, 0xc0, 0x66, 0x0f, 0xef, 0xc9, 0xf2, 0x0f, 0x5e, 0xc1],
  ];
  // pushfq; or dword [rsp], AC; popfq
  const checkAlignment = [0x9c, 0x81, 0x0c, 0x24, ...bytes32(0x40000), 0x9d];
  const nothing = [0x31, 0xd2, 0x31, 0xc0]; // xor edx, edx; xor eax, eax
  it.each([
    ['division by zero', [...nothing, 0x31, 0xc9, 0xf7, 0xf1], 0xc0000094, 6],
    ['a quotient that does not fit', [0xba, ...bytes32(5), 0xb9, ...bytes32(2), 0xf7, 0xf1], 0xc0000095, 10],
    ['a division by a zero in memory', [...nothing, 0x48, 0xf7, 0x3d, ...bytes32(0x800)], 0xc0000094, 4],
    ['INT3', [0x90, 0xcc], 0x80000003, 1],
    ['UD2', [0x0f, 0x0b], 0xc000001d, 0],
    ['HLT', [0xf4], 0xc0000096, 0],
    ['MOV from CR0', [0x0f, 0x20, 0xc0], 0xc0000096, 0],
    ['INT 2C', [0xcd, 0x2c], 0xc0000420, 0],
    [
      'an x87 division by zero, at the next that waits',
      [...x87Control(0x37b), ...loadOne, ...loadZero, ...dividePop, ...wait],
      0xc000008e,
      14,
    ],
    [
      'an invalid x87 operation',
      [...x87Control(0x37e), ...loadZero, ...loadZero, ...dividePop, ...wait],
      0xc0000090,
      14,
    ],
    ['an x87 stack fault', [...x87Control(0x37e), 0xd9, 0xc0, ...wait], 0xc0000092, 10],
    ['a SIMD division by zero', oneByZero, 0xc000008e, 22],
    ['an unaligned access while AC is set', [...checkAlignment, 0x48, 0x8b, 0x44, 0x24, 1], 0x80000002, 9],
    ['an address that is not canonical', [0x48, 0xb8, ...bytes32(0), 0, 0, 1, 0, 0x8b, 0x00], 0xc0000005, 10],
  ])('%s has its code and address', (_name, code, expected, offset) => {
    const { test, process, seen } = startWithHandler([...code, RET], returnValue(CONTINUE_SEARCH));
    test.run();
    expect(seen.map((exception) => exception.code.toString(16))).toEqual([expected.toString(16)]);
    expect(seen[0]!.address - 0x140001000).toBe(offset);
    expect(seen[0]!.rip).toBe(seen[0]!.address);
    expect(process.exitStatus).toBe(expected);
  });

  it('a single step follows the next instruction when a handler sets TF', () => {
    const body = [0xcc, 0x90, 0xb8, ...bytes32(5), RET]; // int3; nop; mov eax, 5; ret
    const { test, process, seen } = startWithHandler(body, [
      ...[0x48, 0x8b, 0x51, 0x08], // mov rdx, [rcx+8]
      ...[0x4c, 0x8b, 0x01], // mov r8, [rcx]
      ...[0x41, 0x81, 0x38, ...bytes32(0x80000003)], // cmp dword [r8], STATUS_BREAKPOINT
      ...[0x75, 16], // jne clear
      ...[0x48, 0xff, 0x82, ...bytes32(0xf8)], // inc qword [rdx+0f8h]
      ...[0x81, 0x4a, 0x44, ...bytes32(0x100)], // or dword [rdx+44h], TF
      ...[0xeb, 7], // jmp done
      ...[0x81, 0x62, 0x44, ...bytes32(~0x100)], // clear: and dword [rdx+44h], ~TF
      ...returnValue(CONTINUE_EXECUTION), // done:
    ]);
    test.run();
    expect(seen.map(({ code, address }) => [code, address - 0x140001000])).toEqual([
      [0x80000003, 0],
      [0x80000004, 2],
    ]);
    expect(process.exitStatus).toBe(5);
  });

  it('__fastfail ends the process without asking', () => {
    const { test, process, seen } = startWithHandler(
      [0xb9, ...bytes32(7), 0xcd, 0x29],
      returnValue(CONTINUE_EXECUTION),
    );
    test.run();
    expect(seen).toEqual([]);
    expect(process.exitStatus).toBe(0xc0000409);
    expect(process.crash).toMatchObject({ code: 0xc0000409, parameters: [7], offset: 0x1005 });
  });

  it('a stack that cannot take the record ends the process', () => {
    const { test, process, seen } = startWithHandler(
      [0x31, 0xe4, 0x0f, 0x0b],
      returnValue(CONTINUE_EXECUTION),
    );
    test.run();
    expect(seen).toEqual([]);
    expect(process.exitStatus).toBe(0xc000001d);
  });

  it('a fault of a library function is raised at its SYSCALL, which runs again when the handler continues', () => {
    let calls = 0;
    const test = makeTestKernel({
      ReadIt: (call) => {
        calls++;
        return call.memory.readU32(call.address(0));
      },
    });
    const stub = systemCall(test.service('ReadIt'));
    const body = [0x48, 0xb9, ...bytes64(0x7ff000000000), ...stub, RET];
    const handler = [
      ...[0x48, 0x8b, 0x51, 0x08], // mov rdx, [rcx+8]
      ...[0x48, 0xb8, ...bytes64(0x140000000)], // mov rax, image
      ...[0x48, 0x89, 0x82, ...bytes32(0xc8)], // mov [rdx+0c8h], rax   (R10)
      ...returnValue(CONTINUE_EXECUTION),
    ];
    const process = test.start([...body, ...Array(0x100 - body.length).fill(0xcc), ...handler]);
    addVectoredHandler(process.vectoredHandlers, test.kernel, 0x140001100, false);
    test.run();
    expect(calls).toBe(2);
    expect(process.exitStatus! & 0xffff).toBe(0x5a4d);
  });

  it('a fault of a kernel service is its status', () => {
    const test = makeTestKernel({ NtReadIt: (call) => call.memory.readU32(call.address(0)) });
    const process = test.start([
      ...[0x48, 0xb9, ...bytes64(0x7ff000000000)],
      ...systemCall(test.service('NtReadIt')),
      RET,
    ]);
    test.run();
    expect(process.exitStatus).toBe(0xc0000005);
    expect(process.crash).toBeNull();
  });

  it('the unhandled-exception filter decides at the end', () => {
    for (const [answer, status, crashed] of [
      [1, 0xc000001d, false],
      [0, 0xc000001d, true],
    ] as const) {
      const { test, process } = startWithHandler([0x0f, 0x0b], returnValue(CONTINUE_SEARCH));
      process.vectoredHandlers.splice(1);
      process.vectoredHandlers[0]![1] = 0x140001140;
      process.unhandledFilter = 0x140001200;
      const filter = returnValue(answer);
      test.kernel.attachProcess(process);
      test.kernel.memory.writeBytes(0x140001200, Uint8Array.from(filter));
      test.kernel.detachProcess();
      test.run();
      expect(process.exitStatus).toBe(status);
      expect(process.crash !== null).toBe(crashed);
    }
  });

  it('an exception that may not be continued raises another when it is', () => {
    const { test, process, seen } = startWithHandler([0x90, RET], returnValue(CONTINUE_EXECUTION));
    test.run(1);
    raiseException(test.kernel, process.threads[0]!, 0xe0000001, 1, test.kernel.processor.rip, []);
    test.run(10_000_000);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen[1]!.code).toBe(0xc0000025);
    expect(process.exitStatus).not.toBeNull();
  });
});
