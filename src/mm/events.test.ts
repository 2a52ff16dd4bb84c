import { describe, expect, it } from 'vitest';
import { EventSink, type MemoryEvent } from './events.js';

describe('EventSink', () => {
  it('builds events only while somebody listens', () => {
    const clock = { now100ns: 5 };
    const sink = new EventSink(clock);
    const seen: MemoryEvent[] = [];
    const listener = (event: MemoryEvent) => seen.push(event);
    expect(sink.active).toBe(false);
    sink.attach(listener);
    sink.threadId = 12;
    expect(sink.active).toBe(true);
    sink.emit('fault', null, 0x1000, 7, 3, 'why');
    sink.detach(listener);
    expect(sink.active).toBe(false);
    sink.emit('fault', null, 0, 0, 0);
    expect(seen).toEqual([
      { time: 5, pid: 0, tid: 12, kind: 'fault', address: 0x1000, frame: 7, detail: 3, text: 'why' },
    ]);
  });
});
