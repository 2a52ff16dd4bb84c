/* General-purpose instructions. RSI, RDI, RBP and R13 point into the data window, R12 and R14 are 0..7. */
#include "forms.inc"

.macro binary_rr op, undef, gen
  f "\op r8,r8", \undef, \gen, \op al, cl
  f "\op r8,r8", \undef, \gen, \op r9b, bl
  f "\op r8,r8", \undef, \gen, \op dl, sil
  f "\op r8h,r8h", \undef, \gen, \op ah, bl
  f "\op r8h,r8h", \undef, \gen, \op ch, dh
  f "\op r8h,r8h", \undef, \gen, \op bl, ah
  f "\op r16,r16", \undef, \gen, \op ax, cx
  f "\op r16,r16", \undef, \gen, \op r8w, bx
  f "\op r16,r16", \undef, \gen, \op dx, r11w
  f "\op r32,r32", \undef, \gen, \op eax, ecx
  f "\op r32,r32", \undef, \gen, \op r9d, ebx
  f "\op r32,r32", \undef, \gen, \op edx, edx
  f "\op r64,r64", \undef, \gen, \op rax, rcx
  f "\op r64,r64", \undef, \gen, \op r8, rdx
  f "\op r64,r64", \undef, \gen, \op rbx, r11
.endm

.macro binary_rm op, undef, gen
  f "\op r8,m8", \undef, \gen, \op al, byte ptr [rsi+8]
  f "\op r8,m8", \undef, \gen, \op ch, byte ptr [DATA_WINDOW+9]
  f "\op r8,m8", \undef, \gen, \op r10b, byte ptr [rdi+r14*4-16]
  f "\op r16,m16", \undef, \gen, \op bx, word ptr [rsi-8]
  f "\op r16,m16", \undef, \gen, \op r9w, word ptr [rbp+r12*2+5]
  f "\op r32,m32", \undef, \gen, \op eax, dword ptr [rsi]
  f "\op r32,m32", \undef, \gen, \op r11d, dword ptr [r13+r14*8]
  f "\op r32,m32", \undef, \gen, \op ecx, dword ptr [r13]
  f "\op r64,m64", \undef, \gen, \op rax, qword ptr [rsi+32]
  f "\op r64,m64", \undef, \gen, \op r15, qword ptr [r12*8+DATA_WINDOW]
  f "\op r64,m64", \undef, \gen, \op rdx, qword ptr [rdi-24]
.endm

.macro binary_mr op, undef, gen
  f "\op m8,r8", \undef, \gen, \op byte ptr [rsi+8], al
  f "\op m8,r8", \undef, \gen, \op byte ptr [rdi-16], bh
  f "\op m8,r8", \undef, \gen, \op byte ptr [r13+r12-3], dil
  f "\op m16,r16", \undef, \gen, \op word ptr [rsi-8], cx
  f "\op m16,r16", \undef, \gen, \op word ptr [rbp+r12*2+5], r8w
  f "\op m32,r32", \undef, \gen, \op dword ptr [rsi], edx
  f "\op m32,r32", \undef, \gen, \op dword ptr [r13+r14*8], r10d
  f "\op m64,r64", \undef, \gen, \op qword ptr [rdi-24], rcx
  f "\op m64,r64", \undef, \gen, \op qword ptr [r12*8+DATA_WINDOW], r9
  f "\op m64,r64", \undef, \gen, \op qword ptr [rsi+40], rsi
.endm

.macro binary_ri op, undef, gen
  f "\op al,imm8", \undef, \gen, \op al, 0x5A
  f "\op r8,imm8", \undef, \gen, \op cl, 0x7F
  f "\op r8,imm8", \undef, \gen, \op dh, 0x80
  f "\op r8,imm8", \undef, \gen, \op r11b, 1
  f "\op ax,imm16", \undef, \gen, \op ax, 0x7FFF
  f "\op r16,imm16", \undef, \gen, \op bx, 0x8001
  f "\op r16,imm16", \undef, \gen, \op r10w, 0x1234
  f "\op eax,imm32", \undef, \gen, \op eax, 0x7FFFFFFF
  f "\op r32,imm32", \undef, \gen, \op edx, 0x80000000
  f "\op r32,imm32", \undef, \gen, \op r8d, 0x12345678
  f "\op rax,imm32", \undef, \gen, \op rax, -0x1234567
  f "\op r64,imm32", \undef, \gen, \op rbx, 0x7FFFFFFF
  f "\op r64,imm32", \undef, \gen, \op r15, -0x80000000
.endm

.macro binary_rs op, undef, gen
  f "\op r16,imm8s", \undef, \gen, \op cx, -1
  f "\op r16,imm8s", \undef, \gen, \op r9w, 0x7F
  f "\op r32,imm8s", \undef, \gen, \op ecx, -0x80
  f "\op r32,imm8s", \undef, \gen, \op r11d, 1
  f "\op r64,imm8s", \undef, \gen, \op rdx, -1
  f "\op r64,imm8s", \undef, \gen, \op r10, 0x40
.endm

.macro binary_mi op, undef, gen
  f "\op m8,imm8", \undef, \gen, \op byte ptr [rsi+3], 0x81
  f "\op m8,imm8", \undef, \gen, \op byte ptr [rip+RIP_TO_DATA], 0x11
  f "\op m16,imm16", \undef, \gen, \op word ptr [rdi+r14], 0x7F80
  f "\op m32,imm32", \undef, \gen, \op dword ptr [rbp-4], 0x87654321
  f "\op m32,imm32", \undef, \gen, \op dword ptr [rip+RIP_TO_DATA+8], 0x7FFFFFF0
  f "\op m64,imm32", \undef, \gen, \op qword ptr [rsi+r12*8-32], -2
  f "\op m64,imm32", \undef, \gen, \op qword ptr [rdi], 0x12345678
.endm

.macro binary_ms op, undef, gen
  f "\op m16,imm8s", \undef, \gen, \op word ptr [rsi-1], -1
  f "\op m32,imm8s", \undef, \gen, \op dword ptr [rsi+20], 0x7F
  f "\op m64,imm8s", \undef, \gen, \op qword ptr [rsi+21], -0x80
  f "\op m64,imm8s", \undef, \gen, \op qword ptr [esi+21], 1
.endm

.macro binary op, undef, gen
  binary_rr \op, \undef, \gen
  binary_rm \op, \undef, \gen
  binary_mr \op, \undef, \gen
  binary_ri \op, \undef, \gen
  binary_rs \op, \undef, \gen
  binary_mi \op, \undef, \gen
  binary_ms \op, \undef, \gen
.endm

.irp op, add, sub, cmp
  binary \op, U_NONE, G_INT|G_SETS
.endr
.irp op, adc, sbb
  binary \op, U_NONE, G_INT
.endr
.irp op, or, and, xor
  binary \op, U_AF, G_INT|G_SETS
.endr
binary_rr test, U_AF, G_INT|G_SETS
binary_mr test, U_AF, G_INT|G_SETS
binary_ri test, U_AF, G_INT|G_SETS
binary_mi test, U_AF, G_INT|G_SETS
binary_rr mov, U_NONE, G_INT
binary_rm mov, U_NONE, G_INT
binary_mr mov, U_NONE, G_INT
binary_ri mov, U_NONE, G_INT
binary_mi mov, U_NONE, G_INT
binary_rr xchg, U_NONE, G_INT|G_ALONE
f "xchg eax,eax", U_NONE, G_INT, xchg eax, eax
f "xchg rax,rax", U_NONE, G_INT, xchg rax, rax
f "xchg r8,rax", U_NONE, G_INT, xchg r8, rax
f "xchg r8d,eax", U_NONE, G_INT, xchg r8d, eax
f "xchg ax,ax", U_NONE, G_INT, xchg ax, ax
f "xchg m8,r8", U_NONE, G_INT, xchg byte ptr [rsi+8], al
f "xchg m16,r16", U_NONE, G_INT, xchg word ptr [rsi+8], bx
f "xchg m32,r32", U_NONE, G_INT, xchg dword ptr [rsi-30], r9d
f "xchg m64,r64", U_NONE, G_INT, xchg qword ptr [rdi+1], rdx

.irp op, add, sub, adc, sbb
  f "lock \op m8,r8", U_NONE, G_INT, lock \op byte ptr [rsi], cl
  f "lock \op m32,r32", U_NONE, G_INT, lock \op dword ptr [rsi+4], r8d
  f "lock \op m64,imm8s", U_NONE, G_INT, lock \op qword ptr [rsi+8], 3
.endr
.irp op, or, and, xor
  f "lock \op m16,r16", U_AF, G_INT, lock \op word ptr [rsi], cx
  f "lock \op m64,r64", U_AF, G_INT, lock \op qword ptr [rdi+4], r8
.endr

.macro unary op, undef, gen
  f "\op r8", \undef, \gen, \op cl
  f "\op r8", \undef, \gen, \op dh
  f "\op r8", \undef, \gen, \op r15b
  f "\op r16", \undef, \gen, \op ax
  f "\op r16", \undef, \gen, \op r10w
  f "\op r32", \undef, \gen, \op ebx
  f "\op r32", \undef, \gen, \op r9d
  f "\op r64", \undef, \gen, \op rdx
  f "\op r64", \undef, \gen, \op r11
  f "\op m8", \undef, \gen, \op byte ptr [rsi+r14]
  f "\op m16", \undef, \gen, \op word ptr [rdi-7]
  f "\op m32", \undef, \gen, \op dword ptr [rbp+9]
  f "\op m64", \undef, \gen, \op qword ptr [r13+r12*8]
.endm
.irp op, inc, dec, neg, not
  unary \op, U_NONE, G_INT
  f "lock \op m32", U_NONE, G_INT, lock \op dword ptr [rsi+9]
.endr

/* Shifts and rotates. `one` is what a count of 1 leaves undefined, `many` what a larger count does. */
.macro shift op, one, many, big, rule
  .irp r, cl, ah, r9b
    f "\op r8,1", \one, G_INT, \op \r, 1
    f "\op r8,imm8", \many, G_INT, \op \r, 3
    f "\op r8,imm8 (count above width)", \many|\big, G_INT, \op \r, 11
  .endr
  .irp r, dx, r10w
    f "\op r16,1", \one, G_INT, \op \r, 1
    f "\op r16,imm8", \many, G_INT, \op \r, 13
    f "\op r16,imm8 (count above width)", \many|\big, G_INT, \op \r, 21
  .endr
  .irp r, eax, r11d
    f "\op r32,1", \one, G_INT, \op \r, 1
    f "\op r32,imm8", \many, G_INT, \op \r, 17
    f "\op r32,imm8 (count 0)", U_NONE, G_INT, \op \r, 32
  .endr
  .irp r, rbx, r8
    f "\op r64,1", \one, G_INT, \op \r, 1
    f "\op r64,imm8", \many, G_INT, \op \r, 43
    f "\op r64,imm8 (count above width)", \one, G_INT, \op \r, 65
  .endr
  f "\op m8,1", \one, G_INT, \op byte ptr [rsi+1], 1
  f "\op m8,imm8", \many, G_INT, \op byte ptr [rsi+r14], 5
  f "\op m16,1", \one, G_INT, \op word ptr [rsi+1], 1
  f "\op m16,imm8", \many, G_INT, \op word ptr [rdi+r14], 9
  f "\op m32,1", \one, G_INT, \op dword ptr [rsi+1], 1
  f "\op m32,imm8", \many, G_INT, \op dword ptr [rbp+r14], 30
  f "\op m64,1", \one, G_INT, \op qword ptr [rsi+1], 1
  f "\op m64,imm8", \many, G_INT, \op qword ptr [r13+r14], 63
  .irp r, dl, bh, r9b
    v "\op r8,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 8, \op \r, cl
  .endr
  .irp r, ax, r15w
    v "\op r16,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 16, \op \r, cl
  .endr
  .irp r, edx, r8d
    v "\op r32,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 32, \op \r, cl
  .endr
  .irp r, rax, r11
    v "\op r64,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 64, \op \r, cl
  .endr
  v "\op m8,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 8, \op byte ptr [rsi+4], cl
  v "\op m16,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 16, \op word ptr [rsi+4], cl
  v "\op m32,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 32, \op dword ptr [rdi+4], cl
  v "\op m64,cl", \one, G_INT|G_COUNT|\rule, C_EXACT, 64, \op qword ptr [rdi+4], cl
.endm
.irp op, shl, shr, sar
  shift \op, U_AF, U_AF|U_OF, U_CF, G_SHIFT_CL
.endr
.irp op, rol, ror, rcl, rcr
  shift \op, U_NONE, U_OF, U_NONE, G_ROTATE_CL
.endr

.irp op, shld, shrd
  .irp n, 1
    f "\op r16,r16,1", U_AF, G_INT, \op ax, bx, \n
    f "\op r32,r32,1", U_AF, G_INT, \op r9d, ecx, \n
    f "\op r64,r64,1", U_AF, G_INT, \op rdx, r10, \n
  .endr
  .irp n, 5, 12, 16
    f "\op r16,r16,imm8", U_AF|U_OF, G_INT, \op dx, r8w, \n
    f "\op m16,r16,imm8", U_AF|U_OF, G_INT, \op word ptr [rsi+2], r8w, \n
  .endr
  .irp n, 7, 24, 31
    f "\op r32,r32,imm8", U_AF|U_OF, G_INT, \op r10d, eax, \n
    f "\op m32,r32,imm8", U_AF|U_OF, G_INT, \op dword ptr [rdi+r14], eax, \n
  .endr
  .irp n, 9, 32, 63
    f "\op r64,r64,imm8", U_AF|U_OF, G_INT, \op rbx, r9, \n
    f "\op m64,r64,imm8", U_AF|U_OF, G_INT, \op qword ptr [rsi-20], rax, \n
  .endr
  v "\op r16,r16,cl", U_AF, G_INT|G_COUNT|G_DOUBLE_CL, C_EXACT, 16, \op ax, dx, cl
  v "\op r32,r32,cl", U_AF, G_INT|G_COUNT|G_DOUBLE_CL, C_EXACT, 32, \op ebx, r8d, cl
  v "\op r64,r64,cl", U_AF, G_INT|G_COUNT|G_DOUBLE_CL, C_EXACT, 64, \op r9, rax, cl
  v "\op m16,r16,cl", U_AF, G_INT|G_COUNT|G_DOUBLE_CL, C_EXACT, 16, \op word ptr [rsi], bx, cl
  v "\op m32,r32,cl", U_AF, G_INT|G_COUNT|G_DOUBLE_CL, C_EXACT, 32, \op dword ptr [rsi], r10d, cl
  v "\op m64,r64,cl", U_AF, G_INT|G_COUNT|G_DOUBLE_CL, C_EXACT, 64, \op qword ptr [rdi+5], rdx, cl
.endr

.macro muldiv op, undef, gen
  .irp r, cl, bh, r9b
    f "\op r8", \undef, \gen, \op \r
  .endr
  .irp r, cx, r10w
    f "\op r16", \undef, \gen, \op \r
  .endr
  .irp r, ebx, r11d
    f "\op r32", \undef, \gen, \op \r
  .endr
  .irp r, rcx, r8
    f "\op r64", \undef, \gen, \op \r
  .endr
  f "\op m8", \undef, \gen, \op byte ptr [rsi+2]
  f "\op m16", \undef, \gen, \op word ptr [rsi+2]
  f "\op m32", \undef, \gen, \op dword ptr [rdi+r14*4]
  f "\op m64", \undef, \gen, \op qword ptr [rdi+r14*4]
.endm
.irp op, mul, imul
  muldiv \op, U_MUL, G_INT
.endr
.irp op, div, idiv
  muldiv \op, U_ALL, G_INT|G_DIV|G_ALONE
.endr
f "imul r16,r16", U_MUL, G_INT, imul ax, cx
f "imul r16,r16", U_MUL, G_INT, imul r9w, bx
f "imul r32,r32", U_MUL, G_INT, imul edx, r8d
f "imul r32,r32", U_MUL, G_INT, imul ecx, ecx
f "imul r64,r64", U_MUL, G_INT, imul rdx, r8
f "imul r64,r64", U_MUL, G_INT, imul r10, rax
f "imul r16,m16", U_MUL, G_INT, imul ax, word ptr [rsi+6]
f "imul r32,m32", U_MUL, G_INT, imul r9d, dword ptr [rsi+6]
f "imul r64,m64", U_MUL, G_INT, imul rbx, qword ptr [rsi+6]
f "imul r16,r16,imm8", U_MUL, G_INT, imul dx, cx, -3
f "imul r16,r16,imm16", U_MUL, G_INT, imul r8w, ax, 0x1234
f "imul r32,r32,imm8", U_MUL, G_INT, imul edx, ecx, 0x7F
f "imul r32,r32,imm32", U_MUL, G_INT, imul r11d, eax, 0x10001
f "imul r64,r64,imm8", U_MUL, G_INT, imul rdx, rcx, -0x80
f "imul r64,r64,imm32", U_MUL, G_INT, imul r15, rbx, -0x12345
f "imul r16,m16,imm8", U_MUL, G_INT, imul dx, word ptr [rsi], 11
f "imul r32,m32,imm32", U_MUL, G_INT, imul ecx, dword ptr [rdi], 0x7654321
f "imul r64,m64,imm8", U_MUL, G_INT, imul r9, qword ptr [rdi+r14*8], 25

.irp op, bt, bts, btr, btc
  f "\op r16,r16", U_BT, G_INT, \op ax, bx
  f "\op r16,r16", U_BT, G_INT, \op r8w, cx
  f "\op r32,r32", U_BT, G_INT, \op edx, ecx
  f "\op r32,r32", U_BT, G_INT, \op r11d, eax
  f "\op r64,r64", U_BT, G_INT, \op rbx, rdx
  f "\op r64,r64", U_BT, G_INT, \op r10, r9
  f "\op r16,imm8", U_BT, G_INT, \op cx, 21
  f "\op r32,imm8", U_BT, G_INT, \op r9d, 31
  f "\op r64,imm8", U_BT, G_INT, \op rdx, 63
  f "\op r64,imm8", U_BT, G_INT, \op rdx, 1
  f "\op m16,imm8", U_BT, G_INT, \op word ptr [rsi+1], 9
  f "\op m32,imm8", U_BT, G_INT, \op dword ptr [rsi+1], 40
  f "\op m64,imm8", U_BT, G_INT, \op qword ptr [rdi+1], 50
  f "\op m16,r16", U_BT, G_INT|G_BIT, \op word ptr [rsi+2], cx
  f "\op m32,r32", U_BT, G_INT|G_BIT, \op dword ptr [rsi+4], ecx
  f "\op m64,r64", U_BT, G_INT|G_BIT, \op qword ptr [rdi], rcx
.endr
.irp op, bsf, bsr
  f "\op r16,r16", U_SCAN, G_INT, \op ax, cx
  f "\op r32,r32", U_SCAN, G_INT|G_NONZERO, \op r9d, edx
  f "\op r64,r64", U_SCAN, G_INT, \op rbx, r8
  f "\op r16,m16", U_SCAN, G_INT, \op r10w, word ptr [rsi+2]
  f "\op r32,m32", U_SCAN, G_INT|G_NONZERO, \op ecx, dword ptr [rsi+2]
  f "\op r64,m64", U_SCAN, G_INT, \op rdx, qword ptr [rsi+2]
.endr

.irp cc, o, no, c, nc, z, nz, be, a, s, ns, p, np, l, ge, le, g
  f "set\cc r8", U_NONE, G_INT, set\cc cl
  f "set\cc r8", U_NONE, G_INT, set\cc bh
  f "set\cc r8", U_NONE, G_INT, set\cc r10b
  f "set\cc m8", U_NONE, G_INT, set\cc byte ptr [rsi+r14]
  f "cmov\cc r16,r16", U_NONE, G_INT, cmov\cc ax, r9w
  f "cmov\cc r32,r32", U_NONE, G_INT, cmov\cc r8d, ecx
  f "cmov\cc r32,r32", U_NONE, G_INT, cmov\cc edx, ebx
  f "cmov\cc r64,r64", U_NONE, G_INT, cmov\cc rbx, r10
  f "cmov\cc r16,m16", U_NONE, G_INT, cmov\cc r11w, word ptr [rdi+2]
  f "cmov\cc r32,m32", U_NONE, G_INT, cmov\cc eax, dword ptr [rsi+r12*4]
  f "cmov\cc r64,m64", U_NONE, G_INT, cmov\cc r9, qword ptr [rsi-9]
  begin "j\cc rel8", U_NONE, G_INT
    j\cc 1f
    mov dl, 0x5A
    add rbx, rcx
1:  rol r8, 8
  finish
  begin "j\cc rel32", U_NONE, G_INT
    {disp32} j\cc 1f
    mov r9w, 0x5A
1:  lea rcx, [rcx+rdx]
  finish
  begin "cmp+j\cc", U_NONE, G_INT
    cmp eax, ecx
    j\cc 1f
    mov edx, 0x5A
1:  mov r8, rdx
  finish
  begin "sub+j\cc", U_NONE, G_INT
    sub r9w, bx
    j\cc 1f
    mov dl, 0x5A
1:
  finish
  begin "inc+j\cc", U_NONE, G_INT
    inc r10b
    j\cc 1f
    mov dl, 0x5A
1:
  finish
  begin "test+set\cc", U_AF, G_INT
    test rax, rbx
    set\cc dl
  finish
  begin "shl+set\cc", U_AF, G_INT
    shl edx, 1
    set\cc r8b
  finish
.endr
.irp op, jrcxz, jecxz, loop, loope, loopne
  begin "\op", U_NONE, G_INT|G_REP
    \op 1f
    mov dl, 0x5A
1:
  finish
.endr
begin "loop (backward)", U_NONE, G_INT|G_REP
  or ecx, 1
1: add rax, rbx
  loop 1b
finish
begin "jmp rel8", U_NONE, G_INT|G_ALONE
  jmp 1f
  ud2
1:
finish
begin "jmp rel32", U_NONE, G_INT|G_ALONE
  {disp32} jmp 1f
  ud2
1:
finish
begin "jmp r64", U_NONE, G_INT|G_ALONE
  lea rdx, [rip+1f]
  jmp rdx
  ud2
1:
finish
begin "jmp m64", U_NONE, G_INT|G_ALONE
  lea r9, [rip+1f]
  mov [rsi], r9
  jmp [rsi]
  ud2
1:
finish
begin "call rel32, ret", U_NONE, G_INT|G_ALONE
  call 1f
  jmp 2f
1: add rax, rcx
  ret
2:
finish
begin "call r64, ret imm16", U_NONE, G_INT|G_ALONE
  lea rdx, [rip+1f]
  push rcx
  call rdx
  jmp 2f
1: sub rax, [rsp+8]
  ret 8
2:
finish
begin "call m64", U_NONE, G_INT|G_ALONE
  lea rdx, [rip+1f]
  mov [rsi+r14*8], rdx
  call [rsi+r14*8]
1:
finish

/* Targets that are not canonical fault at the branch. */
begin "jmp r64 (not canonical)", U_BT, G_INT|G_ALONE
  btc rcx, 63
  jmp rcx
finish
begin "call r64 (not canonical)", U_BT, G_INT|G_ALONE
  btc rdx, 63
  call rdx
finish
begin "ret (not canonical)", U_BT, G_INT|G_ALONE
  btc qword ptr [rsp], 62
  ret
finish
begin "mov r64,m64 (not canonical)", U_BT, G_INT|G_ALONE
  btc rcx, 63
  mov rax, [rcx]
finish
begin "add m32,r32 (not canonical)", U_BT, G_INT|G_ALONE
  btc rdx, 62
  add [rdx], eax
finish

/* Extensions and conversions of width. */
.irp op, movsx, movzx
  f "\op r16,r8", U_NONE, G_INT, \op ax, cl
  f "\op r16,r8", U_NONE, G_INT, \op r8w, bpl
  f "\op r32,r8", U_NONE, G_INT, \op ecx, dh
  f "\op r32,r8", U_NONE, G_INT, \op r9d, al
  f "\op r64,r8", U_NONE, G_INT, \op rdx, bl
  f "\op r64,r8", U_NONE, G_INT, \op r10, r11b
  f "\op r32,r16", U_NONE, G_INT, \op eax, cx
  f "\op r64,r16", U_NONE, G_INT, \op rbx, r8w
  f "\op r16,m8", U_NONE, G_INT, \op cx, byte ptr [rsi]
  f "\op r32,m8", U_NONE, G_INT, \op r9d, byte ptr [rsi+r14]
  f "\op r64,m8", U_NONE, G_INT, \op rdx, byte ptr [rdi+7]
  f "\op r32,m16", U_NONE, G_INT, \op eax, word ptr [rdi-1]
  f "\op r64,m16", U_NONE, G_INT, \op r15, word ptr [rdi+r14*2]
.endr
f "movsxd r64,r32", U_NONE, G_INT, movsxd rax, ecx
f "movsxd r64,r32", U_NONE, G_INT, movsxd r9, ebx
f "movsxd r64,m32", U_NONE, G_INT, movsxd rcx, dword ptr [rsi+4]
.irp op, cbw, cwde, cdqe, cwd, cdq, cqo, lahf, sahf, clc, stc, cmc, cld, std, nop, pause, lfence, mfence, sfence, endbr64
  f "\op", U_NONE, G_INT|G_ALONE, \op
.endr
f "bswap r32", U_NONE, G_INT, bswap ecx
f "bswap r32", U_NONE, G_INT, bswap r9d
f "bswap r64", U_NONE, G_INT, bswap rdx
f "bswap r64", U_NONE, G_INT, bswap r15
f "nop m32", U_NONE, G_INT, nop dword ptr [rax+rax*8+0x1234]
f "prefetcht0 m8", U_NONE, G_INT, prefetcht0 byte ptr [rsi]
f "mov r64,imm64", U_NONE, G_INT, movabs rax, 0x123456789ABCDEF0
f "mov r64,imm64", U_NONE, G_INT, movabs r11, 0xFEDCBA9876543210
f "mov al,moffs", U_NONE, G_INT, movabs al, [DATA_WINDOW+77]
f "mov eax,moffs", U_NONE, G_INT, movabs eax, [DATA_WINDOW+77]
f "mov rax,moffs", U_NONE, G_INT, movabs rax, [DATA_WINDOW+125]
f "mov moffs,al", U_NONE, G_INT, movabs [DATA_WINDOW+77], al
f "mov moffs,rax", U_NONE, G_INT, movabs [DATA_WINDOW+77], rax
f "mov r64,gs:m64", U_NONE, G_INT, mov rax, gs:[0x30]
f "mov r32,gs:m32", U_NONE, G_INT, mov ecx, gs:[r14*8+4]
f "mov gs:m64,r64", U_NONE, G_INT, mov gs:[r12+0x60], rdx
f "add gs:m32,r32", U_NONE, G_INT, add gs:[0x7E], ebx
begin "xlatb", U_NONE, G_INT|G_ALONE
  lea rbx, [rsi-128]
  xlatb
finish

/* Address arithmetic. */
f "lea r16", U_NONE, G_INT, lea ax, [rcx+rdx*2+5]
f "lea r32", U_NONE, G_INT, lea ecx, [rax+rbx*4-9]
f "lea r32", U_NONE, G_INT, lea r9d, [r8*8+0x12345678]
f "lea r32", U_NONE, G_INT, lea edx, [r11]
f "lea r64", U_NONE, G_INT, lea rax, [rcx+rdx]
f "lea r64", U_NONE, G_INT, lea r10, [r13+r13*8+0x7F]
f "lea r64", U_NONE, G_INT, lea rdx, [rsp+8]
f "lea r64", U_NONE, G_INT, lea rbx, [rbp+rax-0x80000000]
f "lea r64", U_NONE, G_INT, lea r8, [r12]
f "lea r64", U_NONE, G_INT, lea rcx, [rip+0x1000]
f "lea r64 (32-bit address)", U_NONE, G_INT, lea rcx, [eax+edx*8+3]
f "lea r32 (32-bit address)", U_NONE, G_INT, lea r9d, [r8d+ebx-1]
f "mov r64,m64 (rsp base)", U_NONE, G_INT, mov rax, [rsp+8]
f "mov r64,m64 (r12 base)", U_NONE, G_INT, mov rcx, [r12+DATA_WINDOW+100]
f "mov r64,m64 (32-bit address)", U_NONE, G_INT, mov rdx, [edi+r14d*4]
f "mov r64,m64 (rip)", U_NONE, G_INT|G_ALONE, mov rdx, [rip+RIP_TO_DATA]

/* Stack. */
.irp r, rax, rsp, r9
  f "push r64", U_NONE, G_INT|G_ALONE, push \r
  f "pop r64", U_NONE, G_INT|G_ALONE, pop \r
.endr
f "push r16", U_NONE, G_INT|G_ALONE, push cx
f "pop r16", U_NONE, G_INT|G_ALONE, pop r10w
f "push imm8", U_NONE, G_INT|G_ALONE, push -5
f "push imm32", U_NONE, G_INT|G_ALONE, push 0x7FFFABCD
f "push imm32", U_NONE, G_INT|G_ALONE, push -0x70000000
f "push imm16", U_NONE, G_INT|G_ALONE, pushw 0x1234
f "push m64", U_NONE, G_INT|G_ALONE, push qword ptr [rsi+8]
f "push m64", U_NONE, G_INT|G_ALONE, push qword ptr [rsp+8]
f "push m16", U_NONE, G_INT|G_ALONE, push word ptr [rsi+8]
f "pop m64", U_NONE, G_INT|G_ALONE, pop qword ptr [rdi]
f "pop m64", U_NONE, G_INT|G_ALONE, pop qword ptr [rsp-16]
f "pop m16", U_NONE, G_INT|G_ALONE, pop word ptr [rdi]
f "pushfq", U_NONE, G_INT|G_ALONE, pushfq
f "pushfw", U_NONE, G_INT|G_ALONE, pushfw
f "popfq", U_NONE, G_INT|G_FLAGS|G_ALONE, popfq
f "popfw", U_NONE, G_INT|G_FLAGS|G_ALONE, popfw
f "enter 16,0", U_NONE, G_INT|G_ALONE, enter 16, 0
begin "enter, leave", U_NONE, G_INT|G_ALONE
  enter 24, 0
  mov [rbp-8], rax
  leave
finish
begin "enter 16,1", U_NONE, G_INT|G_ALONE
  enter 16, 1
finish
begin "enter 8,3", U_NONE, G_INT|G_ALONE
  enter 8, 3
finish
begin "push, pop", U_NONE, G_INT
  push rax
  push rcx
  pop rdx
  pop r8
finish

/* Strings, in both directions (DF is part of the random flags). */
.irp w, b, w, d, q
  f "movs\w", U_NONE, G_INT|G_REP, movs\w
  f "stos\w", U_NONE, G_INT|G_REP, stos\w
  f "lods\w", U_NONE, G_INT|G_REP, lods\w
  f "scas\w", U_NONE, G_INT|G_REP|G_SAME, scas\w
  f "cmps\w", U_NONE, G_INT|G_REP|G_SAME, cmps\w
  f "rep movs\w", U_NONE, G_INT|G_REP, rep movs\w
  f "rep stos\w", U_NONE, G_INT|G_REP, rep stos\w
  f "rep lods\w", U_NONE, G_INT|G_REP, rep lods\w
  f "repe scas\w", U_NONE, G_INT|G_REP|G_SAME, repe scas\w
  f "repne scas\w", U_NONE, G_INT|G_REP|G_SAME, repne scas\w
  f "repe cmps\w", U_NONE, G_INT|G_REP|G_SAME, repe cmps\w
  f "repne cmps\w", U_NONE, G_INT|G_REP|G_SAME, repne cmps\w
.endr
f "movsb (32-bit address)", U_NONE, G_INT|G_REP, addr32 movsb
f "rep stosd (32-bit address)", U_NONE, G_INT|G_REP, addr32 rep stosd
begin "rep movsb (overlapping)", U_NONE, G_INT|G_REP|G_ALONE
  lea rdi, [rsi+1]
  rep movsb
finish
begin "std, rep movsq (overlapping)", U_NONE, G_INT|G_REP|G_ALONE
  lea rdi, [rsi+4]
  std
  rep movsq
finish

/* Exchange and compare. */
f "cmpxchg r8,r8", U_NONE, G_INT|G_EQUAL, cmpxchg cl, dl
f "cmpxchg r16,r16", U_NONE, G_INT|G_EQUAL, cmpxchg cx, r8w
/* Whether a failed compare clears the high half of the destination differs between makers. */
f "cmpxchg r32,r32", U_NONE, G_INT|G_EQUAL|G_LOW_RCX, cmpxchg ecx, ebx
f "cmpxchg r64,r64", U_NONE, G_INT|G_EQUAL, cmpxchg rcx, r9
f "cmpxchg m8,r8", U_NONE, G_INT|G_EQUAL, cmpxchg byte ptr [rsi+16], dh
f "cmpxchg m16,r16", U_NONE, G_INT|G_EQUAL, lock cmpxchg word ptr [rsi+16], bx
f "cmpxchg m32,r32", U_NONE, G_INT|G_EQUAL, lock cmpxchg dword ptr [rsi+16], r10d
f "cmpxchg m64,r64", U_NONE, G_INT|G_EQUAL, lock cmpxchg qword ptr [rsi+16], rdx
v "cmpxchg8b m64", U_NONE, G_INT|G_EQUAL, C_EXACT, 8, cmpxchg8b qword ptr [rsi+16]
v "lock cmpxchg8b m64", U_NONE, G_INT|G_EQUAL, C_EXACT, 8, lock cmpxchg8b qword ptr [rsi+16]
v "cmpxchg16b m128", U_NONE, G_INT|G_EQUAL|G_ALIGN, C_EXACT, 16, cmpxchg16b xmmword ptr [rsi+16]
v "lock cmpxchg16b m128", U_NONE, G_INT|G_EQUAL|G_ALIGN, C_EXACT, 16, lock cmpxchg16b xmmword ptr [rsi+16]
f "xadd r8,r8", U_NONE, G_INT, xadd cl, bh
f "xadd r16,r16", U_NONE, G_INT, xadd ax, r9w
f "xadd r32,r32", U_NONE, G_INT, xadd edx, ebx
f "xadd r32,r32", U_NONE, G_INT, xadd ecx, ecx
f "xadd r64,r64", U_NONE, G_INT, xadd r8, rdx
f "xadd m8,r8", U_NONE, G_INT, xadd byte ptr [rsi], cl
f "xadd m16,r16", U_NONE, G_INT, lock xadd word ptr [rsi+1], ax
f "xadd m32,r32", U_NONE, G_INT, lock xadd dword ptr [rdi+r14], r11d
f "xadd m64,r64", U_NONE, G_INT, lock xadd qword ptr [rdi-3], rbx

/* Exceptions. */
f "ud2", U_NONE, G_INT|G_ALONE, ud2
f "hlt", U_NONE, G_INT|G_ALONE, hlt
f "cli", U_NONE, G_INT|G_ALONE, cli
f "in al,dx", U_NONE, G_INT|G_ALONE, in al, dx
f "mov r64,cr0", U_NONE, G_INT|G_ALONE, mov rax, cr0
f "wbinvd", U_NONE, G_INT|G_ALONE, wbinvd

/* Multi-word arithmetic as compilers emit it. */
begin "add, adc (128 bits)", U_NONE, G_INT
  add rax, rcx
  adc rdx, rbx
finish
begin "sub, sbb (128 bits, memory)", U_NONE, G_INT
  sub [rsi], rax
  sbb [rsi+8], rdx
finish
begin "cmp, sbb, mask", U_AF, G_INT
  cmp rax, rcx
  sbb rdx, rdx
  and rdx, rbx
finish
begin "neg, sbb", U_NONE, G_INT
  neg eax
  sbb eax, eax
finish
begin "shr, rcr (128 bits)", U_AF, G_INT
  shr rdx, 1
  rcr rax, 1
finish

.section .note.GNU-stack,"",@progbits
