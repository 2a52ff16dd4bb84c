/** !process: processes and their threads, in the shape of WinDbg's command. */
import type { Kernel } from '../../nt/kernel.js';
import type { Process } from '../../nt/process.js';
import {
  THREAD_READY,
  THREAD_RUNNING,
  THREAD_SUSPENDED,
  THREAD_TERMINATED,
  THREAD_TRANSITION,
  THREAD_WAITING,
  type Thread,
} from '../../nt/thread.js';
import { statusText } from '../status-names.js';
import { validPageTables } from '../valid-tables.js';
import { addressText, count, hex } from './format.js';
import { ThreadContext } from './thread-context.js';

/** Bits of the flags: memory, then threads. */
export const PROCESS_MEMORY = 1;
export const PROCESS_THREADS = 2;

const STATE_NAMES: Readonly<Record<number, string>> = {
  [THREAD_READY]: 'READY',
  [THREAD_RUNNING]: 'RUNNING',
  [THREAD_WAITING]: 'WAIT',
  [THREAD_TERMINATED]: 'TERMINATED',
  [THREAD_SUSPENDED]: 'SUSPENDED',
  [THREAD_TRANSITION]: 'TRANSITION (ready, its kernel stack is out)',
};

function waitText({ wait, pageWait }: Thread): string {
  if (wait === null) return '';
  const until =
    wait.deadline === null ? '' : ` until ${(wait.deadline / 10_000).toFixed(4)} ms of virtual time`;
  switch (wait.kind) {
    case 'console':
      return ': for console input (.input gives it)';
    case 'delay':
      return `: a delay${until}`;
    case 'page':
      return `: WrPageIn, for ${addressText(pageWait.address)}, which is being read into frame 0x${hex(pageWait.frame, 1)}`;
    case 'free-page':
      return ': WrFreePage, for frames to become available';
    case 'queue':
      return `: WrQueue, for a packet of a completion port${until}`;
    case 'keyed':
      return `: WrKeyedEvent, for a ${wait.releases ? 'waiter' : 'release'} at ${addressText(wait.key)}${until}`;
    case 'alert':
      return `: WrAlertByThreadId${until}`;
    case 'address':
      return `: for a change at ${addressText(wait.address)}${until}`;
    case 'objects':
      return `: for ${wait.all ? 'all of' : 'one of'} ${wait.objects.map(({ kind }) => kind).join(', ')}${until}`;
  }
}

function threadLines(kernel: Kernel, thread: Thread): string[] {
  const { id, process, teb, state, kernelStack, priority, basePriority, instructions } = thread;
  const head = `        THREAD  Cid ${hex(process.id, 4)}.${hex(id, 4)}  Teb: ${addressText(teb)}  ${STATE_NAMES[state]}${waitText(thread)}`;
  if (state === THREAD_TERMINATED) return [head];
  const stack = `${addressText(kernelStack.limit)} - ${addressText(kernelStack.base)}`;
  if (!kernelStack.resident)
    return [
      head,
      `            Kernel stack ${stack} not resident  Priority ${priority} BasePriority ${basePriority}`,
    ];
  const context = new ThreadContext(kernel, thread);
  return [
    head,
    `            Rip ${addressText(context.rip)}  Rsp ${addressText(context.rsp)}  Priority ${priority} BasePriority ${basePriority}`,
    `            Kernel stack ${stack}  Instructions 0n${instructions}`,
  ];
}

function memoryLines({ mm }: Kernel, { space, handles, deleted }: Process): string[] {
  const { counters, workingSet } = space;
  const tables = deleted ? 0 : validPageTables(mm, space);
  const out = deleted ? 0 : space.pageTablePages - tables;
  return [
    `    VADs ${space.vads.count}  Commit charge ${space.commitCharge} pages (peak ${space.peakCommitCharge})  Handles ${handles.count}`,
    `    Working set ${space.workingSetPages} pages (peak ${space.peakWorkingSetPages}), of them ${tables} of page tables${out === 0 ? '' : `; ${count(out, 'page table')} ${out === 1 ? 'is' : 'are'} out`}`,
    `    Limits ${workingSet.minimum} - ${workingSet.maximum} pages  Page priority ${space.pagePriority}  By age at the last look ${[...workingSet.ages].join(', ')}: ${workingSet.estimate} could leave`,
    `    Page faults ${counters.total}: soft ${counters.soft}, hard ${counters.hard}, guard page ${counters.guardPage}, access violation ${counters.accessViolation}`,
  ];
}

function processLines(kernel: Kernel, process: Process, flags: number): string[] {
  const { id, peb, space, imagePath, exitStatus, deleted } = process;
  const directory = deleted ? 'gone' : space.outSwapped ? 'out' : hex(space.directoryFrame * 4096, 8);
  const lines = [
    `PROCESS ${hex(id, 4)} (0n${id})  Peb: ${addressText(peb)}  DirBase: ${directory}`,
    `    Image: ${imagePath || '(an empty address space)'}`,
  ];
  if (exitStatus !== null) lines.push(`    Ended with ${statusText(exitStatus)}`);
  if (deleted) return lines;
  if (space.outSwapped)
    lines.push(`    Swapped out: the entry of its directory is at ${addressText(space.directoryEntry)}`);
  if ((flags & PROCESS_MEMORY) !== 0) lines.push(...memoryLines(kernel, process));
  if ((flags & PROCESS_THREADS) !== 0)
    for (const thread of process.threads) lines.push(...threadLines(kernel, thread));
  return lines;
}

/** Some processes in order, with as much as the flags ask for. */
export function showProcesses(kernel: Kernel, processes: readonly Process[], flags: number): string {
  return processes.map((process) => processLines(kernel, process, flags).join('\n')).join('\n\n');
}

/** Processes that live, then those that have ended. */
export function everyProcess(kernel: Kernel): Process[] {
  return [...kernel.processes.values(), ...kernel.exited];
}
