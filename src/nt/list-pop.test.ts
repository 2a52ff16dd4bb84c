import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../testing/win32-machine.js';
import { runKernel } from './run-loop.js';

const POP = 'InterlockedPopEntrySList';
const POP_FAULT = 0x14;
/** Nothing is mapped there. */
const GONE = 0x5000_0000_0000;
const ACCESS_VIOLATION = 0xc0000005;

/** A list whose first entry is gone, with a pop that is about to read its link. */
function popOfGone(): { machine: Win32Machine; list: number } {
  const machine = new Win32Machine();
  const list = machine.space(16);
  machine.process.write(list, new Uint8Array(new BigUint64Array([0x10001n, BigInt(GONE)]).buffer));
  machine.begin(POP, list);
  const { processor } = machine.kernel;
  const at = machine.symbol(POP) + POP_FAULT;
  for (let steps = 0; processor.rip !== at; steps++) {
    expect(steps).toBeLessThan(100_000);
    runKernel(machine.kernel, { instructions: processor.instructions + 1, work: Number.POSITIVE_INFINITY });
  }
  return { machine, list };
}

describe('a pop whose entry is gone', () => {
  it('begins anew when another thread has changed the list', () => {
    const { machine, list } = popOfGone();
    const entry = machine.space(16);
    machine.process.write(list, new Uint8Array(new BigUint64Array([0x20001n, BigInt(entry)]).buffer));
    expect(machine.run()).toBe('limit');
    expect(machine.result64).toBe(BigInt(entry));
    expect(machine.u16(list)).toBe(0);
  });

  it('faults when the list still names it', () => {
    const { machine } = popOfGone();
    expect(machine.run()).toBe('exited');
    expect(machine.process.exitStatus).toBe(ACCESS_VIOLATION);
  });
});
