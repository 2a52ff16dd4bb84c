/**
 * Ctrl+C and Ctrl+Break as programs send them to each other (consoleapi.h, consoleapi2.h). Sources: Microsoft,
 * "GenerateConsoleCtrlEvent function", "HandlerRoutine callback function", "Process Creation Flags", "CTRL+C and CTRL+BREAK Signals".
 */
import { STATUS_CONTROL_C_EXIT } from '../../base/ntstatus.js';
import { needAddressSpace } from '../../mm/threads/swapper.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { createThread, imageStackSizes } from '../../nt/thread-create.js';
import { ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { stateOf, stateOfProcess } from './library-state.js';
import { TRUE } from './results.js';

const CTRL_C_EVENT = 0;
const CTRL_BREAK_EVENT = 1;

const DETACHED_PROCESS = 0x8;
const CREATE_NEW_CONSOLE = 0x10;
const CREATE_NEW_PROCESS_GROUP = 0x200;
const CREATE_NO_WINDOW = 0x8000000;
/** `console` of a process without one. */
const NO_CONSOLE = 0;

/** A process that another has made: its console, its group, and whether it ignores Ctrl+C, by its creation flags. */
export function joinConsole(call: ServiceCall, child: Process, flags: number): void {
  const [parent, state] = [stateOf(call), stateOfProcess(child)];
  state.console = parent.console;
  if (flags & (CREATE_NEW_CONSOLE | CREATE_NO_WINDOW)) state.console = child.id;
  if (flags & DETACHED_PROCESS) state.console = NO_CONSOLE;
  const leadsGroup = (flags & CREATE_NEW_PROCESS_GROUP) !== 0 && !(flags & CREATE_NEW_CONSOLE);
  state.processGroup = leadsGroup ? child.id : parent.processGroup;
  state.ignoreControlC = leadsGroup || parent.ignoreControlC;
}

/** Has a new thread of the process run its handlers; a process that is not yet far enough, or has no memory, gets no signal. */
function signalProcess(call: ServiceCall, process: Process, event: number): void {
  const { kernel } = call;
  const startAddress = kernel.symbol(process, 'kernel32.dll', 'CtrlRoutine');
  if (process.exitStatus !== null || startAddress === 0) return;
  if (!needAddressSpace(kernel.mm, process.space)) return;
  const creation = { startAddress, argument: event, ...imageStackSizes(process), suspended: false };
  if (process !== call.process) kernel.attachProcess(process);
  createThread(kernel, process, creation);
  if (process !== call.process) kernel.detachProcess();
}

/** BOOL GenerateConsoleCtrlEvent(event, group): to the processes of the caller's console; Ctrl+C cannot be sent to a group alone. */
const generateEvent: ServiceFunction = (call) => {
  const [event, group] = [call.u32(0), call.u32(1)];
  if (event !== CTRL_C_EVENT && event !== CTRL_BREAK_EVENT) return call.fail(ERROR_INVALID_PARAMETER);
  const { console } = stateOf(call);
  if (console === NO_CONSOLE) return call.fail(ERROR_INVALID_HANDLE);
  if (event === CTRL_C_EVENT && group !== 0) return TRUE;
  call.memory.commit();
  for (const process of [...call.kernel.processes.values()]) {
    const state = stateOfProcess(process);
    if (state.console === console && (group === 0 || state.processGroup === group))
      signalProcess(call, process, event);
  }
  return TRUE;
};

/** Calls the handler of an index, those that were added last first; behind the first comes the end of the process. */
function callHandler(call: ServiceCall, index: number, event: number): ServiceResult {
  const handler = stateOf(call).controlHandlers[index];
  if (handler !== undefined) return call.callGuest(handler, [event], 0, [index, event]);
  const exit = call.symbol('kernel32.dll', 'ExitProcess');
  return call.callGuest(exit, [STATUS_CONTROL_C_EXIT], 0, [0, event]);
}

/** DWORD CtrlRoutine(event): where the thread of a signal begins. */
const controlRoutine: Service = {
  enter: (call) => {
    const { controlHandlers, ignoreControlC } = stateOf(call);
    const event = call.u32(0);
    if (event === CTRL_C_EVENT && ignoreControlC) return 0;
    return callHandler(call, controlHandlers.length - 1, event);
  },
  steps: [(call, [index, event]) => (call.resultLo !== 0 ? 0 : callHandler(call, index! - 1, event!))],
};

export const consoleControlFunctions: Record<string, Service | ServiceFunction> = {
  GenerateConsoleCtrlEvent: generateEvent,
  CtrlRoutine: controlRoutine,
};
