/** !address: the ranges of a process's address space, or what one address belongs to. */
import { MEM_COMMIT, MEM_FREE, MEM_IMAGE, MEM_MAPPED } from '../../base/memory-constants.js';
import { STATUS_SUCCESS } from '../../base/ntstatus.js';
import { PEEKED } from '../../mm/page-table-peek.js';
import { PTE_BASE, SYSTEM_RANGE_START } from '../../mm/page-tables.js';
import {
  DIRECTORY_ENTRY_SPAN,
  HYPERSPACE,
  NONPAGED_POOL,
  NONPAGED_POOL_END,
  PAGED_POOL,
  PAGED_POOL_END,
  SYSTEM_PTE_END,
  SYSTEM_PTE_SPACE,
  SYSTEM_SHARED_DATA,
} from '../../mm/system-space.js';
import { emptyBasicInformation, queryVirtualMemory } from '../../mm/virtual-memory.js';
import type { Kernel } from '../../nt/kernel.js';
import type { Process } from '../../nt/process.js';
import { describeAddressSpace, type MemoryRange } from '../address-map.js';
import { protectionText } from '../protection-text.js';
import { bytesText, table } from '../text.js';
import { addressText, hex } from './format.js';

interface SystemArea {
  readonly start: number;
  /** First address behind it. */
  readonly end: number;
  readonly name: string;
}

const SYSTEM_AREAS: readonly SystemArea[] = [
  { start: PTE_BASE, end: PTE_BASE + DIRECTORY_ENTRY_SPAN, name: 'page tables (self-map)' },
  { start: HYPERSPACE, end: HYPERSPACE + DIRECTORY_ENTRY_SPAN, name: 'hyperspace (working-set list)' },
  { start: SYSTEM_SHARED_DATA, end: SYSTEM_SHARED_DATA + 4096, name: 'shared user data' },
  { start: SYSTEM_PTE_SPACE, end: SYSTEM_PTE_END, name: 'system PTEs (kernel stacks)' },
  { start: PAGED_POOL, end: PAGED_POOL_END, name: 'paged pool' },
  { start: NONPAGED_POOL, end: NONPAGED_POOL_END, name: 'nonpaged pool' },
];

/** The area of system space that holds an address, or null. */
export function systemAreaOf(address: number): SystemArea | null {
  return SYSTEM_AREAS.find(({ start, end }) => address >= start && address < end) ?? null;
}

function rangeRow(range: MemoryRange): string[] {
  const { address, size, type, details, committed } = range;
  const protections = new Set(range.blocks.map(({ protection }) => protectionText(protection)));
  return [
    addressText(address),
    addressText(address + size - 1),
    bytesText(size),
    committed === 0 ? '' : bytesText(committed),
    type,
    protections.size === 1 ? [...protections][0]! : '',
    details,
  ];
}

/** Every range but the free ones. */
export function showRanges(kernel: Kernel, process: Process): string {
  const ranges = describeAddressSpace(kernel, process).filter(({ type }) => type !== 'Free');
  const head = ['Start', 'End', 'Size', 'Committed', 'Usage', 'Protection', 'Details'];
  return table([head, ...ranges.map(rangeRow)], new Set([2, 3])).join('\n');
}

const lines = (fields: readonly (readonly [string, string])[]) =>
  fields.map(([title, value]) => `${`${title}:`.padEnd(24)}${value}`).join('\n');

function stateText(state: number): string {
  if (state === MEM_FREE) return 'MEM_FREE';
  return state === MEM_COMMIT ? 'MEM_COMMIT' : 'MEM_RESERVE';
}

function typeText(type: number): string {
  if (type === MEM_IMAGE) return 'MEM_IMAGE';
  return type === MEM_MAPPED ? 'MEM_MAPPED' : 'MEM_PRIVATE';
}

function showSystemAddress(address: number): string {
  const area = systemAreaOf(address);
  if (area === null) return lines([['Usage', 'system space, no area of this machine']]);
  return lines([
    ['Usage', area.name],
    ['Base Address', addressText(area.start)],
    ['End Address', addressText(area.end)],
    ['Access', 'kernel mode only'],
  ]);
}

/** What one address belongs to. */
export function showAddress(kernel: Kernel, process: Process, address: number): string {
  if (address >= SYSTEM_RANGE_START) return showSystemAddress(address);
  const out = emptyBasicInformation();
  if (queryVirtualMemory(kernel.mm, process.space, address, out, PEEKED) !== STATUS_SUCCESS)
    return lines([['Usage', 'no access: past the last address that a program can use']]);
  if (address < process.space.lowestAddress)
    return lines([['Usage', 'no access: the first 64 KB are never mapped']]);
  const range = describeAddressSpace(kernel, process).find(
    (each) => address >= each.address && address < each.address + each.size,
  )!;
  const fields: [string, string][] = [
    ['Usage', range.type],
    ['Base Address', addressText(out.baseAddress)],
    ['End Address', addressText(out.baseAddress + out.regionSize)],
    ['Region Size', `${addressText(out.regionSize)} (${bytesText(out.regionSize)})`],
    ['State', `${hex(out.state, 8)}  ${stateText(out.state)}`],
  ];
  if (out.state === MEM_FREE) return lines(fields);
  fields.push(
    ['Protect', `${hex(out.protect, 8)}  ${protectionText(out.protect)}`],
    ['Type', `${hex(out.type, 8)}  ${typeText(out.type)}`],
    ['Allocation Base', addressText(out.allocationBase)],
    ['Allocation Protect', `${hex(out.allocationProtect, 8)}  ${protectionText(out.allocationProtect)}`],
  );
  if (range.details !== '') fields.push(['More info', range.details]);
  return lines(fields);
}
