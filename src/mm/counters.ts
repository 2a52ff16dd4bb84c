import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';

/**
 * Fault counters, kept for the machine and for each process. `total` = `soft` + `hard` + `guardPage` + `accessViolation`:
 * a hard fault waited for a disk read, a soft one was resolved without; the other counters classify the soft and hard ones.
 * A touch that a system service makes on a program's behalf counts like the program's own.
 */
export class FaultCounters {
  total = 0;
  soft = 0;
  hard = 0;
  demandZero = 0;
  transition = 0;
  copyOnWrite = 0;
  pageFileRead = 0;
  mappedFileRead = 0;
  imageRead = 0;
  prototype = 0;
  guardPage = 0;
  accessViolation = 0;
}

/** A fault found its page on the standby or modified list; one that waited for that page's read has been counted already. */
export function countTransition(mm: MemoryManager, space: AddressSpace): void {
  if (mm.faultGoesOn) return;
  mm.counters.transition++;
  space.counters.transition++;
}
