import { GuestFault } from '../mm/user-memory.js';
import type { Kernel } from './kernel.js';

/**
 * Whether the DIV or IDIV at RIP divides by zero; if not, its quotient did not fit. Windows tells the two apart by looking at
 * the operand. Source: Intel SDM volume 2, "ModR/M and SIB Bytes", DIV, IDIV.
 */
export function isZeroDivisor(kernel: Kernel): boolean {
  try {
    return decodeOperand(kernel);
  } catch (error) {
    if (error instanceof GuestFault) return true;
    throw error;
  }
}

const REX_W = 8;
const REX_X = 2;
const REX_B = 1;
const RSP = 4;
const RBP = 5;
const TWO_47 = 2 ** 47;
const TWO_48 = 2 ** 48;

function decodeOperand(kernel: Kernel): boolean {
  const { memory, processor } = kernel;
  let at = processor.rip;
  let operandSize = 4;
  let rex = 0;
  let segment = 0;
  let addressSize = 8;
  for (;;) {
    const byte = memory.readU8(at);
    if (byte === 0x66) operandSize = 2;
    else if (byte === 0x67) addressSize = 4;
    else if (byte === 0x64) segment = processor.fsBase;
    else if (byte === 0x65) segment = processor.gsBase;
    else if (byte >= 0x40 && byte <= 0x4f) rex = byte & 15;
    else if (![0x26, 0x2e, 0x36, 0x3e, 0xf0, 0xf2, 0xf3].includes(byte)) break;
    at++;
  }
  const size = memory.readU8(at++) === 0xf6 ? 1 : rex & REX_W ? 8 : operandSize;
  const modrm = memory.readU8(at++);
  const mode = modrm >>> 6;
  const rm = modrm & 7;
  if (mode === 3) return isZeroRegister(kernel, rm | (rex & REX_B ? 8 : 0), size, rex !== 0);
  const address = effectiveAddress(kernel, at, mode, rm, rex) + segment;
  return isZeroMemory(kernel, addressSize === 4 ? address % 2 ** 32 : (address + TWO_48) % TWO_48, size);
}

function isZeroRegister(kernel: Kernel, register: number, size: number, hasRex: boolean): boolean {
  const { processor } = kernel;
  if (size === 1 && !hasRex && register >= 4) return ((processor.getLo(register - 4) >>> 8) & 0xff) === 0;
  const lo = processor.getLo(register);
  if (size === 8) return lo === 0 && processor.getHi(register) === 0;
  return (size === 4 ? lo : lo & (size === 2 ? 0xffff : 0xff)) === 0;
}

function isZeroMemory(kernel: Kernel, address: number, size: number): boolean {
  for (let index = 0; index < size; index++) if (kernel.memory.readU8(address + index) !== 0) return false;
  return true;
}

/** A register as a signed number of 48 bits, good for adding. */
function signed(kernel: Kernel, register: number): number {
  const value = kernel.processor.getAddress(register);
  return value >= TWO_47 ? value - TWO_48 : value;
}

/** Address of a memory operand whose SIB or displacement begins at `at`; DIV and IDIV have no immediate after it. */
function effectiveAddress(kernel: Kernel, at: number, mode: number, rm: number, rex: number): number {
  const { memory } = kernel;
  let next = at;
  let address = 0;
  let displacementSize = mode === 1 ? 1 : mode === 2 ? 4 : 0;
  let ripRelative = false;
  if (rm === RSP) {
    const sib = memory.readU8(next++);
    const index = ((sib >>> 3) & 7) | (rex & REX_X ? 8 : 0);
    const base = sib & 7;
    if (base === RBP && mode === 0) displacementSize = 4;
    else address = signed(kernel, base | (rex & REX_B ? 8 : 0));
    if (index !== RSP) address += signed(kernel, index) * 2 ** (sib >>> 6);
  } else if (rm === RBP && mode === 0) {
    displacementSize = 4;
    ripRelative = true;
  } else {
    address = signed(kernel, rm | (rex & REX_B ? 8 : 0));
  }
  if (displacementSize === 1) address += (memory.readU8(next) << 24) >> 24;
  if (displacementSize === 4) address += memory.readI32(next);
  next += displacementSize;
  return ripRelative ? address + next : address;
}
