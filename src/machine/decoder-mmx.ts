/**
 * The MMX instructions for the decoder: iced-x86's code names, each with the SSE operation that does its work (cpu/sse-ops.ts) and what it
 * does with the operands (MMX_* of cpu/uops.ts). Source: Intel SDM volume 2 (the pages of the instructions).
 */
import * as ops from './cpu/sse-ops.js';
import * as uop from './cpu/uops.js';
import { OPERAND_IMMEDIATE, OPERAND_MEMORY } from './decoder.js';
import type { Handler } from './decoder-integer.js';
import { SSE_FORMS } from './decoder-sse.js';

export interface MmxForm {
  readonly op: number;
  /** MMX_* bits: how the operation takes its operands. */
  readonly kind: number;
  /** Bytes of the operand that may be in memory, read of a register too. */
  readonly bytes: number;
  /** Bits of the immediate that count. */
  readonly immediateMask: number;
}

/** Families whose form `mm, mm/m64` does in 8 bytes what their SSE form does in each half of 16. */
const LANES =
  'Paddb Paddw Paddd Paddq Psubb Psubw Psubd Psubq Paddsb Paddsw Paddusb Paddusw Psubsb Psubsw Psubusb Psubusw ' +
  'Pmullw Pmulhw Pmulhuw Pmuludq Pmaddwd Psadbw Pavgb Pavgw Pminub Pmaxub Pminsw Pmaxsw ' +
  'Pcmpeqb Pcmpeqw Pcmpeqd Pcmpgtb Pcmpgtw Pcmpgtd Pand Pandn Por Pxor ' +
  'Psllw Pslld Psllq Psrlw Psrld Psrlq Psraw Psrad ' +
  'Pshufb Pmaddubsw Pmulhrsw Psignb Psignw Psignd Pabsb Pabsw Pabsd';

/** Those that bring both operands' elements together. */
const JOINED = 'Packsswb Packssdw Packuswb Phaddw Phaddd Phaddsw Phsubw Phsubd Phsubsw';

const SHIFTS = 'Psllw Pslld Psllq Psrlw Psrld Psrlq Psraw Psrad';

const OTHERS: Readonly<
  Record<string, readonly [op: number, kind: number, bytes: number, immediateMask?: number]>
> = {
  Punpcklbw_mm_mmm32: [ops.SSE_UNPACK_LOW_1, uop.MMX_LOW, 4],
  Punpcklwd_mm_mmm32: [ops.SSE_UNPACK_LOW_2, uop.MMX_LOW, 4],
  Punpckldq_mm_mmm32: [ops.SSE_UNPACK_LOW_4, uop.MMX_LOW, 4],
  Punpckhbw_mm_mmm64: [ops.SSE_UNPACK_LOW_1, uop.MMX_HIGH, 8],
  Punpckhwd_mm_mmm64: [ops.SSE_UNPACK_LOW_2, uop.MMX_HIGH, 8],
  Punpckhdq_mm_mmm64: [ops.SSE_UNPACK_LOW_4, uop.MMX_HIGH, 8],
  Palignr_mm_mmm64_imm8: [ops.SSE_PALIGNR, uop.MMX_ALIGNED, 8, 0xff],
  Pshufw_mm_mmm64_imm8: [ops.SSE_SHUFFLE_LW, uop.MMX_LOW, 8, 0xff],
  Pinsrw_mm_r32m16_imm8: [ops.SSE_INSERT_W, uop.MMX_LOW, 2, 3],
  Pinsrw_mm_r64m16_imm8: [ops.SSE_INSERT_W, uop.MMX_LOW, 2, 3],
  Pextrw_r32_mm_imm8: [ops.SSE_EXTRACT_W, uop.MMX_LOW, 8, 3],
  Pextrw_r64_mm_imm8: [ops.SSE_EXTRACT_W, uop.MMX_LOW, 8, 3],
  Pmovmskb_r32_mm: [ops.SSE_MASK_B, uop.MMX_LOW, 8],
  Pmovmskb_r64_mm: [ops.SSE_MASK_B, uop.MMX_LOW, 8],
  Movd_mm_rm32: [ops.SSE_LOAD_8, uop.MMX_LOW, 4],
  Movq_mm_rm64: [ops.SSE_LOAD_8, uop.MMX_LOW, 8],
  Movq_mm_mmm64: [ops.SSE_LOAD_8, uop.MMX_LOW, 8],
  Movdq2q_mm_xmm: [ops.SSE_LOAD_8, uop.MMX_LOW, 8],
  Movd_rm32_mm: [0, uop.MMX_STORE, 4],
  Movq_rm64_mm: [0, uop.MMX_STORE, 8],
  Movq_mmm64_mm: [0, uop.MMX_STORE, 8],
  Movntq_m64_mm: [0, uop.MMX_STORE, 8],
  Movq2dq_xmm_mm: [0, uop.MMX_STORE, 8],
  Maskmovq_rDI_mm_mm: [0, uop.MMX_MASKED, 8],
  Emms: [0, uop.MMX_EMPTY, 0],
  Cvtpi2ps_xmm_mmm64: [ops.SSE_DQ_TO_PS, uop.MMX_TO_XMM, 8],
  Cvtpi2pd_xmm_mmm64: [ops.SSE_DQ_TO_PD, uop.MMX_TO_XMM, 8],
  Cvtps2pi_mm_xmmm64: [ops.SSE_PS_TO_DQ, uop.MMX_LOW, 8],
  Cvttps2pi_mm_xmmm64: [ops.SSE_PS_TRUNC_DQ, uop.MMX_LOW, 8],
  Cvtpd2pi_mm_xmmm128: [ops.SSE_PD_TO_DQ, uop.MMX_LOW, 16],
  Cvttpd2pi_mm_xmmm128: [ops.SSE_PD_TRUNC_DQ, uop.MMX_LOW, 16],
};

function allForms(): ReadonlyMap<string, MmxForm> {
  const forms = new Map<string, MmxForm>();
  const put = (name: string, op: number, kind: number, bytes: number, immediateMask = 0) =>
    forms.set(name, { op, kind, bytes, immediateMask });
  const sseOperation = (name: string) => SSE_FORMS.get(name)!.op;
  for (const name of LANES.split(' ')) {
    put(`${name}_mm_mmm64`, sseOperation(`${name}_xmm_xmmm128`), uop.MMX_LOW, 8);
  }
  for (const name of JOINED.split(' ')) {
    put(`${name}_mm_mmm64`, sseOperation(`${name}_xmm_xmmm128`), uop.MMX_JOINED, 8);
  }
  for (const name of SHIFTS.split(' ')) {
    put(`${name}_mm_imm8`, sseOperation(`${name}_xmm_imm8`), uop.MMX_LOW, 8, 0xff);
  }
  for (const [name, form] of Object.entries(OTHERS)) put(name, ...form);
  return forms;
}

/** Every supported form by iced's code name. */
export const MMX_FORMS: ReadonlyMap<string, MmxForm> = allForms();

function handlerOf(code: string, form: MmxForm): Handler {
  return (writer) => {
    const { operands, operandCount, immediate } = writer.decoded;
    const [first, second, third] = operands;
    const isMemory = operandCount > 0 && (first.kind === OPERAND_MEMORY || second.kind === OPERAND_MEMORY);
    // Without an MMX register there is nothing to share with the x87: so do AMD's processors; on Intel's CVTPI2PS still does.
    const apart = isMemory && code.startsWith('Cvtpi2p') ? uop.MMX_APART : 0;
    const fields = {
      dst: first.slot,
      // A count in the instruction takes the place of the second operand, which is then not looked at.
      src: second.kind === OPERAND_IMMEDIATE ? first.slot : second.slot,
      sub: form.kind | apart,
      immediate: form.op | (form.bytes << 16),
      immediateHigh: form.kind === uop.MMX_MASKED ? third.slot : immediate & form.immediateMask,
    };
    if (isMemory) writer.withMemory(uop.OP_MMX, fields);
    else writer.plain(uop.OP_MMX, fields);
    writer.flagsAfter = writer.flagsBefore;
  };
}

/** How an MMX form is written; undefined when it is none. */
export function mmxHandler(code: string): Handler | undefined {
  const form = MMX_FORMS.get(code);
  return form && handlerOf(code, form);
}
