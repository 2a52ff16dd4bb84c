/**
 * Mitigation policies of a process (PROCESS_MITIGATION_POLICY). Source: Microsoft, "GetProcessMitigationPolicy function",
 * "PROCESS_MITIGATION_DEP_POLICY structure",
 * "SetProcessMitigationPolicy function", "PROCESS_MITIGATION_CHILD_PROCESS_POLICY structure".
 */
import {
  STATUS_ACCESS_DENIED,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_SUPPORTED,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import type { Process } from './process.js';

export const PROCESS_DEP_POLICY = 0;
const PROCESS_CHILD_PROCESS_POLICY = 13;
/** How many policies there are; ProcessMitigationOptionsMask is none. */
const POLICIES = 19;
export const PROCESS_MITIGATION_OPTIONS_MASK = 5;

const DEP_ENABLE = 1;
const NO_CHILD_PROCESS_CREATION = 1;

/**
 * The flags of a policy; null for a policy that there is not. A 64-bit process has data execution prevention for good, the
 * addresses of its allocations are not random, and no restriction is in force that this system does not carry out.
 */
export function queryMitigation(process: Process, policy: number): number | null {
  if (policy === PROCESS_DEP_POLICY) return DEP_ENABLE;
  if (policy === PROCESS_CHILD_PROCESS_POLICY) return process.isChildless ? NO_CHILD_PROCESS_CREATION : 0;
  return policy < POLICIES ? 0 : null;
}

/**
 * Puts a policy in force for good. STATUS_ACCESS_DENIED: it is to be taken back; STATUS_NOT_SUPPORTED: this system does not
 * carry it out.
 */
export function setMitigation(process: Process, policy: number, flags: number): number {
  const inForce = queryMitigation(process, policy);
  if (inForce === null) return STATUS_INVALID_PARAMETER;
  if ((inForce & ~flags) !== 0) return STATUS_ACCESS_DENIED;
  if (flags === inForce) return STATUS_SUCCESS;
  if (policy !== PROCESS_CHILD_PROCESS_POLICY) return STATUS_NOT_SUPPORTED;
  if (flags !== NO_CHILD_PROCESS_CREATION) return STATUS_INVALID_PARAMETER;
  process.isChildless = true;
  return STATUS_SUCCESS;
}
