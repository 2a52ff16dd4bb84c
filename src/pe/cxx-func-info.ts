/**
 * FuncInfo: what a C++ function's frame handler knows of its states, try blocks and catch blocks, in the form of
 * __CxxFrameHandler and __CxxFrameHandler3. All places are RVAs, states begin at 0, and -1 is the state of nothing to do.
 * Pure but for the reader; the bytes are a program's. Source: the published layout of the structures (ehdata.h).
 */

/** Reads little-endian values at byte offsets from an image's base. */
export interface RvaMemory {
  u8(rva: number): number;
  u32(rva: number): number;
}

export const EMPTY_STATE = -1;

/** What is done to leave a state. */
export interface UnwindAction {
  readonly toState: number;
  /** RVA of the code, 0 for nothing. */
  readonly action: number;
  /**
   * funclet: called with the frame; object: a destructor, called with the object at `object` bytes from the frame; pointer:
   * the same for the object to which a pointer there points.
   */
  readonly kind: 'funclet' | 'object' | 'pointer';
  readonly object: number;
}

export interface CatchHandler {
  /** HT_*. */
  readonly adjectives: number;
  /** RVA of the TypeDescriptor, 0 for catch (...). */
  readonly type: number;
  /** Bytes from the frame to the caught object, 0 for none. */
  readonly object: number;
  /** RVA of the catch block's code. */
  readonly handler: number;
  /** Bytes from the catch block's own frame to where it keeps the function's frame. */
  readonly frame: number;
  /** RVAs at which the catch block may ask to go on, by its result 0 and 1. */
  readonly continuations: readonly number[];
}

export interface TryBlock {
  /** States low..high are in the try block, high + 1..catchHigh in its catch blocks. */
  readonly low: number;
  readonly high: number;
  readonly catchHigh: number;
  readonly handlers: readonly CatchHandler[];
}

export interface FuncInfo {
  readonly tryBlocks: readonly TryBlock[];
  /** Exceptions that are not C++'s pass through: the function was compiled for synchronous ones. */
  readonly synchronous: boolean;
  readonly noexcept: boolean;
  /** The function is a catch block that keeps the function's frame this many bytes from its own; null when it is none. */
  readonly catchFrame: number | null;
  /** The state at an RVA of the function. */
  stateAt(rva: number): number;
  /** What leads out of a state; null when there is no such state. */
  unwindAction(state: number): UnwindAction | null;
}

const MAGIC_MASK = 0x1fffffff;
const MAGIC_FIRST = 0x19930520;
const MAGIC_LAST = 0x19930522;
const SYNCHRONOUS = 1;
const NOEXCEPT = 4;
/** Most entries of a table that are believed. */
export const MAXIMUM_ENTRIES = 0x4000;
/** Most catch blocks of a function, over all its try blocks. */
export const MAXIMUM_HANDLERS = 0x1000;

const HANDLER_BYTES = 20;
const TRY_BYTES = 20;

function readHandlers(memory: RvaMemory, rva: number, count: number): CatchHandler[] {
  const handlers: CatchHandler[] = [];
  for (let index = 0; index < count; index++) {
    const at = rva + index * HANDLER_BYTES;
    handlers.push({
      adjectives: memory.u32(at),
      type: memory.u32(at + 4),
      object: memory.u32(at + 8) | 0,
      handler: memory.u32(at + 12),
      frame: memory.u32(at + 16),
      continuations: [],
    });
  }
  return handlers;
}

function readTryBlocks(memory: RvaMemory, rva: number, count: number): TryBlock[] {
  const blocks: TryBlock[] = [];
  let left = MAXIMUM_HANDLERS;
  for (let index = 0; index < Math.min(count, MAXIMUM_ENTRIES); index++) {
    const at = rva + index * TRY_BYTES;
    const handlerCount = Math.min(memory.u32(at + 12), left);
    left -= handlerCount;
    blocks.push({
      low: memory.u32(at) | 0,
      high: memory.u32(at + 4) | 0,
      catchHigh: memory.u32(at + 8) | 0,
      handlers: readHandlers(memory, memory.u32(at + 16), handlerCount),
    });
  }
  return blocks;
}

/** The FuncInfo at an RVA; null when the magic number is another. */
export function readFuncInfo(memory: RvaMemory, rva: number): FuncInfo | null {
  const magic = memory.u32(rva) & MAGIC_MASK;
  if (magic < MAGIC_FIRST || magic > MAGIC_LAST) return null;
  const [stateCount, unwindMap] = [memory.u32(rva + 4), memory.u32(rva + 8)];
  const [ipCount, ipMap] = [Math.min(memory.u32(rva + 20), MAXIMUM_ENTRIES), memory.u32(rva + 24)];
  const flags = magic === MAGIC_LAST ? memory.u32(rva + 36) : 0;
  return {
    tryBlocks: readTryBlocks(memory, memory.u32(rva + 16), memory.u32(rva + 12)),
    synchronous: (flags & SYNCHRONOUS) !== 0,
    noexcept: (flags & NOEXCEPT) !== 0,
    catchFrame: null,
    stateAt(pc) {
      let state = EMPTY_STATE;
      for (let index = 0; index < ipCount && memory.u32(ipMap + index * 8) <= pc; index++)
        state = memory.u32(ipMap + index * 8 + 4) | 0;
      return state;
    },
    unwindAction(state) {
      if (state < 0 || state >= stateCount) return null;
      const at = unwindMap + state * 8;
      return { toState: memory.u32(at) | 0, action: memory.u32(at + 4), kind: 'funclet', object: 0 };
    },
  };
}
