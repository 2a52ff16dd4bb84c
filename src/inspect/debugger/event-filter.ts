/** Kinds of events that a run can stop at: those of the machine, and the short names that WinDbg has for some. */
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_BREAKPOINT,
  STATUS_GUARD_PAGE_VIOLATION,
} from '../../base/ntstatus.js';
import type { MemoryEvent } from '../../mm/events.js';
import { eventParticulars } from '../events-format.js';
import { statusText } from '../status-names.js';
import { DebugError } from './debug-error.js';
import { addressText, hex } from './format.js';

interface EventKind {
  readonly name: string;
  readonly meaning: string;
  readonly matches: (event: MemoryEvent) => boolean;
}

const ofKind = (name: string, meaning: string, kind = name): EventKind => ({
  name,
  meaning,
  matches: (event) => event.kind === kind,
});
const exception = (name: string, meaning: string, status: number): EventKind => ({
  name,
  meaning,
  matches: ({ kind, detail }) => kind === 'exception' && detail >>> 0 === status,
});

/** In the order in which .help shows them. */
export const EVENT_KINDS: readonly EventKind[] = [
  ofKind('fault', 'a page fault, resolved or not'),
  ofKind('cow', 'a copy-on-write'),
  ofKind('image-read', 'a page of an image is read'),
  ofKind('file-read', 'a page of a mapped file is read, or a file'),
  ofKind('file-write', 'a page of a mapped file is written, or a file'),
  ofKind('list', 'a frame changes its list'),
  ofKind('trim', 'a page leaves its working set'),
  ofKind('page-out', 'pages are written to a paging file'),
  ofKind('page-in', 'a page is read from a paging file'),
  ofKind('read-complete', 'a read of pages ends: they can be used'),
  ofKind('write-complete', 'a write of pages ends: their frames can be reused'),
  ofKind('collided-fault', 'a fault waits for a read that another began'),
  ofKind('thread-wake', 'a system thread is woken'),
  ofKind('stack-out', 'the swapper takes a kernel stack out'),
  ofKind('stack-in', 'the swapper brings a kernel stack in'),
  ofKind('process-out', 'the swapper takes a process out'),
  ofKind('process-in', 'the swapper brings a process in'),
  ofKind('page-file-extend', 'a paging file is made larger'),
  ofKind('page-file-shrink', 'a paging file is made smaller'),
  ofKind('zero', 'the zero page thread has zeroed pages'),
  ofKind('vad-insert', 'a range is made'),
  ofKind('vad-remove', 'a range is freed'),
  ofKind('commit', 'pages are committed'),
  ofKind('protect', 'a protection changes'),
  ofKind('map', 'a view is mapped'),
  ofKind('unmap', 'a view is unmapped'),
  ofKind('section-create', 'a section is made'),
  ofKind('segment-delete', 'a segment that nobody uses is deleted'),
  ofKind('exception', 'an exception is raised (first chance)'),
  ofKind('process-exit', 'a process ends; its memory is gone when the run stops'),
  {
    name: 'ld',
    meaning: 'a module is mapped',
    matches: ({ kind, text }) => kind === 'map' && IMAGE.test(text),
  },
  exception('av', 'an access violation is raised', STATUS_ACCESS_VIOLATION),
  exception('gp', 'a guard page violation is raised', STATUS_GUARD_PAGE_VIOLATION),
  exception('bpe', 'a breakpoint instruction is executed', STATUS_BREAKPOINT),
  ofKind('ct', 'a thread is made', 'thread-create'),
  ofKind('et', 'a thread ends', 'thread-exit'),
  ofKind('cpr', 'a process is made', 'process-create'),
  ofKind('epr', 'a process ends', 'process-exit'),
];
const IMAGE = /\.(exe|dll)$/i;

/** The kind of a name; throws DebugError. */
export function eventKind(name: string): EventKind {
  const kind = EVENT_KINDS.find((each) => each.name === name.toLowerCase());
  if (kind !== undefined) return kind;
  throw new DebugError(
    `there is no event ${name}; there are ${EVENT_KINDS.map((each) => each.name).join(' ')}`,
  );
}

/** True when a word names an event rather than an address. */
export function isEventName(word: string): boolean {
  return EVENT_KINDS.some(({ name }) => name === word.toLowerCase());
}

/** An event in a line. */
export function eventText(event: MemoryEvent): string {
  const fields = Object.entries(eventParticulars(event)).map(([name, value]) => {
    if (name === 'address') return `address ${addressText(event.address)}`;
    if (name === 'status') return `status ${statusText(event.detail)}`;
    return `${name} ${name.toLowerCase().endsWith('frame') ? hex(Number(value)) : value}`;
  });
  return [event.kind, ...fields].join(', ');
}
