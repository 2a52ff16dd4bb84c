/** ntmm run: runs a Windows program. */
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  STATUS_DLL_NOT_FOUND,
  STATUS_ENTRYPOINT_NOT_FOUND,
  STATUS_ORDINAL_NOT_FOUND,
} from '../base/ntstatus.js';
import { formatCrash } from '../inspect/crash.js';
import { statusText } from '../inspect/status-names.js';
import { counted } from '../inspect/text.js';
import type { MachineProcess } from '../machine-process.js';
import { ConsoleInput } from './console-input.js';
import { ConsoleOutput } from './console-output.js';
import { EventLog } from './event-log.js';
import { EXIT_CANNOT_WRITE, EXIT_INTERNAL, EXIT_STOPPED, guestStatus, signalStatus } from './exit-status.js';
import { type GuestWorld, makeGuestWorld } from './guest-world.js';
import { addMachineOptions, type MachineFlags, optionalValue, parseCount, WORK_FOLDER } from './options.js';
import { findProgram } from './program-file.js';
import { type ReportFlags, ReportOutput } from './report-output.js';
import { RunControl, type RunLimits, type RunOutcome } from './run-control.js';

export interface RunFlags extends MachineFlags, ReportFlags {
  readonly events?: readonly string[];
  /** Quanta between two proofs. */
  readonly verify?: number;
}

const LARGEST_PLAIN_CODE = 255;
const LOADER_STATUSES: readonly number[] = [
  STATUS_DLL_NOT_FOUND,
  STATUS_ENTRYPOINT_NOT_FOUND,
  STATUS_ORDINAL_NOT_FOUND,
];

/** Options that may stand without a value, and what they mean then. */
export const RUN_OPTIONAL_VALUES: Readonly<Record<string, string>> = { '--report': 'text', '--verify': '1' };

export function makeRunCommand(
  act: (program: string, args: string[], flags: RunFlags) => Promise<void>,
): Command {
  const command = new Command('run')
    .summary('run a Windows program')
    .description(
      "Runs a 64-bit Windows console program; what it prints and its exit code are this command's.",
    )
    .argument('<program.exe>', 'the program, a file of this computer')
    .argument('[args...]', 'its arguments, as they are')
    .passThroughOptions();
  addMachineOptions(command)
    .addOption(
      optionalValue('--report', 'form', 'a memory report on stderr at the end; alone it is text').choices([
        'text',
        'json',
      ]),
    )
    .addOption(new Option('--report-file <file>', 'the report in a file instead'))
    .addOption(
      new Option(
        '--events <file>',
        'every memory event: .jsonl, or .json for Perfetto (repeatable)',
      ).argParser(parseEventFile),
    )
    .addOption(
      optionalValue(
        '--verify',
        'n',
        'prove all invariants every N quanta (1, the default: slow) and at the end',
      ).argParser(parseCount),
    )
    .addHelpText('after', RUN_HELP)
    .action((program: string, args: string[], flags: RunFlags) => act(program, args, flags));
  return command;
}

function parseEventFile(path: string, previous: readonly string[] | undefined): string[] {
  if (previous?.includes(path)) throw new InvalidArgumentError('The same file is named twice.');
  return [...(previous ?? []), path];
}

const RUN_HELP = `
What the program sees:
  C:\\app    its own folder, read only
  C:\\work   the folder you are in, its current directory; read only unless --dir .
  C:\\app2   the folder of an --also program that is not in the first one's, C:\\app3 the next, read only
  A folder of --dir is writable unless it ends in :ro; without =guest it takes the place of C:\\work.
  Nothing else of this computer shows. Time is virtual: a Sleep takes none of yours.

Programs of --also begin with the first one, on the same console. The run ends when every process has ended; its exit
status is the first program's, the report has a row for each.

A Windows path may be written with / instead of \\, which shells take for themselves.
Sizes are bytes or end in K, M, G, T (64M). Counts may end in K, M, G (powers of ten).

Exit status:
  0-255  the (first) program's exit code; 255 for larger ones, which stderr names
  64     wrong usage          126  the file is not a program that can run here
  70     a self-check failed  127  the file is not found
  73     a file of an option cannot be written
  124    stopped by --timeout or --max-instructions, or everything waits for ever
  130    stopped by Ctrl-C (the report still comes; Ctrl-C again ends at once)

Examples:
  ntmm run hello.exe                               run it
  ntmm run --report sort.exe words.txt             with a memory report at the end
  ntmm run --ram 64M --pagefile none sort.exe big.txt
  ntmm run --dir . widen.exe in.txt out.txt        it may write into this folder
  ntmm run --also "sort.exe b.txt" sort.exe a.txt  two at once, sharing what can be shared
  ntmm run --dir logs=C:/data:ro scan.exe C:/data/log.txt
  ntmm run --report=json --report-file report.json prog.exe
  ntmm run --events trace.json prog.exe            open trace.json in ui.perfetto.dev
  ntmm run --seed 7 --max-instructions 50M --verify prog.exe
`;

/** Runs the program; answers the exit status. */
export async function runProgram(typed: string, args: readonly string[], flags: RunFlags): Promise<number> {
  const program = findProgram(typed);
  const output = new ConsoleOutput();
  const report = new ReportOutput(flags);
  const logs = (flags.events ?? []).map((file) => new EventLog(file));
  const world = makeGuestWorld(program, args, flags, output, (machine) => {
    for (const log of logs) log.follow(machine);
  });
  const outcome = await runWorld(world, flags, output);
  for (const log of logs) {
    const problem = log.close(world.machine);
    if (problem !== null) output.say(`ntmm: ${problem}\n`);
  }
  explainEnd(world, outcome, output);
  explainRefusals(world, output);
  if (outcome.verifyPasses > 0)
    output.say(
      `ntmm: verify: ${counted(outcome.verifyChecks, 'check')} held in ${counted(outcome.verifyPasses, 'pass', 'passes')}\n`,
    );
  report.write(world.machine.report(), output);
  world.machine.close();
  return statusOf(world, outcome);
}

/** Runs the machine with the limits of the options. */
export function runWorld(
  world: GuestWorld,
  flags: Pick<RunFlags, 'maxInstructions' | 'timeout' | 'verify'>,
  output: ConsoleOutput,
): Promise<RunOutcome> {
  const limits: RunLimits = {
    instructions: flags.maxInstructions ?? Number.POSITIVE_INFINITY,
    seconds: flags.timeout ?? Number.POSITIVE_INFINITY,
    verifyQuanta: flags.verify ?? null,
  };
  const showsProgress = Boolean(process.stderr.isTTY) && !process.stdout.isTTY;
  return new RunControl(world.machine, new ConsoleInput(), output, limits, showsProgress).run();
}

/** Names of the programs that have not ended; of the first one when all have. */
function runningNames({ machine, process }: GuestWorld): string {
  const running = machine.processes.filter(({ exitStatus }) => exitStatus === null);
  return (running.length > 0 ? running : [process]).map(programName).join(', ');
}

function programName({ object: { imagePath } }: MachineProcess): string {
  return imagePath.slice(imagePath.lastIndexOf('\\') + 1);
}

/** Says on standard error why the programs did not end well. */
export function explainEnd(world: GuestWorld, { end }: RunOutcome, output: ConsoleOutput): void {
  const { machine } = world;
  const { processor } = machine.kernel;
  const names = runningNames(world);
  const after = `after ${counted(processor.instructions, 'instruction')}`;
  switch (end.kind) {
    case 'instructions':
      output.say(`ntmm: ${names} stopped by --max-instructions ${after}\n`);
      break;
    case 'timeout':
      output.say(`ntmm: ${names} stopped by --timeout ${after}\n`);
      break;
    case 'signal':
      output.say(`ntmm: ${names} stopped by ${end.signal} ${after}\n`);
      break;
    case 'stalled':
      output.say(`ntmm: ${names} stopped ${after}: every thread waits for what can no longer happen\n`);
      break;
    case 'verify-failed':
      output.say(`ntmm: verify failed ${after}: ${end.message}\n`);
      break;
    case 'output-failed':
      if (end.failure.code !== 'EPIPE')
        output.say(`ntmm: ${names} stopped ${after}: cannot write to stdout (${end.failure.message})\n`);
      break;
    case 'exited':
      break;
  }
  for (const process of machine.processes) explainProcess(world, process, output);
}

/** Says why one process did not end well. The exit code of one that a program made is that program's to judge. */
function explainProcess(
  { machine, programs }: GuestWorld,
  process: MachineProcess,
  output: ConsoleOutput,
): void {
  const { crash, exitStatus } = process;
  const { processor } = machine.kernel;
  const { exitMessage } = process.object;
  const started = programs.find((other) => other.process === process);
  const name = programName(process);
  if (crash !== null)
    output.say(formatCrash(name, crash, (bytes, address) => processor.describeInstruction(bytes, address)));
  else if (exitMessage !== null)
    output.say(`ntmm: ${name}: ${exitMessage}${importsHint(started?.program.typed, exitStatus)}\n`);
  if (started !== undefined && exitStatus !== null && exitStatus > LARGEST_PLAIN_CODE)
    output.say(`ntmm: ${name} ended with ${statusText(exitStatus)}\n`);
}

/** What helps when a program stopped for lack of a DLL or a function. */
function importsHint(typed: string | undefined, exitStatus: number | null): string {
  return typed !== undefined && exitStatus !== null && LOADER_STATUSES.includes(exitStatus)
    ? `; 'ntmm imports ${typed}' lists all that is missing`
    : '';
}

/** Names the option that would have allowed each refused write. */
function explainRefusals({ machine, directories, programFolders }: GuestWorld, output: ConsoleOutput): void {
  for (const folder of machine.kernel.fileSystem.refusedWrites) {
    const option = directories.get(folder);
    let way = 'a folder that --dir shows can be written to';
    if (option !== undefined) way = "leave ':ro' out of its --dir to allow that";
    else if (folder === WORK_FOLDER) way = '--dir . allows it, or --dir FOLDER for another folder';
    else if (programFolders.has(folder))
      way = 'it is the folder of a program; --dir FOLDER gives it another to write to';
    output.say(`ntmm: a write to ${folder} was refused: it is read only; ${way}\n`);
  }
}

function statusOf({ process: guest }: GuestWorld, { end }: RunOutcome): number {
  switch (end.kind) {
    case 'exited':
      return guestStatus(guest.exitStatus ?? 0);
    case 'signal':
      return signalStatus(end.signal);
    case 'output-failed':
      return end.failure.code === 'EPIPE' ? signalStatus('SIGPIPE') : EXIT_CANNOT_WRITE;
    case 'verify-failed':
      return EXIT_INTERNAL;
    default:
      return EXIT_STOPPED;
  }
}
