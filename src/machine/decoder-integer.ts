/**
 * The general-purpose instructions: how each form becomes micro-operations. Keyed by the name before the first underscore of
 * iced's form names. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
import { GPR, ZERO } from './cpu/layout.js';
import * as uop from './cpu/uops.js';
import { OPERAND_IMMEDIATE, OPERAND_MEMORY, OPERAND_REGISTER } from './decoder.js';
import { CONDITIONS, transferHandler } from './decoder-transfer.js';
import type { UopFields, UopWriter } from './uop-writer.js';
import { FLAGS_FROM_ADD, FLAGS_FROM_RESULT, FLAGS_FROM_SUB, FLAGS_UNKNOWN } from './uop-writer.js';

/** Writes one instruction. `width` is that of its first operand in bytes, from the form's name. */
export type Handler = (writer: UopWriter, width: number) => void;

const RCX = GPR + 8;

/** Instructions that leave the flags alone keep what is known of them. */
function keepFlags(writer: UopWriter): void {
  writer.flagsAfter = writer.flagsBefore;
}

function immediate(writer: UopWriter): UopFields {
  const { immediate, immediateHigh } = writer.decoded;
  return { immediate, immediateHigh };
}

/** The form (RR, RI, RM, MR, MI) of the first two operands. */
function formOf(writer: UopWriter): number {
  const [first, second] = writer.decoded.operands;
  if (first.kind === OPERAND_MEMORY) return second.kind === OPERAND_IMMEDIATE ? uop.MI : uop.MR;
  if (second.kind === OPERAND_MEMORY) return uop.RM;
  return second.kind === OPERAND_IMMEDIATE ? uop.RI : uop.RR;
}

/** An operation that exists in the five forms, numbered by form. */
function inForm(writer: UopWriter, form: number, op: number, sub: number): void {
  const { operands, immediate, immediateHigh } = writer.decoded;
  const dst = operands[0].slot;
  const src = operands[1].slot;
  if (form <= uop.RI) writer.plain(op, { dst, src, sub, immediate, immediateHigh });
  else writer.withMemory(op, { dst, src, sub, immediate, immediateHigh, accesses: 1 });
}

function arithmetic(kind: number): Handler {
  const known =
    kind === uop.ALU_ADD
      ? FLAGS_FROM_ADD
      : kind === uop.ALU_ADC || kind === uop.ALU_SBB
        ? FLAGS_FROM_RESULT
        : FLAGS_FROM_SUB;
  return (writer, width) => {
    const form = formOf(writer);
    let op = (width === 1 ? uop.OP_ALU8 : uop.OP_ALU16) + form;
    if (width === 8) op = uop.OP_ALU64 + kind * uop.FORMS + form;
    else if (width === 4) op = uop.OP_ALU32 + kind * uop.FORMS + form;
    else if (width === 1 && kind === uop.ALU_CMP) op = uop.OP_CMP8 + form;
    else if (width === 1 && kind === uop.ALU_TEST) op = uop.OP_TEST8 + form;
    inForm(writer, form, op, kind);
    writer.flagsAfter = known;
  };
}

function move(writer: UopWriter, width: number): void {
  const [first, second] = writer.decoded.operands;
  const form = formOf(writer);
  const bytes = first.kind === OPERAND_REGISTER ? first.size : second.size || width;
  inForm(writer, form, uop.OP_MOV + form * 4 + Math.log2(bytes), 0);
  keepFlags(writer);
}

/** MOV from a segment register: its selector; to memory 16 bits. */
function moveFromSegment(writer: UopWriter): void {
  const [first, second] = writer.decoded.operands;
  const selector = [0x2b, 0x33, 0x2b, 0x2b, 0x53, 0x2b][second.number]!;
  const isMemory = first.kind === OPERAND_MEMORY;
  rm(writer, 0, uop.OP_MOV_SEGMENT, { width: isMemory ? 2 : first.size, immediate: selector });
}

/** An operation outside the main loop on operand `n`, a register (in DST) or memory. */
function rm(writer: UopWriter, n: number, op: number, fields: UopFields): void {
  const operand = writer.decoded.operands[n]!;
  if (operand.kind === OPERAND_MEMORY) writer.withMemory(op, fields);
  else writer.plain(op, { dst: operand.slot, ...fields });
}

/** An operation on a register (DST) from operand 1, a register (SRC) or memory. */
function fromRm(writer: UopWriter, op: number, fields: UopFields): void {
  const [first, second] = writer.decoded.operands;
  if (second.kind === OPERAND_MEMORY) writer.withMemory(op, { dst: first.slot, ...fields });
  else writer.plain(op, { dst: first.slot, src: second.slot, ...fields });
}

function isMemory(writer: UopWriter, n: number): boolean {
  return writer.decoded.operands[n]!.kind === OPERAND_MEMORY;
}

/** MOVZX, MOVSX, MOVSXD: the source's width stands at the end of the form's name. */
function extend(signed: boolean): Handler {
  return (writer, width) => {
    const from = Number(/(\d+)$/.exec(writer.decoded.code)![1]) / 8;
    const memory = isMemory(writer, 1);
    keepFlags(writer);
    if (from === width) {
      inForm(writer, formOf(writer), uop.OP_MOV + (memory ? uop.RM : uop.RR) * 4 + Math.log2(width), 0);
      return;
    }
    if (width === 2) return fromRm(writer, uop.OP_EXTEND16, { sub: signed ? 1 : 0, width: 1 });
    let op = (memory ? uop.OP_MOVZX_M8 : uop.OP_MOVZX_R8) + (from >> 1);
    if (signed && width === 4) op = (memory ? uop.OP_MOVSX32_M8 : uop.OP_MOVSX32_R8) + (from >> 1);
    else if (signed) op = (memory ? uop.OP_MOVSX64_M8 : uop.OP_MOVSX64_R8) + (from >> 1);
    fromRm(writer, op, { accesses: memory ? 1 : 0 });
  };
}

/** LEA takes no part of the segment. */
function loadAddress(writer: UopWriter, width: number): void {
  writer.decoded.segment = ZERO;
  const op = width === 8 ? uop.OP_LEA64 : width === 4 ? uop.OP_LEA32 : uop.OP_LEA16;
  writer.withMemory(op, { dst: writer.decoded.operands[0].slot });
  keepFlags(writer);
}

function push(writer: UopWriter, width: number): void {
  const operand = writer.decoded.operands[0];
  keepFlags(writer);
  if (operand.kind === OPERAND_IMMEDIATE) {
    const isWide = writer.decoded.code.startsWith('Pushq');
    if (isWide) writer.plain(uop.OP_PUSH_I, { ...immediate(writer), accesses: 1 });
    else writer.plain(uop.OP_PUSH_I16, { ...immediate(writer), width: 2 });
  } else if (width === 2) rm(writer, 0, uop.OP_PUSH16, { width: 2 });
  else if (operand.kind === OPERAND_MEMORY) writer.withMemory(uop.OP_PUSH_M, { accesses: 2 });
  else writer.plain(uop.OP_PUSH_R, { dst: operand.slot, accesses: 1 });
}

function pop(writer: UopWriter, width: number): void {
  const operand = writer.decoded.operands[0];
  keepFlags(writer);
  if (operand.kind === OPERAND_MEMORY) writer.withMemory(uop.OP_POP_M, { width });
  else if (width === 2) writer.plain(uop.OP_POP16, { dst: operand.slot, width });
  else writer.plain(uop.OP_POP_R, { dst: operand.slot, accesses: 1 });
}

/** PUSH FS, PUSH GS (the others do not exist in 64-bit mode); POP of them is left undefined. */
function pushSegment(writer: UopWriter, width: number): void {
  const selector = writer.decoded.operands[0].number === 4 ? 0x53 : 0x2b;
  if (width === 2) writer.plain(uop.OP_PUSH_I16, { immediate: selector, width });
  else writer.plain(uop.OP_PUSH_I, { immediate: selector, accesses: 1 });
  keepFlags(writer);
}

function unary(kind: number, ops: readonly [number, number]): Handler {
  return (writer, width) => {
    if (!isMemory(writer, 0) && width >= 4) {
      writer.plain(ops[width === 8 ? 1 : 0], { dst: writer.decoded.operands[0].slot });
    } else rm(writer, 0, uop.OP_UNARY, { sub: kind, width });
    if (kind === uop.UNARY_NOT) keepFlags(writer);
    else writer.flagsAfter = kind === uop.UNARY_NEG ? FLAGS_FROM_SUB : FLAGS_FROM_RESULT;
  };
}

/** Shifts and rotations by one, an immediate or CL; `quick` is the first of the main loop's four (immediate and CL, 32 and 64 bits). */
function shift(kind: number, quick: { immediate: number; count: number } | undefined): Handler {
  return (writer, width) => {
    const isByCount = writer.decoded.operands[1].kind === OPERAND_REGISTER;
    const count = writer.decoded.immediate;
    if (quick && width >= 4 && !isMemory(writer, 0)) {
      const op = (isByCount ? quick.count : quick.immediate) + (width === 8 ? 1 : 0);
      writer.plain(op, { dst: writer.decoded.operands[0].slot, immediate: count });
      const isSure = !isByCount && (count & (width === 8 ? 63 : 31)) !== 0;
      writer.flagsAfter = isSure ? FLAGS_FROM_RESULT : FLAGS_UNKNOWN;
    } else rm(writer, 0, uop.OP_SHIFT, { sub: kind, width, src: isByCount ? RCX : 0, immediate: count });
  };
}

/** SHLD and SHRD: a negative immediate stands for CL. */
function shiftDouble(sub: number): Handler {
  return (writer, width) => {
    const { decoded } = writer;
    const count = decoded.operands[2].kind === OPERAND_IMMEDIATE ? decoded.immediate & 0xff : -1;
    rm(writer, 0, uop.OP_SHIFT_DOUBLE, { sub, width, src: decoded.operands[1].slot, immediate: count });
  };
}

function onRm(op: number, sub = 0): Handler {
  return (writer, width) => rm(writer, 0, op, { width, sub });
}

function signedMultiply(writer: UopWriter, width: number): void {
  const { decoded } = writer;
  if (decoded.operandCount === 1) {
    rm(writer, 0, uop.OP_IMUL1, { width });
    return;
  }
  const hasImmediate = decoded.operandCount === 3;
  const memory = isMemory(writer, 1);
  const [first, second] = decoded.operands;
  if (width === 2) {
    fromRm(writer, uop.OP_IMUL16, { width, sub: hasImmediate ? 1 : 0, ...immediate(writer) });
  } else if (hasImmediate && memory) {
    // Loads first, then multiplies the register: the load cannot fail after a change.
    writer.withMemory(uop.OP_MOV + uop.RM * 4 + Math.log2(width), { dst: first.slot, accesses: 1 });
    writer.plain(width === 8 ? uop.OP_IMUL64_RRI : uop.OP_IMUL32_RRI, {
      dst: first.slot,
      src: first.slot,
      ...immediate(writer),
    });
  } else if (hasImmediate) {
    writer.plain(width === 8 ? uop.OP_IMUL64_RRI : uop.OP_IMUL32_RRI, {
      dst: first.slot,
      src: second.slot,
      ...immediate(writer),
    });
  } else {
    const op = memory ? uop.OP_IMUL32_RM : uop.OP_IMUL32_RR;
    fromRm(writer, op + (width === 8 ? 1 : 0), { accesses: memory ? 1 : 0 });
  }
}

function bitTest(sub: number): Handler {
  return (writer, width) => {
    const index = writer.decoded.operands[1];
    const given =
      index.kind === OPERAND_REGISTER ? { src: index.slot } : { immediate: writer.decoded.immediate & 0xff };
    rm(writer, 0, uop.OP_BIT, { sub, width, ...given });
  };
}

function scan(op: number): Handler {
  return (writer, width) => fromRm(writer, op, { width });
}

/** XCHG, XADD, CMPXCHG: operand 0 a register or memory, operand 1 a register. */
function exchange(op: number): Handler {
  return (writer, width) => {
    rm(writer, 0, op, { width, src: writer.decoded.operands[1].slot });
    if (op === uop.OP_XCHG) keepFlags(writer);
  };
}

function conditionalMove(code: number): Handler {
  return (writer, width) => {
    const quick = width >= 4 && !isMemory(writer, 1);
    fromRm(writer, quick ? (width === 8 ? uop.OP_CMOV64 : uop.OP_CMOV32) : uop.OP_CMOV, { sub: code, width });
    keepFlags(writer);
  };
}

function setByte(code: number): Handler {
  return (writer) => {
    rm(writer, 0, isMemory(writer, 0) ? uop.OP_SETCC_M : uop.OP_SETCC, { sub: code });
    keepFlags(writer);
  };
}

function string(kind: number, width: number, comparing: boolean): Handler {
  return (writer) => {
    const { decoded } = writer;
    let sub = kind;
    if (decoded.hasRep || decoded.hasRepne) sub |= uop.STRING_REPEAT;
    if (comparing && decoded.hasRepne) sub |= uop.STRING_UNTIL_EQUAL;
    if (decoded.addressSize === 4) sub |= uop.STRING_NARROW;
    writer.plain(uop.OP_STRING, { sub, width });
    writer.baseOfLast(decoded.segment);
    if (!comparing) keepFlags(writer);
  };
}

function plain(op: number, fields: UopFields = {}): Handler {
  return (writer) => {
    writer.plain(op, fields);
    keepFlags(writer);
  };
}

/** As `plain`, for what changes flags. */
function setting(op: number, fields: UopFields = {}): Handler {
  return (writer) => writer.plain(op, fields);
}

/** Ends the block: what follows is not simply the next instruction. */
function ending(op: number, fields: UopFields = {}): Handler {
  return (writer) => {
    writer.plain(op, fields);
    writer.ended = true;
  };
}

/** Vectors whose gates user mode may use: breakpoint, overflow, and Windows's fast fail, assertion and debug service. */
const USER_GATES = [3, 4, 0x29, 0x2c, 0x2d];

function interrupt(writer: UopWriter): void {
  const vector = writer.decoded.immediate & 0xff;
  if (USER_GATES.includes(vector)) writer.plain(uop.OP_TRAP, { immediate: vector });
  else writer.plain(uop.OP_FAULT, { immediate: 13 });
  writer.ended = true;
}

function translateByte(writer: UopWriter): void {
  const { decoded } = writer;
  decoded.index = ZERO;
  writer.withMemory(uop.OP_XLAT);
  keepFlags(writer);
}

function enter(writer: UopWriter, width: number): void {
  const { decoded } = writer;
  const nesting = decoded.secondImmediate & 31;
  writer.plain(uop.OP_ENTER, { width, immediate: (decoded.immediate & 0xffff) | (nesting << 16) });
  keepFlags(writer);
}

const HANDLERS = new Map<string, Handler>();

function put(names: string, handler: Handler): void {
  for (const name of names.split(' ')) HANDLERS.set(name, handler);
}

for (const [code, name] of CONDITIONS.entries()) {
  put(`Set${name}`, setByte(code));
  put(`Cmov${name}`, conditionalMove(code));
}
for (const [kind, name] of ['Add', 'Or', 'Adc', 'Sbb', 'And', 'Sub', 'Xor', 'Cmp', 'Test'].entries()) {
  put(name, arithmetic(kind));
}
for (const [kind, name] of ['Bt', 'Bts', 'Btr', 'Btc'].entries()) put(name, bitTest(kind));
for (const [kind, name] of ['Rol', 'Ror', 'Rcl', 'Rcr'].entries()) put(name, shift(kind, undefined));
put('Shl Sal', shift(4, { immediate: uop.OP_SHL32_I, count: uop.OP_SHL32_C }));
put('Shr', shift(5, { immediate: uop.OP_SHR32_I, count: uop.OP_SHR32_C }));
put('Sar', shift(7, { immediate: uop.OP_SAR32_I, count: uop.OP_SAR32_C }));
put('Shld', shiftDouble(0));
put('Shrd', shiftDouble(1));
put('Inc', unary(uop.UNARY_INC, [uop.OP_INC32, uop.OP_INC64]));
put('Dec', unary(uop.UNARY_DEC, [uop.OP_DEC32, uop.OP_DEC64]));
put('Neg', unary(uop.UNARY_NEG, [uop.OP_NEG32, uop.OP_NEG64]));
put('Not', unary(uop.UNARY_NOT, [uop.OP_NOT32, uop.OP_NOT64]));
put('Mul', onRm(uop.OP_MUL));
put('Div', onRm(uop.OP_DIV));
put('Idiv', onRm(uop.OP_IDIV));
put('Imul', signedMultiply);
put('Bsf', scan(uop.OP_BSF));
put('Bsr', scan(uop.OP_BSR));
put('Xchg', exchange(uop.OP_XCHG));
put('Xadd', exchange(uop.OP_XADD));
put('Cmpxchg', exchange(uop.OP_CMPXCHG));
put('Cmpxchg8b', onRm(uop.OP_CMPXCHG8B));
put('Cmpxchg16b', onRm(uop.OP_CMPXCHG16B));
put('Bswap', (writer, width) => {
  writer.plain(uop.OP_BSWAP, { dst: writer.decoded.operands[0].slot, width });
  keepFlags(writer);
});

put('Mov', move);
put('Movzx', extend(false));
put('Movsx Movsxd', extend(true));
put('Lea', loadAddress);
put('Push Pushq Pushw', push);
put('Pop', pop);
put('Leaveq', plain(uop.OP_LEAVE, { accesses: 1 }));
put('Leavew', plain(uop.OP_LEAVE16));
put('Enterq', (writer) => enter(writer, 8));
put('Enterw', (writer) => enter(writer, 2));
put('Pushfq', plain(uop.OP_PUSHF, { width: 8 }));
put('Pushfw', plain(uop.OP_PUSHF, { width: 2 }));
put('Popfq', setting(uop.OP_POPF, { width: 8 }));
put('Popfw', setting(uop.OP_POPF, { width: 2 }));
put('Xlat', translateByte);

put('Cbw', plain(uop.OP_CBW));
put('Cwde', plain(uop.OP_CWDE));
put('Cdqe', plain(uop.OP_CDQE));
put('Cwd', plain(uop.OP_CWD));
put('Cdq', plain(uop.OP_CDQ));
put('Cqo', plain(uop.OP_CQO));
put('Lahf', plain(uop.OP_LAHF));
put('Sahf', setting(uop.OP_SAHF));
put('Clc', setting(uop.OP_FLAG, { sub: uop.FLAG_CLC }));
put('Stc', setting(uop.OP_FLAG, { sub: uop.FLAG_STC }));
put('Cmc', setting(uop.OP_FLAG, { sub: uop.FLAG_CMC }));
put('Cld', plain(uop.OP_FLAG, { sub: uop.FLAG_CLD }));
put('Std', plain(uop.OP_FLAG, { sub: uop.FLAG_STD }));

const STRINGS = ['Movs', 'Stos', 'Lods', 'Scas', 'Cmps'];
for (const [kind, name] of STRINGS.entries()) {
  for (const [log, letter] of ['b', 'w', 'd', 'q'].entries()) {
    put(name + letter, string(kind, 1 << log, kind >= uop.STRING_SCAS));
  }
}

put('Cpuid', plain(uop.OP_CPUID));
put('Xgetbv', plain(uop.OP_XGETBV));
put('Rdtsc', plain(uop.OP_RDTSC));
put('Rdtscp', plain(uop.OP_RDTSC, { sub: 1 }));
put('Syscall', ending(uop.OP_SYSCALL));
put('Int1', ending(uop.OP_TRAP, { immediate: 1 }));
put('Int3', ending(uop.OP_TRAP, { immediate: 3 }));
put('Int', interrupt);
put(
  'Nop Nopw Nopd Nopq Pause Endbr64 Endbr32 Rdsspd Rdsspq Lfence Mfence Sfence Cldemote',
  plain(uop.OP_NOP),
);
put('Prefetchnta Prefetcht0 Prefetcht1 Prefetcht2 Prefetch Prefetchw Prefetchwt1', plain(uop.OP_NOP));
// The rest is for the kernel.
const PRIVILEGED =
  'Hlt Cli Sti Clts Invd Wbinvd Wbnoinvd Invlpg Rdmsr Wrmsr Rdpmc Swapgs Sysretd Sysretq Lgdt Lidt Lldt Ltr Lmsw Sgdt Sidt Sldt Str Smsw ' +
  'In Out Insb Insw Insd Outsb Outsw Outsd Xsetbv Sysexitd Sysexitq';
put(PRIVILEGED, ending(uop.OP_FAULT, { immediate: 13 }));

function isPrivilegedMove(operands: readonly string[]): boolean {
  return operands.some((operand) => /^(cr|dr|tr)$/.test(operand));
}

/** The width in bytes that an operand's name tells: "rm32", "imm8", "AL", "RAX". */
function widthOf(operand: string | undefined): number {
  const fixed: Record<string, number> = {
    AL: 1,
    AX: 2,
    EAX: 4,
    RAX: 8,
    moffs8: 1,
    moffs16: 2,
    moffs32: 4,
    moffs64: 8,
  };
  if (operand === undefined) return 0;
  return fixed[operand] ?? Number(/(\d+)$/.exec(operand)?.[1] ?? 0) / 8;
}

/** How a form is written, with its width; undefined when it is none of the general-purpose instructions. */
export function integerHandler(code: string): { handler: Handler; width: number } | undefined {
  const [name, ...operands] = code.split('_') as [string, ...string[]];
  const width = widthOf(operands[0]);
  if (name.startsWith('Reservednop')) return { handler: plain(uop.OP_NOP), width };
  if (name === 'Mov' && isPrivilegedMove(operands)) {
    return { handler: ending(uop.OP_FAULT, { immediate: 13 }), width };
  }
  if (name === 'Mov' && operands[1] === 'Sreg') return { handler: moveFromSegment, width };
  if (name === 'Mov' && operands[0] === 'Sreg')
    return { handler: ending(uop.OP_FAULT, { immediate: 13 }), width };
  if (/^Push[wq]$/.test(name) && /^[FG]S$/.test(operands[0] ?? '')) {
    return { handler: pushSegment, width: name === 'Pushw' ? 2 : 8 };
  }
  const handler = transferHandler(name, operands[0]) ?? HANDLERS.get(name);
  return handler && { handler, width };
}
