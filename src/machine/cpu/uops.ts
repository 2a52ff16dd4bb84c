/**
 * The decoded form of code: blocks of micro-operations, one for each instruction (and now and then one before it that
 * computes an address). Compiled by both AssemblyScript and TypeScript. Offsets in bytes; all records are 32 bytes.
 */

/** Bytes of a block's header and of a micro-operation. */
export const UOP_SIZE = 32;

/** Block: byte offset in memory of its first code byte; next block of the hash chain; next block of the same frame. */
export const BLOCK_KEY = 0;
export const BLOCK_NEXT = 4;
export const BLOCK_FRAME_NEXT = 8;
/** Block, 2 bytes each: instructions in it, memory accesses of its plain micro-operations, offset in its page, micro-operations. */
export const BLOCK_COUNT = 12;
export const BLOCK_ACCESSES = 14;
export const BLOCK_OFFSET = 16;
export const BLOCK_UOPS = 18;

/** Micro-operation: 2 bytes operation, 1 byte length of the instruction, 1 byte memory accesses of those after it in the block. */
export const OP = 0;
export const LENGTH = 2;
export const LATER_ACCESSES = 3;
/** 2 bytes: offset of the next instruction from the start of the page. */
export const NEXT = 4;
/** 2 bytes each: byte offsets of the destination and source registers and of the address's base and index registers. */
export const DST = 6;
export const SRC = 8;
export const BASE = 10;
export const INDEX = 12;
/** 1 byte: instructions after it in the block, signed: -1 in what is not an instruction. */
export const LATER = 14;
/** 1 byte: what the operation is, where several share one. */
export const SUB = 15;
/** 4 bytes signed: displacement of the address, or offset of a branch's target from the start of the page. */
export const DISP = 16;
/** 1 byte each: index shift; operand width in bytes; whether branches may be chained; whether the operand is in memory. */
export const SCALE = 20;
export const WIDTH = 21;
export const CHAINED = 22;
export const MEMORY = 23;
/** 8 bytes: immediate, sign-extended. In a branch instead the blocks of the target and of the next instruction. */
export const IMM = 24;
export const TAKEN = 24;
export const FALL = 28;

/** Most instructions in a block. */
export const BLOCK_LIMIT = 64;

/** Crossing instruction: its bytes (16), its offset in the page (4), then a block of one instruction. */
export const CROSSING_SIZE = 192;
export const CROSSING_OFFSET = 16;
export const CROSSING_BLOCK = 32;

/** Forms of a two-operand operation, destination first. */
export const RR = 0;
export const RI = 1;
export const RM = 2;
export const MR = 3;
export const MI = 4;
export const FORMS = 5;

/** Arithmetic kinds, in encoding order. */
export const ALU_ADD = 0;
export const ALU_OR = 1;
export const ALU_ADC = 2;
export const ALU_SBB = 3;
export const ALU_AND = 4;
export const ALU_SUB = 5;
export const ALU_XOR = 6;
export const ALU_CMP = 7;
export const ALU_TEST = 8;

/** Operations of the machinery: end of quantum, dropped code, go on with the next block, an instruction that crosses the page, form an address. */
export const OP_STOP = 0;
export const OP_STALE = 1;
export const OP_NEXT = 2;
export const OP_CROSS = 3;
export const OP_ADDRESS = 4;
export const OP_NOP = 5;
/** Transfers of control. */
export const OP_JMP = 6;
export const OP_JCC = 7;
export const OP_JMP_R = 8;
export const OP_JMP_M = 9;
export const OP_CALL = 10;
export const OP_CALL_R = 11;
export const OP_CALL_M = 12;
export const OP_RET = 13;
export const OP_RET_I = 14;
/** Conditional jumps after a comparison, by condition code; then those on the zero flag of a sum and of a plain result. */
export const OP_JO_SUB = 15;
export const OP_JNO_SUB = 16;
export const OP_JB_SUB = 17;
export const OP_JAE_SUB = 18;
export const OP_JE_SUB = 19;
export const OP_JNE_SUB = 20;
export const OP_JBE_SUB = 21;
export const OP_JA_SUB = 22;
export const OP_JS_SUB = 23;
export const OP_JNS_SUB = 24;
export const OP_JP_SUB = 25;
export const OP_JNP_SUB = 26;
export const OP_JL_SUB = 27;
export const OP_JGE_SUB = 28;
export const OP_JLE_SUB = 29;
export const OP_JG_SUB = 30;
export const OP_JZ_ADD = 31;
export const OP_JNZ_ADD = 32;
export const OP_JZ_RESULT = 33;
export const OP_JNZ_RESULT = 34;
/** Moves: by form, then by log2 of the width. */
export const OP_MOV_RR8 = 35;
export const OP_MOV_RR16 = 36;
export const OP_MOV_RR32 = 37;
export const OP_MOV_RR64 = 38;
export const OP_MOV_RI8 = 39;
export const OP_MOV_RI16 = 40;
export const OP_MOV_RI32 = 41;
export const OP_MOV_RI64 = 42;
export const OP_MOV_RM8 = 43;
export const OP_MOV_RM16 = 44;
export const OP_MOV_RM32 = 45;
export const OP_MOV_RM64 = 46;
export const OP_MOV_MR8 = 47;
export const OP_MOV_MR16 = 48;
export const OP_MOV_MR32 = 49;
export const OP_MOV_MR64 = 50;
export const OP_MOV_MI8 = 51;
export const OP_MOV_MI16 = 52;
export const OP_MOV_MI32 = 53;
export const OP_MOV_MI64 = 54;
/** Extensions, from a register and from memory. */
export const OP_MOVZX_R8 = 55;
export const OP_MOVZX_R16 = 56;
export const OP_MOVZX_M8 = 57;
export const OP_MOVZX_M16 = 58;
export const OP_MOVSX32_R8 = 59;
export const OP_MOVSX32_R16 = 60;
export const OP_MOVSX32_M8 = 61;
export const OP_MOVSX32_M16 = 62;
export const OP_MOVSX64_R8 = 63;
export const OP_MOVSX64_R16 = 64;
export const OP_MOVSX64_R32 = 65;
export const OP_MOVSX64_M8 = 66;
export const OP_MOVSX64_M16 = 67;
export const OP_MOVSX64_M32 = 68;
/** Addresses and the stack. */
export const OP_LEA32 = 69;
export const OP_LEA64 = 70;
export const OP_PUSH_R = 71;
export const OP_PUSH_I = 72;
export const OP_PUSH_M = 73;
export const OP_POP_R = 74;
export const OP_LEAVE = 75;
/** Operations on one register. */
export const OP_INC32 = 76;
export const OP_INC64 = 77;
export const OP_DEC32 = 78;
export const OP_DEC64 = 79;
export const OP_NEG32 = 80;
export const OP_NEG64 = 81;
export const OP_NOT32 = 82;
export const OP_NOT64 = 83;
/** Shifts of a register by the immediate, and by CL. */
export const OP_SHL32_I = 84;
export const OP_SHL64_I = 85;
export const OP_SHR32_I = 86;
export const OP_SHR64_I = 87;
export const OP_SAR32_I = 88;
export const OP_SAR64_I = 89;
export const OP_SHL32_C = 90;
export const OP_SHL64_C = 91;
export const OP_SHR32_C = 92;
export const OP_SHR64_C = 93;
export const OP_SAR32_C = 94;
export const OP_SAR64_C = 95;
/** Signed multiplications: register by register, by memory, and register by immediate. */
export const OP_IMUL32_RR = 96;
export const OP_IMUL64_RR = 97;
export const OP_IMUL32_RM = 98;
export const OP_IMUL64_RM = 99;
export const OP_IMUL32_RRI = 100;
export const OP_IMUL64_RRI = 101;
export const OP_SETCC = 102;
export const OP_CMOV32 = 103;
export const OP_CMOV64 = 104;
export const OP_CDQ = 105;
export const OP_CQO = 106;
export const OP_CDQE = 107;
/** Arithmetic of 32 and 64 bits: by kind, then by form. */
export const OP_ADD32_RR = 108;
export const OP_ADD32_RI = 109;
export const OP_ADD32_RM = 110;
export const OP_ADD32_MR = 111;
export const OP_ADD32_MI = 112;
export const OP_OR32_RR = 113;
export const OP_OR32_RI = 114;
export const OP_OR32_RM = 115;
export const OP_OR32_MR = 116;
export const OP_OR32_MI = 117;
export const OP_ADC32_RR = 118;
export const OP_ADC32_RI = 119;
export const OP_ADC32_RM = 120;
export const OP_ADC32_MR = 121;
export const OP_ADC32_MI = 122;
export const OP_SBB32_RR = 123;
export const OP_SBB32_RI = 124;
export const OP_SBB32_RM = 125;
export const OP_SBB32_MR = 126;
export const OP_SBB32_MI = 127;
export const OP_AND32_RR = 128;
export const OP_AND32_RI = 129;
export const OP_AND32_RM = 130;
export const OP_AND32_MR = 131;
export const OP_AND32_MI = 132;
export const OP_SUB32_RR = 133;
export const OP_SUB32_RI = 134;
export const OP_SUB32_RM = 135;
export const OP_SUB32_MR = 136;
export const OP_SUB32_MI = 137;
export const OP_XOR32_RR = 138;
export const OP_XOR32_RI = 139;
export const OP_XOR32_RM = 140;
export const OP_XOR32_MR = 141;
export const OP_XOR32_MI = 142;
export const OP_CMP32_RR = 143;
export const OP_CMP32_RI = 144;
export const OP_CMP32_RM = 145;
export const OP_CMP32_MR = 146;
export const OP_CMP32_MI = 147;
export const OP_TEST32_RR = 148;
export const OP_TEST32_RI = 149;
export const OP_TEST32_RM = 150;
export const OP_TEST32_MR = 151;
export const OP_TEST32_MI = 152;
export const OP_ADD64_RR = 153;
export const OP_ADD64_RI = 154;
export const OP_ADD64_RM = 155;
export const OP_ADD64_MR = 156;
export const OP_ADD64_MI = 157;
export const OP_OR64_RR = 158;
export const OP_OR64_RI = 159;
export const OP_OR64_RM = 160;
export const OP_OR64_MR = 161;
export const OP_OR64_MI = 162;
export const OP_ADC64_RR = 163;
export const OP_ADC64_RI = 164;
export const OP_ADC64_RM = 165;
export const OP_ADC64_MR = 166;
export const OP_ADC64_MI = 167;
export const OP_SBB64_RR = 168;
export const OP_SBB64_RI = 169;
export const OP_SBB64_RM = 170;
export const OP_SBB64_MR = 171;
export const OP_SBB64_MI = 172;
export const OP_AND64_RR = 173;
export const OP_AND64_RI = 174;
export const OP_AND64_RM = 175;
export const OP_AND64_MR = 176;
export const OP_AND64_MI = 177;
export const OP_SUB64_RR = 178;
export const OP_SUB64_RI = 179;
export const OP_SUB64_RM = 180;
export const OP_SUB64_MR = 181;
export const OP_SUB64_MI = 182;
export const OP_XOR64_RR = 183;
export const OP_XOR64_RI = 184;
export const OP_XOR64_RM = 185;
export const OP_XOR64_MR = 186;
export const OP_XOR64_MI = 187;
export const OP_CMP64_RR = 188;
export const OP_CMP64_RI = 189;
export const OP_CMP64_RM = 190;
export const OP_CMP64_MR = 191;
export const OP_CMP64_MI = 192;
export const OP_TEST64_RR = 193;
export const OP_TEST64_RI = 194;
export const OP_TEST64_RM = 195;
export const OP_TEST64_MR = 196;
export const OP_TEST64_MI = 197;
/** Arithmetic of 8 and 16 bits, by form; the kind is in SUB. Comparisons and tests of 8 bits have their own. */
export const OP_ALU8_RR = 198;
export const OP_ALU8_RI = 199;
export const OP_ALU8_RM = 200;
export const OP_ALU8_MR = 201;
export const OP_ALU8_MI = 202;
export const OP_ALU16_RR = 203;
export const OP_ALU16_RI = 204;
export const OP_ALU16_RM = 205;
export const OP_ALU16_MR = 206;
export const OP_ALU16_MI = 207;
export const OP_CMP8_RR = 208;
export const OP_CMP8_RI = 209;
export const OP_CMP8_RM = 210;
export const OP_CMP8_MR = 211;
export const OP_CMP8_MI = 212;
export const OP_TEST8_RR = 213;
export const OP_TEST8_RI = 214;
export const OP_TEST8_RM = 215;
export const OP_TEST8_MR = 216;
export const OP_TEST8_MI = 217;
/** Moves of XMM registers and between them and memory. */
export const OP_MOVAPS_RR = 218;
export const OP_MOVUPS_RM = 219;
export const OP_MOVUPS_MR = 220;
export const OP_MOVAPS_RM = 221;
export const OP_MOVAPS_MR = 222;
export const OP_MOVSD_RM = 223;
export const OP_MOVSD_MR = 224;
export const OP_MOVSS_RM = 225;
export const OP_MOVSS_MR = 226;
/** Scalar arithmetic, tried quickly first: from a register and from memory, in doubles and singles. */
export const OP_ADDSD_RR = 227;
export const OP_ADDSD_RM = 228;
export const OP_ADDSS_RR = 229;
export const OP_ADDSS_RM = 230;
export const OP_SUBSD_RR = 231;
export const OP_SUBSD_RM = 232;
export const OP_SUBSS_RR = 233;
export const OP_SUBSS_RM = 234;
export const OP_MULSD_RR = 235;
export const OP_MULSD_RM = 236;
export const OP_MULSS_RR = 237;
export const OP_MULSS_RM = 238;
export const OP_DIVSD_RR = 239;
export const OP_DIVSD_RM = 240;
export const OP_DIVSS_RR = 241;
export const OP_DIVSS_RM = 242;
/** Common operations between whole registers. */
export const OP_SSE_XOR = 243;
export const OP_SSE_AND = 244;
export const OP_SSE_OR = 245;
export const OP_PADDD = 246;
export const OP_PADDQ = 247;
export const OP_PSUBD = 248;
export const OP_PSUBQ = 249;
/** The other SSE operations between registers and with memory, x87 operations (vector-operands.ts); the time-stamp counter. */
export const OP_SSE_RR = 250;
export const OP_SSE_M = 251;
export const OP_X87 = 252;
export const OP_RDTSC = 253;
/** First of the families above. */
export const OP_JCC_SUB = OP_JO_SUB;
export const OP_MOV = OP_MOV_RR8;
export const OP_ALU32 = OP_ADD32_RR;
export const OP_ALU64 = OP_ADD64_RR;
export const OP_ALU8 = OP_ALU8_RR;
export const OP_ALU16 = OP_ALU16_RR;
export const OP_CMP8 = OP_CMP8_RR;
export const OP_TEST8 = OP_TEST8_RR;
/** Operations outside the main loop (rare.ts). The count of a shift is in IMM or in CL as SRC says. */
export const OP_SHIFT = 512;
export const OP_SHIFT_DOUBLE = 513;
export const OP_MUL = 514;
export const OP_IMUL1 = 515;
export const OP_DIV = 516;
export const OP_IDIV = 517;
export const OP_IMUL16 = 518;
export const OP_UNARY = 519;
export const OP_BIT = 520;
export const OP_BSF = 521;
export const OP_BSR = 522;
export const OP_XCHG = 523;
export const OP_XADD = 524;
export const OP_CMPXCHG = 525;
export const OP_CMPXCHG8B = 526;
export const OP_CMPXCHG16B = 527;
export const OP_CMOV = 528;
export const OP_SETCC_M = 529;
export const OP_EXTEND16 = 530;
export const OP_BSWAP = 531;
export const OP_CBW = 532;
export const OP_CWDE = 533;
export const OP_CWD = 534;
export const OP_LAHF = 535;
export const OP_SAHF = 536;
export const OP_PUSHF = 537;
export const OP_POPF = 538;
export const OP_FLAG = 539;
export const OP_ENTER = 540;
export const OP_LEAVE16 = 541;
export const OP_PUSH16 = 542;
export const OP_PUSH_I16 = 543;
export const OP_POP16 = 544;
export const OP_POP_M = 545;
export const OP_LEA16 = 546;
export const OP_LOOP = 547;
export const OP_XLAT = 548;
export const OP_STRING = 549;
export const OP_CPUID = 550;
export const OP_SYSCALL = 551;
export const OP_TRAP = 552;
export const OP_FAULT = 553;
export const OP_MOV_SEGMENT = 554;
export const OP_UNDEFINED = 555;
/** Bit counts, BMI and ADX (SUB: BITS_*), moves with the bytes swapped, checksums (bit-extensions.ts); MMX (mmx.ts); XGETBV; far transfers
 * (far.ts). */
export const OP_BIT_EXTENSION = 556;
export const OP_MOVBE = 557;
export const OP_CRC32 = 558;
export const OP_MMX = 559;
export const OP_XGETBV = 560;
export const OP_FAR = 561;

/** Bits of SUB of SSE and x87 operations: memory is written; it is the first operand; it must be aligned to 16 bytes; it is RAX instead; to 64 bytes. */
export const OPERAND_WRITTEN = 1;
export const OPERAND_FIRST = 2;
export const OPERAND_ALIGNED = 4;
export const OPERAND_AX = 8;
export const OPERAND_ALIGNED_64 = 16;

/** What OP_UNARY, OP_BIT, OP_FLAG, OP_LOOP and OP_STRING are, in SUB. */
export const UNARY_INC = 0;
export const UNARY_DEC = 1;
export const UNARY_NEG = 2;
export const UNARY_NOT = 3;
export const BIT_TEST = 0;
export const BIT_SET = 1;
export const BIT_RESET = 2;
export const BIT_COMPLEMENT = 3;
export const FLAG_CLC = 0;
export const FLAG_STC = 1;
export const FLAG_CMC = 2;
export const FLAG_CLD = 3;
export const FLAG_STD = 4;
/** LOOPNE, LOOPE, LOOP, JRCXZ in encoding order; WIDTH 4 counts in ECX. */
export const LOOP_NE = 0;
export const LOOP_E = 1;
export const LOOP_ALWAYS = 2;
export const LOOP_ZERO = 3;
/** String operations, plus REPEAT_EQUAL or REPEAT_UNEQUAL, plus STRING_NARROW for 32-bit addresses. */
export const STRING_MOVS = 0;
export const STRING_STOS = 1;
export const STRING_LODS = 2;
export const STRING_SCAS = 3;
export const STRING_CMPS = 4;
export const STRING_KIND = 7;
export const STRING_REPEAT = 8;
export const STRING_UNTIL_EQUAL = 16;
export const STRING_NARROW = 32;

/** What OP_BIT_EXTENSION is: counts; lowest bits; with another register; the rest. */
export const BITS_POPCNT = 0;
export const BITS_LZCNT = 1;
export const BITS_TZCNT = 2;
export const BITS_BLSI = 3;
export const BITS_BLSMSK = 4;
export const BITS_BLSR = 5;
export const BITS_ANDN = 6;
export const BITS_BEXTR = 7;
export const BITS_BZHI = 8;
export const BITS_PDEP = 9;
export const BITS_PEXT = 10;
export const BITS_SARX = 11;
export const BITS_SHLX = 12;
export const BITS_SHRX = 13;
export const BITS_RORX = 14;
export const BITS_MULX = 15;
export const BITS_ADCX = 16;
export const BITS_ADOX = 17;
/** What OP_FAR is. */
export const FAR_JUMP = 0;
export const FAR_CALL = 1;
export const FAR_RETURN = 2;
export const FAR_INTERRUPT_RETURN = 3;
/** What OP_MOVBE is. */
export const SWAPPED_LOAD = 0;
export const SWAPPED_STORE = 1;

/**
 * What OP_MMX does with its operands, in SUB: on the low half, on the high half of the wider operation, on both operands in one, PALIGNR,
 * into an XMM register, out of an MMX register, MASKMOVQ, EMMS; plus MMX_APART for what leaves the x87 state alone.
 */
export const MMX_LOW = 0;
export const MMX_HIGH = 1;
export const MMX_JOINED = 2;
export const MMX_ALIGNED = 3;
export const MMX_TO_XMM = 4;
export const MMX_STORE = 5;
export const MMX_MASKED = 6;
export const MMX_EMPTY = 7;
export const MMX_KIND = 7;
export const MMX_APART = 8;

/** Answers of operations outside the main loop: go on; fault at the instruction; trap after it; system call; end the run; RIP is set; RIP is set and
 * the run ends. */
export const GO_ON = 0;
export const FAULTED = 1;
export const TRAPPED = 2;
export const CALLED = 3;
export const PAUSED = 4;
export const JUMPED = 5;
export const LANDED = 6;
