/**
 * Exports that are machine code, because programs call them often and they only read the TEB, the PEB or the shared user data
 * page. Offsets: TEB 0x30 self, 0x40 process id, 0x48 thread id, 0x60 PEB, 0x68 last error, 0x1480 TLS slots, 0x1780 TLS
 * expansion slots; PEB 0x02 BeingDebugged, 0x30 process heap; KUSER_SHARED_DATA 7FFE0004 tick multiplier, 7FFE0320 ticks.
 */

import type { MachineCode } from '../../nt/system-module.js';
import { assemble } from '../listing.js';

/** mov rax, gs:[30h] (the TEB). */
const LOAD_TEB = [0x65, 0x48, 0x8b, 0x04, 0x25, 0x30, 0x00, 0x00, 0x00];
/** mov rax, gs:[60h] (the PEB). */
const LOAD_PEB = [0x65, 0x48, 0x8b, 0x04, 0x25, 0x60, 0x00, 0x00, 0x00];
const RET = [0xc3];

const code = (...parts: readonly (readonly number[])[]) => Uint8Array.from(parts.flat());

/** Milliseconds in RDX: high half of (ticks << 32) * (multiplier << 8). */
const MILLISECONDS = [
  ...[0xb9, 0x20, 0x03, 0xfe, 0x7f], // mov ecx, 7FFE0320h
  ...[0x48, 0x8b, 0x09], // mov rcx, [rcx]
  ...[0xb8, 0x04, 0x00, 0xfe, 0x7f], // mov eax, 7FFE0004h
  ...[0x8b, 0x00], // mov eax, [rax]
  ...[0x48, 0xc1, 0xe1, 0x20], // shl rcx, 32
  ...[0x48, 0xc1, 0xe0, 0x08], // shl rax, 8
  ...[0x48, 0xf7, 0xe1], // mul rcx
];

/** LPVOID TlsGetValue(index): the last error becomes 0, or 87 for an index that cannot be. */
const TLS_GET_VALUE = [
  ...LOAD_TEB,
  ...[0x83, 0x60, 0x68, 0x00], // and dword [rax+68h], 0
  ...[0x89, 0xc9], // mov ecx, ecx
  ...[0x83, 0xf9, 0x40], // cmp ecx, 64
  ...[0x73, 0x09], // jae expansion
  ...[0x48, 0x8b, 0x84, 0xc8, 0x80, 0x14, 0x00, 0x00], // mov rax, [rax+rcx*8+1480h]
  ...RET,
  ...[0x83, 0xe9, 0x40], // expansion: sub ecx, 64
  ...[0x81, 0xf9, 0x00, 0x04, 0x00, 0x00], // cmp ecx, 1024
  ...[0x73, 0x11], // jae bad
  ...[0x48, 0x8b, 0x80, 0x80, 0x17, 0x00, 0x00], // mov rax, [rax+1780h]
  ...[0x48, 0x85, 0xc0], // test rax, rax
  ...[0x74, 0x04], // jz done
  ...[0x48, 0x8b, 0x04, 0xc8], // mov rax, [rax+rcx*8]
  ...RET, // done
  ...[0xc7, 0x40, 0x68, 0x57, 0x00, 0x00, 0x00], // bad: mov dword [rax+68h], 87
  ...[0x31, 0xc0], // xor eax, eax
  ...RET,
];

/** BOOL TlsSetValue(index, value): the 64 slots of the TEB. */
const TLS_SET_VALUE = assemble(`
    00  89c9                  ; mov ecx, ecx
    02  83f940                ; cmp ecx, 64
    05  0f83->BasepTlsSetExpansionValue ; jae BasepTlsSetExpansionValue
    0b  65488b042530000000    ; mov rax, qword ptr gs:[48]
    14  488994c880140000      ; mov qword ptr [rax + 8*rcx + 5248], rdx
    1c  b801000000            ; mov eax, 1
    21  c3                    ; ret
`);

/** BOOL InitOnceExecuteOnce(once, function, parameter, context), when it is done already. */
const INIT_ONCE_EXECUTE_ONCE = assemble(`
    00  488b01                ; mov rax, qword ptr [rcx]
    03  4189c2                ; mov r10d, eax
    06  4183e203              ; and r10d, 3
    0a  4183fa02              ; cmp r10d, 2
    0e  0f85->BasepInitOnceExecuteOnce ; jne BasepInitOnceExecuteOnce
    14  4d85c9                ; test r9, r9
    17  7407                  ; je +20
    19  4883e0fc              ; and rax, -4
    1d  498901                ; mov qword ptr [r9], rax
    20  b801000000            ; mov eax, 1
    25  c3                    ; ret
`);

export const kernel32Code: Readonly<Record<string, Uint8Array | MachineCode>> = {
  GetLastError: code(LOAD_TEB, [0x8b, 0x40, 0x68], RET),
  SetLastError: code(LOAD_TEB, [0x89, 0x48, 0x68], RET),
  GetCurrentProcessId: code([0x65, 0x8b, 0x04, 0x25, 0x40, 0x00, 0x00, 0x00], RET),
  GetCurrentThreadId: code([0x65, 0x8b, 0x04, 0x25, 0x48, 0x00, 0x00, 0x00], RET),
  GetCurrentProcess: code([0x48, 0x83, 0xc8, 0xff], RET),
  GetCurrentThread: code([0x48, 0xc7, 0xc0, 0xfe, 0xff, 0xff, 0xff], RET),
  GetProcessHeap: code(LOAD_PEB, [0x48, 0x8b, 0x40, 0x30], RET),
  DebugBreak: code([0xcc], RET),
  IsDebuggerPresent: code(LOAD_PEB, [0x0f, 0xb6, 0x40, 0x02], RET),
  GetTickCount: code(MILLISECONDS, [0x8b, 0xc2], RET),
  GetTickCount64: code(MILLISECONDS, [0x48, 0x8b, 0xc2], RET),
  TlsGetValue: code(TLS_GET_VALUE),
  TlsSetValue: TLS_SET_VALUE,
  InitOnceExecuteOnce: INIT_ONCE_EXECUTE_ONCE,
};
