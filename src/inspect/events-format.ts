/** Events as text: one JSON object a line, or a Chrome trace, which Perfetto opens. */
import type { MemoryEvent } from '../mm/events.js';
import { FRAME_STATE_NAMES, type PfnDatabase } from '../mm/pfn-database.js';
import { canonicalAddress, hex32 } from './text.js';

/** Turns events into text; the pieces together are the file. */
export interface EventWriter {
  begin(pfn: PfnDatabase): string;
  event(event: MemoryEvent): string;
  /** `processes`: the name of each process by its id. */
  end(processes: ReadonlyMap<number, string>): string;
}

export type EventFormat = () => EventWriter;

/** The format that a file's name asks for, or null. */
export function eventFormatOf(path: string): EventFormat | null {
  if (/\.jsonl$/i.test(path)) return () => new JsonLinesWriter();
  if (/\.json$/i.test(path)) return () => new ChromeTraceWriter();
  return null;
}

const STATUS_KINDS = new Set([
  'fault',
  'file-read',
  'file-write',
  'image-read',
  'process-exit',
  'thread-exit',
  'exception',
]);
/** Kinds whose address is that of a file: a byte offset. */
const OFFSET_KINDS = new Set(['read', 'write', 'file-write', 'page-out']);

/** What is particular to an event, under names that say what it is. */
export function eventParticulars(event: MemoryEvent): Record<string, string | number> {
  const fields: Record<string, string | number> = {};
  const { kind, address, frame, detail, text } = event;
  if (kind === 'list') {
    fields['frame'] = frame;
    fields['from'] = FRAME_STATE_NAMES[detail >>> 8]!;
    fields['to'] = FRAME_STATE_NAMES[detail & 255]!;
    return fields;
  }
  if (kind === 'trim') {
    fields['address'] = canonicalAddress(address);
    fields['frame'] = frame;
    fields['to'] = FRAME_STATE_NAMES[detail]!;
    return fields;
  }
  if (OFFSET_KINDS.has(kind)) fields['offset'] = address;
  else if (address !== 0) fields['address'] = canonicalAddress(address);
  if (frame >= 0) fields['frame'] = frame;
  if (STATUS_KINDS.has(kind)) fields['status'] = hex32(detail);
  else if (kind === 'protect') fields['protection'] = hex32(detail);
  else fields[DETAIL_NAMES[kind] ?? 'detail'] = detail;
  if (text !== '') fields['name'] = text;
  return fields;
}

const DETAIL_NAMES: Readonly<Record<string, string>> = {
  'vad-insert': 'pages',
  'vad-remove': 'pages',
  map: 'pages',
  unmap: 'pages',
  commit: 'pages',
  zero: 'pages',
  'section-create': 'pages',
  'segment-delete': 'pages',
  cow: 'sharedFrame',
  'console-input': 'bytes',
  read: 'bytes',
  write: 'bytes',
  syscall: 'service',
  'thread-create': 'thread',
  'thread-wake': 'available',
  'page-in': 'block',
  'page-out': 'pages',
  'stack-out': 'thread',
  'stack-in': 'thread',
  'process-out': 'pages',
  'process-in': 'pages',
  'page-file-extend': 'pages',
  'page-file-shrink': 'pages',
  'read-complete': 'pages',
  'write-complete': 'pages',
  'collided-fault': 'inFlight',
};

class JsonLinesWriter implements EventWriter {
  begin(): string {
    return '';
  }

  event(event: MemoryEvent): string {
    const { time, pid, tid, kind } = event;
    return `${JSON.stringify({ time, pid, tid, kind, ...eventParticulars(event) })}\n`;
  }

  end(): string {
    return '';
  }
}

/** 100 ns units of virtual time between two samples of the page lists. */
const SAMPLE_EVERY = 100;
const SYSTEM_PID = 0;

function processName(pid: number, name: string): string {
  return JSON.stringify({ ph: 'M', pid, tid: 0, name: 'process_name', args: { name } });
}

/**
 * Chrome trace events: an instant for each event except moves between lists, which show as one counter for each list.
 * Time in microseconds. Source: Chrome, "Trace Event Format".
 */
class ChromeTraceWriter implements EventWriter {
  readonly #lists = new Array<number>(FRAME_STATE_NAMES.length).fill(0);
  #nextSample = 0;
  #lastTime = 0;
  #moved = false;

  begin(pfn: PfnDatabase): string {
    for (const state of pfn.state) this.#lists[state]!++;
    return `{"displayTimeUnit":"ns","traceEvents":[\n${processName(SYSTEM_PID, 'System')}${this.#sample(0)}`;
  }

  event(event: MemoryEvent): string {
    this.#lastTime = event.time;
    if (event.kind === 'list') {
      this.#lists[event.detail >>> 8]!--;
      this.#lists[event.detail & 255]!++;
      this.#moved = true;
      return event.time >= this.#nextSample ? this.#sample(event.time) : '';
    }
    const instant = {
      ph: 'i',
      s: 't',
      ts: event.time / 10,
      pid: event.pid,
      tid: event.tid,
      cat: event.kind,
      name: event.kind,
      args: eventParticulars(event),
    };
    return `,\n${JSON.stringify(instant)}`;
  }

  end(processes: ReadonlyMap<number, string>): string {
    const names = [...processes].map(([pid, name]) => `,\n${processName(pid, name)}`).join('');
    return `${this.#moved ? this.#sample(this.#lastTime) : ''}${names}\n]}\n`;
  }

  #sample(time: number): string {
    this.#nextSample = time + SAMPLE_EVERY;
    this.#moved = false;
    const args = Object.fromEntries(FRAME_STATE_NAMES.map((name, state) => [name, this.#lists[state]!]));
    return `,\n${JSON.stringify({ ph: 'C', ts: time / 10, pid: SYSTEM_PID, tid: 0, name: 'page lists', args })}`;
  }
}
