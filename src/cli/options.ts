/** Values of the options: what may be written, and what is wrong with it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { PageFileSize, ReplacementPolicy } from '../mm/memory-manager.js';

export interface DirectoryOption {
  /** Path on this computer. */
  readonly host: string;
  /** Full Windows path, null: the current directory of the program. */
  readonly guest: string | null;
  readonly writable: boolean;
}

/** Options of a machine, alike for every command that runs a program. */
export interface MachineFlags {
  readonly profile: 'nt10-x64';
  /** Bytes. */
  readonly ram: number;
  /** Undefined: the machine's own choice. */
  readonly pagefile?: readonly PageFileSize[];
  /** Which page a working set gives up. */
  readonly policy: ReplacementPolicy;
  readonly seed: number;
  readonly dir?: readonly DirectoryOption[];
  readonly machineDir?: string;
  readonly maxInstructions?: number;
  /** Seconds of the host's time. */
  readonly timeout?: number;
}

const KIB = 1024;
const PAGE_SIZE = 4096;
export const LEAST_RAM = 8 * KIB ** 2;
export const MOST_RAM = 3 * KIB ** 3;
const DEFAULT_RAM = 64 * KIB ** 2;
const MOST_PAGE_FILES = 16;
const LEAST_PAGE_FILE = KIB ** 2;
const BINARY_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: KIB,
  M: KIB ** 2,
  G: KIB ** 3,
  T: KIB ** 4,
};
const DECIMAL_UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

function refuse(message: string): never {
  throw new InvalidArgumentError(message);
}

/** Bytes of a size such as 65536, 64M, 1.5G or 512MB; NaN when it is none. */
function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * BINARY_UNITS[match[2]!.toUpperCase()]!;
}

/** A size in bytes, a multiple of the page size. */
export function parseSize(text: string): number {
  const bytes = bytesOf(text);
  if (Number.isNaN(bytes)) refuse('Write a size such as 64M or 1G.');
  if (bytes % PAGE_SIZE !== 0) refuse('A size is a multiple of 4096 bytes, such as 64M.');
  return bytes;
}

export function parseRam(text: string): number {
  const bytes = parseSize(text);
  if (bytes < LEAST_RAM) refuse('The machine needs at least 8M of RAM.');
  if (bytes > MOST_RAM) refuse('The machine takes at most 3G of RAM.');
  return bytes;
}

/** One more paging file: INITIAL[:MAXIMUM]; 'none' alone stands for no paging file at all. */
export function parsePageFile(text: string, previous: readonly PageFileSize[] | undefined): PageFileSize[] {
  const files = [...(previous ?? [])];
  if (text === 'none') {
    if (files.length > 0) refuse("'none' does not go with other paging files.");
    return files;
  }
  if (previous !== undefined && previous.length === 0) refuse("'none' does not go with other paging files.");
  const [first = '', second, ...rest] = text.split(':');
  if (rest.length > 0) refuse('Write INITIAL or INITIAL:MAXIMUM, such as 512M:1G, or none.');
  const initial = parseSize(first);
  const maximum = second === undefined ? initial : parseSize(second);
  if (initial < LEAST_PAGE_FILE) refuse('A paging file has at least 1M.');
  if (maximum < initial) refuse('The maximum is below the initial size.');
  if (files.length === MOST_PAGE_FILES) refuse('There can be 16 paging files.');
  return [...files, { initial, maximum }];
}

/** A count such as 5000000, 5M or 2G, units being powers of ten. */
export function parseCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/i.exec(text.replaceAll('_', ''));
  const count = match === null ? Number.NaN : Number(match[1]) * DECIMAL_UNITS[match[2]!.toUpperCase()]!;
  if (!Number.isSafeInteger(Math.round(count)) || count < 1)
    refuse('Write a number from 1 on, such as 5000000, 5M or 2G.');
  return Math.round(count);
}

export function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^(0x[\da-f]+|\d+)$/i.test(text) || seed > 0xffff_ffff)
    refuse('A seed is a whole number from 0 to 4294967295.');
  return seed;
}

export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > 1e6)
    refuse('Write seconds, such as 10 or 0.5.');
  return seconds;
}

const GUEST_PATH = /^[A-Za-z]:[\\/][^<>:"|?*]*$/;

/** One more folder: HOST[=GUEST][:ro]. */
export function parseDirectory(
  text: string,
  previous: readonly DirectoryOption[] | undefined,
): DirectoryOption[] {
  const writable = !text.endsWith(':ro');
  const path = writable ? text : text.slice(0, -':ro'.length);
  const match = /^(.+)=([A-Za-z]:[\\/].*)$/.exec(path);
  const host = match ? match[1]! : path;
  if (host === '') refuse('Name a folder of this computer.');
  if (!match) {
    if (/=[A-Za-z]:/.test(path)) refuse('Write the Windows path with / or in quotes: HOST=C:/data.');
    if (previous?.some(({ guest }) => guest === null))
      refuse('Only one folder can be the current directory; give the others a place: HOST=C:/data.');
    return [...(previous ?? []), { host, guest: null, writable }];
  }
  if (!GUEST_PATH.test(match[2]!)) refuse(`${match[2]} is not a Windows path such as C:\\data.`);
  const guest = normalizeGuestPath(match[2]!);
  if (/^C:\\Windows(\\|$)/i.test(guest)) refuse('C:\\Windows is made by the machine itself.');
  return [...(previous ?? []), { host, guest, writable }];
}

/** Backslashes, no doubled or trailing one, '.' and '..' resolved, the drive in upper case. */
function normalizeGuestPath(path: string): string {
  const components: string[] = [];
  for (const part of path.slice(2).split(/[\\/]+/)) {
    if (part === '..') components.pop();
    else if (part !== '' && part !== '.') components.push(part);
  }
  return `${path[0]!.toUpperCase()}:\\${components.join('\\')}`;
}

/** Adds the options of a machine to a command. */
export function addMachineOptions(command: Command): Command {
  return command
    .addOption(new Option('--profile <name>', 'the machine').choices(['nt10-x64']).default('nt10-x64'))
    .addOption(new Option('--ram <size>', 'RAM').argParser(parseRam).default(DEFAULT_RAM, '64M'))
    .addOption(
      new Option('--pagefile <size>', 'a paging file INITIAL[:MAXIMUM], or none (repeatable)').argParser(
        parsePageFile,
      ),
    )
    .addOption(
      new Option('--policy <name>', 'which page goes: not accessed for longest, or first come')
        .choices(['aging', 'fifo'])
        .default('aging'),
    )
    .addOption(
      new Option('--seed <n>', 'what chance decides, such as where images lie')
        .argParser(parseSeed)
        .default(1),
    )
    .addOption(
      new Option('--dir <host[=guest][:ro]>', 'a folder for the program (repeatable)').argParser(
        parseDirectory,
      ),
    )
    .addOption(new Option('--machine-dir <folder>', "where the machine's own files go"))
    .addOption(new Option('--max-instructions <n>', 'stop after so many instructions').argParser(parseCount))
    .addOption(new Option('--timeout <seconds>', 'stop after so much time').argParser(parseSeconds));
}

/**
 * Writes out the values of options that may stand without one, before the program's name: `--report sort.exe` means
 * --report=text and the program sort.exe.
 */
export function completeOptionalValues(
  command: Command,
  args: readonly string[],
  values: Readonly<Record<string, string>>,
): string[] {
  const done: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (!arg.startsWith('-') || arg === '--' || arg === '-') return [...done, ...args.slice(index)];
    const option = command.options.find(({ long, short }) => long === arg || short === arg);
    const value = values[arg];
    done.push(value === undefined ? arg : `${arg}=${value}`);
    if (option?.required && index + 1 < args.length) done.push(args[++index]!);
  }
  return done;
}
