/* Bit counts, BMI1, BMI2, ADX, MOVBE, CRC32, and what user mode may not do. */
#include "forms.inc"

#define U_COUNT 0x894           /* OF SF AF PF */

.macro counts op, undef
  f "\op r16,r16", \undef, G_INT, \op ax, cx
  f "\op r32,r32", \undef, G_INT, \op eax, ecx
  f "\op r32,r32", \undef, G_INT, \op r9d, r12d
  f "\op r64,r64", \undef, G_INT, \op rax, rcx
  f "\op r64,r64", \undef, G_INT, \op r11, r14
  f "\op r16,m16", \undef, G_INT, \op dx, word ptr [rsi+3]
  f "\op r32,m32", \undef, G_INT, \op edx, dword ptr [rsi+3]
  f "\op r64,m64", \undef, G_INT, \op rdx, qword ptr [rsi+3]
  begin "\op r64,r64 (zero)", \undef, G_INT
    xor ecx, ecx
    \op rax, rcx
    \op dx, cx
    \op ebx, ecx
  finish
.endm
counts popcnt, U_NONE
counts lzcnt, U_COUNT
counts tzcnt, U_COUNT

#define U_LOGIC U_AF|U_PF
f "andn r32,r32,r32", U_LOGIC, G_INT, andn eax, ecx, edx
f "andn r64,r64,r64", U_LOGIC, G_INT, andn r8, r9, r10
f "andn r64,r64,r64", U_LOGIC, G_INT, andn rax, rax, rax
f "andn r32,r32,m32", U_LOGIC, G_INT, andn ebx, r11d, dword ptr [rsi+1]
f "andn r64,r64,m64", U_LOGIC, G_INT, andn rbx, r11, qword ptr [rsi+1]
.irp op, blsi, blsmsk, blsr
  f "\op r32,r32", U_LOGIC, G_INT, \op eax, ecx
  f "\op r64,r64", U_LOGIC, G_INT, \op r8, r10
  f "\op r32,m32", U_LOGIC, G_INT, \op edx, dword ptr [rsi+1]
  f "\op r64,m64", U_LOGIC, G_INT, \op rdx, qword ptr [rsi+1]
  begin "\op r64,r64 (zero)", U_LOGIC, G_INT
    xor ecx, ecx
    \op rax, rcx
  finish
.endr
/* The third operand: as it is, and small. */
.macro indexed op, undef
  f "\op r32,r32,r32", \undef, G_INT, \op eax, ecx, edx
  f "\op r64,r64,r64", \undef, G_INT, \op r8, r9, r10
  f "\op r32,r32,r32", \undef, G_INT, \op eax, ecx, r12d
  f "\op r64,r64,r64", \undef, G_INT, \op rax, rcx, r14
  f "\op r32,m32,r32", \undef, G_INT, \op ebx, dword ptr [rsi+1], r11d
  f "\op r64,m64,r64", \undef, G_INT, \op rbx, qword ptr [rsi+1], r11
  begin "\op r64,r64,r64 (small)", \undef|U_AF, G_INT
    movzx edx, dl
    shr edx, 1
    \op rax, rcx, rdx
    \op ebx, ecx, edx
  finish
.endm
indexed bzhi, U_LOGIC
indexed shlx, U_NONE
indexed shrx, U_NONE
indexed sarx, U_NONE
indexed bextr, U_LOGIC|U_SF
begin "bextr r64,r64,r64 (within)", U_LOGIC|U_SF, G_INT
  and edx, 0x3F3F
  bextr rax, rcx, rdx
finish
.irp op, pdep, pext, mulx
  f "\op r32,r32,r32", U_NONE, G_INT, \op eax, ecx, ebx
  f "\op r64,r64,r64", U_NONE, G_INT, \op r8, r9, r10
  f "\op r64,r64,r64", U_NONE, G_INT, \op rdx, rcx, rdx
  f "\op r32,r32,m32", U_NONE, G_INT, \op ebx, r11d, dword ptr [rsi+1]
  f "\op r64,r64,m64", U_NONE, G_INT, \op rbx, r11, qword ptr [rsi+1]
.endr
f "mulx r64,r64,r64", U_NONE, G_INT, mulx rax, rax, rcx
.irp n, 0, 1, 31, 40, 200
  f "rorx r32,r32,imm8", U_NONE, G_INT, rorx eax, ecx, \n
  f "rorx r64,r64,imm8", U_NONE, G_INT, rorx r9, r10, \n
  f "rorx r32,m32,imm8", U_NONE, G_INT, rorx ebx, dword ptr [rsi+1], \n
  f "rorx r64,m64,imm8", U_NONE, G_INT, rorx rbx, qword ptr [rsi+1], \n
.endr
.irp op, adcx, adox
  f "\op r32,r32", U_NONE, G_INT, \op eax, ecx
  f "\op r64,r64", U_NONE, G_INT, \op r8, r10
  f "\op r32,m32", U_NONE, G_INT, \op edx, dword ptr [rsi+1]
  f "\op r64,m64", U_NONE, G_INT, \op rdx, qword ptr [rsi+1]
.endr
f "movbe r16,m16", U_NONE, G_INT, movbe ax, word ptr [rsi+1]
f "movbe r32,m32", U_NONE, G_INT, movbe ecx, dword ptr [rsi+1]
f "movbe r64,m64", U_NONE, G_INT, movbe r9, qword ptr [rsi+1]
f "movbe m16,r16", U_NONE, G_INT, movbe word ptr [rdi+1], ax
f "movbe m32,r32", U_NONE, G_INT, movbe dword ptr [rdi+1], ecx
f "movbe m64,r64", U_NONE, G_INT, movbe qword ptr [rdi+1], r9
f "crc32 r32,r8", U_NONE, G_INT, crc32 eax, cl
f "crc32 r32,r8", U_NONE, G_INT, crc32 eax, ah
f "crc32 r64,r8", U_NONE, G_INT, crc32 r9, r10b
f "crc32 r32,r16", U_NONE, G_INT, crc32 eax, cx
f "crc32 r32,r32", U_NONE, G_INT, crc32 ecx, edx
f "crc32 r64,r64", U_NONE, G_INT, crc32 rcx, rdx
f "crc32 r32,m8", U_NONE, G_INT, crc32 ebx, byte ptr [rsi+1]
f "crc32 r32,m16", U_NONE, G_INT, crc32 ebx, word ptr [rsi+1]
f "crc32 r32,m32", U_NONE, G_INT, crc32 ebx, dword ptr [rsi+1]
f "crc32 r64,m64", U_NONE, G_INT, crc32 rbx, qword ptr [rsi+1]

/* Prefetches, even of what is not there; what only the kernel may. */
f "prefetch m8", U_NONE, G_INT, prefetcht0 byte ptr [rbx]
f "prefetch m8", U_NONE, G_INT, prefetchw byte ptr [rax]
f "clflush m8", U_NONE, G_INT, clflush byte ptr [rsi]
f "clflushopt m8", U_NONE, G_INT, clflushopt byte ptr [rsi]
f "monitor", U_NONE, G_INT|G_ALONE, monitor
f "mwait", U_NONE, G_INT|G_ALONE, mwait
f "hlt", U_NONE, G_INT|G_ALONE, hlt
f "sti", U_NONE, G_INT|G_ALONE, sti
f "cli", U_NONE, G_INT|G_ALONE, cli
f "in al,imm8", U_NONE, G_INT|G_ALONE, in al, 0x60
f "out dx,eax", U_NONE, G_INT|G_ALONE, out dx, eax
f "rdmsr", U_NONE, G_INT|G_ALONE, rdmsr
f "wbinvd", U_NONE, G_INT|G_ALONE, wbinvd
f "invlpg m8", U_NONE, G_INT|G_ALONE, invlpg byte ptr [rsi]
f "mov r64,cr0", U_NONE, G_INT|G_ALONE, mov rax, cr0
f "lgdt m80", U_NONE, G_INT|G_ALONE, lgdt [rsi]
f "ltr r16", U_NONE, G_INT|G_ALONE, ltr ax
f "int imm8", U_NONE, G_INT|G_ALONE, int 0x21
f "ud2", U_NONE, G_INT|G_ALONE, ud2
f "ud1", U_NONE, G_INT|G_ALONE, ud1 eax, ecx

/* Alignment checks: AC is set before, and the handler of the exception clears it. RSI is a multiple of 16 in most states. */
.macro checked name, gen, insn:vararg
  begin "\name, AC", U_ALL, \gen|G_ALIGN|G_ALONE
    lea rbx, [rsp]
    mov rsp, SCRATCH_PAGE+0x800
    pushfq
    or dword ptr [rsp], 0x40000
    popfq
    \insn
    mov rsp, SCRATCH_PAGE+0x800
    pushfq
    and dword ptr [rsp], 0xFFFBFFFF
    popfq
    mov rsp, rbx
    xor eax, eax
  finish
.endm
.irp at, 0, 1, 2, 4, 6
  checked "mov r8,m8 at \at", G_INT, mov al, [rsi+\at]
  checked "mov r16,m16 at \at", G_INT, mov ax, [rsi+\at]
  checked "mov r32,m32 at \at", G_INT, mov eax, [rsi+\at]
  checked "mov r64,m64 at \at", G_INT, mov rax, [rsi+\at]
  checked "mov m32,r32 at \at", G_INT, mov [rsi+\at], eax
  checked "add m64,r64 at \at", G_INT, add [rsi+\at], rcx
  checked "shl m32,1 at \at", G_INT, shl dword ptr [rsi+\at]
  checked "movups xmm,m128 at \at", G_INT, movups xmm1, [rsi+\at]
  checked "movups m128,xmm at \at", G_INT, movups [rsi+\at], xmm1
  checked "lddqu xmm,m128 at \at", G_INT, lddqu xmm1, [rsi+\at]
  checked "movups xmm,m128 at \at+8", G_INT, movups xmm1, [rsi+\at+8]
  checked "fld m80 at \at+8", G_X87, fld tbyte ptr [rsi+\at+8]
  checked "retf at \at", G_INT, lea rsp, [rsi+\at]; .byte 0xCB
  checked "iretq at \at", G_INT, lea rsp, [rsi+\at]; iretq
  checked "pcmpistri xmm,m128 at \at", G_INT, pcmpistri xmm1, [rsi+\at], 12
  checked "movsd xmm,m64 at \at", G_INT, movsd xmm1, [rsi+\at]
  checked "movss xmm,m32 at \at", G_INT, movss xmm1, [rsi+\at]
  checked "movhps xmm,m64 at \at", G_INT, movhps xmm1, [rsi+\at]
  checked "pinsrw xmm,m16 at \at", G_INT, pinsrw xmm1, [rsi+\at], 1
  checked "fld m80 at \at", G_X87, fld tbyte ptr [rsi+\at]
  checked "fstp m64 at \at", G_X87, fstp qword ptr [rsi+\at]
  checked "fnstenv m28 at \at", G_X87, fnstenv [rsi+\at+SCRATCH_PAGE-DATA_WINDOW]
  checked "fnstcw m16 at \at", G_X87, fnstcw [rsi+\at]
  checked "movq mm,m64 at \at", G_X87, movq mm1, [rsi+\at]
  checked "cmpxchg8b m64 at \at", G_INT, cmpxchg8b [rsi+\at]
  checked "bts m32,imm8 at \at", G_INT, bts dword ptr [rsi+\at], 5
  checked "jmp m64 at \at", G_INT, jmp [rsi+\at]
  checked "push m64 at \at", G_INT, push [rsi+\at]
  checked "push r64 at \at", G_INT, lea rsp, [rsp+\at]; push rax
  checked "stmxcsr m32 at \at", G_INT, stmxcsr [rsi+\at]
  checked "movsq at \at", G_INT, lea rsi, [rsi+\at]; movsq
.endr
checked "mov r64,m64 absent and unaligned", G_INT|G_ABSENT, lea rax, [rsi+1]; or rax, 0x80; mov rax, [rax+1]

/* Far transfers within the code segment of 64-bit user mode, 33h, and to selectors that are none. */
.macro far_return name, suffix, selector, drop
  begin "\name", U_NONE, G_INT|G_ALONE
    lea rax, [rip+8005f]
    .ifc \suffix, q
    mov qword ptr [rsp+8], \selector
    mov qword ptr [rsp], rax
    .byte 0x48
    .else
    mov dword ptr [rsp+4], \selector
    mov dword ptr [rsp], eax
    .endif
    .if \drop
    .byte 0xCA
    .word \drop
    .else
    .byte 0xCB
    .endif
    inc ecx
8005:
    inc edx
  finish
.endm
far_return "retf (64 bits)", q, 0x33, 0
far_return "retf (64 bits)", q, 0x33, 16
far_return "retf (32 bits)", d, 0x33, 0
far_return "retf (32 bits)", d, 0x33, 8
far_return "retf (null)", q, 0, 0
far_return "retf (level)", q, 0x30, 0
far_return "retf (kernel)", q, 0x10, 0
far_return "retf (data)", q, 0x2B, 0
.macro far_branch name, insn, rex, selector
  begin "\name", U_NONE, G_INT|G_ALONE
    lea rax, [rip+8005f]
    .if \rex
    mov qword ptr [rsi+3], rax
    mov word ptr [rsi+11], \selector
    .byte 0x48
    .else
    mov dword ptr [rsi+3], eax
    mov word ptr [rsi+7], \selector
    .endif
    .byte 0xFF, \insn, 3
    inc ecx
8005:
    inc edx
  finish
.endm
far_branch "jmp m16:32", 0x6E, 0, 0x33
far_branch "jmp m16:32 (level)", 0x6E, 0, 0x30
far_branch "jmp m16:32 (null)", 0x6E, 0, 0
far_branch "jmp m16:32 (data)", 0x6E, 0, 0x2B
far_branch "call m16:32", 0x5E, 0, 0x33
far_branch "call m16:32 (kernel)", 0x5E, 0, 0x10
.macro interrupt_return name, rex, code, stack, flags
  begin "\name", U_NONE, G_INT|G_ALONE
    lea rax, [rip+8005f]
    lea rbp, [rsp+3]
    and ebx, 0x8D5
    or ebx, \flags
    .if \rex
    sub rsp, 16
    mov qword ptr [rsp], rax
    mov qword ptr [rsp+8], \code
    mov qword ptr [rsp+16], rbx
    mov qword ptr [rsp+24], rbp
    mov qword ptr [rsp+32], \stack
    .byte 0x48
    .else
    mov dword ptr [rsp], eax
    mov dword ptr [rsp+4], \code
    mov dword ptr [rsp+8], ebx
    mov dword ptr [rsp+12], ebp
    mov dword ptr [rsp+16], \stack
    .endif
    .byte 0xCF
    inc ecx
8005:
    mov edx, 5
  finish
.endm
interrupt_return "iretq", 1, 0x33, 0x2B, 0
interrupt_return "iretq (all flags)", 1, 0x33, 0x2B, 0xFEC0
interrupt_return "iretd", 0, 0x33, 0x2B, 0x400
interrupt_return "iretq (null)", 1, 0, 0x2B, 0
interrupt_return "iretq (kernel)", 1, 0x10, 0x18, 0
interrupt_return "iretq (code for stack)", 1, 0x33, 0x33, 0
.section .note.GNU-stack,"",@progbits
