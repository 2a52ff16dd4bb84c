/** Programs whose unwind information, scope tables and tables of C++ are damaged: they end, or run on, and harm nobody. */
import { describe, expect, it } from 'vitest';
import { MemoryHost } from '../../host/memory-host.js';
import { Machine } from '../../machine.js';
import { exampleBytes } from '../../testing/examples.js';
import { effort, processorMilliseconds } from '../../testing/hostile-effort.js';
import { below, mulberry32, type Random, seedFor } from '../../testing/seed.js';

/** Most instructions of a run, and most milliseconds that a million of them may take. */
const BUDGET = 3_000_000;
const LONGEST_MS = 20_000;
const SECTION_BYTES = 40;

/** File ranges of the sections that hold tables. */
function tableRanges(image: Uint8Array): { start: number; length: number }[] {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const header = view.getUint32(0x3c, true);
  const first = header + 24 + view.getUint16(header + 20, true);
  return Array.from({ length: view.getUint16(header + 6, true) }, (_, index) => first + index * SECTION_BYTES)
    .filter((at) => /^\.(rdata|pdata|xdata)/.test(new TextDecoder().decode(image.subarray(at, at + 8))))
    .map((at) => ({ start: view.getUint32(at + 20, true), length: view.getUint32(at + 16, true) }));
}

function damage(random: Random, image: Uint8Array): Uint8Array {
  const damaged = image.slice();
  const ranges = tableRanges(image);
  for (let count = 1 + below(random, 24); count > 0; count--) {
    const { start, length } = ranges[below(random, ranges.length)]!;
    const at = start + below(random, Math.max(length - 4, 1));
    const kinds = [() => random(), () => below(random, 16), () => 0xffffffff, () => damaged[at]! ^ 1];
    const value = kinds[below(random, kinds.length)]!();
    for (let byte = 0; byte < 1 + below(random, 4); byte++) damaged[at + byte] = value >>> (byte * 8);
  }
  return damaged;
}

describe.each(['seh.exe', 'cxx.exe', 'cxx4.exe', 'jump.exe'])('%s with damaged tables', (name) => {
  it('ends or is stopped', { timeout: 600_000 }, () => {
    const random = mulberry32(seedFor(`damaged tables of ${name}`));
    const whole = exampleBytes(`bin/${name}`);
    for (let run = effort(12); run > 0; run--) {
      const machine = new Machine({ host: new MemoryHost(), ram: 24 * 2 ** 20, pageFiles: [] });
      machine.mount('C:\\app', { [name]: damage(random, whole) });
      const before = processorMilliseconds();
      try {
        machine.createProcess({ image: `C:\\app\\${name}`, args: [] });
      } catch (error) {
        expect(error).not.toHaveProperty('name', 'InternalError');
        continue;
      }
      const { state } = machine.run({ maxInstructions: BUDGET });
      expect(['exited', 'limit']).toContain(state);
      expect(processorMilliseconds() - before).toBeLessThan(LONGEST_MS);
      machine.verify();
    }
  });
});
