/**
 * NtQueryVirtualMemory, MemoryBasicInformation: what the pages from an address on are. Source: Microsoft, "VirtualQuery function",
 * "MEMORY_BASIC_INFORMATION structure".
 */
import {
  MEM_COMMIT,
  MEM_FREE,
  MEM_IMAGE,
  MEM_MAPPED,
  MEM_PRIVATE,
  MEM_RESERVE,
  PAGE_NOACCESS,
} from '../base/memory-constants.js';
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { LARGE_PAGE_FRAMES, largePageProtection } from './large-page.js';
import type { MemoryManager } from './memory-manager.js';
import { endOfSection, PAGE_RESERVED, pageState } from './page-protection.js';
import { BROUGHT_IN } from './page-table-fault.js';
import type { TableAccess } from './page-tables.js';
import { pageProtection } from './protection.js';
import { VAD_IMAGE, VAD_LARGE_PAGES, VAD_PRIVATE, type Vad } from './vad-tree.js';

const TYPE_OF_KIND = [MEM_PRIVATE, MEM_MAPPED, MEM_IMAGE];

/** MEMORY_BASIC_INFORMATION: addresses, bytes, PAGE_* and MEM_* flags. */
export interface MemoryBasicInformation {
  baseAddress: number;
  allocationBase: number;
  allocationProtect: number;
  regionSize: number;
  state: number;
  protect: number;
  type: number;
}

/** A record for queryVirtualMemory to fill. */
export function emptyBasicInformation(): MemoryBasicInformation {
  return {
    baseAddress: 0,
    allocationBase: 0,
    allocationProtect: 0,
    regionSize: 0,
    state: 0,
    protect: 0,
    type: 0,
  };
}

/**
 * Describes the run of pages from the one that holds `address` to the last of the same range with the same state and
 * protection, or the free region. STATUS_INVALID_PARAMETER past the last user address; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR
 * when a page table cannot be brought back.
 */
export function queryVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  out: MemoryBasicInformation,
  tables: TableAccess = BROUGHT_IN,
): number {
  if (address < 0 || address > space.highestAddress) return STATUS_INVALID_PARAMETER;
  const page = Math.floor(address / 4096);
  const vad = space.vads.find(page);
  out.baseAddress = page * 4096;
  if (vad !== null) return describeRange(mm, space, vad, page, out, tables);
  describeFree(space, page, out);
  return STATUS_SUCCESS;
}

function describeFree(space: AddressSpace, page: number, out: MemoryBasicInformation): void {
  const next = space.vads.atOrAfter(page);
  const end = next === null ? space.highestAddress + 1 : next.startPage * 4096;
  out.allocationBase = 0;
  out.allocationProtect = 0;
  out.regionSize = end - page * 4096;
  out.state = MEM_FREE;
  out.protect = PAGE_NOACCESS;
  out.type = 0;
}

function describeRange(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  page: number,
  out: MemoryBasicInformation,
  tables: TableAccess,
): number {
  if (vad.type === VAD_LARGE_PAGES) {
    describeLargePages(mm, space, vad, page, out);
    return STATUS_SUCCESS;
  }
  const word = tables.pte(mm, space, page * 4096);
  if (word < 0) return -word;
  const state = pageState(mm, vad, page, word);
  const end = endOfRun(mm, space, vad, page, state, tables);
  if (end < 0) return -end;
  out.allocationBase = vad.startPage * 4096;
  out.allocationProtect = pageProtection(vad.protection);
  out.regionSize = (end - page) * 4096;
  out.state = state === PAGE_RESERVED ? MEM_RESERVE : MEM_COMMIT;
  out.protect = state === PAGE_RESERVED ? 0 : pageProtection(state);
  out.type = TYPE_OF_KIND[vad.kind]!;
  return STATUS_SUCCESS;
}

function describeLargePages(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  page: number,
  out: MemoryBasicInformation,
): void {
  const protection = largePageProtection(mm, space, page * 4096);
  let end = page - (page % LARGE_PAGE_FRAMES) + LARGE_PAGE_FRAMES;
  while (end <= vad.endPage && largePageProtection(mm, space, end * 4096) === protection)
    end += LARGE_PAGE_FRAMES;
  out.allocationBase = vad.startPage * 4096;
  out.allocationProtect = pageProtection(vad.protection);
  out.regionSize = (end - page) * 4096;
  out.state = MEM_COMMIT;
  out.protect = pageProtection(protection);
  out.type = TYPE_OF_KIND[vad.kind]!;
}

/** The first page after `page` whose state differs, at most the first after the range; or an NTSTATUS, negated. */
function endOfRun(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  page: number,
  state: number,
  tables: TableAccess,
): number {
  const end = endOfSection(vad);
  if (page >= end) return vad.endPage + 1;
  const untouchedDiffer = vad.kind === VAD_IMAGE || vad.sectionMayReserve;
  const untouched = vad.kind === VAD_PRIVATE && !vad.memCommit ? PAGE_RESERVED : vad.protection;
  let at = page + 1;
  while (at < end) {
    const word = tables.pte(mm, space, at * 4096);
    if (word < 0) return word;
    if (word === 0 && !untouchedDiffer) {
      if (untouched !== state) return at;
      const next = tables.next(mm, space, at * 4096, end * 4096);
      if (next < 0) return next;
      at = next / 4096;
    } else if (pageState(mm, vad, at, word) === state) at++;
    else return at;
  }
  return end;
}
