/**
 * UNWIND_INFO: what a function's prologue did, so that it can be undone. Pure: bytes in, values out; the bytes are a
 * program's, so anything may be wrong. Source: Microsoft, "x64 exception handling" (struct UNWIND_INFO, struct UNWIND_CODE).
 */

export const UNW_FLAG_NHANDLER = 0;
export const UNW_FLAG_EHANDLER = 1;
export const UNW_FLAG_UHANDLER = 2;
export const UNW_FLAG_CHAININFO = 4;

export const UWOP_PUSH_NONVOL = 0;
export const UWOP_ALLOC_LARGE = 1;
export const UWOP_ALLOC_SMALL = 2;
export const UWOP_SET_FPREG = 3;
export const UWOP_SAVE_NONVOL = 4;
export const UWOP_SAVE_NONVOL_FAR = 5;
/** In version 2; in version 1 a form of saving half an XMM register that no compiler writes any more. */
export const UWOP_EPILOG = 6;
export const UWOP_SPARE_CODE = 7;
export const UWOP_SAVE_XMM128 = 8;
export const UWOP_SAVE_XMM128_FAR = 9;
export const UWOP_PUSH_MACHFRAME = 10;

/** Bytes before the unwind codes. */
export const UNWIND_HEADER_BYTES = 4;

export interface UnwindHeader {
  readonly version: number;
  /** UNW_FLAG_*. */
  readonly flags: number;
  /** Bytes. */
  readonly prologSize: number;
  /** Number of 2-byte slots. */
  readonly codeCount: number;
  /** Register number, 0 for none. */
  readonly frameRegister: number;
  /** Bytes that the frame register lies above RSP. */
  readonly frameOffset: number;
  /** Byte offset of what follows the codes: the handler's RVA and data, or the chained RUNTIME_FUNCTION. */
  readonly tailOffset: number;
}

export interface UnwindCode {
  /** Offset in the prologue of the end of the instruction, bytes. */
  readonly prologOffset: number;
  /** UWOP_*. */
  readonly operation: number;
  /** The four bits beside it: a register, or a form. */
  readonly info: number;
  /** Bytes: the size of an allocation or the offset of a save; 0 for the others. */
  readonly value: number;
}

/** The first four bytes. */
export function parseUnwindHeader(bytes: Uint8Array): UnwindHeader {
  const [first = 0, prologSize = 0, codeCount = 0, frame = 0] = bytes;
  return {
    version: first & 7,
    flags: first >>> 3,
    prologSize,
    codeCount,
    frameRegister: frame & 15,
    frameOffset: (frame >>> 4) * 16,
    tailOffset: UNWIND_HEADER_BYTES + ((codeCount + 1) & ~1) * 2,
  };
}

/** Slots of a code; 0 for a code that does not exist. */
function slotsOf(version: number, operation: number, info: number): number {
  switch (operation) {
    case UWOP_PUSH_NONVOL:
    case UWOP_ALLOC_SMALL:
    case UWOP_SET_FPREG:
    case UWOP_PUSH_MACHFRAME:
      return 1;
    case UWOP_ALLOC_LARGE:
      return info === 0 ? 2 : 3;
    case UWOP_SAVE_NONVOL:
    case UWOP_SAVE_XMM128:
      return 2;
    case UWOP_SAVE_NONVOL_FAR:
    case UWOP_SAVE_XMM128_FAR:
      return 3;
    case UWOP_EPILOG:
      return version === 1 ? 2 : 1;
    case UWOP_SPARE_CODE:
      return version === 1 ? 3 : 2;
    default:
      return 0;
  }
}

/** Bytes that the operand slots of a code say. */
function operandOf(view: DataView, at: number, operation: number, info: number): number {
  switch (operation) {
    case UWOP_ALLOC_SMALL:
      return info * 8 + 8;
    case UWOP_ALLOC_LARGE:
      return info === 0 ? view.getUint16(at + 2, true) * 8 : view.getUint32(at + 2, true);
    case UWOP_SAVE_NONVOL:
      return view.getUint16(at + 2, true) * 8;
    case UWOP_SAVE_XMM128:
      return view.getUint16(at + 2, true) * 16;
    case UWOP_SAVE_NONVOL_FAR:
    case UWOP_SAVE_XMM128_FAR:
      return view.getUint32(at + 2, true);
    default:
      return 0;
  }
}

/** The codes in the order in which they are undone; null when a code does not exist or its operands are cut off. */
export function parseUnwindCodes(version: number, slots: Uint8Array): UnwindCode[] | null {
  const view = new DataView(slots.buffer, slots.byteOffset, slots.byteLength);
  const codes: UnwindCode[] = [];
  for (let at = 0; at + 2 <= slots.length; ) {
    const operation = slots[at + 1]! & 15;
    const info = slots[at + 1]! >>> 4;
    const bytes = slotsOf(version, operation, info) * 2;
    if (bytes === 0 || at + bytes > slots.length) return null;
    codes.push({ prologOffset: slots[at]!, operation, info, value: operandOf(view, at, operation, info) });
    at += bytes;
  }
  return codes;
}
