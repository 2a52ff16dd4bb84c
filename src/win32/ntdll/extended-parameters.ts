/**
 * MEM_EXTENDED_PARAMETER arrays of the memory services. Source: Microsoft, "MEM_EXTENDED_PARAMETER structure (winnt.h)",
 * "MEM_EXTENDED_PARAMETER_TYPE enumeration (winnt.h)", "MEM_ADDRESS_REQUIREMENTS structure (winnt.h)".
 */
import {
  STATUS_INVALID_HANDLE,
  STATUS_INVALID_PARAMETER,
  STATUS_NOT_SUPPORTED,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { type AddressRequirements, NO_REQUIREMENTS } from '../../mm/address-requirements.js';
import type { ServiceCall } from '../../nt/service.js';
import { mayLockPages } from '../../nt/token.js';
import { readSize } from './arguments.js';

/** MEM_EXTENDED_PARAMETER_TYPE. */
const ADDRESS_REQUIREMENTS = 1;
const NUMA_NODE = 2;
const PARTITION_HANDLE = 3;
const USER_PHYSICAL_HANDLE = 4;
const ATTRIBUTE_FLAGS = 5;
/** Types that there are: MemExtendedParameterMax. */
const TYPES = 7;
const PARAMETER_BYTES = 16;
const NUMA_NO_PREFERRED_NODE = 0xffff_ffff;
/** MEM_EXTENDED_PARAMETER_* attributes: nonpaged memory takes a right, the others are hints; the rest is for images and other processors. */
const NONPAGED = 0x02 | 0x08 | 0x10;
const GRAPHICS = 0x01;
const ZERO_PAGES_OPTIONAL = 0x04;
const SOFT_FAULT_PAGES = 0x20;
const KNOWN_ATTRIBUTES = NONPAGED | GRAPHICS | ZERO_PAGES_OPTIONAL | SOFT_FAULT_PAGES;

/** What the parameters ask for. */
export interface ExtendedParameters {
  requirements: AddressRequirements;
}

/**
 * Reads the parameters of an allocation or view. STATUS_INVALID_PARAMETER for an unknown type, one that comes twice, reserved
 * bits, a NUMA node that does not exist, an attribute that does not apply; STATUS_INVALID_HANDLE for a partition, of which there
 * is none beside the system's; for nonpaged memory STATUS_PRIVILEGE_NOT_HELD, or STATUS_NOT_SUPPORTED for those who may lock pages. Which of these Windows answers could not be
 * checked for each.
 */
export function readExtendedParameters(
  call: ServiceCall,
  at: number,
  count: number,
  out: ExtendedParameters,
): number {
  if (count >= TYPES || (count > 0 && at === 0)) return STATUS_INVALID_PARAMETER;
  let seen = 0;
  for (let index = 0; index < count; index++) {
    const parameter = at + index * PARAMETER_BYTES;
    const type = call.memory.readU32(parameter);
    if (type === 0 || type >= TYPES || call.memory.readU32(parameter + 4) !== 0)
      return STATUS_INVALID_PARAMETER;
    if ((seen & (1 << type)) !== 0) return STATUS_INVALID_PARAMETER;
    seen |= 1 << type;
    const status = readParameter(call, type, parameter + 8, out);
    if (status !== STATUS_SUCCESS) return status;
  }
  return STATUS_SUCCESS;
}

function readParameter(call: ServiceCall, type: number, at: number, out: ExtendedParameters): number {
  switch (type) {
    case ADDRESS_REQUIREMENTS:
      out.requirements = readRequirements(call, call.memory.readPointer(at));
      return STATUS_SUCCESS;
    case NUMA_NODE:
      return isKnownNode(call.memory.readU32(at)) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    case PARTITION_HANDLE:
      return STATUS_INVALID_HANDLE;
    case USER_PHYSICAL_HANDLE:
      return STATUS_INVALID_PARAMETER;
    case ATTRIBUTE_FLAGS:
      return checkAttributes(call, call.memory.readU64Lo(at), call.memory.readU64Hi(at));
    default:
      return STATUS_INVALID_PARAMETER;
  }
}

function readRequirements(call: ServiceCall, at: number): AddressRequirements {
  const { memory } = call;
  return {
    lowest: memory.readPointer(at),
    highest: memory.readPointer(at + 8),
    alignment: readSize(call, at + 16),
  };
}

/** True for the one node there is, and for no preference. */
export function isKnownNode(node: number): boolean {
  return node === 0 || node === NUMA_NO_PREFERRED_NODE;
}

function checkAttributes(call: ServiceCall, low: number, high: number): number {
  if (high !== 0 || (low & ~KNOWN_ATTRIBUTES) !== 0) return STATUS_INVALID_PARAMETER;
  if ((low & NONPAGED) === 0) return STATUS_SUCCESS;
  return mayLockPages(call.process) ? STATUS_NOT_SUPPORTED : STATUS_PRIVILEGE_NOT_HELD;
}

/** Parameters that ask for nothing. */
export function noParameters(): ExtendedParameters {
  return { requirements: NO_REQUIREMENTS };
}
