/**
 * Watches the services of a machine that may begin anew: at every touch of guest memory while that is so, nothing but guest
 * memory may differ from what it was when the service began. For tests.
 */
import type { FileObject } from '../nt/file-object.js';
import type { Kernel } from '../nt/kernel.js';
import type { DispatcherObject } from '../nt/object.js';
import type { Process } from '../nt/process.js';

/** What the audit uses of UserMemory's own affairs. */
interface Insides {
  restarts: boolean;
  locate(address: number, access: number): number;
  beginService(restarts: boolean): void;
}

/** What is found out again whenever it is asked for; owners of locks, and the loader lock, which a service gives back before it begins anew. */
const CACHES = new Set(['exports', 'headers', 'variables', 'entries', 'owner', 'lock']);
/** What records of thread pools refer to: kernel objects, and the pool, which is listed itself. */
const REFERENCES = new Set(['pool', 'factory', 'timer', 'waiting', 'waited', 'goneEvent']);
/** Touches of a service that are all looked at, and of those behind them one in how many. */
const FIRST_TOUCHES = 24;
const STRIDE = 16;
const RSP = 4;
const STICKY_FLAGS = 0x3f;

function describeProcess({ handles, library, space, threads, ...process }: Process): unknown[] {
  const open: unknown[] = [];
  for (const [handle, { object, flags }] of handles.handles()) {
    const { position, cursor, file, deleteOnClose } = object as Partial<FileObject>;
    const { signalState } = object as DispatcherObject;
    open.push([handle, flags, object.kind, signalState, position, cursor?.next, file?.size, deleteOnClose]);
  }
  const regions: unknown[] = [];
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad))
    regions.push(vad.pageCount, vad.protection);
  const running = threads.map(({ id, state, suspendCount, priority }) => [id, state, suspendCount, priority]);
  return [process.id, process.exitStatus, process.unhandledFilter, open, regions, running, library];
}

/** Everything of a machine that a service can change, but memory and registers. */
export function describeMachine({ processes, console, debugOutput, scheduler }: Kernel): string {
  const { pendingBytes, title, inputMode, outputMode, inputCodePage } = console;
  return JSON.stringify(
    [
      [...processes.values()].map(describeProcess),
      [pendingBytes, title, inputMode, outputMode, inputCodePage, debugOutput.length],
      scheduler.waiting.length,
    ],
    (key, value) => {
      if (CACHES.has(key) || REFERENCES.has(key)) return undefined;
      return value instanceof Set ? [...value] : value;
    },
  );
}

function describe(kernel: Kernel): string {
  const { processor } = kernel;
  const registers = [processor.rip, processor.getAddress(RSP), processor.mxcsr & ~STICKY_FLAGS];
  return `${describeMachine(kernel)} ${registers}`;
}

export class RestartAudit {
  /** Services that had changed something and could still have begun anew: name, before and after. */
  readonly found: string[] = [];
  /** Touches that were looked at. */
  touches = 0;

  constructor(kernel: Kernel) {
    const memory = kernel.memory as unknown as Insides;
    const { locate, beginService } = memory;
    let before = '';
    let count = 0;
    memory.beginService = (restarts) => {
      beginService.call(memory, restarts);
      if (restarts) before = describe(kernel);
      count = 0;
    };
    memory.locate = (address, access) => {
      if (memory.restarts && (++count <= FIRST_TOUCHES || count % STRIDE === 0)) {
        this.touches++;
        const now = describe(kernel);
        if (now !== before) this.found.push(difference(kernel.call.name, before, now));
      }
      return locate.call(memory, address, access);
    };
  }
}

function difference(name: string, before: string, now: string): string {
  let at = 0;
  while (before[at] === now[at]) at++;
  const part = (text: string) => text.slice(Math.max(0, at - 40), at + 40);
  return `${name}: ${part(before)} -> ${part(now)}`;
}
