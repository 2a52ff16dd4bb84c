/**
 * What programs do most with heaps, in machine code: taking a block from the active subsegment of its bucket, and giving one
 * back, each by one interlocked change of the subsegment's free word. Whatever else has to be done (no front end, another size, a
 * locked heap, no free block, the last busy block of a subsegment, something that is not as it should be) jumps to the service
 * behind the code, with the arguments where they were.
 * Offsets: heap 10 signature, 48 lock count, 68 front end; front end 20 buckets of 32 bytes; the other fields are those of
 * heap-front-end-layout.ts. TEB 60 PEB, PEB 30 process heap. All are leaf functions that use volatile registers only.
 * A thread can stand between any two instructions while others go on: the descriptor of a subsegment stays one of its bucket
 * for ever and its free word is 0 while it has no blocks, so a free word that still stands as it was read is good.
 */
import { assembleTo } from '../assemble.js';

/** RtlAllocateHeap(RCX heap, EDX flags, R8 size): HEAP_NO_SERIALIZE, HEAP_GENERATE_EXCEPTIONS and HEAP_ZERO_MEMORY are known. */
const FLAGS_ALLOCATE = `
  00  f7c2f2ffffff          ; test edx, 0xfffffff2
  06  0f85........          ; jne slow
  0c  4989c9                ; mov r9, rcx
`;

/** A block of R8 bytes from the heap R9: its address in RAX. */
const TAKE = `
  00  4981f8f8030000        ; cmp r8, 0x3f8
  07  0f87........          ; ja slow
  0d  41817910ffeeffee      ; cmp dword [r9+0x10], 0xeeffeeff
  15  0f85........          ; jne slow
  1b  41837948ff            ; cmp dword [r9+0x48], 0xffffffff
  20  0f85........          ; jne slow
  26  4d8b4968              ; mov r9, qword [r9+0x68]
  2a  4d85c9                ; test r9, r9
  2d  0f84........          ; je slow
  33  418d4017              ; lea eax, [r8+0x17]
  37  41ba20000000          ; mov r10d, 0x20
  3d  83e0f0                ; and eax, 0xfffffff0
  40  4439d0                ; cmp eax, r10d
  43  410f42c2              ; cmovb eax, r10d
  47  4d8b4c4120            ; mov r9, qword [r9+rax*2+0x20]
  4c  4d85c9                ; test r9, r9
  4f  0f84........          ; je slow
  55  498b01                ; mov rax, qword [r9]
  58  4c0fbcd0              ; bsf r10, rax
  5c  0f84........          ; je slow
  62  4183fa3f              ; cmp r10d, 0x3f
  66  0f84........          ; je slow
  6c  4989c3                ; mov r11, rax
  6f  4d0fb3d3              ; btr r11, r10
  73  f04d0fb119            ; lock cmpxchg qword [r9], r11
  78  75de                  ; jne +58
  7a  418b4110              ; mov eax, dword [r9+0x10]
  7e  440fafd0              ; imul r10d, eax
  82  4d035108              ; add r10, qword [r9+0x8]
  86  4429c0                ; sub eax, r8d
  89  0d00800000            ; or eax, 0x8000
  8e  664189420e            ; mov word [r10+0xe], ax
  93  498d4210              ; lea rax, [r10+0x10]
`;

/** With HEAP_ZERO_MEMORY in EDX what follows is done too. */
const RETURN_UNLESS_ZERO = `
  00  f6c208                ; test dl, 0x8
  03  7501                  ; jne +6
  05  c3                    ; ret
`;

/** Clears R8 bytes at RAX, in whole words of eight, and returns. */
const ZERO = `
  00  4d8d5807              ; lea r11, [r8+0x7]
  04  4983e3f8              ; and r11, 0xfffffffffffffff8
  08  41f6c308              ; test r11b, 0x8
  0c  740c                  ; je +1a
  0e  4983eb08              ; sub r11, 0x8
  12  4ac7041800000000      ; mov qword [rax+r11], 0x0
  1a  0f57c0                ; xorps xmm0, xmm0
  1d  4983eb10              ; sub r11, 0x10
  21  7207                  ; jb +2a
  23  420f110418            ; movups [rax+r11], xmm0
  28  ebf3                  ; jmp +1d
  2a  c3                    ; ret
`;

/** RtlFreeHeap(RCX heap, EDX flags, R8 address). */
const FLAGS_FREE = `
  00  f7c2feffffff          ; test edx, 0xfffffffe
  06  0f85........          ; jne slow
  0c  4989ca                ; mov r10, rcx
`;

/**
 * Gives the block R8, whose entry has the mark of the front end, back to the heap R10 and returns 1. A bit that is set already
 * is a block freed twice.
 */
const GIVE = `
  00  4d85c0                ; test r8, r8
  03  0f84........          ; je slow
  09  41f6c00f              ; test r8b, 0xf
  0d  0f85........          ; jne slow
  13  41817a10ffeeffee      ; cmp dword [r10+0x10], 0xeeffeeff
  1b  0f85........          ; jne slow
  21  41837a48ff            ; cmp dword [r10+0x48], 0xffffffff
  26  0f85........          ; jne slow
  2c  4d8b5268              ; mov r10, qword [r10+0x68]
  30  4d85d2                ; test r10, r10
  33  0f84........          ; je slow
  39  41f640ff80            ; test byte [r8-0x1], 0x80
  3e  0f84........          ; je slow
  44  458b48f8              ; mov r9d, dword [r8-0x8]
  48  410fb7c1              ; movzx eax, r9w
  4c  83f840                ; cmp eax, 0x40
  4f  0f87........          ; ja slow
  55  c1e005                ; shl eax, 0x5
  58  4d8d540220            ; lea r10, [r10+rax*1+0x20]
  5d  453b4a08              ; cmp r9d, dword [r10+0x8]
  61  0f85........          ; jne slow
  67  450fb658fc            ; movzx r11d, byte [r8-0x4]
  6c  4183fb3e              ; cmp r11d, 0x3e
  70  0f87........          ; ja slow
  76  d1e8                  ; shr eax, 1
  78  410fafc3              ; imul eax, r11d
  7c  48f7d8                ; neg rax
  7f  498d4400f0            ; lea rax, [r8+rax*1-0x10]
  84  8178e8c0d0e0f0        ; cmp dword [rax-0x18], 0xf0e0d0c0
  8b  0f85........          ; jne slow
  91  4c8b48e0              ; mov r9, qword [rax-0x20]
  95  49394108              ; cmp qword [r9+0x8], rax
  99  0f85........          ; jne slow
  9f  4d395118              ; cmp qword [r9+0x18], r10
  a3  0f85........          ; jne slow
  a9  498b01                ; mov rax, qword [r9]
  ac  4d390a                ; cmp qword [r10], r9
  af  752a                  ; jne +db
  b1  4885c0                ; test rax, rax
  b4  0f84........          ; je slow
  ba  4989c2                ; mov r10, rax
  bd  4d0fabda              ; bts r10, r11
  c1  0f82........          ; jb slow
  c7  6641c740fe0080        ; mov word [r8-0x2], 0x8000
  ce  f04d0fb111            ; lock cmpxchg qword [r9], r10
  d3  75dc                  ; jne +b1
  d5  b801000000            ; mov eax, 0x1
  da  c3                    ; ret
  db  4885c0                ; test rax, rax
  de  0f84........          ; je slow
  e4  4989c2                ; mov r10, rax
  e7  4d0fabda              ; bts r10, r11
  eb  0f82........          ; jb slow
  f1  4d3b5120              ; cmp r10, qword [r9+0x20]
  f5  0f84........          ; je slow
  fb  6641c740fe0080        ; mov word [r8-0x2], 0x8000
  102  f04d0fb111            ; lock cmpxchg qword [r9], r10
  107  75d2                  ; jne +db
  109  b801000000            ; mov eax, 0x1
  10e  c3                    ; ret
`;

/** malloc(RCX size): at least one byte of the process heap. */
const PROCESS_HEAP_ALLOCATE = `
  00  654c8b0c2560000000    ; mov r9, qword gs:0x60
  09  4d8b4930              ; mov r9, qword [r9+0x30]
  0d  4883f901              ; cmp rcx, 0x1
  11  4989c8                ; mov r8, rcx
  14  4983d000              ; adc r8, 0x0
`;

const RETURN = `
  00  c3                    ; ret
`;

/** calloc(RCX count, RDX size), both below 64 K. */
const PROCESS_HEAP_CALLOC = `
  00  4889c8                ; mov rax, rcx
  03  4809d0                ; or rax, rdx
  06  48c1e810              ; shr rax, 0x10
  0a  0f85........          ; jne slow
  10  4989c8                ; mov r8, rcx
  13  4c0fafc2              ; imul r8, rdx
  17  4983f801              ; cmp r8, 0x1
  1b  4983d000              ; adc r8, 0x0
  1f  654c8b0c2560000000    ; mov r9, qword gs:0x60
  28  4d8b4930              ; mov r9, qword [r9+0x30]
`;

/** free(RCX address). */
const PROCESS_HEAP_FREE = `
  00  654c8b142560000000    ; mov r10, qword gs:0x60
  09  4d8b5230              ; mov r10, qword [r10+0x30]
  0d  4989c8                ; mov r8, rcx
`;

/** By name of ntdll's export. */
export const heapFastPaths: Readonly<Record<string, Uint8Array>> = {
  RtlAllocateHeap: assembleTo(FLAGS_ALLOCATE, TAKE, RETURN_UNLESS_ZERO, ZERO),
  RtlFreeHeap: assembleTo(FLAGS_FREE, GIVE),
};

const ALLOCATE = assembleTo(PROCESS_HEAP_ALLOCATE, TAKE, RETURN);
const FREE = assembleTo(PROCESS_HEAP_FREE, GIVE);

/** By name of the C runtime's export: blocks of the process heap. */
export const processHeapFastPaths: Readonly<Record<string, Uint8Array>> = {
  malloc: ALLOCATE,
  calloc: assembleTo(PROCESS_HEAP_CALLOC, TAKE, ZERO),
  free: FREE,
  '??2@YAPEAX_K@Z': ALLOCATE,
  '??3@YAXPEAX@Z': FREE,
  '??_U@YAPEAX_K@Z': ALLOCATE,
  '??_V@YAXPEAX@Z': FREE,
};
