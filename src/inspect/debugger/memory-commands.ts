/** !vm, !memusage and !poolused: memory of the whole machine, in the shape of WinDbg's commands. */
import { COMMIT_USER_PHYSICAL } from '../../mm/commit.js';
import type { PageFile } from '../../mm/page-file.js';
import { availableFrames } from '../../mm/page-lists.js';
import type { Pool } from '../../mm/pool.js';
import { residentAvailable } from '../../mm/resident-available.js';
import type { Kernel } from '../../nt/kernel.js';
import {
  FRAME_LISTS,
  type FrameList,
  type ListCounts,
  mapPhysicalMemory,
  noPages,
  sumOfLists,
} from '../rammap.js';
import { table } from '../text.js';
import { hex, pagesText } from './format.js';

const PAGE_KIB = 4;

function listSums(kernel: Kernel): ListCounts {
  const sums = noPages();
  for (const { pages } of mapPhysicalMemory(kernel).uses)
    for (const list of FRAME_LISTS) sums[list] += pages[list];
  return sums;
}

/** Pages that the working set manager found that could leave when it last looked, over all working sets. */
function sumOfEstimates({ mm }: Kernel): number {
  return mm.addressSpaces.reduce((sum, { workingSet }) => sum + workingSet.estimate, 0);
}

/** The sizes of a paging file: what it has now and how much of that is free, and the limits between which it grows and shrinks. */
function pageFileLines({ number, size, used, initial, maximum }: PageFile): string[] {
  const sizeText = (pages: number) => `${String(pages * PAGE_KIB).padStart(10)} Kb`;
  return [
    `    Page File: ${number}`,
    `      Current: ${sizeText(size)}  Free Space: ${sizeText(size - 1 - used)}`,
    `      Minimum: ${sizeText(initial)}  Maximum:    ${sizeText(maximum)}`,
  ];
}

/** !vm: physical memory, paging files, pools, commit and the processes by commit. */
export function showVirtualMemory(kernel: Kernel): string {
  const { mm } = kernel;
  const lists = listSums(kernel);
  const line = (title: string, pages: number) => `    ${`${title}:`.padEnd(24)}${pagesText(pages)}`;
  const { commit, counters, systemWorkingSet } = mm;
  const system = systemWorkingSet.counters;
  const processes = [...kernel.processes.values()].sort(
    (left, right) => right.space.commitCharge - left.space.commitCharge,
  );
  return [
    line('Physical Memory', mm.pfn.frameCount),
    ...mm.pageFiles.files.flatMap(pageFileLines),
    line('Available Pages', availableFrames(mm)),
    line('Zeroed Pages', lists.zeroed),
    line('Free Pages', lists.free),
    line('Standby Pages', lists.standby),
    line('Modified Pages', lists.modified),
    line('Modified No Write', lists.modifiedNoWrite),
    line('Transition Pages', lists.transition),
    line('Bad Pages', lists.bad),
    line('Low memory at', mm.thresholds.lowMemory),
    line('High memory at', mm.thresholds.highMemory),
    line('Could be trimmed', sumOfEstimates(kernel)),
    line('NonPagedPool Usage', mm.nonpagedPool.pages),
    line('NonPagedPool Max', mm.nonpagedPool.limitPages),
    line('PagedPool Usage', mm.pagedPool.pages),
    line('PagedPool Resident', systemWorkingSet.workingSetPages),
    line('PagedPool Maximum', mm.pagedPool.limitPages),
    line('System PTEs in use', mm.systemPtes.reserved),
    line('AWE pages', mm.commit.byUse[COMMIT_USER_PHYSICAL]!),
    line('Locked in memory', mm.lockedFrames),
    line('ResidentAvailable', residentAvailable(mm)),
    line('SystemWs Size', systemWorkingSet.workingSetPages),
    line('SystemWs Peak', systemWorkingSet.peakWorkingSetPages),
    line('SystemWs Minimum', systemWorkingSet.workingSet.minimum),
    line('SystemWs Maximum', systemWorkingSet.workingSet.maximum),
    line('Committed pages', commit.current),
    line('Commit peak', commit.peak),
    line('Commit limit', commit.limit),
    line('Commit maximum', commit.maximumLimit),
    '',
    `    Page faults ${counters.total}: soft ${counters.soft}, hard ${counters.hard}, guard page ${counters.guardPage}, access violation ${counters.accessViolation}`,
    `    of them on paged pool ${system.total}: soft ${system.soft}, hard ${system.hard}`,
    `    Paging I/O in flight ${mm.io.requests.length}, of them ${mm.io.writesInFlight} writes (at most ${mm.io.peakRequests} at once); ${mm.io.completions} done; disk ${mm.io.disk.model}`,
    `    Faults that waited for a read of another ${mm.io.collidedFaults}`,
    '',
    ...processes.map(({ id, imagePath, space }) =>
      `    ${hex(id, 4)} ${imagePath.slice(imagePath.lastIndexOf('\\') + 1).padEnd(19)}${pagesText(space.commitCharge)}`.trimEnd(),
    ),
  ]
    .join('\n')
    .trimEnd();
}

const LIST_TITLES: readonly [title: string, list: FrameList][] = [
  ['Zeroed', 'zeroed'],
  ['Free', 'free'],
  ['Standby', 'standby'],
  ['Modified', 'modified'],
  ['ModifiedNoWrite', 'modifiedNoWrite'],
  ['Active/Valid', 'active'],
  ['Transition', 'transition'],
  ['Bad', 'bad'],
];

/** !memusage: the page lists, then the pages of each use and each mapped file. */
export function showMemoryUsage(kernel: Kernel): string {
  const { uses, files, total } = mapPhysicalMemory(kernel);
  const sums = listSums(kernel);
  const kilobytes = (pages: number) => String(pages * PAGE_KIB);
  const cells = (pages: ListCounts) =>
    [pages.active, pages.standby, pages.modified + pages.modifiedNoWrite, pages.transition].map(kilobytes);
  const rows = uses
    .filter(({ use, pages }) => use !== 'Unused' && use !== 'Mapped File' && sumOfLists(pages) > 0)
    .map(({ use, pages }) => [...cells(pages), use]);
  const mapped = files
    .filter(({ file }) => file !== 'paging file')
    .map(({ file, pages }) => [...cells(pages), `mapped_file( ${file} )`]);
  return [
    ...LIST_TITLES.map(([title, list]) => `${title.padStart(20)}: ${pagesText(sums[list])}`),
    `${'TOTAL'.padStart(20)}: ${pagesText(total)}`,
    '',
    'Usage in Kb',
    ...table(
      [['Valid', 'Standby', 'Dirty', 'Transition', 'name'], ...mapped, ...rows],
      new Set([0, 1, 2, 3]),
    ),
  ].join('\n');
}

function poolRows(pool: Pool): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const [tag, { allocations, frees, bytes, charged }] of pool.tags)
    rows.set(tag, [allocations, frees, allocations - frees, bytes + charged].map(String));
  return rows;
}

/** !poolused: allocations of both pools by tag. */
export function showPoolUse(kernel: Kernel): string {
  const { nonpagedPool, pagedPool, systemWorkingSet } = kernel.mm;
  const nonpaged = poolRows(nonpagedPool);
  const paged = poolRows(pagedPool);
  const tags = [...new Set([...nonpaged.keys(), ...paged.keys()])].sort();
  const none = ['0', '0', '0', '0'];
  const rows = tags.map((tag) => [tag, ...(nonpaged.get(tag) ?? none), ...(paged.get(tag) ?? none)]);
  const title = ['', 'NonPaged', '', '', '', 'Paged', '', '', ''];
  const head = ['Tag', 'Allocs', 'Frees', 'Diff', 'Used', 'Allocs', 'Frees', 'Diff', 'Used'];
  const lines = table([title, head, ...rows], new Set([1, 2, 3, 4, 5, 6, 7, 8]));
  return [
    ...lines,
    '',
    `NonPaged pool ${nonpagedPool.pages} pages, paged pool ${pagedPool.pages} pages (${systemWorkingSet.workingSetPages} resident). Used is in bytes; objects that are not kept in`,
    'RAM are counted at the size that Windows gives them.',
  ].join('\n');
}
