/** Opening processes and threads by their ids. Sources: Microsoft, "NtOpenProcess function (ntddk.h)"; NtOpenThread's prototype as published. */
import {
  STATUS_ACCESS_DENIED,
  STATUS_INVALID_CID,
  STATUS_INVALID_PARAMETER_MIX,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { processOfId, SYSTEM_PROCESS_ID, threadOfId } from '../../nt/client-id.js';
import { openOrDelete } from '../../nt/object-manager.js';
import type { ServiceFunction } from '../../nt/service.js';
import { nativeServices, readObjectAttributes, readSize, writeHandle } from './arguments.js';

/** CLIENT_ID: process id, thread id. */
const UNIQUE_THREAD = 8;

/** (*handle, access, attributes, *clientId): with a thread id in the client id the process id may be 0. */
const opening =
  (kind: 'process' | 'thread'): ServiceFunction =>
  (call) => {
    const { kernel, process } = call;
    const [handleAt, clientAt] = [call.address(0), call.address(3)];
    call.memory.probeWrite(handleAt, 8);
    const { name, handleFlags } = readObjectAttributes(call, call.address(2));
    if (name !== null || clientAt === 0) return STATUS_INVALID_PARAMETER_MIX;
    const [processId, threadId] = [readSize(call, clientAt), readSize(call, clientAt + UNIQUE_THREAD)];
    if (processId === SYSTEM_PROCESS_ID) return STATUS_ACCESS_DENIED;
    const thread = threadOfId(kernel, threadId);
    const wantsThread = kind === 'thread' || threadId !== 0;
    const owner = wantsThread ? thread?.process : processOfId(kernel, processId);
    if (owner === undefined || (processId !== 0 && owner.id !== processId)) return STATUS_INVALID_CID;
    const object = kind === 'thread' ? thread! : owner;
    const out = { handle: 0 };
    const status = openOrDelete(kernel, process, object, call.u32(1), handleFlags, out);
    if (status === STATUS_SUCCESS) writeHandle(call, handleAt, out.handle);
    return status;
  };

export const clientIdServices = nativeServices({
  OpenProcess: opening('process'),
  OpenThread: opening('thread'),
});
