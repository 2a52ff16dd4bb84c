/** Values of the options: what may be written, and what is wrong with it. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { foldName } from '../host/folding.js';
import type { DiskModel } from '../machine/disk.js';
import type { PageFileSize, ReplacementPolicy } from '../mm/memory-manager.js';
import { PRIVILEGE_NAMES } from '../nt/token.js';
import { type FrameRange, parseBadPage } from './bad-pages.js';

export interface DirectoryOption {
  /** Path on this computer. */
  readonly host: string;
  /** Full Windows path. */
  readonly guest: string;
  readonly writable: boolean;
}

/** One more program to run beside the first. */
export interface AlsoOption {
  /** Path on this computer. */
  readonly program: string;
  /** What stands behind it on its command line, with the space between them. */
  readonly rest: string;
}

/** Options of a machine, alike for every command that runs a program. */
export interface MachineFlags {
  readonly profile: 'nt10-x64';
  /** Bytes. */
  readonly ram: number;
  /** Undefined: the machine's own choice. */
  readonly pagefile?: readonly PageFileSize[];
  readonly badPage?: readonly FrameRange[];
  /** Names such as SeLockMemoryPrivilege. */
  readonly privilege?: readonly string[];
  /** Which page a working set gives up. */
  readonly policy: ReplacementPolicy;
  readonly disk: DiskModel;
  readonly seed: number;
  readonly dir?: readonly DirectoryOption[];
  readonly also?: readonly AlsoOption[];
  readonly machineDir?: string;
  readonly maxInstructions?: number;
  /** Seconds of the host's time. */
  readonly timeout?: number;
}

/** The current directory of the program. */
export const WORK_FOLDER = 'C:\\work';

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

/** One more folder: HOST[=GUEST][:ro]. Without GUEST it takes the place of the current directory. */
export function parseDirectory(
  text: string,
  previous: readonly DirectoryOption[] | undefined,
): DirectoryOption[] {
  const writable = !text.endsWith(':ro');
  const path = writable ? text : text.slice(0, -':ro'.length);
  const match = /^(.+)=([A-Za-z]:[\\/].*)$/.exec(path);
  const host = match ? match[1]! : path;
  if (host === '') refuse('Name a folder of this computer.');
  if (!match && /=[A-Za-z]:/.test(path))
    refuse(
      'A Windows path has its drive and a slash: HOST=C:/data, HOST=D:/. A backslash needs quotes in shells.',
    );
  const guest = match ? parseGuestPath(match[2]!) : WORK_FOLDER;
  if (previous?.some((other) => foldName(other.guest) === foldName(guest))) refuse(takenText(guest));
  return [...(previous ?? []), { host, guest, writable }];
}

function parseGuestPath(path: string): string {
  if (!GUEST_PATH.test(path)) refuse(`${path} is not a Windows path such as C:\\data.`);
  const guest = normalizeGuestPath(path);
  if (/^C:\\Windows(\\|$)/i.test(guest)) refuse('C:\\Windows is made by the machine itself.');
  return guest;
}

function takenText(guest: string): string {
  return guest === WORK_FOLDER
    ? 'Only one folder can be the current directory, C:\\work; give the others a place: HOST=C:/data.'
    : `Only one folder can be ${guest}.`;
}

/** One more program with its arguments, as one command line; quotes around the program's name may hold spaces. */
export function parseAlso(text: string, previous: readonly AlsoOption[] | undefined): AlsoOption[] {
  const [, quoted, plain, rest = ''] = /^\s*(?:"([^"]+)"|([^\s"]+))((?:\s.*)?)$/s.exec(text) ?? [];
  const program = quoted ?? plain;
  if (program === undefined)
    refuse('Write a program and its arguments in quotes, such as "sort.exe words.txt".');
  return [...(previous ?? []), { program, rest }];
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

/** One more privilege of the account: lock-memory or SeLockMemoryPrivilege. */
export function parsePrivilege(text: string, previous: readonly string[] | undefined): string[] {
  const plain = (name: string) => name.toLowerCase().replace(/^se|privilege$|-/g, '');
  const name = [...PRIVILEGE_NAMES.values()].find((each) => plain(each) === plain(text));
  if (name === undefined) refuse('Write the name of a privilege, such as lock-memory.');
  return [...(previous ?? []), name];
}

/** Adds the options of a machine to a command. */
export function addMachineOptions(command: Command): Command {
  return command
    .addOption(new Option('--profile <name>', 'the machine').choices(['nt10-x64']).default('nt10-x64'))
    .addOption(new Option('--ram <size>', 'RAM, at least 8M').argParser(parseRam).default(DEFAULT_RAM, '64M'))
    .addOption(
      new Option(
        '--pagefile <size>',
        'a paging file INITIAL[:MAXIMUM], or none (repeatable; default: 64M:128M)',
      ).argParser(parsePageFile),
    )
    .addOption(
      new Option(
        '--bad-page <n[-m]>',
        'pages of RAM, numbered from 0, that are never used (repeatable)',
      ).argParser(parseBadPage),
    )
    .addOption(
      new Option(
        '--privilege <name>',
        "a privilege that the account has beside an ordinary user's, such as lock-memory (repeatable)",
      ).argParser(parsePrivilege),
    )
    .addOption(
      new Option('--disk <name>', 'how fast the disk is: solid state, or a turning platter')
        .choices(['ssd', 'hdd'])
        .default('ssd'),
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
      new Option(
        '--dir <host[=guest][:ro]>',
        'a folder for the program, C:\\work without =guest (repeatable)',
      ).argParser(parseDirectory),
    )
    .addOption(
      new Option(
        '--also <command line>',
        'another program at the same time, with its arguments, in quotes (repeatable)',
      ).argParser(parseAlso),
    )
    .addOption(
      new Option(
        '--machine-dir <folder>',
        "where the run's folder for paging files is made and at the end removed (default: this computer's temporary folder)",
      ),
    )
    .addOption(
      new Option('--max-instructions <n>', 'stop after so many instructions (default: none)').argParser(
        parseCount,
      ),
    )
    .addOption(
      new Option('--timeout <seconds>', 'stop after so much of your time (default: none)').argParser(
        parseSeconds,
      ),
    );
}

/** An option with a value that may be left out; a value is written after '='. */
export function optionalValue(long: string, value: string, description: string): Option {
  const option = new Option(`${long} [${value}]`, description);
  option.flags = `${long}[=${value}]`;
  return option;
}

export interface CompletedArguments {
  readonly args: string[];
  /** An option and, after a space, what could be its value but stands where the program does. */
  readonly detached: { readonly option: string; readonly word: string } | null;
}

/**
 * Writes out the values of options that may stand without one, before the program's name: `--report sort.exe` means
 * --report=text and the program sort.exe.
 */
export function completeOptionalValues(
  command: Command,
  args: readonly string[],
  values: Readonly<Record<string, string>>,
): CompletedArguments {
  const done: string[] = [];
  let last: Option | undefined;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (!arg.startsWith('-') || arg === '--' || arg === '-') {
      const detached = last?.long && accepts(last, arg) ? { option: last.long, word: arg } : null;
      return { args: [...done, ...args.slice(index)], detached };
    }
    const option = command.options.find(({ long, short }) => long === arg || short === arg);
    const value = values[arg];
    last = value === undefined ? undefined : option;
    done.push(value === undefined ? arg : `${arg}=${value}`);
    if (option?.required && index + 1 < args.length) done.push(args[++index]!);
  }
  return { args: done, detached: null };
}

/** Whether a word is a value of the option. */
function accepts(option: Option, word: string): boolean {
  try {
    option.parseArg?.(word, undefined);
    return true;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return false;
    throw error;
  }
}
