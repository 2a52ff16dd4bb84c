import type { SystemModule } from '../../nt/system-module.js';

/** Functions of psapi.dll that kernel32 has under their names with K32 before them. */
const FORWARDED = [
  'EmptyWorkingSet',
  'EnumProcesses',
  'EnumProcessModules',
  'EnumProcessModulesEx',
  'GetMappedFileNameA',
  'GetMappedFileNameW',
  'GetModuleBaseNameA',
  'GetModuleBaseNameW',
  'GetModuleFileNameExA',
  'GetModuleFileNameExW',
  'GetModuleInformation',
  'GetPerformanceInfo',
  'GetProcessImageFileNameA',
  'GetProcessImageFileNameW',
  'GetProcessMemoryInfo',
  'QueryWorkingSet',
  'QueryWorkingSetEx',
] as const;

/** psapi.dll: the process status helper, which forwards to kernel32. Source: Microsoft, "QueryWorkingSetEx function" (PSAPI_VERSION). */
export const psapi: SystemModule = {
  name: 'psapi.dll',
  functions: {},
  forwarders: Object.fromEntries(FORWARDED.map((name) => [name, `KERNEL32.K32${name}`])),
  dependencies: ['kernel32.dll'],
  description: 'Process Status Helper',
  version: '10.0.19045.1',
};
