import { describe, expect, it } from 'vitest';
import {
  STATUS_ACCESS_DENIED,
  STATUS_BAD_IMPERSONATION_LEVEL,
  STATUS_INVALID_PARAMETER,
  STATUS_NO_TOKEN,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { impersonate, type Token } from '../../nt/token.js';
import { ServiceCaller } from '../../testing/service-caller.js';

const TOKEN_ALL_ACCESS = 0xf01ff;
const TOKEN_QUERY = 8;
const [CURRENT_PROCESS, CURRENT_THREAD] = [-1, -2];

describe('tokens', () => {
  const caller = new ServiceCaller();
  const { data: at } = caller;
  const handle = () => caller.memory.readU32(at);
  const duplicate = (token: number, level: number | null, type: number, access = 0) => {
    caller.memory.fill(at + 0x100, 0x30, 0);
    caller.memory.writePointer(at + 0x128, level === null ? 0 : at + 0x200);
    caller.memory.writeU32(at + 0x204, level ?? 0);
    return caller.call('NtDuplicateToken', token, access, at + 0x100, 0, type, at);
  };

  it('are opened and copied', () => {
    expect(caller.call('NtOpenProcessToken', CURRENT_PROCESS, TOKEN_ALL_ACCESS, at)).toBe(STATUS_SUCCESS);
    const token = handle();
    expect(duplicate(token, 2, 2)).toBe(STATUS_SUCCESS);
    const copy = caller.process.handles.lookup(handle())!;
    expect(copy.object).toMatchObject({ kind: 'token', type: 2, level: 2 });
    expect(copy.grantedAccess).toBe(TOKEN_ALL_ACCESS);
    expect(duplicate(handle(), 3, 2)).toBe(STATUS_BAD_IMPERSONATION_LEVEL);
    expect(duplicate(token, 4, 2)).toBe(STATUS_BAD_IMPERSONATION_LEVEL);
    expect(duplicate(token, 2, 0)).toBe(STATUS_INVALID_PARAMETER);
    expect(caller.call('NtOpenProcessTokenEx', CURRENT_PROCESS, TOKEN_QUERY, 2, at)).toBe(STATUS_SUCCESS);
    expect(caller.process.handles.lookup(handle())).toMatchObject({ flags: 1, grantedAccess: TOKEN_QUERY });
    expect(duplicate(handle(), 2, 2)).toBe(STATUS_ACCESS_DENIED);
  });

  it('are those that threads impersonate', () => {
    const thread = caller.process.threads[0]!;
    expect(caller.call('NtOpenThreadToken', CURRENT_THREAD, TOKEN_QUERY, 1, at)).toBe(STATUS_NO_TOKEN);
    caller.call('NtOpenProcessToken', CURRENT_PROCESS, TOKEN_ALL_ACCESS, at);
    duplicate(handle(), 1, 2);
    const token = caller.process.handles.lookup(handle())!.object as Token;
    impersonate(caller.kernel, thread, token);
    expect(caller.call('NtOpenThreadTokenEx', CURRENT_THREAD, TOKEN_QUERY, 1, 0, at)).toBe(STATUS_SUCCESS);
    expect(caller.process.handles.lookup(handle())!.object).toBe(token);
    const references = token.referenceCount;
    impersonate(caller.kernel, thread, null);
    expect(token.referenceCount).toBe(references - 1);
  });
});
