/** Programs that ask for more and more of something: what they can have is bounded, and so is what it costs the host. */
import { expect, it } from 'vitest';
import { verify } from '../src/mm/verify.js';
import { effort } from '../src/testing/hostile-effort.js';
import { HostileGuest } from '../src/testing/hostile-guest.js';

const MEGABYTE = 2 ** 20;
/** Host memory that a program may cost, beside the machine's RAM. */
const MOST_HOST_BYTES = 300 * MEGABYTE;
/** A small machine, whose pools are small too, and calls of each function: more than those pools have room for. */
const RAM = 8 * MEGABYTE;
const CALLS = effort(60_000);
const SLICE = 400_000;

/** Where the loop, its arguments and its counters lie in the guest's code page. */
const LOOP_AT = 0x100;
const TEXT_AT = 0x800;
const OUTPUT_AT = 0x900;

function pushAll(bytes: number[], ...more: readonly number[]): void {
  bytes.push(...more);
}

const littleEndian = (value: number): number[] => [...new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)];

/** mov register, value */
const MOVES = [
  [0x48, 0xb9],
  [0x48, 0xba],
  [0x49, 0xb8],
  [0x49, 0xb9],
];

/** A loop that calls a function with constant arguments for ever; it counts in R12 the calls and in R13 those that gave 0. */
function loopOf(target: number, args: readonly number[]): Uint8Array {
  const code: number[] = [];
  pushAll(code, 0x48, 0x83, 0xe4, 0xf0); // and rsp, -16
  pushAll(code, 0x48, 0x81, 0xec, 0x80, 0, 0, 0); // sub rsp, 80h
  pushAll(code, 0x4d, 0x31, 0xe4, 0x4d, 0x31, 0xed); // xor r12, r12; xor r13, r13
  const start = code.length;
  args.forEach((value, index) => {
    if (index < 4) pushAll(code, ...MOVES[index]!, ...littleEndian(value));
    else pushAll(code, 0x48, 0xb8, ...littleEndian(value), 0x48, 0x89, 0x44, 0x24, 0x20 + (index - 4) * 8);
  });
  pushAll(code, 0x48, 0xb8, ...littleEndian(target), 0xff, 0xd0); // mov rax, target; call rax
  pushAll(code, 0x49, 0xff, 0xc4); // inc r12
  pushAll(code, 0x48, 0x85, 0xc0, 0x75, 0x03, 0x49, 0xff, 0xc5); // test rax, rax; jnz +3; inc r13
  pushAll(code, 0xe9, ...littleEndian(start - code.length - 5).slice(0, 4)); // jmp start
  return Uint8Array.from(code);
}

/** What a loop calls, and with what; `text` and `output` are places in the guest. */
const GREEDY: Readonly<Record<string, (text: number, output: number, spin: number) => readonly number[]>> = {
  'kernel32.dll!CreateEventA': () => [0, 0, 0, 0],
  'kernel32.dll!CreateMutexA': () => [0, 0, 0],
  'kernel32.dll!CreateSemaphoreA': () => [0, 0, 1, 0],
  'kernel32.dll!CreateWaitableTimerA': () => [0, 0, 0],
  'kernel32.dll!CreateIoCompletionPort': () => [-1, 0, 0, 0],
  'kernel32.dll!CreateJobObjectA': () => [0, 0],
  'kernel32.dll!CreateFileMappingA': () => [-1, 0, 4, 0, 4096, 0],
  'kernel32.dll!CreateFileA': (text) => [text, 0x80000000, 3, 0, 3, 0, 0],
  'kernel32.dll!CreatePipe': (_, output) => [output, output + 8, 0, 0],
  'kernel32.dll!FindFirstFileA': (text, output) => [text, output],
  'kernel32.dll!DuplicateHandle': (_, output) => [-1, -1, -1, output, 0, 0, 2],
  'kernel32.dll!CreateThread': (_, __, spin) => [0, 0, spin, 0, 4, 0],
  'kernel32.dll!VirtualAlloc': () => [0, 4096, 0x2000, 4],
  'kernel32.dll!HeapCreate': () => [0, 0, 0],
  'kernel32.dll!TlsAlloc': () => [],
  'kernel32.dll!FlsAlloc': () => [0],
  'ntdll.dll!RtlAddVectoredExceptionHandler': (_, __, spin) => [0, spin],
  'kernel32.dll!OutputDebugStringA': (text) => [text],
  'kernel32.dll!QueueUserAPC': (_, __, spin) => [spin, -2, 0],
  'kernel32.dll!CreateTimerQueue': () => [],
  'kernel32.dll!CreateThreadpoolWork': (_, __, spin) => [spin, 0, 0],
  'kernel32.dll!QueueUserWorkItem': (_, __, spin) => [spin, 0, 0],
  'kernel32.dll!GlobalAlloc': () => [2, 10_000],
  'msvcrt.dll!malloc': () => [10_000],
  'msvcrt.dll!atexit': (_, __, spin) => [spin],
  'msvcrt.dll!fopen': (text) => [text, text],
};

/** Those that answer 0 once there is no room any more. */
const REFUSED = [
  'CreateEventA',
  'CreateMutexA',
  'CreateSemaphoreA',
  'CreateWaitableTimerA',
  'CreateIoCompletionPort',
  'CreateJobObjectA',
  'CreateFileMappingA',
  'HeapCreate',
  'GlobalAlloc',
  'malloc',
];

it.each(Object.keys(GREEDY))('%s without end', { timeout: 600_000 }, (name) => {
  const guest = new HostileGuest({ ram: RAM });
  guest.renew();
  const { kernel, process, places } = guest;
  const [module, symbol] = name.split('!') as [string, string];
  const [text, output] = [places.code + TEXT_AT, places.code + OUTPUT_AT];
  const spin = places.code + 0x40;
  const target = kernel.symbol(process.object, module, symbol);
  expect(target, name).not.toBe(0);
  process.write(text, new TextEncoder().encode('C:\\work\\a.txt\0'));
  process.write(spin, Uint8Array.of(0x31, 0xc0, 0xc3));
  process.write(places.code + LOOP_AT, loopOf(target, GREEDY[name]!(text, output, spin)));
  kernel.processor.rip = places.code + LOOP_AT;
  globalThis.gc?.();
  const before = processBytes();
  let most = 0;
  let calls = 0;
  while (calls < CALLS && process.exitStatus === null) {
    const reason = guest.run(SLICE);
    if (reason !== 'limit' && reason !== 'running') break;
    if (kernel.loadedThread === process.object.threads[0]) calls = kernel.processor.getLo(12);
    most = Math.max(most, processBytes() - before);
    if (most > MOST_HOST_BYTES)
      expect.fail(`${name}: ${Math.round(most / MEGABYTE)} MB after ${calls} calls`);
  }
  verify(kernel.mm);
  if (REFUSED.includes(symbol)) expect(kernel.processor.getLo(13), 'refusals').toBeGreaterThan(0);
  guest.endAll();
  verify(kernel.mm);
});

function processBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
