/**
 * Interlocked singly linked lists. SLIST_HEADER of x64, 16 bytes: depth (16 bits) and sequence (48 bits), then the address of
 * the first entry; each entry begins with the address of the next. Push, pop and flush change both halves at once.
 * Sources: Microsoft, "Interlocked Singly Linked Lists", "SLIST_HEADER".
 */
import type { MachineCode } from '../../nt/system-module.js';
import { assemble } from '../listing.js';

export const slistCode: Readonly<Record<string, MachineCode>> = {
  RtlInitializeSListHead: assemble(`
    00  f6c10f                ; test cl, 15
    03  750a                  ; jne +f
    05  31c0                  ; xor eax, eax
    07  488901                ; mov qword ptr [rcx], rax
    0a  48894108              ; mov qword ptr [rcx + 8], rax
    0e  c3                    ; ret
    0f  b902000080            ; mov ecx, 2147483650
    14  e9->RtlRaiseStatus    ; jmp RtlRaiseStatus
  `),
  RtlFirstEntrySList: assemble(`
    00  488b4108              ; mov rax, qword ptr [rcx + 8]
    04  4883e0f0              ; and rax, -16
    08  c3                    ; ret
  `),
  RtlQueryDepthSList: assemble(`
    00  0fb701                ; movzx eax, word ptr [rcx]
    03  c3                    ; ret
  `),
  RtlInterlockedPushEntrySList: assemble(`
    00  53                    ; push rbx
    01  4989ca                ; mov r10, rcx
    04  4889d1                ; mov rcx, rdx
    07  f6c10f                ; test cl, 15
    0a  7527                  ; jne +33
    0c  498b02                ; mov rax, qword ptr [r10]
    0f  498b5208              ; mov rdx, qword ptr [r10 + 8]
    13  4989d0                ; mov r8, rdx
    16  4983e0f0              ; and r8, -16
    1a  4c8901                ; mov qword ptr [rcx], r8
    1d  488d9800000100        ; lea rbx, [rax + 65536]
    24  66ffc3                ; inc bx
    27  f0                    ; lock
    28  490fc70a              ; cmpxchg16b xmmword ptr [r10]
    2c  75e5                  ; jne +13
    2e  4c89c0                ; mov rax, r8
    31  5b                    ; pop rbx
    32  c3                    ; ret
    33  5b                    ; pop rbx
    34  b902000080            ; mov ecx, 2147483650
    39  e9->RtlRaiseStatus    ; jmp RtlRaiseStatus
  `),
  RtlInterlockedPushListSListEx: assemble(`
    00  53                    ; push rbx
    01  4989ca                ; mov r10, rcx
    04  4889d1                ; mov rcx, rdx
    07  498b02                ; mov rax, qword ptr [r10]
    0a  498b5208              ; mov rdx, qword ptr [r10 + 8]
    0e  4989d3                ; mov r11, rdx
    11  4983e3f0              ; and r11, -16
    15  4d8918                ; mov qword ptr [r8], r11
    18  488d9800000100        ; lea rbx, [rax + 65536]
    1f  664401cb              ; add bx, r9w
    23  f0                    ; lock
    24  490fc70a              ; cmpxchg16b xmmword ptr [r10]
    28  75e4                  ; jne +e
    2a  4c89d8                ; mov rax, r11
    2d  5b                    ; pop rbx
    2e  c3                    ; ret
  `),
  RtlInterlockedPopEntrySList: assemble(`
    00  53                    ; push rbx
    01  4989ca                ; mov r10, rcx
    04  498b02                ; mov rax, qword ptr [r10]
    07  498b5208              ; mov rdx, qword ptr [r10 + 8]
    0b  4989d0                ; mov r8, rdx
    0e  4983e0f0              ; and r8, -16
    12  7411                  ; je +25
    14  498b08                ; mov rcx, qword ptr [r8]
    17  488d98ffff0000        ; lea rbx, [rax + 65535]
    1e  f0                    ; lock
    1f  490fc70a              ; cmpxchg16b xmmword ptr [r10]
    23  75e6                  ; jne +b
    25  4c89c0                ; mov rax, r8
    28  5b                    ; pop rbx
    29  c3                    ; ret
  `),
  RtlInterlockedFlushSList: assemble(`
    00  53                    ; push rbx
    01  4989ca                ; mov r10, rcx
    04  498b02                ; mov rax, qword ptr [r10]
    07  498b5208              ; mov rdx, qword ptr [r10 + 8]
    0b  4989d0                ; mov r8, rdx
    0e  4983e0f0              ; and r8, -16
    12  7413                  ; je +27
    14  488d9800000100        ; lea rbx, [rax + 65536]
    1b  6631db                ; xor bx, bx
    1e  31c9                  ; xor ecx, ecx
    20  f0                    ; lock
    21  490fc70a              ; cmpxchg16b xmmword ptr [r10]
    25  75e4                  ; jne +b
    27  4c89c0                ; mov rax, r8
    2a  5b                    ; pop rbx
    2b  c3                    ; ret
  `),
};
