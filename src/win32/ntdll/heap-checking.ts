/**
 * The patterns of heaps that check tails and free blocks: 0xAB behind a block, 0xFEEEFEEE in a free one, 0xBAADF00D in one that
 * is fresh. Source of the values: Microsoft's debugging pages ("Heap corruption", "!heap"); that a joined block keeps its pattern
 * only when both had it is ours.
 */
import { GRANULE, type HeapContext, HeapCorruption } from './heap-layout.js';

const TAIL_FILL = 0xab;
const TAIL_WORD = 0xabababab;
export const TAIL_BYTES = 16;

const FREE_WORD = 0xfeeefeee;
const FRESH_WORD = 0xbaadf00d;
/** Bytes at the start of a free block that the pattern leaves out: entry and links. */
const FREE_START = 2 * GRANULE;

/** Fills whole words of 4 bytes. */
function fillWords({ memory }: HeapContext, address: number, bytes: number, word: number): void {
  const length = bytes - (bytes % 4);
  if (length === 0) return;
  memory.probeWrite(address, length);
  memory.writeU32(address, word);
  for (let filled = 4; filled < length; filled *= 2)
    memory.copy(address + filled, address, Math.min(filled, length - filled));
}

export function writeTail({ memory }: HeapContext, address: number): void {
  memory.fill(address, TAIL_BYTES, TAIL_FILL);
}

/** Throws HeapCorruption when something was written behind a block's bytes. */
export function requireTail({ memory }: HeapContext, address: number): void {
  for (let at = 0; at < TAIL_BYTES; at += 4) {
    if (memory.readU32(address + at) !== TAIL_WORD) throw new HeapCorruption(address);
  }
}

/** Fills a free block of so many granules. */
export function writeFreePattern(context: HeapContext, entry: number, units: number): void {
  fillWords(context, entry + FREE_START, units * GRANULE - FREE_START, FREE_WORD);
}

/** Fills the place where two free blocks with the pattern met. */
export function mendFreePattern(context: HeapContext, second: number): void {
  fillWords(context, second, FREE_START, FREE_WORD);
}

/** Throws HeapCorruption when something was written into the first so many granules of a free block. */
export function requireFreePattern({ memory }: HeapContext, entry: number, units: number): void {
  const end = entry + units * GRANULE;
  for (let at = entry + FREE_START; at < end; at += 4) {
    if (memory.readU32(at) !== FREE_WORD) throw new HeapCorruption(at);
  }
}

/** Fills what an allocation gives that nobody wanted cleared. */
export function writeFreshPattern(context: HeapContext, address: number, bytes: number): void {
  fillWords(context, address, bytes, FRESH_WORD);
}
