import type { SystemModule } from '../nt/system-module.js';
import { advapi32 } from './advapi32/index.js';
import { bcrypt, bcryptprimitives } from './bcrypt/index.js';
import { combase, ole32 } from './combase/index.js';
import { kernel32 } from './kernel32/index.js';
import { kernelbase } from './kernelbase/index.js';
import { msvcrt } from './msvcrt/index.js';
import { ntdll } from './ntdll/index.js';
import { oleaut32 } from './oleaut32/index.js';
import { psapi } from './psapi/index.js';
import { shell32 } from './shell32/index.js';
import { shlwapi } from './shlwapi/index.js';
import { ucrtbase } from './ucrtbase/index.js';
import { user32 } from './user32/index.js';
import { userenv } from './userenv/index.js';
import { vcruntime140, vcruntime140_1 } from './vcruntime/index.js';
import { winmm } from './winmm/index.js';
import { ws2_32 } from './ws2_32/index.js';

/** Every system DLL that this Windows has. */
export const SYSTEM_MODULES: readonly SystemModule[] = [
  ntdll,
  kernel32,
  kernelbase,
  msvcrt,
  ucrtbase,
  psapi,
  vcruntime140,
  vcruntime140_1,
  advapi32,
  bcrypt,
  bcryptprimitives,
  combase,
  ole32,
  oleaut32,
  shell32,
  shlwapi,
  user32,
  userenv,
  winmm,
  ws2_32,
];
