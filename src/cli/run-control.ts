/**
 * Runs a machine in short pieces, so that this computer can breathe between them: signals, input, limits, progress. How
 * the pieces are cut has no effect on the program.
 */
import type { Machine } from '../machine.js';
import { VerifyError } from '../mm/verify.js';
import type { ConsoleInput } from './console-input.js';
import type { ConsoleOutput } from './console-output.js';
import { signalStatus } from './exit-status.js';

export interface RunLimits {
  /** Instructions in all. */
  readonly instructions: number;
  /** Seconds of this computer's time. */
  readonly seconds: number;
  /** Prove the invariants after so many quanta; null: never. */
  readonly verifyQuanta: number | null;
}

/** Why a run ended. */
export type RunEnd =
  | { readonly kind: 'exited' }
  | { readonly kind: 'instructions' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'stalled' }
  | { readonly kind: 'output-failed'; readonly failure: NodeJS.ErrnoException }
  | { readonly kind: 'verify-failed'; readonly message: string }
  | { readonly kind: 'signal'; readonly signal: string };

export interface RunOutcome {
  readonly end: RunEnd;
  /** Times the invariants were proved, and comparisons that held. */
  readonly verifyPasses: number;
  readonly verifyChecks: number;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A piece should take this long, in milliseconds: well below the 50 that may pass, should the work become slower. */
const PIECE_MS = 4;
const FIRST_PIECE = 50_000;
const LARGEST_PIECE = 10_000_000;
const PROGRESS_AFTER_MS = 2000;
const PROGRESS_EVERY_MS = 250;

const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Runs until the program has ended or something stops it. */
export class RunControl {
  #signal: string | null = null;
  #verifyError: VerifyError | null = null;
  #verifyPasses = 0;
  #verifyChecks = 0;
  #nextVerify: number;
  #piece = FIRST_PIECE;
  #startMs = 0;
  #nextProgressMs = PROGRESS_AFTER_MS;

  constructor(
    private readonly machine: Machine,
    private readonly input: ConsoleInput,
    private readonly output: ConsoleOutput,
    private readonly limits: RunLimits,
    private readonly showsProgress: boolean,
  ) {
    this.#nextVerify = this.#verifyStep;
    if (limits.verifyQuanta !== null) machine.kernel.processExiting.push(() => this.#verifyEndingProcess());
  }

  /** Instructions between two proofs. */
  get #verifyStep(): number {
    const { verifyQuanta } = this.limits;
    return verifyQuanta === null
      ? Number.POSITIVE_INFINITY
      : verifyQuanta * this.machine.kernel.scheduler.quantum;
  }

  async run(): Promise<RunOutcome> {
    const onSignal = (signal: string) => this.#onSignal(signal);
    for (const signal of SIGNALS) process.on(signal, onSignal);
    const timer = this.#startTimer();
    try {
      const end = await this.#runPieces();
      return { end, verifyPasses: this.#verifyPasses, verifyChecks: this.#verifyChecks };
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error;
      const end: RunEnd = { kind: 'verify-failed', message: error.message };
      return { end, verifyPasses: this.#verifyPasses, verifyChecks: this.#verifyChecks };
    } finally {
      clearTimeout(timer);
      this.output.flush();
    }
  }

  /** The first signal stops the run, the second ends the command at once. */
  #onSignal(signal: string): void {
    if (this.#signal !== null) process.exit(signalStatus(signal));
    this.#signal = signal;
    this.input.wake();
  }

  /** Ends a wait for input when the time is over. */
  #startTimer(): NodeJS.Timeout | undefined {
    this.#startMs = performance.now();
    const { seconds } = this.limits;
    if (!Number.isFinite(seconds)) return undefined;
    return setTimeout(() => this.input.wake(), Math.min(seconds * 1000, 2 ** 31 - 1));
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  async #runPieces(): Promise<RunEnd> {
    for (;;) {
      const stopped = this.#whyStop();
      if (stopped !== null) return stopped;
      const end = await this.#runPiece();
      if (end !== null) return end;
      this.output.flush();
      this.#showProgress();
      await breathe();
    }
  }

  #whyStop(): RunEnd | null {
    if (this.#signal !== null) return { kind: 'signal', signal: this.#signal };
    if (this.output.failure !== null) return { kind: 'output-failed', failure: this.output.failure };
    if (this.#elapsedMs >= this.limits.seconds * 1000) return { kind: 'timeout' };
    return null;
  }

  async #runPiece(): Promise<RunEnd | null> {
    const { machine, limits } = this;
    const began = performance.now();
    const maxInstructions = Math.min(limits.instructions, this.#nextVerify);
    const { state, instructions } = machine.run({ maxInstructions, sliceInstructions: this.#piece });
    this.#adaptPiece(performance.now() - began);
    switch (state) {
      case 'exited':
        this.#verifyAtEnd();
        return { kind: 'exited' };
      case 'stalled':
        return { kind: 'stalled' };
      case 'limit':
        if (instructions >= this.#nextVerify) this.#verify();
        return instructions >= limits.instructions ? { kind: 'instructions' } : null;
      case 'waiting-input':
        this.output.flush();
        await this.input.arrival();
        this.#feed();
        return null;
      case 'running':
        if (machine.kernel.scheduler.waitsForConsole) this.#feedIfReady();
        return null;
    }
  }

  /** Other threads run on while one waits for input. */
  #feedIfReady(): void {
    this.input.start();
    if (!this.machine.kernel.console.isReadable) this.#feed();
  }

  #feed(): void {
    if (this.input.isReady) this.machine.consoleInput(this.input.take());
  }

  #adaptPiece(ms: number): void {
    const wanted = (this.#piece * PIECE_MS) / Math.max(ms, 0.1);
    const bounded = Math.min(Math.max(wanted, this.#piece / 8), this.#piece * 2);
    this.#piece = Math.round(Math.min(Math.max(bounded, FIRST_PIECE / 10), LARGEST_PIECE));
  }

  #verify(): void {
    this.#verifyChecks += this.machine.verify().checks;
    this.#verifyPasses++;
    this.#nextVerify = this.machine.kernel.processor.instructions + this.#verifyStep;
  }

  /** A process ends in the middle of a service, which an error must not cut short. */
  #verifyEndingProcess(): void {
    try {
      this.#verify();
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error;
      this.#verifyError ??= error;
    }
  }

  #verifyAtEnd(): void {
    if (this.#verifyError !== null) throw this.#verifyError;
    if (this.limits.verifyQuanta !== null) this.#verify();
  }

  #showProgress(): void {
    const elapsed = this.#elapsedMs;
    if (!this.showsProgress || elapsed < this.#nextProgressMs) return;
    this.#nextProgressMs = elapsed + PROGRESS_EVERY_MS;
    const { processor, mm } = this.machine.kernel;
    const millions = (processor.instructions / 1e6).toFixed(0);
    const seconds = (elapsed / 1000).toFixed(1);
    this.output.showStatus(
      `${millions} million instructions, ${mm.counters.total} page faults, ${seconds} s (Ctrl-C stops)`,
    );
  }
}
