import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MemoryHost } from '../../src/host/memory-host.js';
import { Machine, type MachineOptions } from '../../src/machine.js';
import { below, mulberry32, seedFor } from '../../src/testing/seed.js';

const bytes = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)));

/** What a program of this folder writes. */
function outputOf(name: string, options: Omit<MachineOptions, 'host'>): string {
  const host = new MemoryHost();
  const machine = new Machine({ ...options, host });
  machine.mount('C:\\app', { [`${name}.exe`]: new Uint8Array(bytes(`${name}.exe`)) });
  const process = machine.createProcess({ image: `C:\\app\\${name}.exe` });
  machine.run();
  expect(process.exitStatus).toBe(0);
  return host.consoleText(1).replaceAll('\r\n', '\n');
}

describe('programs with threads', () => {
  for (const name of ['apc', 'locks', 'control', 'heaps', 'pool', 'pool-io', 'fibers', 'signals']) {
    const expected = bytes(`${name}.txt`).toString();
    it(`${name} does what it says`, () => expect(outputOf(name, {})).toBe(expected));
    it(`${name} does so with quanta of any length`, { timeout: 600_000 }, () => {
      const random = mulberry32(seedFor(`quanta of ${name}`));
      for (let run = 0; run < 3; run++)
        expect(outputOf(name, { quantum: 50 + below(random, 20_000) })).toBe(expected);
    });
    it(`${name} does so in little memory`, { timeout: 600_000 }, () => {
      const pageFiles = [{ initial: 2 ** 24, maximum: 2 ** 24 }];
      expect(outputOf(name, { ram: 4 * 2 ** 20, quantum: 3000, pageFiles })).toBe(expected);
    });
  }
});
