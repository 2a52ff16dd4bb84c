/* SSE3, SSSE3, SSE4.1, SSE4.2, AES, PCLMULQDQ and SHA. RSI and RDI are multiples of 16 in nearly all states (G_ALIGN). */
#include "forms.inc"

#define S32 G_F32|G_ALIGN
#define S64 G_F64|G_ALIGN
#define INTEGER G_INT|G_ALIGN

/* Two XMM operands, and a memory source of the given kind. */
.macro pair op, size, bits, gen
  f "\op xmm,xmm", U_NONE, \gen, \op xmm1, xmm2
  f "\op xmm,xmm", U_NONE, \gen, \op xmm9, xmm12
  f "\op xmm,xmm", U_NONE, \gen, \op xmm14, xmm14
  f "\op xmm,m\bits", U_NONE, \gen, \op xmm3, \size ptr [rsi+16]
  f "\op xmm,m\bits", U_NONE, \gen, \op xmm11, \size ptr [rdi-32]
.endm
.macro packed op, gen=INTEGER
  pair \op, xmmword, 128, \gen
.endm
.macro pair_imm op, size, bits, gen, imms:vararg
  .irp n, \imms
    f "\op xmm,xmm,imm8", U_NONE, \gen, \op xmm1, xmm2, \n
    f "\op xmm,xmm,imm8", U_NONE, \gen, \op xmm8, xmm13, \n
    f "\op xmm,m\bits,imm8", U_NONE, \gen, \op xmm10, \size ptr [rsi+16], \n
  .endr
.endm
.macro packed_imm op, gen, imms:vararg
  pair_imm \op, xmmword, 128, \gen, \imms
.endm

/* SSE3. */
.irp op, addsub, hadd, hsub
  packed \op\()ps, S32
  packed \op\()pd, S64
.endr
packed movshdup
packed movsldup
pair movddup, qword, 64, INTEGER
f "lddqu xmm,m128", U_NONE, G_INT, lddqu xmm4, xmmword ptr [rsi+3]

/* SSSE3. */
.irp op, pshufb, phaddw, phaddd, phaddsw, phsubw, phsubd, phsubsw, pmaddubsw, pmulhrsw, psignb, psignw, psignd, pabsb, pabsw, pabsd
  packed \op
.endr
packed_imm palignr, INTEGER, 0, 1, 7, 8, 15, 16, 23, 31, 32, 200

/* SSE4.1. */
.irp op, pmulld, pmuldq, pminsb, pminuw, pminsd, pminud, pmaxsb, pmaxuw, pmaxsd, pmaxud, packusdw, pcmpeqq, phminposuw
  packed \op
.endr
.irp op, pblendvb, blendvps, blendvpd
  f "\op xmm,xmm,xmm0", U_NONE, INTEGER, \op xmm1, xmm2, xmm0
  f "\op xmm,xmm,xmm0", U_NONE, INTEGER, \op xmm0, xmm12, xmm0
  f "\op xmm,m128,xmm0", U_NONE, INTEGER, \op xmm9, xmmword ptr [rsi+16], xmm0
.endr
.irp e, s, z
  pair pmov\e\()xbw, qword, 64, INTEGER
  pair pmov\e\()xbd, dword, 32, INTEGER
  pair pmov\e\()xbq, word, 16, INTEGER
  pair pmov\e\()xwd, qword, 64, INTEGER
  pair pmov\e\()xwq, dword, 32, INTEGER
  pair pmov\e\()xdq, qword, 64, INTEGER
.endr
packed_imm blendps, INTEGER, 0, 5, 0xFA
packed_imm blendpd, INTEGER, 1, 2, 0xFF
packed_imm pblendw, INTEGER, 0, 0x5A, 0x81
packed_imm mpsadbw, INTEGER, 0, 1, 2, 3, 4, 5, 6, 0xFF
f "movntdqa xmm,m128", U_NONE, INTEGER, movntdqa xmm6, xmmword ptr [rsi]
v "ptest xmm,xmm", U_NONE, INTEGER|G_SETS, C_EXACT, 0, ptest xmm1, xmm2
v "ptest xmm,xmm", U_NONE, INTEGER|G_SETS, C_EXACT, 0, ptest xmm9, xmm9
begin "ptest xmm,xmm (related)", U_NONE, INTEGER
  movdqa xmm3, xmm1
  pand xmm3, xmm2
  ptest xmm1, xmm3
  setz al
  ptest xmm3, xmm1
finish
f "ptest xmm,m128", U_NONE, INTEGER, ptest xmm7, xmmword ptr [rsi+16]
.irp n, 0, 3, 6, 15, 0xF9
  f "pextrb r32,xmm,imm8", U_NONE, INTEGER, pextrb eax, xmm1, \n
  f "pextrb r32,xmm,imm8", U_NONE, INTEGER, pextrb r9d, xmm12, \n
  f "pextrb m8,xmm,imm8", U_NONE, INTEGER, pextrb byte ptr [rsi+5], xmm3, \n
  f "pextrw m16,xmm,imm8", U_NONE, INTEGER, pextrw word ptr [rsi+5], xmm3, \n
  f "pextrd r32,xmm,imm8", U_NONE, INTEGER, pextrd ecx, xmm1, \n
  f "pextrd m32,xmm,imm8", U_NONE, INTEGER, pextrd dword ptr [rdi+5], xmm9, \n
  f "pextrq r64,xmm,imm8", U_NONE, INTEGER, pextrq rcx, xmm1, \n
  f "pextrq m64,xmm,imm8", U_NONE, INTEGER, pextrq qword ptr [rdi+5], xmm9, \n
  f "extractps r32,xmm,imm8", U_NONE, INTEGER, extractps edx, xmm4, \n
  f "extractps m32,xmm,imm8", U_NONE, INTEGER, extractps dword ptr [rdi+5], xmm15, \n
  f "pinsrb xmm,r32,imm8", U_NONE, INTEGER, pinsrb xmm1, eax, \n
  f "pinsrb xmm,m8,imm8", U_NONE, INTEGER, pinsrb xmm9, byte ptr [rsi+3], \n
  f "pinsrd xmm,r32,imm8", U_NONE, INTEGER, pinsrd xmm1, r10d, \n
  f "pinsrd xmm,m32,imm8", U_NONE, INTEGER, pinsrd xmm9, dword ptr [rsi+3], \n
  f "pinsrq xmm,r64,imm8", U_NONE, INTEGER, pinsrq xmm1, rdx, \n
  f "pinsrq xmm,m64,imm8", U_NONE, INTEGER, pinsrq xmm9, qword ptr [rsi+3], \n
.endr
.irp n, 0, 0x1F, 0x5A, 0xB5, 0xE8
  f "insertps xmm,xmm,imm8", U_NONE, INTEGER, insertps xmm1, xmm2, \n
  f "insertps xmm,xmm,imm8", U_NONE, INTEGER, insertps xmm11, xmm11, \n
  f "insertps xmm,m32,imm8", U_NONE, INTEGER, insertps xmm9, dword ptr [rsi+5], \n
.endr
pair_imm roundps, xmmword, 128, S32, 0, 1, 2, 3, 4, 8, 12, 0xF9
pair_imm roundpd, xmmword, 128, S64, 0, 1, 2, 3, 4, 8, 12, 0xF9
pair_imm roundss, dword, 32, S32, 0, 1, 2, 3, 4, 8, 12, 0xF9
pair_imm roundsd, qword, 64, S64, 0, 1, 2, 3, 4, 8, 12, 0xF9
pair_imm dpps, xmmword, 128, S32, 0xFF, 0x31, 0x77, 0xE5, 0x0F, 0xF0
pair_imm dppd, xmmword, 128, S64, 0x33, 0x31, 0x12, 0x03, 0xFC

/* SSE4.2. The lengths of the explicit forms come from RAX and RDX, G_SAME makes texts with equal parts. */
packed pcmpgtq
.irp n, 0x00, 0x05, 0x0A, 0x0F, 0x10, 0x11, 0x1A, 0x26, 0x2B, 0x30, 0x35, 0x3E, 0x44, 0x49, 0x4C, 0x5F, 0x62, 0x6D, 0x70, 0x7B, 0x0C, 0x0D, 0x1C, 0x38
  .irp op, pcmpistri, pcmpistrm, pcmpestri, pcmpestrm
    f "\op xmm,xmm,imm8", U_NONE, G_INT|G_SETS, \op xmm1, xmm2, \n
    begin "\op xmm,m128,imm8", U_NONE, G_INT|G_SAME|G_ALONE
      movdqu xmm9, xmmword ptr [rdi-7]
      movsx rdx, cl
      movsx eax, bh
      sar eax, 2
      \op xmm9, xmmword ptr [rsi+5], \n
    finish
  .endr
  begin "pcmpistri xmm,xmm,imm8 (texts)", U_NONE, G_INT|G_SAME|G_ALONE
    movdqu xmm9, xmmword ptr [rdi-7]
    movdqu xmm2, xmmword ptr [rsi+5]
    pslldq xmm9, 9
    psrldq xmm9, 9
    pslldq xmm2, 4
    psrldq xmm2, 4
    pcmpistri xmm9, xmm2, \n
  finish
.endr
.irp n, 0x08, 0x0C, 0x4C
  .irp op, pcmpestri, pcmpestrm
    begin "\op xmm,xmm,imm8 (rex.w)", U_NONE, G_INT|G_SETS
      .byte 0x66, 0x48, 0x0F, 0x3A
      .ifc \op, pcmpestri
      .byte 0x61
      .else
      .byte 0x60
      .endif
      .byte 0xCA, \n
    finish
  .endr
.endr

/* AES, carry-less multiplication, SHA. */
.irp op, aesenc, aesenclast, aesdec, aesdeclast, aesimc
  packed \op
.endr
packed_imm aeskeygenassist, INTEGER, 0, 1, 0x1B, 0x80
packed_imm pclmulqdq, INTEGER, 0, 1, 0x10, 0x11
.irp op, sha1nexte, sha1msg1, sha1msg2, sha256msg1, sha256msg2
  packed \op
.endr
f "sha256rnds2 xmm,xmm,xmm0", U_NONE, INTEGER, sha256rnds2 xmm1, xmm2, xmm0
f "sha256rnds2 xmm,xmm,xmm0", U_NONE, INTEGER, sha256rnds2 xmm9, xmm12, xmm0
f "sha256rnds2 xmm,m128,xmm0", U_NONE, INTEGER, sha256rnds2 xmm4, xmmword ptr [rsi+16], xmm0
packed_imm sha1rnds4, INTEGER, 0, 1, 2, 3
.section .note.GNU-stack,"",@progbits
