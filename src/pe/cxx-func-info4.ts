/**
 * FuncInfo4: the compressed form that __CxxFrameHandler4 reads. Each catch block is a function with tables of its own.
 * Source: the published layout of the structures (ehdata4_export.h); "Making C++ Exception Handling Smaller On x64",
 * Microsoft C++ Team Blog.
 */
import {
  type CatchHandler,
  EMPTY_STATE,
  type FuncInfo,
  MAXIMUM_ENTRIES,
  MAXIMUM_HANDLERS,
  type RvaMemory,
  type TryBlock,
  type UnwindAction,
} from './cxx-func-info.js';

const IS_CATCH = 0x01;
const IS_SEPARATED = 0x02;
const HAS_BBT = 0x04;
const HAS_UNWIND_MAP = 0x08;
const HAS_TRY_MAP = 0x10;
const IS_SYNCHRONOUS = 0x20;
const IS_NOEXCEPT = 0x40;

const HANDLER_ADJECTIVES = 0x01;
const HANDLER_TYPE = 0x02;
const HANDLER_OBJECT = 0x04;
const HANDLER_RVA = 0x08;

/** A place in the tables that moves as it is read. */
export class Reader4 {
  constructor(
    private readonly memory: RvaMemory,
    public at: number,
  ) {}

  u8(): number {
    return this.memory.u8(this.at++);
  }

  u32(): number {
    const value = this.memory.u32(this.at);
    this.at += 4;
    return value;
  }

  /** An unsigned number in 1 to 5 bytes: the trailing one bits of the first say how many bytes follow. */
  number(): number {
    const first = this.u8();
    if ((first & 1) === 0) return first >>> 1;
    if ((first & 2) === 0) return (first >>> 2) | (this.u8() << 6);
    if ((first & 4) === 0) return (first >>> 3) | (this.u8() << 5) | (this.u8() << 13);
    if ((first & 8) === 0) return (first >>> 4) | (this.u8() << 4) | (this.u8() << 12) | (this.u8() << 20);
    return this.u32();
  }

  count(): number {
    return Math.min(this.number(), MAXIMUM_ENTRIES);
  }
}

/** The unwind map, in which each entry says how many bytes before it that of its target state begins. */
function readUnwindMap(memory: RvaMemory, rva: number): UnwindAction[] {
  const reader = new Reader4(memory, rva);
  const count = reader.count();
  const starts = new Map<number, number>();
  const actions: UnwindAction[] = [];
  for (let state = 0; state < count; state++) {
    const start = reader.at;
    const first = reader.number();
    const kind = (['none', 'object', 'pointer', 'funclet'] as const)[first & 3]!;
    const action = kind === 'none' ? 0 : reader.u32();
    const object = kind === 'object' || kind === 'pointer' ? reader.number() : 0;
    const toState = starts.get(start - (first >>> 2)) ?? EMPTY_STATE;
    starts.set(start, state);
    actions.push({ toState, action, kind: kind === 'none' ? 'funclet' : kind, object });
  }
  return actions;
}

function readHandler(reader: Reader4, functionRva: number): CatchHandler {
  const header = reader.u8();
  const adjectives = header & HANDLER_ADJECTIVES ? reader.number() : 0;
  const type = header & HANDLER_TYPE ? reader.u32() : 0;
  const object = header & HANDLER_OBJECT ? reader.number() | 0 : 0;
  const handler = reader.u32();
  const continuations: number[] = [];
  for (let index = 0; index < ((header >>> 4) & 3); index++)
    continuations.push(header & HANDLER_RVA ? reader.u32() : functionRva + reader.number());
  return { adjectives, type, object, handler, frame: 0, continuations };
}

function readTryMap(memory: RvaMemory, rva: number, functionRva: number): TryBlock[] {
  const reader = new Reader4(memory, rva);
  const blocks: TryBlock[] = [];
  let left = MAXIMUM_HANDLERS;
  for (let count = reader.count(); count > 0; count--) {
    const [low, high, catchHigh] = [reader.number(), reader.number(), reader.number()];
    const handlers = new Reader4(memory, reader.u32());
    const length = Math.min(handlers.count(), left);
    left -= length;
    blocks.push({
      low,
      high,
      catchHigh,
      handlers: Array.from({ length }, () => readHandler(handlers, functionRva)),
    });
  }
  return blocks;
}

/** The IP-to-state map of the part of the function that begins at `functionRva`. */
function separatedMap(memory: RvaMemory, rva: number, functionRva: number): number {
  const reader = new Reader4(memory, rva);
  for (let count = reader.count(); count > 0; count--) {
    const [segment, map] = [reader.u32(), reader.u32()];
    if (segment === functionRva) return map;
  }
  return 0;
}

function stateFrom(memory: RvaMemory, rva: number, functionRva: number, pc: number): number {
  if (rva === 0) return EMPTY_STATE;
  const reader = new Reader4(memory, rva);
  let state = EMPTY_STATE;
  let at = functionRva;
  for (let count = reader.count(); count > 0; count--) {
    at += reader.number();
    if (at > pc) break;
    state = reader.number() - 1;
  }
  return state;
}

/** The FuncInfo4 at an RVA, of the function (or part of one) whose entry begins at `functionRva`. */
export function readFuncInfo4(memory: RvaMemory, rva: number, functionRva: number): FuncInfo {
  const reader = new Reader4(memory, rva);
  const header = reader.u8();
  if (header & HAS_BBT) reader.number();
  const unwindMap = header & HAS_UNWIND_MAP ? readUnwindMap(memory, reader.u32()) : [];
  const tryBlocks = header & HAS_TRY_MAP ? readTryMap(memory, reader.u32(), functionRva) : [];
  const map = reader.u32();
  const ipMap = header & IS_SEPARATED ? separatedMap(memory, map, functionRva) : map;
  return {
    tryBlocks,
    synchronous: (header & IS_SYNCHRONOUS) !== 0,
    noexcept: (header & IS_NOEXCEPT) !== 0,
    catchFrame: header & IS_CATCH ? reader.number() : null,
    stateAt: (pc) => stateFrom(memory, ipMap, functionRva, pc),
    unwindAction: (state) => unwindMap[state] ?? null,
  };
}
