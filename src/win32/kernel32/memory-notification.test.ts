import { describe, expect, it } from 'vitest';
import { allocateFrame, insertFree } from '../../mm/page-lists.js';
import { thresholdsFor } from '../../mm/thresholds.js';
import { verify } from '../../mm/verify.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_ACCESS_DENIED = 5;
const ERROR_INVALID_HANDLE = 6;
const ERROR_INVALID_PARAMETER = 87;
const ERROR_NOACCESS = 998;
const WAIT_TIMEOUT = 0x102;
const INFINITE = 0xffff_ffff;
const LOW = 0;
const HIGH = 1;
const MIB = 2 ** 20;

/** Megabytes of the thresholds for RAM in megabytes. */
function megabytes(ram: number): [low: number, high: number] {
  const { lowMemory, highMemory } = thresholdsFor(ram * 256);
  return [lowMemory / 256, highMemory / 256];
}

describe('memory resource notifications', () => {
  const machine = new Win32Machine();
  const { mm } = machine.kernel;
  const { lowMemory, highMemory } = mm.thresholds;
  const state = machine.space(4);
  const [low, high] = [LOW, HIGH].map((type) => machine.call('CreateMemoryResourceNotification', type));
  const taken: number[] = [];

  /** What the two notifications say when so many pages are available. */
  function at(pages: number): [low: number, high: number] {
    while (mm.lists.available > pages) taken.push(allocateFrame(mm));
    while (mm.lists.available < pages) insertFree(mm, taken.pop()!);
    const answers = [low, high].map((handle) => {
      expect(machine.call('QueryMemoryResourceNotification', handle!, state)).toBe(1);
      return machine.u32(state);
    });
    expect(mm.lists.available).toBe(pages);
    return [answers[0]!, answers[1]!];
  }

  it('come at 32 MB for each 4 GB, at most 64 MB, and at three times that', () => {
    expect(megabytes(4096)).toEqual([32, 96]);
    expect(megabytes(64)).toEqual([0.5, 1.5]);
    expect(megabytes(16_384)).toEqual([64, 192]);
    expect([lowMemory, highMemory]).toEqual([(32 * MIB) / 4096 / 128, (32 * MIB * 3) / 4096 / 128]);
  });

  it('tell low memory, high memory, and what is between', () => {
    for (const handle of [low, high]) machine.call('QueryMemoryResourceNotification', handle!, state);
    const enough = mm.lists.available;
    expect(at(enough)).toEqual([0, 1]);
    expect(at(highMemory)).toEqual([0, 1]);
    expect(at(highMemory - 1)).toEqual([0, 0]);
    expect(at(lowMemory + 1)).toEqual([0, 0]);
    expect(at(lowMemory)).toEqual([1, 0]);
    expect(at(highMemory)).toEqual([0, 1]);
    expect(at(enough)).toEqual([0, 1]);
  });

  it('can be waited for', () => {
    expect(machine.call('WaitForSingleObject', high!, 0)).toBe(0);
    expect(machine.call('WaitForSingleObject', high!, 0)).toBe(0);
    expect(machine.call('WaitForSingleObject', low!, 0)).toBe(WAIT_TIMEOUT);
    const both = machine.put(new Uint8Array(new BigInt64Array([BigInt(low!), BigInt(high!)]).buffer));
    expect(machine.call('WaitForMultipleObjects', 2, both, 0, INFINITE)).toBe(1);
    const enough = mm.lists.available;
    machine.begin('WaitForSingleObject', low!, INFINITE);
    expect(machine.run()).toBe('stalled');
    while (mm.lists.available > lowMemory) taken.push(allocateFrame(mm));
    expect(machine.run()).toBe('limit');
    expect(machine.isDone).toBe(true);
    expect(machine.call('WaitForMultipleObjects', 2, both, 0, INFINITE)).toBe(0);
    for (const frame of taken.splice(0)) insertFree(mm, frame);
    expect(mm.lists.available).toBe(enough);
    verify(mm);
  });

  it('belong to the system', () => {
    expect(machine.attempt('SetEvent', low!)).toEqual([0, ERROR_ACCESS_DENIED]);
    expect(machine.attempt('ResetEvent', high!)).toEqual([0, ERROR_ACCESS_DENIED]);
    const other = machine.call('CreateMemoryResourceNotification', LOW);
    expect(machine.call('CloseHandle', other)).toBe(1);
    expect(machine.call('CloseHandle', machine.call('CreateMemoryResourceNotification', LOW))).toBe(1);
    expect(machine.call('QueryMemoryResourceNotification', low!, state)).toBe(1);
  });

  it('refuse what they are not', () => {
    expect(machine.attempt('CreateMemoryResourceNotification', 2)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.attempt('CreateMemoryResourceNotification', -1)).toEqual([0, ERROR_INVALID_PARAMETER]);
    const event = machine.call('CreateEventA', 0, 0, 0, 0);
    for (const handle of [event, 0x4444, -1, 0])
      expect(machine.attempt('QueryMemoryResourceNotification', handle, state)).toEqual([
        0,
        ERROR_INVALID_HANDLE,
      ]);
    expect(machine.attempt('QueryMemoryResourceNotification', low!, 0)).toEqual([0, ERROR_NOACCESS]);
  });
});
