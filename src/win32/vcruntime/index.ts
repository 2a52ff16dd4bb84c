/** vcruntime140.dll and vcruntime140_1.dll: the part of the C++ runtime that belongs to the compiler. */
import type { Service, ServiceFunction } from '../../nt/service.js';
import type { DataExport, SystemModule } from '../../nt/system-module.js';
import { machineCode } from '../msvcrt/machine-code.js';
import { stringFunctions } from '../msvcrt/string.js';
import { wideStringFunctions } from '../msvcrt/wide-string.js';
import { cSpecificHandler } from '../ntdll/c-specific-handler.js';
import { usingHeap } from '../ntdll/heap-guard.js';
import { catchFunctions } from './cxx-catch.js';
import { frameHandlers3, frameHandlers4 } from './cxx-frame-handler.js';
import { throwFunctions } from './cxx-throw.js';
import { exceptionClassData, exceptionClassFunctions } from './exception-class.js';
import { longjmp } from './longjmp.js';
import { rttiFunctions } from './rtti.js';
import { terminate, terminateFunctions } from './terminate.js';
import { typeInfoData, typeInfoFunctions } from './type-info.js';

/** What msvcrt.dll and vcruntime140.dll have alike. */
export const cxxFunctions: Readonly<Record<string, Service | ServiceFunction>> = {
  ...catchFunctions,
  ...frameHandlers3,
  ...terminateFunctions,
  ...rttiFunctions,
  ...usingHeap(throwFunctions),
  ...usingHeap(typeInfoFunctions),
  ...usingHeap(exceptionClassFunctions),
  longjmp,
};

export const cxxData: Readonly<Record<string, DataExport>> = { ...typeInfoData, ...exceptionClassData };

/** Of strings and memory: the same functions as msvcrt's. */
const LIBRARY = {
  memchr: stringFunctions['memchr']!,
  strrchr: stringFunctions['strrchr']!,
  strstr: stringFunctions['strstr']!,
  wcschr: wideStringFunctions['wcschr']!,
  wcsrchr: wideStringFunctions['wcsrchr']!,
  wcsstr: wideStringFunctions['wcsstr']!,
};

const CODE = [
  'memmove',
  'memcpy',
  'memset',
  'memcmp',
  'strchr',
  '__intrinsic_setjmp',
  '__intrinsic_setjmpex',
];

export const vcruntime140: SystemModule = {
  name: 'vcruntime140.dll',
  functions: usingHeap({
    ...cxxFunctions,
    ...LIBRARY,
    __C_specific_handler: cSpecificHandler,
    _purecall: (call) => terminate(call),
  }),
  data: cxxData,
  code: Object.fromEntries(CODE.map((name) => [name, machineCode[name]!])),
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'Microsoft C Runtime Library',
  version: '14.38.33135.0',
};

export const vcruntime140_1: SystemModule = {
  name: 'vcruntime140_1.dll',
  functions: usingHeap({
    ...catchFunctions,
    ...frameHandlers4,
    __std_terminate: terminateFunctions['__std_terminate']!,
  }),
  dependencies: ['vcruntime140.dll', 'kernel32.dll', 'ntdll.dll'],
  description: 'Microsoft C Runtime Library _1',
  version: '14.38.33135.0',
};
