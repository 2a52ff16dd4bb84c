/** ntmm kd: a debugger prompt over a machine that runs a Windows program. */
import { createInterface, type Interface } from 'node:readline';
import { Command, Option } from 'commander';
import type { HostStream } from '../host/host.js';
import { DebugSession, splitCommands } from '../inspect/debugger/session.js';
import { ConsoleOutput } from './console-output.js';
import { signalStatus } from './exit-status.js';
import { makeGuestWorld } from './guest-world.js';
import { addMachineOptions, type MachineFlags } from './options.js';
import { findProgram } from './program-file.js';

export interface KdFlags extends MachineFlags {
  /** Commands with semicolons between them. */
  readonly c?: string;
}

const PROMPT = 'kd> ';
const LF = 10;
const EXIT_COMMAND_FAILED = 1;

const HELP = `
The machine stands before the program's first instruction; g lets it run. Commands are those of WinDbg, .help lists
them. They read the machine: nothing that is looked at faults in or changes. Ctrl-C stops a run.

Commands come from the terminal, from a pipe, or from -c. The program's console input is given by .input TEXT.
--max-instructions ends every run at that count, --timeout limits each run.

Shells take ! and $ in double quotes for themselves: use single ones, in cmd.exe double ones.

Exit status: 0, or 1 when a command could not be done; 130 when Ctrl-C stopped a script.

Examples:
  ntmm kd sort.exe words.txt
  ntmm kd -c 'g msvcrt!exit; !vm; !vad' sort.exe words.txt
  ntmm kd -c 'g fault; r; !explain @rip' hello.exe
  echo 'sxe av; g; r; k' | ntmm kd states.exe crash
`;

export function makeKdCommand(
  act: (program: string, args: string[], flags: KdFlags) => Promise<void>,
): Command {
  const command = new Command('kd')
    .summary('a debugger prompt over a running program')
    .description('Opens a debugger over a machine that runs a Windows program.')
    .argument('<program.exe>', 'the program, a file of this computer')
    .argument('[args...]', 'its arguments, as they are')
    .passThroughOptions();
  addMachineOptions(command)
    .addOption(new Option('-c <commands>', 'do these commands, with ; between them, and leave'))
    .addHelpText('after', HELP)
    .action((program: string, args: string[], flags: KdFlags) => act(program, args, flags));
  return command;
}

const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Output that knows whether the program left a line unfinished. */
class DebugOutput extends ConsoleOutput {
  #isLineOpen = false;

  override write(stream: HostStream, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#isLineOpen = bytes.at(-1) !== LF;
    super.write(stream, bytes);
  }

  /** Text of the debugger, on a line of its own. */
  override print(text: string): void {
    super.print(this.#isLineOpen ? `\n${text}` : text);
    this.#isLineOpen = false;
  }
}

/** Feeds commands to a session and shows what it answers. */
class CommandLoop {
  status = 0;
  #interrupts = 0;

  constructor(
    private readonly session: DebugSession,
    private readonly output: ConsoleOutput,
    /** Seconds that one run may take. */
    private readonly timeout: number,
    /** Commands are shown before their answers: nobody typed them on this terminal. */
    private readonly echoes: boolean,
  ) {}

  interrupt(): void {
    this.#interrupts++;
  }

  get isInterrupted(): boolean {
    return this.#interrupts > 0;
  }

  /** Does the commands of a line; false when the session is over. */
  async line(text: string): Promise<boolean> {
    this.#interrupts = 0;
    for (const command of splitCommands(text)) {
      if (this.echoes) this.output.print(`${PROMPT}${command}\n`);
      const { text: answer, failed, runs, quits } = this.session.execute(command);
      if (failed === true) this.status = EXIT_COMMAND_FAILED;
      this.#show(runs === true ? await this.#run() : answer);
      if (quits === true || this.output.failure !== null) return false;
      if (this.isInterrupted) return true;
    }
    return true;
  }

  #show(text: string): void {
    this.output.flush();
    if (text !== '') this.output.print(`${text.replace(/\n$/, '')}\n`);
  }

  /** Runs the machine up to a stop, in pieces. */
  async #run(): Promise<string> {
    const end = performance.now() + this.timeout * 1000;
    for (;;) {
      const stop = this.session.piece();
      if (stop !== null) return stop;
      this.output.flush();
      await breathe();
      if (this.isInterrupted) return this.session.breakIn('Interrupted');
      if (performance.now() >= end) return this.session.breakIn('Stopped by --timeout');
      if (this.output.failure !== null) return this.session.breakIn('');
    }
  }
}

/** Reads commands to the end of the input. */
async function readCommands(reader: Interface, loop: CommandLoop, isTerminal: boolean): Promise<void> {
  let last = '';
  if (isTerminal) reader.prompt();
  for await (const typed of reader) {
    const line = isTerminal && typed.trim() === '' ? last : typed;
    last = line;
    if (!(await loop.line(line))) break;
    if (isTerminal) reader.prompt();
  }
  reader.close();
}

/** Opens the debugger; answers the exit status. */
export async function debugProgram(typed: string, args: readonly string[], flags: KdFlags): Promise<number> {
  const program = findProgram(typed);
  const output = new DebugOutput();
  const world = makeGuestWorld(program, args, flags, output);
  const session = new DebugSession(world.machine.kernel, flags.maxInstructions);
  const isTerminal = flags.c === undefined && Boolean(process.stdin.isTTY);
  const loop = new CommandLoop(session, output, flags.timeout ?? Number.POSITIVE_INFINITY, !isTerminal);
  const onSignal = () => {
    if (loop.isInterrupted) process.exit(signalStatus('SIGINT'));
    loop.interrupt();
  };
  process.on('SIGINT', onSignal);
  if (flags.c !== undefined) await loop.line(flags.c);
  else {
    output.print(
      `${session.breakIn(`${program.name} before its first instruction; .help lists the commands`)}\n`,
    );
    const options = isTerminal ? { output: process.stdout, prompt: PROMPT, terminal: true } : {};
    const reader = createInterface({ input: process.stdin, ...options });
    reader.on('SIGINT', onSignal);
    await readCommands(reader, loop, isTerminal);
  }
  world.machine.close();
  output.flush();
  return flags.c !== undefined && loop.isInterrupted ? signalStatus('SIGINT') : loop.status;
}
