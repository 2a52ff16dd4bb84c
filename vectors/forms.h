/* Constants shared by the C recorder and the assembler files (no C declarations here). */
#ifndef FORMS_H
#define FORMS_H

/* Addresses of the recorded run (all below 2 GiB, so absolute and 32-bit addressing reach them). */
#define DATA_PAGES 0x10000000   /* two pages; the data window straddles their border */
#define DATA_WINDOW 0x10000F80
#define DATA_BYTES 256
#define STACK_PAGES 0x10003000  /* two pages; the stack window straddles their border */
#define STACK_WINDOW 0x10003FC0
#define STACK_BYTES 128
#define SCRATCH_PAGE 0x10006000 /* zero before every run; neither recorded nor compared */
#define CODE_PAGE 0x10010000
#define RIP_TO_DATA (-0xF000)   /* displacement that leads from the first instruction into the data window */

/* Undefined bits: RFLAGS in the low half, the x87 status word in the high half. */
#define U_NONE 0
#define U_CF 0x001
#define U_PF 0x004
#define U_AF 0x010
#define U_ZF 0x040
#define U_SF 0x080
#define U_OF 0x800
#define U_ALL 0x8D5
#define U_MUL 0x0D4             /* SF ZF AF PF */
#define U_SCAN 0x895            /* all but ZF */
#define U_BT 0x894              /* OF SF AF PF */
#define U_C023 0x45000000
#define U_C0123 0x47000000
#define U_INEXACT 0x47200000    /* C0..C3 and PE */

/* What the input states look like (low 3 bits: the pool of base states). */
#define POOL 7
#define G_INT 0
#define G_F32 1
#define G_F64 2
#define G_X87 3
#define G_ALIGN 0x8             /* RSI and RDI are multiples of 16, but for one state in ten */
#define G_REP 0x10              /* RCX is a small count */
#define G_SAME 0x20             /* memory of few distinct values, so that string compares go on */
#define G_DIV 0x40              /* RDX:RAX usually small enough for the quotient to fit */
#define G_BIT 0x80              /* RCX is a bit offset that stays in the data window */
#define G_COUNT 0x100           /* CL is a count around the operand width */
#define G_FLAGS 0x200           /* the quadword at RSP is a legal flags image */
#define G_SHIFT_CL 0x400        /* undefined flags follow from CL (shift) */
#define G_ROTATE_CL 0x800       /* undefined flags follow from CL (rotate) */
#define G_DOUBLE_CL 0x1000      /* undefined flags follow from CL (SHLD, SHRD) */
#define G_EQUAL 0x2000          /* the accumulator often equals RCX and the operand at RSI+16 */
#define G_NONZERO 0x4000        /* only states whose result has ZF clear */
#define G_SETS 0x8000           /* defines every flag without reading one, and cannot fault */
#define G_ALONE 0x10000         /* never part of a random sequence */
#define G_SHIFT_XMM 0x20000     /* XMM2, XMM12 and the memory operand hold small shift counts */
#define G_ABSENT 0x40000        /* the second page of the data window is absent; RSI and RDI are near it */
#define G_READONLY 0x80000      /* the second page of the data window is read-only; RSI and RDI are near it */
/* The x87 memory operand at RSI+8. */
#define G_M32 0x100000
#define G_M64 0x200000
#define G_M80 0x400000
#define G_BCD 0x800000
#define G_CW 0x1000000          /* a control word */
#define G_TRIG 0x2000000        /* ST0 of moderate size */
#define G_UNIT 0x4000000        /* ST0 within -1..1 */
#define G_NEAR 0x8000000        /* exponents of ST0 and ST1 less than 64 apart */
#define G_LOG1P 0x10000000      /* ST0 within -0.29..0.29 */
#define G_SMALL_SCALE 0x20000000
#define G_LOW_RCX 0x40000000    /* the high half of RCX is zero */

#define G_ONE_NEAR 0x80000000   /* of RSI and RDI only one is near the border: which of two faults comes first is nowhere said */

/* How results compare. */
#define C_EXACT 0
#define C_APPROX 1              /* single-precision lanes within 1.5 * 2^-12 */
#define C_ULP 2                 /* x87 registers within 2 units in the last place */

#endif
