import { restartable } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { usingHeap } from '../ntdll/heap-guard.js';
import { apcFunctions } from './apc.js';
import { kernel32Code } from './code.js';
import { codeConversionFunctions } from './code-conversion.js';
import { consoleFunctions } from './console.js';
import { consoleControlFunctions } from './console-control.js';
import { copyFileFunctions } from './copy-file.js';
import { copyFile2 } from './copy-file2.js';
import { createProcessFunctions } from './create-process.js';
import { dateFormatFunctions } from './date-format.js';
import { deviceControlFunctions } from './device-control.js';
import { environmentFunctions } from './environment.js';
import { errorReportingFunctions } from './error-reporting.js';
import { exceptionForwarders, exceptionFunctions } from './exception.js';
import { extendedMemoryFunctions } from './extended-memory.js';
import { fiberCode, fiberFunctions, fiberUnwind } from './fiber.js';
import { fileFunctions } from './file.js';
import { fileApiFunctions } from './file-apis.js';
import { fileInformationFunctions } from './file-information.js';
import { fileLockFunctions } from './file-lock.js';
import { fileMappingFunctions } from './file-mapping.js';
import { fileNameFunctions } from './file-name.js';
import { findFileFunctions } from './find-file.js';
import { formatMessageFunctions } from './format-message.js';
import { globalMemoryFunctions } from './global-memory.js';
import { handleFunctions } from './handle.js';
import { heapForwarders, heapFunctions } from './heap.js';
import { ioCompletionFunctions } from './io-completion.js';
import { jobFunctions } from './job-object.js';
import { localeEnumerations, localeFunctions } from './locale.js';
import { mappedFileNameFunctions } from './mapped-file-name.js';
import { memoryFunctions } from './memory.js';
import { memoryNotificationFunctions } from './memory-notification.js';
import { memoryPriorityFunctions } from './memory-priority.js';
import { moduleFunctions } from './module.js';
import { namedPipeFunctions } from './named-pipe.js';
import { overlappedFunctions } from './overlapped.js';
import { pathFunctions } from './path.js';
import { performanceFunctions } from './performance-info.js';
import { physicalPageFunctions } from './physical-pages.js';
import { pointerFunctions } from './pointer.js';
import { priorityFunctions } from './priority.js';
import { processFunctions } from './process.js';
import { processAttributeFunctions } from './process-attributes.js';
import { processInformationFunctions } from './process-information.js';
import { processModuleFunctions } from './process-modules.js';
import { processorFunctions } from './processor-info.js';
import { resourceFunctions } from './resource.js';
import { slimLockForwarders, slimLockFunctions } from './slim-lock.js';
import { stringFunctions } from './string.js';
import { syncForwarders, syncFunctions } from './sync.js';
import { systemInfoFunctions } from './system-info.js';
import { threadFunctions } from './thread.js';
import { threadLocalFunctions } from './thread-local.js';
import { threadPoolForwarders, threadPoolFunctions } from './thread-pool.js';
import { threadStackFunctions } from './thread-stack.js';
import { timeFunctions } from './time.js';
import { timerFunctions } from './timer.js';
import { toolhelpFunctions } from './toolhelp.js';
import { unneededMemoryFunctions } from './unneeded-memory.js';
import { updateResourceFunctions } from './update-resource.js';
import { volumeFunctions } from './volume.js';
import { workingSetFunctions } from './working-set.js';
/** kernel32.dll: the Win32 base functions. A and W forms are one implementation each. */
export const kernel32: SystemModule = {
  name: 'kernel32.dll',
  functions: restartable({
    ...codeConversionFunctions,
    ...consoleFunctions,
    ...consoleControlFunctions,
    ...createProcessFunctions,
    ...deviceControlFunctions,
    ...processAttributeFunctions,
    ...overlappedFunctions,
    ...copyFileFunctions,
    CopyFile2: copyFile2,
    ...fileLockFunctions,
    ...namedPipeFunctions,
    ...fileInformationFunctions,
    ...processorFunctions,
    ...usingHeap(environmentFunctions),
    ...exceptionFunctions,
    ...fileFunctions,
    ...fileApiFunctions,
    ...fileMappingFunctions,
    ...usingHeap(globalMemoryFunctions),
    ...heapFunctions,
    ...mappedFileNameFunctions,
    ...memoryFunctions,
    ...extendedMemoryFunctions,
    ...unneededMemoryFunctions,
    ...memoryNotificationFunctions,
    ...memoryPriorityFunctions,
    ...moduleFunctions,
    ...pathFunctions,
    ...performanceFunctions,
    ...priorityFunctions,
    ...usingHeap(processFunctions),
    ...apcFunctions,
    ...ioCompletionFunctions,
    ...jobFunctions,
    ...timerFunctions,
    ...syncFunctions,
    ...systemInfoFunctions,
    ...usingHeap(threadLocalFunctions),
    ...timeFunctions,
    ...threadStackFunctions,
    ...usingHeap(fiberFunctions),
    ...usingHeap(threadFunctions),
    ...usingHeap(threadPoolFunctions),
    ...processInformationFunctions,
    ...processModuleFunctions,
    ...slimLockFunctions,
    ...physicalPageFunctions,
    ...pointerFunctions,
    ...toolhelpFunctions,
    ...usingHeap(resourceFunctions),
    ...usingHeap(updateResourceFunctions),
    ...volumeFunctions,
    ...workingSetFunctions,
    ...usingHeap(formatMessageFunctions),
    ...localeFunctions,
    ...usingHeap(localeEnumerations),
    ...dateFormatFunctions,
    ...errorReportingFunctions,
    ...stringFunctions,
    ...handleFunctions,
    ...usingHeap(findFileFunctions),
    ...fileNameFunctions,
  }),
  forwarders: {
    ...exceptionForwarders,
    ...heapForwarders,
    ...slimLockForwarders,
    ...threadPoolForwarders,
    ...syncForwarders,
  },
  code: { ...kernel32Code, ...fiberCode },
  unwind: fiberUnwind,
  dependencies: ['ntdll.dll'],
  description: 'Windows NT BASE API Client DLL',
  version: '10.0.19045.1',
};
