/** Writes of the loader into an image whose pages may be read-only: made writable, written (copy-on-write), restored. */
import { PAGE_EXECUTE_READWRITE, PAGE_READWRITE } from '../base/memory-constants.js';
import { ntSuccess } from '../base/ntstatus.js';
import { protectVirtualMemory } from '../mm/virtual-memory.js';
import type { ServiceCall } from '../nt/service.js';
import { IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE } from '../pe/pe-constants.js';
import { hasPageAlignedSections, type PeHeaders } from '../pe/pe-headers.js';
import { LoaderFailure } from './loader-state.js';

const PAGE = 4096;
/** Bytes that a write at a given RVA may reach. */
const WIDEST = 8;

interface Protected {
  readonly start: number;
  readonly size: number;
  readonly oldProtect: number;
}

/**
 * Runs `write` while the pages that hold the given RVAs (8 bytes from each) can be written. Throws LoaderFailure when a page's
 * protection cannot be changed; what was changed is put back.
 */
export function writeImage(
  call: ServiceCall,
  base: number,
  headers: PeHeaders,
  rvas: readonly number[],
  write: () => void,
): void {
  const changed: Protected[] = [];
  try {
    for (const [page, executable] of lockedPages(headers, rvas))
      changed.push(protect(call, base + page * PAGE, executable ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE));
    write();
  } finally {
    for (const { start, size, oldProtect } of changed)
      setProtection(call, start, size, oldProtect, { oldProtect: 0 });
  }
}

/** Page numbers in the image that are not writable by their headers, with whether they are executable. */
function lockedPages(headers: PeHeaders, rvas: readonly number[]): Map<number, boolean> {
  const pages = new Map<number, boolean>();
  const aligned = hasPageAlignedSections(headers);
  for (const rva of rvas) {
    const last = Math.floor((rva + WIDEST - 1) / PAGE);
    for (let page = Math.floor(rva / PAGE); page <= last && page * PAGE < headers.sizeOfImage; page++) {
      if (pages.has(page)) continue;
      const characteristics = aligned ? characteristicsAt(headers, page * PAGE) : IMAGE_SCN_MEM_EXECUTE;
      if ((characteristics & IMAGE_SCN_MEM_WRITE) === 0)
        pages.set(page, (characteristics & IMAGE_SCN_MEM_EXECUTE) !== 0);
    }
  }
  return pages;
}

/** Characteristics of the section that holds an RVA; 0 for the headers. */
function characteristicsAt(headers: PeHeaders, rva: number): number {
  const holder = headers.sections.find(
    ({ virtualAddress, virtualSize }) =>
      rva >= virtualAddress && rva < virtualAddress + Math.ceil(virtualSize / PAGE) * PAGE,
  );
  return holder?.characteristics ?? 0;
}

function protect(call: ServiceCall, start: number, protection: number): Protected {
  const out = { oldProtect: 0 };
  const status = setProtection(call, start, PAGE, protection, out);
  if (!ntSuccess(status))
    throw new LoaderFailure(status, `a page of an image at 0x${start.toString(16)} cannot be made writable`);
  return { start, size: PAGE, oldProtect: out.oldProtect };
}

function setProtection(
  call: ServiceCall,
  start: number,
  size: number,
  protection: number,
  out: { oldProtect: number },
): number {
  const request = { baseAddress: start, regionSize: size };
  return protectVirtualMemory(call.kernel.mm, call.process.space, request, protection, out);
}
