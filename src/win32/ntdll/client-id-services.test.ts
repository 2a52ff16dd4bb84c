import { describe, expect, it } from 'vitest';
import {
  STATUS_ACCESS_DENIED,
  STATUS_ACCESS_VIOLATION,
  STATUS_INVALID_CID,
  STATUS_INVALID_PARAMETER_MIX,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { ServiceCaller } from '../../testing/service-caller.js';

const PROCESS_VM_READ = 0x10;
const PROCESS_QUERY_INFORMATION = 0x400;
const ANY = 0x1fffff;

describe('NtOpenProcess and NtOpenThread', () => {
  const caller = new ServiceCaller();
  const [handleAt, clientAt, attributes, buffer] = [
    caller.data,
    caller.data + 0x10,
    caller.data + 0x100,
    caller.data + 0x200,
  ];
  const open = (name: string, access: number, processId: number, threadId: number): number => {
    caller.memory.fill(attributes, 0x30, 0);
    caller.memory.writeU64(clientAt, processId, 0);
    caller.memory.writeU64(clientAt + 8, threadId, 0);
    return caller.call(name, handleAt, access, attributes, clientAt);
  };
  const { id } = caller.process;
  const threadId = caller.process.threads[0]!.id;

  it('open by the ids of the client id', () => {
    expect(open('NtOpenProcess', PROCESS_QUERY_INFORMATION, id, 0)).toBe(STATUS_SUCCESS);
    const handle = caller.memory.readU32(handleAt);
    expect(caller.call('NtQueryInformationProcess', handle, 0, buffer, 0x30, 0)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(buffer)).toBe(0x103);
    expect(caller.memory.readPointer(buffer + 8)).toBe(caller.process.peb);
    expect(caller.memory.readU32(buffer + 0x18)).toBe(8);
    expect(caller.memory.readU32(buffer + 0x20)).toBe(id);
    expect(open('ZwOpenThread', ANY, 0, threadId)).toBe(STATUS_SUCCESS);
    const thread = caller.memory.readU32(handleAt);
    expect(caller.call('NtQueryInformationThread', thread, 0, buffer, 0x30, 0)).toBe(STATUS_SUCCESS);
    expect(caller.memory.readU32(buffer + 0x18)).toBe(threadId);
    expect(open('NtOpenThread', ANY, id, threadId)).toBe(STATUS_SUCCESS);
    expect(open('NtOpenProcess', ANY, id, threadId)).toBe(STATUS_SUCCESS);
  });

  it('give the rights that were asked for and no others', () => {
    expect(open('NtOpenProcess', PROCESS_VM_READ, id, 0)).toBe(STATUS_SUCCESS);
    const handle = caller.memory.readU32(handleAt);
    expect(caller.call('NtReadVirtualMemory', handle, caller.data, buffer, 8, 0)).toBe(STATUS_SUCCESS);
    expect(caller.call('NtWriteVirtualMemory', handle, buffer, caller.data, 8, 0)).toBe(STATUS_ACCESS_DENIED);
    expect(caller.call('NtTerminateProcess', handle, 1)).toBe(STATUS_ACCESS_DENIED);
  });

  it('refuse ids that are nobody’s, names, and bad pointers', () => {
    for (const [processId, thread] of [
      [0, 0],
      [id + 1, 0],
      [threadId, 0],
      [id + 4, threadId],
    ])
      expect(open('NtOpenProcess', ANY, processId!, thread!)).toBe(STATUS_INVALID_CID);
    expect(open('NtOpenThread', ANY, id, 0)).toBe(STATUS_INVALID_CID);
    const named = caller.objectAttributes(attributes, '\\a');
    expect(caller.call('NtOpenProcess', handleAt, ANY, named, clientAt)).toBe(STATUS_INVALID_PARAMETER_MIX);
    expect(caller.call('NtOpenProcess', handleAt, ANY, 0, 0)).toBe(STATUS_INVALID_PARAMETER_MIX);
    expect(caller.call('NtOpenProcess', 0, ANY, 0, clientAt)).toBe(STATUS_ACCESS_VIOLATION);
    expect(caller.call('NtOpenProcess', handleAt, ANY, 0, 0x20_0000)).toBe(STATUS_ACCESS_VIOLATION);
  });
});
