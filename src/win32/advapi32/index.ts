import type { SystemModule } from '../../nt/system-module.js';
import { fileSecurityFunctions } from './file-security.js';
import { privilegeFunctions } from './privilege.js';
import { randomFunctions } from './random.js';
import { registryFunctions } from './registry.js';

/** advapi32.dll: tokens, the registry, security of files, as an ordinary user meets them. */
export const advapi32: SystemModule = {
  name: 'advapi32.dll',
  functions: { ...fileSecurityFunctions, ...privilegeFunctions, ...randomFunctions, ...registryFunctions },
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'Advanced Windows 32 Base API',
  version: '10.0.19045.1',
};
