/** Threads and processes that the swapper takes out of memory while they wait, and brings in again. */
import { describe, expect, it } from 'vitest';
import { verify } from '../mm/verify.js';
import { bytes32, makeTestKernel, systemCall } from '../testing/test-kernel.js';
import { useAllMemory } from '../testing/use-all-memory.js';
import { terminateProcess } from './process-delete.js';
import { delayExecution } from './sync.js';
import { THREAD_SUSPENDED, THREAD_TERMINATED, THREAD_TRANSITION, THREAD_WAITING } from './thread.js';
import { terminateThread } from './thread-delete.js';

const RET = 0xc3;
const MIB = 2 ** 20;
const pageFiles = [{ initial: 16 * MIB, maximum: 16 * MIB }];

function kernelOf(ram = 16 * 2 ** 20) {
  const test = makeTestKernel({ Sleep: (call) => delayExecution(call, call.u32(0)) }, { ram, pageFiles });
  const { mm } = test.kernel;
  const swaps: string[] = [];
  mm.events.attach(({ kind, pid, time }) => {
    if (/^(stack|process)-(out|in)$/.test(kind)) swaps.push(`${kind} ${pid} ${Math.floor(time / 1e7)}s`);
  });
  /** Adds 5 to a word of its data, sleeps, and ends with the word plus 37. */
  const sleeper = (milliseconds: number) => [
    ...[0x53, 0x48, 0x8d, 0x1d, ...bytes32(0x1000 - 8)], // push rbx; lea rbx, [data]
    ...[0x83, 0x03, 0x05], // add dword [rbx], 5
    ...[0xb9, ...bytes32(milliseconds)], // mov ecx, milliseconds
    ...[0xe8, ...bytes32(7)], // call stub
    ...[0x8b, 0x03, 0x83, 0xc0, 0x25, 0x5b, RET], // mov eax, [rbx]; add eax, 37; pop rbx; ret
    ...systemCall(test.service('Sleep')),
    RET,
  ];
  return { ...test, mm, swaps, sleeper };
}

describe('a thread that sleeps for long', () => {
  it('has its stack taken out after 15 seconds, its process with it, and goes on as if nothing had been', () => {
    const { kernel, mm, swaps, sleeper, start, run } = kernelOf();
    const process = start(sleeper(60_000));
    expect(run()).toBe('exited');
    expect(process.exitStatus).toBe(42);
    const { id } = process;
    expect(swaps).toEqual([
      `stack-out ${id} 16s`,
      `process-out ${id} 16s`,
      `process-in ${id} 60s`,
      `stack-in ${id} 60s`,
    ]);
    expect(kernel.clock.now100ns).toBeLessThan(601_000_000);
    verify(mm);
  });

  it('does so after 3 seconds on a machine with less than 12 MB', () => {
    const { swaps, sleeper, start, run } = kernelOf(8 * 2 ** 20);
    const { id } = start(sleeper(5000));
    expect(run()).toBe('exited');
    expect(swaps.map((swap) => swap.slice(0, -`${id} 4s`.length - 1))).toEqual([
      'stack-out',
      'process-out',
      'process-in',
      'stack-in',
    ]);
  });

  it('comes back from the paging file when others have used its memory', () => {
    const { mm, kernel, swaps, sleeper, start, service, run } = kernelOf(4 * 2 ** 20);
    const process = start(sleeper(60_000), 'sleeper.exe');
    // Another program wakes every two seconds and writes to memory that it has not touched before.
    const other = start(
      [
        ...[0x53, 0x56, 0xbe, ...bytes32(25)], // push rbx; push rsi; mov esi, 25
        ...[0xb9, ...bytes32(2000), 0xe8, ...bytes32(7)], // loop: mov ecx, 2000; call stub
        ...[0xff, 0xce, 0x75, 0xf2, 0x5e, 0x5b, RET], // dec esi; jnz loop; pop rsi; pop rbx; ret
        ...systemCall(service('Sleep')),
        RET,
      ],
      'other.exe',
    );
    while (!process.space.outSwapped) {
      expect(run(kernel.processor.instructions + 5)).toBe('limit');
    }
    verify(mm);
    const before = mm.pageFiles.pagesRead;
    useAllMemory(mm);
    verify(mm);
    expect(run()).toBe('exited');
    expect([process.exitStatus, other.exitStatus]).toEqual([42, 0]);
    expect(mm.pageFiles.pagesRead).toBeGreaterThan(before + 10);
    expect(swaps.at(-1)).toMatch(/^stack-in/);
    verify(mm);
  });

  it('is in transition while it is ready and its stack is out, and can be suspended and end then', () => {
    const { kernel, mm, sleeper, start, run } = kernelOf();
    const { scheduler } = kernel;
    start([0xeb, 0xfe], 'busy.exe');
    const process = start(sleeper(3_000_000), 'sleeper.exe');
    const thread = process.threads[0]!;
    while (thread.kernelStack.resident) {
      kernel.clock.advance(10_000_000);
      run(kernel.processor.instructions + 1000);
    }
    expect([thread.state, process.space.outSwapped]).toEqual([THREAD_WAITING, true]);
    scheduler.endWait(thread, 0);
    expect([thread.state, scheduler.transition.length]).toEqual([THREAD_TRANSITION, 1]);
    scheduler.suspend(thread);
    expect([thread.state, scheduler.transition.length]).toEqual([THREAD_SUSPENDED, 0]);
    run(kernel.processor.instructions + 1000);
    expect(thread.kernelStack.resident).toBe(false);
    scheduler.resume(thread);
    expect([thread.state, scheduler.transition.length]).toEqual([THREAD_TRANSITION, 1]);
    terminateThread(kernel, thread, 9);
    expect([thread.state, scheduler.transition.length]).toEqual([THREAD_TERMINATED, 0]);
    expect([process.exitStatus, process.deleted]).toEqual([9, true]);
    verify(mm);
  });

  it('ends with its process while both are out', () => {
    const { kernel, mm, sleeper, start, run } = kernelOf();
    start([0xeb, 0xfe], 'busy.exe');
    const process = start(sleeper(3_000_000), 'sleeper.exe');
    while (!process.space.outSwapped) {
      kernel.clock.advance(10_000_000);
      run(kernel.processor.instructions + 1000);
    }
    terminateProcess(kernel, process, 5);
    expect([process.exitStatus, mm.kernelStacks.length]).toEqual([5, 1]);
    verify(mm);
  });
});
