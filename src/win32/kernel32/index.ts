import type { SystemModule } from '../../nt/system-module.js';
import { kernel32Code } from './code.js';
import { codeConversionFunctions } from './code-conversion.js';
import { consoleFunctions } from './console.js';
import { environmentFunctions } from './environment.js';
import { exceptionForwarders, exceptionFunctions } from './exception.js';
import { fileFunctions } from './file.js';
import { fileMappingFunctions } from './file-mapping.js';
import { globalMemoryFunctions } from './global-memory.js';
import { heapForwarders, heapFunctions } from './heap.js';
import { memoryFunctions } from './memory.js';
import { moduleFunctions } from './module.js';
import { pathFunctions } from './path.js';
import { processFunctions } from './process.js';
import { syncForwarders, syncFunctions } from './sync.js';
import { systemInfoFunctions } from './system-info.js';
import { threadLocalFunctions } from './thread-local.js';
import { timeFunctions } from './time.js';

/** kernel32.dll: the Win32 base functions. A and W forms are one implementation each. */
export const kernel32: SystemModule = {
  name: 'kernel32.dll',
  functions: {
    ...codeConversionFunctions,
    ...consoleFunctions,
    ...environmentFunctions,
    ...exceptionFunctions,
    ...fileFunctions,
    ...fileMappingFunctions,
    ...globalMemoryFunctions,
    ...heapFunctions,
    ...memoryFunctions,
    ...moduleFunctions,
    ...pathFunctions,
    ...processFunctions,
    ...syncFunctions,
    ...systemInfoFunctions,
    ...threadLocalFunctions,
    ...timeFunctions,
  },
  forwarders: { ...exceptionForwarders, ...heapForwarders, ...syncForwarders },
  code: kernel32Code,
  dependencies: ['ntdll.dll'],
  description: 'Windows NT BASE API Client DLL',
  version: '10.0.19045.1',
};
