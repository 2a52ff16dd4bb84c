/**
 * The x87 instructions for the decoder: iced-x86's code names, each with its operation (cpu/x87-ops.ts), its memory operand and the
 * operand that names ST(i). Source: Intel SDM volume 2 (the pages of the instructions; chapter B.17 for the encodings that alias others).
 */
import * as ops from './cpu/x87-ops.js';
import { MEMORY_READ, MEMORY_WRITE } from './decoder-sse.js';

export interface X87Form {
  readonly op: number;
  /** Bytes of the memory operand; 0 when there is none. */
  readonly bytes: number;
  /** MEMORY_READ or MEMORY_WRITE; 0 when there is none. */
  readonly access: number;
  /** Which operand is ST(i), the third argument of x87(); -1 when the instruction names none. */
  readonly stackOperand: number;
  /** Whether the operation writes AX: its memory address is then the slot of RAX. */
  readonly ax: boolean;
}

const KINDS: readonly [string, number][] = [
  ['add', ops.X87_ADD],
  ['mul', ops.X87_MUL],
  ['com', ops.X87_COM],
  ['comp', ops.X87_COMP],
  ['sub', ops.X87_SUB],
  ['subr', ops.X87_SUBR],
  ['div', ops.X87_DIV],
  ['divr', ops.X87_DIVR],
];

const CONDITIONS: readonly [string, number][] = [
  ['b', ops.X87_CMOVB],
  ['e', ops.X87_CMOVE],
  ['be', ops.X87_CMOVBE],
  ['u', ops.X87_CMOVU],
  ['nb', ops.X87_CMOVNB],
  ['ne', ops.X87_CMOVNE],
  ['nbe', ops.X87_CMOVNBE],
  ['nu', ops.X87_CMOVNU],
];

const OTHERS: Readonly<Record<string, number>> = {
  Fcom_st0_sti_DCD0: ops.X87_FROM_I + ops.X87_COM,
  Fcomp_st0_sti_DCD8: ops.X87_FROM_I + ops.X87_COMP,
  Fcomp_st0_sti_DED0: ops.X87_FROM_I + ops.X87_COMP,
  Fcompp: ops.X87_COMPP,
  Fucom_st0_sti: ops.X87_UCOM,
  Fucomp_st0_sti: ops.X87_UCOMP,
  Fucompp: ops.X87_UCOMPP,
  Fcomi_st0_sti: ops.X87_COMI,
  Fcomip_st0_sti: ops.X87_COMIP,
  Fucomi_st0_sti: ops.X87_UCOMI,
  Fucomip_st0_sti: ops.X87_UCOMIP,
  Ftst: ops.X87_TST,
  Fxam: ops.X87_XAM,
  Fchs: ops.X87_CHS,
  Fabs: ops.X87_ABS,
  Fsqrt: ops.X87_SQRT,
  Frndint: ops.X87_RNDINT,
  Fscale: ops.X87_SCALE,
  Fxtract: ops.X87_XTRACT,
  Fprem: ops.X87_PREM,
  Fprem1: ops.X87_PREM1,
  F2xm1: ops.X87_F2XM1,
  Fyl2x: ops.X87_YL2X,
  Fyl2xp1: ops.X87_YL2XP1,
  Fptan: ops.X87_PTAN,
  Fpatan: ops.X87_PATAN,
  Fsin: ops.X87_SIN,
  Fcos: ops.X87_COS,
  Fsincos: ops.X87_SINCOS,
  Fld_m32fp: ops.X87_LD_M32,
  Fld_m64fp: ops.X87_LD_M64,
  Fld_m80fp: ops.X87_LD_M80,
  Fld_sti: ops.X87_LD_I,
  Fild_m16int: ops.X87_ILD_16,
  Fild_m32int: ops.X87_ILD_32,
  Fild_m64int: ops.X87_ILD_64,
  Fbld_m80bcd: ops.X87_BLD,
  Fld1: ops.X87_LD1,
  Fldl2t: ops.X87_LDL2T,
  Fldl2e: ops.X87_LDL2E,
  Fldpi: ops.X87_LDPI,
  Fldlg2: ops.X87_LDLG2,
  Fldln2: ops.X87_LDLN2,
  Fldz: ops.X87_LDZ,
  Fst_m32fp: ops.X87_ST_M32,
  Fstp_m32fp: ops.X87_STP_M32,
  Fst_m64fp: ops.X87_ST_M64,
  Fstp_m64fp: ops.X87_STP_M64,
  Fstp_m80fp: ops.X87_STP_M80,
  Fst_sti: ops.X87_ST_I,
  Fstp_sti: ops.X87_STP_I,
  Fstp_sti_DFD0: ops.X87_STP_I,
  Fstp_sti_DFD8: ops.X87_STP_I,
  Fstpnce_sti: ops.X87_STPNCE,
  Fist_m16int: ops.X87_IST_16,
  Fistp_m16int: ops.X87_ISTP_16,
  Fist_m32int: ops.X87_IST_32,
  Fistp_m32int: ops.X87_ISTP_32,
  Fistp_m64int: ops.X87_ISTP_64,
  Fbstp_m80bcd: ops.X87_BSTP,
  Fisttp_m16int: ops.X87_ISTTP_16,
  Fisttp_m32int: ops.X87_ISTTP_32,
  Fisttp_m64int: ops.X87_ISTTP_64,
  Fxch_st0_sti: ops.X87_XCH,
  Fxch_st0_sti_DDC8: ops.X87_XCH,
  Fxch_st0_sti_DFC8: ops.X87_XCH,
  Wait: ops.X87_WAIT,
  Fnop: ops.X87_NOP,
  Ffree_sti: ops.X87_FREE,
  Ffreep_sti: ops.X87_FREEP,
  Fincstp: ops.X87_INCSTP,
  Fdecstp: ops.X87_DECSTP,
  Fldcw_m2byte: ops.X87_LDCW,
  Fldenv_m14byte: ops.X87_LDENV_14,
  Fldenv_m28byte: ops.X87_LDENV_28,
  Frstor_m94byte: ops.X87_RSTOR_94,
  Frstor_m108byte: ops.X87_RSTOR_108,
  Fninit: ops.X87_NINIT,
  Fnclex: ops.X87_NCLEX,
  Fnstcw_m2byte: ops.X87_NSTCW,
  Fnstsw_m2byte: ops.X87_NSTSW,
  Fnstsw_AX: ops.X87_NSTSW,
  Fnstenv_m14byte: ops.X87_NSTENV_14,
  Fnstenv_m28byte: ops.X87_NSTENV_28,
  Fnsave_m94byte: ops.X87_NSAVE_94,
  Fnsave_m108byte: ops.X87_NSAVE_108,
  Fneni: ops.X87_NNOP,
  Fndisi: ops.X87_NNOP,
  Fnsetpm: ops.X87_NNOP,
};

/** "m64fp", "m32int", "m80bcd" count bits, "m108byte" bytes. */
function memoryBytes(operand: string): number {
  const size = /^m(\d+)(fp|int|bcd|byte)$/.exec(operand);
  if (!size) return 0;
  return size[2] === 'byte' ? Number(size[1]) : Number(size[1]) / 8;
}

function isStore(op: number): boolean {
  const isTruncating = op >= ops.X87_ISTTP_16 && op <= ops.X87_ISTTP_64;
  return (op >= ops.X87_ST_M32 && op < ops.X87_XCH) || isTruncating || op >= ops.X87_NINIT;
}

function form(name: string, op: number): X87Form {
  const operands = name.split('_').slice(1);
  const bytes = memoryBytes(operands[0] ?? '');
  return {
    op,
    bytes,
    access: bytes === 0 ? 0 : isStore(op) ? MEMORY_WRITE : MEMORY_READ,
    stackOperand: operands.indexOf('sti'),
    ax: operands[0] === 'AX',
  };
}

function allForms(): ReadonlyMap<string, X87Form> {
  const forms = new Map<string, X87Form>();
  const put = (name: string, op: number) => forms.set(name, form(name, op));
  for (const [kind, offset] of KINDS) {
    put(`F${kind}_st0_sti`, ops.X87_FROM_I + offset);
    put(`F${kind}_m32fp`, ops.X87_FROM_M32 + offset);
    put(`F${kind}_m64fp`, ops.X87_FROM_M64 + offset);
    put(`Fi${kind}_m32int`, ops.X87_FROM_I32 + offset);
    put(`Fi${kind}_m16int`, ops.X87_FROM_I16 + offset);
    if (offset === ops.X87_COM || offset === ops.X87_COMP) continue;
    put(`F${kind}_sti_st0`, ops.X87_TO_I + offset);
    put(`F${kind}p_sti_st0`, ops.X87_TO_I_POP + offset);
  }
  for (const [condition, op] of CONDITIONS) put(`Fcmov${condition}_st0_sti`, op);
  for (const [name, op] of Object.entries(OTHERS)) put(name, op);
  return forms;
}

/** Every supported form by iced's code name. FCOMPP and FUCOMPP name no operand: they take ST(1) by themselves. */
export const X87_FORMS: ReadonlyMap<string, X87Form> = allForms();
