import {
  STATUS_BAD_NETWORK_PATH,
  STATUS_NAME_TOO_LONG,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_OBJECT_NAME_NOT_FOUND,
  STATUS_OBJECT_PATH_NOT_FOUND,
  STATUS_OBJECT_PATH_SYNTAX_BAD,
} from '../base/ntstatus.js';

export type DeviceName = 'disk' | 'null' | 'console-input' | 'console-output' | 'console' | 'pipe';

/** What an NT path names. */
export interface ParsedName {
  readonly device: DeviceName;
  /** Upper-case drive letter; '' for the other devices. */
  readonly drive: string;
  /** Of a pipe: its name alone. */
  readonly components: readonly string[];
  /** The path ended in a backslash: only a directory can be meant. */
  readonly directoryOnly: boolean;
}

/** UTF-16 units: the most a UNICODE_STRING holds, and the most of one component on NTFS. */
const MAXIMUM_PATH = 32767;
const MAXIMUM_COMPONENT = 255;

const DEVICES: Readonly<Record<string, DeviceName>> = {
  NUL: 'null',
  CON: 'console',
  CONIN$: 'console-input',
  CONOUT$: 'console-output',
};

const named = (device: DeviceName): ParsedName => ({
  device,
  drive: '',
  components: [],
  directoryOnly: false,
});

/** Characters that no NTFS name holds, controls, and halves of surrogate pairs (they have no UTF-8 form). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const FORBIDDEN = /[\x00-\x1f"*<>?|/:]|\p{Surrogate}/u;

/** Whether one component can be a file name. A name that ends in a dot or a space could not be reached by Win32. */
export function isValidComponent(component: string): boolean {
  if (component === '' || component.length > MAXIMUM_COMPONENT) return false;
  return !FORBIDDEN.test(component) && !/[. ]$/.test(component);
}

/** Parses the part below a drive, 'work\\a.txt'; the default data stream may be named (a.txt::$DATA), no other can. */
function parseComponents(drive: string, rest: string): ParsedName | number {
  const directoryOnly = rest.endsWith('\\');
  const body = directoryOnly ? rest.slice(0, -1) : rest;
  const components = body === '' ? [] : body.split('\\');
  const last = components.at(-1);
  if (last !== undefined && /::\$data$/i.test(last) && !directoryOnly)
    components[components.length - 1] = last.slice(0, last.indexOf(':'));
  if (!components.every(isValidComponent)) return STATUS_OBJECT_NAME_INVALID;
  return { device: 'disk', drive, components, directoryOnly };
}

/** Most units of a pipe's name. Source: Microsoft, "CreateNamedPipeA function" (256 with the prefix). */
const MAXIMUM_PIPE_NAME = 256;

function pipeNamed(name: string): ParsedName | number {
  if (name === '' || name.length > MAXIMUM_PIPE_NAME) return STATUS_OBJECT_NAME_INVALID;
  return { ...named('pipe'), components: [name] };
}

/** Parses an NT path; a number is the NTSTATUS that refuses it. */
export function parseNtPath(path: string): ParsedName | number {
  if (path.length > MAXIMUM_PATH) return STATUS_NAME_TOO_LONG;
  const upper = path.slice(0, 64).toUpperCase();
  if (upper === '\\DEVICE\\NULL') return named('null');
  if (upper.startsWith('\\DEVICE\\NAMEDPIPE\\')) return pipeNamed(path.slice(18));
  if (upper.startsWith('\\SYSTEMROOT\\')) return parseComponents('C', `Windows\\${path.slice(12)}`);
  if (!path.startsWith('\\??\\'))
    return path.startsWith('\\') ? STATUS_OBJECT_PATH_NOT_FOUND : STATUS_OBJECT_PATH_SYNTAX_BAD;
  const name = path.slice(4);
  const drive = /^([A-Za-z]):(\\|$)/.exec(name);
  if (drive) {
    if (name.length === 2) return STATUS_OBJECT_NAME_INVALID;
    return parseComponents(drive[1]!.toUpperCase(), name.slice(3));
  }
  if (/^pipe\\/i.test(name)) return pipeNamed(name.slice(5));
  const device = DEVICES[name.toUpperCase()];
  if (device) return named(device);
  if (/^UNC\\/i.test(name)) return STATUS_BAD_NETWORK_PATH;
  return name.includes('\\') ? STATUS_OBJECT_PATH_NOT_FOUND : STATUS_OBJECT_NAME_NOT_FOUND;
}
