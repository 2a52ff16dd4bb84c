/** Proves that the ranges of an address space are ordered, disjoint, balanced and charged for what they commit. Part of verify(). */
import type { AddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { PEEKED } from './page-table-peek.js';
import { countCommitted } from './private-memory.js';
import { VAD_PRIVATE, type Vad } from './vad-tree.js';
import type { VerifyTally } from './verify.js';
import { viewCharge } from './view-memory.js';

const GRANULARITY_PAGES = 16;

export function verifyVads(mm: MemoryManager, space: AddressSpace, tally: VerifyTally): void {
  let count = 0;
  let watched = 0;
  let charge = space.pageTablePages + space.hyperspacePages;
  let previousEnd = space.lowestAddress / 4096 - 1;
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
    tally.holds(vad.startPage > previousEnd, 'ranges overlap at page', vad.startPage);
    tally.holds(vad.endPage >= vad.startPage, 'range ends before its start, at page', vad.startPage);
    tally.equal(
      vad.commitCharge,
      recount(mm, space, vad),
      'commit charge of the range at page',
      vad.startPage,
    );
    if (vad.isPlaceholder) verifyPlaceholder(vad, tally);
    if (vad.writeWatch !== 0) watched++;
    previousEnd = vad.endPage;
    charge += vad.commitCharge;
    count++;
  }
  tally.holds(
    previousEnd * 4096 <= space.highestAddress,
    'a range passes the end of user space, page',
    previousEnd,
  );
  tally.equal(space.vads.count, count, 'number of ranges of process', space.processId);
  tally.equal(space.commitCharge, charge, 'commit charge of process', space.processId);
  tally.equal(space.watchedRanges, watched, 'ranges with watched writes of process', space.processId);
  tally.counts.vads += count;
  if (space.vads.root !== null) verifyNode(space.vads.root, tally);
}

/** A placeholder has no pages and can have none. */
function verifyPlaceholder(vad: Vad, tally: VerifyTally): void {
  const isEmpty = vad.kind === VAD_PRIVATE && !vad.memCommit && vad.commitCharge === 0;
  tally.holds(isEmpty, 'committed pages in the placeholder at page', vad.startPage);
  tally.holds(!vad.replacesPlaceholder && vad.writeWatch === 0, 'state of the placeholder at', vad.startPage);
}

function recount(mm: MemoryManager, space: AddressSpace, vad: Vad): number {
  if (vad.kind !== VAD_PRIVATE) return viewCharge(mm, space, vad, vad.startPage, vad.endPage, PEEKED);
  if (vad.noChange) return 0;
  return countCommitted(mm, space, vad, vad.startPage * 4096, (vad.endPage + 1) * 4096, PEEKED);
}

function verifyNode(node: Vad, tally: VerifyTally): void {
  const { left, right } = node;
  if (left !== null) verifyNode(left, tally);
  if (right !== null) verifyNode(right, tally);
  const leftHeight = left === null ? 0 : left.height;
  const rightHeight = right === null ? 0 : right.height;
  tally.holds(Math.abs(leftHeight - rightHeight) <= 1, 'tree is out of balance at page', node.startPage);
  tally.equal(
    node.height,
    Math.max(leftHeight, rightHeight) + 1,
    'height of the node at page',
    node.startPage,
  );
  const first = left === null ? node.startPage : left.subtreeStart;
  const last = right === null ? node.endPage : right.subtreeEnd;
  tally.equal(node.subtreeStart, first, 'first page below the node at', node.startPage);
  tally.equal(node.subtreeEnd, last, 'last page below the node at', node.startPage);
  tally.equal(node.subtreeGap, largestGap(node), 'largest gap below the node at', node.startPage);
}

function largestGap(node: Vad): number {
  const { left, right } = node;
  let gap = 0;
  if (left !== null) gap = Math.max(left.subtreeGap, node.startPage - nextBoundary(left.subtreeEnd + 1));
  if (right !== null)
    gap = Math.max(gap, right.subtreeGap, right.subtreeStart - nextBoundary(node.endPage + 1));
  return gap;
}

function nextBoundary(page: number): number {
  return Math.ceil(page / GRANULARITY_PAGES) * GRANULARITY_PAGES;
}
