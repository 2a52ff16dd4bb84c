/* SSE and SSE2. RSI and RDI are multiples of 16 in nearly all states (G_ALIGN), so that the rest shows the alignment fault. */
#include "forms.inc"

#define S32 G_F32|G_ALIGN
#define S64 G_F64|G_ALIGN
#define INTEGER G_INT|G_ALIGN

/* Two XMM operands, and a memory source of the given kind. */
.macro packed op, gen, check=C_EXACT
  v "\op xmm,xmm", U_NONE, \gen, \check, 0, \op xmm1, xmm2
  v "\op xmm,xmm", U_NONE, \gen, \check, 0, \op xmm9, xmm12
  v "\op xmm,xmm", U_NONE, \gen, \check, 0, \op xmm5, xmm14
  v "\op xmm,m128", U_NONE, \gen, \check, 0, \op xmm0, xmmword ptr [rsi+16]
  v "\op xmm,m128", U_NONE, \gen, \check, 0, \op xmm11, xmmword ptr [rdi-32]
.endm
.macro scalar op, size, bits, gen, check=C_EXACT
  v "\op xmm,xmm", U_NONE, \gen, \check, 0, \op xmm1, xmm2
  v "\op xmm,xmm", U_NONE, \gen, \check, 0, \op xmm9, xmm12
  v "\op xmm,xmm", U_NONE, \gen, \check, 0, \op xmm6, xmm13
  v "\op xmm,m\bits", U_NONE, \gen, \check, 0, \op xmm0, \size ptr [rsi+20]
  v "\op xmm,m\bits", U_NONE, \gen, \check, 0, \op xmm11, \size ptr [rdi-8]
.endm
.macro packed_imm op, gen, imms:vararg
  .irp n, \imms
    f "\op xmm,xmm,imm8", U_NONE, \gen, \op xmm1, xmm2, \n
    f "\op xmm,xmm,imm8", U_NONE, \gen, \op xmm8, xmm3, \n
    f "\op xmm,m128,imm8", U_NONE, \gen, \op xmm10, xmmword ptr [rsi+16], \n
  .endr
.endm

/* Arithmetic. */
.irp op, add, sub, mul, div, min, max, sqrt
  packed \op\()ps, S32
  packed \op\()pd, S64
  scalar \op\()ss, dword, 32, S32
  scalar \op\()sd, qword, 64, S64
.endr
packed rcpps, S32, C_APPROX
packed rsqrtps, S32, C_APPROX
scalar rcpss, dword, 32, S32, C_APPROX
scalar rsqrtss, dword, 32, S32, C_APPROX

.irp p, eq, lt, le, unord, neq, nlt, nle, ord
  f "cmp\p\()ps xmm,xmm", U_NONE, S32, cmp\p\()ps xmm1, xmm2
  f "cmp\p\()ps xmm,m128", U_NONE, S32, cmp\p\()ps xmm9, xmmword ptr [rsi]
  f "cmp\p\()pd xmm,xmm", U_NONE, S64, cmp\p\()pd xmm1, xmm2
  f "cmp\p\()pd xmm,m128", U_NONE, S64, cmp\p\()pd xmm9, xmmword ptr [rsi]
  f "cmp\p\()ss xmm,xmm", U_NONE, S32, cmp\p\()ss xmm8, xmm3
  f "cmp\p\()ss xmm,m32", U_NONE, S32, cmp\p\()ss xmm4, dword ptr [rdi+4]
  f "cmp\p\()sd xmm,xmm", U_NONE, S64, cmp\p\()sd xmm8, xmm3
  f "cmp\p\()sd xmm,m64", U_NONE, S64, cmp\p\()sd xmm4, qword ptr [rdi+4]
.endr
.irp op, comi, ucomi
  scalar \op\()ss, dword, 32, S32
  scalar \op\()sd, qword, 64, S64
.endr

/* Conversions. */
packed cvtdq2ps, INTEGER
packed cvtps2dq, S32
packed cvttps2dq, S32
packed cvtpd2dq, S64
packed cvttpd2dq, S64
packed cvtpd2ps, S64
scalar cvtdq2pd, qword, 64, INTEGER
scalar cvtps2pd, qword, 64, S32
scalar cvtss2sd, dword, 32, S32
scalar cvtsd2ss, qword, 64, S64
.macro from_integer op, mxcsr_pool
  f "\op xmm,r32", U_NONE, \mxcsr_pool, \op xmm1, eax
  f "\op xmm,r32", U_NONE, \mxcsr_pool, \op xmm9, r10d
  f "\op xmm,r64", U_NONE, \mxcsr_pool, \op xmm2, rcx
  f "\op xmm,r64", U_NONE, \mxcsr_pool, \op xmm12, r8
  f "\op xmm,m32", U_NONE, \mxcsr_pool, \op xmm3, dword ptr [rsi+4]
  f "\op xmm,m64", U_NONE, \mxcsr_pool, \op xmm4, qword ptr [rdi+4]
.endm
from_integer cvtsi2ss, S32
from_integer cvtsi2sd, S64
.macro to_integer op, size, bits, gen
  f "\op r32,xmm", U_NONE, \gen, \op eax, xmm1
  f "\op r32,xmm", U_NONE, \gen, \op r9d, xmm10
  f "\op r64,xmm", U_NONE, \gen, \op rcx, xmm2
  f "\op r64,xmm", U_NONE, \gen, \op r11, xmm15
  f "\op r32,m\bits", U_NONE, \gen, \op edx, \size ptr [rsi+8]
  f "\op r64,m\bits", U_NONE, \gen, \op rbx, \size ptr [rdi-8]
.endm
.irp op, cvt, cvtt
  to_integer \op\()ss2si, dword, 32, S32
  to_integer \op\()sd2si, qword, 64, S64
.endr

/* Moves. */
.macro move op, gen
  f "\op xmm,xmm", U_NONE, \gen, \op xmm1, xmm12
  f "\op xmm,m128", U_NONE, \gen, \op xmm9, xmmword ptr [rsi+16]
  f "\op m128,xmm", U_NONE, \gen, \op xmmword ptr [rdi-16], xmm3
  f "\op m128,xmm", U_NONE, \gen, \op xmmword ptr [rsi+32], xmm14
.endm
.irp op, movaps, movapd, movdqa, movups, movupd, movdqu
  move \op, INTEGER
.endr
.irp op, movups, movupd, movdqu
  f "\op xmm,m128 (unaligned)", U_NONE, G_INT, \op xmm9, xmmword ptr [rsi+5]
  f "\op m128,xmm (unaligned)", U_NONE, G_INT, \op xmmword ptr [rdi-9], xmm3
.endr
f "movss xmm,xmm", U_NONE, INTEGER, movss xmm1, xmm9
f "movss xmm,m32", U_NONE, INTEGER, movss xmm10, dword ptr [rsi+3]
f "movss m32,xmm", U_NONE, INTEGER, movss dword ptr [rdi+3], xmm2
f "movsd xmm,xmm", U_NONE, INTEGER, movsd xmm1, xmm9
f "movsd xmm,m64", U_NONE, INTEGER, movsd xmm10, qword ptr [rsi+3]
f "movsd m64,xmm", U_NONE, INTEGER, movsd qword ptr [rdi+3], xmm2
.irp op, movlps, movhps, movlpd, movhpd
  f "\op xmm,m64", U_NONE, INTEGER, \op xmm3, qword ptr [rsi+7]
  f "\op m64,xmm", U_NONE, INTEGER, \op qword ptr [rdi+r14*8], xmm13
.endr
f "movhlps xmm,xmm", U_NONE, INTEGER, movhlps xmm1, xmm8
f "movlhps xmm,xmm", U_NONE, INTEGER, movlhps xmm1, xmm8
f "movq xmm,xmm", U_NONE, INTEGER, movq xmm1, xmm8
f "movq xmm,m64", U_NONE, INTEGER, movq xmm9, qword ptr [rsi+1]
f "movq m64,xmm", U_NONE, INTEGER, movq qword ptr [rsi+1], xmm9
f "movq xmm,r64", U_NONE, INTEGER, movq xmm4, r9
f "movq r64,xmm", U_NONE, INTEGER, movq rcx, xmm12
f "movd xmm,r32", U_NONE, INTEGER, movd xmm4, edx
f "movd r32,xmm", U_NONE, INTEGER, movd r10d, xmm5
f "movd xmm,m32", U_NONE, INTEGER, movd xmm4, dword ptr [rsi+1]
f "movd m32,xmm", U_NONE, INTEGER, movd dword ptr [rsi+1], xmm11
f "movntps m128,xmm", U_NONE, INTEGER, movntps xmmword ptr [rsi], xmm2
f "movntpd m128,xmm", U_NONE, INTEGER, movntpd xmmword ptr [rsi], xmm9
f "movntdq m128,xmm", U_NONE, INTEGER, movntdq xmmword ptr [rsi], xmm5
f "movnti m32,r32", U_NONE, INTEGER, movnti dword ptr [rsi+1], eax
f "movnti m64,r64", U_NONE, INTEGER, movnti qword ptr [rsi+1], r9
f "maskmovdqu xmm,xmm", U_NONE, INTEGER, maskmovdqu xmm1, xmm2
f "maskmovdqu xmm,xmm", U_NONE, INTEGER, maskmovdqu xmm10, xmm13
.irp op, movmskps, movmskpd, pmovmskb
  f "\op r32,xmm", U_NONE, INTEGER, \op eax, xmm1
  f "\op r32,xmm", U_NONE, INTEGER, \op r9d, xmm14
.endr

/* Logic, shuffles and packed integers. */
.irp op, andps, andnps, orps, xorps, unpcklps, unpckhps, andpd, andnpd, orpd, xorpd, unpcklpd, unpckhpd
  packed \op, INTEGER
.endr
.irp op, paddb, paddw, paddd, paddq, psubb, psubw, psubd, psubq, paddsb, paddsw, paddusb, paddusw, psubsb, psubsw, psubusb, psubusw
  packed \op, INTEGER
.endr
.irp op, pmullw, pmulhw, pmulhuw, pmuludq, pmaddwd, psadbw, pavgb, pavgw, pminub, pmaxub, pminsw, pmaxsw
  packed \op, INTEGER
.endr
.irp op, pcmpeqb, pcmpeqw, pcmpeqd, pcmpgtb, pcmpgtw, pcmpgtd, pand, pandn, por, pxor
  packed \op, INTEGER
.endr
.irp op, packsswb, packssdw, packuswb, punpcklbw, punpcklwd, punpckldq, punpcklqdq, punpckhbw, punpckhwd, punpckhdq, punpckhqdq
  packed \op, INTEGER
.endr
.irp op, psllw, pslld, psllq, psrlw, psrld, psrlq, psraw, psrad
  f "\op xmm,xmm", U_NONE, INTEGER|G_SHIFT_XMM, \op xmm1, xmm2
  f "\op xmm,xmm", U_NONE, INTEGER|G_SHIFT_XMM, \op xmm9, xmm12
  f "\op xmm,m128", U_NONE, INTEGER|G_SHIFT_XMM, \op xmm3, xmmword ptr [rsi+16]
  .irp n, 1, 7, 15, 16, 31, 40, 64, 200
    f "\op xmm,imm8", U_NONE, INTEGER, \op xmm4, \n
    f "\op xmm,imm8", U_NONE, INTEGER, \op xmm13, \n
  .endr
.endr
.irp op, pslldq, psrldq
  .irp n, 0, 1, 7, 8, 15, 16, 255
    f "\op xmm,imm8", U_NONE, INTEGER, \op xmm4, \n
    f "\op xmm,imm8", U_NONE, INTEGER, \op xmm13, \n
  .endr
.endr
.irp op, pshufd, pshuflw, pshufhw, shufps
  packed_imm \op, INTEGER, 0x1B, 0xE4, 0x93, 0x4E, 0x00, 0xD2
.endr
packed_imm shufpd, INTEGER, 0, 1, 2, 3
.irp n, 0, 3, 6, 15
  f "pinsrw xmm,r32,imm8", U_NONE, INTEGER, pinsrw xmm1, ecx, \n
  f "pinsrw xmm,r32,imm8", U_NONE, INTEGER, pinsrw xmm9, r8d, \n
  f "pinsrw xmm,m16,imm8", U_NONE, INTEGER, pinsrw xmm3, word ptr [rsi+1], \n
  f "pextrw r32,xmm,imm8", U_NONE, INTEGER, pextrw eax, xmm2, \n
  f "pextrw r32,xmm,imm8", U_NONE, INTEGER, pextrw r10d, xmm11, \n
.endr

/* Control. */
f "stmxcsr m32", U_NONE, S32, stmxcsr dword ptr [rsi+4]
begin "ldmxcsr m32", U_NONE, S32|G_ALONE
  and dword ptr [rsi+4], 0xFFFF
  ldmxcsr dword ptr [rsi+4]
finish
begin "ldmxcsr m32 (reserved bits)", U_NONE, S32|G_ALONE
  or dword ptr [rsi+4], 0x10000
  ldmxcsr dword ptr [rsi+4]
finish
f "clflush m8", U_NONE, INTEGER, clflush byte ptr [rsi]

/* FXSAVE into the scratch page; the parts that compare are then loaded. The last instruction and operand are left out. */
begin "fxsave m512", U_NONE, G_F32|G_ALONE
  fxsave [SCRATCH_PAGE]
  mov rax, [SCRATCH_PAGE]
  mov ecx, [SCRATCH_PAGE+24]
  movups xmm0, [SCRATCH_PAGE+160+16*5]
  movups xmm1, [SCRATCH_PAGE+160+16*15]
finish
begin "fxsave64 m512 (x87)", U_NONE, G_X87|G_ALONE
  fxsave64 [SCRATCH_PAGE]
  mov eax, [SCRATCH_PAGE]
  movzx ebx, byte ptr [SCRATCH_PAGE+4]
  mov rcx, [SCRATCH_PAGE+32]
  mov rdx, [SCRATCH_PAGE+40]
  movups xmm2, [SCRATCH_PAGE+32+16*3]
finish
begin "fxsave, fninit, fxrstor", U_NONE, G_X87|G_ALONE
  fxsave64 [SCRATCH_PAGE]
  fninit
  xorps xmm3, xmm3
  fxrstor64 [SCRATCH_PAGE]
finish
begin "fxrstor m512 (changed)", U_NONE, G_F64|G_ALONE
  fxsave [SCRATCH_PAGE]
  mov dword ptr [SCRATCH_PAGE+24], 0x9FC0
  movups [SCRATCH_PAGE+160+16*7], xmm2
  mov byte ptr [SCRATCH_PAGE+4], 0x81
  mov dword ptr [SCRATCH_PAGE], 0x3800027F
  mov [SCRATCH_PAGE+32], rax
  fxrstor [SCRATCH_PAGE]
finish
f "fxsave m512 (misaligned)", U_NONE, INTEGER|G_ALONE, fxsave [SCRATCH_PAGE+8]
.section .note.GNU-stack,"",@progbits
