/** db, dd, dq, da, du, u, r and k: memory, code and registers. What is not in memory is shown as question marks. */
import type { AddressSpace } from '../../mm/address-space.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import type { Kernel } from '../../nt/kernel.js';
import type { Process } from '../../nt/process.js';
import { DebugError } from './debug-error.js';
import { addressOfWords, addressText, hex, quadText } from './format.js';
import type { Symbols } from './symbols.js';
import { readBytes } from './table-walk.js';
import type { ThreadContext } from './thread-context.js';

const ROW_BYTES = 16;
const TWO_48 = 2 ** 48;
/** The longest x86 instruction, in bytes. */
const LONGEST_INSTRUCTION = 15;
const LONGEST_TEXT = 512;

/** Bytes from an address on: undefined where none are in memory. */
function readHoles(
  mm: MemoryManager,
  space: AddressSpace,
  address: number,
  length: number,
): (number | undefined)[] {
  const bytes: (number | undefined)[] = new Array(length).fill(undefined);
  for (let at = 0; at < length; ) {
    const start = (address + at) % TWO_48;
    const size = Math.min(length - at, 4096 - (start % 4096));
    readBytes(mm, space, start, size).forEach((byte, index) => {
      bytes[at + index] = byte;
    });
    at += size;
  }
  return bytes;
}

/** Digits of a little-endian unit. */
function unitText(bytes: readonly (number | undefined)[], quad: boolean): string {
  const digits = bytes
    .toReversed()
    .map((byte) => (byte === undefined ? '??' : hex(byte, 2)))
    .join('');
  return quad ? `${digits.slice(0, 8)}\`${digits.slice(8)}` : digits;
}

function rowText(unit: 'b' | 'd' | 'q', bytes: readonly (number | undefined)[]): string {
  const size = unit === 'b' ? 1 : unit === 'd' ? 4 : 8;
  const units: string[] = [];
  for (let at = 0; at < bytes.length; at += size)
    units.push(unitText(bytes.slice(at, at + size), unit === 'q'));
  if (unit !== 'b') return units.join(' ');
  const text = bytes.map((byte) =>
    byte === undefined ? '?' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  );
  const halves =
    units.length > 8 ? `${units.slice(0, 8).join(' ')}-${units.slice(8).join(' ')}` : units.join(' ');
  return `${halves.padEnd(ROW_BYTES * 3 - 1)}  ${text.join('')}`;
}

/** Rows of 16 bytes. `length` in bytes. */
export function dumpMemory(
  kernel: Kernel,
  process: Process,
  unit: 'b' | 'd' | 'q',
  address: number,
  length: number,
): string {
  const rows: string[] = [];
  for (let at = 0; at < length; at += ROW_BYTES) {
    const bytes = readHoles(kernel.mm, process.space, address + at, Math.min(ROW_BYTES, length - at));
    rows.push(`${addressText((address + at) % TWO_48)}  ${rowText(unit, bytes)}`);
  }
  return rows.join('\n');
}

/** The text at an address up to its end, in quotes. `limit` in characters. */
export function dumpText(
  kernel: Kernel,
  process: Process,
  wide: boolean,
  address: number,
  limit = LONGEST_TEXT,
): string {
  const size = wide ? 2 : 1;
  const bytes = readBytes(kernel.mm, process.space, address, limit * size);
  let text = '';
  for (let at = 0; at + size <= bytes.length; at += size) {
    const unit = wide ? bytes[at]! | (bytes[at + 1]! << 8) : bytes[at]!;
    if (unit === 0) break;
    text += unit < 0x20 || unit === 0x7f ? '.' : String.fromCharCode(unit);
  }
  if (bytes.length === 0) return `${addressText(address)}  ${'?'.repeat(8)}`;
  return `${addressText(address)}  "${text}"`;
}

export interface Disassembly {
  readonly text: string;
  /** Address behind the last instruction. */
  readonly next: number;
}

function instructionLine(kernel: Kernel, process: Process, address: number): Disassembly | null {
  const bytes = readBytes(kernel.mm, process.space, address, LONGEST_INSTRUCTION);
  if (bytes.length === 0) return null;
  const { text, length } = kernel.processor.describeInstruction(bytes, address);
  const size = Math.max(1, Math.min(length, bytes.length));
  const digits = [...bytes.subarray(0, size)].map((byte) => hex(byte, 2)).join('');
  return { text: `${addressText(address)} ${digits.padEnd(16)} ${text}`, next: address + size };
}

/** Some instructions from an address on, under the name of the place. */
export function disassemble(
  kernel: Kernel,
  process: Process,
  symbols: Symbols,
  address: number,
  instructions: number,
): Disassembly {
  const name = symbols.nameOf(process, address);
  const lines = name === null ? [] : [`${name}:`];
  let at = address;
  for (let done = 0; done < instructions; done++) {
    const line = instructionLine(kernel, process, at);
    if (line === null) {
      lines.push(`${addressText(at)} ${'??'.padEnd(16)} ??? (not in memory; '!explain ${hex(at)}' says why)`);
      break;
    }
    lines.push(line.text);
    at = line.next;
  }
  return { text: lines.join('\n'), next: at };
}

const REGISTER_ROWS: readonly (readonly string[])[] = [
  ['rax', 'rbx', 'rcx'],
  ['rdx', 'rsi', 'rdi'],
  ['rip', 'rsp', 'rbp'],
  ['r8', 'r9', 'r10'],
  ['r11', 'r12', 'r13'],
  ['r14', 'r15'],
];
/** Bit of RFLAGS, and the two letters that WinDbg writes when it is clear and set. */
const FLAG_LETTERS: readonly [bit: number, clear: string, set: string][] = [
  [11, 'nv', 'ov'],
  [10, 'up', 'dn'],
  [9, 'di', 'ei'],
  [7, 'pl', 'ng'],
  [6, 'nz', 'zr'],
  [4, 'na', 'ac'],
  [2, 'po', 'pe'],
  [0, 'nc', 'cy'],
];

/** All registers of a thread and its next instruction. */
export function showRegisters(
  kernel: Kernel,
  process: Process,
  symbols: Symbols,
  context: ThreadContext,
): string {
  const cell = (name: string) => {
    const { lo, hi } = context.read(name)!;
    return `${name.padStart(3)}=${quadText(lo, hi).replace('`', '')}`;
  };
  const flags = FLAG_LETTERS.map(([bit, clear, set]) => ((context.flags >>> bit) & 1 ? set : clear)).join(
    ' ',
  );
  return [
    ...REGISTER_ROWS.map((row) => row.map(cell).join(' ')),
    `efl=${hex(context.flags, 8)}  ${flags}  mxcsr=${hex(context.mxcsr, 8)}`,
    disassemble(kernel, process, symbols, context.rip, 1).text,
  ].join('\n');
}

/** One register. */
export function showRegister(context: ThreadContext, name: string): string {
  const value = context.read(name);
  if (value === undefined) throw new DebugError(`there is no register ${name}; 'r' shows all`);
  return `${name}=${quadText(value.lo, value.hi).replace('`', '')}`;
}

const STACK_SLOTS = 512;
const MOST_FRAMES = 32;

/** True when the bytes before an address can be a call: E8 rel32, or FF /2 in its forms. */
function followsCall(kernel: Kernel, process: Process, address: number): boolean {
  const before = readBytes(kernel.mm, process.space, address - 7, 7);
  if (before.length < 7) return false;
  if (before[2] === 0xe8) return true;
  for (let length = 2; length <= 7; length++)
    if (before[7 - length] === 0xff && ((before[8 - length]! >>> 3) & 7) === 2) return true;
  return false;
}

/**
 * Where the thread is and what it will return to, as far as the stack tells: each pointer on it that lies behind a call in
 * a module. Without unwind data that is a guess: values of calls that have ended can be among them.
 */
export function showStack(
  kernel: Kernel,
  process: Process,
  symbols: Symbols,
  context: ThreadContext,
): string {
  const { rsp, rip } = context;
  const place = (address: number) => symbols.nameOf(process, address) ?? addressText(address);
  const rows = ['Stack slot         Return address     Call site', `${' '.repeat(38)}${place(rip)}`];
  for (let slot = 0; slot < STACK_SLOTS && rows.length < MOST_FRAMES; slot++) {
    const bytes = readBytes(kernel.mm, process.space, rsp + slot * 8, 8);
    if (bytes.length < 8) break;
    const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
    const target = addressOfWords(view.getUint32(0, true), view.getUint32(4, true));
    if (target < 0 || symbols.nameOf(process, target) === null || !followsCall(kernel, process, target))
      continue;
    rows.push(`${addressText(rsp + slot * 8)}  ${addressText(target)}  ${place(target)}`);
  }
  return rows.join('\n');
}
