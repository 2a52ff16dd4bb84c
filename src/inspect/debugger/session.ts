/**
 * A debugger over a machine: what a prompt or a script types goes in, what WinDbg would answer comes out. It reads the
 * machine and lets it run; it never changes the program's memory, and nothing faults in because somebody looked.
 */
import type { Kernel } from '../../nt/kernel.js';
import type { Process } from '../../nt/process.js';
import { THREAD_TERMINATED, type Thread } from '../../nt/thread.js';
import { formatCrash } from '../crash.js';
import { statusText } from '../status-names.js';
import { COMMANDS, type DebugCommand } from './commands.js';
import { DebugError } from './debug-error.js';
import { disassemble } from './dump-commands.js';
import { Execution, type Goal, type Stop } from './execution.js';
import { evaluate, type Names } from './expression.js';
import { addressOfWords, hex } from './format.js';
import { Symbols } from './symbols.js';
import { ThreadContext } from './thread-context.js';

/** What a command answered. */
export interface Answer {
  readonly text: string;
  /** It could not be done; the text says why. */
  readonly failed?: boolean;
  /** The machine is to run: piece() until it answers. */
  readonly runs?: boolean;
  /** The session is over. */
  readonly quits?: boolean;
}

const WAITS_FOR_INPUT =
  'The program waits for console input: .input TEXT gives it a line, .input /eof ends its input';

export class DebugSession {
  readonly symbols: Symbols;
  readonly execution: Execution;
  /** Where d* and u go on. */
  nextDump = 0;
  nextCode = 0;
  /** Unit of the last d* command. */
  dumpUnit = 'b';
  #selected: Process | null = null;

  constructor(
    readonly kernel: Kernel,
    /** Instructions in all that no run passes. */
    limit: number = Number.POSITIVE_INFINITY,
  ) {
    this.symbols = new Symbols(kernel);
    this.execution = new Execution(kernel, (text) => this.#resolve(text), limit);
    this.execution.settle();
  }

  /** Does one command. */
  execute(line: string): Answer {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('*')) return { text: '' };
    const [, typed = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(trimmed)!;
    try {
      return findCommand(typed).run(this, rest.trim(), typed.toLowerCase());
    } catch (error) {
      if (!(error instanceof DebugError)) throw error;
      return { text: `${typed}: ${error.message}`, failed: true };
    }
  }

  /** Sets out to run. */
  go(goal: Goal): Answer {
    if (this.kernel.processes.size === 0)
      throw new DebugError("every process has ended, nothing can run any more; 'q' leaves");
    this.execution.start(goal);
    return { text: '', runs: true };
  }

  /** Runs for a while; why it stopped, or null when there is more to run. */
  piece(): string | null {
    const stop = this.execution.piece();
    return stop === null ? null : this.#stopText(stop);
  }

  /** Stops a run from outside. */
  breakIn(why: string): string {
    this.execution.cease();
    this.execution.settle();
    return this.#withPlace(why);
  }

  /** The process that commands are about; throws DebugError when it has ended. */
  get process(): Process {
    const process = this.#selected ?? this.kernel.loadedThread?.process ?? this.#anyProcess();
    if (process !== undefined && !process.deleted) return process;
    throw new DebugError(
      "there is no process: it has ended and its memory is gone; 'g msvcrt!exit' or 'sxe av' stop before",
    );
  }

  select(process: Process): void {
    this.#selected = process;
  }

  #anyProcess(): Process | undefined {
    return [...this.kernel.processes.values()][0];
  }

  get context(): ThreadContext {
    const { process } = this;
    const loaded = this.kernel.loadedThread;
    const thread: Thread | undefined =
      loaded?.process === process ? loaded : process.threads.find(({ state }) => state !== THREAD_TERMINATED);
    if (thread === undefined) throw new DebugError(`process ${hex(process.id, 4)} has no thread`);
    return new ThreadContext(this.kernel, thread);
  }

  /** The value of an expression; throws DebugError. */
  evaluate(text: string): number {
    return evaluate(text, this.#names);
  }

  /** The address that a breakpoint names, or null when its module is not there yet. */
  placeOf(text: string): number | null {
    const module = /^([\w.-]+)!\w+$/.exec(text)?.[1];
    if (module !== undefined && this.symbols.find(this.process, module, null) === null) return null;
    return this.evaluate(text);
  }

  #resolve(text: string): number | null {
    const [, module, name] = /^([\w.-]+)!(\w+)$/.exec(text) ?? [];
    return module === undefined ? null : this.symbols.find(this.process, module, name!);
  }

  get #names(): Names {
    return {
      register: (name) => this.#register(name),
      symbol: (module, name) => this.symbols.find(this.process, module, name),
    };
  }

  #register(name: string): number | null {
    const { process } = this;
    switch (name) {
      case 'exentry':
        return process.entryPoint;
      case 'peb':
        return process.peb;
      case 'teb':
        return this.context.thread.teb;
      case 'ip':
        return this.context.rip;
      default: {
        const value = process.threads.length === 0 ? undefined : this.context.read(name);
        if (value === undefined) return null;
        const address = addressOfWords(value.lo, value.hi);
        if (address >= 0) return address;
        throw new DebugError(`${name} holds no canonical address ('r ${name}' shows it)`);
      }
    }
  }

  #stopText(stop: Stop): string {
    this.execution.settle();
    switch (stop.kind) {
      case 'breakpoint':
        return this.#withPlace(`Breakpoint ${stop.breakpoint.id} hit`);
      case 'event':
        return this.#withPlace(`Event ${stop.text}`);
      case 'reached':
        return this.#withPlace('');
      case 'limit':
        return this.#withPlace('The limit of --max-instructions is reached');
      case 'waiting-input':
        return WAITS_FOR_INPUT;
      case 'stalled':
        return "Every thread waits for what can no longer happen; '!process 0 2' shows for what";
      case 'exited':
        return this.kernel.exited.map((process) => this.#endText(process)).join('\n');
    }
  }

  /** Where the processor is now. */
  #withPlace(why: string): string {
    const thread = this.kernel.loadedThread;
    const head = why === '' ? '' : `${why}\n`;
    if (thread === null) return `${head}No thread runs: all of them wait`;
    const { rip } = this.kernel.processor;
    return `${head}${disassemble(this.kernel, thread.process, this.symbols, rip, 1).text}`;
  }

  #endText({ id, imagePath, exitStatus, crash, exitMessage }: Process): string {
    const name = imagePath.slice(imagePath.lastIndexOf('\\') + 1);
    const end = `Process ${hex(id, 4)} (${name}) has ended: ${statusText(exitStatus ?? 0)}`;
    if (crash === null) return exitMessage === null ? end : `${end}: ${exitMessage}`;
    const { processor } = this.kernel;
    const report = formatCrash(name, crash, (bytes, address) =>
      processor.describeInstruction(bytes, address),
    );
    return `${report}\n${end}`;
  }
}

function findCommand(typed: string): DebugCommand {
  const name = typed.toLowerCase();
  const command = COMMANDS.find(({ names }) => names.includes(name));
  if (command !== undefined) return command;
  throw new DebugError(`no such command; '.help' lists them`);
}

/** Cuts a line at the semicolons outside of quotes. */
export function splitCommands(line: string): string[] {
  const commands = [''];
  let quoted = false;
  for (const character of line) {
    if (character === '"') quoted = !quoted;
    if (character === ';' && !quoted) commands.push('');
    else commands[commands.length - 1] += character;
  }
  return commands.map((command) => command.trim()).filter((command) => command !== '');
}
