/** !pfn: what the PFN database says of a frame, in the shape of WinDbg's command, and what that means. */
import {
  FRAME_ACTIVE,
  FRAME_BAD,
  FRAME_FREE,
  FRAME_MODIFIED,
  FRAME_MODIFIED_NO_WRITE,
  FRAME_STANDBY,
  FRAME_TRANSITION,
  FRAME_ZEROED,
  PFN_AWE,
  PFN_DELETED,
  PFN_LARGE_PAGE,
  PFN_MODIFIED,
  PFN_PAGE_TABLE,
  PFN_PROTOTYPE,
  PFN_READ_IN_PROGRESS,
} from '../../mm/pfn-database.js';
import type { Kernel } from '../../nt/kernel.js';
import { FrameUses } from '../frame-use.js';
import { DebugError } from './debug-error.js';
import { addressText, hex, quadText } from './format.js';

const STATE_TITLES: Readonly<Record<number, string>> = {
  [FRAME_ZEROED]: 'Zeroed',
  [FRAME_FREE]: 'Free',
  [FRAME_STANDBY]: 'Standby',
  [FRAME_MODIFIED]: 'Modified',
  [FRAME_MODIFIED_NO_WRITE]: 'ModifiedNoWrite',
  [FRAME_BAD]: 'Bad',
  [FRAME_ACTIVE]: 'Active',
  [FRAME_TRANSITION]: 'Transition',
};
const FLAG_LETTERS: readonly [flag: number, letter: string, name: string][] = [
  [PFN_MODIFIED, 'M', 'Modified'],
  [PFN_PROTOTYPE, 'P', 'Shared'],
  [PFN_PAGE_TABLE, 'T', 'PageTable'],
  [PFN_DELETED, 'D', 'Deleted'],
  [PFN_READ_IN_PROGRESS, 'R', 'ReadInProgress'],
  [PFN_LARGE_PAGE, 'L', 'LargePage'],
  [PFN_AWE, 'A', 'UserPhysical'],
];
const NO_LINK = 'none';

const linkText = (frame: number) => (frame < 0 ? NO_LINK : hex(frame, 8));

/** The name of a frame's state, as !pfn writes it. */
export function stateTitle(state: number): string {
  return STATE_TITLES[state]!;
}

export function flagNames(flags: number): string {
  return FLAG_LETTERS.filter(([flag]) => (flags & flag) !== 0)
    .map(([, , name]) => name)
    .join(' ');
}

/** What the page is for, in a few words. */
export function frameUseText(kernel: Kernel, frame: number): string {
  const { use, process, address, controlArea, sectionPage } = new FrameUses(kernel).describe(frame);
  if (controlArea !== null)
    return `${use}: page ${hex(sectionPage)} of ${controlArea.file?.name ?? 'a section of the paging file'}`;
  if (use === 'Unused') return use;
  const owner = process === null ? 'the system' : `process ${hex(process.id, 4)}`;
  return address < 0 ? `${use}: shown nowhere, of ${owner}` : `${use}: ${addressText(address)} of ${owner}`;
}

export function showPfn(kernel: Kernel, frame: number): string {
  const { pfn } = kernel.mm;
  if (frame >= pfn.frameCount)
    throw new DebugError(`frame ${hex(frame)} is not RAM: the last is ${hex(pfn.frameCount - 1)}`);
  const state = pfn.state[frame]!;
  const flags = pfn.flags[frame]!;
  const letters = FLAG_LETTERS.map(([flag, letter]) => ((flags & flag) !== 0 ? letter : '')).join('');
  const inUse = state === FRAME_ACTIVE || state === FRAME_TRANSITION;
  const links = inUse
    ? `    flink       -         share count ${hex(pfn.shareCount[frame]!, 8)}  pteaddress ${addressText(pfn.pteAddress[frame]!)}`
    : `    flink       ${linkText(pfn.flink[frame]!).padEnd(8)}  blink ${linkText(pfn.blink[frame]!).padEnd(8)}  pteaddress ${addressText(pfn.pteAddress[frame]!)}`;
  const containing = pfn.containingFrame[frame]!;
  return [
    `    PFN ${hex(frame, 8)} at physical address ${hex(frame * 4096, 8)}`,
    links,
    `    reference count ${hex(pfn.referenceCount[frame]!, 4)}    used entry count ${hex(pfn.usedPtes[frame]!, 4)}    Cached    Priority ${pfn.priority[frame]}`,
    `    restore pte ${quadText(pfn.originalLo[frame]!, pfn.originalHi[frame]!)}  containing page ${containing < 0 ? NO_LINK : hex(containing, 8)}  ${stateTitle(state)}  ${letters}`.trimEnd(),
    `    ${flagNames(flags)}`.trimEnd(),
    `    ${frameUseText(kernel, frame)}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}
