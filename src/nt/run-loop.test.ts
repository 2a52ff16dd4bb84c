import { describe, expect, it } from 'vitest';
import { FRAME_ACTIVE } from '../mm/pfn-database.js';
import { verify } from '../mm/verify.js';
import { bytes32, bytes64, makeTestKernel, systemCall } from '../testing/test-kernel.js';
import { InternalError } from './internal-error.js';
import type { Kernel } from './kernel.js';
import { runKernel } from './run-loop.js';
import { delayExecution } from './sync.js';

const RET = 0xc3;

function runSlice(kernel: Kernel, work: number) {
  return runKernel(kernel, { instructions: 20_000, work });
}

describe('a process of hand-assembled code', () => {
  it('runs from LdrInitializeThunk to its exit status and gives every frame back', () => {
    const test = makeTestKernel();
    test.start([0xb8, ...bytes32(42), RET]);
    expect(test.run()).toBe('exited');
    const inUse = () => test.kernel.mm.pfn.state.filter((state) => state === FRAME_ACTIVE).length;
    const before = inUse();
    const process = test.start([0xb8, ...bytes32(7), RET]);
    expect(test.run()).toBe('exited');
    expect(process.exitStatus).toBe(7);
    expect(process.deleted).toBe(true);
    expect(inUse()).toBe(before);
    verify(test.kernel.mm);
  });

  it('calls services with their arguments and comes back with the result', () => {
    let seen: unknown[] = [];
    const test = makeTestKernel({
      Sum: (call) => {
        seen = [call.u32(0), call.i32(1), call.address(2), call.handle(3), call.size(4)];
        return call.u32(0) + call.u32(4);
      },
    });
    const process = test.start([
      ...[0x48, 0x83, 0xec, 0x28], // sub rsp, 28h
      ...[0x48, 0xc7, 0x44, 0x24, 0x20, ...bytes32(5)], // mov qword [rsp+20h], 5
      ...[0xb9, ...bytes32(30)], // mov ecx, 30
      ...[0x48, 0xc7, 0xc2, ...bytes32(-2)], // mov rdx, -2
      ...[0x49, 0xb8, ...bytes64(0x7ffe12345678)], // mov r8, …
      ...[0x49, 0xc7, 0xc1, ...bytes32(-1)], // mov r9, -1
      ...[0xe8, ...bytes32(5)], // call stub
      ...[0x48, 0x83, 0xc4, 0x28, RET], // add rsp, 28h; ret
      ...systemCall(test.service('Sum')),
      RET,
    ]);
    expect(test.run()).toBe('exited');
    expect(seen).toEqual([30, -2, 0x7ffe12345678, -1, 5]);
    expect(process.exitStatus).toBe(35);
  });

  it('enters guest code from a service and goes on at its step, arguments and saved numbers at hand', () => {
    const seen: unknown[] = [];
    const test = makeTestKernel({
      Twice: {
        enter: (call) => call.callGuest(call.address(0), [call.u32(1)], 0, [0.5, -3]),
        steps: [
          (call, saved) => {
            seen.push([...saved], call.resultLo, call.u32(1));
            return call.callGuest(call.address(0), [call.resultLo], 1, [call.resultLo]);
          },
          (call, saved) => call.resultLo * 100 + saved[0]!,
        ],
      },
    });
    const process = test.start([
      ...[0x48, 0x83, 0xec, 0x28], // sub rsp, 28h
      ...[0x48, 0x8d, 0x0d, ...bytes32(15)], // lea rcx, [triple]
      ...[0xba, ...bytes32(4)], // mov edx, 4
      ...[0xe8, ...bytes32(9)], // call stub
      ...[0x48, 0x83, 0xc4, 0x28, RET],
      ...[0x8d, 0x04, 0x49, RET], // triple: lea eax, [rcx+rcx*2]; ret
      ...systemCall(test.service('Twice')),
      RET,
    ]);
    expect(test.run()).toBe('exited');
    expect(seen).toEqual([[0.5, -3], 12, 4]);
    expect(process.exitStatus).toBe(3612);
  });

  it('names the service in which our own code fails', () => {
    const test = makeTestKernel({
      Broken: () => {
        throw new TypeError('oops');
      },
    });
    test.start([...systemCall(test.service('Broken')), RET]);
    let thrown: unknown;
    try {
      test.run();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InternalError);
    expect((thrown as InternalError).message).toBe('internal error in ntdll.dll!Broken: oops');
  });

  it('answers a service number that does not exist with a status', () => {
    const test = makeTestKernel();
    const process = test.start([...systemCall(4000), RET]);
    test.run();
    expect(process.exitStatus).toBe(0xc000001c);
  });

  it('refuses a forged return to a step', () => {
    const test = makeTestKernel();
    const process = test.start([...systemCall(0xffff), RET]);
    test.run();
    expect(process.exitStatus).toBe(0xc0000028);
  });

  it('stops after exactly the given number of instructions', () => {
    const test = makeTestKernel();
    test.start([0xeb, 0xfe]); // jmp self
    expect(test.run(12_345)).toBe('limit');
    expect(test.kernel.processor.instructions).toBe(12_345);
    expect(test.run(23_456)).toBe('limit');
    expect(test.kernel.processor.instructions).toBe(23_456);
  });

  it('lets time pass while every thread sleeps', () => {
    const test = makeTestKernel({ Sleep: (call) => delayExecution(call, call.u32(0)) });
    const process = test.start([0xb9, ...bytes32(1500), ...systemCall(test.service('Sleep')), RET]);
    expect(test.run()).toBe('exited');
    expect(process.exitStatus).toBe(0);
    expect(test.kernel.clock.now100ns).toBeGreaterThanOrEqual(15_000_000);
    expect(test.kernel.clock.now100ns).toBeLessThan(15_100_000);
  });

  it('shares the processor between equals by quantum', () => {
    const test = makeTestKernel({}, { quantum: 1000 });
    const first = test.start([0xeb, 0xfe], 'a.exe');
    const second = test.start([0xeb, 0xfe], 'b.exe');
    expect(test.run(50_000)).toBe('limit');
    const [a, b] = [first.threads[0]!.instructions, second.threads[0]!.instructions];
    expect(a + b).toBe(50_000);
    const waited = (test.kernel.clock.nanoseconds - 50_000) / 2;
    expect(Math.abs(a - b)).toBeLessThanOrEqual(1000 + waited);
  });

  it('gives the same run whatever the slices of host time', () => {
    const log = (work: number) => {
      const test = makeTestKernel({}, { quantum: 700 });
      const events: string[] = [];
      test.kernel.mm.events.attach((event) => events.push(JSON.stringify(event)));
      test.start([0xeb, 0xfe], 'a.exe');
      test.start([0xeb, 0xfe], 'b.exe');
      for (let round = 0; round < 10_000; round++) if (runSlice(test.kernel, work) === 'limit') break;
      return events;
    };
    expect(log(97)).toEqual(log(1_000_000));
  });
});
