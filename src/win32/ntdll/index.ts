import { restartable } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { clientIdServices } from './client-id-services.js';
import { criticalSectionServices } from './critical-section.js';
import { exceptionCode, exceptionServices } from './exception-services.js';
import { fileServices } from './file-services.js';
import { functionTableServices } from './function-table.js';
import { heapServices } from './heap-services.js';
import { loaderServices } from './loader-services.js';
import { memoryServices } from './memory-services.js';
import { objectServices } from './object-services.js';
import { processServices } from './process-services.js';
import { runtimeServices } from './runtime-services.js';
import { sectionServices } from './section-services.js';
import { stringServices } from './strings.js';

/** ntdll.dll: the way into the system, the loader, the heap manager and the run-time library below Win32. */
export const ntdll: SystemModule = {
  name: 'ntdll.dll',
  functions: restartable({
    ...criticalSectionServices,
    ...exceptionServices,
    ...fileServices,
    ...functionTableServices,
    ...heapServices,
    ...loaderServices,
    ...memoryServices,
    ...objectServices,
    ...clientIdServices,
    ...processServices,
    ...runtimeServices,
    ...sectionServices,
    ...stringServices,
  }),
  code: { ...exceptionCode },
  description: 'NT Layer DLL',
  version: '10.0.19045.1',
};
