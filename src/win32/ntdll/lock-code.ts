/**
 * Critical sections, slim locks and condition variables as long as nobody waits: leaf functions that never enter the system.
 * What they cannot do they leave to the service that they jump to, with the arguments where they were. TEB 48h: thread id.
 */
import type { MachineCode } from '../../nt/system-module.js';
import { assemble } from '../listing.js';

export const lockCode: Readonly<Record<string, MachineCode>> = {
  RtlEnterCriticalSection: assemble(`
    00  658b042548000000      ; mov eax, dword ptr gs:[72]
    08  f0                    ; lock
    09  0fba710800            ; btr dword ptr [rcx + 8], 0
    0e  730e                  ; jae +1e
    10  48894110              ; mov qword ptr [rcx + 16], rax
    14  c7410c01000000        ; mov dword ptr [rcx + 12], 1
    1b  31c0                  ; xor eax, eax
    1d  c3                    ; ret
    1e  48394110              ; cmp qword ptr [rcx + 16], rax
    22  0f85->RtlpEnterCriticalSectionContended ; jne RtlpEnterCriticalSectionContended
    28  ff410c                ; inc dword ptr [rcx + 12]
    2b  31c0                  ; xor eax, eax
    2d  c3                    ; ret
  `),
  RtlTryEnterCriticalSection: assemble(`
    00  658b042548000000      ; mov eax, dword ptr gs:[72]
    08  f0                    ; lock
    09  0fba710800            ; btr dword ptr [rcx + 8], 0
    0e  7311                  ; jae +21
    10  48894110              ; mov qword ptr [rcx + 16], rax
    14  c7410c01000000        ; mov dword ptr [rcx + 12], 1
    1b  b801000000            ; mov eax, 1
    20  c3                    ; ret
    21  48394110              ; cmp qword ptr [rcx + 16], rax
    25  7509                  ; jne +30
    27  ff410c                ; inc dword ptr [rcx + 12]
    2a  b801000000            ; mov eax, 1
    2f  c3                    ; ret
    30  31c0                  ; xor eax, eax
    32  c3                    ; ret
  `),
  RtlLeaveCriticalSection: assemble(`
    00  ff490c                ; dec dword ptr [rcx + 12]
    03  751d                  ; jne +22
    05  48c7411000000000      ; mov qword ptr [rcx + 16], 0
    0d  b8feffffff            ; mov eax, 4294967294
    12  baffffffff            ; mov edx, 4294967295
    17  f0                    ; lock
    18  0fb15108              ; cmpxchg dword ptr [rcx + 8], edx
    1c  0f85->RtlpLeaveCriticalSectionContended ; jne RtlpLeaveCriticalSectionContended
    22  31c0                  ; xor eax, eax
    24  c3                    ; ret
  `),
  RtlAcquireSRWLockExclusive: assemble(`
    00  31c0                  ; xor eax, eax
    02  ba01000000            ; mov edx, 1
    07  f0                    ; lock
    08  480fb111              ; cmpxchg qword ptr [rcx], rdx
    0c  0f85->RtlpAcquireSRWLockExclusiveContended ; jne RtlpAcquireSRWLockExclusiveContended
    12  c3                    ; ret
  `),
  RtlTryAcquireSRWLockExclusive: assemble(`
    00  f0                    ; lock
    01  0fba2900              ; bts dword ptr [rcx], 0
    05  0f93c0                ; setae al
    08  0fb6c0                ; movzx eax, al
    0b  c3                    ; ret
  `),
  RtlReleaseSRWLockExclusive: assemble(`
    00  b801000000            ; mov eax, 1
    05  31d2                  ; xor edx, edx
    07  f0                    ; lock
    08  480fb111              ; cmpxchg qword ptr [rcx], rdx
    0c  0f85->RtlpReleaseSRWLockExclusiveContended ; jne RtlpReleaseSRWLockExclusiveContended
    12  c3                    ; ret
  `),
  RtlAcquireSRWLockShared: assemble(`
    00  ba11000000            ; mov edx, 17
    05  31c0                  ; xor eax, eax
    07  f0                    ; lock
    08  480fb111              ; cmpxchg qword ptr [rcx], rdx
    0c  7501                  ; jne +f
    0e  c3                    ; ret
    0f  89c2                  ; mov edx, eax
    11  83e203                ; and edx, 3
    14  83fa01                ; cmp edx, 1
    17  0f85->RtlpAcquireSRWLockSharedContended ; jne RtlpAcquireSRWLockSharedContended
    1d  488d5010              ; lea rdx, [rax + 16]
    21  4883f810              ; cmp rax, 16
    25  0f82->RtlpAcquireSRWLockSharedContended ; jb RtlpAcquireSRWLockSharedContended
    2b  f0                    ; lock
    2c  480fb111              ; cmpxchg qword ptr [rcx], rdx
    30  75dd                  ; jne +f
    32  c3                    ; ret
  `),
  RtlTryAcquireSRWLockShared: assemble(`
    00  488b01                ; mov rax, qword ptr [rcx]
    03  a803                  ; test al, 3
    05  7410                  ; je +17
    07  89c2                  ; mov edx, eax
    09  83e203                ; and edx, 3
    0c  83fa01                ; cmp edx, 1
    0f  751b                  ; jne +2c
    11  4883f810              ; cmp rax, 16
    15  7215                  ; jb +2c
    17  488d5010              ; lea rdx, [rax + 16]
    1b  4883ca01              ; or rdx, 1
    1f  f0                    ; lock
    20  480fb111              ; cmpxchg qword ptr [rcx], rdx
    24  75dd                  ; jne +3
    26  b801000000            ; mov eax, 1
    2b  c3                    ; ret
    2c  31c0                  ; xor eax, eax
    2e  c3                    ; ret
  `),
  RtlReleaseSRWLockShared: assemble(`
    00  b811000000            ; mov eax, 17
    05  31d2                  ; xor edx, edx
    07  f0                    ; lock
    08  480fb111              ; cmpxchg qword ptr [rcx], rdx
    0c  7501                  ; jne +f
    0e  c3                    ; ret
    0f  89c2                  ; mov edx, eax
    11  83e203                ; and edx, 3
    14  83fa01                ; cmp edx, 1
    17  0f85->RtlpReleaseSRWLockSharedContended ; jne RtlpReleaseSRWLockSharedContended
    1d  488d50f0              ; lea rdx, [rax - 16]
    21  4883f821              ; cmp rax, 33
    25  0f82->RtlpReleaseSRWLockSharedContended ; jb RtlpReleaseSRWLockSharedContended
    2b  f0                    ; lock
    2c  480fb111              ; cmpxchg qword ptr [rcx], rdx
    30  75dd                  ; jne +f
    32  c3                    ; ret
  `),
  RtlWakeConditionVariable: assemble(`
    00  48833900              ; cmp qword ptr [rcx], 0
    04  0f85->RtlpWakeConditionVariable ; jne RtlpWakeConditionVariable
    0a  c3                    ; ret
  `),
  RtlWakeAllConditionVariable: assemble(`
    00  48833900              ; cmp qword ptr [rcx], 0
    04  0f85->RtlpWakeAllConditionVariable ; jne RtlpWakeAllConditionVariable
    0a  c3                    ; ret
  `),
};
