/** What the ranges of a process are for: heaps, stacks, thread and process blocks. Read from the process's own memory. */
import type { MemoryManager } from '../mm/memory-manager.js';
import { USER_SHARED_DATA } from '../mm/shared-user-data.js';
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { THREAD_TERMINATED, type Thread } from '../nt/thread.js';
import {
  HEAP_FIRST_SEGMENT_AT,
  HEAP_LARGE_LIST_AT,
  HEAP_SIGNATURE,
  HEAP_SIGNATURE_AT,
  SEGMENT_NEXT_AT,
} from '../win32/ntdll/heap-layout.js';
import { heapsOf } from '../win32/ntdll/heap-services.js';
import type { MemoryRange } from './address-map.js';
import { peekPointer, peekU32 } from './peek.js';

const PEB_PROCESS_HEAP = 0x30;
/** The structures can be overwritten by the program: lists are followed this far. */
const MOST_LINKS = 65_536;

/** Finds the range that starts at, or holds, an address. */
class RangeFinder {
  constructor(private readonly ranges: readonly MemoryRange[]) {}

  holding(address: number): MemoryRange | undefined {
    let low = 0;
    let high = this.ranges.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const range = this.ranges[middle]!;
      if (address < range.address) high = middle - 1;
      else if (address >= range.address + range.size) low = middle + 1;
      else return range;
    }
    return undefined;
  }

  /** Names the private range that holds an address; false when there is none. */
  name(address: number, type: 'Heap' | 'Stack' | 'Private Data', details: string): boolean {
    const range = this.holding(address);
    if (range === undefined || range.type !== 'Private Data') return false;
    range.type = type;
    if (range.details === '') range.details = details;
    return true;
  }
}

/** Threads whose stacks are there: those that live, or all when the process is ending. */
function threadsWithStacks(process: Process): readonly Thread[] {
  const alive = process.threads.filter(({ state }) => state !== THREAD_TERMINATED);
  return alive.length > 0 ? alive : process.threads;
}

/** Names ranges in place. */
export function nameRanges(kernel: Kernel, process: Process, ranges: readonly MemoryRange[]): void {
  if (process.deleted) return;
  const finder = new RangeFinder(ranges);
  for (const thread of threadsWithStacks(process)) {
    if (thread.stackAllocation !== 0) finder.name(thread.stackAllocation, 'Stack', `thread ${thread.id}`);
    finder.name(thread.teb, 'Private Data', `thread environment block, thread ${thread.id}`);
  }
  finder.name(USER_SHARED_DATA, 'Private Data', 'shared user data');
  if (process.peb === 0) return;
  finder.name(process.peb, 'Private Data', 'process environment block');
  nameHeaps(kernel.mm, process, finder);
}

function nameHeaps(mm: MemoryManager, process: Process, finder: RangeFinder): void {
  const { space, peb } = process;
  const own = peekPointer(mm, space, peb + PEB_PROCESS_HEAP) ?? 0;
  heapsOf(process).forEach((heap, index) => {
    if (peekU32(mm, space, heap + HEAP_SIGNATURE_AT) !== HEAP_SIGNATURE) return;
    const label = `heap ${index + 1}${heap === own ? ', process heap' : ''}`;
    nameSegments(mm, process, finder, heap, label);
    nameLargeBlocks(mm, process, finder, heap, label);
  });
}

function nameSegments(
  mm: MemoryManager,
  process: Process,
  finder: RangeFinder,
  heap: number,
  label: string,
): void {
  let segment = peekPointer(mm, process.space, heap + HEAP_FIRST_SEGMENT_AT) ?? heap;
  for (let links = 0; segment !== 0 && links < MOST_LINKS; links++) {
    if (!finder.name(segment, 'Heap', label)) return;
    segment = peekPointer(mm, process.space, segment + SEGMENT_NEXT_AT) ?? 0;
  }
}

/** Large blocks are a circular list through the heap header. */
function nameLargeBlocks(
  mm: MemoryManager,
  process: Process,
  finder: RangeFinder,
  heap: number,
  label: string,
): void {
  const head = heap + HEAP_LARGE_LIST_AT;
  let block = peekPointer(mm, process.space, head) ?? head;
  for (let links = 0; block !== 0 && block !== head && links < MOST_LINKS; links++) {
    if (!finder.name(block, 'Heap', `${label}, large block`)) return;
    block = peekPointer(mm, process.space, block) ?? 0;
  }
}
