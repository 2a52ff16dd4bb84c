/** The SSE and x87 instructions: their operands, from the tables of forms. */

import * as ops from './cpu/sse-ops.js';
import * as uop from './cpu/uops.js';
import { OPERAND_MEMORY } from './decoder.js';
import type { Handler } from './decoder-integer.js';
import { mmxHandler } from './decoder-mmx.js';
import type { SseForm } from './decoder-sse.js';
import { MEMORY_WRITE, SSE_FORMS, XSAVE_AREA } from './decoder-sse.js';
import type { X87Form } from './decoder-x87.js';
import { X87_FORMS } from './decoder-x87.js';
import type { UopWriter } from './uop-writer.js';

/** Flags change only in the compares and tests, which leave them exact: nothing is known of them then. */
function keepsFlags(code: string): boolean {
  return !/^(Com|Ucom|Fcomi|Fucomi|Ptest|Pcmp[ei]str)/.test(code);
}

function quickMove(code: string, form: SseForm, isStore: boolean): number | undefined {
  if (form.memoryOp === ops.SSE_MOVE_16 && form.bytes === 16) {
    if (form.aligned) return isStore ? uop.OP_MOVAPS_MR : uop.OP_MOVAPS_RM;
    return isStore ? uop.OP_MOVUPS_MR : uop.OP_MOVUPS_RM;
  }
  if (/^(Movsd|Movq)_xmm_xmmm64$/.test(code)) return uop.OP_MOVSD_RM;
  if (/^(Movsd|Movq)_xmmm64_xmm$/.test(code)) return uop.OP_MOVSD_MR;
  if (code === 'Movss_xmm_xmmm32') return uop.OP_MOVSS_RM;
  if (code === 'Movss_xmmm32_xmm') return uop.OP_MOVSS_MR;
  return undefined;
}

/** Operations with a place in the main loop, between registers; scalar arithmetic also from memory, numbered next. */
const QUICK: ReadonlyMap<number, number> = new Map([
  [ops.SSE_XOR, uop.OP_SSE_XOR],
  [ops.SSE_AND, uop.OP_SSE_AND],
  [ops.SSE_OR, uop.OP_SSE_OR],
  [ops.SSE_PADDD, uop.OP_PADDD],
  [ops.SSE_PADDQ, uop.OP_PADDQ],
  [ops.SSE_PSUBD, uop.OP_PSUBD],
  [ops.SSE_PSUBQ, uop.OP_PSUBQ],
]);
const QUICK_SCALAR: ReadonlyMap<number, number> = new Map([
  [ops.SSE_ADD + ops.SSE_FORM_SD, uop.OP_ADDSD_RR],
  [ops.SSE_ADD + ops.SSE_FORM_SS, uop.OP_ADDSS_RR],
  [ops.SSE_SUB + ops.SSE_FORM_SD, uop.OP_SUBSD_RR],
  [ops.SSE_SUB + ops.SSE_FORM_SS, uop.OP_SUBSS_RR],
  [ops.SSE_MUL + ops.SSE_FORM_SD, uop.OP_MULSD_RR],
  [ops.SSE_MUL + ops.SSE_FORM_SS, uop.OP_MULSS_RR],
  [ops.SSE_DIV + ops.SSE_FORM_SD, uop.OP_DIVSD_RR],
  [ops.SSE_DIV + ops.SSE_FORM_SS, uop.OP_DIVSS_RR],
]);

function registerOperation(op: number): number {
  return QUICK.get(op) ?? QUICK_SCALAR.get(op) ?? uop.OP_SSE_RR;
}

function memoryOperation(op: number): number {
  const quick = QUICK_SCALAR.get(op);
  return quick === undefined ? uop.OP_SSE_M : quick + 1;
}

function sseHandler(code: string, form: SseForm): Handler {
  return (writer) => {
    const { decoded } = writer;
    const [first, second] = decoded.operands;
    const isFirst = first.kind === OPERAND_MEMORY;
    const isMemory = isFirst || (decoded.operandCount > 1 && second.kind === OPERAND_MEMORY);
    const fields = { dst: first.slot, src: decoded.operandCount > 1 ? second.slot : first.slot };
    const quick = quickMove(code, form, isFirst);
    if (isMemory && quick !== undefined) writer.withMemory(quick, { ...fields, accesses: 1 });
    else if (isMemory) writeMemoryForm(writer, form, isFirst, fields);
    else if (form.op === ops.SSE_MOVE_16) writer.plain(uop.OP_MOVAPS_RR, fields);
    else writeRegisterForm(writer, form, fields);
    if (keepsFlags(code)) writer.flagsAfter = writer.flagsBefore;
  };
}

/** The third argument: the immediate byte, or the place of the mask register. */
function immediateOf(writer: UopWriter, form: SseForm): number {
  const { operands, immediate } = writer.decoded;
  return form.mask ? operands[2]!.slot : immediate & 0xff;
}

function writeRegisterForm(writer: UopWriter, form: SseForm, fields: { dst: number; src: number }): void {
  const immediateHigh = immediateOf(writer, form);
  writer.plain(registerOperation(form.op), { ...fields, immediate: form.op, immediateHigh });
}

function writeMemoryForm(
  writer: UopWriter,
  form: SseForm,
  isFirst: boolean,
  fields: { dst: number; src: number },
): void {
  let sub = form.access & MEMORY_WRITE ? uop.OPERAND_WRITTEN : 0;
  if (isFirst) sub |= uop.OPERAND_FIRST;
  if (form.aligned) sub |= uop.OPERAND_ALIGNED;
  if (form.bytes === XSAVE_AREA) sub |= uop.OPERAND_ALIGNED_64;
  const immediate = form.memoryOp | (form.bytes << 16);
  const immediateHigh = immediateOf(writer, form);
  writer.withMemory(memoryOperation(form.memoryOp), {
    ...fields,
    sub,
    immediate,
    immediateHigh,
    accesses: 1,
  });
}

function x87Handler(code: string, form: X87Form): Handler {
  return (writer) => {
    const { operands, x87Opcode } = writer.decoded;
    const register = form.stackOperand < 0 ? 0 : operands[form.stackOperand]!.number;
    let sub = form.access === MEMORY_WRITE ? uop.OPERAND_WRITTEN : 0;
    if (form.ax) sub |= uop.OPERAND_AX;
    const fields = {
      sub,
      immediate: form.op | (form.bytes << 16),
      immediateHigh: register | (x87Opcode << 16),
    };
    if (form.bytes > 0) writer.withMemory(uop.OP_X87, { ...fields, accesses: 1 });
    else writer.plain(uop.OP_X87, fields);
    if (keepsFlags(code)) writer.flagsAfter = writer.flagsBefore;
  };
}

/** How an SSE, MMX or x87 form is written; undefined when it is none of them. */
export function vectorHandler(code: string): Handler | undefined {
  const sse = SSE_FORMS.get(code);
  if (sse) return sseHandler(code, sse);
  const x87 = X87_FORMS.get(code);
  return x87 ? x87Handler(code, x87) : mmxHandler(code);
}
