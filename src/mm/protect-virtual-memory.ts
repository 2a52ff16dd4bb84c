/**
 * NtProtectVirtualMemory: another protection for committed pages of one range. Source: Microsoft, "VirtualProtect function",
 * "Memory Protection Constants".
 */
import {
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_INVALID_PAGE_PROTECTION,
  STATUS_INVALID_PARAMETER_2,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_NOT_COMMITTED,
  STATUS_SUCCESS,
  STATUS_WAS_UNLOCKED,
} from '../base/ntstatus.js';
import type { AddressSpace } from './address-space.js';
import { largePageProtection } from './large-page.js';
import { protectLockedRange } from './locked-range.js';
import type { MemoryManager } from './memory-manager.js';
import { pageState, protectPages } from './page-protection.js';
import { bringPteIn, releaseTables } from './page-table-fault.js';
import { countCommitted, holdTablesFor } from './private-memory.js';
import { isCopyOnWrite, pageProtection, protectionCode } from './protection.js';
import { VAD_LARGE_PAGES, VAD_ORDINARY, VAD_PRIVATE, type Vad } from './vad-tree.js';
import { protectView } from './view-memory.js';
import type { RegionRequest } from './virtual-memory.js';

/**
 * Protects every page that the request touches with PAGE_* flags; `out.oldProtect` is the protection that the first page had.
 * STATUS_WAS_UNLOCKED when a page that was locked loses its access, or becomes a guard page, and its lock with it.
 * STATUS_CONFLICTING_ADDRESSES outside one range, STATUS_NOT_COMMITTED when a page is only reserved,
 * STATUS_SECTION_PROTECTION beyond the rights of a view; STATUS_NO_MEMORY or STATUS_IN_PAGE_ERROR when a page table cannot be
 * made or brought back.
 */
export function protectVirtualMemory(
  mm: MemoryManager,
  space: AddressSpace,
  request: RegionRequest,
  newProtect: number,
  out: { oldProtect: number },
): number {
  const protection = protectionCode(newProtect);
  if (protection < 0) return STATUS_INVALID_PAGE_PROTECTION;
  const { baseAddress, regionSize } = request;
  if (baseAddress < 0 || baseAddress > space.highestAddress) return STATUS_INVALID_PARAMETER_2;
  if (regionSize <= 0 || regionSize > space.highestAddress + 1 - baseAddress)
    return STATUS_INVALID_PARAMETER_3;
  const start = Math.floor(baseAddress / 4096) * 4096;
  const end = Math.ceil((baseAddress + regionSize) / 4096) * 4096;
  const vad = space.vads.find(start / 4096);
  if (vad === null || end / 4096 - 1 > vad.endPage) return STATUS_CONFLICTING_ADDRESSES;
  if (vad.noChange) return STATUS_INVALID_PAGE_PROTECTION;
  const word = bringPteIn(mm, space, start);
  if (word < 0) return -word;
  const isLarge = vad.type === VAD_LARGE_PAGES;
  const old = isLarge ? largePageProtection(mm, space, start) : pageState(mm, vad, start / 4096, word);
  const { locked } = space.workingSet;
  const status =
    vad.type !== VAD_ORDINARY
      ? protectLockedRange(mm, space, vad, start, end, protection)
      : vad.kind === VAD_PRIVATE
        ? protectPrivate(mm, space, vad, start, end, protection)
        : protectView(mm, space, vad, start, end, protection);
  if (status !== STATUS_SUCCESS) return status;
  out.oldProtect = pageProtection(old);
  request.baseAddress = start;
  request.regionSize = end - start;
  if (mm.events.active) mm.events.emit('protect', space, start, -1, newProtect);
  return space.workingSet.locked < locked ? STATUS_WAS_UNLOCKED : STATUS_SUCCESS;
}

function protectPrivate(
  mm: MemoryManager,
  space: AddressSpace,
  vad: Vad,
  start: number,
  end: number,
  protection: number,
): number {
  if (isCopyOnWrite(protection)) return STATUS_INVALID_PARAMETER_4;
  const committed = countCommitted(mm, space, vad, start, end);
  if (committed < 0) return -committed;
  if (committed !== (end - start) / 4096) return STATUS_NOT_COMMITTED;
  const status = holdTablesFor(mm, space, vad, start, end, protection);
  if (status !== STATUS_SUCCESS) return status;
  protectPages(mm, space, vad, start, end, protection);
  releaseTables(mm, space, start, end);
  return STATUS_SUCCESS;
}
