/**
 * The runtime's environment: arrays of strings in its heap that _environ and _wenviron point to, made from the process's
 * block at start-up and changed by _putenv. Source: "getenv, _wgetenv", "_putenv, _wputenv", "_environ", Microsoft.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { setEnvironmentValue } from '../kernel32/environment.js';
import { environmentEntries } from '../kernel32/process-parameters.js';
import { allocate, release } from './crt-heap.js';
import { EINVAL, ENOMEM, ERANGE } from './errno.js';
import { failWith, variable } from './state.js';
import { narrowOf, readNarrow, readWide, unicodeOf, writeNarrow, writeWide } from './text.js';

/** Most strings that an array of the guest is followed through. */
const MAXIMUM_STRINGS = 0x10000;

/** Which of the two arrays, and how its strings lie in memory. */
interface Form {
  readonly variable: string;
  readonly width: number;
  read(call: ServiceCall, address: number): string;
  write(call: ServiceCall, address: number, text: string): void;
}

const NARROW: Form = {
  variable: '_environ',
  width: 1,
  read: (call, address) => unicodeOf(readNarrow(call.memory, address)),
  write: (call, address, text) => writeNarrow(call.memory, address, narrowOf(text)),
};

const WIDE: Form = {
  variable: '_wenviron',
  width: 2,
  read: (call, address) => readWide(call.memory, address),
  write: (call, address, text) => writeWide(call.memory, address, text),
};

/** A NULL-terminated array of strings in the runtime's heap; 0 when there is no memory. */
export function makeStringArray(call: ServiceCall, strings: readonly string[], wide: boolean): number {
  const form = wide ? WIDE : NARROW;
  const array = allocate(call, (strings.length + 1) * 8, true);
  if (array === 0) return 0;
  strings.forEach((text, index) => {
    call.memory.writePointer(array + 8 * index, makeString(call, text, form));
  });
  return array;
}

function makeString(call: ServiceCall, text: string, form: Form): number {
  const address = allocate(call, (text.length + 1) * form.width, false);
  if (address !== 0) form.write(call, address, text);
  return address;
}

function ensure(call: ServiceCall, form: Form): number {
  const at = variable(call, form.variable);
  const known = call.memory.readPointer(at);
  if (known !== 0) return known;
  // Drive entries such as =C: stay with the process.
  const strings = environmentEntries(call).filter((text) => !text.startsWith('='));
  const array = makeStringArray(call, strings, form === WIDE);
  call.memory.writePointer(at, array);
  return array;
}

/** Guest address of the environment array. */
export function environmentArray(call: ServiceCall, wide: boolean): number {
  return ensure(call, wide ? WIDE : NARROW);
}

interface Found {
  /** Guest address of the array's element. */
  readonly slot: number;
  /** Guest address of the string. */
  readonly string: number;
  readonly text: string;
}

function find(call: ServiceCall, name: string, form: Form): Found | null {
  const array = ensure(call, form);
  const wanted = `${name.toUpperCase()}=`;
  for (let index = 0; array !== 0 && index < MAXIMUM_STRINGS; index++) {
    const string = call.memory.readPointer(array + 8 * index);
    if (string === 0) return null;
    const text = form.read(call, string);
    if (text.slice(0, wanted.length).toUpperCase() === wanted)
      return { slot: array + 8 * index, string, text };
  }
  return null;
}

/** The value of a variable, or null. */
export function environmentValue(call: ServiceCall, name: string): string | null {
  return find(call, name, NARROW)?.text.slice(name.length + 1) ?? null;
}

/** Guest address of a variable's value, 0 when it is not set. */
function valueAddress(call: ServiceCall, name: string, form: Form): number {
  const found = find(call, name, form);
  return found === null ? 0 : found.string + (name.length + 1) * form.width;
}

function count(call: ServiceCall, array: number): number {
  let length = 0;
  while (length < MAXIMUM_STRINGS && call.memory.readPointer(array + 8 * length) !== 0) length++;
  return length;
}

/** Sets, changes or (with an empty value) removes a variable in one array. */
function change(call: ServiceCall, name: string, value: string, form: Form): boolean {
  const { memory } = call;
  const found = find(call, name, form);
  if (value === '') {
    if (found !== null) removeSlot(call, found.slot);
    return true;
  }
  const string = makeString(call, `${name}=${value}`, form);
  if (string === 0) return false;
  if (found !== null) {
    memory.writePointer(found.slot, string);
    return true;
  }
  const at = variable(call, form.variable);
  const array = memory.readPointer(at);
  const length = count(call, array);
  const grown = allocate(call, (length + 2) * 8, true);
  if (grown === 0) return false;
  memory.copy(grown, array, length * 8);
  memory.writePointer(grown + 8 * length, string);
  memory.writePointer(at, grown);
  // What __initenv and the program's envp saw may be the first array: it stays.
  if (call.memory.readPointer(variable(call, '__initenv')) !== array) release(call, array);
  return true;
}

function removeSlot(call: ServiceCall, slot: number): void {
  const { memory } = call;
  for (let at = slot; ; at += 8) {
    const next = memory.readPointer(at + 8);
    memory.writePointer(at, next);
    if (next === 0) return;
  }
}

function put(call: ServiceCall, name: string, value: string): boolean {
  setEnvironmentValue(call, name, value === '' ? null : value);
  const wideExists = call.memory.readPointer(variable(call, WIDE.variable)) !== 0;
  return change(call, name, value, NARROW) && (!wideExists || change(call, name, value, WIDE));
}

const putWith =
  (form: Form): ServiceFunction =>
  (call) => {
    const text = form.read(call, call.address(0));
    const equals = text.indexOf('=');
    if (equals <= 0) return failWith(call, EINVAL);
    return put(call, text.slice(0, equals), text.slice(equals + 1)) ? 0 : failWith(call, ENOMEM);
  };

const putSecure =
  (form: Form): ServiceFunction =>
  (call) => {
    const [name, value] = [form.read(call, call.address(0)), form.read(call, call.address(1))];
    if (name === '' || name.includes('=')) return failWith(call, EINVAL, EINVAL);
    return put(call, name, value) ? 0 : failWith(call, ENOMEM, ENOMEM);
  };

const getWith =
  (form: Form): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0) return 0;
    return valueAddress(call, form.read(call, call.address(0)), form);
  };

/** getenv_s(needed, buffer, size, name). */
const getSecure =
  (form: Form): ServiceFunction =>
  (call) => {
    const [needed, buffer, size] = [call.address(0), call.address(1), call.size(2)];
    if (needed === 0 || call.address(3) === 0) return failWith(call, EINVAL, EINVAL);
    const name = form.read(call, call.address(3));
    const text = find(call, name, form)?.text.slice(name.length + 1) ?? null;
    call.memory.writeU64(needed, text === null ? 0 : text.length + 1, 0);
    if (text === null) {
      if (buffer !== 0 && size > 0) form.write(call, buffer, '');
      return 0;
    }
    if (size === 0) return 0;
    if (text.length + 1 > size) return ERANGE;
    form.write(call, buffer, text);
    return 0;
  };

export const environmentFunctions: Record<string, ServiceFunction> = {
  getenv: getWith(NARROW),
  _wgetenv: getWith(WIDE),
  getenv_s: getSecure(NARROW),
  _wgetenv_s: getSecure(WIDE),
  _putenv: putWith(NARROW),
  _wputenv: putWith(WIDE),
  _putenv_s: putSecure(NARROW),
  _wputenv_s: putSecure(WIDE),
};
