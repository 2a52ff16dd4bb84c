import { expect, test } from 'vitest';
import { MAXIMUM_RAM, PAGE_SIZE, PhysicalMemory } from './physical-memory.js';
import { Processor } from './processor.js';

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
  const ram = new PhysicalMemory(MAXIMUM_RAM);
  const cpu = new Processor(ram);
  const last = ram.frameCount - 1;
  ram.bytes[ram.offsetOf(last) + PAGE_SIZE - 1] = 77;
  cpu.copyFrame(0, last);
  expect(ram.bytes[ram.offsetOf(0) + PAGE_SIZE - 1]).toBe(77);
  cpu.zeroFrame(last);
  expect(ram.bytes[ram.offsetOf(last) + PAGE_SIZE - 1]).toBe(0);
});
