import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MemoryHost } from '../../src/host/memory-host.js';
import { Machine } from '../../src/machine.js';

const bytes = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)));

/** What a program of this folder writes. */
function outputOf(name: string): string {
  const host = new MemoryHost();
  const machine = new Machine({ host });
  machine.mount('C:\\app', { [`${name}.exe`]: new Uint8Array(bytes(`${name}.exe`)) });
  const process = machine.createProcess({ image: `C:\\app\\${name}.exe` });
  machine.run();
  expect(process.exitStatus).toBe(0);
  return host.consoleText(1).replaceAll('\r\n', '\n');
}

describe('programs with files', () => {
  for (const name of ['copy'])
    it(`${name} does what it says`, () => expect(outputOf(name)).toBe(bytes(`${name}.txt`).toString()));
});
