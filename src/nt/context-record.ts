/**
 * CONTEXT of x64 in guest memory. Offsets in bytes. Source: Microsoft, "CONTEXT structure (winnt.h)", and the published
 * layout of XSAVE_FORMAT.
 */
import {
  FPU_CONTROL,
  FPU_DP,
  FPU_IP,
  FPU_OPCODE,
  FPU_REGISTERS,
  FPU_STATUS,
  FPU_TAG,
  RIP,
  XMM,
} from '../machine/cpu/layout.js';
import type { Processor } from '../machine/processor.js';
import type { Kernel } from './kernel.js';

/** Bytes of the record. */
export const CONTEXT_SIZE = 0x4d0;

export const CONTEXT_CONTROL = 0x1;
export const CONTEXT_INTEGER = 0x2;
export const CONTEXT_SEGMENTS = 0x4;
export const CONTEXT_FLOATING_POINT = 0x8;
export const CONTEXT_ALL = 0x10001f;

export const CONTEXT_FLAGS = 0x30;
export const CONTEXT_MXCSR = 0x34;
const CONTEXT_SEG_CS = 0x38;
export const CONTEXT_EFLAGS = 0x44;
export const CONTEXT_RAX = 0x78;
export const CONTEXT_RIP = 0xf8;
const CONTEXT_FLT_SAVE = 0x100;
const FLT_FLOAT_REGISTERS = 0x20;
const FLT_XMM_REGISTERS = 0xa0;

/** Offset of a general register by its number in instructions (RAX 0, RCX 1, … R15 15). */
export function contextRegister(register: number): number {
  return CONTEXT_RAX + register * 8;
}

const RAX = 0;
const REGISTER_COUNT = 16;
/** Segment selectors of user mode on x64: CS 33, DS ES GS SS 2B, FS 53. */
const SELECTORS = [0x33, 0x2b, 0x2b, 0x53, 0x2b, 0x2b];
/** RFLAGS that a program can set: CF PF AF ZF SF TF DF OF AC ID; the interrupt flag stays set. */
const USER_FLAGS = 0x240dd5 & ~0x200;
const FIXED_FLAGS = 0x202;
const MXCSR_MASK = 0xffff;
const X87_EXCEPTIONS = 0x3f;
const X87_SUMMARY = 0x8080;
/** Tags of the x87 tag word. */
const TAG_VALID = 0;
const TAG_ZERO = 1;
const TAG_SPECIAL = 2;
const TAG_EMPTY = 3;

/** Builds the record of the running thread's user context; `scratch` holds CONTEXT_SIZE bytes. */
export function captureContext(kernel: Kernel, scratch: Uint8Array): void {
  const { processor } = kernel;
  const view = new DataView(scratch.buffer, scratch.byteOffset, CONTEXT_SIZE);
  scratch.fill(0, 0, CONTEXT_SIZE);
  view.setUint32(CONTEXT_FLAGS, CONTEXT_ALL, true);
  view.setUint32(CONTEXT_MXCSR, processor.mxcsr, true);
  SELECTORS.forEach((selector, index) => {
    view.setUint16(CONTEXT_SEG_CS + index * 2, selector, true);
  });
  view.setUint32(CONTEXT_EFLAGS, processor.flags, true);
  for (let register = RAX; register < REGISTER_COUNT; register++) {
    view.setUint32(contextRegister(register), processor.getLo(register), true);
    view.setUint32(contextRegister(register) + 4, processor.getHi(register), true);
  }
  setAddress(view, CONTEXT_RIP, processor.rip);
  captureFloatingPoint(kernel.mm.ram.bytes, view);
  view.setUint32(CONTEXT_FLT_SAVE + 0x18, processor.mxcsr, true);
  view.setUint32(CONTEXT_FLT_SAVE + 0x1c, MXCSR_MASK, true);
}

/** Writes a 48-bit address in canonical form. */
function setAddress(view: DataView, offset: number, address: number): void {
  const high = Math.floor(address / 2 ** 32);
  view.setUint32(offset, address % 2 ** 32, true);
  view.setUint32(offset + 4, high >= 0x8000 ? high | 0xffff0000 : high, true);
}

function captureFloatingPoint(ram: Uint8Array, view: DataView): void {
  const header = new DataView(ram.buffer);
  const at = CONTEXT_FLT_SAVE;
  const status = header.getUint32(FPU_STATUS, true);
  view.setUint16(at, header.getUint32(FPU_CONTROL, true), true);
  view.setUint16(at + 2, status, true);
  view.setUint8(at + 4, abridgeTags(header.getUint32(FPU_TAG, true)));
  view.setUint16(at + 6, header.getUint32(FPU_OPCODE, true) & 0x7ff, true);
  for (let byte = 0; byte < 8; byte += 4) {
    view.setUint32(at + 8 + byte, header.getUint32(FPU_IP + byte, true), true);
    view.setUint32(at + 16 + byte, header.getUint32(FPU_DP + byte, true), true);
  }
  const target = new Uint8Array(view.buffer, view.byteOffset);
  const top = (status >>> 11) & 7;
  for (let index = 0; index < 8; index++) {
    const slot = FPU_REGISTERS + ((top + index) & 7) * 16;
    target.set(ram.subarray(slot, slot + 10), at + FLT_FLOAT_REGISTERS + index * 16);
  }
  target.set(ram.subarray(XMM, XMM + 256), at + FLT_XMM_REGISTERS);
}

/** FXSAVE's one bit a register, 0 for empty, of the full tag word. */
function abridgeTags(tags: number): number {
  let abridged = 0;
  for (let register = 0; register < 8; register++)
    if (((tags >>> (register * 2)) & 3) !== TAG_EMPTY) abridged |= 1 << register;
  return abridged;
}

/** The tag of a register's ten bytes, as FXRSTOR finds it. */
function tagOf(header: DataView, slot: number): number {
  const exponent = header.getUint16(slot + 8, true) & 0x7fff;
  const high = header.getUint32(slot + 4, true);
  if (exponent === 0x7fff) return TAG_SPECIAL;
  if (exponent === 0) return high === 0 && header.getUint32(slot, true) === 0 ? TAG_ZERO : TAG_SPECIAL;
  return high >>> 31 ? TAG_VALID : TAG_SPECIAL;
}

/** Loads the parts of a record that its ContextFlags name into the processor. The record is the guest's: untrusted. */
export function restoreContext(processor: Processor, ram: Uint8Array, record: Uint8Array): void {
  const view = new DataView(record.buffer, record.byteOffset, CONTEXT_SIZE);
  const flags = view.getUint32(CONTEXT_FLAGS, true);
  if (flags & CONTEXT_INTEGER)
    for (let register = RAX; register < REGISTER_COUNT; register++)
      if (register !== 4) restoreRegister(processor, view, register);
  if (flags & CONTEXT_CONTROL) {
    restoreRegister(processor, view, 4);
    processor.flags = (view.getUint32(CONTEXT_EFLAGS, true) & USER_FLAGS) | FIXED_FLAGS;
    setRip(ram, view.getUint32(CONTEXT_RIP, true), view.getUint32(CONTEXT_RIP + 4, true));
  }
  if (flags & CONTEXT_FLOATING_POINT) {
    restoreFloatingPoint(ram, view);
    processor.mxcsr = view.getUint32(CONTEXT_MXCSR, true) & MXCSR_MASK;
  }
}

/** Sets RIP to all its 64 bits: fetching from an address that is not canonical faults, it is not cut to another. */
export function setRip(ram: Uint8Array, lo: number, hi: number): void {
  const header = new DataView(ram.buffer);
  header.setUint32(RIP, lo, true);
  header.setUint32(RIP + 4, hi, true);
}

function restoreRegister(processor: Processor, view: DataView, register: number): void {
  const at = contextRegister(register);
  processor.set(register, view.getUint32(at, true), view.getUint32(at + 4, true));
}

/** The x87 status word with its summary bits (7 and 15) as the exceptions and their masks have it: a handler may have changed either. */
function summarized(status: number, control: number): number {
  return status & ~control & X87_EXCEPTIONS ? status | X87_SUMMARY : status & ~X87_SUMMARY;
}

function restoreFloatingPoint(ram: Uint8Array, view: DataView): void {
  const header = new DataView(ram.buffer);
  const at = CONTEXT_FLT_SAVE;
  const source = new Uint8Array(view.buffer, view.byteOffset);
  const control = view.getUint16(at, true) | 0x40;
  const status = summarized(view.getUint16(at + 2, true), control);
  header.setUint32(FPU_CONTROL, control, true);
  header.setUint32(FPU_STATUS, status, true);
  header.setUint32(FPU_OPCODE, view.getUint16(at + 6, true) & 0x7ff, true);
  for (let byte = 0; byte < 8; byte += 4) {
    header.setUint32(FPU_IP + byte, view.getUint32(at + 8 + byte, true), true);
    header.setUint32(FPU_DP + byte, view.getUint32(at + 16 + byte, true), true);
  }
  const top = (status >>> 11) & 7;
  const abridged = view.getUint8(at + 4);
  let tags = 0;
  for (let index = 0; index < 8; index++) {
    const register = (top + index) & 7;
    const slot = FPU_REGISTERS + register * 16;
    const from = at + FLT_FLOAT_REGISTERS + index * 16;
    ram.set(source.subarray(from, from + 10), slot);
    const tag = (abridged >>> register) & 1 ? tagOf(header, slot) : TAG_EMPTY;
    tags |= tag << (register * 2);
  }
  header.setUint32(FPU_TAG, tags, true);
  ram.set(source.subarray(at + FLT_XMM_REGISTERS, at + FLT_XMM_REGISTERS + 256), XMM);
}

/** A machine frame: RIP, CS, RFLAGS, RSP, SS. */
const MACHINE_FRAME_CS = 0x08;
const MACHINE_FRAME_FLAGS = 0x10;
const MACHINE_FRAME_RSP = 0x18;
const MACHINE_FRAME_SS = 0x20;

/** Writes the machine frame of the record at the view's start, by which unwinding goes on to it: 64-bit words as they stand there. */
export function writeMachineFrame(view: DataView, offset: number): void {
  const copy = (to: number, from: number) => {
    view.setUint32(offset + to, view.getUint32(from, true), true);
    view.setUint32(offset + to + 4, view.getUint32(from + 4, true), true);
  };
  view.setUint32(offset + MACHINE_FRAME_CS, SELECTORS[0]!, true);
  view.setUint32(offset + MACHINE_FRAME_SS, SELECTORS[5]!, true);
  view.setUint32(offset + MACHINE_FRAME_FLAGS, view.getUint32(CONTEXT_EFLAGS, true), true);
  copy(0, CONTEXT_RIP);
  copy(MACHINE_FRAME_RSP, contextRegister(4));
}

const CONTEXT_DEBUG_REGISTERS = 0x10;
const CONTEXT_DR0 = 0x48;
const SELECTOR_BYTES = 2;
/** SegCs and SegSs belong to the control part, the four between them to the segments. */
const SELECTOR_COUNT = 6;

/** Byte ranges [first, end) of the record's parts, by flag. */
const PARTS: readonly (readonly [flag: number, first: number, end: number])[] = [
  [CONTEXT_CONTROL, CONTEXT_SEG_CS, CONTEXT_SEG_CS + SELECTOR_BYTES],
  [
    CONTEXT_CONTROL,
    CONTEXT_SEG_CS + (SELECTOR_COUNT - 1) * SELECTOR_BYTES,
    CONTEXT_SEG_CS + SELECTOR_COUNT * SELECTOR_BYTES,
  ],
  [CONTEXT_CONTROL, CONTEXT_EFLAGS, CONTEXT_DR0],
  [CONTEXT_CONTROL, contextRegister(4), contextRegister(5)],
  [CONTEXT_CONTROL, CONTEXT_RIP, CONTEXT_FLT_SAVE],
  [CONTEXT_INTEGER, contextRegister(0), contextRegister(4)],
  [CONTEXT_INTEGER, contextRegister(5), contextRegister(REGISTER_COUNT)],
  [CONTEXT_SEGMENTS, CONTEXT_SEG_CS + SELECTOR_BYTES, CONTEXT_SEG_CS + (SELECTOR_COUNT - 1) * SELECTOR_BYTES],
  [CONTEXT_FLOATING_POINT, CONTEXT_MXCSR, CONTEXT_SEG_CS],
  [CONTEXT_FLOATING_POINT, CONTEXT_FLT_SAVE, CONTEXT_FLT_SAVE + 0x200],
  [CONTEXT_DEBUG_REGISTERS, CONTEXT_DR0, CONTEXT_RAX],
];

/** Copies the parts that `flags` name from one record to another, and adds them to its ContextFlags. */
export function mergeContext(into: Uint8Array, from: Uint8Array, flags: number): void {
  for (const [flag, first, end] of PARTS) if (flags & flag) into.set(from.subarray(first, end), first);
  const view = new DataView(into.buffer, into.byteOffset, CONTEXT_SIZE);
  view.setUint32(CONTEXT_FLAGS, view.getUint32(CONTEXT_FLAGS, true) | flags, true);
}

/** ContextFlags of a record. */
export function contextFlags(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset).getUint32(CONTEXT_FLAGS, true);
}
