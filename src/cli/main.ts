#!/usr/bin/env node
/** The command line. */
import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CommandError, EXIT_INTERNAL, EXIT_NOT_FOUND, EXIT_USAGE } from './exit-status.js';
import { listImports, makeImportsCommand } from './imports.js';
import { debugProgram, makeKdCommand } from './kd.js';
import { makeViewCommand } from './observe.js';
import { completeOptionalValues } from './options.js';
import { RAMMAP } from './rammap.js';
import { makeRunCommand, RUN_OPTIONAL_VALUES, runProgram } from './run.js';
import { VMMAP } from './vmmap.js';

const packageFile = new URL('../../package.json', import.meta.url);

function version(): string {
  return (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
}

const HELP = `
Examples:
  ntmm run hello.exe                     run a 64-bit Windows console program
  ntmm run --report sort.exe words.txt   with a memory report at the end
  ntmm imports sort.exe                  what it imports, and what is missing
  ntmm vmmap --at 5M sort.exe words.txt  its address space after five million instructions
  ntmm rammap sort.exe words.txt         what the pages of RAM are used for
  ntmm kd sort.exe words.txt             a debugger prompt over it
  ntmm help run                          all about running programs
`;

/** The arguments of run with every value; a value that was written as a word of its own is told from the program. */
function completeRunArguments(run: Command, typed: readonly string[]): string[] {
  const { args, detached } = completeOptionalValues(run, typed, RUN_OPTIONAL_VALUES);
  if (detached !== null && !existsSync(detached.word))
    throw new CommandError(
      EXIT_NOT_FOUND,
      `${detached.word} is not found; perhaps ${detached.option}=${detached.word}`,
    );
  return args;
}

/** Runs the command line; answers the exit status. */
async function main(args: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('ntmm')
    .description(
      'The Windows NT memory manager on a simulated machine: runs real Windows programs and shows what their memory does.',
    )
    .version(version(), '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .helpCommand('help [command]', 'help for a command')
    .addHelpText('after', HELP)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'ntmm: ')) })
    .showHelpAfterError("('ntmm help' shows what there is)");
  const run = makeRunCommand(async (file, rest, flags) => {
    status = await runProgram(file, rest, flags);
  });
  program.addCommand(run);
  program.addCommand(
    makeImportsCommand((file, flags) => {
      status = listImports(file, flags);
    }),
  );
  const finish = (code: number) => {
    status = code;
  };
  program.addCommand(makeViewCommand(VMMAP, finish));
  program.addCommand(makeViewCommand(RAMMAP, finish));
  program.addCommand(
    makeKdCommand(async (file, rest, flags) => {
      status = await debugProgram(file, rest, flags);
    }),
  );
  for (const command of program.commands)
    command
      .copyInheritedSettings(program)
      .showHelpAfterError(`('ntmm help ${command.name()}' explains every option)`);
  const [name = '', ...rest] = args;
  const completed = name === 'run' ? [name, ...completeRunArguments(run, rest)] : args;
  try {
    await program.parseAsync([...completed], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    throw error;
  }
  return status;
}

/** An error that was not expected is ours: where it happened helps those who mend it. */
function explain(error: unknown): number {
  if (error instanceof CommandError) {
    process.stderr.write(`ntmm: ${error.message}\n`);
    return error.status;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`ntmm: internal error, please report it with the command line\n${text}\n`);
  return EXIT_INTERNAL;
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: unknown) => process.exit(explain(error)),
);
