/* x87. Memory operands stand at RSI+8; the recorder puts a value of the wanted kind there. */
#include "forms.inc"

#define X G_X87

/* Arithmetic: C1 tells the direction of rounding, the other condition bits are undefined. */
.macro fisttp_m16
  fisttp word ptr [rsi+8]
.endm
.macro fisttp_m32
  fisttp dword ptr [rsi+8]
.endm
.macro fisttp_m64
  fisttp qword ptr [rsi+8]
.endm
.macro x name, gen, insn:vararg
  v "\name", U_C023, X|\gen, C_EXACT, 0, \insn
.endm

.irp op, fadd, fsub, fsubr, fmul, fdiv, fdivr
  .irp i, 0, 1, 2, 3
    x "\op st,st(i)", 0, \op st, st(\i)
    x "\op st(i),st", 0, \op st(\i), st
  .endr
  x "\op\()p st(i),st", 0, \op\()p st(1), st
  x "\op\()p st(i),st", 0, \op\()p st(2), st
  x "\op m32", G_M32, \op dword ptr [rsi+8]
  x "\op m64", G_M64, \op qword ptr [rsi+8]
.endr
.irp op, fiadd, fisub, fisubr, fimul, fidiv, fidivr
  x "\op m16", 0, \op word ptr [rsi+8]
  x "\op m32", 0, \op dword ptr [rsi+8]
.endr
x "fsqrt", 0, fsqrt
x "frndint", 0, frndint
x "fabs", 0, fabs
x "fchs", 0, fchs
x "fxtract", 0, fxtract
x "fscale", G_SMALL_SCALE, fscale
v "fprem", U_NONE, X|G_NEAR, C_EXACT, 0, fprem
v "fprem1", U_NONE, X|G_NEAR, C_EXACT, 0, fprem1

/* Loads and stores. */
x "fld m32", G_M32, fld dword ptr [rsi+8]
x "fld m64", G_M64, fld qword ptr [rsi+8]
x "fld m80", G_M80, fld tbyte ptr [rsi+8]
x "fild m16", 0, fild word ptr [rsi+8]
x "fild m32", 0, fild dword ptr [rsi+8]
x "fild m64", 0, fild qword ptr [rsi+8]
x "fbld m80", G_BCD, fbld tbyte ptr [rsi+8]
x "fst m32", 0, fst dword ptr [rsi+8]
x "fst m64", 0, fst qword ptr [rsi+8]
x "fstp m32", 0, fstp dword ptr [rsi+8]
x "fstp m64", 0, fstp qword ptr [rsi+8]
x "fstp m80", 0, fstp tbyte ptr [rsi+8]
x "fist m16", 0, fist word ptr [rsi+8]
x "fist m32", 0, fist dword ptr [rsi+8]
x "fistp m16", 0, fistp word ptr [rsi+8]
x "fistp m32", 0, fistp dword ptr [rsi+8]
x "fistp m64", 0, fistp qword ptr [rsi+8]
x "fbstp m80", 0, fbstp tbyte ptr [rsi+8]
.irp bits, 16, 32, 64
  x "fisttp m\bits", 0, fisttp_m\bits
.endr
.irp i, 0, 1, 3, 6
  x "fld st(i)", 0, fld st(\i)
  x "fst st(i)", 0, fst st(\i)
  x "fstp st(i)", 0, fstp st(\i)
  x "fxch st(i)", 0, fxch st(\i)
.endr
.irp op, fld1, fldl2t, fldl2e, fldpi, fldlg2, fldln2, fldz
  x "\op", 0, \op
.endr

/* Compares: all condition bits are defined but C1, which old manuals leave open. */
.irp op, fcom, fcomp, fucom, fucomp
  .irp i, 1, 2, 0
    v "\op st(i)", U_NONE, X, C_EXACT, 0, \op st(\i)
  .endr
.endr
.irp op, fcom, fcomp
  v "\op m32", U_NONE, X|G_M32, C_EXACT, 0, \op dword ptr [rsi+8]
  v "\op m64", U_NONE, X|G_M64, C_EXACT, 0, \op qword ptr [rsi+8]
.endr
.irp op, ficom, ficomp
  v "\op m16", U_NONE, X, C_EXACT, 0, \op word ptr [rsi+8]
  v "\op m32", U_NONE, X, C_EXACT, 0, \op dword ptr [rsi+8]
.endr
.irp op, fcompp, fucompp, ftst, fxam
  v "\op", U_NONE, X, C_EXACT, 0, \op
.endr
.irp op, fcomi, fcomip, fucomi, fucomip
  .irp i, 1, 2, 0
    v "\op st,st(i)", U_C023|U_OF|U_SF|U_AF, X, C_EXACT, 0, \op st, st(\i)
  .endr
.endr
.irp cc, b, e, be, u, nb, ne, nbe, nu
  .irp i, 1, 2, 5
    x "fcmov\cc st,st(i)", 0, fcmov\cc st, st(\i)
  .endr
.endr

/* Transcendental functions. */
.macro t name, gen, insn
  v "\name", U_INEXACT, X|G_ALONE|\gen, C_ULP, 0, \insn
.endm
t "f2xm1", G_UNIT, f2xm1
t "fyl2xp1", G_LOG1P, fyl2xp1
t "fyl2x", 0, fyl2x
t "fpatan", 0, fpatan
v "fsin", U_INEXACT & ~0x04000000, X|G_ALONE|G_TRIG, C_ULP, 0, fsin
v "fcos", U_INEXACT & ~0x04000000, X|G_ALONE|G_TRIG, C_ULP, 0, fcos
v "fsincos", U_INEXACT & ~0x04000000, X|G_ALONE|G_TRIG, C_ULP, 0, fsincos
v "fptan", U_INEXACT & ~0x04000000, X|G_ALONE|G_TRIG, C_ULP, 0, fptan

/* Control. */
x "fnop", 0, fnop
x "fwait", 0, fwait
x "fincstp", 0, fincstp
x "fdecstp", 0, fdecstp
x "ffree st(i)", 0, ffree st(2)
v "ffree st(i)", U_C0123, X, C_EXACT, 0, ffree st(0)
v "fnclex", U_C0123, X, C_EXACT, 0, fnclex
v "fninit", U_NONE, X|G_ALONE, C_EXACT, 0, fninit
v "fnstcw m16", U_NONE, X, C_EXACT, 0, fnstcw word ptr [rsi+8]
v "fldcw m16", U_C0123, X|G_CW|G_ALONE, C_EXACT, 0, fldcw word ptr [rsi+8]
v "fnstsw ax", U_NONE, X|G_ALONE, C_EXACT, 0, fnstsw ax
v "fnstsw m16", U_NONE, X|G_ALONE, C_EXACT, 0, fnstsw word ptr [rsi+8]
begin "fldcw, fadd, fwait", U_C023, X|G_CW|G_ALONE
  fldcw word ptr [rsi+8]
  fadd st, st(1)
  fwait
finish
begin "fdivp, fstp m64", U_C023, X
  fdivp st(1), st
  fstp qword ptr [rsi+8]
finish
begin "fcom, fnstsw, sahf", U_OF, X|G_ALONE
  fcom st(1)
  fnstsw ax
  sahf
finish
/* The environment without the last instruction and operand, which do not survive a signal handler. */
begin "fnstenv m28", U_NONE, X|G_ALONE
  fnstenv [rsi]
  xor eax, eax
  mov [rsi+12], rax
  mov [rsi+20], rax
finish
begin "fnstenv, fldenv", U_C0123, X|G_ALONE
  fnstenv [SCRATCH_PAGE]
  fld1
  fldenv [SCRATCH_PAGE]
finish
begin "fldenv m28 (changed)", U_C0123, X|G_ALONE|G_CW
  fnstenv [SCRATCH_PAGE]
  mov ax, [rsi+8]
  mov [SCRATCH_PAGE], ax
  mov word ptr [SCRATCH_PAGE+8], 0x31C7
  fldenv [SCRATCH_PAGE]
finish
begin "fnsave m108", U_NONE, X|G_ALONE
  fnsave [SCRATCH_PAGE]
  mov rax, [SCRATCH_PAGE]
  mov ecx, [SCRATCH_PAGE+8]
  mov rdx, [SCRATCH_PAGE+28]
  movzx ebx, word ptr [SCRATCH_PAGE+36]
  mov r8, [SCRATCH_PAGE+48]
finish
begin "fnsave, frstor", U_NONE, X|G_ALONE
  fnsave [SCRATCH_PAGE]
  frstor [SCRATCH_PAGE]
finish
/* The last instruction, operand and opcode, as long as no signal handler has come between. */
begin "fadd m64, fnstenv m28", U_C0123, X|G_ALONE|G_M64
  fadd qword ptr [rsi+8]
  fnstenv [SCRATCH_PAGE]
  mov eax, [SCRATCH_PAGE+12]
  mov ecx, [SCRATCH_PAGE+16]
  mov edx, [SCRATCH_PAGE+20]
  mov ebx, [SCRATCH_PAGE+24]
finish
begin "fld m32, fxch, fldcw, fnstenv m28", U_C0123, X|G_ALONE|G_CW
  fld dword ptr [rsi+8]
  fxch st(3)
  fldcw word ptr [rsi+8]
  fnstenv [SCRATCH_PAGE]
  mov eax, [SCRATCH_PAGE+12]
  mov ecx, [SCRATCH_PAGE+16]
  mov edx, [SCRATCH_PAGE+20]
  mov ebx, [SCRATCH_PAGE+24]
finish
begin "fmul, fnsave m108", U_NONE, X|G_ALONE
  fmul st(1), st
  fnsave [SCRATCH_PAGE]
  mov eax, [SCRATCH_PAGE+12]
  mov ecx, [SCRATCH_PAGE+16]
finish
/* The 16-bit layouts. */
begin "fnstenv m14", U_C0123, X|G_ALONE
  fsubr st, st(2)
  data16 fnstenv [SCRATCH_PAGE]
  mov eax, [SCRATCH_PAGE]
  mov ecx, [SCRATCH_PAGE+4]
  mov edx, [SCRATCH_PAGE+8]
finish
begin "fldenv m14", U_C0123, X|G_ALONE|G_CW
  data16 fnstenv [SCRATCH_PAGE]
  mov ax, [rsi+8]
  mov [SCRATCH_PAGE], ax
  mov word ptr [SCRATCH_PAGE+4], 0x31C7
  data16 fldenv [SCRATCH_PAGE]
finish
begin "fnsave m94, frstor m94", U_NONE, X|G_ALONE
  data16 fnsave [SCRATCH_PAGE]
  mov rax, [SCRATCH_PAGE+14]
  movzx ecx, word ptr [SCRATCH_PAGE+22]
  data16 frstor [SCRATCH_PAGE]
finish
/* Encodings that stand for others, and what is left of the 287. */
.irp modrm, 0xD1, 0xDA
  v "fcom2, fcomp3", U_NONE, X, C_EXACT, 0, .byte 0xDC, \modrm
.endr
v "fcomp5", U_NONE, X, C_EXACT, 0, .byte 0xDE, 0xD2
x "fxch4, fxch7", 0, .byte 0xDD, 0xCA
x "fxch4, fxch7", 0, .byte 0xDF, 0xCB
x "fstp1, fstp8, fstp9", 0, .byte 0xD9, 0xDA
x "fstp1, fstp8, fstp9", 0, .byte 0xDF, 0xD1
x "fstp1, fstp8, fstp9", 0, .byte 0xDF, 0xDB
v "ffreep st(i)", U_C0123, X, C_EXACT, 0, ffreep st(1)
v "fneni, fndisi, fnsetpm", U_NONE, X, C_EXACT, 0, .byte 0xDB, 0xE0
v "fneni, fndisi, fnsetpm", U_NONE, X, C_EXACT, 0, .byte 0xDB, 0xE1
v "fneni, fndisi, fnsetpm", U_NONE, X, C_EXACT, 0, .byte 0xDB, 0xE4
/* A pending exception: what waits for it, what does not, and which of it and a page fault comes first. */
.macro pending name, insn:vararg
  begin "\name (pending)", U_C0123, X|G_CW|G_ALONE
    fldcw word ptr [rsi+8]
    fdiv st, st(1)
    \insn
  finish
.endm
.irp op, fwait, fnop, fld1, fincstp, fxam, fchs, fcomi, fnclex, fninit
  pending \op, \op
.endr
pending "fld m64", fld qword ptr [rsi+16]
pending "fstp m80", fstp tbyte ptr [rsi+16]
pending "fnstsw m16", fnstsw word ptr [rsi+16]
pending "fnstcw m16", fnstcw word ptr [rsi+16]
pending "fldcw m16", fldcw word ptr [rsi+16]
pending "ffree", ffree st(2)
pending "fxsave", fxsave [SCRATCH_PAGE]
pending "fld m64 (absent)", fld qword ptr [rbx]
pending "fistp m32 (absent)", fistp dword ptr [SCRATCH_PAGE+0x2000]
pending "frstor", frstor [SCRATCH_PAGE]
pending "fnsave", fnsave [SCRATCH_PAGE]
begin "fnstenv (pending), fldenv, fwait", U_C0123, X|G_CW|G_ALONE
  fldcw word ptr [rsi+8]
  fdiv st, st(1)
  fnstenv [SCRATCH_PAGE]
  fldenv [SCRATCH_PAGE]
  fwait
finish
/* All that XSAVE keeps, and what XRSTOR takes and initialises. */
.macro extended name, saved, restored, bv
  begin "\name", U_AF|U_OF, X|G_ALONE
    mov eax, \saved
    xor edx, edx
    xsave [SCRATCH_PAGE+0x40]
    mov rcx, [SCRATCH_PAGE+0x40]
    shl rcx, 16
    mov r8, [SCRATCH_PAGE+0x60]
    mov r9, [SCRATCH_PAGE+0xE0]
    mov r10d, [SCRATCH_PAGE+0x58]
    fld1
    pxor xmm1, xmm2
    mov dword ptr [SCRATCH_PAGE+0x240], \bv
    mov eax, \restored
    xrstor [SCRATCH_PAGE+0x40]
    xor eax, eax
  finish
.endm
extended "xsave, xrstor", 3, 3, 3
extended "xsave, xrstor (x87)", 1, 1, 1
extended "xsave, xrstor (SSE)", 2, 2, 2
extended "xsave, xrstor (x87 initial)", 3, 3, 2
extended "xsave, xrstor (SSE initial)", 3, 3, 1
extended "xsave, xrstor (part)", 3, 1, 3
begin "xgetbv", U_NONE, X|G_ALONE
  mov ecx, 0
  xgetbv
  and eax, 3
finish
begin "xgetbv (none)", U_NONE, X|G_ALONE
  mov ecx, 77
  xgetbv
finish
begin "fxsave64, fxrstor64", U_AF|U_OF, X|G_ALONE
  fxsave64 [SCRATCH_PAGE]
  mov rax, [SCRATCH_PAGE]
  shl rax, 16
  mov rcx, [SCRATCH_PAGE+0x20]
  fld1
  pxor xmm1, xmm2
  fxrstor64 [SCRATCH_PAGE]
finish
.section .note.GNU-stack,"",@progbits
