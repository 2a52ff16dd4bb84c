/**
 * The runtime's locks, which start code and libraries take by number: CRITICAL_SECTIONs in the runtime's heap, entered by
 * ntdll's own functions. Source: "_lock", "_unlock", Microsoft.
 */
import { PENDING, type ServiceCall, type ServiceFunction, type ServiceResult } from '../../nt/service.js';
import {
  enterCriticalSection,
  initializeCriticalSection,
  leaveCriticalSection,
} from '../ntdll/critical-section.js';
import { allocate } from './crt-heap.js';
import { crtState } from './state.js';

const LOCKS = 64;
const SECTION_BYTES = 40;

/** Guest address of a lock's critical section. */
function lockAt(call: ServiceCall, index: number): number {
  const state = crtState(call);
  if (state.locks === 0) {
    const locks = allocate(call, LOCKS * SECTION_BYTES, true);
    call.memory.commit();
    state.locks = locks;
    for (let lock = 0; lock < LOCKS; lock++)
      initializeCriticalSection(call, state.locks + lock * SECTION_BYTES, 0);
  }
  return state.locks + (index % LOCKS) * SECTION_BYTES;
}

const enter: ServiceFunction = (call): ServiceResult => {
  return enterCriticalSection(call, lockAt(call, call.u32(0))) === PENDING ? PENDING : undefined;
};

export const lockFunctions: Record<string, ServiceFunction> = {
  _lock: enter,
  _unlock: (call) => {
    leaveCriticalSection(call, lockAt(call, call.u32(0)));
  },
};
