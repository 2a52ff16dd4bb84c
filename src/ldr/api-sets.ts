/**
 * API sets: names of contracts that stand for the DLL which implements them. The last number of a name is its minor
 * version, which does not count when a host is looked for. Sources: Microsoft, "Windows API sets", "Windows umbrella
 * libraries"; hosts as Windows 10's schema names them, where one of these DLLs is the host.
 */

/** A contract without its minor version, and the DLL that implements it. */
export interface ApiSet {
  /** Such as 'api-ms-win-core-synch-l1-2'. */
  readonly name: string;
  /** Such as 'kernelbase.dll'. */
  readonly host: string;
}

const CORE = 'api-ms-win-core-';

/** Host -> contracts: a group's common start, and the rests of the names behind it. */
const CONTRACTS: readonly (readonly [host: string, start: string, rests: string])[] = [
  [
    'kernelbase.dll',
    CORE,
    'apiquery-l2-1 appcompat-l1-1 appinit-l1-1 comm-l1-1 console-l1-1 console-l1-2 console-l2-1 console-l2-2 ' +
      'console-l3-1 console-l3-2 datetime-l1-1 debug-l1-1 delayload-l1-1 enclave-l1-1 errorhandling-l1-1 fibers-l1-1 ' +
      'fibers-l2-1 file-ansi-l1-1 file-fromapp-l1-1 file-l1-1 file-l1-2 file-l2-1 firmware-l1-1 handle-l1-1 heap-l1-1 ' +
      'heap-l1-2 heap-l2-1 heap-obsolete-l1-1 interlocked-l1-1 interlocked-l1-2 io-l1-1 job-l1-1 largeinteger-l1-1 ' +
      'libraryloader-l1-1 libraryloader-l1-2 libraryloader-l2-1 localization-l1-1 localization-l1-2 localization-l2-1 ' +
      'localization-obsolete-l1-1 localization-obsolete-l1-2 localization-obsolete-l1-3 localregistry-l1-1 memory-l1-1 ' +
      'misc-l1-1 namedpipe-l1-1 namedpipe-l1-2 namespace-l1-1 normalization-l1-1 path-l1-1 perfcounters-l1-1 ' +
      'processenvironment-l1-1 processenvironment-l1-2 processsnapshot-l1-1 processthreads-l1-1 processthreads-l1-2 ' +
      'processtopology-l1-1 profile-l1-1 psapi-ansi-l1-1 psapi-l1-1 psapi-obsolete-l1-1 realtime-l1-1 registry-l1-1 ' +
      'sidebyside-l1-1 string-l1-1 string-l2-1 string-obsolete-l1-1 synch-ansi-l1-1 synch-l1-1 synch-l1-2 sysinfo-l1-1 ' +
      'sysinfo-l1-2 sysinfo-l2-1 systemtopology-l1-1 threadpool-l1-1 threadpool-l1-2 threadpool-legacy-l1-1 timezone-l1-1 ' +
      'url-l1-1 util-l1-1 version-l1-1 versionansi-l1-1 wow64-l1-1 xstate-l2-1',
  ],
  ['kernelbase.dll', 'api-ms-win-security-', 'base-l1-1 base-l1-2'],
  [
    'kernel32.dll',
    CORE,
    'atoms-l1-1 backgroundtask-l1-1 console-ansi-l2-1 console-internal-l1-1 crt-l2-1 job-l2-1 kernel32-legacy-ansi-l1-1 ' +
      'kernel32-legacy-l1-1 kernel32-private-l1-1 privateprofile-l1-1 processtopology-obsolete-l1-1 ' +
      'string-l3-1 threadpool-private-l1-1 toolhelp-l1-1 windowserrorreporting-l1-1',
  ],
  ['ntdll.dll', CORE, 'crt-l1-1 rtlsupport-l1-1 rtlsupport-l1-2 xstate-l1-1'],
  ['advapi32.dll', CORE, 'registry-l2-1 registryuserspecific-l1-1'],
  ['advapi32.dll', 'api-ms-win-security-', 'cryptoapi-l1-1 provider-ansi-l1-1 systemfunctions-l1-1'],
  [
    'ucrtbase.dll',
    'api-ms-win-crt-',
    'conio-l1-1 convert-l1-1 environment-l1-1 filesystem-l1-1 heap-l1-1 locale-l1-1 math-l1-1 multibyte-l1-1 ' +
      'private-l1-1 process-l1-1 runtime-l1-1 stdio-l1-1 string-l1-1 time-l1-1 utility-l1-1',
  ],
];

/** Every API set that this Windows has, in the order of their names. */
export const API_SETS: readonly ApiSet[] = CONTRACTS.flatMap(([host, start, rests]) =>
  rests.split(' ').map((rest) => ({ name: start + rest, host })),
).sort((left, right) => (left.name < right.name ? -1 : 1));

const HOSTS = new Map(API_SETS.map(({ name, host }) => [name, host]));

/** The DLL behind an API set's name, with or without .dll, in any case; undefined for another name. */
export function apiSetHost(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (!lower.startsWith('api-') && !lower.startsWith('ext-')) return undefined;
  const version = lower.endsWith('.dll') ? lower.slice(0, -4) : lower;
  return HOSTS.get(version.slice(0, Math.max(version.lastIndexOf('-'), 0)));
}
