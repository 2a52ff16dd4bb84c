/** The region that a service on an address space is asked for. Addresses are 48-bit numbers, sizes bytes. */
import type { AddressSpace } from './address-space.js';

const PAGE = 4096;

/** Base address and size in bytes; a service rounds them to what it did. */
export interface RegionRequest {
  baseAddress: number;
  regionSize: number;
  /** The caller has SeLockMemoryPrivilege enabled. */
  mayLockPages?: boolean;
}

export function pageFloor(address: number): number {
  return Math.floor(address / PAGE) * PAGE;
}

export function pageCeiling(address: number): number {
  return Math.ceil(address / PAGE) * PAGE;
}

/** True for a 48-bit number that is not past the last address of a region. */
export function isUserAddress(space: AddressSpace, address: number): boolean {
  return address >= 0 && address <= space.highestAddress;
}
