/** Waiting for programs with windows. Source: Microsoft, "WaitForInputIdle function". */
import { PROCESS_QUERY_LIMITED_INFORMATION } from '../../nt/access.js';
import type { ServiceFunction } from '../../nt/service.js';
import { processOf } from '../kernel32/process.js';
import { failStatus } from '../kernel32/results.js';

const WAIT_FAILED = 0xffffffff;
const ERROR_NOT_GUI_PROCESS = 1471;

/** DWORD WaitForInputIdle(process, milliseconds): no process here has a queue of messages. */
const waitForInputIdle: ServiceFunction = (call) => {
  const process = processOf(call, call.handle(0), PROCESS_QUERY_LIMITED_INFORMATION);
  if (typeof process === 'number') return failStatus(call, process, WAIT_FAILED);
  return call.fail(ERROR_NOT_GUI_PROCESS, WAIT_FAILED);
};

export const inputIdleFunctions: Record<string, ServiceFunction> = { WaitForInputIdle: waitForInputIdle };
