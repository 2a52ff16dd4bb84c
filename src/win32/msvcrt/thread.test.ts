import { describe, expect, it } from 'vitest';
import { THREAD_ALL_ACCESS } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Thread } from '../../nt/thread.js';
import { CrtMachine } from '../../testing/crt-machine.js';
import type { crtState } from './state.js';

const CREATE_SUSPENDED = 4;

function threadOf(crt: CrtMachine, handle: number): Thread | number {
  return referenceByHandle(crt.kernel, crt.process.object, handle, 'thread', THREAD_ALL_ACCESS) as
    | Thread
    | number;
}

/** Lets the other threads run until `isDone`: the program's own quantum is over with each call. */
function wait(crt: CrtMachine, isDone: () => boolean): void {
  for (let calls = 0; calls < 100 && !isDone(); calls++) {
    crt.process.object.threads[0]!.quantumLeft = 1;
    crt.call('_getpid');
  }
  expect(isDone()).toBe(true);
}

describe('threads of the C runtime', () => {
  const crt = new CrtMachine();

  it('_beginthreadex makes one whose handle stays and whose code _endthreadex gives', () => {
    const id = crt.space(4);
    const handle = crt.call('_beginthreadex', 0, 0, crt.symbol('_endthreadex'), 77, 0, id);
    const thread = threadOf(crt, handle) as Thread;
    expect(thread.id).toBe(crt.u32(id));
    wait(crt, () => thread.exitStatus !== null);
    expect(thread.exitStatus).toBe(77);
    expect(threadOf(crt, handle)).toBe(thread);
  });

  it('_beginthreadex hands flags on and refuses no function', () => {
    const handle = crt.call('_beginthreadex', 0, 0, crt.symbol('abs'), 5, CREATE_SUSPENDED, 0);
    expect((threadOf(crt, handle) as Thread).suspendCount).toBe(1);
    expect(crt.call('_beginthreadex', 0, 0, 0, 5, 0, 0)).toBe(0);
    expect(crt.errno).toBe(22);
    expect(crt.call('_beginthread', 0, 0, 0)).toBe(-1);
  });

  it.each(['returns', 'calls _endthread'])('_beginthread closes the handle when the thread %s', (how) => {
    const start = how === 'returns' ? 'srand' : '_endthread';
    const handle = crt.call('_beginthread', crt.symbol(start), 0, -7);
    const thread = threadOf(crt, handle) as Thread;
    wait(crt, () => thread.exitStatus !== null);
    expect(thread.exitStatus).toBe(0);
    expect(threadOf(crt, handle)).toBeTypeOf('number');
  });

  it('gives back what it keeps for a thread', () => {
    const counts = Array.from({ length: 3 }, () => {
      const handle = crt.call('_beginthread', crt.symbol('srand'), 0, 1);
      wait(crt, () => typeof threadOf(crt, handle) === 'number');
      const { threads } = crt.process.object.library['msvcrt.dll'] as ReturnType<typeof crtState>;
      return Object.keys(threads).length;
    });
    expect(counts[2]).toBe(counts[0]);
    expect(crt.call('_heapchk')).toBe(-2);
  });
});
