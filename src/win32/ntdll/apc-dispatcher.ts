/**
 * KiUserApcDispatcher: calls the routine whose arguments lie in the home space of the context at RSP, then continues that
 * context. Source: what debuggers show of the frame; "APC_TEST_ALERT" in nt/apc.ts.
 */
import { assemble } from '../listing.js';

export const kiUserApcDispatcher = assemble(`
    00  488b0c24              ; mov rcx, qword ptr [rsp]
    04  488b542408            ; mov rdx, qword ptr [rsp + 8]
    09  4c8b442410            ; mov r8, qword ptr [rsp + 16]
    0e  4989e1                ; mov r9, rsp
    11  ff542418              ; call qword ptr [rsp + 24]
    15  4889e1                ; mov rcx, rsp
    18  8b9424d0040000        ; mov edx, dword ptr [rsp + 1232]
    1f  e8->NtContinue        ; call NtContinue
    24  89c1                  ; mov ecx, eax
    26  e8->RtlRaiseStatus    ; call RtlRaiseStatus
    2b  cc                    ; int3
`);
