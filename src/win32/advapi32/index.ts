import type { SystemModule } from '../../nt/system-module.js';
import { fileSecurityFunctions } from './file-security.js';
import { impersonationFunctions } from './impersonation.js';
import { objectSecurityFunctions } from './object-security.js';
import { privilegeFunctions } from './privilege.js';
import { randomFunctions } from './random.js';
import { registryFunctions } from './registry.js';
import { securityStructureFunctions } from './security-structures.js';
import { tokenInformationFunctions } from './token-information.js';

/** advapi32.dll: tokens, security of objects and files, the registry, as an ordinary user meets them. */
export const advapi32: SystemModule = {
  name: 'advapi32.dll',
  functions: {
    ...fileSecurityFunctions,
    ...impersonationFunctions,
    ...objectSecurityFunctions,
    ...privilegeFunctions,
    ...randomFunctions,
    ...registryFunctions,
    ...securityStructureFunctions,
    ...tokenInformationFunctions,
  },
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'Advanced Windows 32 Base API',
  version: '10.0.19045.1',
};
