/** Runs a program up to an instant, its end or --at, and looks at it then: what vmmap and rammap have in common. */
import { Command, Option } from 'commander';
import { counted } from '../inspect/text.js';
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { ConsoleOutput } from './console-output.js';
import { guestStatus, signalStatus } from './exit-status.js';
import { makeGuestWorld } from './guest-world.js';
import { addMachineOptions, type MachineFlags, parseCount } from './options.js';
import { findProgram } from './program-file.js';
import { explainEnd, runWorld } from './run.js';

export interface ObserveFlags extends MachineFlags {
  /** Instructions. */
  readonly at?: number;
  readonly json?: boolean;
}

/** A view of a program: its words on the command line, how it looks, and how that is printed. */
export interface View<Seen> {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly jsonHelp: string;
  readonly help: string;
  look(kernel: Kernel, process: Process): Seen;
  format(seen: Seen): string;
  toJson(seen: Seen): unknown;
}

const STDERR = 2;

/** The command of a view; `act` gets its exit status. */
export function makeViewCommand<Seen>(view: View<Seen>, act: (status: number) => void): Command {
  const command = new Command(view.name)
    .summary(view.summary)
    .description(view.description)
    .argument('<program.exe>', 'the program, a file of this computer')
    .argument('[args...]', 'its arguments, as they are')
    .passThroughOptions();
  return addMachineOptions(command)
    .addOption(new Option('--at <n>', 'after so many instructions, not at the end').argParser(parseCount))
    .addOption(new Option('--json', view.jsonHelp))
    .addHelpText('after', view.help)
    .action(async (program: string, args: string[], flags: ObserveFlags) =>
      act(await observe(view, program, args, flags)),
    );
}

/** Runs the program and prints the view; answers the exit status. */
async function observe<Seen>(
  view: View<Seen>,
  typed: string,
  args: readonly string[],
  flags: ObserveFlags,
): Promise<number> {
  const program = findProgram(typed);
  const output = new ConsoleOutput(STDERR);
  let atExit: Seen | null = null;
  const world = makeGuestWorld(program, args, flags, output);
  const { kernel } = world.machine;
  const guest = world.process.object;
  kernel.processExiting.push((ending) => {
    if (ending === guest) atExit = view.look(kernel, guest);
  });
  const limit = Math.min(
    flags.at ?? Number.POSITIVE_INFINITY,
    flags.maxInstructions ?? Number.POSITIVE_INFINITY,
  );
  const limits = Number.isFinite(limit) ? { maxInstructions: limit } : {};
  const outcome = await runWorld(world, { ...flags, ...limits }, output);
  const reached = outcome.end.kind === 'instructions' && limit === flags.at;
  if (!reached) explainEnd(world, outcome, output);
  if (flags.at !== undefined && outcome.end.kind === 'exited')
    output.say(
      `ntmm: ${program.name} ended before --at, after ${counted(kernel.processor.instructions, 'instruction')}; this is how it was at its end\n`,
    );
  const seen = atExit ?? view.look(kernel, guest);
  output.print(flags.json ? `${JSON.stringify(view.toJson(seen), null, 2)}\n` : view.format(seen));
  world.machine.close();
  if (outcome.end.kind === 'signal') return signalStatus(outcome.end.signal);
  return flags.at === undefined && guest.exitStatus !== null ? guestStatus(guest.exitStatus) : 0;
}
