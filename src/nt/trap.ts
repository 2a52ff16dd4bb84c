/**
 * Hardware exceptions of user mode and what Windows makes of them. Source: Intel SDM volume 3, "Interrupt 0" to "Interrupt 19";
 * Windows Internals, "Exception dispatching" (x86 interrupt numbers and their exception codes).
 */
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_ASSERTION_FAILURE,
  STATUS_BREAKPOINT,
  STATUS_DATATYPE_MISALIGNMENT,
  STATUS_FLOAT_DENORMAL_OPERAND,
  STATUS_FLOAT_DIVIDE_BY_ZERO,
  STATUS_FLOAT_INEXACT_RESULT,
  STATUS_FLOAT_INVALID_OPERATION,
  STATUS_FLOAT_OVERFLOW,
  STATUS_FLOAT_STACK_CHECK,
  STATUS_FLOAT_UNDERFLOW,
  STATUS_ILLEGAL_INSTRUCTION,
  STATUS_INTEGER_DIVIDE_BY_ZERO,
  STATUS_INTEGER_OVERFLOW,
  STATUS_PENDING,
  STATUS_PRIVILEGED_INSTRUCTION,
  STATUS_SINGLE_STEP,
  STATUS_STACK_BUFFER_OVERRUN,
} from '../base/ntstatus.js';
import { FPU_CONTROL, FPU_STATUS, TF } from '../machine/cpu/layout.js';
import { beginFault } from '../mm/fault-handler.js';
import { GuestFault } from '../mm/user-memory.js';
import { isZeroDivisor } from './divide-operand.js';
import { failFast, raiseException } from './exception-dispatch.js';
import type { Kernel } from './kernel.js';
import { finishPageFault, waitForFreePages, waitForPage } from './page-wait.js';
import type { Thread } from './thread.js';

const RCX = 1;

const VECTOR_DIVIDE = 0;
const VECTOR_DEBUG = 1;
const VECTOR_BREAKPOINT = 3;
const VECTOR_OVERFLOW = 4;
const VECTOR_PROTECTION = 13;
const VECTOR_X87 = 16;
const VECTOR_ALIGNMENT = 17;
const VECTOR_SIMD = 19;

/** Software interrupts that Windows serves for user mode: __fastfail, an assertion, the debug service. */
const VECTOR_FASTFAIL = 0x29;
const VECTOR_ASSERTION = 0x2c;
const VECTOR_DEBUG_SERVICE = 0x2d;
/** Bytes of INT n. */
const INT_BYTES = 2;

/** A page fault of the running thread: resolved, or raised as an exception, or the thread waits for the page. */
export function pageFault(kernel: Kernel, thread: Thread): void {
  const { mm, processor } = kernel;
  const address = processor.faultAddress;
  const error = processor.faultError;
  if (waitForFreePages(kernel, thread)) return;
  const status = beginFault(mm, thread.process.space, address, error, true, thread.stack);
  if (status === STATUS_PENDING) waitForPage(kernel, thread, address, error);
  else finishPageFault(kernel, thread, status, address, error);
}

/** A hardware exception of the running thread. The trap flag is cleared after a step: whoever wants another one sets it again. */
export function hardwareException(kernel: Kernel, thread: Thread, vector: number): void {
  const { processor } = kernel;
  processor.rip = processor.rip - bytesBefore(vector);
  if (vector === VECTOR_FASTFAIL) {
    failFast(kernel, thread, STATUS_STACK_BUFFER_OVERRUN, [processor.getLo(RCX)]);
    return;
  }
  if (vector === VECTOR_DEBUG) processor.flags &= ~TF;
  const parameters: number[] = [];
  const code = exceptionCode(kernel, vector, parameters);
  raiseException(kernel, thread, code, 0, processor.rip, parameters);
}

/** Traps leave RIP behind the instruction; Windows sets it back for breakpoints (INT3), fast fails and assertions. */
function bytesBefore(vector: number): number {
  if (vector === VECTOR_BREAKPOINT) return 1;
  return vector === VECTOR_FASTFAIL || vector === VECTOR_ASSERTION ? INT_BYTES : 0;
}

/** The exception code for a vector; `parameters` are filled in. */
function exceptionCode(kernel: Kernel, vector: number, parameters: number[]): number {
  const { mxcsr } = kernel.processor;
  switch (vector) {
    case VECTOR_DIVIDE:
      return isZeroDivisor(kernel) ? STATUS_INTEGER_DIVIDE_BY_ZERO : STATUS_INTEGER_OVERFLOW;
    case VECTOR_DEBUG:
      return STATUS_SINGLE_STEP;
    case VECTOR_BREAKPOINT:
    case VECTOR_DEBUG_SERVICE:
      parameters.push(0);
      return STATUS_BREAKPOINT;
    case VECTOR_ASSERTION:
      return STATUS_ASSERTION_FAILURE;
    case VECTOR_OVERFLOW:
      return STATUS_INTEGER_OVERFLOW;
    case VECTOR_PROTECTION:
      return protectionStatus(kernel, parameters);
    case VECTOR_X87:
      parameters.push(0);
      return x87Status(kernel);
    case VECTOR_ALIGNMENT:
      return STATUS_DATATYPE_MISALIGNMENT;
    case VECTOR_SIMD:
      parameters.push(0, mxcsr);
      return simdStatus(mxcsr);
    default:
      return STATUS_ILLEGAL_INSTRUCTION;
  }
}

/** The byte of code at an address, -1 where it cannot be read. */
function readCodeByte(kernel: Kernel, address: number): number {
  try {
    return kernel.memory.readU8(address);
  } catch (error) {
    if (error instanceof GuestFault) return -1;
    throw error;
  }
}

/** General protection: a privileged instruction, else an access violation whose address is not known. */
function protectionStatus(kernel: Kernel, parameters: number[]): number {
  const { rip, faultIsNonCanonical } = kernel.processor;
  if (!faultIsNonCanonical && isPrivileged(kernel, firstOpcode(kernel, rip), rip))
    return STATUS_PRIVILEGED_INSTRUCTION;
  parameters.push(0, -1);
  return STATUS_ACCESS_VIOLATION;
}

/** Opcode byte after legacy and REX prefixes. */
function firstOpcode(kernel: Kernel, rip: number): number {
  for (let index = 0; index < 15; index++) {
    const byte = readCodeByte(kernel, rip + index);
    const isPrefix =
      (byte >= 0x40 && byte <= 0x4f) ||
      [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(byte);
    if (!isPrefix) return byte;
  }
  return -1;
}

/** IN, OUT, INS, OUTS, HLT, CLI, STI; CLTS, INVD, WBINVD, RDMSR, WRMSR, MOV to and from control and debug registers, RDPMC. */
const PRIVILEGED_ONE_BYTE = [
  0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0xf4, 0xfa, 0xfb,
];
const PRIVILEGED_TWO_BYTE = [0x06, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x32, 0x33];

function isPrivileged(kernel: Kernel, opcode: number, rip: number): boolean {
  if (PRIVILEGED_ONE_BYTE.includes(opcode)) return true;
  if (opcode !== 0x0f) return false;
  for (let at = rip; at < rip + 14; at++)
    if (readCodeByte(kernel, at) === 0x0f) return PRIVILEGED_TWO_BYTE.includes(readCodeByte(kernel, at + 1));
  return false;
}

/** Exception flags in the order in which Windows looks at them: invalid, zero divide, denormal, overflow, underflow, inexact. */
const FLOAT_STATUS: readonly (readonly [flag: number, status: number])[] = [
  [0x01, STATUS_FLOAT_INVALID_OPERATION],
  [0x04, STATUS_FLOAT_DIVIDE_BY_ZERO],
  [0x02, STATUS_FLOAT_DENORMAL_OPERAND],
  [0x08, STATUS_FLOAT_OVERFLOW],
  [0x10, STATUS_FLOAT_UNDERFLOW],
  [0x20, STATUS_FLOAT_INEXACT_RESULT],
];
const X87_STACK_FAULT = 0x40;

function floatStatus(unmasked: number): number {
  return FLOAT_STATUS.find(([flag]) => unmasked & flag)?.[1] ?? STATUS_FLOAT_INVALID_OPERATION;
}

function x87Status(kernel: Kernel): number {
  const { words } = kernel.mm.ram;
  const status = words[FPU_STATUS >> 2]!;
  const unmasked = status & ~words[FPU_CONTROL >> 2]! & 0x3f;
  return unmasked & 1 && status & X87_STACK_FAULT ? STATUS_FLOAT_STACK_CHECK : floatStatus(unmasked);
}

/** MXCSR: flags in bits 0-5, their masks in bits 7-12. */
function simdStatus(mxcsr: number): number {
  return floatStatus(mxcsr & ~(mxcsr >>> 7) & 0x3f);
}
