/*
 * Memory operands around the border of the data window while its second page is absent or read-only: RSI and RDI point near the border.
 * What faults must leave the state as it was, but for the finished iterations of a repeated string instruction.
 */
#include "forms.inc"

.macro both name, undef, gen, insn:vararg
  f "\name, page absent", \undef, \gen|G_ALONE|G_ABSENT, \insn
  f "\name, page read-only", \undef, \gen|G_ALONE|G_READONLY, \insn
.endm

.irp op, add, adc, sub, sbb
  both "\op m8,r8", U_NONE, G_INT, \op byte ptr [rsi], cl
  both "\op m16,r16", U_NONE, G_INT, \op word ptr [rsi], cx
  both "\op m32,r32", U_NONE, G_INT, \op dword ptr [rsi], ecx
  both "\op m64,r64", U_NONE, G_INT, \op qword ptr [rsi], rcx
  both "\op r32,m32", U_NONE, G_INT, \op ecx, dword ptr [rsi]
  both "\op r64,m64", U_NONE, G_INT, \op rcx, qword ptr [rsi]
  both "\op m64,imm8", U_NONE, G_INT, \op qword ptr [rsi], 5
.endr
.irp op, and, or, xor
  both "\op m32,r32", U_AF, G_INT, \op dword ptr [rsi], ecx
  both "\op r64,m64", U_AF, G_INT, \op rcx, qword ptr [rsi]
  both "\op m64,imm32", U_AF, G_INT, \op qword ptr [rsi], 0x12345
.endr
both "cmp m64,r64", U_NONE, G_INT, cmp qword ptr [rsi], rcx
both "test m32,r32", U_AF, G_INT, test dword ptr [rsi], ecx
.irp op, inc, dec, neg, not
  both "\op m32", U_NONE, G_INT, \op dword ptr [rsi]
  both "\op m64", U_NONE, G_INT, \op qword ptr [rsi]
.endr
both "mov m8,r8", U_NONE, G_INT, mov byte ptr [rsi], cl
both "mov m16,r16", U_NONE, G_INT, mov word ptr [rsi], cx
both "mov m32,r32", U_NONE, G_INT, mov dword ptr [rsi], ecx
both "mov m64,r64", U_NONE, G_INT, mov qword ptr [rsi], rcx
both "mov m64,imm32", U_NONE, G_INT, mov qword ptr [rsi], -7
both "mov r8,m8", U_NONE, G_INT, mov cl, byte ptr [rsi]
both "mov r32,m32", U_NONE, G_INT, mov esi, dword ptr [rsi]
both "mov r64,m64", U_NONE, G_INT, mov rsi, qword ptr [rsi]
both "movzx r32,m16", U_NONE, G_INT, movzx esi, word ptr [rsi]
both "movsx r64,m8", U_NONE, G_INT, movsx rax, byte ptr [rsi]
both "movnti m64,r64", U_NONE, G_INT, movnti qword ptr [rsi], rcx
both "xchg m64,r64", U_NONE, G_INT, xchg qword ptr [rsi], rcx
both "xchg m16,r16", U_NONE, G_INT, xchg word ptr [rsi], cx
both "xadd m64,r64", U_NONE, G_INT, lock xadd qword ptr [rsi], rcx
both "xadd m32,r32", U_NONE, G_INT, xadd dword ptr [rsi], ecx
both "cmpxchg m64,r64", U_NONE, G_INT, lock cmpxchg qword ptr [rsi], rcx
both "cmpxchg m32,r32", U_NONE, G_INT, cmpxchg dword ptr [rsi], ecx
both "cmpxchg8b m64", U_NONE, G_INT, lock cmpxchg8b qword ptr [rsi]
both "setc m8", U_NONE, G_INT, setc byte ptr [rsi]
both "cmovc r64,m64", U_NONE, G_INT, cmovc rcx, qword ptr [rsi]
both "shl m64,imm8", U_AF|U_OF, G_INT, shl qword ptr [rsi], 5
both "rcr m32,1", U_NONE, G_INT, rcr dword ptr [rsi], 1
both "shld m64,r64,imm8", U_AF|U_OF, G_INT, shld qword ptr [rsi], rcx, 9
both "bts m64,imm8", U_BT, G_INT, bts qword ptr [rsi], 33
both "bts m32,r32", U_BT, G_INT|G_BIT, lock bts dword ptr [rsi], ecx
both "bt m64,r64", U_BT, G_INT|G_BIT, bt qword ptr [rsi], rcx
both "mul m64", U_MUL, G_INT, mul qword ptr [rsi]
both "imul r64,m64", U_MUL, G_INT, imul rcx, qword ptr [rsi]

.macro begin_both name, undef, gen, first, second
  begin "\name, page absent", \undef, \gen|G_ALONE|G_ABSENT
    \first
    \second
  finish
  begin "\name, page read-only", \undef, \gen|G_ALONE|G_READONLY
    \first
    \second
  finish
.endm
begin_both "push r64", U_NONE, G_INT, "lea rsp, [rsi+4]", "push rcx"
begin_both "push m64 (from the page)", U_NONE, G_INT, nop, "push qword ptr [rsi]"
begin_both "push m64 (into the page)", U_NONE, G_INT, "lea rsp, [rsi+4]", "push qword ptr [rbp-64]"
begin_both "pop r64", U_NONE, G_INT, "mov rsp, rsi", "pop rcx"
begin_both "pop m64", U_NONE, G_INT, nop, "pop qword ptr [rsi]"
begin_both "pushfq", U_NONE, G_INT, "lea rsp, [rsi+4]", "pushfq"
begin_both "call rel32", U_NONE, G_INT, "lea rsp, [rsi+4]", "call .+5"
begin_both "call m64", U_NONE, G_INT, nop, "call qword ptr [rsi]"
begin_both "ret", U_NONE, G_INT, "mov rsp, rsi", "ret"
begin_both "leave", U_NONE, G_INT, "mov rbp, rsi", "leave"
begin_both "enter 16,0", U_NONE, G_INT, "lea rsp, [rsi+4]", "enter 16, 0"

.irp w, b, w, d, q
  both "movs\w", U_NONE, G_INT|G_REP, movs\w
  both "rep movs\w", U_NONE, G_INT|G_REP, rep movs\w
  both "rep stos\w", U_NONE, G_INT|G_REP, rep stos\w
  both "rep lods\w", U_NONE, G_INT|G_REP, rep lods\w
  both "repe cmps\w", U_ALL, G_INT|G_REP|G_SAME|G_ONE_NEAR, repe cmps\w
  both "repne scas\w", U_ALL, G_INT|G_REP|G_SAME, repne scas\w
.endr

both "movups xmm,m128", U_NONE, G_INT, movups xmm1, [rsi]
both "movups m128,xmm", U_NONE, G_INT, movups [rsi], xmm1
both "movdqu m128,xmm", U_NONE, G_INT, movdqu [rsi], xmm9
both "movaps m128,xmm", U_NONE, G_INT|G_ALIGN, movaps [rsi], xmm1
both "movaps xmm,m128", U_NONE, G_INT|G_ALIGN, movaps xmm1, [rsi]
both "movss m32,xmm", U_NONE, G_INT, movss dword ptr [rsi], xmm1
both "movsd m64,xmm", U_NONE, G_INT, movsd qword ptr [rsi], xmm1
both "movhps m64,xmm", U_NONE, G_INT, movhps qword ptr [rsi], xmm1
both "movhps xmm,m64", U_NONE, G_INT, movhps xmm1, qword ptr [rsi]
both "movq xmm,m64", U_NONE, G_INT, movq xmm1, qword ptr [rsi]
both "movd m32,xmm", U_NONE, G_INT, movd dword ptr [rsi], xmm1
both "addsd xmm,m64", U_NONE, G_F64, addsd xmm1, qword ptr [rsi]
both "addps xmm,m128", U_NONE, G_F32|G_ALIGN, addps xmm1, [rsi]
both "cvttsd2si r64,m64", U_NONE, G_F64, cvttsd2si rax, qword ptr [rsi]
both "ucomiss xmm,m32", U_NONE, G_F32, ucomiss xmm1, dword ptr [rsi]
both "stmxcsr m32", U_NONE, G_F32, stmxcsr dword ptr [rsi]
both "fld m80", U_C023, G_X87, fld tbyte ptr [rsi]
both "fld m64", U_C023, G_X87, fld qword ptr [rsi]
both "fild m64", U_C023, G_X87, fild qword ptr [rsi]
both "fadd m32", U_C023, G_X87, fadd dword ptr [rsi]
both "fstp m80", U_C023, G_X87, fstp tbyte ptr [rsi]
both "fistp m32", U_C023, G_X87, fistp dword ptr [rsi]
both "fnstcw m16", U_NONE, G_X87, fnstcw word ptr [rsi]
both "fnstsw m16", U_NONE, G_X87, fnstsw word ptr [rsi]

/* What came after SSE2, and MMX. */
.irp op, popcnt, lzcnt, tzcnt
  both "\op r64,m64", U_AF|U_PF|U_SF|U_OF, G_INT, \op rcx, qword ptr [rsi]
.endr
both "andn r64,r64,m64", U_AF|U_PF, G_INT, andn rcx, rdx, qword ptr [rsi]
both "bextr r32,m32,r32", U_AF|U_PF|U_SF, G_INT, bextr ecx, dword ptr [rsi], edx
both "blsr r64,m64", U_AF|U_PF, G_INT, blsr rcx, qword ptr [rsi]
both "mulx r64,r64,m64", U_NONE, G_INT, mulx rcx, rax, qword ptr [rsi]
both "pdep r32,r32,m32", U_NONE, G_INT, pdep ecx, eax, dword ptr [rsi]
both "shlx r64,m64,r64", U_NONE, G_INT, shlx rsi, qword ptr [rsi], rcx
both "adcx r64,m64", U_NONE, G_INT, adcx rcx, qword ptr [rsi]
both "movbe r64,m64", U_NONE, G_INT, movbe rcx, qword ptr [rsi]
both "movbe m64,r64", U_NONE, G_INT, movbe qword ptr [rsi], rcx
both "crc32 r32,m32", U_NONE, G_INT, crc32 ecx, dword ptr [rsi]
both "lddqu xmm,m128", U_NONE, G_INT, lddqu xmm1, xmmword ptr [rsi]
both "movddup xmm,m64", U_NONE, G_INT, movddup xmm1, qword ptr [rsi]
both "pshufb xmm,m128", U_NONE, G_INT|G_ALIGN, pshufb xmm1, xmmword ptr [rsi]
both "pmovzxbq xmm,m16", U_NONE, G_INT, pmovzxbq xmm1, word ptr [rsi]
both "pextrb m8,xmm,imm8", U_NONE, G_INT, pextrb byte ptr [rsi], xmm1, 3
both "pextrw m16,xmm,imm8", U_NONE, G_INT, pextrw word ptr [rsi], xmm1, 3
both "pextrd m32,xmm,imm8", U_NONE, G_INT, pextrd dword ptr [rsi], xmm1, 3
both "pinsrq xmm,m64,imm8", U_NONE, G_INT, pinsrq xmm1, qword ptr [rsi], 1
both "insertps xmm,m32,imm8", U_NONE, G_INT, insertps xmm1, dword ptr [rsi], 0x2A
both "pcmpistri xmm,m128,imm8", U_NONE, G_INT, pcmpistri xmm1, xmmword ptr [rsi], 0x0C
both "roundsd xmm,m64,imm8", U_NONE, G_F64, roundsd xmm1, qword ptr [rsi], 1
both "dpps xmm,m128,imm8", U_NONE, G_F32|G_ALIGN, dpps xmm1, xmmword ptr [rsi], 0xFF
both "aesenc xmm,m128", U_NONE, G_INT|G_ALIGN, aesenc xmm1, xmmword ptr [rsi]
both "paddb mm,m64", U_NONE, G_X87, paddb mm1, qword ptr [rsi]
both "punpcklbw mm,m32", U_NONE, G_X87, punpcklbw mm1, dword ptr [rsi]
both "movq mm,m64", U_NONE, G_X87, movq mm1, qword ptr [rsi]
both "movq m64,mm", U_NONE, G_X87, movq qword ptr [rsi], mm1
both "movd m32,mm", U_NONE, G_X87, movd dword ptr [rsi], mm1
both "pinsrw mm,m16,imm8", U_NONE, G_X87, pinsrw mm1, word ptr [rsi], 2
both "cvtps2pi mm,m64", U_NONE, G_F32, cvtps2pi mm1, qword ptr [rsi]
both "fisttp m64", U_C0123, G_X87, fisttp qword ptr [rsi]
both "fbld m80", U_C0123, G_X87, fbld tbyte ptr [rsi]
both "fbstp m80", U_C0123, G_X87, fbstp tbyte ptr [rsi]
.section .note.GNU-stack,"",@progbits
