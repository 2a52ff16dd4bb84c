/**
 * Decoded code: blocks by physical address, listed by frame so that a change of the frame can drop them. There is one mode
 * (64-bit, user), so the address alone is the key; a block holds offsets in its page and no virtual address.
 */
import * as at from './layout';
import * as uop from './uops';
import { touch, watchFrame } from './paging';

// @ts-ignore: decorator
@inline
function bucketOf(key: u32): usize {
  return at.BLOCK_HASH + (((key ^ (key >> 14)) & (at.BLOCK_HASH_ENTRIES - 1)) << 2);
}

/** The block at a place in memory, or 0. */
// @ts-ignore: decorator
@inline
function blockAt(key: u32): usize {
  let block: usize = load<u32>(bucketOf(key));
  while (block != 0 && load<u32>(block, uop.BLOCK_KEY) != key) block = load<u32>(block, uop.BLOCK_NEXT);
  return block;
}

/** Finds the block at RIP. 0: a fault in the header, or (EXCEPTION_VECTOR 0) the code at DECODE_FROM is to be decoded. */
export function find(): usize {
  const rip = load<u64>(at.RIP);
  const page = rip & ~0xfff;
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) + 1);
  const entry: usize = at.TLB + (<u32>(rip >> 7) & ((at.TLB_ENTRIES - 1) << 5));
  let host: usize;
  if (load<u64>(entry, at.TLB_EXECUTE) == page) host = load<u32>(entry, at.TLB_ADDEND) + <u32>rip;
  else {
    host = touch(rip, at.ACCESS_USER | at.ACCESS_EXECUTE);
    if (!host) return 0;
  }
  store<u64>(at.CODE_PAGE, page);
  const block = blockAt(host);
  if (!block) {
    // The look-up comes again when the code is decoded: it counts once.
    store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) - 1);
    store<u32>(at.EXCEPTION_VECTOR, 0);
    store<u32>(at.DECODE_FROM, host);
    store<u32>(at.DECODE_TO, 0);
  }
  return block;
}

/** Enters a block that the decoder wrote at CODE_NEXT; `end` is the first byte after it. */
export function addBlock(end: u32): void {
  const block: usize = load<u32>(at.CODE_NEXT);
  const key = load<u32>(block, uop.BLOCK_KEY);
  const frame = (key - load<u32>(at.RAM_BASE)) >> 12;
  const list: usize = load<u32>(at.FRAME_BLOCKS) + (frame << 2);
  const first = load<u32>(list);
  if (!first) watchFrame(frame);
  store<u32>(block, first, uop.BLOCK_FRAME_NEXT);
  store<u32>(list, block);
  const bucket = bucketOf(key);
  store<u32>(block, load<u32>(bucket), uop.BLOCK_NEXT);
  store<u32>(bucket, block);
  store<u32>(at.CODE_NEXT, end);
}

/** Drops the decoded code of a frame. A block being executed stops at its next instruction. */
export function dropFrame(frame: u32): void {
  const list: usize = load<u32>(at.FRAME_BLOCKS) + (frame << 2);
  let block: usize = load<u32>(list);
  if (!block) return;
  store<u32>(list, 0);
  while (block) {
    unlink(block);
    const end = block + uop.UOP_SIZE * (1 + load<u16>(block, uop.BLOCK_UOPS));
    for (let u = block + uop.UOP_SIZE; u < end; u += uop.UOP_SIZE) store<u16>(u, uop.OP_STALE, uop.OP);
    block = load<u32>(block, uop.BLOCK_FRAME_NEXT);
  }
}

function unlink(block: usize): void {
  let link = bucketOf(load<u32>(block, uop.BLOCK_KEY));
  while (load<u32>(link) != block) link = load<u32>(link) + uop.BLOCK_NEXT;
  store<u32>(link, load<u32>(block, uop.BLOCK_NEXT));
}

/** Drops all decoded code: the cache is full. Never called while a block is being executed. */
export function dropAll(): void {
  memory.fill(at.BLOCK_HASH, 0, at.BLOCK_HASH_ENTRIES * 4);
  memory.fill(load<u32>(at.FRAME_BLOCKS), 0, load<u32>(at.FRAME_COUNT) << 2);
  store<u32>(at.CODE_NEXT, load<u32>(at.CODE_START));
}
