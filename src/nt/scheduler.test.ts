import { describe, expect, it } from 'vitest';
import { makeEvent } from './dispatcher.js';
import { Scheduler } from './scheduler.js';
import { THREAD_READY, THREAD_SUSPENDED, THREAD_TERMINATED, THREAD_WAITING, type Thread } from './thread.js';

function makeThread(id: number, priority = 8): Thread {
  const fields = {
    kind: 'thread',
    id,
    priority,
    basePriority: priority,
    pagePriority: -1,
    suspendCount: 0,
    boostDisabled: false,
    starved: false,
    readySince: 0,
    state: THREAD_SUSPENDED,
  };
  const kernelStack = { resident: true, wanted: false, waitingSince: -1 };
  return {
    ...fields,
    kernelStack,
    quantumLeft: 0,
    wait: null,
    waitStatus: -1,
    pipeCall: 0,
    ownedMutants: [],
  } as unknown as Thread;
}

function makeReady(...threads: Thread[]): Scheduler {
  const scheduler = new Scheduler(100);
  for (const thread of threads) scheduler.makeReady(thread);
  return scheduler;
}

describe('the scheduler', () => {
  it('chooses the highest priority, and equals in turn', () => {
    const [low, first, second] = [makeThread(1, 4), makeThread(2), makeThread(3)];
    const scheduler = makeReady(low, first, second);
    const order: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const thread = scheduler.select()!;
      order.push(thread.id);
      thread.quantumLeft = 0;
      expect(scheduler.mustSwitch).toBe(true);
      scheduler.preempt();
    }
    expect(order).toEqual([2, 3, 2, 3]);
  });

  it('lets a thread of higher priority preempt at once; the other keeps its turn', () => {
    const [running, equal] = [makeThread(1), makeThread(2)];
    const scheduler = makeReady(running, equal);
    scheduler.select();
    expect(scheduler.mustSwitch).toBe(false);
    scheduler.makeReady(makeThread(3, 9));
    expect(scheduler.mustSwitch).toBe(true);
    scheduler.preempt();
    expect(scheduler.select()!.id).toBe(3);
    scheduler.remove(scheduler.current!);
    expect(scheduler.select()!.id).toBe(1);
    expect(running.quantumLeft).toBe(100);
  });

  it('serves priority 31 too', () => {
    const scheduler = makeReady(makeThread(1), makeThread(2, 31));
    expect(scheduler.bestReady).toBe(31);
    expect(scheduler.select()!.id).toBe(2);
    expect(scheduler.select()!.id).toBe(1);
    expect(scheduler.select()).toBeNull();
    expect(scheduler.bestReady).toBe(-1);
  });

  it('ends waits by signal in the order in which they began, one thread for each signal of an automatic event', () => {
    const event = makeEvent(false, false);
    const threads = [makeThread(1), makeThread(2)];
    const scheduler = makeReady(...threads);
    for (const thread of threads) {
      scheduler.select();
      scheduler.wait(thread, { kind: 'objects', objects: [event], all: false, deadline: null });
    }
    expect(event.referenceCount).toBe(2);
    event.signalState = 1;
    scheduler.signal(event);
    expect(threads.map(({ state }) => state)).toEqual([THREAD_READY, THREAD_WAITING]);
    expect([threads[0]!.waitStatus, event.signalState, event.referenceCount]).toEqual([0, 0, 1]);
  });

  it('waits for all objects without taking any before', () => {
    const events = [makeEvent(false, false), makeEvent(false, false)];
    const thread = makeThread(1);
    const scheduler = makeReady(thread);
    scheduler.select();
    scheduler.wait(thread, { kind: 'objects', objects: events, all: true, deadline: null });
    events[0]!.signalState = 1;
    scheduler.signal(events[0]!);
    expect([thread.state, events[0]!.signalState]).toEqual([THREAD_WAITING, 1]);
    events[1]!.signalState = 1;
    scheduler.signal(events[1]!);
    expect([thread.state, events[0]!.signalState, events[1]!.signalState]).toEqual([THREAD_READY, 0, 0]);
  });

  it('ends waits at their deadline and knows the next one', () => {
    const threads = [makeThread(1), makeThread(2)];
    const scheduler = makeReady(...threads);
    for (const [index, thread] of threads.entries()) {
      scheduler.select();
      scheduler.wait(thread, { kind: 'delay', deadline: 200 - index * 100 });
    }
    expect(scheduler.nextDeadline).toBe(100);
    scheduler.expire(99);
    expect(threads[1]!.state).toBe(THREAD_WAITING);
    scheduler.expire(100);
    expect([threads[1]!.state, threads[1]!.waitStatus]).toEqual([THREAD_READY, 0x102]);
    expect(scheduler.nextDeadline).toBe(200);
    scheduler.expire(1000);
    expect(scheduler.nextDeadline).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([1e15, 1e300, Number.NaN, Number.POSITIVE_INFINITY])('never ends a wait until %d', (deadline) => {
    const thread = makeThread(1);
    const scheduler = makeReady(thread);
    scheduler.select();
    scheduler.wait(thread, { kind: 'delay', deadline });
    expect(scheduler.nextDeadline).toBe(Number.POSITIVE_INFINITY);
    scheduler.expire(9e15);
    expect(thread.state).toBe(THREAD_WAITING);
  });

  it('holds a suspended thread back, also when its wait ends', () => {
    const thread = makeThread(1);
    const scheduler = makeReady(thread);
    expect(scheduler.suspend(thread)).toBe(0);
    expect(scheduler.suspend(thread)).toBe(1);
    expect(scheduler.select()).toBeNull();
    expect(scheduler.resume(thread)).toBe(2);
    expect(scheduler.select()).toBeNull();
    scheduler.resume(thread);
    expect(scheduler.select()).toBe(thread);
    scheduler.wait(thread, { kind: 'delay', deadline: 5 });
    scheduler.suspend(thread);
    scheduler.expire(5);
    expect(thread.state).toBe(THREAD_SUSPENDED);
    expect(scheduler.resume(thread)).toBe(1);
    expect(thread.state).toBe(THREAD_READY);
    expect(scheduler.resume(thread)).toBe(0);
  });

  it('forgets a thread that ends, wherever it is', () => {
    const event = makeEvent(false, false);
    const [ready, waiting] = [makeThread(1), makeThread(2)];
    const scheduler = makeReady(waiting, ready);
    scheduler.select();
    scheduler.wait(waiting, { kind: 'objects', objects: [event], all: false, deadline: 7 });
    scheduler.remove(waiting);
    scheduler.remove(ready);
    expect([ready.state, waiting.state]).toEqual([THREAD_TERMINATED, THREAD_TERMINATED]);
    expect([event.referenceCount, scheduler.nextDeadline]).toEqual([0, Number.POSITIVE_INFINITY]);
    expect(scheduler.select()).toBeNull();
  });

  it('moves a ready thread to its new priority', () => {
    const [first, second] = [makeThread(1), makeThread(2)];
    const scheduler = makeReady(first, second);
    scheduler.setPriority(second, 15);
    expect(scheduler.select()).toBe(second);
    scheduler.setPriority(second, 2);
    expect(scheduler.mustSwitch).toBe(true);
  });

  it('raises a thread whose wait for an event ended, and takes a level back with each quantum', () => {
    const [running, waiting] = [makeThread(1), makeThread(2)];
    const scheduler = makeReady(running, waiting);
    scheduler.select();
    scheduler.preempt();
    expect(scheduler.select()).toBe(running);
    scheduler.remove(waiting);
    const event = makeEvent(false, false);
    scheduler.current = waiting;
    scheduler.wait(waiting, { kind: 'objects', objects: [event], all: false, deadline: null });
    scheduler.current = running;
    event.signalState = 1;
    scheduler.signal(event);
    expect([waiting.priority, scheduler.mustSwitch]).toEqual([9, true]);
    scheduler.preempt();
    expect(scheduler.select()).toBe(waiting);
    waiting.quantumLeft = 0;
    scheduler.quantumEnd(waiting);
    expect([waiting.priority, scheduler.mustSwitch]).toEqual([8, true]);
  });

  it('raises no thread of which that was asked not, and none of real-time priority', () => {
    for (const [priority, boostDisabled] of [
      [8, true],
      [16, false],
    ] as const) {
      const thread = makeThread(1, priority);
      thread.boostDisabled = boostDisabled;
      const scheduler = new Scheduler(100);
      const event = makeEvent(false, false);
      scheduler.wait(thread, { kind: 'objects', objects: [event], all: false, deadline: null });
      event.signalState = 1;
      scheduler.signal(event);
      expect(thread.priority).toBe(priority);
    }
  });

  it('lets a thread that starved for four seconds run two quanta at the highest dynamic priority', () => {
    const [busy, starving] = [makeThread(1, 9), makeThread(2, 4)];
    const scheduler = makeReady(busy, starving);
    expect(scheduler.select()).toBe(busy);
    for (let second = 0; second < 4; second++) scheduler.raiseStarved();
    expect(scheduler.mustSwitch).toBe(false);
    scheduler.raiseStarved();
    expect([starving.priority, scheduler.mustSwitch]).toEqual([15, true]);
    scheduler.preempt();
    expect(scheduler.select()).toBe(starving);
    expect(starving.quantumLeft).toBe(200);
    starving.quantumLeft = 0;
    scheduler.quantumEnd(starving);
    expect([starving.priority, scheduler.mustSwitch]).toEqual([4, true]);
  });
});
