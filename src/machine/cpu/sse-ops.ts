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
export const SSE_XSAVE = 230;
export const SSE_XSAVE64 = 231;
export const SSE_XRSTOR = 232;
export const SSE_XRSTOR64 = 233;

// SSE3 floating point, each but the first and last two for singles and doubles: sse-across.ts
export const SSE_ADDSUB_PS = 240;
export const SSE_ADDSUB_PD = 241;
export const SSE_HADD_PS = 242;
export const SSE_HADD_PD = 243;
export const SSE_HSUB_PS = 244;
export const SSE_HSUB_PD = 245;
export const SSE_DOT_PS = 246;
export const SSE_DOT_PD = 247;
/** rounding to whole numbers; add a form */
export const SSE_ROUND = 248;

// SSSE3: ssse3.ts
export const SSE_PSHUFB = 256;
export const SSE_PHADDW = 257;
export const SSE_PHADDD = 258;
export const SSE_PHADDSW = 259;
export const SSE_PHSUBW = 260;
export const SSE_PHSUBD = 261;
export const SSE_PHSUBSW = 262;
export const SSE_PMADDUBSW = 263;
export const SSE_PMULHRSW = 264;
export const SSE_PSIGNB = 265;
export const SSE_PSIGNW = 266;
export const SSE_PSIGND = 267;
export const SSE_PABSB = 268;
export const SSE_PABSW = 269;
export const SSE_PABSD = 270;
export const SSE_PALIGNR = 271;

// SSE4.1 and SSE4.2, integers: sse4-integer.ts
export const SSE_PMULLD = 272;
export const SSE_PMULDQ = 273;
export const SSE_PMINSB = 274;
export const SSE_PMINUW = 275;
export const SSE_PMINSD = 276;
export const SSE_PMINUD = 277;
export const SSE_PMAXSB = 278;
export const SSE_PMAXUW = 279;
export const SSE_PMAXSD = 280;
export const SSE_PMAXUD = 281;
export const SSE_PACKUSDW = 282;
export const SSE_PCMPEQQ = 283;
export const SSE_PCMPGTQ = 284;
export const SSE_PHMINPOSUW = 285;
export const SSE_MPSADBW = 286;
export const SSE_PTEST = 287;
export const SSE_PMOVSXBW = 288;
export const SSE_PMOVSXBD = 289;
export const SSE_PMOVSXBQ = 290;
export const SSE_PMOVSXWD = 291;
export const SSE_PMOVSXWQ = 292;
export const SSE_PMOVSXDQ = 293;
export const SSE_PMOVZXBW = 294;
export const SSE_PMOVZXBD = 295;
export const SSE_PMOVZXBQ = 296;
export const SSE_PMOVZXWD = 297;
export const SSE_PMOVZXWQ = 298;
export const SSE_PMOVZXDQ = 299;

// SSE3 and SSE4.1 moves: sse4-move.ts
export const SSE_MOVSHDUP = 304;
export const SSE_MOVSLDUP = 305;
export const SSE_MOVDDUP = 306;
/** blends by the signs of XMM0's bytes, singles and doubles */
export const SSE_PBLENDVB = 307;
export const SSE_BLENDVPS = 308;
export const SSE_BLENDVPD = 309;
/** blends by the immediate */
export const SSE_BLENDPS = 310;
export const SSE_BLENDPD = 311;
export const SSE_PBLENDW = 312;
/** elements to memory or, zero-extended, to a general register */
export const SSE_EXTRACT_1 = 313;
export const SSE_EXTRACT_2 = 314;
export const SSE_EXTRACT_4 = 315;
export const SSE_EXTRACT_8 = 316;
export const SSE_STORE_1 = 317;
export const SSE_STORE_2 = 318;
export const SSE_STORE_4 = 319;
export const SSE_INSERT_1 = 320;
export const SSE_INSERT_4 = 321;
export const SSE_INSERT_8 = 322;
/** INSERTPS from a register, and from the single in memory */
export const SSE_INSERT_PS = 323;
export const SSE_INSERT_PS_M = 324;

// SSE4.2 texts: sse-text.ts. WIDE takes the lengths from all 64 bits of RAX and RDX.
export const SSE_PCMPISTRI = 328;
export const SSE_PCMPISTRM = 329;
export const SSE_PCMPESTRI = 330;
export const SSE_PCMPESTRM = 331;
export const SSE_PCMPESTRI_WIDE = 332;
export const SSE_PCMPESTRM_WIDE = 333;

// AES and carry-less multiplication: aes.ts; SHA: sha.ts
export const SSE_AESENC = 336;
export const SSE_AESENCLAST = 337;
export const SSE_AESDEC = 338;
export const SSE_AESDECLAST = 339;
export const SSE_AESIMC = 340;
export const SSE_AESKEYGENASSIST = 341;
export const SSE_PCLMULQDQ = 342;
export const SSE_SHA1RNDS4 = 344;
export const SSE_SHA1NEXTE = 345;
export const SSE_SHA1MSG1 = 346;
export const SSE_SHA1MSG2 = 347;
export const SSE_SHA256RNDS2 = 348;
export const SSE_SHA256MSG1 = 349;
export const SSE_SHA256MSG2 = 350;
