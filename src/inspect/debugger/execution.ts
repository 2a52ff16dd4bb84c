/**
 * Runs a machine up to a breakpoint, an event, a count of instructions or a time. The program's memory is never changed for
 * that: while a breakpoint stands, the machine runs an instruction at a time and its address is compared.
 */
import type { MemoryEvent } from '../../mm/events.js';
import type { Kernel } from '../../nt/kernel.js';
import { runKernel, type StopReason } from '../../nt/run-loop.js';
import { eventKind, eventText } from './event-filter.js';

export interface Breakpoint {
  readonly id: number;
  /** As it was typed. */
  readonly text: string;
  /** Null: for any process. */
  readonly processId: number | null;
  /** Null until the module that it names is there. */
  address: number | null;
  hits: number;
}

/** How far to run. Everything that is left out does not end the run. */
export interface Goal {
  readonly instructions?: number;
  /** Virtual time since the machine began, in nanoseconds. */
  readonly nanoseconds?: number;
  /** Stop at the next event of this name. */
  readonly event?: string;
  /** Stop at this place once; text resolves it when it is not known yet. */
  readonly place?: { readonly text: string; readonly address: number | null };
}

/** Why a run stopped. */
export type Stop =
  | { readonly kind: 'breakpoint'; readonly breakpoint: Breakpoint }
  | { readonly kind: 'event'; readonly text: string }
  | { readonly kind: 'reached' }
  | { readonly kind: 'limit' }
  | { readonly kind: 'exited' | 'waiting-input' | 'stalled' };

/** Turns and instructions of one piece: about as long as the host may be kept from other work. */
const TURNS = 4000;
const SLICE = 400_000;
/** Work after which the run loop looks up: at once after each trap. */
const ONE_TRAP = 1;
const TEMPORARY = -1;

export class Execution {
  readonly breakpoints: Breakpoint[] = [];
  /** Names of the events that stop every run. */
  readonly events = new Set<string>();
  #goal: Goal = {};
  #temporary: Breakpoint | null = null;
  #caught: MemoryEvent | null = null;
  #isFirst = true;
  #nextId = 0;
  readonly #listener = (event: MemoryEvent) => this.#onEvent(event);

  constructor(
    private readonly kernel: Kernel,
    /** Finds the place that a breakpoint's text names; null while its module is not there. */
    private readonly resolve: (text: string) => number | null,
    /** Instructions in all that no run passes. */
    private readonly limit: number,
  ) {}

  /** Gives the processor to the thread that runs next, if one can run now: no instruction is run and no time passes. */
  settle(): void {
    const { processor, clock } = this.kernel;
    runKernel(this.kernel, {
      instructions: processor.instructions,
      work: Number.POSITIVE_INFINITY,
      time100ns: clock.now100ns,
    });
  }

  addBreakpoint(text: string, address: number | null, processId: number | null): Breakpoint {
    const breakpoint = { id: this.#nextId++, text, address, processId, hits: 0 };
    this.breakpoints.push(breakpoint);
    return breakpoint;
  }

  /** Sets out; piece() then runs. */
  start(goal: Goal): void {
    this.#goal = goal;
    this.#caught = null;
    this.#isFirst = true;
    const { place } = goal;
    this.#temporary = place === undefined ? null : { id: TEMPORARY, ...place, processId: null, hits: 0 };
    this.kernel.mm.events.attach(this.#listener);
  }

  /** Runs for a while; null when there is more to run. */
  piece(): Stop | null {
    const { processor } = this.kernel;
    const end = processor.instructions + SLICE;
    let stop: Stop | null = null;
    for (let turn = 0; stop === null && turn < TURNS && processor.instructions < end; turn++)
      stop = this.#isStepping ? this.#step() : this.#run(end);
    if (stop !== null) this.cease();
    return stop;
  }

  /** Ends a run where it is. */
  cease(): void {
    this.kernel.mm.events.detach(this.#listener);
    this.#temporary = null;
  }

  get #places(): Breakpoint[] {
    return this.#temporary === null ? this.breakpoints : [...this.breakpoints, this.#temporary];
  }

  get #isStepping(): boolean {
    return this.#places.some(({ address }) => address !== null);
  }

  #onEvent(event: MemoryEvent): void {
    if (event.kind === 'map') this.#resolveAll();
    if (this.#caught !== null) return;
    const { event: wanted } = this.#goal;
    const names = wanted === undefined ? [...this.events] : [...this.events, wanted];
    if (names.some((name) => eventKind(name).matches(event))) this.#caught = event;
  }

  #resolveAll(): void {
    for (const breakpoint of this.#places) breakpoint.address ??= this.resolve(breakpoint.text);
  }

  /** An instruction or a trap, and the breakpoints before it. */
  #step(): Stop | null {
    const { processor } = this.kernel;
    const state = runKernel(this.kernel, { instructions: processor.instructions, work: ONE_TRAP });
    const ready = this.#afterRun(state);
    if (ready !== null || state === 'running') return ready;
    const hit = this.#isFirst ? undefined : this.#hit(processor.rip);
    if (hit !== undefined) return this.#stopAt(hit);
    this.#isFirst = false;
    const instructions = processor.instructions + 1;
    return this.#afterRun(runKernel(this.kernel, { instructions, work: ONE_TRAP }));
  }

  #hit(rip: number): Breakpoint | undefined {
    const own = this.kernel.loadedThread!.process.id;
    return this.#places.find(
      ({ address, processId }) => address === rip && (processId === null || processId === own),
    );
  }

  #stopAt(breakpoint: Breakpoint): Stop {
    breakpoint.hits++;
    return breakpoint.id === TEMPORARY ? { kind: 'reached' } : { kind: 'breakpoint', breakpoint };
  }

  /** Up to the next trap when something is waited for that can come with it, else about up to `end`. */
  #run(end: number): Stop | null {
    this.#isFirst = false;
    const { instructions = Number.POSITIVE_INFINITY, nanoseconds, event } = this.#goal;
    const { processor, clock } = this.kernel;
    const left = nanoseconds === undefined ? Number.POSITIVE_INFINITY : nanoseconds - clock.nanoseconds;
    const looksUp =
      nanoseconds !== undefined || event !== undefined || this.events.size > 0 || this.#places.length > 0;
    return this.#afterRun(
      runKernel(this.kernel, {
        instructions: Math.min(instructions, processor.instructions + Math.max(left, 0), this.limit),
        work: looksUp ? ONE_TRAP : end - processor.instructions,
        time100ns: nanoseconds === undefined ? Number.POSITIVE_INFINITY : Math.ceil(nanoseconds / 100),
      }),
    );
  }

  #afterRun(state: StopReason): Stop | null {
    if (this.#caught !== null) {
      const text = eventText(this.#caught);
      this.#caught = null;
      return { kind: 'event', text };
    }
    if (state === 'exited' || state === 'waiting-input' || state === 'stalled') return { kind: state };
    const { processor, clock } = this.kernel;
    const { instructions = Number.POSITIVE_INFINITY, nanoseconds = Number.POSITIVE_INFINITY } = this.#goal;
    if (processor.instructions >= instructions || clock.nanoseconds >= nanoseconds)
      return { kind: 'reached' };
    return processor.instructions >= this.limit ? { kind: 'limit' } : null;
  }
}
