import type { SystemModule } from '../nt/system-module.js';
import { advapi32 } from './advapi32/index.js';
import { kernel32 } from './kernel32/index.js';
import { msvcrt } from './msvcrt/index.js';
import { ntdll } from './ntdll/index.js';
import { oleaut32 } from './oleaut32/index.js';
import { psapi } from './psapi/index.js';
import { user32 } from './user32/index.js';
import { vcruntime140, vcruntime140_1 } from './vcruntime/index.js';

/** Every system DLL that this Windows has. */
export const SYSTEM_MODULES: readonly SystemModule[] = [
  ntdll,
  kernel32,
  msvcrt,
  psapi,
  vcruntime140,
  vcruntime140_1,
  advapi32,
  oleaut32,
  user32,
];
