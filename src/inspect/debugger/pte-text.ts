/**
 * Page table entries in words: every bit that is set, by its name, in the form that the entry has.
 * Source: published structure layouts (MMPTE_HARDWARE, MMPTE_SOFTWARE, MMPTE_TRANSITION, MMPTE_PROTOTYPE, MMPTE_SUBSECTION).
 */
import { PTE_CACHE_DISABLE, PTE_LARGE_PAGE, PTE_WRITE_THROUGH } from '../../machine/paging/x64.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { isBeingRead } from '../../mm/paging-io.js';
import {
  DECOMMITTED_PTE,
  isDemandZero,
  PTE_ACCESSED,
  PTE_ASK_VAD,
  PTE_COPY_ON_WRITE,
  PTE_DIRTY,
  PTE_GLOBAL,
  PTE_NO_EXECUTE,
  PTE_PROTOTYPE,
  PTE_TRANSITION,
  PTE_USER,
  PTE_VALID,
  PTE_WRITE,
  prototypeProtection,
  pteAddressField,
  pteFrame,
  pteProtection,
} from '../../mm/pte.js';
import { addressText, hex } from './format.js';

/** What an entry is. `prototype` and `ask-vad` are a process's, `subsection` a prototype PTE's. */
export type PteForm =
  | 'zero'
  | 'valid'
  | 'transition'
  | 'demand-zero'
  | 'decommitted'
  | 'paging-file'
  | 'prototype'
  | 'ask-vad'
  | 'subsection';

const ACCESS_NAMES = [
  'NoAccess',
  'ReadOnly',
  'Execute',
  'ExecuteRead',
  'ReadWrite',
  'WriteCopy',
  'ExecuteReadWrite',
  'ExecuteWriteCopy',
];
const MODIFIERS = ['', ' NoCache', ' Guard', ' WriteCombine'];

/** '4 - ReadWrite' of a protection code 0..31. */
export function protectionCodeText(code: number): string {
  return `${hex(code)} - ${protectionCodeName(code)}`;
}

/** 'ReadWrite', 'ReadWrite Guard', … of a protection code 0..31. */
export function protectionCodeName(code: number): string {
  if (code === 0x10) return 'Decommitted';
  if ((code & 7) === 0) return 'NoAccess';
  return `${ACCESS_NAMES[code & 7]}${MODIFIERS[code >>> 3]}`;
}

/** Where an entry stands: what zero means depends on it, and bit 10 of a prototype PTE has a meaning of its own. */
export type PtePlace = 'user' | 'system' | 'table' | 'prototype';

const MEANING_OF_ZERO: Readonly<Record<PtePlace, string>> = {
  user: 'all zero: nothing is known here, the VAD decides',
  system: 'all zero: nothing is mapped here',
  table: 'all zero: there is no table below',
  prototype: 'all zero: the page is not committed',
};

/** The form of an entry of a page table, or of a prototype PTE. */
export function pteForm(lo: number, hi: number, isPrototypePte = false): PteForm {
  if ((lo & PTE_VALID) !== 0) return 'valid';
  if (lo === 0 && hi === 0) return 'zero';
  if ((lo & PTE_PROTOTYPE) !== 0) {
    if (isPrototypePte) return 'subsection';
    return hi === PTE_ASK_VAD ? 'ask-vad' : 'prototype';
  }
  if ((lo & PTE_TRANSITION) !== 0) return 'transition';
  if (lo === DECOMMITTED_PTE && hi === 0) return 'decommitted';
  return isDemandZero(lo, hi) ? 'demand-zero' : 'paging-file';
}

const FLAGS: readonly [bit: number, letter: string, name: string][] = [
  [PTE_COPY_ON_WRITE, 'C', 'CopyOnWrite'],
  [PTE_GLOBAL, 'G', 'Global'],
  [PTE_LARGE_PAGE, 'L', 'LargePage'],
  [PTE_DIRTY, 'D', 'Dirty'],
  [PTE_ACCESSED, 'A', 'Accessed'],
  [PTE_CACHE_DISABLE, 'N', 'CacheDisable'],
  [PTE_WRITE_THROUGH, 'T', 'WriteThrough'],
];

/** The eleven letters that WinDbg writes behind a valid entry: ---DA--UWEV. */
export function validLetters(lo: number, hi: number): string {
  const letters = FLAGS.map(([bit, letter]) => ((lo & bit) !== 0 ? letter : '-')).join('');
  const owner = (lo & PTE_USER) !== 0 ? 'U' : 'K';
  const write = (lo & PTE_WRITE) !== 0 ? 'W' : 'R';
  const execute = (hi & PTE_NO_EXECUTE) !== 0 ? '-' : 'E';
  return `${letters}${owner}${write}${execute}V`;
}

function validNames(lo: number, hi: number): string {
  const names = FLAGS.filter(([bit]) => (lo & bit) !== 0).map(([, , name]) => name);
  const rights = [
    'Valid',
    (lo & PTE_WRITE) !== 0 ? 'Write' : 'read only',
    (lo & PTE_USER) !== 0 ? 'Owner (user)' : 'kernel only',
    ...names.reverse(),
  ];
  if ((hi & PTE_NO_EXECUTE) !== 0) rights.push('NoExecute');
  return rights.join(', ');
}

/** Every field of an entry, a line each, without indentation. `arrives`: the frame of a transition entry is being read into. */
export function describePte(lo: number, hi: number, place: PtePlace = 'user', arrives = false): string[] {
  const protect = (code: number) => `Protect: ${protectionCodeText(code)}`;
  switch (pteForm(lo, hi, place === 'prototype')) {
    case 'zero':
      return ['not valid', MEANING_OF_ZERO[place]];
    case 'valid':
      return [`pfn ${hex(pteFrame(lo))}  ${validLetters(lo, hi)}`, validNames(lo, hi)];
    case 'transition':
      return [
        'not valid',
        `Transition: ${hex(pteFrame(lo))} (the page is ${arrives ? 'being read into' : 'still in'} this frame)`,
        protect(pteProtection(lo)),
      ];
    case 'demand-zero':
      return ['not valid', 'DemandZero (a page of zeros at the first touch)', protect(pteProtection(lo))];
    case 'decommitted':
      return ['not valid', 'Decommitted', protect(pteProtection(lo))];
    case 'paging-file':
      return [
        'not valid',
        `PageFile: ${(lo >>> 1) & 0xf}`,
        `Offset: ${hex(hi)} (pages)`,
        protect(pteProtection(lo)),
      ];
    case 'prototype':
      return [
        'not valid',
        `Proto: ${addressText(pteAddressField(lo, hi))}`,
        protect(prototypeProtection(lo, hi)),
      ];
    case 'ask-vad':
      return [
        'not valid',
        'Proto: VAD (the VAD gives the prototype PTE)',
        protect(prototypeProtection(lo, hi)),
      ];
    case 'subsection':
      return [
        'not valid',
        `Subsection: ${addressText(pteAddressField(lo, hi))} (to be read from the file)`,
        protect(pteProtection(lo)),
      ];
  }
}

/** The same of an entry of a machine, whose page may be on its way. */
export function describeEntry(mm: MemoryManager, lo: number, hi: number, place: PtePlace): string[] {
  const isTransition = pteForm(lo, hi, place === 'prototype') === 'transition';
  return describePte(lo, hi, place, isTransition && isBeingRead(mm, pteFrame(lo)));
}
