/** Fibers (fibersapi.h): blocks of the process heap with the layout that debuggers show (_FIBER); switching is machine code. Sources: Microsoft, "CreateFiberEx function", "ConvertThreadToFiberEx function", "DeleteFiber function", "SwitchToFiber function". */

import { MEM_RELEASE } from '../../base/memory-constants.js';
import { ntSuccess } from '../../base/ntstatus.js';
import { FIBER_FLS_DATA, TEB_FIBER_DATA } from '../../ldr/peb-layout.js';
import {
  TEB_DEALLOCATION_STACK,
  TEB_GUARANTEED_STACK_BYTES,
  TEB_STACK_BASE,
  TEB_STACK_LIMIT,
} from '../../mm/user-stack.js';
import { freeVirtualMemory } from '../../mm/virtual-memory.js';
import { CONTEXT_FLAGS, CONTEXT_MXCSR, CONTEXT_RAX, contextRegister } from '../../nt/context-record.js';
import { PENDING, type Service, type ServiceCall, type ServiceFunction } from '../../nt/service.js';
import type { MachineCode } from '../../nt/system-module.js';
import { createUserStack, imageStackSizes } from '../../nt/thread-create.js';
import { UWOP_ALLOC_SMALL } from '../../pe/unwind-info.js';
import { assemble } from '../listing.js';
import { ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY } from '../ntdll/dos-error.js';
import { endFiberLocals, fiberLocalState } from '../ntdll/fiber-local.js';
import { allocateFromHeap, freeToHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { HEAP_ZERO_MEMORY } from '../ntdll/heap-layout.js';
import { processHeap } from '../ntdll/heap-services.js';
import { failStatus, TRUE } from './results.js';

const ERROR_ALREADY_FIBER = 1280;
const ERROR_ALREADY_THREAD = 1281;

/** _FIBER on x64: byte offsets and size. */
const FIBER_DATA = 0x00;
const FIBER_STACK_BASE = 0x10;
const FIBER_STACK_LIMIT = 0x18;
const FIBER_DEALLOCATION_STACK = 0x20;
const FIBER_CONTEXT = 0x30;
const FIBER_GUARANTEED_BYTES = 0x518;
const FIBER_BYTES = 0x530;

/** TEB: a flag that a fiber runs. */
const TEB_FLAGS = 0x17ee;
const TEB_HAS_FIBER_DATA = 4;

const FIBER_FLAG_FLOAT_SWITCH = 1;
const CONTEXT_WITHOUT_FLOAT = 0x10000b;
const CONTEXT_WITH_FLOAT = 0x10000f;
const CONTEXT_FPU_CONTROL = 0x100;
const MXCSR_DEFAULT = 0x1f80;
const FPU_CONTROL_DEFAULT = 0x27f;
const RSP = 4;

const isFiber = (call: ServiceCall) =>
  (call.memory.readU16(call.thread.teb + TEB_FLAGS) & TEB_HAS_FIBER_DATA) !== 0;

function setFiber(call: ServiceCall, fiber: number): void {
  const { memory, thread } = call;
  const flags = memory.readU16(thread.teb + TEB_FLAGS);
  memory.writePointer(thread.teb + TEB_FIBER_DATA, fiber);
  const others = flags & ~TEB_HAS_FIBER_DATA;
  memory.writeU16(thread.teb + TEB_FLAGS, fiber === 0 ? others : others | TEB_HAS_FIBER_DATA);
}

/** A fiber without a stack; 0 with the last error when there is no memory. */
function newFiber(call: ServiceCall, dataIndex: number, flags: number): number {
  const { memory } = call;
  const fiber = allocateFromHeap(heapContext(call), processHeap(call), HEAP_ZERO_MEMORY, FIBER_BYTES);
  if (fiber === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  const context = fiber + FIBER_CONTEXT;
  memory.writeU64(fiber + FIBER_DATA, call.lo(dataIndex), call.hi(dataIndex));
  const withFloat = (flags & FIBER_FLAG_FLOAT_SWITCH) !== 0;
  memory.writeU32(context + CONTEXT_FLAGS, withFloat ? CONTEXT_WITH_FLOAT : CONTEXT_WITHOUT_FLOAT);
  memory.writeU32(context + CONTEXT_MXCSR, MXCSR_DEFAULT);
  memory.writeU16(context + CONTEXT_FPU_CONTROL, FPU_CONTROL_DEFAULT);
  memory.commit();
  fiberLocalState(call).fibers.add(fiber);
  return fiber;
}

/** The block of a fiber goes. */
function freeFiber(call: ServiceCall, fiber: number): void {
  freeToHeap(heapContext(call), processHeap(call), fiber);
  call.memory.commit();
  fiberLocalState(call).fibers.delete(fiber);
}

/** LPVOID ConvertThreadToFiberEx(data, flags). */
function convertThread(call: ServiceCall, flags: number): number {
  const { memory, thread } = call;
  if (flags & ~FIBER_FLAG_FLOAT_SWITCH) return call.fail(ERROR_INVALID_PARAMETER);
  if (isFiber(call)) return call.fail(ERROR_ALREADY_FIBER);
  const fiber = newFiber(call, 0, flags);
  if (fiber === 0) return 0;
  memory.copy(fiber + FIBER_STACK_BASE, thread.teb + TEB_STACK_BASE, 8);
  memory.copy(fiber + FIBER_STACK_LIMIT, thread.teb + TEB_STACK_LIMIT, 8);
  memory.copy(fiber + FIBER_DEALLOCATION_STACK, thread.teb + TEB_DEALLOCATION_STACK, 8);
  memory.copy(fiber + FIBER_GUARANTEED_BYTES, thread.teb + TEB_GUARANTEED_STACK_BYTES, 4);
  setFiber(call, fiber);
  return fiber;
}

/** BOOL ConvertFiberToThread(): the thread goes on with the stack of the fiber. */
const convertFiber: ServiceFunction = (call) => {
  if (!isFiber(call)) return call.fail(ERROR_ALREADY_THREAD);
  const fiber = call.memory.readPointer(call.thread.teb + TEB_FIBER_DATA);
  setFiber(call, 0);
  freeFiber(call, fiber);
  return TRUE;
};

/** LPVOID CreateFiberEx(commit, reserve, flags, start, data): sizes of 0 are the program's. */
function create(
  call: ServiceCall,
  commit: number,
  reserve: number,
  flags: number,
  start: number,
  dataIndex: number,
): number {
  if (flags & ~FIBER_FLAG_FLOAT_SWITCH) return call.fail(ERROR_INVALID_PARAMETER);
  const { kernel, process, memory } = call;
  const fiber = newFiber(call, dataIndex, flags);
  if (fiber === 0) return 0;
  const usual = imageStackSizes(process);
  const stack = { base: 0, limit: 0, allocation: 0 };
  const sizes = {
    stackReserve: reserve || usual.stackReserve,
    stackCommit: commit || usual.stackCommit,
  };
  const status = createUserStack(kernel, process, sizes, stack);
  if (!ntSuccess(status)) {
    freeFiber(call, fiber);
    return failStatus(call, status);
  }
  memory.writePointer(fiber + FIBER_STACK_BASE, stack.base);
  memory.writePointer(fiber + FIBER_STACK_LIMIT, stack.limit);
  memory.writePointer(fiber + FIBER_DEALLOCATION_STACK, stack.allocation);
  const top = stack.base - 0x40;
  memory.writePointer(top, call.symbol('kernel32.dll', 'BaseFiberStart'));
  memory.writePointer(fiber + FIBER_CONTEXT + contextRegister(RSP), top);
  memory.writePointer(fiber + FIBER_CONTEXT + CONTEXT_RAX, start);
  return fiber;
}

/** Frees the stack and the block of a fiber that does not run. */
function release(call: ServiceCall, fiber: number): void {
  const { kernel, process, memory } = call;
  const stack = { baseAddress: memory.readPointer(fiber + FIBER_DEALLOCATION_STACK), regionSize: 0 };
  freeFiber(call, fiber);
  if (stack.baseAddress !== 0) freeVirtualMemory(kernel.mm, process.space, stack, MEM_RELEASE);
}

/** void DeleteFiber(fiber): the callbacks of its local values first; the running one ends its thread. */
const deleteFiber: Service = {
  enter: (call) => {
    const running = call.memory.readPointer(call.thread.teb + TEB_FIBER_DATA);
    if (isFiber(call) && call.address(0) === running)
      return call.callGuest(call.symbol('kernel32.dll', 'ExitThread'), [1], 0, [0]);
    return deleteFrom(call, 0);
  },
  steps: [(call, [index]) => deleteFrom(call, index!)],
};

function deleteFrom(call: ServiceCall, index: number) {
  const fiber = call.address(0);
  const locals = call.memory.readPointer(fiber + FIBER_FLS_DATA);
  if (endFiberLocals(call, locals, 0, [], index) === PENDING) return PENDING;
  call.memory.writeU64(fiber + FIBER_FLS_DATA, 0, 0);
  release(call, fiber);
  return undefined;
}

export const fiberFunctions: Record<string, Service | ServiceFunction> = {
  ConvertThreadToFiber: (call) => convertThread(call, 0),
  ConvertThreadToFiberEx: (call) => convertThread(call, call.u32(1)),
  ConvertFiberToThread: convertFiber,
  CreateFiber: (call) => create(call, call.size(0), 0, 0, call.address(1), 2),
  CreateFiberEx: (call) => create(call, call.size(0), call.size(1), call.u32(2), call.address(3), 4),
  DeleteFiber: deleteFiber,
  IsThreadAFiber: (call) => (isFiber(call) ? 1 : 0),
};

/** SwitchToFiber(fiber): saves the nonvolatile registers and the stack's limits in the running fiber and takes those of the other. */
const SWITCH = assemble(`
    00  65488b042530000000    ; mov rax, qword ptr gs:[48]
    09  488b5020              ; mov rdx, qword ptr [rax + 32]
    0d  48899ac0000000        ; mov qword ptr [rdx + 192], rbx
    14  4889aad0000000        ; mov qword ptr [rdx + 208], rbp
    1b  4889b2d8000000        ; mov qword ptr [rdx + 216], rsi
    22  4889bae0000000        ; mov qword ptr [rdx + 224], rdi
    29  4c89a208010000        ; mov qword ptr [rdx + 264], r12
    30  4c89aa10010000        ; mov qword ptr [rdx + 272], r13
    37  4c89b218010000        ; mov qword ptr [rdx + 280], r14
    3e  4c89ba20010000        ; mov qword ptr [rdx + 288], r15
    45  4889a2c8000000        ; mov qword ptr [rdx + 200], rsp
    4c  4c8b0424              ; mov r8, qword ptr [rsp]
    50  4c898228010000        ; mov qword ptr [rdx + 296], r8
    57  817a600f001000        ; cmp dword ptr [rdx + 96], 1048591
    5e  750a                  ; jne +6a
    60  0fae5a64              ; stmxcsr dword ptr [rdx + 100]
    64  d9ba30010000          ; fnstcw word ptr [rdx + 304]
    6a  0f11b230020000        ; movups xmmword ptr [rdx + 560], xmm6
    71  0f11ba40020000        ; movups xmmword ptr [rdx + 576], xmm7
    78  440f118250020000      ; movups xmmword ptr [rdx + 592], xmm8
    80  440f118a60020000      ; movups xmmword ptr [rdx + 608], xmm9
    88  440f119270020000      ; movups xmmword ptr [rdx + 624], xmm10
    90  440f119a80020000      ; movups xmmword ptr [rdx + 640], xmm11
    98  440f11a290020000      ; movups xmmword ptr [rdx + 656], xmm12
    a0  440f11aaa0020000      ; movups xmmword ptr [rdx + 672], xmm13
    a8  440f11b2b0020000      ; movups xmmword ptr [rdx + 688], xmm14
    b0  440f11bac0020000      ; movups xmmword ptr [rdx + 704], xmm15
    b8  4c8b4010              ; mov r8, qword ptr [rax + 16]
    bc  4c894218              ; mov qword ptr [rdx + 24], r8
    c0  448b8048170000        ; mov r8d, dword ptr [rax + 5960]
    c7  44898218050000        ; mov dword ptr [rdx + 1304], r8d
    ce  4c8b80c8170000        ; mov r8, qword ptr [rax + 6088]
    d5  4c898210050000        ; mov qword ptr [rdx + 1296], r8
    dc  48894820              ; mov qword ptr [rax + 32], rcx
    e0  4c8b4110              ; mov r8, qword ptr [rcx + 16]
    e4  4c894008              ; mov qword ptr [rax + 8], r8
    e8  4c8b4118              ; mov r8, qword ptr [rcx + 24]
    ec  4c894010              ; mov qword ptr [rax + 16], r8
    f0  4c8b4120              ; mov r8, qword ptr [rcx + 32]
    f4  4c898078140000        ; mov qword ptr [rax + 5240], r8
    fb  448b8118050000        ; mov r8d, dword ptr [rcx + 1304]
    102  44898048170000        ; mov dword ptr [rax + 5960], r8d
    109  4c8b8110050000        ; mov r8, qword ptr [rcx + 1296]
    110  4c8980c8170000        ; mov qword ptr [rax + 6088], r8
    117  8179600f001000        ; cmp dword ptr [rcx + 96], 1048591
    11e  750a                  ; jne +12a
    120  0fae5164              ; ldmxcsr dword ptr [rcx + 100]
    124  d9a930010000          ; fldcw word ptr [rcx + 304]
    12a  0f10b130020000        ; movups xmm6, xmmword ptr [rcx + 560]
    131  0f10b940020000        ; movups xmm7, xmmword ptr [rcx + 576]
    138  440f108150020000      ; movups xmm8, xmmword ptr [rcx + 592]
    140  440f108960020000      ; movups xmm9, xmmword ptr [rcx + 608]
    148  440f109170020000      ; movups xmm10, xmmword ptr [rcx + 624]
    150  440f109980020000      ; movups xmm11, xmmword ptr [rcx + 640]
    158  440f10a190020000      ; movups xmm12, xmmword ptr [rcx + 656]
    160  440f10a9a0020000      ; movups xmm13, xmmword ptr [rcx + 672]
    168  440f10b1b0020000      ; movups xmm14, xmmword ptr [rcx + 688]
    170  440f10b9c0020000      ; movups xmm15, xmmword ptr [rcx + 704]
    178  488b99c0000000        ; mov rbx, qword ptr [rcx + 192]
    17f  488ba9d0000000        ; mov rbp, qword ptr [rcx + 208]
    186  488bb1d8000000        ; mov rsi, qword ptr [rcx + 216]
    18d  488bb9e0000000        ; mov rdi, qword ptr [rcx + 224]
    194  4c8ba108010000        ; mov r12, qword ptr [rcx + 264]
    19b  4c8ba910010000        ; mov r13, qword ptr [rcx + 272]
    1a2  4c8bb118010000        ; mov r14, qword ptr [rcx + 280]
    1a9  4c8bb920010000        ; mov r15, qword ptr [rcx + 288]
    1b0  488ba1c8000000        ; mov rsp, qword ptr [rcx + 200]
    1b7  c3                    ; ret
`);

/** Where fibers begin: calls the start function with the fiber's data; when that returns, the thread ends with code 1 (as Wine's; Windows does not say). */
const START = assemble(`
    00  4883ec28              ; sub rsp, 40
    04  65488b042530000000    ; mov rax, qword ptr gs:[48]
    0d  488b4020              ; mov rax, qword ptr [rax + 32]
    11  488b08                ; mov rcx, qword ptr [rax]
    14  ff90a8000000          ; call qword ptr [rax + 168]
    1a  b901000000            ; mov ecx, 1
    1f  e8->ExitThread        ; call ExitThread
    24  cc                    ; int3
`);

/** PVOID FlsGetValue(index): the last error becomes 0, or 87 for an index that is not allocated. */
const GET_LOCAL = assemble(`
    00  89c9                  ; mov ecx, ecx
    02  81f980000000          ; cmp ecx, 128
    08  7330                  ; jae +3a
    0a  65488b042560000000    ; mov rax, qword ptr gs:[96]
    13  0fa38840030000        ; bt dword ptr [rax + 832], ecx
    1a  731e                  ; jae +3a
    1c  65488b142530000000    ; mov rdx, qword ptr gs:[48]
    25  83626800              ; and dword ptr [rdx + 104], 0
    29  488b82c8170000        ; mov rax, qword ptr [rdx + 6088]
    30  4885c0                ; test rax, rax
    33  7404                  ; je +39
    35  488b04c8              ; mov rax, qword ptr [rax + 8*rcx]
    39  c3                    ; ret
    3a  65488b042530000000    ; mov rax, qword ptr gs:[48]
    43  c7406857000000        ; mov dword ptr [rax + 104], 87
    4a  31c0                  ; xor eax, eax
    4c  c3                    ; ret
`);

/** BOOL FlsSetValue(index, value), once the fiber has a block of values. */
const SET_LOCAL = assemble(`
    00  89c9                  ; mov ecx, ecx
    02  81f980000000          ; cmp ecx, 128
    08  0f83->BasepFlsSetValue ; jae BasepFlsSetValue
    0e  65488b042560000000    ; mov rax, qword ptr gs:[96]
    17  0fa38840030000        ; bt dword ptr [rax + 832], ecx
    1e  0f83->BasepFlsSetValue ; jae BasepFlsSetValue
    24  65488b042530000000    ; mov rax, qword ptr gs:[48]
    2d  488b80c8170000        ; mov rax, qword ptr [rax + 6088]
    34  4885c0                ; test rax, rax
    37  0f84->BasepFlsSetValue ; je BasepFlsSetValue
    3d  488914c8              ; mov qword ptr [rax + 8*rcx], rdx
    41  b801000000            ; mov eax, 1
    46  c3                    ; ret
`);

export const fiberCode: Readonly<Record<string, MachineCode>> = {
  SwitchToFiber: SWITCH,
  BaseFiberStart: START,
  FlsGetValue: GET_LOCAL,
  FlsSetValue: SET_LOCAL,
};

/** BaseFiberStart: sub rsp, 28h. */
export const fiberUnwind: Readonly<Record<string, Uint8Array>> = {
  BaseFiberStart: Uint8Array.of(1, 4, 1, 0, 4, UWOP_ALLOC_SMALL | (4 << 4), 0, 0),
};
