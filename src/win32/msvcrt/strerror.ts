/** Messages of errors. Source: "strerror, _strerror, _wcserror", "_sys_errlist", "strerror_s", Microsoft. */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { allocate } from './crt-heap.js';
import { EINVAL, ERROR_MESSAGES, errorMessage } from './errno.js';
import {
  failWith,
  getErrno,
  THREAD_ERROR_TEXT,
  THREAD_WIDE_ERROR_TEXT,
  threadData,
  variable,
} from './state.js';
import { readNarrow, writeNarrow, writeWide } from './text.js';

/** Characters that _strerror takes of the caller's text. */
const PREFIX_LIMIT = 94;
const MESSAGE_LIMIT = 256;

/** Fills _sys_errlist: pointers to the messages, in one block of the runtime's heap. */
export function fillErrorList(call: ServiceCall): void {
  const { memory } = call;
  const list = variable(call, '_sys_errlist');
  const bytes = ERROR_MESSAGES.reduce((sum, text) => sum + text.length + 1, 0);
  let at = allocate(call, bytes, false);
  if (at === 0) return;
  ERROR_MESSAGES.forEach((text, index) => {
    writeNarrow(memory, at, text);
    memory.writePointer(list + 8 * index, at);
    at += text.length + 1;
  });
  memory.writeU32(variable(call, '_sys_nerr'), ERROR_MESSAGES.length - 1);
}

function narrowMessage(call: ServiceCall, text: string): number {
  const to = threadData(call) + THREAD_ERROR_TEXT;
  writeNarrow(call.memory, to, text);
  return to;
}

function withPrefix(call: ServiceCall): number {
  const address = call.address(0);
  const prefix = address === 0 ? '' : `${readNarrow(call.memory, address, PREFIX_LIMIT)}: `;
  return narrowMessage(call, `${prefix}${errorMessage(getErrno(call))}\n`);
}

const secure =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const [to, size] = [call.address(0), call.size(1)];
    if (to === 0 || size === 0) return failWith(call, EINVAL, EINVAL);
    const text = errorMessage(call.i32(2)).slice(0, Math.min(size, MESSAGE_LIMIT) - 1);
    if (wide) writeWide(call.memory, to, text);
    else writeNarrow(call.memory, to, text);
    return 0;
  };

export const strerrorFunctions: Record<string, ServiceFunction> = {
  strerror: (call) => narrowMessage(call, errorMessage(call.i32(0))),
  _strerror: withPrefix,
  strerror_s: secure(false),
  _wcserror_s: secure(true),
  _wcserror: (call) => {
    const to = threadData(call) + THREAD_WIDE_ERROR_TEXT;
    writeWide(call.memory, to, errorMessage(call.i32(0)));
    return to;
  },
};
