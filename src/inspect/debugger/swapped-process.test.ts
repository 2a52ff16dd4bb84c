/** What the views show of a process that the swapper has taken out. */
import { describe, expect, it } from 'vitest';
import { delayExecution } from '../../nt/sync.js';
import { bytes32, makeTestKernel, systemCall } from '../../testing/test-kernel.js';
import { useAllMemory } from '../../testing/use-all-memory.js';
import { mapPhysicalMemory } from '../rammap.js';
import { DebugSession } from './session.js';

const MIB = 2 ** 20;

/** A program that loops, and one that sleeps for an hour and is out. */
function sleepingMachine() {
  const pageFiles = [{ initial: 8 * MIB, maximum: 8 * MIB }];
  const test = makeTestKernel(
    { Sleep: (call) => delayExecution(call, call.u32(0)) },
    { ram: 8 * MIB, pageFiles },
  );
  const { kernel } = test;
  test.start([0xeb, 0xfe], 'busy.exe');
  const sleeper = test.start(
    [0xb9, ...bytes32(3_600_000), ...systemCall(test.service('Sleep'))],
    'sleeper.exe',
  );
  while (!sleeper.space.outSwapped) {
    kernel.clock.advance(10_000_000);
    test.run(kernel.processor.instructions + 1000);
  }
  return { kernel, sleeper };
}

describe('a process that is out', () => {
  it('is shown as such, and looking at it changes nothing', () => {
    const { kernel, sleeper } = sleepingMachine();
    const { mm } = kernel;
    const session = new DebugSession(kernel);
    const type = (command: string) => session.execute(command);
    const id = sleeper.id.toString(16);
    for (const everything of [false, true]) {
      if (everything) useAllMemory(mm);
      const end = mm.ram.offsetOf(mm.pfn.frameCount);
      const before = mm.ram.bytes.slice(0, end);
      const shown = type(`!process ${id} 3`).text;
      expect(shown).toContain('DirBase: out');
      expect(shown).toContain('Swapped out: the entry of its directory is at fffffb00`');
      expect(shown).toMatch(/Kernel stack fffff880`\S+ - fffff880`\S+ not resident/);
      const command = `.process ${id}`;
      expect(type(command).failed, command).not.toBe(true);
      for (const look of [
        '!vad',
        '!pte 140001000',
        '!address 140001000',
        '!explain 140001000',
        'db 140001000',
      ])
        expect(type(look).text, look).not.toBe('');
      expect(type('!pte 140001000').text).toMatch(everything ? /PDE .*PageFile/s : /PDE .*Transition/s);
      const registers = type('r');
      expect(registers.failed === true).toBe(everything);
      expect(registers.text).toContain(everything ? 'is in a paging file' : 'rip=');
      mapPhysicalMemory(kernel);
      const after = mm.ram.bytes.subarray(0, end);
      expect(after.findIndex((byte, at) => byte !== before[at])).toBe(-1);
      expect(sleeper.space.outSwapped).toBe(true);
    }
  });

  it('owns the frames that its pages still have', () => {
    const { kernel, sleeper } = sleepingMachine();
    const own = () => mapPhysicalMemory(kernel).processes.find(({ pid }) => pid === sleeper.id);
    const { pageTablePages } = sleeper.space;
    expect(own()!.pageTable).toBe(pageTablePages);
    useAllMemory(kernel.mm);
    expect(own()).toBeUndefined();
  });
});
