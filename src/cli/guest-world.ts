/**
 * The world that a program finds: its own folder as C:\app, the current folder as C:\work, and what --dir adds. Nothing
 * else of this computer shows.
 */
import { statSync } from 'node:fs';
import { STATUS_OBJECT_NAME_NOT_FOUND } from '../base/ntstatus.js';
import { foldName } from '../host/folding.js';
import { HostError } from '../host/host.js';
import { NodeHost } from '../host/node-host.js';
import { statusText } from '../inspect/status-names.js';
import { grouped } from '../inspect/text.js';
import { Machine } from '../machine.js';
import { type MachineProcess, NtStatusError } from '../machine-process.js';
import { MAXIMUM_COMMAND_LINE, quoteArguments } from '../nt/command-line.js';
import type { ConsoleOutput } from './console-output.js';
import { CommandError, EXIT_NOT_FOUND, EXIT_NOT_RUNNABLE, EXIT_USAGE } from './exit-status.js';
import { makeMachineFolder } from './machine-folder.js';
import { type DirectoryOption, type MachineFlags, WORK_FOLDER } from './options.js';
import type { ProgramFile } from './program-file.js';

export const PROGRAM_FOLDER = 'C:\\app';

export interface GuestWorld {
  readonly machine: Machine;
  readonly process: MachineProcess;
  /** Guest path -> the --dir option that shows it. */
  readonly directories: ReadonlyMap<string, DirectoryOption>;
}

/** Makes a machine with the folders of the options and the program's process in it; `prepare` sees the machine before that. */
export function makeGuestWorld(
  program: ProgramFile,
  args: readonly string[],
  flags: MachineFlags,
  output: ConsoleOutput,
  prepare: (machine: Machine) => void = () => {},
): GuestWorld {
  const host = new NodeHost({ writeConsole: (stream, bytes) => output.write(stream, bytes) });
  const roots = (flags.dir ?? []).map((option) => ({ option, root: addRoot(host, option.host) }));
  const pageFileRoot = host.addRoot(makeMachineFolder(flags.machineDir));
  const machine = new Machine({
    host,
    profile: flags.profile,
    ram: flags.ram,
    seed: flags.seed,
    pageFileRoot,
    policy: flags.policy,
    ...(flags.pagefile ? { pageFiles: flags.pagefile } : {}),
  });
  machine.mount(PROGRAM_FOLDER, host.addRoot(program.folder));
  machine.mount(WORK_FOLDER, addRoot(host, '.'));
  const directories = new Map<string, DirectoryOption>();
  for (const { option, root } of roots) {
    machine.mount(option.guest, root, { writable: option.writable });
    directories.set(option.guest, option);
  }
  prepare(machine);
  const isHidden = roots.some(({ option }) => foldName(option.guest) === foldName(PROGRAM_FOLDER));
  return { machine, process: startProgram(machine, program, args, isHidden), directories };
}

function addRoot(host: NodeHost, folder: string): number {
  try {
    if (statSync(folder).isDirectory()) return host.addRoot(folder);
  } catch (error) {
    if (error instanceof HostError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new CommandError(EXIT_NOT_FOUND, `the folder ${folder} is not found${guestPathHint(folder)}`);
  }
  throw new CommandError(EXIT_USAGE, `${folder} is not a folder`);
}

/** A name with '=' may have been meant as HOST=GUEST. */
function guestPathHint(folder: string): string {
  const at = folder.lastIndexOf('=');
  if (at <= 0) return '';
  const [host, guest] = [folder.slice(0, at), folder.slice(at + 1).replace(/^[\\/]+/, '')];
  return `; a Windows path after '=' begins with its drive: ${host}=C:/${guest}`;
}

function checkCommandLine({ length }: string): void {
  if (length > MAXIMUM_COMMAND_LINE)
    throw new CommandError(
      EXIT_USAGE,
      `the program's command line would have ${grouped(length + 1)} characters with the zero at its end; CreateProcess of Windows takes at most ${grouped(MAXIMUM_COMMAND_LINE + 1)}`,
    );
}

/** `isHidden`: another folder stands where the program's own does. */
function startProgram(
  machine: Machine,
  program: ProgramFile,
  args: readonly string[],
  isHidden: boolean,
): MachineProcess {
  const image = `${PROGRAM_FOLDER}\\${program.name}`;
  const commandLine = quoteArguments([image, ...args]);
  checkCommandLine(commandLine);
  try {
    return machine.createProcess({ image, commandLine, currentDirectory: WORK_FOLDER });
  } catch (error) {
    if (!(error instanceof NtStatusError)) throw error;
    const hidden = isHidden && error.status === STATUS_OBJECT_NAME_NOT_FOUND;
    const reason = hidden ? `a --dir hides its folder, ${PROGRAM_FOLDER}` : statusText(error.status);
    throw new CommandError(EXIT_NOT_RUNNABLE, `cannot run ${program.typed}: ${reason}`);
  }
}
