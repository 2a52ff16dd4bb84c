import { restartable } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { addressWaitServices } from './address-wait.js';
import { kiUserApcDispatcher } from './apc-dispatcher.js';
import { clientIdServices } from './client-id-services.js';
import { conditionVariableServices } from './condition-variable.js';
import { criticalSectionServices } from './critical-section.js';
import { exceptionCode, exceptionServices } from './exception-services.js';
import { extendedMemoryServices } from './extended-memory-services.js';
import { fiberLocalServices } from './fiber-local.js';
import { fileServices } from './file-services.js';
import { functionTableServices } from './function-table.js';
import { heapFastPaths } from './heap-front-end-code.js';
import { usingHeap } from './heap-guard.js';
import { ioCompletionServices } from './io-completion-services.js';
import { jobServices } from './job-services.js';
import { loaderServices } from './loader-services.js';
import { lockCode } from './lock-code.js';
import { memoryServices } from './memory-services.js';
import { objectServices } from './object-services.js';
import { physicalPageServices } from './physical-page-services.js';
import { processInformationServices } from './process-information.js';
import { processServices } from './process-services.js';
import { aclServices } from './rtl-acl.js';
import { heapServices } from './rtl-heap.js';
import { securityDescriptorServices } from './rtl-security-descriptor.js';
import { sidServices } from './rtl-sid.js';
import { runtimeServices } from './runtime-services.js';
import { sectionServices } from './section-services.js';
import { securityServices } from './security-services.js';
import { setVirtualMemoryServices } from './set-virtual-memory.js';
import { slimLockServices } from './slim-lock.js';
import { slistCode } from './slist-code.js';
import { stringServices } from './strings.js';
import { threadInformationServices } from './thread-information.js';
import { threadPoolServices } from './thread-pool-services.js';
import { threadServices } from './thread-services.js';
import { timerServices } from './timer-services.js';
import { tokenServices } from './token-services.js';
import { unwindServices } from './unwind.js';
import { ntdllUnwind } from './unwind-codes.js';
import { writeWatchServices } from './write-watch-services.js';

/** Services that may begin anew when a page has to be read; dispatching of exceptions and unwinding wait on the spot. */
const restartableServices = restartable({
  ...addressWaitServices,
  ...conditionVariableServices,
  ...criticalSectionServices,
  ...fileServices,
  ...heapServices,
  ...loaderServices,
  ...memoryServices,
  ...extendedMemoryServices,
  ...setVirtualMemoryServices,
  ...writeWatchServices,
  ...objectServices,
  ...clientIdServices,
  ...physicalPageServices,
  ...processServices,
  ...processInformationServices,
  ...runtimeServices,
  ...sectionServices,
  ...jobServices,
  ...securityServices,
  ...tokenServices,
  ...sidServices,
  ...aclServices,
  ...securityDescriptorServices,
  ...slimLockServices,
  ...stringServices,
  ...ioCompletionServices,
  ...timerServices,
  ...usingHeap(threadPoolServices),
  ...usingHeap(fiberLocalServices),
  ...threadServices,
  ...threadInformationServices,
});

/** ntdll.dll: the way into the system, the loader, the heap manager and the run-time library below Win32. */
export const ntdll: SystemModule = {
  name: 'ntdll.dll',
  functions: {
    ...restartableServices,
    ...exceptionServices,
    ...functionTableServices,
    ...unwindServices,
  },
  code: { ...exceptionCode, ...lockCode, ...slistCode, KiUserApcDispatcher: kiUserApcDispatcher },
  fastPaths: heapFastPaths,
  unwind: ntdllUnwind,
  description: 'NT Layer DLL',
  version: '10.0.19045.1',
};
