/**
 * ucrtbase.dll: the Universal C Runtime, which programs reach through the api-ms-win-crt-* sets. What it has in common with
 * msvcrt.dll is the same code with a state of its own; what differs lies here.
 */
import type { Service, ServiceFunction } from '../../nt/service.js';
import type { DataExport, SystemModule } from '../../nt/system-module.js';
import { guarded, msvcrt, variables, zoneNames } from '../msvcrt/index.js';
import { machineCode } from '../msvcrt/machine-code.js';
import { printfFunctions as classicPrintf } from '../msvcrt/printf.js';
import { scanfFunctions as classicScanf } from '../msvcrt/scanf.js';
import { attach } from '../msvcrt/startup.js';
import { exitFunctions } from './exit.js';
import { invalidParameterFunctions } from './invalid-parameter.js';
import { mathFunctions } from './math.js';
import { miscellaneousFunctions } from './miscellaneous.js';
import { printfFunctions } from './printf.js';
import { scanfFunctions } from './scanf.js';
import { startupFunctions } from './startup.js';

/** Functions of msvcrt.dll that the Universal C Runtime has not: inline in its headers, or replaced. */
const CLASSIC_ONLY = new Set([
  ...Object.keys(classicPrintf),
  ...Object.keys(classicScanf),
  '_XcptFilter',
  '__dllonexit',
  '__getmainargs',
  '__iob_func',
  '__set_app_type',
  '__wgetmainargs',
  '_amsg_exit',
  '_assert',
  '_filbuf',
  '_flsbuf',
  '_ftime',
  '_get_winmajor',
  '_get_winminor',
  '_lock',
  '_onexit',
  '_snscanf',
  '_snwscanf',
  '_unlock',
  'atexit',
  'ctime',
  'difftime',
  'gmtime',
  'localtime',
  'mktime',
  'time',
]);

function shared(): Record<string, Service | ServiceFunction> {
  const entries = Object.entries(msvcrt.functions);
  return Object.fromEntries(entries.filter(([name]) => !CLASSIC_ONLY.has(name) && !name.startsWith('?')));
}

const own: Record<string, Service | ServiceFunction> = {
  ...exitFunctions,
  ...invalidParameterFunctions,
  ...mathFunctions,
  ...miscellaneousFunctions,
  ...printfFunctions,
  ...scanfFunctions,
  ...startupFunctions,
};

function hidden(data: Readonly<Record<string, DataExport>>): Record<string, DataExport> {
  return Object.fromEntries(
    Object.entries(data).map(([name, variable]) => [name, { ...variable, hidden: true }]),
  );
}

export const ucrtbase: SystemModule = {
  name: 'ucrtbase.dll',
  functions: {
    ...shared(),
    ...Object.fromEntries(Object.entries(own).map(([name, service]) => [name, guarded(service)])),
  },
  data: hidden({ ...variables, ...zoneNames }),
  code: machineCode,
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  onAttach: guarded(attach),
  description: 'Microsoft C Runtime Library',
  version: '10.0.19041.789',
};
