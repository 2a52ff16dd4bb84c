/** !explain: what an address is and what an access there would do, in sentences. */
import { SYSTEM_RANGE_START } from '../../mm/page-tables.js';
import { isBeingRead } from '../../mm/paging-io.js';
import { FRAME_ACTIVE, FRAME_TRANSITION } from '../../mm/pfn-database.js';
import { PTE_VALID, pteFrame } from '../../mm/pte.js';
import type { UserStack } from '../../mm/user-stack.js';
import type { Kernel } from '../../nt/kernel.js';
import type { Process } from '../../nt/process.js';
import { type Access, forecast } from './access-forecast.js';
import { systemAreaOf } from './address-command.js';
import { addressText, count, hex, quadText } from './format.js';
import { flagNames, frameUseText, stateTitle } from './pfn-command.js';
import { findPrototype, lookAtPrototype } from './pte-command.js';
import { describeEntry, protectionCodeText, pteForm } from './pte-text.js';
import { frameAt, LEVEL_NAMES, namesTableOut, selfMapAddresses, walkTables } from './table-walk.js';
import { vadBacking, vadType } from './vad-command.js';

const PAGE_SIZE = 4096;
const ACCESSES: readonly [access: Access, subject: string][] = [
  ['read', 'A read'],
  ['write', 'A write'],
  ['execute', 'An instruction fetch'],
];

function placeSentence(process: Process, address: number): string {
  const at = addressText(address);
  if (address >= SYSTEM_RANGE_START) {
    const area = systemAreaOf(address);
    return `${at} is in system space${area === null ? ', in no area of this machine' : `: ${area.name}`}.`;
  }
  const vad = process.space.vads.find(Math.floor(address / PAGE_SIZE));
  if (vad === null) return `${at} is in user space and free: no VAD of process ${hex(process.id, 4)} has it.`;
  const backing = vadBacking(vad);
  const page = Math.floor(address / PAGE_SIZE) - vad.startPage;
  const pages = `page ${hex(page)} of the VAD ${hex(vad.startPage)}-${hex(vad.endPage)}`;
  return `${at} is ${pages}: ${vadType(vad).replace(/ +/, ' ')}, ${protectionCodeText(vad.protection)}${backing === '' ? '' : `, ${backing}`}.`;
}

/** Tables on the way that are not valid. */
function tableSentence(kernel: Kernel, process: Process, address: number): string | null {
  const out = walkTables(kernel.mm, process.space, address).filter(namesTableOut);
  if (out.length === 0) return null;
  const names = out.map((entry) => {
    const [, where] = describeEntry(kernel.mm, entry.lo, entry.hi, 'table');
    return `the ${LEVEL_NAMES[entry.level]} at ${addressText(entry.address)} contains ${quadText(entry.lo, entry.hi)} (${where})`;
  });
  return `${out.length === 1 ? 'A page table on the way is' : `${out.length} page tables on the way are`} not valid and ${out.length === 1 ? 'comes' : 'come'} back before the page: ${names.join(', ')}.`;
}

function entrySentence(kernel: Kernel, process: Process, address: number): string {
  const { mm } = kernel;
  const entry = walkTables(mm, process.space, address).at(-1)!;
  const { lo, hi } = entry;
  if (namesTableOut(entry)) return 'The page table cannot be read.';
  if (entry.level > 1) {
    const name = LEVEL_NAMES[entry.level]!;
    return `There is no page table: the ${name} at ${addressText(entry.address)} contains ${quadText(lo, hi)}, so the PTE at ${addressText(selfMapAddresses(address)[1]!)} does not exist.`;
  }
  const words = `The PTE at ${addressText(entry.address)} contains ${quadText(lo, hi)}`;
  const [first, ...rest] = describeEntry(mm, lo, hi, address < SYSTEM_RANGE_START ? 'user' : 'system');
  return `${words}: ${pteForm(lo, hi) === 'valid' ? `${rest.join(', ')}; ${first}` : [first, ...rest].join(', ')}.`;
}

function prototypeSentence(kernel: Kernel, process: Process, address: number): string | null {
  const { mm } = kernel;
  const at = findPrototype(mm, process, address);
  if (at === 0) return null;
  const { lo, hi, out } = lookAtPrototype(mm, at);
  const meaning =
    (lo & PTE_VALID) !== 0
      ? `valid, frame ${hex(pteFrame(lo))}`
      : describeEntry(mm, lo, hi, 'prototype').join(', ');
  const where = out ? ', in a page of paged pool that is out,' : '';
  return `Its prototype PTE at ${addressText(at)}${where} contains ${quadText(lo, hi)}: ${meaning}.`;
}

function frameSentence(kernel: Kernel, process: Process, address: number): string {
  const { mm } = kernel;
  const frame = frameAt(mm, process.space, address);
  if (frame < 0) return 'No frame holds the page.';
  const { pfn } = mm;
  const state = pfn.state[frame]!;
  const flags = flagNames(pfn.flags[frame]!);
  const where =
    state === FRAME_ACTIVE
      ? `Active, share count ${pfn.shareCount[frame]}`
      : state === FRAME_TRANSITION
        ? `in transition, held by ${isBeingRead(mm, frame) ? 'the read that brings its contents' : 'an I/O or a lock'}`
        : `on the ${stateTitle(state)} list`;
  const references = count(pfn.referenceCount[frame]!, 'reference');
  const restore = quadText(pfn.originalLo[frame]!, pfn.originalHi[frame]!);
  return `Frame ${hex(frame)} holds it (${frameUseText(kernel, frame)}): ${where}, ${references}${flags === '' ? '' : `, ${flags}`}, original PTE ${restore}.`;
}

/** Sentences, one a line. */
export function explainAddress(
  kernel: Kernel,
  process: Process,
  address: number,
  stack: UserStack | null,
): string {
  const { mm } = kernel;
  const sentences = [
    placeSentence(process, address),
    tableSentence(kernel, process, address),
    entrySentence(kernel, process, address),
    prototypeSentence(kernel, process, address),
    frameSentence(kernel, process, address),
    ...ACCESSES.map(
      ([access, subject]) => `${subject} ${forecast(mm, process.space, address, access, stack).text}.`,
    ),
  ];
  return sentences.filter((sentence) => sentence !== null).join('\n');
}
