// Numbers of the SSE and SSE2 operations, shared by the decoder tables and the interpreter.

// Moves, logic and shuffles: sse-move.ts
/** copies 16 bytes */
export const SSE_MOVE_16 = 0;
/** copies the low 8 bytes, keeps the rest */
export const SSE_MOVE_LOW_8 = 1;
/** copies the low 4 bytes, keeps the rest */
export const SSE_MOVE_LOW_4 = 2;
/** copies the low 8 bytes, clears the rest */
export const SSE_LOAD_8 = 3;
/** copies the low 4 bytes, clears the rest */
export const SSE_LOAD_4 = 4;
/** the high half becomes the low half of the source (MOVHPS load, MOVLHPS) */
export const SSE_LOAD_HIGH_8 = 5;
/** the low half becomes the high half of the source (MOVHPS store, MOVHLPS) */
export const SSE_STORE_HIGH_8 = 6;
/** the low 4 bytes, zero-extended into a general register */
export const SSE_TO_GPR_4 = 7;
/** bytes of the first operand chosen by the mask register change */
export const SSE_MASK_MOVE = 8;
/** CLFLUSH */
export const SSE_NOTHING = 9;
export const SSE_AND = 10;
export const SSE_ANDN = 11;
export const SSE_OR = 12;
export const SSE_XOR = 13;
export const SSE_UNPACK_LOW_1 = 14;
export const SSE_UNPACK_LOW_2 = 15;
export const SSE_UNPACK_LOW_4 = 16;
export const SSE_UNPACK_LOW_8 = 17;
export const SSE_UNPACK_HIGH_1 = 18;
export const SSE_UNPACK_HIGH_2 = 19;
export const SSE_UNPACK_HIGH_4 = 20;
export const SSE_UNPACK_HIGH_8 = 21;
export const SSE_SHUFFLE_PS = 22;
export const SSE_SHUFFLE_PD = 23;
export const SSE_SHUFFLE_D = 24;
export const SSE_SHUFFLE_HW = 25;
export const SSE_SHUFFLE_LW = 26;
export const SSE_INSERT_W = 27;
export const SSE_EXTRACT_W = 28;
export const SSE_MASK_PS = 29;
export const SSE_MASK_PD = 30;
export const SSE_MASK_B = 31;

// Packed integers: sse-integer.ts
export const SSE_PADDB = 64;
export const SSE_PADDW = 65;
export const SSE_PADDD = 66;
export const SSE_PADDQ = 67;
export const SSE_PSUBB = 68;
export const SSE_PSUBW = 69;
export const SSE_PSUBD = 70;
export const SSE_PSUBQ = 71;
export const SSE_PADDSB = 72;
export const SSE_PADDSW = 73;
export const SSE_PADDUSB = 74;
export const SSE_PADDUSW = 75;
export const SSE_PSUBSB = 76;
export const SSE_PSUBSW = 77;
export const SSE_PSUBUSB = 78;
export const SSE_PSUBUSW = 79;
export const SSE_PCMPEQB = 80;
export const SSE_PCMPEQW = 81;
export const SSE_PCMPEQD = 82;
export const SSE_PCMPGTB = 83;
export const SSE_PCMPGTW = 84;
export const SSE_PCMPGTD = 85;
export const SSE_PMINUB = 86;
export const SSE_PMINSW = 87;
export const SSE_PMAXUB = 88;
export const SSE_PMAXSW = 89;
export const SSE_PAVGB = 90;
export const SSE_PAVGW = 91;
export const SSE_PMULLW = 92;
export const SSE_PMULHW = 93;
export const SSE_PMULHUW = 94;
export const SSE_PMULUDQ = 95;
export const SSE_PMADDWD = 96;
export const SSE_PSADBW = 97;
export const SSE_PACKSSWB = 98;
export const SSE_PACKSSDW = 99;
export const SSE_PACKUSWB = 100;
export const SSE_PSLLW = 101;
export const SSE_PSLLD = 102;
export const SSE_PSLLQ = 103;
export const SSE_PSRLW = 104;
export const SSE_PSRLD = 105;
export const SSE_PSRLQ = 106;
export const SSE_PSRAW = 107;
export const SSE_PSRAD = 108;
export const SSE_PSLLW_IMM = 109;
export const SSE_PSLLD_IMM = 110;
export const SSE_PSLLQ_IMM = 111;
export const SSE_PSRLW_IMM = 112;
export const SSE_PSRLD_IMM = 113;
export const SSE_PSRLQ_IMM = 114;
export const SSE_PSRAW_IMM = 115;
export const SSE_PSRAD_IMM = 116;
export const SSE_PSLLDQ = 117;
export const SSE_PSRLDQ = 118;

// Floating-point arithmetic: sse-arith.ts. Each family has four forms: add one of these to its number.
export const SSE_FORM_PS = 0;
export const SSE_FORM_PD = 1;
export const SSE_FORM_SS = 2;
export const SSE_FORM_SD = 3;

export const SSE_ADD = 128;
export const SSE_SUB = 132;
export const SSE_MUL = 136;
export const SSE_DIV = 140;
export const SSE_MIN = 144;
export const SSE_MAX = 148;
export const SSE_SQRT = 152;
export const SSE_CMP = 156;
export const SSE_COMI = 160;
export const SSE_UCOMI = 164;
export const SSE_RCP = 168;
export const SSE_RSQRT = 172;

// Conversions: sse-convert.ts. I32 and I64 are general registers or integers in memory; DQ is packed 32-bit integers.
export const SSE_SS_TO_SD = 192;
export const SSE_SD_TO_SS = 193;
export const SSE_PS_TO_PD = 194;
export const SSE_PD_TO_PS = 195;
export const SSE_I32_TO_SS = 196;
export const SSE_I64_TO_SS = 197;
export const SSE_I32_TO_SD = 198;
export const SSE_I64_TO_SD = 199;
export const SSE_SS_TO_I32 = 200;
export const SSE_SS_TO_I64 = 201;
export const SSE_SD_TO_I32 = 202;
export const SSE_SD_TO_I64 = 203;
export const SSE_SS_TRUNC_I32 = 204;
export const SSE_SS_TRUNC_I64 = 205;
export const SSE_SD_TRUNC_I32 = 206;
export const SSE_SD_TRUNC_I64 = 207;
export const SSE_DQ_TO_PS = 208;
export const SSE_DQ_TO_PD = 209;
export const SSE_PS_TO_DQ = 210;
export const SSE_PD_TO_DQ = 211;
export const SSE_PS_TRUNC_DQ = 212;
export const SSE_PD_TRUNC_DQ = 213;

// State: sse-state.ts
export const SSE_LDMXCSR = 224;
export const SSE_STMXCSR = 225;
export const SSE_FXSAVE = 226;
export const SSE_FXSAVE64 = 227;
export const SSE_FXRSTOR = 228;
export const SSE_FXRSTOR64 = 229;
