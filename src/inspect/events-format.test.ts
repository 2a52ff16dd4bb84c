import { describe, expect, it } from 'vitest';
import type { MemoryEvent } from '../mm/events.js';
import { makeExampleMachine } from '../testing/examples.js';
import { eventFormatOf } from './events-format.js';

function record(path: string): { text: string; events: MemoryEvent[] } {
  const { machine } = makeExampleMachine('widen.exe', ['ascii.txt', 'wide.txt']);
  const writer = eventFormatOf(path)!();
  const events: MemoryEvent[] = [];
  let text = writer.begin(machine.kernel.mm.pfn);
  machine.on((event) => {
    events.push(event);
    text += writer.event(event);
  });
  machine.run();
  return { text: text + writer.end(new Map([[100, 'widen.exe']])), events };
}

describe('events as text', () => {
  it('have a format by the name of the file', () => {
    expect(eventFormatOf('a.jsonl')).not.toBeNull();
    expect(eventFormatOf('a.JSON')).not.toBeNull();
    expect(eventFormatOf('a.txt')).toBeNull();
  });

  it('are one JSON object a line', () => {
    const { text, events } = record('a.jsonl');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(events.length);
    lines.forEach((line, index) => {
      const { time, pid, tid, kind } = events[index]!;
      expect(line).toMatchObject({ time, pid, tid, kind });
    });
    const kinds = new Set(lines.map(({ kind }) => kind));
    for (const kind of ['fault', 'list', 'map', 'unmap', 'file-write', 'process-exit'])
      expect(kinds).toContain(kind);
    expect(lines.find(({ kind }) => kind === 'fault')).toMatchObject({
      address: expect.stringMatching(/^0x[\dA-F]{16}$/),
      status: expect.stringMatching(/^0x[\dA-F]{8}$/),
    });
    expect(lines.find(({ kind }) => kind === 'list')).toMatchObject({ from: 'zeroed', to: 'active' });
    expect(lines.some(({ name }) => name === 'C:\\work\\wide.txt')).toBe(true);
  });

  it('are a Chrome trace whose times only grow and whose counters keep the sum', () => {
    const { text, events } = record('a.json');
    const { traceEvents } = JSON.parse(text) as { traceEvents: Record<string, never>[] };
    const instants = traceEvents.filter(({ ph }) => ph === 'i');
    expect(instants).toHaveLength(events.filter(({ kind }) => kind !== 'list').length);
    expect(traceEvents.filter(({ ph }) => ph === 'M').map(({ pid, args }) => [pid, args])).toEqual([
      [0, { name: 'System' }],
      [100, { name: 'widen.exe' }],
    ]);
    const counters = traceEvents.filter(({ ph }) => ph === 'C');
    expect(counters.length).toBeGreaterThan(1);
    for (const { args } of counters)
      expect(Object.values<number>(args).reduce((sum, pages) => sum + pages, 0)).toBe(16_384);
    const times = traceEvents.filter(({ ph }) => ph !== 'M').map(({ ts }) => Number(ts));
    expect(times).toEqual([...times].sort((left, right) => left - right));
    for (const entry of traceEvents)
      expect(entry).toMatchObject({ pid: expect.any(Number), name: expect.any(String) });
  });

  it('are the same in every run', () => {
    expect(record('a.jsonl').text).toBe(record('a.jsonl').text);
  });
});
