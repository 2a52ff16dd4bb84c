/**
 * Epilogues as x64 code must write them, so that unwinding from within one can be done by carrying it out: at most one
 * `add rsp, n` or `lea rsp, [frame+n]`, pops of 8-byte registers, then `ret` or a jump out of the function.
 * Source: Microsoft, "x64 prolog and epilog", "x64 exception handling" (unwind procedure).
 */

/** What is left of an epilogue. */
export interface Epilogue {
  /** Bytes to add to RSP, or to the frame register for the new RSP. */
  readonly adjustment: number;
  /** RSP comes of the frame register. */
  readonly fromFrame: boolean;
  /** Registers that are popped, in order. */
  readonly pops: readonly number[];
}

/** Most bytes of an epilogue that are looked at: lea or add, 16 pops, a jump through memory. */
export const EPILOGUE_BYTES = 48;

const REX_W = 0x48;

interface Cursor {
  at: number;
  adjustment: number;
  fromFrame: boolean;
}

function takeAdjustment(code: DataView, cursor: Cursor, frameRegister: number): void {
  const byte = (index: number) => code.getUint8(index);
  const [first, second, third] = [byte(0), byte(1), byte(2)];
  if (first === REX_W && second === 0x83 && third === 0xc4) {
    cursor.adjustment = code.getInt8(3);
    cursor.at = 4;
  } else if (first === REX_W && second === 0x81 && third === 0xc4) {
    cursor.adjustment = code.getInt32(3, true);
    cursor.at = 7;
  } else if ((first & 0xfe) === REX_W && second === 0x8d) takeLea(code, cursor, frameRegister);
}

/** lea rsp, [frame+disp8] or [frame+disp32]. */
function takeLea(code: DataView, cursor: Cursor, frameRegister: number): void {
  const modRm = code.getUint8(2);
  const base = (modRm & 7) | ((code.getUint8(0) & 1) << 3);
  const mode = modRm >>> 6;
  if (((modRm >>> 3) & 7) !== 4 || frameRegister === 0 || base !== frameRegister) return;
  if (mode === 0 || mode === 3) return;
  const sib = (base & 7) === 4 ? 1 : 0;
  cursor.fromFrame = true;
  cursor.adjustment = mode === 1 ? code.getInt8(3 + sib) : code.getInt32(3 + sib, true);
  cursor.at = mode === 1 ? 4 + sib : 7 + sib;
}

/** Whether the code at `at` returns or jumps out of the function: [start, end) are byte offsets from the code's first byte. */
function leaves(code: DataView, at: number, start: number, end: number): boolean {
  const first = code.getUint8(at);
  const second = code.getUint8(at + 1);
  if (first === 0xc3 || first === 0xc2 || (first === 0xf3 && second === 0xc3)) return true;
  const outside = (target: number) => target <= start || target >= end;
  if (first === 0xeb) return outside(at + 2 + code.getInt8(at + 1));
  if (first === 0xe9) return outside(at + 5 + code.getInt32(at + 1, true));
  const opcode = (first & 0xf8) === 0x48 ? second : first;
  const modRm = code.getUint8(at + ((first & 0xf8) === 0x48 ? 2 : 1));
  return opcode === 0xff && ((modRm >>> 3) & 7) === 4 && (modRm >>> 6 === 0 || modRm >>> 6 === 3);
}

/**
 * The epilogue that the next instruction is part of; null when it is not. `bytes` holds EPILOGUE_BYTES of code; `start` and
 * `end` say where the function lies, in bytes from the first of them.
 */
export function findEpilogue(
  bytes: Uint8Array,
  start: number,
  end: number,
  frameRegister: number,
): Epilogue | null {
  const code = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor: Cursor = { at: 0, adjustment: 0, fromFrame: false };
  takeAdjustment(code, cursor, frameRegister);
  const pops: number[] = [];
  while (pops.length <= 16) {
    const byte = code.getUint8(cursor.at);
    const extended = (byte & 0xf8) === 0x40 || (byte & 0xf8) === 0x48;
    const opcode = extended ? code.getUint8(cursor.at + 1) : byte;
    if ((opcode & 0xf8) !== 0x58) break;
    pops.push((opcode & 7) | (extended && byte & 1 ? 8 : 0));
    cursor.at += extended ? 2 : 1;
  }
  if (pops.length > 16 || !leaves(code, cursor.at, start, end)) return null;
  return { adjustment: cursor.adjustment, fromFrame: cursor.fromFrame, pops };
}
