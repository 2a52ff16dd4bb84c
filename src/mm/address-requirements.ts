/**
 * Where a new range may lie when the system chooses (MEM_ADDRESS_REQUIREMENTS). Source: Microsoft, "MEM_ADDRESS_REQUIREMENTS
 * structure (winnt.h)", "VirtualAlloc2 function (memoryapi.h)".
 */
import { ALLOCATION_GRANULARITY } from '../base/memory-constants.js';
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';

/** Addresses and bytes; 0 in any of them asks for nothing. */
export interface AddressRequirements {
  /** Lowest address of the range. */
  readonly lowest: number;
  /** Last address that the range may have. */
  readonly highest: number;
  /** A power of two. */
  readonly alignment: number;
}

export const NO_REQUIREMENTS: AddressRequirements = { lowest: 0, highest: 0, alignment: 0 };

/** Limits of a search for a free range: first and last address, alignment of its start in bytes. */
export interface PlacementLimits {
  readonly lowest: number;
  readonly highest: number;
  readonly alignment: number;
}

/**
 * STATUS_INVALID_PARAMETER unless the lowest address is a multiple of 64 KB, the highest the last of a page that user mode can
 * have and not below the lowest, and the alignment a power of two from 64 KB on; or when a base is given as well. That the
 * highest address ends a page could not be checked against the documentation.
 */
export function checkRequirements(
  space: AddressSpace,
  requirements: AddressRequirements,
  baseAddress: number,
): number {
  const { lowest, highest, alignment } = requirements;
  if (lowest === 0 && highest === 0 && alignment === 0) return STATUS_SUCCESS;
  const isValid =
    baseAddress === 0 &&
    lowest % ALLOCATION_GRANULARITY === 0 &&
    lowest <= space.highestAddress &&
    (highest === 0 || (highest <= space.highestAddress && (highest + 1) % 4096 === 0 && highest > lowest)) &&
    (alignment === 0 || (alignment >= ALLOCATION_GRANULARITY && isPowerOfTwo(alignment)));
  return isValid ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest > 1 && rest % 2 === 0) rest /= 2;
  return rest === 1;
}

/** The limits that checked requirements set. */
export function limitsOf(space: AddressSpace, requirements: AddressRequirements): PlacementLimits {
  return {
    lowest: Math.max(space.lowestAddress, requirements.lowest),
    highest: requirements.highest === 0 ? space.highestAddress : requirements.highest,
    alignment: requirements.alignment === 0 ? ALLOCATION_GRANULARITY : requirements.alignment,
  };
}

/** No limit but a last address. */
export function limitsBelow(space: AddressSpace, highest: number): PlacementLimits {
  return {
    lowest: space.lowestAddress,
    highest: Math.min(highest, space.highestAddress),
    alignment: ALLOCATION_GRANULARITY,
  };
}
