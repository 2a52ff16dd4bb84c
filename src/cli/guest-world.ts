/**
 * The world that programs find: the first one's folder as C:\app, those of others as C:\app2 and so on, the current folder
 * as C:\work, and what --dir adds. Nothing else of this computer shows.
 */
import { statSync } from 'node:fs';
import { STATUS_COMMITMENT_LIMIT, STATUS_NO_MEMORY, STATUS_OBJECT_NAME_NOT_FOUND } from '../base/ntstatus.js';
import { foldName } from '../host/folding.js';
import { HostError } from '../host/host.js';
import { NodeHost } from '../host/node-host.js';
import { statusText } from '../inspect/status-names.js';
import { grouped } from '../inspect/text.js';
import { Machine } from '../machine.js';
import { type MachineProcess, NtStatusError } from '../machine-process.js';
import { MAXIMUM_COMMAND_LINE, quoteArguments } from '../nt/command-line.js';
import { badPages } from './bad-pages.js';
import type { ConsoleOutput } from './console-output.js';
import { CommandError, EXIT_NOT_FOUND, EXIT_NOT_RUNNABLE, EXIT_USAGE } from './exit-status.js';
import { makeMachineFolder } from './machine-folder.js';
import { type DirectoryOption, type MachineFlags, WORK_FOLDER } from './options.js';
import { findProgram, type ProgramFile } from './program-file.js';

export const PROGRAM_FOLDER = 'C:\\app';

const MEMORY_STATUSES: readonly number[] = [STATUS_NO_MEMORY, STATUS_COMMITMENT_LIMIT];

/** A program of the command line and the process that runs it. */
export interface GuestProgram {
  readonly program: ProgramFile;
  readonly process: MachineProcess;
}

export interface GuestWorld {
  readonly machine: Machine;
  /** The first program's. */
  readonly process: MachineProcess;
  /** The first program, then those of --also. */
  readonly programs: readonly GuestProgram[];
  /** Guest paths of the programs' folders. */
  readonly programFolders: ReadonlySet<string>;
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
  const others = (flags.also ?? []).map(({ program: typed, rest }) => ({
    program: findProgram(typed),
    rest,
  }));
  const bad = badPages(flags.badPage ?? [], flags.ram);
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
    badPages: bad,
    disk: flags.disk,
    ...(flags.privilege ? { privileges: flags.privilege } : {}),
    ...(flags.pagefile ? { pageFiles: flags.pagefile } : {}),
  });
  const folders = programFolders([program, ...others.map((other) => other.program)]);
  for (const [folder, guest] of folders) machine.mount(guest, host.addRoot(folder));
  machine.mount(WORK_FOLDER, addRoot(host, '.'));
  const directories = new Map<string, DirectoryOption>();
  for (const { option, root } of roots) {
    machine.mount(option.guest, root, { writable: option.writable });
    directories.set(option.guest, option);
  }
  prepare(machine);
  const isHidden = (guest: string) => roots.some(({ option }) => foldName(option.guest) === foldName(guest));
  const start = (file: ProgramFile, line: (image: string) => string): GuestProgram => {
    const guest = folders.get(file.folder)!;
    return { program: file, process: startProgram(machine, file, guest, line, isHidden(guest)) };
  };
  const first = start(program, (image) => quoteArguments([image, ...args]));
  const rest = others.map((other) => start(other.program, (image) => quoteArguments([image]) + other.rest));
  return {
    machine,
    process: first.process,
    programs: [first, ...rest],
    programFolders: new Set(folders.values()),
    directories,
  };
}

/** Where the guest sees each program's folder: C:\app the first one's, then C:\app2, C:\app3 and so on. */
function programFolders(programs: readonly ProgramFile[]): Map<string, string> {
  const folders = new Map<string, string>();
  for (const { folder } of programs) {
    const number = folders.size + 1;
    if (!folders.has(folder)) folders.set(folder, number === 1 ? PROGRAM_FOLDER : PROGRAM_FOLDER + number);
  }
  return folders;
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

/** `line`: the command line for the image's path; `isHidden`: another folder stands where the program's own does. */
function startProgram(
  machine: Machine,
  program: ProgramFile,
  folder: string,
  line: (image: string) => string,
  isHidden: boolean,
): MachineProcess {
  const image = `${folder}\\${program.name}`;
  const commandLine = line(image);
  checkCommandLine(commandLine);
  try {
    return machine.createProcess({ image, commandLine, currentDirectory: WORK_FOLDER });
  } catch (error) {
    if (!(error instanceof NtStatusError)) throw error;
    const hidden = isHidden && error.status === STATUS_OBJECT_NAME_NOT_FOUND;
    const reason = hidden ? `a --dir hides its folder, ${folder}` : statusText(error.status);
    const hint = MEMORY_STATUSES.includes(error.status) ? '; a larger --ram or --pagefile helps' : '';
    throw new CommandError(EXIT_NOT_RUNNABLE, `cannot run ${program.typed}: ${reason}${hint}`);
  }
}
