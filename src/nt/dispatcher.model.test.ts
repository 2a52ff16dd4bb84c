import { describe, expect, it } from 'vitest';
import { below, mulberry32, type Random, seedFor } from '../testing/seed.js';
import {
  abandonMutant,
  type EventObject,
  type MutantObject,
  makeEvent,
  makeMutant,
  makeSemaphore,
  releaseMutant,
  releaseSemaphore,
  type SemaphoreObject,
  tryWait,
} from './dispatcher.js';
import type { DispatcherObject } from './object.js';
import { Scheduler } from './scheduler.js';
import { THREAD_SUSPENDED, THREAD_WAITING, type Thread } from './thread.js';

const THREADS = 6;
const SEMAPHORE_LIMIT = 3;
const TIMEOUT = 0x102;
const ABANDONED = 0x80;

/** What a wait does, said as plainly as can be: counts, owners, and a list of who waits. */
interface PlainObject {
  kind: 'notification' | 'synchronization' | 'mutant' | 'semaphore';
  count: number;
  owner: number;
  recursion: number;
  abandoned: boolean;
}

interface PlainWait {
  thread: number;
  objects: number[];
  all: boolean;
  deadline: number;
}

class PlainDispatcher {
  readonly objects: PlainObject[];
  readonly waits: PlainWait[] = [];
  /** Answer of each thread's last wait, -1 while it waits. */
  readonly answers = new Array<number>(THREADS).fill(0);

  constructor(kinds: readonly PlainObject['kind'][]) {
    this.objects = kinds.map((kind) => ({ kind, count: 0, owner: -1, recursion: 0, abandoned: false }));
  }

  private isFree({ kind, count, owner }: PlainObject, thread: number): boolean {
    return kind === 'mutant' ? owner < 0 || owner === thread : count > 0;
  }

  private take(object: PlainObject, thread: number): boolean {
    const { abandoned } = object;
    object.abandoned = false;
    if (object.kind === 'mutant') {
      object.owner = thread;
      object.recursion++;
    } else if (object.kind === 'semaphore') object.count--;
    else if (object.kind === 'synchronization') object.count = 0;
    return abandoned;
  }

  private attempt({ thread, objects, all }: PlainWait): number {
    const found = objects.map((index) => this.objects[index]!);
    if (all) {
      if (!found.every((object) => this.isFree(object, thread))) return -1;
      return found.map((object) => this.take(object, thread)).includes(true) ? ABANDONED : 0;
    }
    const first = found.findIndex((object) => this.isFree(object, thread));
    if (first < 0) return -1;
    return first + (this.take(found[first]!, thread) ? ABANDONED : 0);
  }

  wait(wait: PlainWait): void {
    this.answers[wait.thread] = this.attempt(wait);
    if (this.answers[wait.thread] === -1) this.waits.push(wait);
  }

  /** Something became free: those that wait for it try, first come first served. */
  retry(index: number): void {
    for (const wait of [...this.waits]) {
      if (!wait.objects.includes(index)) continue;
      const answer = this.attempt(wait);
      if (answer < 0) continue;
      this.answers[wait.thread] = answer;
      this.waits.splice(this.waits.indexOf(wait), 1);
    }
  }

  expire(now: number): void {
    for (const wait of this.waits.filter(({ deadline }) => deadline <= now)) {
      this.answers[wait.thread] = TIMEOUT;
      this.waits.splice(this.waits.indexOf(wait), 1);
    }
  }
}

const KINDS: readonly PlainObject['kind'][] = [
  'notification',
  'synchronization',
  'synchronization',
  'mutant',
  'mutant',
  'semaphore',
];

function makeObject(kind: PlainObject['kind']): DispatcherObject {
  if (kind === 'mutant') return makeMutant(null);
  return kind === 'semaphore' ? makeSemaphore(0, SEMAPHORE_LIMIT) : makeEvent(kind === 'notification', false);
}

function makeThread(id: number): Thread {
  return {
    kind: 'thread',
    id,
    priority: 8,
    basePriority: 8,
    boostDisabled: false,
    starved: false,
    readySince: 0,
    suspendCount: 0,
    state: THREAD_SUSPENDED,
    kernelStack: { resident: true, wanted: false, waitingSince: -1 },
    quantumLeft: 0,
    wait: null,
    waitStatus: -1,
    ownedMutants: [],
  } as unknown as Thread;
}

class Pair {
  readonly scheduler = new Scheduler(100);
  readonly plain = new PlainDispatcher(KINDS);
  readonly objects = KINDS.map(makeObject);
  readonly threads = Array.from({ length: THREADS }, (_, id) => makeThread(id));
  readonly answers = new Array<number>(THREADS).fill(0);
  now = 0;

  constructor(private readonly random: Random) {}

  private isWaiting(thread: number): boolean {
    return this.threads[thread]!.state === THREAD_WAITING;
  }

  private wait(thread: number): void {
    const chosen = KINDS.map((_, index) => index).filter(() => below(this.random, 3) === 0);
    if (this.isWaiting(thread) || chosen.length === 0) return;
    const all = below(this.random, 2) === 0;
    const deadline =
      below(this.random, 3) === 0 ? this.now + below(this.random, 50) : Number.POSITIVE_INFINITY;
    this.plain.wait({ thread, objects: chosen, all, deadline });
    const objects = chosen.map((index) => this.objects[index]!);
    const status = tryWait(objects, all, this.threads[thread]!);
    this.threads[thread]!.waitStatus = -1;
    this.answers[thread] = status;
    if (status >= 0) return;
    this.scheduler.remove(this.threads[thread]!);
    this.scheduler.wait(this.threads[thread]!, { kind: 'objects', objects, all, deadline });
  }

  private setEvent(index: number, value: number): void {
    this.plain.objects[index]!.count = value;
    (this.objects[index] as EventObject).signalState = value;
    if (value === 0) return;
    this.plain.retry(index);
    this.scheduler.signal(this.objects[index]!);
  }

  private releaseSemaphore(index: number, count: number): void {
    const plain = this.plain.objects[index]!;
    const fits = plain.count + count <= SEMAPHORE_LIMIT;
    expect(releaseSemaphore(this.objects[index] as SemaphoreObject, count) === 0).toBe(fits);
    if (!fits) return;
    plain.count += count;
    this.plain.retry(index);
    this.scheduler.signal(this.objects[index]!);
  }

  private releaseMutant(index: number, thread: number): void {
    const plain = this.plain.objects[index]!;
    const owned = plain.owner === thread;
    if (this.isWaiting(thread)) return;
    expect(releaseMutant(this.objects[index] as MutantObject, this.threads[thread]!) === 0).toBe(owned);
    if (!owned) return;
    if (--plain.recursion === 0) {
      plain.owner = -1;
      this.plain.retry(index);
    }
    this.scheduler.signal(this.objects[index]!);
  }

  /** A thread leaves everything that it owns, as one that ends; it goes on as a new one. */
  private abandon(thread: number): void {
    if (this.isWaiting(thread)) return;
    for (const mutant of this.threads[thread]!.ownedMutants.splice(0)) {
      const index = this.objects.indexOf(mutant);
      Object.assign(this.plain.objects[index]!, { owner: -1, recursion: 0, abandoned: true });
      abandonMutant(mutant);
      this.plain.retry(index);
      this.scheduler.signal(mutant);
    }
  }

  private pass(time: number): void {
    this.now += time;
    this.plain.expire(this.now);
    this.scheduler.expire(this.now);
  }

  step(): void {
    const { random } = this;
    const [index, thread] = [below(random, KINDS.length), below(random, THREADS)];
    const operation = below(random, 8);
    if (operation < 3) this.wait(thread);
    else if (operation === 3) this.pass(below(random, 20));
    else if (operation === 4) this.abandon(thread);
    else if (KINDS[index] === 'semaphore') this.releaseSemaphore(index, 1 + below(random, 3));
    else if (KINDS[index] === 'mutant') this.releaseMutant(index, thread);
    else this.setEvent(index, below(random, 2));
  }

  private answerOf(thread: number): number {
    const { state, waitStatus } = this.threads[thread]!;
    if (state === THREAD_WAITING) return -1;
    return waitStatus >= 0 ? waitStatus : this.answers[thread]!;
  }

  /** The state of both, side by side. */
  compare(): void {
    const states = this.objects.map((object) =>
      object.kind === 'mutant' ? (object as MutantObject).recursion : object.signalState,
    );
    expect(states).toEqual(
      this.plain.objects.map(({ kind, count, recursion }) => (kind === 'mutant' ? recursion : count)),
    );
    const owners = this.objects.map((object) => (object as Partial<MutantObject>).owner?.id ?? -1);
    expect(owners).toEqual(this.plain.objects.map(({ owner }) => owner));
    expect(this.threads.map((_, thread) => this.answerOf(thread))).toEqual(this.plain.answers);
    expect(this.scheduler.waiting.map(({ id }) => id)).toEqual(this.plain.waits.map(({ thread }) => thread));
    expect(this.objects.map(({ referenceCount }) => referenceCount)).toEqual(
      this.objects.map(
        (_, index) => this.plain.waits.filter(({ objects }) => objects.includes(index)).length,
      ),
    );
  }
}

describe('dispatcher objects beside a plain account of them', () => {
  it('end the same waits with the same answers', () => {
    const random = mulberry32(seedFor('dispatcher objects'));
    for (let round = 0; round < 40; round++) {
      const pair = new Pair(random);
      for (let step = 0; step < 250; step++) {
        pair.step();
        pair.compare();
      }
    }
  });
});
