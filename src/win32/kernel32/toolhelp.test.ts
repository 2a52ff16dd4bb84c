import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_INVALID_HANDLE = 6;
const ERROR_NO_MORE_FILES = 18;
const ERROR_BAD_LENGTH = 24;
const ERROR_INVALID_PARAMETER = 87;
const [PROCESSES, THREADS, MODULES] = [2, 4, 8];

describe('toolhelp snapshots', () => {
  const machine = new Win32Machine();
  const { id } = machine.process.object;

  const entryOf = (bytes: number) => {
    const at = machine.space(bytes);
    machine.fill(at, bytes);
    machine.process.write(at, new Uint8Array(Uint32Array.of(bytes).buffer));
    return at;
  };

  it('list the processes, the system ones first', () => {
    const snapshot = machine.call('CreateToolhelp32Snapshot', PROCESSES, 0);
    const entry = entryOf(568);
    const seen: [number, string][] = [];
    for (let more = machine.call('Process32FirstW', snapshot, entry); more === 1; ) {
      seen.push([machine.u32(entry + 8), machine.wideText(entry + 44)]);
      more = machine.call('Process32NextW', snapshot, entry);
    }
    expect(seen).toEqual([
      [0, '[System Process]'],
      [4, 'System'],
      [id, 'crt.exe'],
    ]);
    expect(machine.lastError).toBe(ERROR_NO_MORE_FILES);
    expect(machine.call('Process32First', snapshot, entryOf(304))).toBe(1);
    expect(machine.attempt('Process32First', snapshot, entryOf(303))).toEqual([0, ERROR_BAD_LENGTH]);
    expect(machine.attempt('Thread32First', snapshot, entryOf(28))).toEqual([0, ERROR_NO_MORE_FILES]);
    expect(machine.call('CloseHandle', snapshot)).toBe(1);
    expect(machine.attempt('Process32FirstW', snapshot, entry)).toEqual([0, ERROR_INVALID_HANDLE]);
  });

  it('list threads with their owners, and the modules of a process', () => {
    const snapshot = machine.call('CreateToolhelp32Snapshot', THREADS | MODULES, 0);
    const thread = entryOf(28);
    expect(machine.call('Thread32First', snapshot, thread)).toBe(1);
    expect(machine.u32(thread + 12)).toBe(id);
    const module = entryOf(1080);
    expect(machine.call('Module32FirstW', snapshot, module)).toBe(1);
    expect(machine.wideText(module + 48)).toBe('crt.exe');
    expect(machine.wideText(module + 560)).toBe('C:\\app\\crt.exe');
    expect(machine.pointer(module + 24)).toBe(0x140000000);
    expect(machine.call('Module32NextW', snapshot, module)).toBe(1);
    expect(machine.wideText(module + 48)).toBe('ntdll.dll');
    expect(machine.attempt('CreateToolhelp32Snapshot', MODULES, 9999)).toEqual([-1, ERROR_INVALID_PARAMETER]);
  });
});
