/** Jumps, calls, returns and loops: how each form becomes micro-operations. Source: Intel SDM volume 2. */
import * as uop from './cpu/uops.js';
import { OPERAND_MEMORY, OPERAND_REGISTER } from './decoder.js';
import type { Handler } from './decoder-integer.js';
import type { UopWriter } from './uop-writer.js';
import { FLAGS_FROM_ADD, FLAGS_FROM_RESULT, FLAGS_FROM_SUB } from './uop-writer.js';

/** Conditions by their code, as iced names them. */
export const CONDITIONS = 'o no b ae e ne be a s ns p np l ge le g'.split(' ');

/** A conditional jump: after a comparison, a sum or a result in the same block the condition is a few operations. */
function conditionalJump(code: number): Handler {
  return (writer) => {
    const isZero = code >> 1 === 2;
    let op: number = uop.OP_JCC;
    if (writer.flagsBefore === FLAGS_FROM_SUB) op = uop.OP_JCC_SUB + code;
    else if (isZero && writer.flagsBefore === FLAGS_FROM_ADD) op = uop.OP_JZ_ADD + (code & 1);
    else if (isZero && writer.flagsBefore === FLAGS_FROM_RESULT) op = uop.OP_JZ_RESULT + (code & 1);
    writer.branch(op, { sub: code });
  };
}

function jump(writer: UopWriter): void {
  const operand = writer.decoded.operands[0];
  if (operand.kind === OPERAND_MEMORY) writer.withMemory(uop.OP_JMP_M, { accesses: 1 });
  else if (operand.kind === OPERAND_REGISTER) writer.plain(uop.OP_JMP_R, { dst: operand.slot });
  else writer.branch(uop.OP_JMP);
  writer.ended = true;
}

function call(writer: UopWriter): void {
  const operand = writer.decoded.operands[0];
  if (operand.kind === OPERAND_MEMORY) writer.withMemory(uop.OP_CALL_M, { accesses: 2 });
  else if (operand.kind === OPERAND_REGISTER) writer.plain(uop.OP_CALL_R, { dst: operand.slot, accesses: 1 });
  else writer.branch(uop.OP_CALL, { accesses: 1 });
  writer.ended = true;
}

function ret(writer: UopWriter): void {
  const hasImmediate = writer.decoded.operandCount > 0;
  const bytes = writer.decoded.immediate & 0xffff;
  if (hasImmediate) writer.plain(uop.OP_RET_I, { immediate: bytes, accesses: 1 });
  else writer.plain(uop.OP_RET, { accesses: 1 });
  writer.ended = true;
}

/** Far transfers and IRET, with the width of an offset in bytes. */
function far(sub: number, width: number): Handler {
  return (writer) => {
    const { decoded } = writer;
    if (sub === uop.FAR_RETURN || sub === uop.FAR_INTERRUPT_RETURN) {
      writer.plain(uop.OP_FAR, {
        sub,
        width,
        immediate: decoded.operandCount > 0 ? decoded.immediate & 0xffff : 0,
      });
    } else writer.withMemory(uop.OP_FAR, { sub, width });
    writer.ended = true;
  };
}

function loop(sub: number): Handler {
  return (writer) => {
    const width = /ECX$|^Jecxz/.test(writer.decoded.code) ? 4 : 8;
    writer.branch(uop.OP_LOOP, { sub, width });
  };
}

const HANDLERS = new Map<string, Handler>([
  ['Jmp', jump],
  ['Call', call],
  ['Retnq', ret],
  ['Loopne', loop(uop.LOOP_NE)],
  ['Loope', loop(uop.LOOP_E)],
  ['Loop', loop(uop.LOOP_ALWAYS)],
  ['Jrcxz', loop(uop.LOOP_ZERO)],
  ['Jecxz', loop(uop.LOOP_ZERO)],
]);
for (const [code, name] of CONDITIONS.entries()) HANDLERS.set(`J${name}`, conditionalJump(code));
for (const [letter, width] of [
  ['w', 2],
  ['d', 4],
  ['q', 8],
] as const) {
  HANDLERS.set(`Retf${letter}`, far(uop.FAR_RETURN, width));
  HANDLERS.set(`Iret${letter}`, far(uop.FAR_INTERRUPT_RETURN, width));
}

/** How a transfer is written; undefined when the name is of none. A far pointer in memory makes it a far one. */
export function transferHandler(name: string, operand: string | undefined): Handler | undefined {
  const pointer = /^m16(16|32|64)$/.exec(operand ?? '');
  if (!pointer) return HANDLERS.get(name);
  if (name !== 'Call' && name !== 'Jmp') return undefined;
  return far(name === 'Call' ? uop.FAR_CALL : uop.FAR_JUMP, Number(pointer[1]) / 8);
}
