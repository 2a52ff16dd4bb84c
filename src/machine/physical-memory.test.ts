import { expect, test } from 'vitest';
import { BareMachine, USER_PAGE } from '../testing/bare-machine.js';
import { MAXIMUM_RAM, PAGE_SIZE, PhysicalMemory } from './physical-memory.js';
import { EXIT_SYSTEM_CALL, RAX } from './processor.js';

const CODE = 0x40_0000;

test('frames lie behind the header, one after the other', () => {
  const ram = new PhysicalMemory(16 * PAGE_SIZE);
  expect([ram.frameCount, ram.base % PAGE_SIZE, ram.offsetOf(3) - ram.offsetOf(2)]).toEqual([
    16,
    0,
    PAGE_SIZE,
  ]);
  ram.words[ram.offsetOf(15) >>> 2] = 0x04030201;
  expect([...ram.bytes.subarray(ram.offsetOf(15), ram.offsetOf(15) + 4)]).toEqual([1, 2, 3, 4]);
});

test('sizes that RAM cannot have are refused', () => {
  for (const size of [0, -4096, 4095, 4097, MAXIMUM_RAM + PAGE_SIZE, Number.NaN]) {
    expect(() => new PhysicalMemory(size)).toThrow(RangeError);
  }
});

test('3 GiB work to the last frame', () => {
  const machine = new BareMachine(MAXIMUM_RAM);
  const { ram, cpu } = machine;
  const last = ram.frameCount - 1;
  ram.bytes[ram.offsetOf(last) + PAGE_SIZE - 1] = 77;
  cpu.copyFrame(0, last);
  expect(ram.bytes[ram.offsetOf(0) + PAGE_SIZE - 1]).toBe(77);
  cpu.zeroFrame(last);
  expect(ram.bytes[ram.offsetOf(last) + PAGE_SIZE - 1]).toBe(0);
  machine.map(CODE, USER_PAGE, false, last);
  // inc byte [rip + 1]; mov al, 0; inc byte [rip - 7]; syscall: the code changes itself, in the last frame.
  machine.poke(last, 0, [0xfe, 0x05, 1, 0, 0, 0, 0xb0, 5, 0xfe, 0x05, 0xf9, 0xff, 0xff, 0xff, 0x0f, 0x05]);
  cpu.rip = CODE;
  expect(cpu.run(10)).toBe(EXIT_SYSTEM_CALL);
  expect([cpu.getLo(RAX), machine.peek(last, 7, 1)]).toEqual([6, [7]]);
});
