import { describe, expect, it } from 'vitest';
import { runKernel } from '../../nt/run-loop.js';
import type { ServiceCall } from '../../nt/service.js';
import { below, mulberry32, seedFor } from '../../testing/seed.js';
import { Win32Machine } from '../../testing/win32-machine.js';
import { allocateFromHeap, freeToHeap } from './heap.js';
import { heapContext } from './heap-context.js';
import { frontEndOf } from './heap-front-end-layout.js';
import { validateHeap, walkHeap } from './heap-walk.js';

const CALLS = 1200;
const SIZES = [1, 24, 100, 1000];

class HeapMachine extends Win32Machine {
  readonly heap = this.callAddress('GetProcessHeap');
  services = 0;

  override symbol(name: string): number {
    return /^(malloc|calloc|free)$/.test(name) ? this.find('msvcrt.dll', name) : super.symbol(name);
  }

  get context() {
    this.kernel.attachProcess(this.process.object);
    return heapContext({ kernel: this.kernel, memory: this.kernel.memory } as ServiceCall);
  }

  /** Makes the front end serve the sizes of the test. */
  activate(): void {
    for (const bytes of SIZES) {
      const blocks = Array.from({ length: 20 }, () => allocateFromHeap(this.context, this.heap, 0, bytes));
      for (const address of blocks) freeToHeap(this.context, this.heap, address);
    }
    expect(frontEndOf(this.context, this.heap)).not.toBe(0);
  }

  /** Runs a call that began, with something done after its first so many instructions. */
  finish(instructions: number, between: () => void): void {
    const limit = this.kernel.processor.instructions + instructions;
    runKernel(this.kernel, { instructions: limit, work: Number.POSITIVE_INFINITY });
    between();
    expect(this.run()).toBe('limit');
    expect(this.isDone).toBe(true);
  }
}

describe('the front end in machine code', () => {
  it('does not enter the system for the common cases', () => {
    const machine = new HeapMachine();
    machine.activate();
    const entered: string[] = [];
    const { kernel } = machine;
    kernel.traceServices = true;
    kernel.mm.events.attach(({ kind, text }) => {
      if (kind === 'syscall') entered.push(text);
    });
    const first = machine.callAddress('HeapAlloc', machine.heap, 8, 24);
    const second = machine.callAddress('malloc', 24);
    const third = machine.callAddress('calloc', 3, 8);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(machine.call('HeapFree', machine.heap, 0, first)).toBe(1);
    machine.call('free', second);
    machine.call('free', third);
    expect(entered).toEqual([]);
    machine.callAddress('HeapAlloc', machine.heap, 0, 24_000);
    expect(entered).toEqual(['ntdll.dll!RtlAllocateHeap']);
  });

  it('keeps every block when others use the heap between any two of its instructions', () => {
    const machine = new HeapMachine();
    const random = mulberry32(seedFor('heap in machine code'));
    machine.activate();
    const before = new Set<number>();
    walkHeap(machine.context, machine.heap, (block) => void (block.busy && before.add(block.address)));
    const known = new Map<number, { bytes: number; byte: number }>();
    const note = (address: number, bytes: number) => {
      expect(known.has(address) || before.has(address)).toBe(false);
      const byte = random() & 0xff;
      machine.fill(address, bytes, byte);
      known.set(address, { bytes, byte });
    };
    const takeOne = () => {
      const addresses = [...known.keys()];
      const address = addresses[below(random, addresses.length)]!;
      const { bytes, byte } = known.get(address)!;
      expect(machine.process.read(address, bytes).every((each) => each === byte)).toBe(true);
      known.delete(address);
      return address;
    };
    /** What another thread's services might do meanwhile. */
    const others = () => {
      for (let count = below(random, 4); count > 0; count--) {
        const bytes = SIZES[below(random, SIZES.length)]!;
        if (known.size > 0 && below(random, 2)) freeToHeap(machine.context, machine.heap, takeOne());
        else note(allocateFromHeap(machine.context, machine.heap, 0, bytes), bytes);
      }
    };
    for (let call = 0; call < CALLS; call++) {
      const steps = below(random, 90);
      if (known.size > 0 && below(random, 200) < known.size) {
        const address = takeOne();
        if (below(random, 2)) machine.begin('free', address);
        else machine.begin('HeapFree', machine.heap, 0, address);
        machine.finish(steps, others);
      } else {
        const bytes = SIZES[below(random, SIZES.length)]!;
        const zeroed = below(random, 2) === 0;
        if (zeroed && below(random, 2)) machine.begin('calloc', 1, bytes);
        else if (zeroed) machine.begin('HeapAlloc', machine.heap, 8, bytes);
        else machine.begin('malloc', bytes);
        machine.finish(steps, others);
        const address = Number(machine.result64);
        if (zeroed) expect(machine.process.read(address, bytes).every((each) => each === 0)).toBe(true);
        note(address, bytes);
      }
    }
    expect(validateHeap(machine.context, machine.heap, 0)).toBe(true);
    const busy = new Map<number, number>();
    walkHeap(machine.context, machine.heap, (block) => {
      if (block.busy && !before.has(block.address)) busy.set(block.address, block.bytes);
    });
    expect(busy).toEqual(new Map([...known].map(([address, { bytes }]) => [address, bytes])));
  });

  it('leaves the blocks of the back end to the service, whatever their entries look like', () => {
    const machine = new HeapMachine();
    const heap = machine.callAddress('HeapCreate', 0, 0, 0);
    machine.callAddress('HeapAlloc', heap, 0, 920);
    const block = machine.callAddress('HeapAlloc', heap, 0, 1000);
    for (let count = 0; count < 20; count++) machine.callAddress('HeapAlloc', heap, 0, 1000);
    expect(frontEndOf(machine.context, heap)).not.toBe(0);
    expect(machine.call('HeapFree', heap, 0, block)).toBe(1);
    expect(machine.call('HeapValidate', heap, 0, 0)).toBe(1);
  });

  it.each([
    ['freed twice', (machine: HeapMachine, block: number) => machine.call('free', block)],
    [
      'that the block before overran',
      (machine: HeapMachine, block: number) => machine.fill(block - 16, 16, 0x41),
    ],
    ['whose entry is all ones', (machine: HeapMachine, block: number) => machine.fill(block - 16, 16, 0xff)],
  ])('ends the program for a block %s', (_name, spoil) => {
    const machine = new HeapMachine();
    machine.activate();
    const block = machine.callAddress('malloc', 24);
    spoil(machine, block);
    expect(() => machine.call('free', block)).toThrow('exited');
    expect(machine.process.exitStatus).toBe(0xc0000374);
  });
});
