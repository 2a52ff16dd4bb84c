import { expect, it } from 'vitest';
import { MEM_COMMIT, PAGE_GUARD, PAGE_READWRITE } from '../../base/memory-constants.js';
import {
  LEAST_STACK_GUARANTEE,
  TEB_DEALLOCATION_STACK,
  TEB_GUARANTEED_STACK_BYTES,
  TEB_STACK_LIMIT,
} from '../../mm/user-stack.js';
import { CrtMachine } from '../../testing/crt-machine.js';

const PAGE = 4096;

it.each([0, 2 * PAGE, 5 * PAGE])(
  '_resetstkoflw puts the guard back, with %i guaranteed bytes',
  (guaranteed) => {
    const crt = new CrtMachine();
    const { teb } = crt.process.object.threads[0]!;
    const bottom = crt.pointer(teb + TEB_DEALLOCATION_STACK);
    const limit = crt.pointer(teb + TEB_STACK_LIMIT);
    const guards = Math.max(guaranteed, LEAST_STACK_GUARANTEE) + PAGE;
    crt.process.write(teb + TEB_GUARANTEED_STACK_BYTES, new Uint8Array(Uint32Array.of(guaranteed).buffer));
    expect(crt.call('_resetstkoflw')).toBe(1);
    expect(crt.pointer(teb + TEB_STACK_LIMIT)).toBe(limit);

    // As an overflow leaves it: committed down to the last page, without a guard.
    crt.process.allocate(limit - bottom - PAGE, {
      address: bottom + PAGE,
      type: MEM_COMMIT,
      protection: PAGE_READWRITE,
    });
    crt.process.write(teb + TEB_STACK_LIMIT, new Uint8Array(BigUint64Array.of(BigInt(bottom + PAGE)).buffer));
    expect(crt.call('_resetstkoflw')).toBe(1);
    expect(crt.pointer(teb + TEB_STACK_LIMIT)).toBe(bottom + PAGE + guards);
    expect(crt.process.query(bottom + PAGE).protect).toBe(PAGE_READWRITE | PAGE_GUARD);
    expect(crt.process.query(bottom + guards).protect).toBe(PAGE_READWRITE | PAGE_GUARD);
    expect(crt.process.query(bottom + PAGE + guards).protect).toBe(PAGE_READWRITE);
  },
);
