import type { SystemModule } from '../../nt/system-module.js';
import { characterCaseFunctions } from './character-case.js';
import { characterStepFunctions } from './character-step.js';
import { inputIdleFunctions } from './input-idle.js';
import { oemTextFunctions } from './oem-text.js';

/** user32.dll: its functions for texts, which console programs use. Windows and messages are not there. */
export const user32: SystemModule = {
  name: 'user32.dll',
  functions: {
    ...characterCaseFunctions,
    ...characterStepFunctions,
    ...oemTextFunctions,
    ...inputIdleFunctions,
  },
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'Multi-User Windows USER API Client DLL',
  version: '10.0.19045.1',
};
