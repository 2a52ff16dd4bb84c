/**
 * Child processes of the C runtime: CreateProcess of kernel32, with the runtime's open files handed down.
 * Source: "_spawn, _wspawn functions", "_exec, _wexec functions", "_cwait", Microsoft.
 */

import { PROCESS_QUERY_LIMITED_INFORMATION } from '../../nt/access.js';
import { MAXIMUM_COMMAND_LINE } from '../../nt/command-line.js';
import { closeHandle, referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceResult, ServiceStep } from '../../nt/service.js';
import { environmentValue } from '../kernel32/environment.js';
import { programPath } from '../kernel32/program-search.js';
import { wideBytes } from '../wide-bytes.js';
import { allocate, release } from './crt-heap.js';
import { E2BIG, ECHILD, EINVAL, ENOENT, ENOMEM, errnoOfWin32 } from './errno.js';
import { inheritedFiles } from './inherited-files.js';
import { failWith } from './state.js';
import { readNarrow, readWide, unicodeOf } from './text.js';

const P_WAIT = 0;
const P_NOWAIT = 1;
const P_OVERLAY = 2;
const P_NOWAITO = 3;
const P_DETACH = 4;

const CREATE_UNICODE_ENVIRONMENT = 0x400;
const DETACHED_PROCESS = 0x8;
const INFINITE = 0xffffffff;
/** Most UTF-16 units of an environment. */
const MAXIMUM_ENVIRONMENT = 0x100000;

/** STARTUPINFO and PROCESS_INFORMATION behind it: byte offsets and size. */
const RESERVED_BYTES = 0x42;
const RESERVED = 0x48;
const STARTUP_BYTES = 0x68;
const INFORMATION_THREAD = STARTUP_BYTES + 8;
const FIXED_BYTES = STARTUP_BYTES + 0x18;

/** What one of the functions takes: mode or none, name, then arguments one by one or as an array, then the environment. */
interface Form {
  readonly wide: boolean;
  /** No mode is given: the child takes this process's place. */
  readonly isExec: boolean;
  readonly isList: boolean;
  readonly searchesPath: boolean;
  readonly hasEnvironment: boolean;
}

/** Thrown with the errno for which nothing is started. */
class Refusal extends Error {
  constructor(readonly errno: number) {
    super(`errno ${errno}`);
  }
}

function textAt(call: ServiceCall, form: Form, address: number, limit: number): string {
  return form.wide
    ? readWide(call.memory, address, limit)
    : unicodeOf(readNarrow(call.memory, address, limit));
}

/** Texts that a null pointer ends; `next(index)` is a pointer to one. `most`: UTF-16 units with a separator each. */
function texts(call: ServiceCall, form: Form, next: (index: number) => number, most: number): string[] {
  const found: string[] = [];
  let units = 0;
  for (let index = 0; ; index++) {
    const address = next(index);
    if (address === 0) return found;
    const text = textAt(call, form, address, most + 1);
    units += text.length + 1;
    if (units > most + 1) throw new Refusal(E2BIG);
    found.push(text);
  }
}

interface Arguments {
  readonly mode: number;
  readonly name: string;
  readonly line: string;
  /** Null: this process's environment. */
  readonly environment: readonly string[] | null;
}

function readArguments(call: ServiceCall, form: Form): Arguments {
  const first = form.isExec ? 0 : 1;
  const mode = form.isExec ? P_OVERLAY : call.i32(0);
  const nameAt = call.address(first);
  const listAt = call.address(first + 1);
  if (mode < P_WAIT || mode > P_DETACH || nameAt === 0 || listAt === 0) throw new Refusal(EINVAL);
  const inArray = (array: number) => (index: number) => call.memory.readPointer(array + 8 * index);
  const argument = form.isList ? (index: number) => call.address(first + 1 + index) : inArray(listAt);
  const args = texts(call, form, argument, MAXIMUM_COMMAND_LINE);
  if ((args[0] ?? '') === '') throw new Refusal(EINVAL);
  const environmentAt = form.hasEnvironment ? call.address(first + (form.isList ? args.length + 2 : 2)) : 0;
  const environment =
    environmentAt === 0 ? null : texts(call, form, inArray(environmentAt), MAXIMUM_ENVIRONMENT);
  const name = textAt(call, form, nameAt, MAXIMUM_COMMAND_LINE);
  return { mode, name, line: args.join(' '), environment };
}

/** The program that a name means: with .com, then .exe where it has no extension; in the folders of PATH when asked. */
function findProgram(call: ServiceCall, form: Form, name: string): string {
  const last = name.slice(Math.max(name.lastIndexOf('\\'), name.lastIndexOf('/')) + 1);
  const spellings = last.includes('.') ? [name] : [`${name}.com`, `${name}.exe`];
  const searches = form.searchesPath && !/[\\/:]/.test(name);
  const folders = searches ? (environmentValue(call, 'PATH')?.split(';') ?? []) : [];
  for (const folder of ['', ...new Set(folders.filter((text) => text !== ''))])
    for (const spelling of spellings) {
      const path = programPath(call, folder === '' ? spelling : `${folder.replace(/\\$/, '')}\\${spelling}`);
      if (typeof path === 'string') return path;
    }
  throw new Refusal(ENOENT);
}

function start(call: ServiceCall, form: Form): ServiceResult {
  const { mode, name, line, environment } = readArguments(call, form);
  const path = findProgram(call, form, name);
  const files = inheritedFiles(call, mode === P_DETACH);
  const block = environment === null ? '' : `${environment.map((entry) => `${entry}\0`).join('')}\0\0`;
  const parts = [wideBytes(`${path}\0`), wideBytes(`${line}\0`), wideBytes(block), files];
  const size = parts.reduce((sum, part) => sum + part.length, FIXED_BYTES);
  const at = allocate(call, size, true);
  if (at === 0) throw new Refusal(ENOMEM);
  const places: number[] = [];
  let end = at + FIXED_BYTES;
  for (const part of parts) {
    call.memory.writeBytes(end, part);
    places.push(end);
    end += part.length;
  }
  call.memory.writeU32(at, STARTUP_BYTES);
  call.memory.writeU16(at + RESERVED_BYTES, files.length);
  call.memory.writePointer(at + RESERVED, places[3]!);
  const flags = CREATE_UNICODE_ENVIRONMENT | (mode === P_DETACH ? DETACHED_PROCESS : 0);
  const environmentAt = environment === null ? 0 : places[2]!;
  const args = [places[0]!, places[1]!, 0, 0, 1, flags, environmentAt, 0, at, at + STARTUP_BYTES];
  return call.callGuest(call.symbol('kernel32.dll', 'CreateProcessW'), args, STEP_CREATED, [mode, at]);
}

const STEP_CREATED = 0;
const STEP_WAITED = 1;

/** CreateProcess has answered. */
const created: ServiceStep = (call, [mode, at]) => {
  if (call.resultLo === 0) {
    release(call, at!);
    return failWith(call, errnoOfWin32(call.lastError));
  }
  const process = call.memory.readU32(at! + STARTUP_BYTES);
  closeHandle(call.kernel, call.process, call.memory.readU32(at! + INFORMATION_THREAD));
  release(call, at!);
  switch (mode) {
    case P_WAIT:
      return waitFor(call, process, STEP_WAITED);
    case P_NOWAIT:
    case P_NOWAITO:
      return process;
    default:
      closeHandle(call.kernel, call.process, process);
      return mode === P_OVERLAY
        ? call.callGuest(call.symbol('kernel32.dll', 'ExitProcess'), [0], STEP_WAITED, [0])
        : 0;
  }
};

function waitFor(call: ServiceCall, process: number, step: number): ServiceResult {
  const wait = call.symbol('kernel32.dll', 'WaitForSingleObject');
  return call.callGuest(wait, [process, INFINITE], step, [process]);
}

/** The exit code of a process that has ended, and its handle closed; null when the handle is none of such a process. */
function takeExitCode(call: ServiceCall, handle: number): number | null {
  const access = PROCESS_QUERY_LIMITED_INFORMATION;
  const process = referenceByHandle(call.kernel, call.process, handle, 'process', access);
  if (typeof process === 'number') return null;
  const { exitStatus } = process as Process;
  closeHandle(call.kernel, call.process, handle);
  return exitStatus === null ? null : exitStatus | 0;
}

const waited: ServiceStep = (call, [process]) => takeExitCode(call, process!) ?? failWith(call, ECHILD);

const spawning = (form: Form): Service => ({
  enter: (call) => {
    try {
      return start(call, form);
    } catch (error) {
      if (error instanceof Refusal) return failWith(call, error.errno);
      throw error;
    }
  },
  steps: [created, waited],
});

/** intptr_t _cwait(status, process, action): the handle, or -1 with errno. */
const cwait: Service = {
  enter: (call) => (call.handle(1) > 0 ? waitFor(call, call.handle(1), 0) : failWith(call, ECHILD)),
  steps: [
    (call, [process]) => {
      const statusAt = call.address(0);
      if (statusAt !== 0) call.memory.probeWrite(statusAt, 4);
      const exitCode = takeExitCode(call, process!);
      if (exitCode === null) return failWith(call, ECHILD);
      if (statusAt !== 0) call.memory.writeU32(statusAt, exitCode);
      return process!;
    },
  ],
};

/** _spawnl to _spawnvpe and _execl to _execvpe, narrow and wide. */
function allForms(): Record<string, Service> {
  const functions: Record<string, Service> = { _cwait: cwait };
  for (const wide of [false, true])
    for (const isExec of [false, true])
      for (const isList of [false, true])
        for (const searchesPath of [false, true])
          for (const hasEnvironment of [false, true]) {
            const suffix = `${isList ? 'l' : 'v'}${searchesPath ? 'p' : ''}${hasEnvironment ? 'e' : ''}`;
            const name = `_${wide ? 'w' : ''}${isExec ? 'exec' : 'spawn'}${suffix}`;
            functions[name] = spawning({ wide, isExec, isList, searchesPath, hasEnvironment });
          }
  return functions;
}

export const spawnFunctions: Record<string, Service> = allForms();
