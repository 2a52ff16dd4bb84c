/** !vad: the tree of virtual address descriptors, in the shape of WinDbg's command. */
import { VAD_AWE, VAD_IMAGE, VAD_LARGE_PAGES, VAD_MAPPED, type Vad } from '../../mm/vad-tree.js';
import type { Process } from '../../nt/process.js';
import { table } from '../text.js';
import { DebugError } from './debug-error.js';
import { addressText, count, hex } from './format.js';
import { protectionCodeText } from './pte-text.js';

const PAGE_SIZE = 4096;

/** What a VAD is, in WinDbg's words. */
export function vadType({ kind }: Vad): string {
  if (kind === VAD_IMAGE) return 'Mapped  Exe';
  return kind === VAD_MAPPED ? 'Mapped' : 'Private';
}

/** What a view maps: a file, or a section of the paging file. */
export function vadBacking({ controlArea }: Vad): string {
  return controlArea === null ? '' : (controlArea.file?.name ?? 'section of the paging file');
}

function row(vad: Vad, level: number): string[] {
  return [
    String(level),
    hex(vad.startPage),
    hex(vad.endPage),
    String(vad.commitCharge),
    vadType(vad),
    protectionCodeText(vad.protection),
    vadBacking(vad),
  ];
}

/** In address order, each with its depth in the tree, the root's being 1. */
function walk(vad: Vad | null, level: number, visit: (vad: Vad, level: number) => void): void {
  if (vad === null) return;
  walk(vad.left, level + 1, visit);
  visit(vad, level);
  walk(vad.right, level + 1, visit);
}

/** All of a process's. */
export function showVads({ space }: Process): string {
  const rows: string[][] = [];
  let levels = 0;
  let deepest = 0;
  let commit = 0;
  walk(space.vads.root, 1, (vad, level) => {
    rows.push(row(vad, level));
    levels += level;
    deepest = Math.max(deepest, level);
    commit += vad.commitCharge;
  });
  const head = ['Level', 'Start', 'End', 'Commit', 'Type', 'Protection', 'File'];
  const average = rows.length === 0 ? 0 : levels / rows.length;
  return [
    ...table([head, ...rows], new Set([0, 1, 2, 3])),
    '',
    `Total VADs: ${rows.length}, average level: ${average.toFixed(1)}, maximum depth: ${deepest}`,
    `Total commit charge of the VADs: ${count(commit, 'page')}`,
  ].join('\n');
}

/** The one that holds an address. */
export function showVad({ space }: Process, address: number): string {
  const vad = space.vads.find(Math.floor(address / PAGE_SIZE));
  if (vad === null)
    throw new DebugError(`${addressText(address)} is in no VAD: it is free; '!address' lists the ranges`);
  const lines = [
    `Start ${hex(vad.startPage)}  End ${hex(vad.endPage)} (pages; ${addressText(vad.startPage * PAGE_SIZE)} - ${addressText((vad.endPage + 1) * PAGE_SIZE - 1)})`,
    `    Type        ${vadType(vad)}`,
    `    Protection  ${protectionCodeText(vad.protection)}`,
    `    Commit      ${count(vad.commitCharge, 'page')} charged of ${vad.pageCount}`,
    `    Flags       ${vadFlags(vad) || 'none'}`,
  ];
  const { controlArea } = vad;
  if (controlArea === null) return lines.join('\n');
  return [
    ...lines,
    `    Maps        ${vadBacking(vad)} from page ${hex(vad.sectionOffset)} of ${hex(controlArea.segment.pageCount)}`,
    `    Control area ${addressText(controlArea.address)}  first prototype PTE ${addressText(vad.firstPrototype)}`,
    `    Subsections ${controlArea.subsections.length}  section references ${controlArea.sectionReferences}  mapped views ${controlArea.mappedViews}`,
  ].join('\n');
}

function vadFlags(vad: Vad): string {
  const flags: string[] = [];
  if (vad.memCommit) flags.push('MemCommit');
  if (vad.noChange) flags.push('NoChange');
  if (vad.isPlaceholder) flags.push('Placeholder');
  if (vad.writeWatch !== 0) flags.push('WriteWatch');
  if (vad.type === VAD_LARGE_PAGES) flags.push('LargePages');
  if (vad.type === VAD_AWE) flags.push('Awe');
  if (vad.sectionMayReserve) flags.push('SectionMayReserve');
  if (vad.isExtendable) flags.push('ExtendableFile');
  return flags.join(' ');
}
