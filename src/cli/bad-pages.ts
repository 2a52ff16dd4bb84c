/** --bad-page: frames of RAM that the machine must never use. */
import { InvalidArgumentError } from 'commander';
import { grouped } from '../inspect/text.js';
import { CommandError, EXIT_USAGE } from './exit-status.js';

/** Frame numbers, the last included. */
export interface FrameRange {
  readonly first: number;
  readonly last: number;
}

const PAGE_SIZE = 4096;
/** Pages with which a machine starts and a small program runs. */
const LEAST_PAGES = 1024;
const NUMBER = '(0x[\\da-f]{1,8}|\\d{1,9})';
const RANGE = new RegExp(`^${NUMBER}(?:-${NUMBER})?$`, 'i');

/** One more range: N or N-M. */
export function parseBadPage(text: string, previous: readonly FrameRange[] | undefined): FrameRange[] {
  const match = RANGE.exec(text);
  if (match === null)
    throw new InvalidArgumentError('Write the number of a page of RAM or a range, such as 100 or 100-120.');
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first) throw new InvalidArgumentError('The range ends before it begins.');
  return [...(previous ?? []), { first, last }];
}

/** The numbers in the ranges, each once. A usage error when one is not RAM or too few pages of RAM are left. */
export function badPages(ranges: readonly FrameRange[], ram: number): number[] {
  const pages = ram / PAGE_SIZE;
  const bad = new Set<number>();
  for (const { first, last } of ranges) {
    if (last >= pages)
      throw new CommandError(
        EXIT_USAGE,
        `--bad-page ${last}: the RAM has ${grouped(pages)} pages, 0 to ${pages - 1}`,
      );
    for (let frame = first; frame <= last; frame++) bad.add(frame);
  }
  const left = pages - bad.size;
  if (left < LEAST_PAGES)
    throw new CommandError(
      EXIT_USAGE,
      `--bad-page leaves ${grouped(left)} of ${grouped(pages)} pages of RAM; the machine needs at least ${grouped(LEAST_PAGES)}`,
    );
  return [...bad];
}
