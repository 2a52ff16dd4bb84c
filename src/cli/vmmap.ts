/** ntmm vmmap: a program's address space at its end, or after so many instructions. */
import { Command, Option } from 'commander';
import { type AddressSpaceMap, formatMap, mapAddressSpace, mapToJson } from '../inspect/vmmap.js';
import { ConsoleOutput } from './console-output.js';
import { guestStatus, signalStatus } from './exit-status.js';
import { makeGuestWorld } from './guest-world.js';
import { addMachineOptions, type MachineFlags, parseCount } from './options.js';
import { findProgram } from './program-file.js';
import { explainEnd, runWorld } from './run.js';

export interface VmmapFlags extends MachineFlags {
  /** Instructions. */
  readonly at?: number;
  readonly json?: boolean;
}

const STDERR = 2;

const HELP = `
The columns are those of VMMap. Committed is what RAM, a paging file or a mapped file stands behind; Private is
committed for this process alone; Total WS is in RAM and mapped now; Shareable of it can be shared with other
processes, Shared is. Unusable is what is left of a 64 KB block, where nothing else can begin.

What the program prints goes to stderr. Exit status: 0 with --at, else the program's own.

Examples:
  ntmm vmmap sort.exe words.txt                as the program ends
  ntmm vmmap --at 5M sort.exe words.txt        after five million instructions
  ntmm vmmap --json --at 5M sort.exe words.txt | jq '.types'
`;

export function makeVmmapCommand(
  act: (program: string, args: string[], flags: VmmapFlags) => Promise<void>,
): Command {
  const command = new Command('vmmap')
    .summary("a program's address space by type and by range")
    .description('Runs a Windows program and shows its address space by type and by range.')
    .argument('<program.exe>', 'the program, a file of this computer')
    .argument('[args...]', 'its arguments, as they are')
    .passThroughOptions();
  addMachineOptions(command)
    .addOption(new Option('--at <n>', 'after so many instructions, not at the end').argParser(parseCount))
    .addOption(new Option('--json', 'as JSON, sizes in bytes'))
    .addHelpText('after', HELP)
    .action((program: string, args: string[], flags: VmmapFlags) => act(program, args, flags));
  return command;
}

/** Runs the program and prints its map; answers the exit status. */
export async function showAddressSpace(
  typed: string,
  args: readonly string[],
  flags: VmmapFlags,
): Promise<number> {
  const program = findProgram(typed);
  const output = new ConsoleOutput(STDERR);
  let atExit: AddressSpaceMap | null = null;
  const world = makeGuestWorld(program, args, flags, output);
  const { kernel } = world.machine;
  const guest = world.process.object;
  kernel.processExiting.push((ending) => {
    if (ending === guest) atExit = mapAddressSpace(kernel, guest);
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
    output.say(`ntmm: ${program.name} ended before --at; this is how it was at its end\n`);
  const map = atExit ?? mapAddressSpace(kernel, guest);
  output.print(flags.json ? `${JSON.stringify(mapToJson(map), null, 2)}\n` : formatMap(map));
  world.machine.close();
  if (outcome.end.kind === 'signal') return signalStatus(outcome.end.signal);
  return flags.at === undefined && guest.exitStatus !== null ? guestStatus(guest.exitStatus) : 0;
}
