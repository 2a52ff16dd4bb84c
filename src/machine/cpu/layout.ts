/**
 * The header of the machine's memory: byte offsets of everything the processor keeps below RAM.
 * Compiled by both AssemblyScript and TypeScript, so that the two sides share one truth.
 */

/** First byte of the user context: the block that a kernel stack saves and restores. */
export const CONTEXT = 0x400;
/** Sixteen 8-byte general registers, in encoding order: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15. */
export const GPR = 0x400;
/** 8 bytes: address of the next instruction. */
export const RIP = 0x480;
/** 4 bytes: RFLAGS; its status bits count only while FLAGS_KIND is FLAGS_EXACT. */
export const RFLAGS = 0x488;
/** 8 bytes each: segment bases of FS and GS. */
export const FS_BASE = 0x490;
export const GS_BASE = 0x498;
/** 4 bytes: SSE control and status. */
export const MXCSR = 0x4a0;
/** 4 bytes each (16 used): x87 control word, status word (TOP in bits 11-13), full tag word (two bits a register), last opcode (11 bits). */
export const FPU_CONTROL = 0x4a4;
export const FPU_STATUS = 0x4a8;
export const FPU_TAG = 0x4ac;
export const FPU_OPCODE = 0x4b0;
/** 8 bytes each: address of the last x87 instruction and of its memory operand. */
export const FPU_IP = 0x4b8;
export const FPU_DP = 0x4c0;
/** Sixteen 16-byte XMM registers. */
export const XMM = 0x500;
/** Eight 16-byte slots of the physical x87 registers R0..R7 (not rotated by TOP): mantissa in bytes 0-7, sign and exponent in 8-9. */
export const FPU_REGISTERS = 0x600;
/** Bytes of the user context. */
export const CONTEXT_SIZE = 0x280;

/** 4 bytes: how the status flags are held (FLAGS_*), low byte; the operand shift (64 - width in bits) in the next byte. */
export const FLAGS_KIND = 0x690;
/** 8 bytes each: operands of the last flag-setting operation, shifted so that their sign is bit 63. */
export const FLAGS_A = 0x698;
export const FLAGS_B = 0x6a0;
/** 8 bytes that stay zero: the base of an operand that has none. */
export const ZERO = 0x6a8;
/** 8 bytes: virtual address of the page that the current block lies in. */
export const CODE_PAGE = 0x6b0;

/** 8 bytes: linear address of the last page fault; 4 bytes each: its error code, the vector of the last exception. */
export const FAULT_ADDRESS = 0x6c0;
export const FAULT_ERROR = 0x6c8;
export const EXCEPTION_VECTOR = 0x6cc;

/** 8 bytes each: counters since the machine began. Nanoseconds added by devices stand in TIME_ADDED. */
export const INSTRUCTIONS = 0x6d0;
export const TLB_ACCESSES = 0x6d8;
export const TLB_MISSES = 0x6e0;
export const TLB_FLUSHES = 0x6e8;
export const TIME_ADDED = 0x6f0;

/** 4 bytes each. Frame number of the top paging table (CR3). */
export const DIRECTORY = 0x700;
/** Byte offset of frame 0; count of frames; byte offset of the table with one 4-byte head of the block list for each frame. */
export const RAM_BASE = 0x704;
export const FRAME_COUNT = 0x708;
export const FRAME_BLOCKS = 0x70c;
/** Bounds of the code cache and its first unused byte. */
export const CODE_START = 0x710;
export const CODE_END = 0x714;
export const CODE_NEXT = 0x718;
/** Not 0: the TLB may hold translations of large pages. */
export const TLB_LARGE = 0x71c;
/** What the decoder is asked for: byte offset of the code in RAM, and the place where the decoded uops go. */
export const DECODE_FROM = 0x720;
export const DECODE_TO = 0x724;
/** Micro-operation replaced by the end of the quantum (0 = none), and its operation. */
export const STOP_AT = 0x728;
export const STOP_OPERATION = 0x72c;
/** Host addresses of the two parts of a split access and the bytes in the first. */
export const SPLIT_FIRST = 0x730;
export const SPLIT_SECOND = 0x734;
export const SPLIT_BYTES = 0x738;
/** Instructions that the last run left over. */
export const BUDGET = 0x73c;
/** 8 bytes: an address that a micro-operation formed for the next one. 8 bytes: the constant 4096. */
export const ADDRESS = 0x740;
export const PAGE_BYTES = 0x748;
/** Not 0: the last general protection fault was for an address that is not canonical. */
export const NON_CANONICAL = 0x750;
/** Not 0: the TLB may hold translations that are not global, so that a change of directory has to look through it. */
export const TLB_FILLED = 0x754;
/** Not 0: alignment is checked (AC of RFLAGS), and the TLB holds no user-mode tags for data. */
export const ALIGNMENT_CHECK = 0x758;
/** Split-access buffer, 576 bytes (an XSAVE area); operand scratch of the SSE operations, 448 bytes. */
export const SPLIT_BUFFER = 0x800;
export const SCRATCH = 0xa40;
/** A second operand scratch, 64 bytes, for an operation that needs one. */
export const SCRATCH2 = 0xc00;
/** Working numbers of the floating-point routines, 832 bytes; nothing in it outlives an instruction. */
export const FLOAT_SCRATCH = 0xcc0;

/** Static data of the compiled module (tables): scripts/build-cpu.mjs places it here. */
export const STATIC_DATA = 0x1000;
/** The translation look-aside buffer: direct-mapped entries of 32 bytes. */
export const TLB = 0x10000;
export const TLB_ENTRIES = 1024;
/** Rights in supervisor mode, parallel to TLB: entries of 8 bytes, page address with TLB_* bits. */
export const TLB_SUPERVISOR = 0x18000;
/** Instructions that cross a page, kept by content: 64 entries of 192 bytes. */
export const CROSSING = 0x1a000;
export const CROSSING_ENTRIES = 64;
/**
 * Translations of large pages, each good for its 2 MB: direct-mapped entries of 16 bytes, the address with TLB_* bits and 4 bytes
 * for the first frame. The TLB has entries for small pages of them, which are filled from here.
 */
export const LARGE_TLB = 0x1c000;
export const LARGE_TLB_ENTRIES = 32;
/** Hash table of decoded blocks by physical address: 4-byte heads. */
export const BLOCK_HASH = 0x20000;
export const BLOCK_HASH_ENTRIES = 65536;
/** End of the fixed header; the frame table and the code cache follow, then RAM. */
export const HEADER_END = 0x60000;

/** Offsets in a TLB entry: user-mode tags (page address, or an odd number for none), what to add to the low address word, flags. */
export const TLB_READ = 0;
export const TLB_WRITE = 8;
export const TLB_EXECUTE = 16;
export const TLB_ADDEND = 24;
/** Bits of a TLB_SUPERVISOR entry. */
export const TLB_VALID = 1;
export const TLB_WRITABLE = 2;
export const TLB_EXECUTABLE = 4;
export const TLB_GLOBAL = 8;
export const TLB_LARGE_PAGE = 16;
/** Bit of a LARGE_TLB entry: user mode may use the page. */
export const TLB_USER = 32;

/** FLAGS_KIND values. EXACT: RFLAGS holds them. SUB, ADD: those of A - B, A + B. RESULT: A is the result, B holds CF, AF and OF in place. */
export const FLAGS_EXACT = 0;
export const FLAGS_SUB = 1;
export const FLAGS_ADD = 2;
export const FLAGS_RESULT = 3;

/** Bits of RFLAGS. */
export const CF = 0x1;
export const PF = 0x4;
export const AF = 0x10;
export const ZF = 0x40;
export const SF = 0x80;
export const TF = 0x100;
export const IF = 0x200;
export const DF = 0x400;
export const OF = 0x800;
export const NT = 0x4000;
export const AC = 0x40000;
export const ID = 0x200000;
/** The status flags: CF PF AF ZF SF OF. */
export const STATUS_FLAGS = 0x8d5;

/** Exits of the processor's loop. The first four are the caller's, the last two are served inside Processor.run. */
export const EXIT_QUANTUM = 0;
export const EXIT_PAGE_FAULT = 1;
export const EXIT_SYSTEM_CALL = 2;
export const EXIT_EXCEPTION = 3;
export const EXIT_DECODE = 4;

/** Access kinds, OR-ed. */
export const ACCESS_READ = 0;
export const ACCESS_WRITE = 1;
export const ACCESS_EXECUTE = 2;
export const ACCESS_USER = 4;
