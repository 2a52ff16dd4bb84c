/**
 * The SSE instructions for the decoder (those after SSE2 stand in decoder-sse4.ts): iced-x86's code names, each with its operation
 * (cpu/sse-ops.ts) and what it does to a memory operand. The operands of an operation are those of the instruction in order: the first is
 * its destination, the second its source, an 8-bit immediate its third argument. A general register is given by its 8-byte slot; operations
 * write all 8 bytes. Source: Intel SDM volume 2 (the pages of the instructions) and volume 1, 10.4.1.1 (alignment).
 */
import * as ops from './cpu/sse-ops.js';
import { LATER_IMMEDIATE, LATER_OTHERS, LATER_PACKED } from './decoder-sse4.js';

export const MEMORY_READ = 1;
export const MEMORY_WRITE = 2;

export interface SseForm {
  /** Operation when both operands are registers. */
  readonly op: number;
  /** Operation when one operand is memory. */
  readonly memoryOp: number;
  /** Bytes of the memory operand; 0 when the form has none. */
  readonly bytes: number;
  /** MEMORY_READ, MEMORY_WRITE or both: what happens to the memory operand. */
  readonly access: number;
  /** Whether an address that is not a multiple of 16 (of 64: XSAVE) raises #GP(0). */
  readonly aligned: boolean;
  /** Whether the third register operand (a mask) goes by address in place of the immediate. */
  readonly mask: boolean;
}

/** Arithmetic: family, its operation and the forms that exist. */
const ARITHMETIC: readonly [string, number, string][] = [
  ['Add', ops.SSE_ADD, 'ps pd ss sd'],
  ['Sub', ops.SSE_SUB, 'ps pd ss sd'],
  ['Mul', ops.SSE_MUL, 'ps pd ss sd'],
  ['Div', ops.SSE_DIV, 'ps pd ss sd'],
  ['Min', ops.SSE_MIN, 'ps pd ss sd'],
  ['Max', ops.SSE_MAX, 'ps pd ss sd'],
  ['Sqrt', ops.SSE_SQRT, 'ps pd ss sd'],
  ['Cmp', ops.SSE_CMP, 'ps pd ss sd'],
  ['Comi', ops.SSE_COMI, 'ss sd'],
  ['Ucomi', ops.SSE_UCOMI, 'ss sd'],
  ['Rcp', ops.SSE_RCP, 'ps ss'],
  ['Rsqrt', ops.SSE_RSQRT, 'ps ss'],
];

const ARITHMETIC_FORMS: Readonly<Record<string, readonly [number, string]>> = {
  ps: [ops.SSE_FORM_PS, 'xmmm128'],
  pd: [ops.SSE_FORM_PD, 'xmmm128'],
  ss: [ops.SSE_FORM_SS, 'xmmm32'],
  sd: [ops.SSE_FORM_SD, 'xmmm64'],
};

/** Operations whose forms are all `xmm, xmm/m128`. */
const PACKED: Readonly<Record<string, number>> = {
  Movups: ops.SSE_MOVE_16,
  Movupd: ops.SSE_MOVE_16,
  Movaps: ops.SSE_MOVE_16,
  Movapd: ops.SSE_MOVE_16,
  Movdqa: ops.SSE_MOVE_16,
  Movdqu: ops.SSE_MOVE_16,
  Andps: ops.SSE_AND,
  Andpd: ops.SSE_AND,
  Pand: ops.SSE_AND,
  Andnps: ops.SSE_ANDN,
  Andnpd: ops.SSE_ANDN,
  Pandn: ops.SSE_ANDN,
  Orps: ops.SSE_OR,
  Orpd: ops.SSE_OR,
  Por: ops.SSE_OR,
  Xorps: ops.SSE_XOR,
  Xorpd: ops.SSE_XOR,
  Pxor: ops.SSE_XOR,
  Unpcklps: ops.SSE_UNPACK_LOW_4,
  Unpcklpd: ops.SSE_UNPACK_LOW_8,
  Unpckhps: ops.SSE_UNPACK_HIGH_4,
  Unpckhpd: ops.SSE_UNPACK_HIGH_8,
  Punpcklbw: ops.SSE_UNPACK_LOW_1,
  Punpcklwd: ops.SSE_UNPACK_LOW_2,
  Punpckldq: ops.SSE_UNPACK_LOW_4,
  Punpcklqdq: ops.SSE_UNPACK_LOW_8,
  Punpckhbw: ops.SSE_UNPACK_HIGH_1,
  Punpckhwd: ops.SSE_UNPACK_HIGH_2,
  Punpckhdq: ops.SSE_UNPACK_HIGH_4,
  Punpckhqdq: ops.SSE_UNPACK_HIGH_8,
  Paddb: ops.SSE_PADDB,
  Paddw: ops.SSE_PADDW,
  Paddd: ops.SSE_PADDD,
  Paddq: ops.SSE_PADDQ,
  Psubb: ops.SSE_PSUBB,
  Psubw: ops.SSE_PSUBW,
  Psubd: ops.SSE_PSUBD,
  Psubq: ops.SSE_PSUBQ,
  Paddsb: ops.SSE_PADDSB,
  Paddsw: ops.SSE_PADDSW,
  Paddusb: ops.SSE_PADDUSB,
  Paddusw: ops.SSE_PADDUSW,
  Psubsb: ops.SSE_PSUBSB,
  Psubsw: ops.SSE_PSUBSW,
  Psubusb: ops.SSE_PSUBUSB,
  Psubusw: ops.SSE_PSUBUSW,
  Pcmpeqb: ops.SSE_PCMPEQB,
  Pcmpeqw: ops.SSE_PCMPEQW,
  Pcmpeqd: ops.SSE_PCMPEQD,
  Pcmpgtb: ops.SSE_PCMPGTB,
  Pcmpgtw: ops.SSE_PCMPGTW,
  Pcmpgtd: ops.SSE_PCMPGTD,
  Pminub: ops.SSE_PMINUB,
  Pminsw: ops.SSE_PMINSW,
  Pmaxub: ops.SSE_PMAXUB,
  Pmaxsw: ops.SSE_PMAXSW,
  Pavgb: ops.SSE_PAVGB,
  Pavgw: ops.SSE_PAVGW,
  Pmullw: ops.SSE_PMULLW,
  Pmulhw: ops.SSE_PMULHW,
  Pmulhuw: ops.SSE_PMULHUW,
  Pmuludq: ops.SSE_PMULUDQ,
  Pmaddwd: ops.SSE_PMADDWD,
  Psadbw: ops.SSE_PSADBW,
  Packsswb: ops.SSE_PACKSSWB,
  Packssdw: ops.SSE_PACKSSDW,
  Packuswb: ops.SSE_PACKUSWB,
  Psllw: ops.SSE_PSLLW,
  Pslld: ops.SSE_PSLLD,
  Psllq: ops.SSE_PSLLQ,
  Psrlw: ops.SSE_PSRLW,
  Psrld: ops.SSE_PSRLD,
  Psrlq: ops.SSE_PSRLQ,
  Psraw: ops.SSE_PSRAW,
  Psrad: ops.SSE_PSRAD,
  Cvtpd2ps: ops.SSE_PD_TO_PS,
  Cvtdq2ps: ops.SSE_DQ_TO_PS,
  Cvtps2dq: ops.SSE_PS_TO_DQ,
  Cvttps2dq: ops.SSE_PS_TRUNC_DQ,
  Cvtpd2dq: ops.SSE_PD_TO_DQ,
  Cvttpd2dq: ops.SSE_PD_TRUNC_DQ,
};

/** The other forms, by iced's full code name; a pair is [between registers, with memory]. */
const OTHERS: Readonly<Record<string, number | readonly [number, number]>> = {
  Movups_xmmm128_xmm: ops.SSE_MOVE_16,
  Movupd_xmmm128_xmm: ops.SSE_MOVE_16,
  Movaps_xmmm128_xmm: ops.SSE_MOVE_16,
  Movapd_xmmm128_xmm: ops.SSE_MOVE_16,
  Movdqa_xmmm128_xmm: ops.SSE_MOVE_16,
  Movdqu_xmmm128_xmm: ops.SSE_MOVE_16,
  Movntps_m128_xmm: ops.SSE_MOVE_16,
  Movntpd_m128_xmm: ops.SSE_MOVE_16,
  Movntdq_m128_xmm: ops.SSE_MOVE_16,
  Movnti_m32_r32: ops.SSE_MOVE_LOW_4,
  Movnti_m64_r64: ops.SSE_MOVE_LOW_8,
  Movss_xmm_xmmm32: [ops.SSE_MOVE_LOW_4, ops.SSE_LOAD_4],
  Movss_xmmm32_xmm: ops.SSE_MOVE_LOW_4,
  Movsd_xmm_xmmm64: [ops.SSE_MOVE_LOW_8, ops.SSE_LOAD_8],
  Movsd_xmmm64_xmm: ops.SSE_MOVE_LOW_8,
  Movd_xmm_rm32: ops.SSE_LOAD_4,
  Movq_xmm_rm64: ops.SSE_LOAD_8,
  Movd_rm32_xmm: [ops.SSE_TO_GPR_4, ops.SSE_MOVE_LOW_4],
  Movq_rm64_xmm: ops.SSE_MOVE_LOW_8,
  Movq_xmm_xmmm64: ops.SSE_LOAD_8,
  Movq_xmmm64_xmm: [ops.SSE_LOAD_8, ops.SSE_MOVE_LOW_8],
  Movlps_xmm_m64: ops.SSE_MOVE_LOW_8,
  Movlpd_xmm_m64: ops.SSE_MOVE_LOW_8,
  Movlps_m64_xmm: ops.SSE_MOVE_LOW_8,
  Movlpd_m64_xmm: ops.SSE_MOVE_LOW_8,
  Movhps_xmm_m64: ops.SSE_LOAD_HIGH_8,
  Movhpd_xmm_m64: ops.SSE_LOAD_HIGH_8,
  Movlhps_xmm_xmm: ops.SSE_LOAD_HIGH_8,
  Movhps_m64_xmm: ops.SSE_STORE_HIGH_8,
  Movhpd_m64_xmm: ops.SSE_STORE_HIGH_8,
  Movhlps_xmm_xmm: ops.SSE_STORE_HIGH_8,
  Movmskps_r32_xmm: ops.SSE_MASK_PS,
  Movmskps_r64_xmm: ops.SSE_MASK_PS,
  Movmskpd_r32_xmm: ops.SSE_MASK_PD,
  Movmskpd_r64_xmm: ops.SSE_MASK_PD,
  Pmovmskb_r32_xmm: ops.SSE_MASK_B,
  Pmovmskb_r64_xmm: ops.SSE_MASK_B,
  Maskmovdqu_rDI_xmm_xmm: ops.SSE_MASK_MOVE,
  Shufps_xmm_xmmm128_imm8: ops.SSE_SHUFFLE_PS,
  Shufpd_xmm_xmmm128_imm8: ops.SSE_SHUFFLE_PD,
  Pshufd_xmm_xmmm128_imm8: ops.SSE_SHUFFLE_D,
  Pshufhw_xmm_xmmm128_imm8: ops.SSE_SHUFFLE_HW,
  Pshuflw_xmm_xmmm128_imm8: ops.SSE_SHUFFLE_LW,
  Pinsrw_xmm_r32m16_imm8: ops.SSE_INSERT_W,
  Pinsrw_xmm_r64m16_imm8: ops.SSE_INSERT_W,
  Pextrw_r32_xmm_imm8: ops.SSE_EXTRACT_W,
  Pextrw_r64_xmm_imm8: ops.SSE_EXTRACT_W,
  Psllw_xmm_imm8: ops.SSE_PSLLW_IMM,
  Pslld_xmm_imm8: ops.SSE_PSLLD_IMM,
  Psllq_xmm_imm8: ops.SSE_PSLLQ_IMM,
  Psrlw_xmm_imm8: ops.SSE_PSRLW_IMM,
  Psrld_xmm_imm8: ops.SSE_PSRLD_IMM,
  Psrlq_xmm_imm8: ops.SSE_PSRLQ_IMM,
  Psraw_xmm_imm8: ops.SSE_PSRAW_IMM,
  Psrad_xmm_imm8: ops.SSE_PSRAD_IMM,
  Pslldq_xmm_imm8: ops.SSE_PSLLDQ,
  Psrldq_xmm_imm8: ops.SSE_PSRLDQ,
  Cvtss2sd_xmm_xmmm32: ops.SSE_SS_TO_SD,
  Cvtsd2ss_xmm_xmmm64: ops.SSE_SD_TO_SS,
  Cvtps2pd_xmm_xmmm64: ops.SSE_PS_TO_PD,
  Cvtdq2pd_xmm_xmmm64: ops.SSE_DQ_TO_PD,
  Cvtsi2ss_xmm_rm32: ops.SSE_I32_TO_SS,
  Cvtsi2ss_xmm_rm64: ops.SSE_I64_TO_SS,
  Cvtsi2sd_xmm_rm32: ops.SSE_I32_TO_SD,
  Cvtsi2sd_xmm_rm64: ops.SSE_I64_TO_SD,
  Cvtss2si_r32_xmmm32: ops.SSE_SS_TO_I32,
  Cvtss2si_r64_xmmm32: ops.SSE_SS_TO_I64,
  Cvtsd2si_r32_xmmm64: ops.SSE_SD_TO_I32,
  Cvtsd2si_r64_xmmm64: ops.SSE_SD_TO_I64,
  Cvttss2si_r32_xmmm32: ops.SSE_SS_TRUNC_I32,
  Cvttss2si_r64_xmmm32: ops.SSE_SS_TRUNC_I64,
  Cvttsd2si_r32_xmmm64: ops.SSE_SD_TRUNC_I32,
  Cvttsd2si_r64_xmmm64: ops.SSE_SD_TRUNC_I64,
  Clflush_m8: ops.SSE_NOTHING,
  Ldmxcsr_m32: ops.SSE_LDMXCSR,
  Stmxcsr_m32: ops.SSE_STMXCSR,
  Fxsave_m512byte: ops.SSE_FXSAVE,
  Fxsave64_m512byte: ops.SSE_FXSAVE64,
  Fxrstor_m512byte: ops.SSE_FXRSTOR,
  Fxrstor64_m512byte: ops.SSE_FXRSTOR64,
};

const UNALIGNED = /^(Movup[sd]|Movdqu|Maskmovdqu|Lddqu|Sha\d\w+|Pcmp[ei]str[im](64)?)_/;

/** Bytes of the XSAVE area: as much as FXSAVE writes, and the header. */
export const XSAVE_AREA = 576;

/** What iced's operand names say of memory: "xmmm64", "m128", "r32m16", "rm32", "m512byte". */
function memoryBytes(operand: string): number {
  if (operand === 'rDI') return 16;
  if (operand === 'mem') return XSAVE_AREA;
  const bits = /^(?:xmm|r\d*)?m(\d+)(byte)?$/.exec(operand);
  if (!bits) return 0;
  return bits[2] ? Number(bits[1]) : Number(bits[1]) / 8;
}

function memoryAccess(op: number, isFirst: boolean): number {
  switch (op) {
    case ops.SSE_LDMXCSR:
    case ops.SSE_FXRSTOR:
    case ops.SSE_FXRSTOR64:
    case ops.SSE_XRSTOR:
    case ops.SSE_XRSTOR64:
    case ops.SSE_NOTHING:
      return MEMORY_READ;
    case ops.SSE_MASK_MOVE:
    case ops.SSE_FXSAVE:
    case ops.SSE_FXSAVE64:
    case ops.SSE_XSAVE:
    case ops.SSE_XSAVE64:
      return MEMORY_READ | MEMORY_WRITE;
    default:
      return isFirst ? MEMORY_WRITE : MEMORY_READ;
  }
}

function form(name: string, op: number, memoryOp: number): SseForm {
  const operands = name.split('_').slice(1);
  const index = operands.findIndex((operand) => memoryBytes(operand) > 0);
  const bytes = index < 0 ? 0 : memoryBytes(operands[index]!);
  return {
    op,
    memoryOp,
    bytes,
    access: index < 0 ? 0 : memoryAccess(memoryOp, index === 0),
    aligned: bytes >= 16 && !UNALIGNED.test(name),
    mask: op === ops.SSE_MASK_MOVE,
  };
}

function allForms(): ReadonlyMap<string, SseForm> {
  const forms = new Map<string, SseForm>();
  const put = (name: string, op: number, memoryOp = op) => forms.set(name, form(name, op, memoryOp));
  for (const [family, op, kinds] of ARITHMETIC) {
    for (const kind of kinds.split(' ')) {
      const [offset, operand] = ARITHMETIC_FORMS[kind]!;
      put(`${family}${kind}_xmm_${operand}${family === 'Cmp' ? '_imm8' : ''}`, op + offset);
    }
  }
  for (const [name, op] of Object.entries({ ...PACKED, ...LATER_PACKED })) put(`${name}_xmm_xmmm128`, op);
  for (const [name, op] of Object.entries(LATER_IMMEDIATE)) put(`${name}_xmm_xmmm128_imm8`, op);
  for (const [name, op] of Object.entries({ ...OTHERS, ...LATER_OTHERS })) {
    if (typeof op === 'number') put(name, op);
    else put(name, op[0], op[1]);
  }
  return forms;
}

/** Every supported form by iced's code name. */
export const SSE_FORMS: ReadonlyMap<string, SseForm> = allForms();
