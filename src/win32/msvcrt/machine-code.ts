/**
 * Functions that programs call most, as the machine code that they are: they fault, restart and are counted like any other
 * instruction. All are leaf functions: they use volatile registers only and leave the stack alone, so that unwinding needs no
 * tables. Each line: offset, bytes, instruction; "+40" in a jump is an offset in the function.
 * setjmp's buffer: Frame 0, Rbx 8, Rsp 16, Rbp 24, Rsi 32, Rdi 40, R12..R15 48, Rip 80, MxCsr 88, FpCsr 92, Xmm6..Xmm15 96
 * (_JUMP_BUFFER of <setjmp.h>; "setjmp", "x64 calling convention", Microsoft).
 */
import { assemble } from '../assemble.js';

const MOVE = assemble(`
  00  4889c8                ; mov rax, rcx
  03  4989c9                ; mov r9, rcx
  06  4929d1                ; sub r9, rdx
  09  4d39c1                ; cmp r9, r8
  0c  727c                  ; jb +8a
  0e  4983f840              ; cmp r8, 0x40
  12  722c                  ; jb +40
  14  0f1002                ; movups xmm0, [rdx]
  17  0f104a10              ; movups xmm1, [rdx+0x10]
  1b  0f105220              ; movups xmm2, [rdx+0x20]
  1f  0f105a30              ; movups xmm3, [rdx+0x30]
  23  0f1101                ; movups [rcx], xmm0
  26  0f114910              ; movups [rcx+0x10], xmm1
  2a  0f115120              ; movups [rcx+0x20], xmm2
  2e  0f115930              ; movups [rcx+0x30], xmm3
  32  4883c240              ; add rdx, 0x40
  36  4883c140              ; add rcx, 0x40
  3a  4983e840              ; sub r8, 0x40
  3e  ebce                  ; jmp +e
  40  4983f810              ; cmp r8, 0x10
  44  7214                  ; jb +5a
  46  0f1002                ; movups xmm0, [rdx]
  49  0f1101                ; movups [rcx], xmm0
  4c  4883c210              ; add rdx, 0x10
  50  4883c110              ; add rcx, 0x10
  54  4983e810              ; sub r8, 0x10
  58  ebe6                  ; jmp +40
  5a  41f7c008000000        ; test r8d, 0x8
  61  740e                  ; je +71
  63  4c8b0a                ; mov r9, qword [rdx]
  66  4c8909                ; mov qword [rcx], r9
  69  4883c208              ; add rdx, 0x8
  6d  4883c108              ; add rcx, 0x8
  71  4183e007              ; and r8d, 0x7
  75  7412                  ; je +89
  77  440fb60a              ; movzx r9d, byte [rdx]
  7b  448809                ; mov byte [rcx], r9b
  7e  48ffc2                ; inc rdx
  81  48ffc1                ; inc rcx
  84  41ffc8                ; dec r8d
  87  75ee                  ; jne +77
  89  c3                    ; ret
  8a  4c01c1                ; add rcx, r8
  8d  4c01c2                ; add rdx, r8
  90  4983f810              ; cmp r8, 0x10
  94  7216                  ; jb +ac
  96  0f1042f0              ; movups xmm0, [rdx-0x10]
  9a  0f1141f0              ; movups [rcx-0x10], xmm0
  9e  4883ea10              ; sub rdx, 0x10
  a2  4883e910              ; sub rcx, 0x10
  a6  4983e810              ; sub r8, 0x10
  aa  ebe4                  ; jmp +90
  ac  4d85c0                ; test r8, r8
  af  74d8                  ; je +89
  b1  48ffca                ; dec rdx
  b4  48ffc9                ; dec rcx
  b7  440fb60a              ; movzx r9d, byte [rdx]
  bb  448809                ; mov byte [rcx], r9b
  be  49ffc8                ; dec r8
  c1  ebe9                  ; jmp +ac
`);

const FILL = assemble(`
  00  4889c8                ; mov rax, rcx
  03  0fb6d2                ; movzx edx, dl
  06  49b90101010101010101  ; movabs r9, 0x101010101010101
  10  490fafd1              ; imul rdx, r9
  14  66480f6ec2            ; movq xmm0, rdx
  19  660f6cc0              ; punpcklqdq xmm0, xmm0
  1d  4983f840              ; cmp r8, 0x40
  21  7219                  ; jb +3c
  23  0f1101                ; movups [rcx], xmm0
  26  0f114110              ; movups [rcx+0x10], xmm0
  2a  0f114120              ; movups [rcx+0x20], xmm0
  2e  0f114130              ; movups [rcx+0x30], xmm0
  32  4883c140              ; add rcx, 0x40
  36  4983e840              ; sub r8, 0x40
  3a  ebe1                  ; jmp +1d
  3c  4983f808              ; cmp r8, 0x8
  40  720d                  ; jb +4f
  42  488911                ; mov qword [rcx], rdx
  45  4883c108              ; add rcx, 0x8
  49  4983e808              ; sub r8, 0x8
  4d  ebed                  ; jmp +3c
  4f  4d85c0                ; test r8, r8
  52  740a                  ; je +5e
  54  8811                  ; mov byte [rcx], dl
  56  48ffc1                ; inc rcx
  59  49ffc8                ; dec r8
  5c  75f6                  ; jne +54
  5e  c3                    ; ret
`);

const COMPARE = assemble(`
  00  4983f808              ; cmp r8, 0x8
  04  7219                  ; jb +1f
  06  488b01                ; mov rax, qword [rcx]
  09  4c8b0a                ; mov r9, qword [rdx]
  0c  4c39c8                ; cmp rax, r9
  0f  7528                  ; jne +39
  11  4883c108              ; add rcx, 0x8
  15  4883c208              ; add rdx, 0x8
  19  4983e808              ; sub r8, 0x8
  1d  ebe1                  ; jmp +0
  1f  4d85c0                ; test r8, r8
  22  7412                  ; je +36
  24  0fb601                ; movzx eax, byte [rcx]
  27  3a02                  ; cmp al, byte [rdx]
  29  7517                  ; jne +42
  2b  48ffc1                ; inc rcx
  2e  48ffc2                ; inc rdx
  31  49ffc8                ; dec r8
  34  ebe9                  ; jmp +1f
  36  31c0                  ; xor eax, eax
  38  c3                    ; ret
  39  480fc8                ; bswap rax
  3c  490fc9                ; bswap r9
  3f  4c39c8                ; cmp rax, r9
  42  19c0                  ; sbb eax, eax
  44  83c801                ; or eax, 0x1
  47  c3                    ; ret
`);

const LENGTH = assemble(`
  00  4989c9                ; mov r9, rcx
  03  4889c8                ; mov rax, rcx
  06  4883e0f0              ; and rax, 0xfffffffffffffff0
  0a  660fefc0              ; pxor xmm0, xmm0
  0e  660f6f08              ; movdqa xmm1, [rax]
  12  660f74c8              ; pcmpeqb xmm1, xmm0
  16  660fd7d1              ; pmovmskb edx, xmm1
  1a  4829c1                ; sub rcx, rax
  1d  d3ea                  ; shr edx, cl
  1f  85d2                  ; test edx, edx
  21  7404                  ; je +27
  23  0fbcc2                ; bsf eax, edx
  26  c3                    ; ret
  27  4883c010              ; add rax, 0x10
  2b  660f6f08              ; movdqa xmm1, [rax]
  2f  660f74c8              ; pcmpeqb xmm1, xmm0
  33  660fd7d1              ; pmovmskb edx, xmm1
  37  85d2                  ; test edx, edx
  39  74ec                  ; je +27
  3b  0fbcd2                ; bsf edx, edx
  3e  4801d0                ; add rax, rdx
  41  4c29c8                ; sub rax, r9
  44  c3                    ; ret
`);

const WIDE_LENGTH = assemble(`
  00  31c0                  ; xor eax, eax
  02  66833c4100            ; cmp word [rcx+rax*2], 0x0
  07  7405                  ; je +e
  09  48ffc0                ; inc rax
  0c  ebf4                  ; jmp +2
  0e  c3                    ; ret
`);

const STRING_COMPARE = assemble(`
  00  0fb601                ; movzx eax, byte [rcx]
  03  3a02                  ; cmp al, byte [rdx]
  05  750d                  ; jne +14
  07  48ffc1                ; inc rcx
  0a  48ffc2                ; inc rdx
  0d  84c0                  ; test al, al
  0f  75ef                  ; jne +0
  11  31c0                  ; xor eax, eax
  13  c3                    ; ret
  14  19c0                  ; sbb eax, eax
  16  83c801                ; or eax, 0x1
  19  c3                    ; ret
`);

const STRING_COMPARE_SOME = assemble(`
  00  4d85c0                ; test r8, r8
  03  7414                  ; je +19
  05  0fb601                ; movzx eax, byte [rcx]
  08  3a02                  ; cmp al, byte [rdx]
  0a  7510                  ; jne +1c
  0c  48ffc1                ; inc rcx
  0f  48ffc2                ; inc rdx
  12  49ffc8                ; dec r8
  15  84c0                  ; test al, al
  17  75e7                  ; jne +0
  19  31c0                  ; xor eax, eax
  1b  c3                    ; ret
  1c  19c0                  ; sbb eax, eax
  1e  83c801                ; or eax, 0x1
  21  c3                    ; ret
`);

const STRING_COPY = assemble(`
  00  4889c8                ; mov rax, rcx
  03  440fb602              ; movzx r8d, byte [rdx]
  07  448801                ; mov byte [rcx], r8b
  0a  48ffc2                ; inc rdx
  0d  48ffc1                ; inc rcx
  10  4584c0                ; test r8b, r8b
  13  75ee                  ; jne +3
  15  c3                    ; ret
`);

const STRING_APPEND = assemble(`
  00  4889c8                ; mov rax, rcx
  03  803900                ; cmp byte [rcx], 0x0
  06  7405                  ; je +d
  08  48ffc1                ; inc rcx
  0b  ebf6                  ; jmp +3
  0d  440fb602              ; movzx r8d, byte [rdx]
  11  448801                ; mov byte [rcx], r8b
  14  48ffc2                ; inc rdx
  17  48ffc1                ; inc rcx
  1a  4584c0                ; test r8b, r8b
  1d  75ee                  ; jne +d
  1f  c3                    ; ret
`);

const STRING_FIND = assemble(`
  00  0fb601                ; movzx eax, byte [rcx]
  03  38d0                  ; cmp al, dl
  05  740a                  ; je +11
  07  48ffc1                ; inc rcx
  0a  84c0                  ; test al, al
  0c  75f2                  ; jne +0
  0e  31c0                  ; xor eax, eax
  10  c3                    ; ret
  11  4889c8                ; mov rax, rcx
  14  c3                    ; ret
`);

const SET_JUMP = assemble(`
  00  488911                ; mov qword [rcx], rdx
  03  48895908              ; mov qword [rcx+0x8], rbx
  07  4c8d442408            ; lea r8, [rsp+0x8]
  0c  4c894110              ; mov qword [rcx+0x10], r8
  10  48896918              ; mov qword [rcx+0x18], rbp
  14  48897120              ; mov qword [rcx+0x20], rsi
  18  48897928              ; mov qword [rcx+0x28], rdi
  1c  4c896130              ; mov qword [rcx+0x30], r12
  20  4c896938              ; mov qword [rcx+0x38], r13
  24  4c897140              ; mov qword [rcx+0x40], r14
  28  4c897948              ; mov qword [rcx+0x48], r15
  2c  4c8b0424              ; mov r8, qword [rsp]
  30  4c894150              ; mov qword [rcx+0x50], r8
  34  0fae5958              ; stmxcsr dword [rcx+0x58]
  38  d9795c                ; fnstcw word [rcx+0x5c]
  3b  0f117160              ; movups [rcx+0x60], xmm6
  3f  0f117970              ; movups [rcx+0x70], xmm7
  43  440f118180000000      ; movups [rcx+0x80], xmm8
  4b  440f118990000000      ; movups [rcx+0x90], xmm9
  53  440f1191a0000000      ; movups [rcx+0xa0], xmm10
  5b  440f1199b0000000      ; movups [rcx+0xb0], xmm11
  63  440f11a1c0000000      ; movups [rcx+0xc0], xmm12
  6b  440f11a9d0000000      ; movups [rcx+0xd0], xmm13
  73  440f11b1e0000000      ; movups [rcx+0xe0], xmm14
  7b  440f11b9f0000000      ; movups [rcx+0xf0], xmm15
  83  31c0                  ; xor eax, eax
  85  c3                    ; ret
`);

const TO_LOWER = assemble(`
  00  8d51bf                ; lea edx, [rcx-0x41]
  03  8d4120                ; lea eax, [rcx+0x20]
  06  83fa1a                ; cmp edx, 0x1a
  09  0f43c1                ; cmovae eax, ecx
  0c  c3                    ; ret
`);

const TO_UPPER = assemble(`
  00  8d519f                ; lea edx, [rcx-0x61]
  03  8d41e0                ; lea eax, [rcx-0x20]
  06  83fa1a                ; cmp edx, 0x1a
  09  0f43c1                ; cmovae eax, ecx
  0c  c3                    ; ret
`);

export const machineCode: Readonly<Record<string, Uint8Array>> = {
  memmove: MOVE,
  memcpy: MOVE,
  memset: FILL,
  memcmp: COMPARE,
  strlen: LENGTH,
  wcslen: WIDE_LENGTH,
  strcmp: STRING_COMPARE,
  strncmp: STRING_COMPARE_SOME,
  strcpy: STRING_COPY,
  strcat: STRING_APPEND,
  strchr: STRING_FIND,
  tolower: TO_LOWER,
  toupper: TO_UPPER,
  _setjmp: SET_JUMP,
  _setjmpex: SET_JUMP,
  __intrinsic_setjmp: SET_JUMP,
  __intrinsic_setjmpex: SET_JUMP,
  setjmp: SET_JUMP,
};
