/**
 * The pages of RAM by use and list, by process and by file, as RAMMap shows them. Sizes in pages.
 * Source: Microsoft Sysinternals, "RAMMap".
 */
import {
  FRAME_ACTIVE,
  FRAME_BAD,
  FRAME_FREE,
  FRAME_MODIFIED,
  FRAME_MODIFIED_NO_WRITE,
  FRAME_STANDBY,
  FRAME_TRANSITION,
  FRAME_ZEROED,
} from '../mm/pfn-database.js';
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import { FRAME_USES, type FrameDescription, type FrameUse, FrameUses } from './frame-use.js';
import { counted, grouped, table } from './text.js';

/** Lists in the order in which RAMMap has them, by frame state. */
export const FRAME_LISTS = [
  'active',
  'standby',
  'modified',
  'modifiedNoWrite',
  'transition',
  'zeroed',
  'free',
  'bad',
] as const;

export type FrameList = (typeof FRAME_LISTS)[number];

/** Pages on each list. */
export type ListCounts = Record<FrameList, number>;

export interface ProcessPages {
  readonly pid: number;
  /** Guest path of the program. */
  readonly image: string;
  /** Pages that are this process's alone, by list. */
  readonly private: ListCounts;
  readonly pageTable: number;
}

export interface FilePages {
  /** Guest path; 'paging file' for sections that no file backs. */
  readonly file: string;
  readonly pages: ListCounts;
}

/** The standby pages of a page priority, and those that were given another use since the machine began. */
export interface PriorityPages {
  readonly priority: number;
  readonly standby: number;
  readonly repurposed: number;
}

export interface PhysicalMemoryMap {
  /** Instructions that the machine had retired. */
  readonly instructions: number;
  /** Pages of RAM. */
  readonly total: number;
  readonly uses: { readonly use: FrameUse; readonly pages: ListCounts }[];
  /** Of every priority, 0 to 7. */
  readonly priorities: PriorityPages[];
  readonly processes: ProcessPages[];
  readonly files: FilePages[];
}

const LIST_OF_STATE: Record<number, FrameList> = {
  [FRAME_ZEROED]: 'zeroed',
  [FRAME_FREE]: 'free',
  [FRAME_STANDBY]: 'standby',
  [FRAME_MODIFIED]: 'modified',
  [FRAME_MODIFIED_NO_WRITE]: 'modifiedNoWrite',
  [FRAME_BAD]: 'bad',
  [FRAME_ACTIVE]: 'active',
  [FRAME_TRANSITION]: 'transition',
};
const PAGE_KIB = 4;

export function noPages(): ListCounts {
  return {
    active: 0,
    standby: 0,
    modified: 0,
    modifiedNoWrite: 0,
    transition: 0,
    zeroed: 0,
    free: 0,
    bad: 0,
  };
}

export function sumOfLists(counts: ListCounts): number {
  return FRAME_LISTS.reduce((sum, list) => sum + counts[list], 0);
}

/** The list that a frame's state stands for. */
export function frameList(state: number): FrameList {
  return LIST_OF_STATE[state]!;
}

function entryOf<Key, Value>(entries: Map<Key, Value>, key: Key, make: () => Value): Value {
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = make();
    entries.set(key, entry);
  }
  return entry;
}

/** Sums over all frames. */
class Tally {
  readonly uses = new Map<FrameUse, ListCounts>(FRAME_USES.map((use) => [use, noPages()]));
  readonly processes = new Map<Process, { private: ListCounts; pageTable: number }>();
  readonly files = new Map<string, ListCounts>();

  add({ use, process, controlArea }: FrameDescription, list: FrameList): void {
    this.uses.get(use)![list]++;
    if (controlArea !== null) entryOf(this.files, controlArea.file?.name ?? 'paging file', noPages)[list]++;
    if (process === null) return;
    const own = entryOf(this.processes, process, () => ({ private: noPages(), pageTable: 0 }));
    if (use === 'Page Table') own.pageTable++;
    else own.private[list]++;
  }
}

/** How RAM is used now. */
export function mapPhysicalMemory(kernel: Kernel): PhysicalMemoryMap {
  const { pfn, lists } = kernel.mm;
  const frames = new FrameUses(kernel);
  const tally = new Tally();
  for (let frame = 0; frame < pfn.frameCount; frame++)
    tally.add(frames.describe(frame), frameList(pfn.state[frame]!));
  const processes = [...tally.processes].sort(([left], [right]) => left.id - right.id);
  const files = [...tally.files].sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    instructions: kernel.processor.instructions,
    total: pfn.frameCount,
    uses: FRAME_USES.map((use) => ({ use, pages: tally.uses.get(use)! })),
    priorities: [...lists.repurposed].map((repurposed, priority) => ({
      priority,
      standby: lists.standbyOf(priority),
      repurposed,
    })),
    processes: processes.map(([process, pages]) => ({
      pid: process.id,
      image: process.imagePath,
      ...pages,
    })),
    files: files.map(([file, pages]) => ({ file, pages })),
  };
}

const LIST_TITLES = ['Active', 'Standby', 'Modified', 'No write', 'Transition', 'Zeroed', 'Free', 'Bad'];
const kilobytes = (pages: number) => (pages === 0 ? '' : grouped(pages * PAGE_KIB));
const listCells = (counts: ListCounts) => FRAME_LISTS.map((list) => kilobytes(counts[list]));

function useLines({ uses, total }: PhysicalMemoryMap): string[] {
  const sums = noPages();
  for (const { pages } of uses) for (const list of FRAME_LISTS) sums[list] += pages[list];
  const rows = uses.map(({ use, pages }) => [use, kilobytes(sumOfLists(pages)), ...listCells(pages)]);
  const head = ['Usage', 'Total', ...LIST_TITLES];
  return table([head, ...rows, ['Total', kilobytes(total), ...listCells(sums)]], numbersFrom(1, 9));
}

/** RAMMap's Priority Summary, of the priorities that there are pages of. */
function priorityLines({ priorities }: PhysicalMemoryMap): string[] {
  const rows = priorities
    .filter(({ standby, repurposed }) => standby + repurposed > 0)
    .map(({ priority, standby, repurposed }) => [
      String(priority),
      kilobytes(standby),
      kilobytes(repurposed),
    ]);
  return rows.length === 0
    ? []
    : ['', ...table([['Priority', 'Standby', 'Repurposed'], ...rows], numbersFrom(0, 2))];
}

function processLines({ processes }: PhysicalMemoryMap): string[] {
  const rows = processes.map(({ pid, image, private: own, pageTable }) => [
    image.slice(image.lastIndexOf('\\') + 1) || 'empty',
    String(pid),
    kilobytes(own.active),
    kilobytes(own.standby),
    kilobytes(own.modified + own.modifiedNoWrite + own.transition),
    kilobytes(pageTable),
    kilobytes(sumOfLists(own) + pageTable),
  ]);
  const head = ['Process', 'PID', 'Private', 'Standby', 'Modified', 'Page Table', 'Total'];
  return table([head, ...rows], numbersFrom(1, 6));
}

function fileLines({ files }: PhysicalMemoryMap): string[] {
  const rows = files.map(({ file, pages }) => [
    kilobytes(sumOfLists(pages)),
    kilobytes(pages.active),
    kilobytes(pages.standby),
    kilobytes(pages.modified + pages.modifiedNoWrite + pages.transition),
    file,
  ]);
  return table([['Total', 'Active', 'Standby', 'Modified', 'File'], ...rows], numbersFrom(0, 3));
}

function numbersFrom(first: number, last: number): ReadonlySet<number> {
  return new Set(Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

/** As text; sizes in KB. */
export function formatPhysicalMemory(map: PhysicalMemoryMap): string {
  const lines = [
    `${grouped(map.total)} pages of RAM after ${counted(map.instructions, 'instruction')}; sizes in KB`,
    '',
    ...useLines(map),
    ...priorityLines(map),
  ];
  if (map.processes.length > 0) lines.push('', ...processLines(map));
  if (map.files.length > 0) lines.push('', ...fileLines(map));
  return `${lines.join('\n')}\n`;
}
