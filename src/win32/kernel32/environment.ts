/** The environment and the command line (processenv.h). Sources: Microsoft, "GetEnvironmentVariable function", "SetEnvironmentVariable function", "GetCommandLineW function", "ExpandEnvironmentStringsW function". */
import { STATUS_INVALID_HANDLE } from '../../base/ntstatus.js';
import { foldName } from '../../host/folding.js';
import * as peb from '../../ldr/peb-layout.js';
import { GuestFault } from '../../mm/user-memory.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_ENOUGH_MEMORY,
} from '../ntdll/dos-error.js';
import { allocateFromHeap, freeToHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { HeapCorruption } from '../ntdll/heap-layout.js';
import { processHeap } from '../ntdll/heap-services.js';
import { blockOnce } from './library-state.js';
import {
  environmentEntries,
  processParameters,
  setEnvironmentEntries,
  setStandardHandle,
  standardHandle,
  unicodeBuffer,
  unicodeString,
} from './process-parameters.js';
import { ERROR_ENVVAR_NOT_FOUND, failStatus, INVALID_HANDLE_VALUE, TRUE, truth } from './results.js';
import { ANSI, bothForms, giveText, type TextForm, textInHeap } from './text-form.js';

/** Most units of a variable's value (Microsoft, "Environment Variables"). */
const MAXIMUM_VALUE = 32767;
/** Most units of a text to expand and of what becomes of it: a bound of ours (Windows XP had 32 K). */
const MAXIMUM_EXPANDED = 2 ** 20;

/** Where the name ends; drive entries such as =C: begin with an equals sign. */
const nameEnd = (entry: string) => entry.indexOf('=', 1);

const nameOf = (entry: string) => entry.slice(0, nameEnd(entry));

/** The value of a variable, null when it is not set. */
export function environmentValue(call: ServiceCall, name: string): string | null {
  const folded = foldName(name);
  const entry = environmentEntries(call).find((text) => foldName(nameOf(text)) === folded);
  return entry === undefined ? null : entry.slice(nameEnd(entry) + 1);
}

/** Sets a variable, or removes it when the value is null; returns an NTSTATUS. New names go to their place in sorted order. */
export function setEnvironmentValue(call: ServiceCall, name: string, value: string | null): number {
  const entries = environmentEntries(call);
  const folded = foldName(name);
  const index = entries.findIndex((entry) => foldName(nameOf(entry)) === folded);
  if (value === null) {
    if (index >= 0) entries.splice(index, 1);
  } else if (index >= 0) {
    entries[index] = `${nameOf(entries[index]!)}=${value}`;
  } else {
    const after = entries.findIndex((entry) => foldName(nameOf(entry)) > folded);
    entries.splice(after < 0 ? entries.length : after, 0, `${name}=${value}`);
  }
  return setEnvironmentEntries(call, entries);
}

/** DWORD GetEnvironmentVariable(name, buffer, units). */
const getVariable =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const value = environmentValue(call, form.read(call, call.address(0)));
    if (value === null) return call.fail(ERROR_ENVVAR_NOT_FOUND);
    const length = giveText(call, form, value, call.address(1), call.u32(2));
    if (length === 0) call.lastError = 0;
    return length;
  };

/** BOOL SetEnvironmentVariable(name, value). */
const setVariable =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const name = call.address(0) === 0 ? '' : form.read(call, call.address(0));
    if (name === '' || name.includes('=', 1)) return call.fail(ERROR_INVALID_PARAMETER);
    const value = call.address(1) === 0 ? null : form.read(call, call.address(1));
    if (value !== null && value.length > MAXIMUM_VALUE) return call.fail(ERROR_INVALID_PARAMETER);
    if (value === null && environmentValue(call, name) === null) return call.fail(ERROR_ENVVAR_NOT_FOUND);
    return truth(call, setEnvironmentValue(call, name, value));
  };

/** A copy of the block in the process heap. */
const getStrings =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const block = `${environmentEntries(call)
      .map((entry) => `${entry}\0`)
      .join('')}\0`;
    const bytes = form.encode(block);
    const address = allocateFromHeap(heapContext(call), processHeap(call), 0, bytes.length);
    if (address === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
    call.memory.writeBytes(address, bytes);
    return address;
  };

const freeStrings = (): ServiceFunction => (call) => {
  try {
    if (call.address(0) !== 0) freeToHeap(heapContext(call), processHeap(call), call.address(0));
    return TRUE;
  } catch (error) {
    if (error instanceof HeapCorruption || error instanceof GuestFault)
      return call.fail(ERROR_INVALID_PARAMETER);
    throw error;
  }
};

/** A text with %NAME% replaced where the name is set; null when it grows beyond MAXIMUM_EXPANDED units. */
function expand(call: ServiceCall, text: string): string | null {
  const values = new Map<string, string>();
  for (const entry of environmentEntries(call).reverse())
    values.set(foldName(nameOf(entry)), entry.slice(nameEnd(entry) + 1));
  let result = '';
  let at = 0;
  while (at < text.length && result.length <= MAXIMUM_EXPANDED) {
    const start = text.indexOf('%', at);
    const end = start < 0 ? -1 : text.indexOf('%', start + 1);
    if (end < 0) {
      result += text.slice(at);
      break;
    }
    const value = end === start + 1 ? undefined : values.get(foldName(text.slice(start + 1, end)));
    result += text.slice(at, start);
    if (value === undefined) {
      result += text.slice(start, end);
      at = end;
    } else {
      result += value;
      at = end + 1;
    }
  }
  return result.length > MAXIMUM_EXPANDED ? null : result;
}

/** DWORD ExpandEnvironmentStrings(source, buffer, units): the units with the terminator. */
const expandStrings =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const text = expand(call, form.read(call, call.address(0), MAXIMUM_EXPANDED + 1));
    if (text === null) return call.fail(ERROR_INVALID_PARAMETER);
    const needed = form.encode(text).length / form.unit + 1;
    giveText(call, form, text, call.address(1), call.u32(2));
    return needed;
  };

/** LPWSTR GetCommandLineW(): the characters in the process parameters. */
const commandLineWide: ServiceFunction = (call) =>
  unicodeBuffer(call, processParameters(call) + peb.PARAMETERS_COMMAND_LINE);

/** LPSTR GetCommandLineA(): a copy that stays the same. */
const commandLineAnsi: ServiceFunction = (call) =>
  blockOnce(call, 'commandLine', () =>
    textInHeap(call, ANSI, unicodeString(call, processParameters(call) + peb.PARAMETERS_COMMAND_LINE)),
  );

/** Index among the standard handles of STD_INPUT_HANDLE (-10), STD_OUTPUT_HANDLE (-11), STD_ERROR_HANDLE (-12); else -1. */
function standardIndex(number: number): number {
  return number <= -10 && number >= -12 ? -10 - number : -1;
}

const getStandardHandle: ServiceFunction = (call) => {
  const index = standardIndex(call.i32(0));
  return index < 0 ? call.fail(ERROR_INVALID_HANDLE, INVALID_HANDLE_VALUE) : standardHandle(call, index);
};

const changeStandardHandle: ServiceFunction = (call) => {
  const index = standardIndex(call.i32(0));
  if (index < 0) return failStatus(call, STATUS_INVALID_HANDLE);
  setStandardHandle(call, index, call.lo(1), call.hi(1));
  return TRUE;
};

export const environmentFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('GetEnvironmentVariable', getVariable),
  ...bothForms('SetEnvironmentVariable', setVariable),
  ...bothForms('GetEnvironmentStrings', getStrings),
  GetEnvironmentStrings: getStrings(ANSI),
  ...bothForms('FreeEnvironmentStrings', freeStrings),
  ...bothForms('ExpandEnvironmentStrings', expandStrings),
  GetCommandLineA: commandLineAnsi,
  GetCommandLineW: commandLineWide,
  GetStdHandle: getStandardHandle,
  SetStdHandle: changeStandardHandle,
};
