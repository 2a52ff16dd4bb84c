/* The architectural state of one run, in the order in which it is written to the vector file. */
#ifndef STATE_H
#define STATE_H

#include <stdint.h>
#include "forms.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

#define FLAG_BITS 0xCD5u /* CF PF AF ZF SF DF OF */

struct state {
  u64 gpr[16];
  u32 flags; /* FLAG_BITS only */
  u32 mxcsr;
  u16 fcw, fsw;
  u8 valid; /* bit n: physical x87 register n is not empty */
  u8 reserved[3];
  u8 xmm[16][16];
  u8 st[8][10]; /* by physical register, not by stack position */
  u8 data[DATA_BYTES];
  u8 stack[STACK_BYTES];
} __attribute__((packed));

_Static_assert(sizeof(struct state) == 864, "the image of a state is 864 bytes");

/* One entry of the table that the assembler files build. */
struct form {
  const char *name;
  const u8 *start;
  u32 undefined, gen, check, width;
  const u8 *end;
};

/* How a run ended. */
struct outcome {
  int vector; /* exception vector; 3 when the code ran to its end */
  u64 rip;    /* address of the next instruction */
  u32 error;  /* page fault: error code */
  u64 address; /* page fault: CR2 */
};

#endif
