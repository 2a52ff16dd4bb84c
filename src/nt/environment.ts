/** The environment that programs find unless another is given: fixed, so that runs are alike on every host. */
export const DEFAULT_ENVIRONMENT: readonly string[] = [
  'ALLUSERSPROFILE=C:\\ProgramData',
  'APPDATA=C:\\Users\\user\\AppData\\Roaming',
  'COMPUTERNAME=NTMM',
  'ComSpec=C:\\Windows\\System32\\cmd.exe',
  'HOMEDRIVE=C:',
  'HOMEPATH=\\Users\\user',
  'LOCALAPPDATA=C:\\Users\\user\\AppData\\Local',
  'NUMBER_OF_PROCESSORS=1',
  'OS=Windows_NT',
  'Path=C:\\Windows\\System32;C:\\Windows',
  'PATHEXT=.COM;.EXE',
  'PROCESSOR_ARCHITECTURE=AMD64',
  'ProgramFiles=C:\\Program Files',
  'SystemDrive=C:',
  'SystemRoot=C:\\Windows',
  'TEMP=C:\\Users\\user\\AppData\\Local\\Temp',
  'TMP=C:\\Users\\user\\AppData\\Local\\Temp',
  'USERDOMAIN=NTMM',
  'USERNAME=user',
  'USERPROFILE=C:\\Users\\user',
  'windir=C:\\Windows',
];

/** The folder that TEMP names: a volume in memory. */
export const TEMPORARY_DIRECTORY = 'C:\\Users\\user\\AppData\\Local\\Temp';

/** Calendar time at a machine's start unless another is given: 2026-01-01 00:00:00 UTC, in seconds since 1970. */
export const DEFAULT_BOOT_SECONDS = 1_767_225_600;
