/** ntmm imports: what a program imports, and what of that is missing. */
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { foldName } from '../host/folding.js';
import { formatImports, type ImportReport, inspectImports } from '../inspect/imports.js';
import { systemDlls } from '../machine.js';
import { PeError } from '../pe/pe-error.js';
import { whyNotReadable } from '../pe/pe-image.js';
import { ConsoleOutput } from './console-output.js';
import { CommandError, EXIT_NOT_RUNNABLE } from './exit-status.js';
import { foreignKind, openProgramFile } from './program-file.js';

export interface ImportsFlags {
  readonly json?: boolean;
}

const EXIT_MISSING = 1;

const HELP = `
A function marked with ! is missing: the program starts, and stops when it calls it. A DLL that is neither a system DLL
nor beside the program keeps it from starting. DLLs beside the program are followed.

Exit status: 0 nothing is missing, 1 something is, 126 not a Windows program, 127 not found.

Examples:
  ntmm imports sort.exe
  ntmm imports --json sort.exe | jq '.missing'
`;

export function makeImportsCommand(act: (program: string, flags: ImportsFlags) => void): Command {
  return new Command('imports')
    .summary('what a program imports, and what is missing')
    .description(
      'Lists the functions that a program imports, and which of them are missing here, without running it.',
    )
    .argument('<program.exe>', 'the program or DLL, a file of this computer')
    .addOption(new Option('--json', 'as JSON'))
    .addHelpText('after', HELP)
    .action((program: string, flags: ImportsFlags) => act(program, flags));
}

/** Bytes of a DLL in the program's folder by its name in any case, or null. */
function readBeside(folder: string, name: string): Uint8Array | null {
  const found = readdirSync(folder)
    .sort()
    .find((entry) => foldName(entry) === foldName(name));
  return found === undefined ? null : readFileSync(join(folder, found));
}

function readProgram(typed: string): Uint8Array {
  const file = openProgramFile(typed);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function inspect(typed: string): ImportReport {
  const bytes = readProgram(typed);
  const foreign = foreignKind(bytes);
  if (foreign !== null) throw new CommandError(EXIT_NOT_RUNNABLE, `${typed} has no imports: ${foreign}`);
  const path = resolve(typed);
  try {
    return inspectImports(basename(path), bytes, systemDlls(), (name) => readBeside(dirname(path), name));
  } catch (error) {
    if (!(error instanceof PeError)) throw error;
    const reason = whyNotReadable(bytes, error);
    throw new CommandError(EXIT_NOT_RUNNABLE, `the imports of ${typed} cannot be read: ${reason}`);
  }
}

/** Prints the imports; answers the exit status. */
export function listImports(typed: string, flags: ImportsFlags): number {
  const report = inspect(typed);
  new ConsoleOutput().print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : formatImports(report));
  return report.missing.length === 0 ? 0 : EXIT_MISSING;
}
