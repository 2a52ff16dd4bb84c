// Numbers of the x87 operations, shared by the decoder tables and the interpreter.

// Arithmetic and compares: a source, plus one of the kinds, in encoding order.
/** ST(0) with ST(i) */
export const X87_FROM_I = 0;
/** ST(i) with ST(0) */
export const X87_TO_I = 8;
/** ST(i) with ST(0), then pops */
export const X87_TO_I_POP = 16;
/** ST(0) with a single in memory */
export const X87_FROM_M32 = 24;
/** ST(0) with a double in memory */
export const X87_FROM_M64 = 32;
/** ST(0) with a 32-bit integer in memory */
export const X87_FROM_I32 = 40;
/** ST(0) with a 16-bit integer in memory */
export const X87_FROM_I16 = 48;
export const X87_ADD = 0;
export const X87_MUL = 1;
export const X87_COM = 2;
export const X87_COMP = 3;
export const X87_SUB = 4;
export const X87_SUBR = 5;
export const X87_DIV = 6;
export const X87_DIVR = 7;

// Other compares and tests: x87-arith.ts
export const X87_COMPP = 56;
export const X87_UCOM = 57;
export const X87_UCOMP = 58;
export const X87_UCOMPP = 59;
export const X87_COMI = 60;
export const X87_COMIP = 61;
export const X87_UCOMI = 62;
export const X87_UCOMIP = 63;
export const X87_TST = 64;
export const X87_XAM = 65;
/** FSTPNCE: FSTP ST(i) without the check for an empty ST(0) */
export const X87_STPNCE = 66;

// Operations on the top of the stack: x87-arith.ts
export const X87_CHS = 72;
export const X87_ABS = 73;
export const X87_SQRT = 74;
export const X87_RNDINT = 75;
export const X87_SCALE = 76;
export const X87_XTRACT = 77;
export const X87_PREM = 78;
export const X87_PREM1 = 79;

// Transcendental functions: x87-transcendental.ts
export const X87_F2XM1 = 80;
export const X87_YL2X = 81;
export const X87_YL2XP1 = 82;
export const X87_PTAN = 83;
export const X87_PATAN = 84;
export const X87_SIN = 85;
export const X87_COS = 86;
export const X87_SINCOS = 87;

// Loads, stores and moves: x87-transfer.ts
export const X87_LD_M32 = 88;
export const X87_LD_M64 = 89;
export const X87_LD_M80 = 90;
export const X87_LD_I = 91;
export const X87_ILD_16 = 92;
export const X87_ILD_32 = 93;
export const X87_ILD_64 = 94;
export const X87_BLD = 95;
export const X87_LD1 = 96;
export const X87_LDL2T = 97;
export const X87_LDL2E = 98;
export const X87_LDPI = 99;
export const X87_LDLG2 = 100;
export const X87_LDLN2 = 101;
export const X87_LDZ = 102;
export const X87_ST_M32 = 103;
export const X87_ST_I = 104;
export const X87_STP_M32 = 105;
export const X87_STP_M64 = 106;
export const X87_ST_M64 = 107;
export const X87_STP_M80 = 108;
export const X87_STP_I = 109;
export const X87_IST_16 = 110;
export const X87_ISTP_16 = 111;
export const X87_IST_32 = 112;
export const X87_ISTP_32 = 113;
export const X87_ISTP_64 = 114;
export const X87_BSTP = 115;
export const X87_XCH = 116;
export const X87_CMOVB = 117;
export const X87_CMOVE = 118;
export const X87_CMOVBE = 119;
export const X87_CMOVU = 120;
export const X87_CMOVNB = 121;
export const X87_CMOVNE = 122;
export const X87_CMOVNBE = 123;
export const X87_CMOVNU = 124;
/** FISTTP: as X87_ISTP, cut towards zero */
export const X87_ISTTP_16 = 125;
export const X87_ISTTP_32 = 126;
export const X87_ISTTP_64 = 127;

// Control: x87-control.ts
export const X87_WAIT = 128;
export const X87_NOP = 129;
export const X87_FREE = 130;
export const X87_FREEP = 131;
export const X87_INCSTP = 132;
export const X87_DECSTP = 133;
export const X87_LDCW = 134;
export const X87_LDENV_14 = 135;
export const X87_LDENV_28 = 136;
export const X87_RSTOR_94 = 137;
export const X87_RSTOR_108 = 138;

// Control that does not wait for pending exceptions: x87-control.ts
export const X87_NINIT = 144;
export const X87_NCLEX = 145;
export const X87_NSTCW = 146;
export const X87_NSTSW = 147;
export const X87_NSTENV_14 = 148;
export const X87_NSTENV_28 = 149;
export const X87_NSAVE_94 = 150;
export const X87_NSAVE_108 = 151;
/** FNENI, FNDISI and FNSETPM, which mean nothing since the 387 */
export const X87_NNOP = 152;
