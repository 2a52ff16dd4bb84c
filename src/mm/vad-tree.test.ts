import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { VAD_PRIVATE, Vad, VadTree } from './vad-tree.js';

const LAST_PAGE = 4095;

/** The obvious model: one flag a page. */
class PageArray {
  readonly used = new Uint8Array(LAST_PAGE + 1);

  isFree(start: number, end: number): boolean {
    return this.used.subarray(start, end + 1).every((flag) => flag === 0);
  }

  lowestFit(pages: number, lowest: number, highest: number): number {
    for (let start = Math.ceil(lowest / 16) * 16; start + pages - 1 <= highest; start += 16) {
      if (this.isFree(start, start + pages - 1)) return start;
    }
    return -1;
  }

  highestFit(pages: number, lowest: number, highest: number): number {
    for (
      let start = Math.floor((highest + 1 - pages) / 16) * 16;
      start >= lowest && start >= 0;
      start -= 16
    ) {
      if (this.isFree(start, start + pages - 1)) return start;
    }
    return -1;
  }
}

function check(tree: VadTree, model: PageArray): void {
  const seen = new Uint8Array(LAST_PAGE + 1);
  let previous: Vad | null = null;
  let count = 0;
  for (let vad = tree.first(); vad !== null; vad = tree.next(vad)) {
    seen.fill(1, vad.startPage, vad.endPage + 1);
    expect(tree.previous(vad)).toBe(previous);
    expect(tree.find(vad.startPage)).toBe(vad);
    expect(tree.find(vad.endPage)).toBe(vad);
    previous = vad;
    count++;
  }
  expect(seen).toEqual(model.used);
  expect(tree.count).toBe(count);
}

const page = fc.nat(LAST_PAGE);
const step = fc.record({
  kind: fc.constantFrom('insert', 'remove', 'shrink', 'split', 'up', 'down', 'find'),
  at: page,
  pages: fc.integer({ min: 1, max: 200 }),
  low: fc.nat(1000),
  high: fc.integer({ min: 2000, max: LAST_PAGE }),
});

describe('VadTree', () => {
  it('agrees with a plain array of pages', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const tree = new VadTree();
        const model = new PageArray();
        for (const { kind, at, pages, low, high } of steps) {
          const hit = tree.find(at);
          expect(hit !== null).toBe(model.used[at] === 1);
          const end = Math.min(at + pages - 1, LAST_PAGE);
          expect(tree.findOverlap(at, end) === null).toBe(model.isFree(at, end));
          if (kind === 'insert' && model.isFree(at, end)) {
            tree.insert(new Vad(at, end, VAD_PRIVATE, 4));
            model.used.fill(1, at, end + 1);
          } else if (kind === 'remove' && hit !== null) {
            tree.remove(hit);
            model.used.fill(0, hit.startPage, hit.endPage + 1);
          } else if (kind === 'shrink' && hit !== null && at > hit.startPage) {
            model.used.fill(0, at, hit.endPage + 1);
            tree.resize(hit, hit.startPage, at - 1);
          } else if (kind === 'split' && hit !== null && at > hit.startPage && at < hit.endPage) {
            const last = hit.endPage;
            tree.resize(hit, hit.startPage, at - 1);
            tree.insert(new Vad(at + 1, last, VAD_PRIVATE, 4));
            model.used[at] = 0;
          } else if (kind === 'up' || kind === 'down') {
            const base =
              kind === 'up' ? tree.findBottomUp(pages, low, high) : tree.findTopDown(pages, low, high);
            expect(base).toBe(
              kind === 'up' ? model.lowestFit(pages, low, high) : model.highestFit(pages, low, high),
            );
            if (base >= 0) {
              tree.insert(new Vad(base, base + pages - 1, VAD_PRIVATE, 4));
              model.used.fill(1, base, base + pages);
            }
          }
        }
        check(tree, model);
      }),
      { numRuns: 60 },
    );
  });

  it('finds room among 100,000 ranges in logarithmic time', () => {
    const random = mulberry32(seedFor('100,000 ranges'));
    const tree = new VadTree();
    const ranges: Vad[] = [];
    const highest = 2 ** 35;
    for (let index = 0; index < 100_000; index++) {
      const pages = 1 + below(random, 40);
      const base =
        index % 2 === 0 ? tree.findBottomUp(pages, 16, highest) : tree.findTopDown(pages, 16, highest);
      const vad = new Vad(base, base + pages - 1, VAD_PRIVATE, 4);
      tree.insert(vad);
      ranges.push(vad);
    }
    expect(tree.root!.height).toBeLessThan(25);
    for (let index = 0; index < 100_000; index += 3) {
      tree.remove(ranges[index]!);
      const pages = ranges[index]!.pageCount;
      const base = tree.findBottomUp(pages, 16, highest);
      const vad = new Vad(base, base + pages - 1, VAD_PRIVATE, 4);
      tree.insert(vad);
      ranges[index] = vad;
    }
    expect(tree.count).toBe(100_000);
    let previousEnd = 0;
    let disjoint = 0;
    for (let vad = tree.first(); vad !== null; vad = tree.next(vad)) {
      if (vad.startPage > previousEnd) disjoint++;
      previousEnd = vad.endPage;
    }
    expect(disjoint).toBe(100_000);
  });
});
