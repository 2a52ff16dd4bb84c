/**
 * Bit counts, BMI1, BMI2, ADX, MOVBE and CRC32: how each form becomes micro-operations (cpu/bit-extensions.ts). The register-or-memory
 * operand is SRC or memory; another register operand stands as its slot in the immediate. Source: Intel SDM volume 2.
 */
import * as uop from './cpu/uops.js';
import { OPERAND_MEMORY } from './decoder.js';
import type { Handler } from './decoder-integer.js';
import type { UopFields, UopWriter } from './uop-writer.js';

/** Writes an operation on the destination, operand 0, and the register-or-memory operand `n`. */
function from(writer: UopWriter, op: number, n: number, fields: UopFields): void {
  const { operands } = writer.decoded;
  const operand = operands[n]!;
  const dst = operands[0].slot;
  if (operand.kind === OPERAND_MEMORY) writer.withMemory(op, { dst, ...fields });
  else writer.plain(op, { dst, src: operand.slot, ...fields });
}

/** `value` is the operand that is a register or memory, `other` the one that is a register (0: an immediate, or none). */
function extension(sub: number, value: number, other: number, setsFlags: boolean): Handler {
  return (writer) => {
    const { operands, immediate } = writer.decoded;
    const { size } = operands[0];
    const given = other > 0 ? operands[other]!.slot : immediate & 0xff;
    from(writer, uop.OP_BIT_EXTENSION, value, { sub, width: size, immediate: given });
    if (!setsFlags) writer.flagsAfter = writer.flagsBefore;
  };
}

function swappedMove(writer: UopWriter): void {
  const [first, second] = writer.decoded.operands;
  const isStore = first.kind === OPERAND_MEMORY;
  const register = isStore ? second : first;
  const sub = isStore ? uop.SWAPPED_STORE : uop.SWAPPED_LOAD;
  writer.withMemory(uop.OP_MOVBE, { dst: register.slot, sub, width: register.size });
  writer.flagsAfter = writer.flagsBefore;
}

/** CRC32: the source's width stands at the end of the form's name. */
function checksum(writer: UopWriter): void {
  const width = Number(/(\d+)$/.exec(writer.decoded.code)![1]) / 8;
  from(writer, uop.OP_CRC32, 1, { width });
  writer.flagsAfter = writer.flagsBefore;
}

const HANDLERS: ReadonlyMap<string, Handler> = new Map([
  ['Popcnt', extension(uop.BITS_POPCNT, 1, 0, true)],
  ['Lzcnt', extension(uop.BITS_LZCNT, 1, 0, true)],
  ['Tzcnt', extension(uop.BITS_TZCNT, 1, 0, true)],
  ['VEX_Andn', extension(uop.BITS_ANDN, 2, 1, true)],
  ['VEX_Bextr', extension(uop.BITS_BEXTR, 1, 2, true)],
  ['VEX_Blsi', extension(uop.BITS_BLSI, 1, 0, true)],
  ['VEX_Blsmsk', extension(uop.BITS_BLSMSK, 1, 0, true)],
  ['VEX_Blsr', extension(uop.BITS_BLSR, 1, 0, true)],
  ['VEX_Bzhi', extension(uop.BITS_BZHI, 1, 2, true)],
  ['VEX_Mulx', extension(uop.BITS_MULX, 2, 1, false)],
  ['VEX_Pdep', extension(uop.BITS_PDEP, 2, 1, false)],
  ['VEX_Pext', extension(uop.BITS_PEXT, 2, 1, false)],
  ['VEX_Rorx', extension(uop.BITS_RORX, 1, 0, false)],
  ['VEX_Sarx', extension(uop.BITS_SARX, 1, 2, false)],
  ['VEX_Shlx', extension(uop.BITS_SHLX, 1, 2, false)],
  ['VEX_Shrx', extension(uop.BITS_SHRX, 1, 2, false)],
  ['Adcx', extension(uop.BITS_ADCX, 1, 0, true)],
  ['Adox', extension(uop.BITS_ADOX, 1, 0, true)],
  ['Movbe', swappedMove],
  ['Crc32', checksum],
]);

/** How a form is written; undefined when it is none of these. */
export function bitHandler(code: string): Handler | undefined {
  return HANDLERS.get(/^((?:VEX_)?[A-Za-z0-9]+)/.exec(code)![1]!);
}
