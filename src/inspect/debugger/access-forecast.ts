/**
 * What an access of the program to an address would come to, without making it: the cases of the page-fault handler, read
 * only. Source: Windows Internals, "Page fault handling"; Unit OS5: Memory Management 5.2, "MM: Working Sets".
 */
import { STATUS_ACCESS_VIOLATION, STATUS_GUARD_PAGE_VIOLATION } from '../../base/ntstatus.js';
import { checkAccess, FAULT_FETCH, FAULT_WRITE } from '../../mm/access-check.js';
import type { AddressSpace } from '../../mm/address-space.js';
import { LARGE_PAGE_FRAMES } from '../../mm/large-page.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import {
  isBeyondSection,
  PAGE_RESERVED,
  prototypeAddress,
  untouchedState,
} from '../../mm/page-protection.js';
import { isLargePage } from '../../mm/page-tables.js';
import { isBeingRead } from '../../mm/paging-io.js';
import { FRAME_STATE_NAMES } from '../../mm/pfn-database.js';
import { isCopyOnWrite } from '../../mm/protection.js';
import {
  PTE_ASK_VAD,
  PTE_COPY_ON_WRITE,
  PTE_NO_EXECUTE,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_WRITE,
  prototypeProtection,
  pteAddressField,
  pteFrame,
  pteProtection,
} from '../../mm/pte.js';
import { observe } from '../../mm/system-observer.js';
import { systemValue } from '../../mm/system-space.js';
import {
  LEAST_STACK_GUARANTEE,
  TEB_DEALLOCATION_STACK,
  TEB_GUARANTEED_STACK_BYTES,
  TEB_STACK_BASE,
  type UserStack,
} from '../../mm/user-stack.js';
import { VAD_PRIVATE, type Vad } from '../../mm/vad-tree.js';
import { peekPointer, peekU32 } from '../peek.js';
import { addressText, hex } from './format.js';
import { protectionCodeName, pteForm } from './pte-text.js';
import { namesTableOut, type WalkEntry, walkTables } from './table-walk.js';

export type Access = 'read' | 'write' | 'execute';

export interface Forecast {
  /** How the first fault would be counted; 'none': the page can be used as it is. */
  readonly outcome: 'none' | 'soft' | 'hard' | 'guard' | 'violation';
  /** Why, as the rest of a sentence that begins with the access. */
  readonly text: string;
}

const ERROR_CODES: Readonly<Record<Access, number>> = {
  read: 0,
  write: FAULT_WRITE,
  execute: FAULT_FETCH,
};
const NEEDS: Readonly<Record<Access, string>> = {
  read: 'reading',
  write: 'writing',
  execute: 'executing',
};
const PAGE_SIZE = 4096;

const violation = (why: string): Forecast => ({
  outcome: 'violation',
  text: `raises STATUS_ACCESS_VIOLATION: ${why}`,
});
const SOFT = 'is a soft fault: ';
const HARD = 'is a hard fault: ';
const soft = (why: string): Forecast => ({ outcome: 'soft', text: `${SOFT}${why}` });
const hard = (why: string): Forecast => ({ outcome: 'hard', text: `${HARD}${why}` });
const guard = (then: string): Forecast => ({
  outcome: 'guard',
  text: `touches a guard page: the guard is taken away, and ${then}`,
});
/** A guard page outside of the running thread's stack. */
const ALARM = guard('STATUS_GUARD_PAGE_VIOLATION is raised');

/** The guard page of the running thread's stack: it grows, or is at its end. */
function onStackGuard(
  mm: MemoryManager,
  space: AddressSpace,
  stack: UserStack | null,
  address: number,
): Forecast {
  if (stack === null) return ALARM;
  const base = peekPointer(mm, space, stack.tebAddress + TEB_STACK_BASE);
  const bottom = peekPointer(mm, space, stack.tebAddress + TEB_DEALLOCATION_STACK);
  const guaranteed = peekU32(mm, space, stack.tebAddress + TEB_GUARANTEED_STACK_BYTES) ?? 0;
  if (base === null || bottom === null || address < bottom || address >= base) return ALARM;
  const page = Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
  const next = page - (Math.ceil(guaranteed / PAGE_SIZE) + 1) * PAGE_SIZE;
  const last = page - (Math.ceil(Math.max(guaranteed, LEAST_STACK_GUARANTEE) / PAGE_SIZE) + 1) * PAGE_SIZE;
  if (last <= bottom) return guard('STATUS_STACK_OVERFLOW is raised: the stack has no room to grow');
  return guard(`the stack of the running thread grows: ${addressText(next)} becomes its guard page`);
}

/** What a protection refuses, or null. */
function refusal(protection: number, access: Access): Forecast | null {
  switch (checkAccess(protection, ERROR_CODES[access])) {
    case STATUS_GUARD_PAGE_VIOLATION:
      return ALARM;
    case STATUS_ACCESS_VIOLATION:
      return violation(`the protection ${protectionCodeName(protection)} does not allow ${NEEDS[access]}`);
    default:
      return null;
  }
}

/** A page whose entry is valid. */
function onValid(mm: MemoryManager, lo: number, hi: number, access: Access): Forecast {
  if (access === 'execute' && (hi & PTE_NO_EXECUTE) !== 0)
    return violation('the PTE has NoExecute (data execution prevention)');
  if (access !== 'write' || (lo & PTE_WRITE) !== 0)
    return { outcome: 'none', text: `goes to frame ${hex(pteFrame(lo))} without a fault` };
  if ((lo & PTE_COPY_ON_WRITE) === 0)
    return violation('the PTE does not have Write, and it is not copy-on-write');
  const shares = mm.pfn.shareCount[pteFrame(lo)]!;
  return soft(
    `copy-on-write; a new frame gets a copy of frame ${hex(pteFrame(lo))} (share count ${shares}) and belongs to this process alone`,
  );
}

/** A large page: its entry is valid as long as it is allocated. */
function onLarge(lo: number, hi: number, page: number, access: Access): Forecast {
  if (access === 'execute' && (hi & PTE_NO_EXECUTE) !== 0)
    return violation('the PDE has NoExecute (data execution prevention)');
  if (access === 'write' && (lo & PTE_WRITE) === 0) return violation('the PDE does not have Write');
  const frame = pteFrame(lo) + (page % LARGE_PAGE_FRAMES);
  return { outcome: 'none', text: `goes to frame ${hex(frame)} of a large page without a fault` };
}

function listText(mm: MemoryManager, frame: number): string {
  const state = FRAME_STATE_NAMES[mm.pfn.state[frame]!]!;
  return state === 'transition' ? 'held by an I/O' : `on the ${state} list`;
}

function onTransition(mm: MemoryManager, lo: number): Forecast {
  const frame = pteFrame(lo);
  if (isBeingRead(mm, frame))
    return hard(`the page is being read into frame ${hex(frame)} already; the thread waits for that read`);
  return soft(`frame ${hex(frame)}, ${listText(mm, frame)}, still has the page and becomes active again`);
}

const ZEROS = soft('demand zero; a frame of zeros becomes its page');

function fromPagingFile(lo: number, hi: number): Forecast {
  return hard(`the page is read from paging file ${(lo >>> 1) & 0xf}, page ${hex(hi)} of it`);
}

/** A page of a view whose entry is zero or in prototype form. `named` is the protection that the entry gives, -1 for none. */
function onView(
  mm: MemoryManager,
  vad: Vad,
  page: number,
  at: number,
  named: number,
  access: Access,
): Forecast {
  const lo = systemValue(mm, at);
  const hi = systemValue(mm, at + 4);
  const form = pteForm(lo, hi, true);
  if (form === 'zero')
    return violation('the prototype PTE is zero: that page of the section is not committed');
  const protection = named >= 0 ? named : untouchedState(mm, vad, page);
  const refused = refusal(protection, access);
  if (refused !== null) return refused;
  const copies = access === 'write' && isCopyOnWrite(protection);
  if (copies && form === 'demand-zero')
    return soft('demand zero; a frame of zeros becomes the private copy of this process');
  const then = copies ? '; the write then faults again, and the page is copied for this process' : '';
  const first = onPrototype(mm, vad, page, form, lo, hi);
  return { ...first, text: `${first.text}${then}` };
}

/** How the page behind a prototype PTE becomes resident. */
function onPrototype(
  mm: MemoryManager,
  vad: Vad,
  page: number,
  form: ReturnType<typeof pteForm>,
  lo: number,
  hi: number,
): Forecast {
  switch (form) {
    case 'valid':
      return soft(
        `the prototype PTE is valid, so frame ${hex(pteFrame(lo))} is mapped here too (share count ${mm.pfn.shareCount[pteFrame(lo)]} and one more)`,
      );
    case 'transition':
      return onTransition(mm, lo);
    case 'demand-zero':
      return ZEROS;
    case 'paging-file':
      return fromPagingFile(lo, hi);
    default: {
      const controlArea = vad.controlArea!;
      const sectionPage = vad.sectionOffset + page - vad.startPage;
      const subsection = controlArea.subsectionOf(sectionPage)!;
      const offset = subsection.fileOffset + (sectionPage - subsection.startPage) * PAGE_SIZE;
      return hard(`the page is read from ${controlArea.file!.name}, offset ${hex(offset)}`);
    }
  }
}

/** No page table or an entry of zeros: the VAD decides. */
function byVad(mm: MemoryManager, vad: Vad | null, page: number, access: Access): Forecast {
  if (vad === null) return violation('the address is free, no VAD has it');
  if (isBeyondSection(vad, page)) return violation('the page is reserved: the section does not reach it yet');
  if (vad.kind !== VAD_PRIVATE) return onView(mm, vad, page, prototypeAddress(vad, page), -1, access);
  const state = untouchedState(mm, vad, page);
  if (state === PAGE_RESERVED) return violation('the page is reserved, not committed');
  return refusal(state, access) ?? ZEROS;
}

/** What an access by the program would come to; `stack` is that of the thread that runs. */
export function forecast(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  access: Access,
  stack: UserStack | null = null,
): Forecast {
  const first = observe(mm, () => firstFault(mm, space, address, access));
  const vad = space.vads.find(Math.floor(address / PAGE_SIZE));
  return first === ALARM && vad?.kind === VAD_PRIVATE ? onStackGuard(mm, space, stack, address) : first;
}

function firstFault(mm: MemoryManager, space: AddressSpace, address: number, access: Access): Forecast {
  if (address > space.highestAddress) return violation('user mode has no access to system space');
  const entries = walkTables(mm, space, address);
  const out = entries.filter(namesTableOut);
  const page = onPage(mm, space, address, entries.at(-1)!, access);
  return out.length === 0 ? page : afterTables(page, out);
}

/** The same when page tables on the way have to come back first. */
function afterTables({ outcome, text }: Forecast, out: readonly WalkEntry[]): Forecast {
  const read = out.filter(({ lo }) => (lo & PTE_TRANSITION) === 0).length;
  const how = read === 0 ? 'from transition' : `${read} read from a paging file`;
  const first = `${out.length === 1 ? 'a page table comes' : `${out.length} page tables come`} back first, ${how}; then `;
  if (outcome !== 'soft' && outcome !== 'hard') return { outcome, text };
  const why = text.slice(SOFT.length);
  return outcome === 'hard' || read > 0 ? hard(first + why) : soft(first + why);
}

/** By the last entry of the walk. */
function onPage(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  entry: WalkEntry,
  access: Access,
): Forecast {
  const page = Math.floor(address / PAGE_SIZE);
  const vad = space.vads.find(page);
  const { lo, hi } = entry;
  const form = entry.level === 1 ? pteForm(lo, hi) : 'zero';
  if (entry.level === 2 && isLargePage(lo)) return onLarge(lo, hi, page, access);
  if (form === 'zero') return byVad(mm, vad, page, access);
  if (form === 'valid') return onValid(mm, lo, hi, access);
  if ((lo & PTE_PROTOTYPE) !== 0) {
    const at = hi === PTE_ASK_VAD ? prototypeAddress(vad!, page) : pteAddressField(lo, hi);
    return onView(mm, vad!, page, at, prototypeProtection(lo, hi), access);
  }
  if (form === 'decommitted') return violation('the page was decommitted');
  const refused = refusal(pteProtection(lo), access);
  if (refused !== null) return refused;
  if (form === 'transition') return onTransition(mm, lo);
  return form === 'demand-zero' ? ZEROS : fromPagingFile(lo, hi);
}
