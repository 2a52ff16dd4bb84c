import { describe, expect, test } from 'vitest';
import { BareMachine, USER_PAGE } from '../testing/bare-machine.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { Clock } from './clock.js';
import { BLOCK_LIMIT } from './cpu/uops.js';
import { PTE_USER, PTE_VALID } from './paging/x64.js';
import {
  ACCESS_USER,
  ACCESS_WRITE,
  EXIT_EXCEPTION,
  EXIT_PAGE_FAULT,
  EXIT_QUANTUM,
  EXIT_SYSTEM_CALL,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
} from './processor.js';

const CODE = 0x40_0000;
const DATA = 0x50_0000;
const STACK = 0x60_0000;
const SYSCALL = [0x0f, 0x05];
const ZF = 0x40;
const CF = 1;
const AC = 0x40000;

/** A machine with code at CODE, a data page and a stack page. */
function machineWith(code: readonly number[]): BareMachine & { data: number; codeFrame: number } {
  const machine = new BareMachine();
  const codeFrame = machine.code(CODE, code);
  const data = machine.map(DATA);
  machine.map(STACK - 0x1000);
  machine.cpu.setAddress(RSP, STACK);
  return Object.assign(machine, { data, codeFrame });
}

describe('the instruction budget', () => {
  // L: inc eax; add ebx, eax; test eax, 3; jnz L; inc ecx; jmp L
  const LOOP = [0xff, 0xc0, 0x01, 0xc3, 0xa9, 3, 0, 0, 0, 0x75, 0xf5, 0xff, 0xc1, 0xeb, 0xf1];

  test('is used to the instruction, wherever it ends', () => {
    const random = mulberry32(seedFor('budget'));
    const whole = machineWith(LOOP);
    const parts = machineWith(LOOP);
    whole.cpu.run(10_000);
    for (let left = 10_000; left > 0; ) {
      const slice = Math.min(left, below(random, 40));
      expect(parts.cpu.run(slice)).toBe(EXIT_QUANTUM);
      left -= slice;
      expect(parts.cpu.instructions).toBe(10_000 - left);
    }
    for (const register of [RAX, RBX, RCX]) expect(parts.cpu.getLo(register)).toBe(whole.cpu.getLo(register));
    expect(parts.cpu.rip).toBe(whole.cpu.rip);
    expect(parts.cpu.flags).toBe(whole.cpu.flags);
  });

  test('counts what ran before a fault, and no more', () => {
    // inc eax; inc eax; mov [rbx], eax; inc eax; syscall
    const machine = machineWith([0xff, 0xc0, 0xff, 0xc0, 0x89, 0x03, 0xff, 0xc0, ...SYSCALL]);
    machine.cpu.setAddress(RBX, 0x70_0010);
    expect(machine.cpu.run(100)).toBe(EXIT_PAGE_FAULT);
    expect(machine.cpu.instructions).toBe(2);
    expect([machine.cpu.rip, machine.cpu.faultAddress, machine.cpu.faultError]).toEqual([
      CODE + 4,
      0x70_0010,
      6,
    ]);
    machine.map(0x70_0000);
    expect(machine.cpu.run(100)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.cpu.instructions).toBe(5);
    expect(machine.cpu.getLo(RAX)).toBe(3);
  });

  test('ends behind the last instruction of a block as well', () => {
    const nops = Array.from({ length: BLOCK_LIMIT * 2 }, () => 0x90);
    const machine = machineWith([...nops, ...SYSCALL]);
    expect(machine.cpu.run(BLOCK_LIMIT)).toBe(EXIT_QUANTUM);
    expect(machine.cpu.rip).toBe(CODE + BLOCK_LIMIT);
    expect(machine.cpu.run(BLOCK_LIMIT)).toBe(EXIT_QUANTUM);
    expect(machine.cpu.run(1)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.cpu.instructions).toBe(BLOCK_LIMIT * 2 + 1);
  });

  test('counts TLB look-ups of what ran', () => {
    // mov eax, [rbx]; mov ecx, [rbx]; mov [rsi], eax; mov edx, [rbx]; syscall
    const machine = machineWith([0x8b, 0x03, 0x8b, 0x0b, 0x89, 0x06, 0x8b, 0x13, ...SYSCALL]);
    machine.cpu.setAddress(RBX, DATA);
    machine.cpu.setAddress(RSI, 0x70_0000);
    expect(machine.cpu.run(100)).toBe(EXIT_PAGE_FAULT);
    // Code, two loads and the store; missed: code, data and the store's page.
    expect([machine.cpu.tlbHits, machine.cpu.tlbMisses]).toEqual([1, 3]);
  });
});

describe('restarting', () => {
  test('a read-modify-write across pages changes nothing before both may be written', () => {
    // add qword [rbx], -1; syscall
    const machine = machineWith([0x48, 0x83, 0x03, 0xff, ...SYSCALL]);
    const second = machine.map(DATA + 0x1000, PTE_VALID | PTE_USER);
    machine.poke(machine.data, 0xffc, [0, 0, 0, 0]);
    machine.poke(second, 0, [1, 0, 0, 0]);
    machine.cpu.setAddress(RBX, DATA + 0xffc);
    machine.cpu.flags = 0x202 | ZF;
    expect(machine.cpu.run(10)).toBe(EXIT_PAGE_FAULT);
    expect([machine.cpu.faultAddress, machine.cpu.faultError]).toEqual([DATA + 0x1000, 7]);
    expect(machine.peek(machine.data, 0xffc, 4)).toEqual([0, 0, 0, 0]);
    expect(machine.cpu.flags & ZF).toBe(ZF);
    machine.map(DATA + 0x1000, USER_PAGE, false, second);
    expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.peek(machine.data, 0xffc, 4)).toEqual([255, 255, 255, 255]);
    expect(machine.peek(second, 0, 4)).toEqual([0, 0, 0, 0]);
  });

  test('a repeated move keeps what it has done', () => {
    // rep movsb; syscall
    const machine = machineWith([0xf3, 0xa4, ...SYSCALL]);
    machine.poke(machine.data, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
    const target = machine.map(0x70_0000);
    machine.cpu.setAddress(RSI, DATA);
    machine.cpu.setAddress(RDI, 0x70_0ffd);
    machine.cpu.setAddress(RCX, 8);
    expect(machine.cpu.run(10)).toBe(EXIT_PAGE_FAULT);
    expect([machine.cpu.rip, machine.cpu.faultAddress, machine.cpu.instructions]).toEqual([
      CODE,
      0x70_1000,
      0,
    ]);
    expect([RCX, RSI, RDI].map((r) => machine.cpu.getAddress(r))).toEqual([5, DATA + 3, 0x70_1000]);
    const next = machine.map(0x70_1000);
    expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.cpu.instructions).toBe(2);
    expect([...machine.peek(target, 0xffd, 3), ...machine.peek(next, 0, 5)]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  test('an overlapping forward move spreads its first bytes, as the processor does', () => {
    const machine = machineWith([0xf3, 0xa4, ...SYSCALL]);
    machine.poke(machine.data, 0, [1, 2, 3]);
    machine.cpu.setAddress(RSI, DATA);
    machine.cpu.setAddress(RDI, DATA + 3);
    machine.cpu.setAddress(RCX, 7);
    machine.cpu.run(10);
    expect(machine.peek(machine.data, 0, 10)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1]);
  });

  test('push of memory and call move the stack pointer only when all succeeded', () => {
    // push qword [rbx]; call [rbx]
    const machine = machineWith([0xff, 0x33, 0xff, 0x13]);
    machine.cpu.setAddress(RBX, DATA);
    machine.cpu.setAddress(RSP, 0x70_0008);
    expect(machine.cpu.run(1)).toBe(EXIT_PAGE_FAULT);
    expect(machine.cpu.getAddress(RSP)).toBe(0x70_0008);
    machine.cpu.rip = CODE + 2;
    expect(machine.cpu.run(1)).toBe(EXIT_PAGE_FAULT);
    expect([machine.cpu.getAddress(RSP), machine.cpu.rip]).toEqual([0x70_0008, CODE + 2]);
  });

  test('CMPXCHG16B must be aligned', () => {
    const machine = machineWith([0x48, 0x0f, 0xc7, 0x0b]);
    machine.cpu.setAddress(RBX, DATA + 8);
    expect(machine.cpu.run(1)).toBe(EXIT_EXCEPTION);
    expect([machine.cpu.exceptionVector, machine.cpu.faultIsNonCanonical]).toEqual([13, false]);
  });
});

describe('code that changes', () => {
  // mov byte [rbx], 2; mov eax, 1; syscall: the immediate of the second instruction is at 4.
  const PATCH = [0xc6, 0x03, 0x02, 0xb8, 1, 0, 0, 0, ...SYSCALL];

  test('a store takes effect at the next instruction', () => {
    const machine = machineWith(PATCH);
    machine.cpu.setAddress(RBX, CODE + 4);
    expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    expect([machine.cpu.getLo(RAX), machine.cpu.instructions]).toEqual([2, 3]);
  });

  test('so does a store through another address of the frame', () => {
    const machine = machineWith(PATCH);
    machine.map(0x80_0000, USER_PAGE, false, machine.codeFrame);
    machine.cpu.setAddress(RBX, 0x80_0004);
    expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.cpu.getLo(RAX)).toBe(2);
  });

  test('and each store of many, with translations in the TLB', () => {
    // L: inc byte [rip + 1] (the immediate below); mov al, 0; add ecx, eax; dec edx; jnz L; syscall
    const code = [0xfe, 0x05, 1, 0, 0, 0, 0xb0, 0, 0x01, 0xc1, 0xff, 0xca, 0x75, 0xf2, ...SYSCALL];
    const machine = machineWith(code);
    machine.cpu.set(RDX, 10, 0);
    expect(machine.cpu.run(1000)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.cpu.instructions).toBe(51);
    expect(machine.peek(machine.codeFrame, 7, 1)).toEqual([10]);
    expect(machine.cpu.getLo(RAX)).toBe(10);
  });

  test('writes from outside drop it', () => {
    const machine = machineWith([0xb0, 1, ...SYSCALL]);
    const { cpu } = machine;
    const runAgain = () => {
      cpu.rip = CODE;
      cpu.run(10);
      return cpu.getLo(RAX);
    };
    expect(runAgain()).toBe(1);
    machine.poke(machine.codeFrame, 1, [7]);
    expect(runAgain()).toBe(7);
    machine.ram.bytes[cpu.translate(CODE + 1, ACCESS_USER | ACCESS_WRITE)] = 8;
    expect(runAgain()).toBe(8);
    machine.ram.bytes[cpu.translate(CODE + 1, ACCESS_WRITE)] = 9;
    expect(runAgain()).toBe(9);
    const other = machine.allocate();
    machine.poke(other, 0, [0xb0, 10, ...SYSCALL]);
    cpu.copyFrame(machine.codeFrame, other);
    expect(runAgain()).toBe(10);
    cpu.zeroFrame(machine.codeFrame);
    cpu.setAddress(RAX, DATA);
    expect(runAgain() & 0xfff).toBe(0);
  });

  test('a cache that is full begins anew', () => {
    const machine = new BareMachine(4 << 20, 32 << 10);
    const jumps = 1500;
    // Blocks of one instruction, each a jump to the next: more than the cache holds.
    const code = Array.from({ length: jumps }, () => [0xeb, 0]).flat();
    machine.code(CODE, [...code, ...SYSCALL]);
    for (let round = 1; round <= 3; round++) {
      machine.cpu.rip = CODE;
      expect(machine.cpu.run(1e6)).toBe(EXIT_SYSTEM_CALL);
      expect(machine.cpu.instructions).toBe(round * (jumps + 1));
    }
  });
});

describe('code and pages', () => {
  test('an instruction that crosses a page works, and sees changes of both pages', () => {
    const machine = new BareMachine();
    // mov eax, 0x44332211, two bytes of it in the first page; syscall
    const first = machine.code(CODE + 0xffe, [0xb8, 0x11, 0x22, 0x33, 0x44, ...SYSCALL]);
    const second = machine.cpu.translate(CODE + 0x1000, ACCESS_USER);
    expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    expect([machine.cpu.getLo(RAX), machine.cpu.instructions]).toEqual([0x44332211, 2]);
    machine.ram.bytes[second] = 0x99;
    machine.cpu.rip = CODE + 0xffe;
    machine.cpu.run(10);
    expect(machine.cpu.getLo(RAX)).toBe(0x44339911);
    machine.poke(first, 0xfff, [0x77]);
    machine.cpu.rip = CODE + 0xffe;
    machine.cpu.run(10);
    expect(machine.cpu.getLo(RAX)).toBe(0x44339977);
  });

  test('each such instruction has room for all its micro-operations', () => {
    const machine = new BareMachine();
    machine.map(DATA);
    // mov r9, gs:[DATA], as long as one gets; mov eax, 0x22221711, which is kept in the place behind it
    const address = [DATA & 0xff, (DATA >>> 8) & 0xff, (DATA >>> 16) & 0xff, DATA >>> 24];
    machine.code(CODE + 0xffe, [0x65, 0x4c, 0x8b, 0x0c, 0x25, ...address, ...SYSCALL]);
    machine.code(CODE + 0x4ffe, [0xb8, 0x11, 0x17, 0x22, 0x22, ...SYSCALL]);
    for (const at of [0xffe, 0x4ffe, 0xffe, 0x4ffe, 0xffe]) {
      machine.cpu.rip = CODE + at;
      expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    }
    expect(machine.cpu.rip).toBe(CODE + 0x1009);
  });

  test('the fault of such an instruction names the second page', () => {
    const machine = new BareMachine();
    const first = machine.map(CODE);
    machine.poke(first, 0xffd, [0x90, 0xb8, 0x11]);
    machine.cpu.rip = CODE + 0xffd;
    expect(machine.cpu.run(10)).toBe(EXIT_PAGE_FAULT);
    const { rip, faultAddress, faultError, instructions } = machine.cpu;
    expect([rip, faultAddress, faultError, instructions]).toEqual([CODE + 0xffe, CODE + 0x1000, 20, 1]);
  });

  test('control runs from page to page', () => {
    const machine = new BareMachine();
    machine.code(CODE + 0xff0, [...Array.from({ length: 32 }, () => 0x90), ...SYSCALL]);
    expect(machine.cpu.run(100)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.cpu.instructions).toBe(33);
  });

  test('one frame at two addresses is decoded once and still knows where it runs', () => {
    // lea rax, [rip + 0x10]; syscall
    const machine = machineWith([0x48, 0x8d, 0x05, 0x10, 0, 0, 0, ...SYSCALL]);
    machine.map(0x7fff_0000_0000, USER_PAGE, false, machine.codeFrame);
    for (const address of [CODE, 0x7fff_0000_0000, CODE]) {
      machine.cpu.rip = address;
      machine.cpu.run(10);
      expect(machine.cpu.getAddress(RAX)).toBe(address + 0x17);
    }
  });

  test('a page that may not be executed faults as a fetch', () => {
    const machine = new BareMachine();
    machine.map(CODE, USER_PAGE, true);
    machine.cpu.rip = CODE;
    expect(machine.cpu.run(1)).toBe(EXIT_PAGE_FAULT);
    expect([machine.cpu.faultAddress, machine.cpu.faultError]).toEqual([CODE, 21]);
  });

  test('addresses of 32 bits, with a segment base, and of 64 bits in the instruction', () => {
    // mov eax, [ebx]; mov rcx, gs:[rdx + 8]; mov al, [abs 64]; syscall
    const code = [0x67, 0x8b, 0x03, 0x65, 0x48, 0x8b, 0x4a, 8, 0xa0, 5, 0, 0x50, 0, 0, 0, 0, 0, ...SYSCALL];
    const machine = machineWith(code);
    machine.poke(machine.data, 0, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    machine.cpu.set(RBX, DATA, 0x1234);
    machine.cpu.gsBase = DATA - 0x20;
    machine.cpu.setAddress(RDX, 0x20);
    expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    expect(machine.cpu.getLo(RAX)).toBe(0x04030206);
    expect(machine.cpu.getLo(RCX)).toBe(CODE + 19);
  });
});

describe('exceptions and exits', () => {
  /** Runs one piece of code to its exception; answers vector and RIP's distance from the start. */
  function exceptionOf(code: readonly number[], prepare?: (machine: BareMachine) => void): [number, number] {
    const machine = machineWith(code);
    prepare?.(machine);
    expect(machine.cpu.run(10)).toBe(EXIT_EXCEPTION);
    return [machine.cpu.exceptionVector, machine.cpu.rip - CODE];
  }

  test('faults leave RIP at the instruction, traps behind it', () => {
    expect(exceptionOf([0x90, 0x0f, 0x0b])).toEqual([6, 1]);
    expect(exceptionOf([0x90, 0xcc])).toEqual([3, 2]);
    expect(exceptionOf([0xcd, 0x29])).toEqual([0x29, 2]);
    expect(exceptionOf([0xcd, 0x80])).toEqual([13, 0]);
    expect(exceptionOf([0x90, 0xf4])).toEqual([13, 1]);
    expect(exceptionOf([0xf7, 0xf1])).toEqual([0, 0]);
    expect(exceptionOf([0x0f, 0xc7, 0xf0])).toEqual([6, 0]);
    expect(exceptionOf([0x0f, 0x01, 0xc8])).toEqual([6, 0]);
    expect(exceptionOf([0xc5, 0xf8, 0x77])).toEqual([6, 0]);
  });

  test('alignment is checked while AC is set, whoever set it, and no longer', () => {
    // mov eax, [rbx+1]; mov eax, [rbx+4]
    const machine = machineWith([0x8b, 0x43, 0x01, 0x8b, 0x43, 0x04]);
    const plain = machine.cpu.flags;
    machine.cpu.setAddress(RBX, DATA);
    expect(machine.cpu.run(2)).toBe(EXIT_QUANTUM);
    machine.cpu.flags = plain | AC;
    machine.cpu.rip = CODE;
    expect([machine.cpu.run(1), machine.cpu.exceptionVector, machine.cpu.rip]).toEqual([
      EXIT_EXCEPTION,
      17,
      CODE,
    ]);
    machine.cpu.rip = CODE + 3;
    expect(machine.cpu.run(1)).toBe(EXIT_QUANTUM);
    machine.cpu.flags = plain;
    machine.cpu.rip = CODE;
    expect(machine.cpu.run(2)).toBe(EXIT_QUANTUM);
  });

  test('an address that is not canonical is a general protection fault', () => {
    const machine = machineWith([0x8b, 0x03]);
    machine.cpu.set(RBX, 0, 0x8000);
    expect(machine.cpu.run(1)).toBe(EXIT_EXCEPTION);
    expect([machine.cpu.exceptionVector, machine.cpu.faultIsNonCanonical]).toEqual([13, true]);
  });

  test('so is a branch to one, at the branch', () => {
    // jmp rbx; ret
    const machine = machineWith([0xff, 0xe3, 0xc3]);
    machine.cpu.set(RBX, 0, 0x8000);
    expect([machine.cpu.run(1), machine.cpu.exceptionVector, machine.cpu.rip]).toEqual([
      EXIT_EXCEPTION,
      13,
      CODE,
    ]);
    expect(machine.cpu.faultIsNonCanonical).toBe(true);
    machine.poke(machine.data, 0, [0, 0, 0, 0, 0, 0, 0, 0x80]);
    machine.cpu.setAddress(RSP, DATA);
    machine.cpu.rip = CODE + 2;
    expect(machine.cpu.run(1)).toBe(EXIT_EXCEPTION);
    expect([machine.cpu.rip, machine.cpu.getAddress(RSP)]).toEqual([CODE + 2, DATA]);
  });

  test('the trap flag stops after each instruction', () => {
    const machine = machineWith([0xff, 0xc0, 0xff, 0xc0, ...SYSCALL]);
    machine.cpu.flags = 0x302;
    expect([machine.cpu.run(10), machine.cpu.exceptionVector, machine.cpu.rip]).toEqual([
      EXIT_EXCEPTION,
      1,
      CODE + 2,
    ]);
    expect([machine.cpu.run(10), machine.cpu.rip, machine.cpu.getLo(RAX)]).toEqual([
      EXIT_EXCEPTION,
      CODE + 4,
      2,
    ]);
  });

  test('a trap flag that is popped acts behind the next instruction', () => {
    // popfq; nop; nop
    const machine = machineWith([0x9d, 0x90, 0x90]);
    machine.cpu.setAddress(RSP, DATA);
    machine.poke(machine.data, 0, [0x02, 0x03]);
    expect([machine.cpu.run(10), machine.cpu.exceptionVector, machine.cpu.rip]).toEqual([
      EXIT_EXCEPTION,
      1,
      CODE + 2,
    ]);
  });

  test('SYSCALL saves RIP and RFLAGS as hardware does', () => {
    // cmp eax, eax; syscall
    const machine = machineWith([0x39, 0xc0, ...SYSCALL]);
    expect(machine.cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
    expect([machine.cpu.rip, machine.cpu.getAddress(RCX)]).toEqual([CODE + 4, CODE + 4]);
    expect(machine.cpu.getLo(11)).toBe(machine.cpu.flags);
    expect(machine.cpu.flags & (ZF | CF)).toBe(ZF);
  });
});

describe('what the processor says of itself', () => {
  function cpuid(leaf: number, subleaf = 0): { a: number; b: number; c: number; d: number } {
    const machine = machineWith([0x0f, 0xa2]);
    machine.cpu.set(RAX, leaf, 0);
    machine.cpu.set(RCX, subleaf, 0);
    machine.cpu.run(1);
    const read = (register: number) => machine.cpu.getLo(register);
    return { a: read(RAX), b: read(RBX), c: read(RCX), d: read(RDX) };
  }

  const bits = (...numbers: number[]) => numbers.reduce((word, n) => word + 2 ** n, 0);

  test('CPUID names the vendor and exactly the features there are', () => {
    expect(cpuid(0)).toEqual({ a: 13, b: 0x6d6d744e, c: 0x6d6d744e, d: 0x6d6d744e });
    const { c, d } = cpuid(1);
    expect(d).toBe(bits(0, 3, 4, 6, 8, 13, 15, 19, 23, 24, 25, 26));
    expect(c).toBe(bits(0, 1, 9, 13, 19, 20, 22, 23, 25, 26, 27));
    expect(cpuid(7)).toEqual({ a: 0, b: bits(3, 8, 19, 23, 29), c: 0, d: 0 });
    expect(cpuid(7, 1)).toEqual({ a: 0, b: 0, c: 0, d: 0 });
    const extended = cpuid(0x80000001);
    expect(extended.d).toBe(bits(11, 20, 27, 29));
    expect(extended.c).toBe(bits(0, 5, 8));
  });

  test('CPUID tells the state components that XGETBV tells', () => {
    expect(cpuid(13)).toEqual({ a: 3, b: 576, c: 576, d: 0 });
    expect(cpuid(13, 1)).toEqual({ a: 0, b: 0, c: 0, d: 0 });
    const machine = machineWith([0x0f, 0x01, 0xd0]);
    machine.cpu.set(RCX, 0, 0);
    machine.cpu.run(1);
    expect([machine.cpu.getLo(RAX), machine.cpu.getLo(RDX)]).toEqual([3, 0]);
  });

  test('RDTSC reads the virtual clock', () => {
    // nop; nop; rdtsc; syscall
    const machine = machineWith([0x90, 0x90, 0x0f, 0x31, ...SYSCALL]);
    const clock = new Clock(machine.ram);
    clock.add100ns(2 ** 33);
    machine.cpu.run(10);
    const time = machine.cpu.getLo(RDX) * 2 ** 32 + machine.cpu.getLo(RAX);
    expect(time).toBe(2 ** 33 * 100 + 3);
    expect(clock.nanoseconds).toBe(2 ** 33 * 100 + 4);
    expect(clock.time100ns).toBe(2 ** 33);
  });

  test('instructions are described for messages', () => {
    const { cpu } = new BareMachine();
    expect(cpu.describeInstruction(new Uint8Array([0xc5, 0xf8, 0x77]), CODE)).toEqual({
      text: 'vzeroupper',
      length: 3,
    });
    expect(cpu.describeInstruction(new Uint8Array([0x48, 0x01, 0xd8]), CODE)).toEqual({
      text: 'add rax,rbx',
      length: 3,
    });
    expect(cpu.describeInstruction(new Uint8Array([0x06]), CODE)).toEqual({ text: '(bad)', length: 1 });
  });

  test('a context goes to RAM and comes back', () => {
    const { cpu, ram } = new BareMachine();
    cpu.set(RAX, 0x12345678, 0x9abcdef0);
    cpu.rip = 0xf800_1234_5678;
    cpu.fsBase = 0x7ffe_0000;
    cpu.saveContext(ram.offsetOf(5));
    const saved = ram.bytes.slice(ram.offsetOf(5), ram.offsetOf(5) + cpu.contextSize);
    cpu.set(RAX, 0, 0);
    cpu.rip = 0;
    cpu.fsBase = 0;
    cpu.loadContext(ram.offsetOf(5));
    expect([cpu.getLo(RAX), cpu.getHi(RAX)]).toEqual([0x12345678, 0x9abcdef0]);
    expect([cpu.rip, cpu.fsBase]).toEqual([0xf800_1234_5678, 0x7ffe_0000]);
    expect(ram.bytes.slice(cpu.contextOffset, cpu.contextOffset + cpu.contextSize)).toEqual(saved);
  });
});
