/**
 * RtlVirtualUnwind: turns the context of a function into that of its caller, by the function's unwind information. Source:
 * Microsoft, "x64 exception handling" (unwind procedure), "RtlVirtualUnwind function". All that is read is the program's.
 */
import { STATUS_BAD_FUNCTION_TABLE } from '../base/ntstatus.js';
import { GuestFault, NON_CANONICAL, type UserMemory } from '../mm/user-memory.js';
import { EPILOGUE_BYTES, type Epilogue, findEpilogue } from '../pe/epilogue.js';
import {
  parseUnwindCodes,
  parseUnwindHeader,
  UNW_FLAG_CHAININFO,
  UNWIND_HEADER_BYTES,
  type UnwindCode,
  type UnwindHeader,
  UWOP_ALLOC_LARGE,
  UWOP_ALLOC_SMALL,
  UWOP_PUSH_MACHFRAME,
  UWOP_PUSH_NONVOL,
  UWOP_SAVE_NONVOL,
  UWOP_SAVE_NONVOL_FAR,
  UWOP_SAVE_XMM128,
  UWOP_SAVE_XMM128_FAR,
  UWOP_SET_FPREG,
} from '../pe/unwind-info.js';
import { CONTEXT_RIP, contextRegister } from './context-record.js';

/** What unwinding needs of guest memory. */
export type UnwindMemory = Pick<UserMemory, 'readU32' | 'readBytes' | 'readInto' | 'writePointer'>;

const RSP = 4;
const TWO_32 = 2 ** 32;
export const CONTEXT_RSP = contextRegister(RSP);
export const CONTEXT_XMM = 0x1a0;
/** Offsets in RUNTIME_FUNCTION, bytes. */
export const RUNTIME_FUNCTION_END = 4;
export const RUNTIME_FUNCTION_UNWIND = 8;
/** Most functions that unwind information leads through. */
const MAXIMUM_CHAIN = 32;
/** Offset of the integer registers in KNONVOLATILE_CONTEXT_POINTERS; the XMM registers come first. */
const POINTERS_INTEGER = 0x80;

/** What the unwinding of one function gave, beside the changed context. */
export interface UnwoundFrame {
  /** Guest address of the language handler, 0 for none that is to be called. */
  handler: number;
  handlerData: number;
  establisher: number;
}

/** A 64-bit value of a context as a 48-bit address, or NON_CANONICAL. */
export function contextAddress(context: DataView, offset: number): number {
  const high = context.getUint32(offset + 4, true);
  const top = high >>> 15;
  if (top !== 0 && top !== 0x1ffff) return NON_CANONICAL;
  return (high & 0xffff) * TWO_32 + context.getUint32(offset, true);
}

/** Stores a 48-bit address as a canonical 64-bit value. */
export function setContextAddress(context: DataView, offset: number, address: number): void {
  const high = Math.floor(address / TWO_32);
  context.setUint32(offset, address % TWO_32, true);
  context.setUint32(offset + 4, high >= 0x8000 ? high | 0xffff0000 : high, true);
}

/** One unwinding: the context that changes, and where to note the places of saved registers (0 for nowhere). */
class Unwinding {
  /** RIP came of a machine frame: no return address follows. */
  machineFrame = false;

  constructor(
    readonly memory: UnwindMemory,
    readonly context: DataView,
    readonly pointers: number,
  ) {}

  get rsp(): number {
    return contextAddress(this.context, CONTEXT_RSP);
  }

  set rsp(address: number) {
    setContextAddress(this.context, CONTEXT_RSP, address);
  }

  /** Reads a general register or RIP from the stack. */
  load(offset: number, address: number): void {
    this.context.setUint32(offset, this.memory.readU32(address), true);
    this.context.setUint32(offset + 4, this.memory.readU32(address + 4), true);
  }

  restore(register: number, address: number): void {
    this.load(contextRegister(register), address);
    if (this.pointers !== 0)
      this.memory.writePointer(this.pointers + POINTERS_INTEGER + register * 8, address);
  }

  restoreXmm(register: number, address: number): void {
    for (let at = 0; at < 16; at += 8) this.load(CONTEXT_XMM + register * 16 + at, address + at);
    if (this.pointers !== 0) this.memory.writePointer(this.pointers + register * 8, address);
  }

  pop(register: number): void {
    const { rsp } = this;
    this.restore(register, rsp);
    this.rsp = rsp + 8;
  }

  popReturnAddress(): void {
    const { rsp } = this;
    this.load(CONTEXT_RIP, rsp);
    this.rsp = rsp + 8;
  }

  undo(code: UnwindCode, header: UnwindHeader, frame: number): void {
    switch (code.operation) {
      case UWOP_PUSH_NONVOL:
        this.pop(code.info);
        break;
      case UWOP_ALLOC_LARGE:
      case UWOP_ALLOC_SMALL:
        this.rsp += code.value;
        break;
      case UWOP_SET_FPREG:
        this.rsp = contextAddress(this.context, contextRegister(header.frameRegister)) - header.frameOffset;
        break;
      case UWOP_SAVE_NONVOL:
      case UWOP_SAVE_NONVOL_FAR:
        this.restore(code.info, frame + code.value);
        break;
      case UWOP_SAVE_XMM128:
      case UWOP_SAVE_XMM128_FAR:
        this.restoreXmm(code.info, frame + code.value);
        break;
      case UWOP_PUSH_MACHFRAME:
        this.popMachineFrame(code.info & 1);
        break;
    }
  }

  popMachineFrame(withErrorCode: number): void {
    const at = this.rsp + withErrorCode * 8;
    this.load(CONTEXT_RIP, at);
    this.load(CONTEXT_RSP, at + 24);
    this.machineFrame = true;
  }

  undoEpilogue(epilogue: Epilogue, header: UnwindHeader): void {
    if (epilogue.fromFrame)
      this.rsp = contextAddress(this.context, contextRegister(header.frameRegister)) + epilogue.adjustment;
    else this.rsp += epilogue.adjustment;
    for (const register of epilogue.pops) this.pop(register);
    this.popReturnAddress();
  }
}

function readHeader(memory: UnwindMemory, address: number): UnwindHeader {
  const header = parseUnwindHeader(memory.readBytes(address, UNWIND_HEADER_BYTES));
  if (header.version !== 1 && header.version !== 2)
    throw new GuestFault(STATUS_BAD_FUNCTION_TABLE, address, false);
  return header;
}

function readCodes(memory: UnwindMemory, address: number, header: UnwindHeader): UnwindCode[] {
  const slots = memory.readBytes(address + UNWIND_HEADER_BYTES, header.codeCount * 2);
  const codes = parseUnwindCodes(header.version, slots);
  if (codes === null) throw new GuestFault(STATUS_BAD_FUNCTION_TABLE, address, false);
  return codes;
}

/** The frame from which saved registers are found: the frame register once it is set, else RSP. */
function frameOf(
  unwinding: Unwinding,
  header: UnwindHeader,
  codes: readonly UnwindCode[],
  offset: number,
): number {
  const isSet =
    offset >= header.prologSize ||
    (header.flags & UNW_FLAG_CHAININFO) !== 0 ||
    codes.some(({ operation, prologOffset }) => operation === UWOP_SET_FPREG && offset >= prologOffset);
  if (header.frameRegister === 0 || !isSet) return unwinding.rsp;
  return contextAddress(unwinding.context, contextRegister(header.frameRegister)) - header.frameOffset;
}

/** The epilogue that goes on at `rip`, null when there is none. `begin` and `end` are guest addresses. */
function epilogueAt(
  memory: UnwindMemory,
  rip: number,
  begin: number,
  end: number,
  header: UnwindHeader,
): Epilogue | null {
  const bytes = new Uint8Array(EPILOGUE_BYTES);
  const length = Math.min(EPILOGUE_BYTES, end - rip);
  if (length > 0) memory.readInto(rip, bytes.subarray(0, length));
  return findEpilogue(bytes, begin - rip, end - rip, header.frameRegister);
}

/**
 * Unwinds one function: `entry` is the guest address of its RUNTIME_FUNCTION, `context` its context, which becomes the
 * caller's. A handler of one of the kinds `handlerType` (UNW_FLAG_*) is named when `rip` lies in the function's body.
 * `pointers`: guest address of KNONVOLATILE_CONTEXT_POINTERS, or 0. Throws GuestFault for memory that cannot be read, and
 * with STATUS_BAD_FUNCTION_TABLE for unwind information that is none.
 */
export function virtualUnwind(
  memory: UnwindMemory,
  handlerType: number,
  imageBase: number,
  rip: number,
  entry: number,
  context: DataView,
  pointers = 0,
): UnwoundFrame {
  const unwinding = new Unwinding(memory, context, pointers);
  const begin = imageBase + memory.readU32(entry);
  const end = imageBase + memory.readU32(entry + RUNTIME_FUNCTION_END);
  let info = imageBase + memory.readU32(entry + RUNTIME_FUNCTION_UNWIND);
  let header = readHeader(memory, info);
  let codes = readCodes(memory, info, header);
  let offset = rip - begin;
  const frame = frameOf(unwinding, header, codes, offset);
  const result: UnwoundFrame = { handler: 0, handlerData: 0, establisher: frame };
  if (offset >= header.prologSize || header.flags & UNW_FLAG_CHAININFO) {
    const epilogue = epilogueAt(memory, rip, begin, end, header);
    if (epilogue !== null) {
      unwinding.undoEpilogue(epilogue, header);
      return result;
    }
    if (!(header.flags & UNW_FLAG_CHAININFO) && header.flags & handlerType) {
      result.handler = imageBase + memory.readU32(info + header.tailOffset);
      result.handlerData = info + header.tailOffset + 4;
    }
  }
  for (let chain = 0; ; chain++) {
    for (const code of codes) if (offset >= code.prologOffset) unwinding.undo(code, header, frame);
    if (!(header.flags & UNW_FLAG_CHAININFO)) break;
    if (chain === MAXIMUM_CHAIN) throw new GuestFault(STATUS_BAD_FUNCTION_TABLE, info, false);
    info = imageBase + memory.readU32(info + header.tailOffset + RUNTIME_FUNCTION_UNWIND);
    header = readHeader(memory, info);
    codes = readCodes(memory, info, header);
    offset = Number.POSITIVE_INFINITY;
    if (result.handler === 0 && header.flags & handlerType && !(header.flags & UNW_FLAG_CHAININFO)) {
      result.handler = imageBase + memory.readU32(info + header.tailOffset);
      result.handlerData = info + header.tailOffset + 4;
    }
  }
  if (!unwinding.machineFrame) unwinding.popReturnAddress();
  return result;
}

/** A function without unwind information is a leaf: its return address lies at RSP. */
export function unwindLeaf(memory: UnwindMemory, context: DataView): void {
  new Unwinding(memory, context, 0).popReturnAddress();
}
