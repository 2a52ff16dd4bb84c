/** ntmm rammap: the pages of RAM by use and list at a program's end, or after so many instructions. */
import { Command, Option } from 'commander';
import { formatPhysicalMemory, mapPhysicalMemory, type PhysicalMemoryMap } from '../inspect/rammap.js';
import { ConsoleOutput } from './console-output.js';
import { guestStatus, signalStatus } from './exit-status.js';
import { makeGuestWorld } from './guest-world.js';
import { addMachineOptions, type MachineFlags, parseCount } from './options.js';
import { findProgram } from './program-file.js';
import { explainEnd, runWorld } from './run.js';

export interface RammapFlags extends MachineFlags {
  /** Instructions. */
  readonly at?: number;
  readonly json?: boolean;
}

const STDERR = 2;

const HELP = `
The rows are those of RAMMap's Use Counts, the columns the page lists; every page of RAM is counted once. Then the
pages that each process has for itself, and those of each mapped file.

What the program prints goes to stderr. Exit status: 0 with --at, else the program's own.

Examples:
  ntmm rammap sort.exe words.txt                as the program ends
  ntmm rammap --at 5M sort.exe words.txt        after five million instructions
  ntmm rammap --json --at 5M sort.exe words.txt | jq '.uses'
`;

export function makeRammapCommand(
  act: (program: string, args: string[], flags: RammapFlags) => Promise<void>,
): Command {
  const command = new Command('rammap')
    .summary('the pages of RAM by use and list')
    .description('Runs a Windows program and shows the pages of RAM by use and list.')
    .argument('<program.exe>', 'the program, a file of this computer')
    .argument('[args...]', 'its arguments, as they are')
    .passThroughOptions();
  addMachineOptions(command)
    .addOption(new Option('--at <n>', 'after so many instructions, not at the end').argParser(parseCount))
    .addOption(new Option('--json', 'as JSON, in pages of 4096 bytes'))
    .addHelpText('after', HELP)
    .action((program: string, args: string[], flags: RammapFlags) => act(program, args, flags));
  return command;
}

/** Runs the program and prints the map; answers the exit status. */
export async function showPhysicalMemory(
  typed: string,
  args: readonly string[],
  flags: RammapFlags,
): Promise<number> {
  const program = findProgram(typed);
  const output = new ConsoleOutput(STDERR);
  let atExit: PhysicalMemoryMap | null = null;
  const world = makeGuestWorld(program, args, flags, output);
  const { kernel } = world.machine;
  const guest = world.process.object;
  kernel.processExiting.push((ending) => {
    if (ending === guest) atExit = mapPhysicalMemory(kernel);
  });
  const limit = Math.min(
    flags.at ?? Number.POSITIVE_INFINITY,
    flags.maxInstructions ?? Number.POSITIVE_INFINITY,
  );
  const limits = Number.isFinite(limit) ? { maxInstructions: limit } : {};
  const outcome = await runWorld(world, { ...flags, ...limits }, output);
  const reached = outcome.end.kind === 'instructions' && limit === flags.at;
  if (!reached) explainEnd(program, world, outcome, output);
  if (flags.at !== undefined && outcome.end.kind === 'exited')
    output.say(`ntmm: ${program.name} ended before --at; this is how RAM was at its end\n`);
  const map = atExit ?? mapPhysicalMemory(kernel);
  output.print(flags.json ? `${JSON.stringify(map, null, 2)}\n` : formatPhysicalMemory(map));
  world.machine.close();
  if (outcome.end.kind === 'signal') return signalStatus(outcome.end.signal);
  return flags.at === undefined && guest.exitStatus !== null ? guestStatus(guest.exitStatus) : 0;
}
