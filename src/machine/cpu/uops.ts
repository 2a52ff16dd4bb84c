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
export const CROSSING_SIZE = 128;
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
/** Sixteen conditional jumps after a comparison, by condition code; then those on the zero and sign of a sum and of a plain result. */
export const OP_JCC_SUB = 16;
export const OP_JZ_ADD = 32;
export const OP_JNZ_ADD = 33;
export const OP_JZ_RESULT = 34;
export const OP_JNZ_RESULT = 35;
/** Moves: plus form * 4 plus log2 of the width. */
export const OP_MOV = 36;
/** Extensions, from a register and from memory. */
export const OP_MOVZX_R8 = 56;
export const OP_MOVZX_R16 = 57;
export const OP_MOVZX_M8 = 58;
export const OP_MOVZX_M16 = 59;
export const OP_MOVSX32_R8 = 60;
export const OP_MOVSX32_R16 = 61;
export const OP_MOVSX32_M8 = 62;
export const OP_MOVSX32_M16 = 63;
export const OP_MOVSX64_R8 = 64;
export const OP_MOVSX64_R16 = 65;
export const OP_MOVSX64_R32 = 66;
export const OP_MOVSX64_M8 = 67;
export const OP_MOVSX64_M16 = 68;
export const OP_MOVSX64_M32 = 69;
export const OP_LEA32 = 70;
export const OP_LEA64 = 71;
export const OP_PUSH_R = 72;
export const OP_PUSH_I = 73;
export const OP_PUSH_M = 74;
export const OP_POP_R = 75;
export const OP_LEAVE = 76;
export const OP_INC32 = 77;
export const OP_INC64 = 78;
export const OP_DEC32 = 79;
export const OP_DEC64 = 80;
export const OP_NEG32 = 81;
export const OP_NEG64 = 82;
export const OP_NOT32 = 83;
export const OP_NOT64 = 84;
/** Shifts of a register by the immediate, and by CL. */
export const OP_SHL32_I = 85;
export const OP_SHL64_I = 86;
export const OP_SHR32_I = 87;
export const OP_SHR64_I = 88;
export const OP_SAR32_I = 89;
export const OP_SAR64_I = 90;
export const OP_SHL32_C = 91;
export const OP_SHL64_C = 92;
export const OP_SHR32_C = 93;
export const OP_SHR64_C = 94;
export const OP_SAR32_C = 95;
export const OP_SAR64_C = 96;
/** Signed multiplications: register by register, by memory, and register by immediate. */
export const OP_IMUL32_RR = 97;
export const OP_IMUL64_RR = 98;
export const OP_IMUL32_RM = 99;
export const OP_IMUL64_RM = 100;
export const OP_IMUL32_RRI = 101;
export const OP_IMUL64_RRI = 102;
export const OP_SETCC = 103;
export const OP_CMOV32 = 104;
export const OP_CMOV64 = 105;
export const OP_CDQ = 106;
export const OP_CQO = 107;
export const OP_CDQE = 108;
/** Arithmetic of 32, 64, 8 and 16 bits: plus kind * FORMS plus form (8 and 16 bits: plus form, the kind is in SUB). */
export const OP_ALU32 = 120;
export const OP_ALU64 = 168;
export const OP_ALU8 = 216;
export const OP_ALU16 = 224;
/** 8-bit comparisons and tests: plus form. */
export const OP_CMP8 = 232;
export const OP_TEST8 = 240;
/** Moves of XMM registers and between them and memory. */
export const OP_MOVAPS_RR = 248;
export const OP_MOVUPS_RM = 249;
export const OP_MOVUPS_MR = 250;
export const OP_MOVAPS_RM = 251;
export const OP_MOVAPS_MR = 252;
export const OP_MOVSD_RM = 253;
export const OP_MOVSD_MR = 254;
export const OP_MOVSS_RM = 255;
export const OP_MOVSS_MR = 256;
/** Scalar arithmetic, tried quickly first: from a register and from memory, in doubles and singles. */
export const OP_ADDSD_RR = 257;
export const OP_ADDSD_RM = 258;
export const OP_ADDSS_RR = 259;
export const OP_ADDSS_RM = 260;
export const OP_SUBSD_RR = 261;
export const OP_SUBSD_RM = 262;
export const OP_SUBSS_RR = 263;
export const OP_SUBSS_RM = 264;
export const OP_MULSD_RR = 265;
export const OP_MULSD_RM = 266;
export const OP_MULSS_RR = 267;
export const OP_MULSS_RM = 268;
export const OP_DIVSD_RR = 269;
export const OP_DIVSD_RM = 270;
export const OP_DIVSS_RR = 271;
export const OP_DIVSS_RM = 272;
/** Common operations between whole registers. */
export const OP_SSE_XOR = 273;
export const OP_SSE_AND = 274;
export const OP_SSE_OR = 275;
export const OP_PADDD = 276;
export const OP_PADDQ = 277;
export const OP_PSUBD = 278;
export const OP_PSUBQ = 279;
/** The other SSE operations between registers and with memory, x87 operations (vector-operands.ts); the time-stamp counter. */
export const OP_SSE_RR = 280;
export const OP_SSE_M = 281;
export const OP_X87 = 282;
export const OP_RDTSC = 283;
/** Operations outside the main loop (rare.ts). The count of a shift is in IMM or in CL as SRC says. */
export const OP_SHIFT = 513;
export const OP_SHIFT_DOUBLE = 514;
export const OP_MUL = 515;
export const OP_IMUL1 = 516;
export const OP_DIV = 517;
export const OP_IDIV = 518;
export const OP_IMUL16 = 519;
export const OP_UNARY = 520;
export const OP_BIT = 521;
export const OP_BSF = 522;
export const OP_BSR = 523;
export const OP_XCHG = 524;
export const OP_XADD = 525;
export const OP_CMPXCHG = 526;
export const OP_CMPXCHG8B = 527;
export const OP_CMPXCHG16B = 528;
export const OP_CMOV = 529;
export const OP_SETCC_M = 530;
export const OP_EXTEND16 = 531;
export const OP_BSWAP = 532;
export const OP_CBW = 533;
export const OP_CWDE = 534;
export const OP_CWD = 535;
export const OP_LAHF = 536;
export const OP_SAHF = 537;
export const OP_PUSHF = 538;
export const OP_POPF = 539;
export const OP_FLAG = 540;
export const OP_ENTER = 541;
export const OP_LEAVE16 = 542;
export const OP_PUSH16 = 543;
export const OP_PUSH_I16 = 560;
export const OP_POP16 = 544;
export const OP_POP_M = 545;
export const OP_LEA16 = 546;
export const OP_LOOP = 547;
export const OP_XLAT = 548;
export const OP_STRING = 549;
export const OP_CPUID = 550;
export const OP_SYSCALL = 552;
export const OP_TRAP = 553;
export const OP_FAULT = 554;
export const OP_MOV_SEGMENT = 555;
export const OP_UNDEFINED = 556;

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

/** Answers of operations outside the main loop: go on; fault at the instruction; trap after it; system call; end the run; RIP is set. */
export const GO_ON = 0;
export const FAULTED = 1;
export const TRAPPED = 2;
export const CALLED = 3;
export const PAUSED = 4;
export const JUMPED = 5;
