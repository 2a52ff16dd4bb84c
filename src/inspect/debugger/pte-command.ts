/** !pte: the entries of all levels for an address, and the prototype PTE behind. */
import type { MemoryManager } from '../../mm/memory-manager.js';
import { isBeyondSection, prototypeAddress } from '../../mm/page-protection.js';
import { isLargePage, SYSTEM_RANGE_START } from '../../mm/page-tables.js';
import { PTE_VALID, pteAddressField, pteFrame } from '../../mm/pte.js';
import { observe } from '../../mm/system-observer.js';
import { findSystemPte, systemValue } from '../../mm/system-space.js';
import { VAD_PRIVATE } from '../../mm/vad-tree.js';
import type { Process } from '../../nt/process.js';
import { addressText, quadText } from './format.js';
import { describeEntry, pteForm } from './pte-text.js';
import { LEVEL_NAMES, namesTableOut, selfMapAddresses, type WalkEntry, walkTables } from './table-walk.js';

const INDENT = '      ';

function entryLines(mm: MemoryManager, { level, address, lo, hi }: WalkEntry, isUser: boolean): string[] {
  const place = level > 1 ? 'table' : isUser ? 'user' : 'system';
  const large = level === 2 && isLargePage(lo) ? ['maps 2 MB itself: there is no page table'] : [];
  return [
    `${LEVEL_NAMES[level]} at ${addressText(address)}  contains ${quadText(lo, hi)}`,
    ...[...describeEntry(mm, lo, hi, place), ...large].map((line) => `${INDENT}${line}`),
  ];
}

/** Where the prototype PTE of a view's page lies, or 0: by the entry, by the frame's PFN entry, or by the VAD. */
export function findPrototype(mm: MemoryManager, process: Process, address: number): number {
  if (address >= SYSTEM_RANGE_START) return 0;
  const entry = walkTables(mm, process.space, address).at(-1)!;
  const { lo, hi } = entry;
  const form = entry.level === 1 ? pteForm(lo, hi) : 'zero';
  if (form === 'prototype') return pteAddressField(lo, hi);
  if (form === 'valid') {
    const frame = pteFrame(lo);
    return mm.pfn.isPrototype(frame) && frame !== mm.sharedUserDataFrame ? mm.pfn.pteAddress[frame]! : 0;
  }
  if (form !== 'ask-vad' && form !== 'zero') return 0;
  const vad = process.space.vads.find(Math.floor(address / 4096));
  const page = Math.floor(address / 4096);
  const has = vad !== null && vad.kind !== VAD_PRIVATE && !isBeyondSection(vad, page);
  return has ? prototypeAddress(vad, page) : 0;
}

/** A prototype PTE, and whether its page of paged pool is not valid. Changes nothing. */
export function lookAtPrototype(mm: MemoryManager, at: number): { lo: number; hi: number; out: boolean } {
  const [lo, hi] = observe(mm, () => [systemValue(mm, at), systemValue(mm, at + 4)] as const);
  return { lo, hi, out: (mm.words[findSystemPte(mm, at)]! & PTE_VALID) === 0 };
}

function prototypeLines(mm: MemoryManager, process: Process, address: number): string[] {
  const at = findPrototype(mm, process, address);
  if (at === 0) return [];
  const { lo, hi, out } = lookAtPrototype(mm, at);
  return [
    '',
    `prototype PTE at ${addressText(at)}  contains ${quadText(lo, hi)}${out ? '  (its page of paged pool is out)' : ''}`,
    ...describeEntry(mm, lo, hi, 'prototype').map((line) => `${INDENT}${line}`),
  ];
}

export function showPte(mm: MemoryManager, process: Process, address: number): string {
  const entries = walkTables(mm, process.space, address);
  const lines = [`VA ${addressText(address)}`, ''];
  const isUser = address < SYSTEM_RANGE_START;
  for (const entry of entries) lines.push(...entryLines(mm, entry, isUser));
  const last = entries.at(-1)!;
  const missing = selfMapAddresses(address)[1]!;
  if (namesTableOut(last)) lines.push(`PTE at ${addressText(missing)}: the page table cannot be read`);
  else if (last.level > 1 && (last.lo & PTE_VALID) === 0) {
    lines.push(
      `PTE would be at ${addressText(missing)}: there is no page table, ${isUser ? 'the VAD decides' : 'nothing is mapped'}`,
    );
  }
  return [...lines, ...prototypeLines(mm, process, address)].join('\n');
}
