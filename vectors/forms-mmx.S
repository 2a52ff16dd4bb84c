/* MMX, with the additions of SSE, SSE2 and SSSE3. Its registers are the significands of the x87 registers. */
#include "forms.inc"

#define M G_X87

/* An operation on what the x87 left, on two memory operands, and on a register with itself. */
.macro binary op, bits=64, size=qword
  f "\op mm,mm", U_NONE, M, \op mm1, mm2
  begin "\op mm,mm", U_NONE, M
    movq mm3, [rsi+3]
    movq mm4, [rdi-20]
    \op mm3, mm4
  finish
  f "\op mm,mm", U_NONE, M, \op mm5, mm5
  f "\op mm,m\bits", U_NONE, M, \op mm6, \size ptr [rsi+8]
.endm

.irp op, paddb, paddw, paddd, paddq, psubb, psubw, psubd, psubq, paddsb, paddsw, paddusb, paddusw, psubsb, psubsw, psubusb, psubusw
  binary \op
.endr
.irp op, pmullw, pmulhw, pmulhuw, pmuludq, pmaddwd, psadbw, pavgb, pavgw, pminub, pmaxub, pminsw, pmaxsw
  binary \op
.endr
.irp op, pcmpeqb, pcmpeqw, pcmpeqd, pcmpgtb, pcmpgtw, pcmpgtd, pand, pandn, por, pxor, packsswb, packssdw, packuswb, punpckhbw, punpckhwd, punpckhdq
  binary \op
.endr
.irp op, punpcklbw, punpcklwd, punpckldq
  binary \op, 32, dword
.endr
.irp op, pshufb, phaddw, phaddd, phaddsw, phsubw, phsubd, phsubsw, pmaddubsw, pmulhrsw, psignb, psignw, psignd, pabsb, pabsw, pabsd
  binary \op
.endr
.irp n, 0, 1, 7, 8, 11, 15, 16, 200
  f "palignr mm,mm,imm8", U_NONE, M, palignr mm1, mm2, \n
  f "palignr mm,m64,imm8", U_NONE, M, palignr mm3, [rsi+8], \n
.endr
.irp op, psllw, pslld, psllq, psrlw, psrld, psrlq, psraw, psrad
  begin "\op mm,mm", U_NONE, M
    movq mm2, [rsi+3]
    psrlq mm2, 58
    \op mm1, mm2
  finish
  f "\op mm,m64", U_NONE, M, \op mm3, qword ptr [rsi+8]
  .irp n, 0, 1, 7, 15, 16, 31, 40, 64, 200
    f "\op mm,imm8", U_NONE, M, \op mm4, \n
  .endr
.endr

/* Moves. */
f "movq mm,mm", U_NONE, M, movq mm1, mm7
f "movq mm,m64", U_NONE, M, movq mm2, [rsi+1]
f "movq m64,mm", U_NONE, M, movq [rsi+1], mm2
f "movq mm,r64", U_NONE, M, movq mm2, r9
f "movq r64,mm", U_NONE, M, movq rcx, mm3
f "movd mm,r32", U_NONE, M, movd mm2, r9d
f "movd r32,mm", U_NONE, M, movd ecx, mm3
f "movd mm,m32", U_NONE, M, movd mm2, dword ptr [rsi+1]
f "movd m32,mm", U_NONE, M, movd dword ptr [rsi+1], mm5
f "movq2dq xmm,mm", U_NONE, M, movq2dq xmm9, mm1
f "movdq2q mm,xmm", U_NONE, M, movdq2q mm1, xmm9
f "movntq m64,mm", U_NONE, M, movntq [rsi+1], mm5
f "maskmovq mm,mm", U_NONE, M, maskmovq mm1, mm2
f "pmovmskb r32,mm", U_NONE, M, pmovmskb r10d, mm2
.irp n, 0, 1, 0x1B, 0xFE
  f "pshufw mm,mm,imm8", U_NONE, M, pshufw mm1, mm2, \n
  f "pshufw mm,m64,imm8", U_NONE, M, pshufw mm1, [rsi+1], \n
  f "pinsrw mm,r32,imm8", U_NONE, M, pinsrw mm1, ecx, \n
  f "pinsrw mm,m16,imm8", U_NONE, M, pinsrw mm1, word ptr [rsi+1], \n
  f "pextrw r32,mm,imm8", U_NONE, M, pextrw ecx, mm4, \n
.endr

/* Conversions: those from memory leave the x87 state alone. */
.irp op, cvtpi2ps, cvtpi2pd
  f "\op xmm,mm", U_NONE, M, \op xmm1, mm2
  f "\op xmm,m64", U_NONE, G_INT, \op xmm9, qword ptr [rsi+1]
  f "\op xmm,m64", U_NONE, M, \op xmm9, qword ptr [rsi+1]
.endr
.irp op, cvtps2pi, cvttps2pi
  f "\op mm,xmm", U_NONE, G_F32, \op mm1, xmm2
  f "\op mm,m64", U_NONE, G_F32, \op mm3, qword ptr [rsi+1]
.endr
.irp op, cvtpd2pi, cvttpd2pi
  f "\op mm,xmm", U_NONE, G_F64, \op mm1, xmm2
  f "\op mm,m128", U_NONE, G_F64|G_ALIGN, \op mm3, xmmword ptr [rsi+16]
.endr

/* The state that it shares with the x87. */
f "emms", U_NONE, M, emms
begin "paddb, fadd", U_C023, M|G_ALONE
  paddb mm1, mm2
  fadd st, st(1)
finish
begin "paddb, emms, fild m64", U_C023, M|G_ALONE
  paddb mm1, mm2
  emms
  fild qword ptr [rsi+8]
finish
.irp op, paddb, pand
  begin "fldcw, fadd, \op", U_C0123, M|G_CW|G_ALONE
    fldcw word ptr [rsi+8]
    fadd st, st(1)
    \op mm1, mm2
  finish
.endr
begin "fldcw, fadd, movq m64", U_C0123, M|G_CW|G_ALONE
  fldcw word ptr [rsi+8]
  fadd st, st(1)
  movq [rdi], mm2
finish
begin "fldcw, fadd, emms", U_C0123, M|G_CW|G_ALONE
  fldcw word ptr [rsi+8]
  fadd st, st(1)
  emms
finish
begin "fldcw, fadd, cvtps2pi", U_C0123, M|G_CW|G_ALONE
  fldcw word ptr [rsi+8]
  fadd st, st(1)
  cvtps2pi mm1, xmm1
finish
begin "fldcw, fadd, cvtpi2pd m64", U_C0123, M|G_CW|G_ALONE
  fldcw word ptr [rsi+8]
  fadd st, st(1)
  cvtpi2pd xmm2, qword ptr [rsi]
finish
.section .note.GNU-stack,"",@progbits
