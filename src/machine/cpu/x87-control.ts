// x87 control: the control, status and tag words and the saved environments.
// Source: Intel SDM volume 1, 8.1.8 to 8.1.10 (layouts of the environment); volume 2 (the pages of the
// instructions).

import * as at from './layout';
import { TOP_BIT } from './softfloat';
import * as ops from './x87-ops';
import {
  copyRegister,
  pop,
  registerOf,
  rotate,
  setC1,
  setEmpty,
  setStatusWord,
  status,
  summarize,
} from './x87-stack';

const EXCEPTION_MASKS: u32 = 0x3f;
/** Control word bits that exist; bit 6 always reads as one. */
const CONTROL_BITS: u32 = 0x1f3f;
const CONTROL_ONE: u32 = 0x40;

/**
 * Runs a control operation; `memory` is the scratch copy of its memory operand or, for FNSTSW AX, the slot
 * of RAX.
 */
export function controlOperation(op: u32, memory: usize, i: u32): void {
  switch (op) {
    case ops.X87_WAIT:
    case ops.X87_NOP:
    case ops.X87_NNOP:
      return;
    case ops.X87_FREE:
      setEmpty(i);
      setC1(0);
      return;
    case ops.X87_FREEP:
      setEmpty(i);
      pop();
      setC1(0);
      return;
    case ops.X87_INCSTP:
      rotate(1);
      setC1(0);
      return;
    case ops.X87_DECSTP:
      rotate(7);
      setC1(0);
      return;
    case ops.X87_LDCW:
      setControl(load<u16>(memory));
      summarize();
      return;
    case ops.X87_LDENV_14:
      loadEnvironment16(memory);
      return;
    case ops.X87_LDENV_28:
      loadEnvironment32(memory);
      return;
    case ops.X87_RSTOR_94:
      loadEnvironment16(memory);
      loadRegisters(memory + 14);
      return;
    case ops.X87_RSTOR_108:
      loadEnvironment32(memory);
      loadRegisters(memory + 28);
      return;
    case ops.X87_NINIT:
      initialize();
      return;
    case ops.X87_NCLEX:
      setStatusWord(status() & 0x7f00);
      return;
    case ops.X87_NSTCW:
      store<u16>(memory, load<u16>(at.FPU_CONTROL));
      return;
    case ops.X87_NSTSW:
      store<u16>(memory, load<u16>(at.FPU_STATUS));
      return;
    case ops.X87_NSTENV_14:
      storeEnvironment16(memory);
      maskAll();
      return;
    case ops.X87_NSTENV_28:
      storeEnvironment32(memory);
      maskAll();
      return;
    case ops.X87_NSAVE_94:
      storeEnvironment16(memory);
      storeRegisters(memory + 14);
      initialize();
      return;
    case ops.X87_NSAVE_108:
      storeEnvironment32(memory);
      storeRegisters(memory + 28);
      initialize();
  }
}

function setControl(value: u32): void {
  store<u32>(at.FPU_CONTROL, (value & CONTROL_BITS) | CONTROL_ONE);
}

/** FNINIT: all exceptions masked, rounding to nearest, 64-bit precision, all registers empty. */
function initialize(): void {
  store<u32>(at.FPU_CONTROL, 0x37f);
  store<u32>(at.FPU_STATUS, 0);
  store<u32>(at.FPU_TAG, 0xffff);
  store<u32>(at.FPU_OPCODE, 0);
  store<u64>(at.FPU_IP, 0);
  store<u64>(at.FPU_DP, 0);
}

function maskAll(): void {
  setControl(load<u32>(at.FPU_CONTROL) | EXCEPTION_MASKS);
  summarize();
}

/** Two bits for each physical register: valid 0, zero 1, special 2, empty 3. */
function tagWord(): u32 {
  const tags = load<u32>(at.FPU_TAG);
  let word: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const tag = (tags >> (i << 1)) & 3;
    word |= (tag == 3 ? tag : contentTag(i)) << (i << 1);
  }
  return word;
}

/** The tag for what a physical register holds: valid 0, zero 1, special 2. */
function contentTag(register: u32): u32 {
  const address = <usize>(at.FPU_REGISTERS + (register << 4));
  const significand = load<u64>(address);
  const exp: u32 = load<u16>(address, 8) & 0x7fff;
  if (exp == 0 && significand == 0) return 1;
  return exp == 0 || exp == 0x7fff || significand < TOP_BIT ? 2 : 0;
}

/** Keeps only whether each register is empty. */
function setTags(word: u32): void {
  const empty = word & (word >> 1) & 0x5555;
  store<u32>(at.FPU_TAG, empty * 3);
}

function setWords(controlWord: u32, statusWord: u32, tags: u32): void {
  setControl(controlWord);
  setStatusWord(statusWord);
  summarize();
  setTags(tags);
}

/** CS of the last instruction: user mode's, 0 when there was none. */
function codeSelector(): u32 {
  return load<u64>(at.FPU_IP) ? 0x33 : 0;
}

/** The 28-byte form of protected mode; unused halves of words are ones, of the selectors that of the code counts. */
function storeEnvironment32(memory: usize): void {
  store<u32>(memory, 0xffff0000 | load<u16>(at.FPU_CONTROL));
  store<u32>(memory, 0xffff0000 | load<u16>(at.FPU_STATUS), 4);
  store<u32>(memory, 0xffff0000 | tagWord(), 8);
  store<u32>(memory, load<u32>(at.FPU_IP), 12);
  store<u32>(memory, (load<u32>(at.FPU_OPCODE) << 16) | codeSelector(), 16);
  store<u32>(memory, load<u32>(at.FPU_DP), 20);
  store<u32>(memory, 0xffff0000, 24);
}

function loadEnvironment32(memory: usize): void {
  setWords(load<u16>(memory), load<u16>(memory, 4), load<u16>(memory, 8));
  store<u64>(at.FPU_IP, load<u32>(memory, 12));
  store<u32>(at.FPU_OPCODE, (load<u32>(memory, 16) >> 16) & 0x7ff);
  store<u64>(at.FPU_DP, load<u32>(memory, 20));
}

/** The 14-byte form, with the lower 16 bits of the pointers. */
function storeEnvironment16(memory: usize): void {
  store<u16>(memory, load<u16>(at.FPU_CONTROL));
  store<u16>(memory, load<u16>(at.FPU_STATUS), 2);
  store<u16>(memory, <u16>tagWord(), 4);
  store<u16>(memory, load<u16>(at.FPU_IP), 6);
  store<u16>(memory, <u16>codeSelector(), 8);
  store<u16>(memory, load<u16>(at.FPU_DP), 10);
  store<u16>(memory, 0, 12);
}

function loadEnvironment16(memory: usize): void {
  setWords(load<u16>(memory), load<u16>(memory, 2), load<u16>(memory, 4));
  store<u64>(at.FPU_IP, load<u16>(memory, 6));
  store<u64>(at.FPU_DP, load<u16>(memory, 10));
}

/** The eight registers in stack order, 10 bytes each. */
function storeRegisters(memory: usize): void {
  for (let i: u32 = 0; i < 8; i++) {
    const from = registerOf(i);
    const to = memory + <usize>(i * 10);
    store<u64>(to, load<u64>(from));
    store<u16>(to, load<u16>(from, 8), 8);
  }
}

function loadRegisters(memory: usize): void {
  for (let i: u32 = 0; i < 8; i++) copyRegister(memory + <usize>(i * 10), registerOf(i));
}
