/** The preferred NUMA node of memory and sections, of which there is one. Source: Microsoft, "MEM_EXTENDED_PARAMETER structure". */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../../base/ntstatus.js';
import type { ServiceCall } from '../../nt/service.js';

const PARAMETER_BYTES = 16;
/** MemExtendedParameterNumaNode and MemSectionExtendedParameterNumaNode. */
const NUMA_NODE = 2;
const NUMA_NO_PREFERRED_NODE = 0xffff_ffff;

/** True for the one node there is, and for no preference. */
export function isKnownNode(node: number): boolean {
  return node === 0 || node === NUMA_NO_PREFERRED_NODE;
}

/** Checks an array of MEM_EXTENDED_PARAMETER that can name a node, once. STATUS_INVALID_PARAMETER for anything else. */
export function checkNodeParameter(call: ServiceCall, at: number, count: number): number {
  if (count === 0) return STATUS_SUCCESS;
  if (count > 1 || at === 0) return STATUS_INVALID_PARAMETER;
  const kind = call.memory.readU32(at) & 0xff;
  const isNode = kind === NUMA_NODE && isKnownNode(call.memory.readU32(at + PARAMETER_BYTES / 2));
  return isNode ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
