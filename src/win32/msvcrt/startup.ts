/**
 * Start-up: what the runtime does when it is attached, and what a program's start code asks of it.
 * Source: "CRT initialization", "_initterm, _initterm_e", "main function and command-line arguments", Microsoft.
 */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { splitCommandLine } from './command-line.js';
import { allocate } from './crt-heap.js';
import { fillCharacterTables } from './ctype.js';
import { environmentArray, makeStringArray } from './environment.js';
import { openInheritedFiles } from './inherited-files.js';
import { openStandardFiles } from './low-io.js';
import { commandLine, imagePath } from './parameters.js';
import { crtState, freeThreadData, variable } from './state.js';
import { IOREAD, IOWRT, openStream, standardStream } from './stream.js';
import { fillErrorList } from './strerror.js';
import { narrowOf, writeNarrow, writeWide } from './text.js';
import { expandWildcards } from './wildcards.js';

const DLL_PROCESS_ATTACH = 1;
const DLL_THREAD_DETACH = 3;
const WINDOWS_MAJOR = 10;
const WINDOWS_BUILD = 19045;
const PLATFORM_NT = 2;

function setPointer(call: ServiceCall, name: string, address: number): void {
  call.memory.writePointer(variable(call, name), address);
}

function makeText(call: ServiceCall, text: string, wide: boolean): number {
  const address = allocate(call, (text.length + 1) * (wide ? 2 : 1), false);
  if (address === 0) return 0;
  if (wide) writeWide(call.memory, address, text);
  else writeNarrow(call.memory, address, narrowOf(text));
  return address;
}

/** DllMain: descriptors and streams, the command line, the environment, tables. */
function attachProcess(call: ServiceCall): number {
  const line = commandLine(call);
  const path = imagePath(call);
  for (let index = 0; index < 3; index++)
    openStream(standardStream(call, index), index, index === 0 ? IOREAD : IOWRT);
  setPointer(call, '_acmdln', makeText(call, line, false));
  setPointer(call, '_wcmdln', makeText(call, line, true));
  setPointer(call, '_pgmptr', makeText(call, path, false));
  setPointer(call, '_wpgmptr', makeText(call, path, true));
  setPointer(call, '__initenv', environmentArray(call, false));
  fillCharacterTables(call);
  fillErrorList(call);
  fillVersion(call);
  call.memory.commit();
  openInheritedFiles(call);
  openStandardFiles(call);
  return 1;
}

function fillVersion(call: ServiceCall): void {
  const values: Record<string, number> = {
    _winmajor: WINDOWS_MAJOR,
    _winminor: 0,
    _winver: WINDOWS_MAJOR << 8,
    _osver: WINDOWS_BUILD,
    _osplatform: PLATFORM_NT,
  };
  for (const [name, value] of Object.entries(values)) call.memory.writeU32(variable(call, name), value);
}

export function attach(call: ServiceCall): number {
  const reason = call.u32(1);
  if (reason === DLL_PROCESS_ATTACH) return attachProcess(call);
  if (reason === DLL_THREAD_DETACH) freeThreadData(call);
  return 1;
}

/** __getmainargs and __wgetmainargs(argc, argv, env, expand wildcards, new mode). */
const mainArguments =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const { memory } = call;
    const [argc, argv, env] = [call.address(0), call.address(1), call.address(2)];
    const expand = call.u32(3) !== 0;
    memory.probeWrite(argc, 4);
    memory.probeWrite(argv, 8);
    memory.probeWrite(env, 8);
    const parsed = splitCommandLine(commandLine(call));
    const texts = parsed.flatMap((argument) => (expand ? expandWildcards(call, argument) : [argument.text]));
    const array = makeStringArray(call, texts, wide);
    const environment = environmentArray(call, wide);
    memory.writeU32(variable(call, '__argc'), texts.length);
    setPointer(call, wide ? '__wargv' : '__argv', array);
    if (wide) setPointer(call, '__winitenv', environment);
    memory.writeU32(argc, texts.length);
    memory.writePointer(argv, array);
    memory.writePointer(env, environment);
    return 0;
  };

/** Calls the functions of a table from `at` on; `stopOnError`: a result other than 0 ends it (_initterm_e). */
function callTable(call: ServiceCall, at: number, stopOnError: boolean): ServiceResult {
  const end = call.address(1);

  for (let next = at; next < end; next += 8) {
    const target = call.memory.readPointer(next);
    if (target !== 0) return call.callGuest(target, [], stopOnError ? 1 : 0, [next + 8]);
  }
  return 0;
}

const initialize: Service = {
  enter: (call) => callTable(call, call.address(0), false),
  steps: [(call, saved) => callTable(call, saved[0]!, false)],
};

const initializeWithErrors: Service = {
  enter: (call) => callTable(call, call.address(0), true),
  steps: [
    (call, saved) => callTable(call, saved[0]!, false),
    (call, saved) => (call.resultLo !== 0 ? call.resultLo | 0 : callTable(call, saved[0]!, true)),
  ],
};

export const startupFunctions: Record<string, Service | ServiceFunction> = {
  __getmainargs: mainArguments(false),
  __wgetmainargs: mainArguments(true),
  __set_app_type: (call) => {
    crtState(call).appType = call.u32(0);
  },
  __setusermatherr: (call) => {
    crtState(call).userMathError = call.address(0);
  },
  _initterm: initialize,
  _initterm_e: initializeWithErrors,
};
