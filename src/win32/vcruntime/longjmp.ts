/**
 * longjmp: unwinds to the frame that setjmp noted, so that termination handlers and destructors run; without a frame it just
 * restores the registers. Source: Microsoft, "longjmp", "RtlRestoreContext function"; _JUMP_BUFFER of <setjmp.h>.
 */
import { STATUS_LONGJUMP } from '../../base/ntstatus.js';
import {
  CONTEXT_ALL,
  CONTEXT_FLAGS,
  CONTEXT_RAX,
  CONTEXT_SIZE,
  captureContext,
} from '../../nt/context-record.js';
import {
  EXCEPTION_RECORD_SIZE,
  RECORD_CODE,
  RECORD_PARAMETER_COUNT,
  RECORD_PARAMETERS,
} from '../../nt/exception-dispatch.js';
import type { Service } from '../../nt/service.js';

const JUMP_FRAME = 0;
const JUMP_RIP = 80;
const JUMP_FLOAT_CONTROL = 92;
const CONTEXT_FLOAT_CONTROL = 0x100;
const RECORD_BYTES = Math.ceil(EXCEPTION_RECORD_SIZE / 16) * 16;

/** void longjmp(buffer, value): setjmp returns the value, or 1 for 0. */
export const longjmp: Service = {
  enter: (call) => {
    const { memory } = call;
    const buffer = call.address(0);
    const value = call.u32(1) === 0 ? 1 : call.u32(1);
    const context = Math.floor((call.stackPointer - CONTEXT_SIZE) / 16) * 16;
    const record = context - RECORD_BYTES;
    const gap = call.stackPointer - record;
    memory.fill(record, RECORD_BYTES, 0);
    memory.writeU32(record + RECORD_CODE, STATUS_LONGJUMP);
    memory.writeU32(record + RECORD_PARAMETER_COUNT, 1);
    memory.writePointer(record + RECORD_PARAMETERS, buffer);
    const frame = memory.readPointer(buffer + JUMP_FRAME);
    if (frame !== 0) {
      const unwind = call.symbol('ntdll.dll', 'RtlUnwindEx');
      const target = memory.readPointer(buffer + JUMP_RIP);
      return call.callGuest(unwind, [frame, target, record, value, context, 0], 0, [], gap);
    }
    const bytes = new Uint8Array(CONTEXT_SIZE);
    captureContext(call.kernel, bytes);
    memory.writeBytes(context, bytes);
    memory.writeU32(context + CONTEXT_FLAGS, CONTEXT_ALL);
    memory.writeU64(context + CONTEXT_RAX, value, 0);
    memory.copy(context + CONTEXT_FLOAT_CONTROL, buffer + JUMP_FLOAT_CONTROL, 2);
    return call.callGuest(call.symbol('ntdll.dll', 'RtlRestoreContext'), [context, record], 0, [], gap);
  },
  steps: [() => undefined],
};
