/**
 * A pop from an interlocked list reads the link of the first entry before it takes it; another thread may have taken that entry
 * and freed its memory in between. Windows begins such a pop anew instead of raising the fault. Source: Microsoft, "Interlocked
 * Singly Linked Lists"; the function's registers are those of ntdll's machine code: RAX and R8 what was read, R10 the list.
 */
import { GuestFault } from '../mm/user-memory.js';
import type { Kernel } from './kernel.js';
import type { Thread } from './thread.js';

const RAX = 0;
const R10 = 10;
/** Offsets in RtlInterlockedPopEntrySList: where the list is read, and where the link of the entry is. */
const POP_RESUME = 0x04;
const POP_FAULT = 0x14;

/** Begins a pop anew whose list has changed since it was read; false for every other fault. */
export function resumeListPop(kernel: Kernel, { process }: Thread): boolean {
  const { processor, memory } = kernel;
  const pop = kernel.symbol(process, 'ntdll.dll', 'RtlInterlockedPopEntrySList');
  if (pop === 0 || processor.rip !== pop + POP_FAULT) return false;
  const list = processor.getAddress(R10);
  try {
    if (memory.readU32(list) === processor.getLo(RAX) && memory.readU32(list + 4) === processor.getHi(RAX))
      return false;
  } catch (error) {
    if (error instanceof GuestFault) return false;
    throw error;
  }
  processor.rip = pop + POP_RESUME;
  return true;
}
