// MXCSR, the FXSAVE area and the XSAVE area (without AVX). Source: Intel SDM volume 1, 10.2.3, 10.5.1 and chapter 13;
// volume 2, FXSAVE (tables of the two 64-bit layouts), XSAVE, XRSTOR.

import * as at from './layout';
import * as ops from './sse-ops';
import { controlOperation } from './x87-control';
import { X87_NINIT } from './x87-ops';
import { registerOf, summarize } from './x87-stack';

/** Bits of MXCSR that exist; setting another raises #GP(0). Saved at byte 28 of the area. */
const MXCSR_MASK: u32 = 0xffff;
const VECTOR_GP: u32 = 13;
const EMPTY: u32 = 3;

/** Runs one operation on the scratch copy of its memory operand. Answers 0 or 13. */
export function sseState(op: u32, memory: usize): u32 {
  switch (op) {
    case ops.SSE_LDMXCSR:
      return loadMxcsr(load<u32>(memory));
    case ops.SSE_STMXCSR:
      store<u32>(memory, load<u32>(at.MXCSR));
      return 0;
    case ops.SSE_FXSAVE:
    case ops.SSE_FXSAVE64:
      saveX87(memory, op == ops.SSE_FXSAVE64);
      saveSse(memory);
      return 0;
    case ops.SSE_XSAVE:
    case ops.SSE_XSAVE64:
      return saveExtended(memory, op == ops.SSE_XSAVE64);
    case ops.SSE_XRSTOR:
    case ops.SSE_XRSTOR64:
      return restoreExtended(memory, op == ops.SSE_XRSTOR64);
    default:
      return restore(memory, op == ops.SSE_FXRSTOR64);
  }
}

function loadMxcsr(value: u32): u32 {
  if (value & ~MXCSR_MASK) return VECTOR_GP;
  store<u32>(at.MXCSR, value);
  return 0;
}

/** Writes the x87 part of the area. `wide`: 64-bit instruction and data pointers. */
function saveX87(area: usize, wide: bool): void {
  store<u16>(area, load<u16>(at.FPU_CONTROL));
  store<u16>(area, load<u16>(at.FPU_STATUS), 2);
  store<u16>(area, abridgedTags(load<u32>(at.FPU_TAG)), 4);
  store<u16>(area, load<u16>(at.FPU_OPCODE), 6);
  if (wide) {
    store<u64>(area, load<u64>(at.FPU_IP), 8);
    store<u64>(area, load<u64>(at.FPU_DP), 16);
  } else {
    store<u64>(area, load<u32>(at.FPU_IP), 8);
    store<u64>(area, load<u32>(at.FPU_DP), 16);
  }
  for (let i: u32 = 0; i < 8; i++) {
    const from = registerOf(i);
    const to = area + 32 + <usize>(i << 4);
    store<u64>(to, load<u64>(from));
    store<u64>(to, load<u16>(from, 8), 8);
  }
}

/** The last 96 bytes of the area belong to software. */
function saveSse(area: usize): void {
  store<u32>(area, load<u32>(at.MXCSR), 24);
  store<u32>(area, MXCSR_MASK, 28);
  memory.copy(area + 160, at.XMM, 256);
}

function restore(area: usize, wide: bool): u32 {
  const vector = loadMxcsr(load<u32>(area, 24));
  if (vector) return vector;
  restoreX87(area, wide);
  memory.copy(at.XMM, area + 160, 256);
  return 0;
}

function restoreX87(area: usize, wide: bool): void {
  store<u32>(at.FPU_CONTROL, load<u16>(area) | 0x40);
  store<u32>(at.FPU_STATUS, load<u16>(area, 2));
  summarize();
  store<u32>(at.FPU_OPCODE, load<u16>(area, 6) & 0x7ff);
  store<u64>(at.FPU_IP, wide ? load<u64>(area, 8) : load<u32>(area, 8));
  store<u64>(at.FPU_DP, wide ? load<u64>(area, 16) : load<u32>(area, 16));
  for (let i: u32 = 0; i < 8; i++) {
    const to = registerOf(i);
    const from = area + 32 + <usize>(i << 4);
    store<u64>(to, load<u64>(from));
    store<u64>(to, load<u16>(from, 8), 8);
  }
  store<u32>(at.FPU_TAG, fullTags(load<u8>(area, 4)));
}

/** State components: x87, and SSE; both are enabled in XCR0. */
const X87: u32 = 1;
const SSE: u32 = 2;
/** The header behind the 512 bytes of FXSAVE: a bit for each component that was saved, then the format's bits, which stay zero. */
const HEADER: usize = 512;
const RAX: usize = at.GPR;

/** XSAVE: the components that EDX:EAX asks for. They always count as in use. */
function saveExtended(area: usize, wide: bool): u32 {
  const wanted = load<u32>(RAX) & (X87 | SSE);
  if (wanted & X87) saveX87(area, wide);
  if (wanted & SSE) saveSse(area);
  store<u64>(area + HEADER, load<u64>(area + HEADER) | wanted);
  return 0;
}

/** XRSTOR: of the components that EDX:EAX asks for, those that were saved; the others go to their initial state. */
function restoreExtended(area: usize, wide: bool): u32 {
  const saved = load<u64>(area + HEADER);
  if (saved & ~<u64>(X87 | SSE) || load<u64>(area + HEADER, 8) || load<u64>(area + HEADER, 16)) return VECTOR_GP;
  const wanted = load<u32>(RAX) & (X87 | SSE);
  if (wanted & SSE) {
    const vector = loadMxcsr(load<u32>(area, 24));
    if (vector) return vector;
    if (saved & SSE) memory.copy(at.XMM, area + 160, 256);
    else memory.fill(at.XMM, 0, 256);
  }
  if (!(wanted & X87)) return 0;
  if (saved & X87) restoreX87(area, wide);
  else {
    controlOperation(X87_NINIT, 0, 0);
    memory.fill(at.FPU_REGISTERS, 0, 128);
  }
  return 0;
}

/** One bit for each register that is not empty, from two bits each. */
function abridgedTags(tags: u32): u16 {
  let bits: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    if (((tags >> (i << 1)) & 3) != EMPTY) bits |= 1 << i;
  }
  return <u16>bits;
}

/** Two bits for each physical register: in use 0, empty 3. */
function fullTags(bits: u32): u32 {
  let tags: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    if (!((bits >> i) & 1)) tags |= EMPTY << (i << 1);
  }
  return tags;
}
