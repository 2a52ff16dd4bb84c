/** Proves that the headers and free lists of a pool agree. Part of verify(). */
import type { MemoryManager } from './memory-manager.js';
import { POOL_TYPE_FREE, POOL_UNIT, type Pool } from './pool.js';
import { VerifyError } from './verify-error.js';

const PAGE_UNITS = 4096 / POOL_UNIT;

/** Returns the number of blocks checked; throws VerifyError. */
export function verifyPool(pool: Pool): number {
  const free = new Map<number, number>();
  const bytesByTag = new Map<string, number>();
  let blocks = 0;
  let pages = pool.bigPages;
  for (let page = pool.nextBlockPage(-1); page >= 0; page = pool.nextBlockPage(page)) {
    blocks += verifyPage(pool, page, free, bytesByTag);
    pages++;
  }
  if (pages !== pool.pages) throw new VerifyError(`the pool has ${pool.pages} pages, ${pages} were found`);
  for (let units = 0; units < PAGE_UNITS; units++) {
    for (const address of pool.listFree(units)) {
      if (free.get(address) !== units) {
        throw new VerifyError(`free list ${units} holds ${address.toString(16)}, which is no such block`);
      }
      free.delete(address);
    }
  }
  for (const [address, units] of free) {
    if (units > 1) throw new VerifyError(`free pool block ${address.toString(16)} is on no list`);
  }
  verifyTags(pool, bytesByTag);
  return blocks;
}

function verifyPage(
  pool: Pool,
  page: number,
  free: Map<number, number>,
  bytesByTag: Map<string, number>,
): number {
  let previous = 0;
  let wasFree = false;
  let blocks = 0;
  for (let at = page; at < page + 4096; at += previous * POOL_UNIT) {
    const block = pool.readBlock(at);
    const isFree = block.type === POOL_TYPE_FREE;
    const name = at.toString(16);
    if (block.previousUnits !== previous)
      throw new VerifyError(`pool block ${name} has a wrong previous size`);
    if (block.units === 0) throw new VerifyError(`pool block ${name} has size 0`);
    if (!isFree && block.type !== pool.blockType) throw new VerifyError(`pool block ${name} has a bad type`);
    if (isFree && wasFree) throw new VerifyError(`pool blocks at ${name} were not coalesced`);
    if (isFree) free.set(at, block.units);
    else bytesByTag.set(block.tag, (bytesByTag.get(block.tag) ?? 0) + block.units * POOL_UNIT);
    previous = block.units;
    wasFree = isFree;
    blocks++;
    if (at + previous * POOL_UNIT > page + 4096) throw new VerifyError(`pool block ${name} leaves its page`);
  }
  return blocks;
}

function verifyTags(pool: Pool, small: Map<string, number>): void {
  const found = pool.bigBytesByTag(small);
  for (const [tag, use] of pool.tags) {
    const bytes = found.get(tag) ?? 0;
    if (use.bytes !== bytes)
      throw new VerifyError(`tag '${tag}' counts ${use.bytes} bytes, blocks hold ${bytes}`);
  }
}

/** Both pools. */
export function verifyPools(mm: MemoryManager): number {
  return verifyPool(mm.nonpagedPool) + verifyPool(mm.pagedPool);
}
