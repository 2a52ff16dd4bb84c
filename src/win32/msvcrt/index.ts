/**
 * msvcrt.dll: the C runtime that mingw-w64 programs use. Its variables lie in the image's writable data, as the real one's
 * do; streams, blocks and buffers lie in the process heap.
 */
import { STATUS_HEAP_CORRUPTION } from '../../base/ntstatus.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
  waitingOnTheSpot,
} from '../../nt/service.js';
import type { DataExport, SystemModule } from '../../nt/system-module.js';
import { processHeapFastPaths } from '../ntdll/heap-front-end-code.js';
import { HeapCorruption } from '../ntdll/heap-layout.js';
import { cxxData, cxxFunctions } from '../vcruntime/index.js';
import { consoleFunctions } from './console.js';
import { ctypeFunctions, NARROW_TABLE, WIDE_TABLE } from './ctype.js';
import { directoryFunctions } from './directory.js';
import { environmentFunctions } from './environment.js';
import { exitFunctions } from './exit.js';
import { findFunctions } from './find-files.js';
import { localeFunctions } from './locale.js';
import { localeForms, localeObjects } from './locale-forms.js';
import { lockFunctions } from './locks.js';
import { lowIoFunctions } from './low-io-functions.js';
import { machineCode } from './machine-code.js';
import { mathFunctions } from './math.js';
import { memoryFunctions } from './memory-functions.js';
import { miscellaneousFunctions } from './miscellaneous.js';
import { multibyteFunctions } from './multibyte.js';
import { printfFunctions } from './printf.js';
import { scanfFunctions } from './scanf.js';
import { secureMemoryFunctions } from './secure-memory.js';
import { signalFunctions } from './signal.js';
import { sortFunctions } from './sort.js';
import { spawnFunctions } from './spawn.js';
import { stackFunctions } from './stack.js';
import { attach, startupFunctions } from './startup.js';
import { stdioFunctions } from './stdio.js';
import { stdlibFunctions } from './stdlib.js';
import { STREAM_BYTES, STREAM_COUNT } from './stream.js';
import { strerrorFunctions } from './strerror.js';
import { stringFunctions } from './string.js';
import { temporaryNameFunctions } from './temporary-name.js';
import { threadFunctions } from './thread.js';
import { timeFunctions } from './time.js';
import { wideStringFunctions } from './wide-string.js';

const ERROR_LIST_BYTES = 8 * 48;
const INFINITY = Uint8Array.of(0, 0, 0, 0, 0, 0, 0xf0, 0x7f);

function variableOf(size: number, initial?: Uint8Array): DataExport {
  return initial === undefined ? { size, writable: true } : { size, initial, writable: true };
}

function number(value: number): DataExport {
  return variableOf(
    4,
    Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24),
  );
}

const pointer = (): DataExport => variableOf(8);
const text = (characters: string): DataExport =>
  variableOf(
    characters.length + 1,
    Uint8Array.from(characters, (letter) => letter.charCodeAt(0)),
  );

/** The variables that the DLL exports. */
export const variables: Readonly<Record<string, DataExport>> = {
  _iob: variableOf(STREAM_BYTES * STREAM_COUNT),
  _acmdln: pointer(),
  _wcmdln: pointer(),
  _environ: pointer(),
  _wenviron: pointer(),
  __initenv: pointer(),
  __winitenv: pointer(),
  __argc: number(0),
  __argv: pointer(),
  __wargv: pointer(),
  _pgmptr: pointer(),
  _wpgmptr: pointer(),
  _fmode: number(0),
  _commode: number(0),
  _osver: number(0),
  _winver: number(0),
  _winmajor: number(0),
  _winminor: number(0),
  _osplatform: number(0),
  _HUGE: variableOf(8, INFINITY),
  _timezone: number(0),
  _daylight: number(0),
  _dstbias: number(0),
  _tzname: { size: 16, pointers: { 0: '__tzstd', 8: '__tzdst' }, writable: true },
  __mb_cur_max: number(1),
  _ctype: variableOf(NARROW_TABLE.length, NARROW_TABLE),
  _wctype: variableOf(WIDE_TABLE.length, WIDE_TABLE),
  _pctype: pointer(),
  _pwctype: pointer(),
  _mbctype: variableOf(257),
  _sys_errlist: variableOf(ERROR_LIST_BYTES),
  _sys_nerr: number(0),
  __lc_codepage: number(0),
  __lc_collate_cp: number(0),
  __lc_handle: variableOf(24),
  __setlc_active: number(0),
  __unguarded_readlc_active: number(0),
  _aexit_rtn: pointer(),
  _newmode: number(0),
};

/** Names of the time zone, which the real DLL keeps to itself; _tzname points to them. */
export const zoneNames: Readonly<Record<string, DataExport>> = { __tzstd: text('UTC'), __tzdst: text('UTC') };

/** A heap that contradicts itself ends the program with STATUS_HEAP_CORRUPTION. */
function guard<Rest extends readonly unknown[]>(
  run: (call: ServiceCall, ...rest: Rest) => ServiceResult,
): (call: ServiceCall, ...rest: Rest) => ServiceResult {
  return (call, ...rest) => {
    try {
      return run(call, ...rest);
    } catch (error) {
      if (!(error instanceof HeapCorruption)) throw error;
      return call.raise(STATUS_HEAP_CORRUPTION, [error.address], EXCEPTION_NONCONTINUABLE);
    }
  };
}

export function guarded(service: Service | ServiceFunction): Service {
  if (typeof service === 'function') return { enter: guard(service), restarts: true };
  const { enter, steps = [], restarts = true } = service;
  return { ...service, enter: guard(enter), steps: steps.map((step) => guard(step)), restarts };
}

/** All functions in one table, as services that may begin anew; a name that two parts define, or that is machine code too, is a mistake. */
function merge(...parts: Readonly<Record<string, Service | ServiceFunction>>[]): Record<string, Service> {
  const all: Record<string, Service> = {};
  for (const part of parts) {
    for (const [name, service] of Object.entries(part)) {
      if (name in all || name in machineCode || name in variables)
        throw new Error(`msvcrt defines ${name} twice`);
      all[name] = guarded(service);
    }
  }
  return all;
}

const plainFunctions = merge(
  consoleFunctions,
  ctypeFunctions,
  waitingOnTheSpot(cxxFunctions),
  directoryFunctions,
  environmentFunctions,
  exitFunctions,
  findFunctions,
  localeFunctions,
  lockFunctions,
  lowIoFunctions,
  mathFunctions,
  memoryFunctions,
  miscellaneousFunctions,
  printfFunctions,
  scanfFunctions,
  signalFunctions,
  sortFunctions,
  spawnFunctions,
  stackFunctions,
  startupFunctions,
  stdioFunctions,
  stdlibFunctions,
  strerrorFunctions,
  stringFunctions,
  temporaryNameFunctions,
  threadFunctions,
  timeFunctions,
  wideStringFunctions,
  localeObjects,
  multibyteFunctions,
  secureMemoryFunctions,
);

export const msvcrt: SystemModule = {
  name: 'msvcrt.dll',
  functions: merge(plainFunctions, localeForms(plainFunctions)),
  data: { ...variables, ...zoneNames, ...cxxData },
  code: machineCode,
  fastPaths: processHeapFastPaths,
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  onAttach: guarded(attach),
  description: 'Windows NT CRT DLL',
  version: '7.0.19041.546',
};
