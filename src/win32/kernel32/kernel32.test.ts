import { describe, expect, it } from 'vitest';
import { FRAME_FREE } from '../../mm/pfn-database.js';
import { verify } from '../../mm/verify.js';
import { STACK_RESERVE } from '../../testing/pe-builder.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const PAGE_READWRITE = 4;
const STACK_SIZE_PARAM_IS_A_RESERVATION = 0x10000;

const wide = (text: string) => ({ wide: text });

describe('environment and command line', () => {
  const machine = new Win32Machine({
    commandLine: 'crt.exe "two words"',
    environment: ['A=1', 'PATH=C:\\app', 'TEMP=C:\\temp'],
  });
  const buffer = machine.space(1024);

  it('reads and changes variables', () => {
    expect(machine.call('GetEnvironmentVariableA', 'path', buffer, 100)).toBe(6);
    expect(machine.text(buffer)).toBe('C:\\app');
    expect(machine.call('GetEnvironmentVariableA', 'PATH', buffer, 6)).toBe(7);
    expect(machine.attempt('GetEnvironmentVariableA', 'NONE', buffer, 6)).toEqual([0, 203]);
    expect(machine.call('SetEnvironmentVariableW', wide('Middle'), wide('x'.repeat(5000)))).toBe(1);
    expect(machine.call('GetEnvironmentVariableW', wide('MIDDLE'), 0, 0)).toBe(5001);
    expect(machine.call('SetEnvironmentVariableA', 'A', 0)).toBe(1);
    expect(machine.attempt('SetEnvironmentVariableA', 'A', 0)).toEqual([0, 203]);
    expect(machine.attempt('SetEnvironmentVariableA', 'B=', 'x')).toEqual([0, 87]);
    expect(machine.call('SetEnvironmentVariableA', 'Middle', 'm')).toBe(1);
    const block = machine.callAddress('GetEnvironmentStringsW');
    expect(machine.wideText(block)).toBe('Middle=m');
    expect(machine.wideText(block + 18)).toBe('PATH=C:\\app');
    expect(machine.call('FreeEnvironmentStringsW', block)).toBe(1);
  });

  it('keeps the last texts for debuggers, none of a null pointer', () => {
    const { debugOutput } = machine.kernel;
    for (let index = 0; index < 1001; index++) machine.call('OutputDebugStringA', `${index}`.slice(-1));
    machine.call('OutputDebugStringW', 0);
    machine.call('OutputDebugStringW', wide('last'));
    expect([debugOutput.length, debugOutput.at(-2), debugOutput.at(-1)]).toEqual([1000, '0', 'last']);
  });

  it('expands texts', () => {
    expect(machine.call('ExpandEnvironmentStringsA', '%TEMP%\\%no%%', buffer, 100)).toBe(14);
    expect(machine.text(buffer)).toBe('C:\\temp\\%no%%');
  });

  it('tells the command line in both forms', () => {
    expect(machine.text(machine.callAddress('GetCommandLineA'))).toBe('crt.exe "two words"');
    expect(machine.wideText(machine.callAddress('GetCommandLineW'))).toBe('crt.exe "two words"');
    expect(machine.callAddress('GetCommandLineA')).toBe(machine.callAddress('GetCommandLineA'));
  });
});

describe('modules', () => {
  const machine = new Win32Machine();

  it('are found by name and address', () => {
    const program = machine.callAddress('GetModuleHandleA', 0);
    expect(program).toBe(machine.process.object.imageBase);
    const kernel32 = machine.callAddress('GetModuleHandleA', 'KERNEL32');
    expect(machine.callAddress('GetModuleHandleW', wide('kernel32.dll'))).toBe(kernel32);
    expect(machine.attempt('GetModuleHandleA', 'absent.dll')).toEqual([0, 126]);
    const buffer = machine.space(260);
    expect(machine.call('GetModuleFileNameA', 0, buffer, 260)).toBe(14);
    expect(machine.text(buffer)).toBe('C:\\app\\crt.exe');
    expect(machine.attempt('GetModuleFileNameA', 0, buffer, 5)).toEqual([5, 122]);
    expect(machine.text(buffer)).toBe('C:\\a');
    const out = machine.space(8);
    expect(machine.call('GetModuleHandleExA', 6, kernel32 + 0x1000, out)).toBe(1);
    expect(machine.pointer(out)).toBe(kernel32);
  });

  it('give the addresses of their exports, forwarded ones too', () => {
    const kernel32 = machine.callAddress('GetModuleHandleA', 'kernel32');
    expect(machine.callAddress('GetProcAddress', kernel32, 'VirtualAlloc')).toBe(
      machine.symbol('VirtualAlloc'),
    );
    expect(machine.callAddress('GetProcAddress', kernel32, 'HeapAlloc')).toBe(machine.symbol('HeapAlloc'));
    expect(machine.attempt('GetProcAddress', kernel32, 'NoSuchFunction')).toEqual([0, 127]);
    expect(machine.attempt('LoadLibraryA', 'absent.dll')).toEqual([0, 126]);
    expect(machine.callAddress('LoadLibraryA', 'kernel32.dll')).toBe(kernel32);
    expect(machine.call('FreeLibrary', kernel32)).toBe(1);
  });
});

describe('the process', () => {
  it('tells its modules and the stack of its thread', () => {
    const machine = new Win32Machine();
    const [list, needed] = [machine.space(64), machine.space(4)];
    expect(machine.call('K32EnumProcessModules', -1, list, 64, needed)).toBe(1);
    expect(machine.u32(needed)).toBe(5 * 8);
    expect(machine.pointer(list)).toBe(machine.process.object.imageBase);
    const name = machine.space(64);
    expect(machine.call('K32GetModuleBaseNameA', -1, machine.pointer(list + 8), name, 64)).toBe(9);
    expect(machine.text(name)).toBe('ntdll.dll');
    expect(machine.call('K32GetModuleInformation', -1, 0, list, 24)).toBe(1);
    expect(machine.pointer(list)).toBe(machine.process.object.imageBase);
    expect(machine.attempt('K32GetModuleInformation', -1, 0x1234, list, 24)).toEqual([0, 6]);
    const [low, high, bytes] = [machine.space(8), machine.space(8), machine.space(4)];
    machine.call('GetCurrentThreadStackLimits', low, high);
    expect(machine.pointer(high) - machine.pointer(low)).toBe(STACK_RESERVE);
    machine.fill(bytes, 4);
    machine.fill(bytes + 1, 1, 0x50);
    expect([machine.call('SetThreadStackGuarantee', bytes), machine.u32(bytes)]).toEqual([1, 0]);
    expect([machine.call('SetThreadStackGuarantee', bytes), machine.u32(bytes)]).toEqual([1, 0x5000]);
  });
});

describe('threads and waits', () => {
  it('keep thread-local values', () => {
    const machine = new Win32Machine();
    const indexes = Array.from({ length: 70 }, () => machine.call('TlsAlloc'));
    expect(new Set(indexes).size).toBe(70);
    for (const index of indexes) expect(machine.call('TlsSetValue', index, index + 1000)).toBe(1);
    for (const index of indexes) expect(machine.call('TlsGetValue', index)).toBe(index + 1000);
    expect(machine.lastError).toBe(0);
    expect(machine.call('TlsFree', indexes[69]!)).toBe(1);
    expect(machine.call('TlsGetValue', indexes[69]!)).toBe(0);
    expect(machine.attempt('TlsGetValue', 5000)).toEqual([0, 87]);
    expect(machine.attempt('TlsFree', indexes[69]!)).toEqual([0, 87]);
    const fls = machine.call('FlsAlloc', 0);
    expect([machine.call('FlsSetValue', fls, 7), machine.call('FlsGetValue', fls)]).toEqual([1, 7]);
    expect([machine.call('FlsFree', fls), machine.attempt('FlsGetValue', fls)]).toEqual([1, [0, 87]]);
  });

  it('signal events, semaphores and mutexes', () => {
    const machine = new Win32Machine();
    const event = machine.call('CreateEventA', 0, 0, 1, 'name');
    const [same, error] = machine.attempt('CreateEventW', 0, 0, 0, wide('name'));
    expect([same > 0, error]).toEqual([true, 183]);
    expect(machine.call('WaitForSingleObject', same, 0)).toBe(0);
    expect(machine.call('WaitForSingleObject', event, 0)).toBe(0x102);
    expect(machine.call('WaitForSingleObject', event, 50)).toBe(0x102);
    const semaphore = machine.call('CreateSemaphoreW', 0, 1, 2, 0);
    const previous = machine.space(4);
    expect([machine.call('ReleaseSemaphore', semaphore, 1, previous), machine.u32(previous)]).toEqual([1, 1]);
    expect(machine.attempt('ReleaseSemaphore', semaphore, 1, 0)).toEqual([0, 298]);
    expect(machine.attempt('ReleaseSemaphore', semaphore, 0, 0)).toEqual([0, 87]);
    const mutex = machine.call('CreateMutexA', 0, 1, 0);
    expect([machine.call('ReleaseMutex', mutex), machine.attempt('ReleaseMutex', mutex)]).toEqual([
      1,
      [0, 288],
    ]);
    expect(machine.attempt('CreateMutexA', 0, 0, 'name')).toEqual([0, 6]);
    expect(machine.attempt('WaitForSingleObject', 0x9999, 0)).toEqual([-1, 6]);
    const handles = machine.space(16);
    machine.process.write(handles, new Uint8Array(new BigUint64Array([BigInt(event), BigInt(mutex)]).buffer));
    expect(machine.call('WaitForMultipleObjects', 2, handles, 0, 0)).toBe(1);
  });

  it('runs a second thread', () => {
    const machine = new Win32Machine();
    const id = machine.space(4);
    const thread = machine.call('CreateThread', 0, 0, machine.symbol('GetCurrentThreadId'), 0, 0, id);
    expect(machine.call('WaitForSingleObject', thread, -1)).toBe(0);
    const code = machine.space(4);
    expect(machine.call('GetExitCodeThread', thread, code)).toBe(1);
    expect(machine.u32(code)).toBe(machine.u32(id));
  });

  it('gives a thread the stack of the image, of its size, or of its reservation', () => {
    const machine = new Win32Machine();
    const layout = machine.space(48);
    const stackOf = (size: number, flags: number) => {
      machine.call('CreateThread', 0, size, machine.symbol('GetCurrentThreadId'), 0, flags | 4, 0);
      const stack = machine.process.object.threads.at(-1)!.stackAllocation;
      let committed = 0;
      let end = stack;
      while (machine.call('VirtualQuery', end, layout, 48) === 48 && machine.pointer(layout + 8) === stack) {
        const bytes = machine.pointer(layout + 24);
        if (machine.u32(layout + 36) === PAGE_READWRITE) committed = bytes;
        end += bytes;
      }
      return [end - stack, committed];
    };
    expect(stackOf(0, 0)).toEqual([STACK_RESERVE, 0x4000]);
    expect(stackOf(0x20000, 0)).toEqual([STACK_RESERVE, 0x20000]);
    expect(stackOf(0x1ff000, 0)).toEqual([0x200000, 0x1ff000]);
    expect(stackOf(0x200000, 0)).toEqual([0x300000, 0x200000]);
    expect(stackOf(0x2a000, STACK_SIZE_PARAM_IS_A_RESERVATION)).toEqual([0x30000, 0x4000]);
  });

  it('leaves the processor to the zero page thread while it sleeps', () => {
    const machine = new Win32Machine();
    const { lists } = machine.kernel.mm;
    machine.call('GetTickCount');
    const memory = machine.process.allocate(0x40000);
    machine.process.write(memory, new Uint8Array(0x40000).fill(1));
    machine.process.free(memory);
    machine.call('GetTickCount');
    expect(lists.count[FRAME_FREE]).toBeGreaterThan(0x30);
    machine.call('Sleep', 20);
    expect(lists.count[FRAME_FREE]).toBe(0);
    verify(machine.kernel.mm);
  });

  it('enters critical sections again and again', () => {
    const machine = new Win32Machine();
    const section = machine.space(40);
    expect(machine.call('InitializeCriticalSectionAndSpinCount', section, 4000)).toBe(1);
    for (let index = 0; index < 3; index++) machine.call('EnterCriticalSection', section);
    expect([machine.u32(section + 8) | 0, machine.u32(section + 12)]).toEqual([-2, 3]);
    for (let index = 0; index < 3; index++) machine.call('LeaveCriticalSection', section);
    expect(machine.u32(section + 8) | 0).toBe(-1);
  });
});

describe('slim locks', () => {
  it('let many readers or one writer in', () => {
    const machine = new Win32Machine();
    const lock = machine.space(8);
    machine.call('InitializeSRWLock', lock);
    machine.call('AcquireSRWLockShared', lock);
    expect(machine.call('TryAcquireSRWLockShared', lock)).toBe(1);
    expect(machine.call('TryAcquireSRWLockExclusive', lock)).toBe(0);
    const writer = machine.call('CreateThread', 0, 0, machine.symbol('AcquireSRWLockExclusive'), lock, 0, 0);
    expect(machine.call('WaitForSingleObject', writer, 10)).toBe(0x102);
    machine.call('ReleaseSRWLockShared', lock);
    machine.call('ReleaseSRWLockShared', lock);
    expect(machine.call('WaitForSingleObject', writer, 1000)).toBe(0);
    expect(machine.call('TryAcquireSRWLockShared', lock)).toBe(0);
    machine.call('ReleaseSRWLockExclusive', lock);
    expect(machine.u32(lock)).toBe(0);
  });

  it('are given back by a sleep on a condition variable', () => {
    const machine = new Win32Machine();
    const [lock, variable] = [machine.space(8), machine.space(8)];
    machine.call('InitializeSRWLock', lock);
    machine.call('AcquireSRWLockExclusive', lock);
    const writer = machine.call('CreateThread', 0, 0, machine.symbol('ReleaseSRWLockShared'), 0, 4, 0);
    expect(machine.attempt('SleepConditionVariableSRW', variable, lock, 20, 0)).toEqual([0, 1460]);
    expect(machine.u32(lock)).toBe(1);
    const waker = machine.symbol('WakeConditionVariable');
    const thread = machine.call('CreateThread', 0, 0, waker, variable, 0, 0);
    expect(machine.call('SleepConditionVariableSRW', variable, lock, 1000, 0)).toBe(1);
    expect(machine.call('WaitForSingleObject', thread, 1000)).toBe(0);
    expect(machine.call('TerminateThread', writer, 1)).toBe(1);
  });

  it('stand behind one-time initialization', () => {
    const machine = new Win32Machine();
    const [once, context] = [machine.space(8), machine.space(8)];
    machine.call('InitOnceInitialize', once);
    machine.fill(context, 8);
    machine.fill(context, 1, 0x40);
    const initialize = machine.symbol('GetCurrentProcessId');
    expect(machine.call('InitOnceExecuteOnce', once, initialize, 0, context)).toBe(1);
    expect(machine.u32(once)).toBe(0x42);
    machine.fill(context, 8);
    expect(machine.call('InitOnceExecuteOnce', once, 0, 0, context)).toBe(1);
    expect(machine.u32(context)).toBe(0x40);
  });
});

describe('the system', () => {
  const machine = new Win32Machine();

  it('describes itself', () => {
    const info = machine.space(48);
    machine.call('GetSystemInfo', info);
    expect([machine.u32(info), machine.u32(info + 4), machine.u32(info + 0x28)]).toEqual([9, 4096, 65536]);
    expect([machine.pointer(info + 8), machine.pointer(info + 16)]).toEqual([0x10000, 0x7ffffffeffff]);
    const status = machine.space(64);
    machine.fill(status, 64);
    expect(machine.attempt('GlobalMemoryStatusEx', status)).toEqual([0, 87]);
    machine.fill(status, 1, 64);
    expect(machine.call('GlobalMemoryStatusEx', status)).toBe(1);
    expect(machine.pointer(status + 8)).toBe(32 * 2 ** 20);
    expect(machine.pointer(status + 16)).toBeLessThan(32 * 2 ** 20);
    expect(machine.pointer(status + 0x28)).toBe(0x7ffffffe0000);
    expect(machine.call('GetVersion') & 0xffff).toBe(0x0206);
    for (const feature of [3, 10, 13, 36, 37, 38]) {
      expect([feature, machine.call('IsProcessorFeaturePresent', feature)]).toEqual([feature, 1]);
    }
    expect(machine.call('IsProcessorFeaturePresent', 39)).toBe(0);
    expect(machine.call('GetEnabledXStateFeatures')).toBe(3);
  });

  it('tells the time', () => {
    const [fileTime, fields, back] = [machine.space(8), machine.space(16), machine.space(8)];
    machine.call('GetSystemTimeAsFileTime', fileTime);
    expect(machine.call('FileTimeToSystemTime', fileTime, fields)).toBe(1);
    expect([0, 2, 4, 6].map((at) => machine.u16(fields + at))).toEqual([2026, 1, 4, 1]);
    machine.fill(fileTime, 8);
    machine.fill(fileTime + 7, 1, 0xff);
    expect(machine.attempt('FileTimeToSystemTime', fileTime, fields)).toEqual([0, 87]);
    machine.fill(fileTime, 8);
    machine.call('FileTimeToSystemTime', fileTime, fields);
    expect([0, 2, 4, 6, 8].map((at) => machine.u16(fields + at))).toEqual([1601, 1, 1, 1, 0]);
    expect([machine.call('SystemTimeToFileTime', fields, back), machine.pointer(back)]).toEqual([1, 0]);
    const before = machine.call('GetTickCount');
    machine.call('Sleep', 1000);
    const passed = machine.call('GetTickCount') - before;
    expect(passed).toBeGreaterThanOrEqual(984);
    expect(passed).toBeLessThanOrEqual(1032);
    expect([machine.call('QueryPerformanceFrequency', back), machine.pointer(back)]).toEqual([1, 10_000_000]);
  });

  it('formats messages', () => {
    const buffer = machine.space(512);
    expect(machine.call('FormatMessageA', 0x1200, 0, 2, 0, buffer, 512, 0)).toBe(44);
    expect(machine.text(buffer)).toBe('The system cannot find the file specified.\r\n');
    expect(machine.attempt('FormatMessageA', 0x1200, 0, 99999, 0, buffer, 512, 0)).toEqual([0, 317]);
    const values = machine.space(24);
    const words = [machine.put('name'), 42, 255].map(BigInt);
    machine.process.write(values, new Uint8Array(new BigUint64Array(words).buffer));
    const format = '%1 has %2!5d! or %3!#x!%%%n%0rest';
    machine.call('FormatMessageA', 0x2400, format, 0, 0, buffer, 512, values);
    expect(machine.text(buffer)).toBe('name has    42 or 0xff%\r\n');
    const place = machine.space(8);
    expect(machine.call('FormatMessageW', 0x1300, 0, 5, 0, place, 0, 0)).toBe(19);
    expect(machine.wideText(machine.pointer(place))).toBe('Access is denied.\r\n');
    expect(machine.call('LocalFree', machine.pointer(place))).toBe(0);
    expect(machine.attempt('FormatMessageA', 0x1200, 0, 2, 0, buffer, 10, 0)).toEqual([0, 122]);
  });

  it('converts characters', () => {
    const buffer = machine.space(128);
    expect(machine.call('MultiByteToWideChar', 0, 0, 'caf\u00e9 \u0080', -1, buffer, 64)).toBe(7);
    expect(machine.wideText(buffer)).toBe('caf\u00e9 \u20ac');
    expect(machine.call('MultiByteToWideChar', 65001, 0, '\u00e2\u0082\u00ac', -1, 0, 0)).toBe(2);
    expect(machine.attempt('MultiByteToWideChar', 65001, 8, '\u00ff', -1, buffer, 64)).toEqual([0, 1113]);
    expect(machine.attempt('MultiByteToWideChar', 65001, 1, 'a', -1, buffer, 64)).toEqual([0, 1004]);
    expect(machine.attempt('MultiByteToWideChar', 0, 0, 'long', -1, buffer, 2)).toEqual([0, 122]);
    expect(machine.attempt('MultiByteToWideChar', 12345, 0, 'a', -1, buffer, 2)).toEqual([0, 87]);
    const used = machine.space(4);
    expect(machine.call('WideCharToMultiByte', 1252, 0, wide('a\u0416'), -1, buffer, 64, '*', used)).toBe(3);
    expect([machine.text(buffer), machine.u32(used)]).toEqual(['a*', 1]);
    expect(machine.attempt('WideCharToMultiByte', 65001, 0, wide('a'), 1, buffer, 64, '*', 0)).toEqual([
      0, 87,
    ]);
    expect(machine.call('lstrlenA', 0)).toBe(0);
    expect(machine.call('lstrcmpiA', 'ABC', 'abd')).toBe(-1);
    expect(machine.callAddress('lstrcpynA', buffer, 'truncate', 4)).toBe(buffer);
    expect(machine.text(buffer)).toBe('tru');
    expect(machine.call('CompareStringA', 0x409, 1, 'same', -1, 'SAME', 4)).toBe(2);
  });

  it('ends with what the program raises', () => {
    const own = new Win32Machine();
    expect(() => own.call('RaiseException', 0xf0001234, 0, 0, 0)).toThrow('exited');
    expect(own.process.exitStatus).toBe(0xe0001234);
    const other = new Win32Machine();
    expect(() => other.call('ExitProcess', 77)).toThrow('exited');
    expect(other.process.exitStatus).toBe(77);
    const third = new Win32Machine();
    third.call('SetUnhandledExceptionFilter', third.symbol('GetCurrentThread'));
    expect(third.callAddress('SetUnhandledExceptionFilter', 0)).toBe(third.symbol('GetCurrentThread'));
    expect(third.call('UnhandledExceptionFilter', third.space(16))).toBe(1);
  });

  it('refuses an APC for a thread that has ended', () => {
    const thread = machine.call('CreateThread', 0, 0, machine.symbol('ExitThread'), 0, 0, 0);
    expect(machine.call('WaitForSingleObject', thread, 1000)).toBe(0);
    expect(machine.attempt('QueueUserAPC', machine.symbol('ExitThread'), thread, 0)).toEqual([0, 31]);
  });

  it('tells good pointers from bad ones', () => {
    const good = machine.space(16);
    expect(machine.call('IsBadReadPtr', good, 16)).toBe(0);
    expect(machine.call('IsBadReadPtr', 0, 1)).toBe(1);
    expect(machine.call('IsBadWritePtr', machine.symbol('ExitProcess'), 1)).toBe(1);
    expect(machine.callAddress('DecodePointer', machine.call64('EncodePointer', good))).toBe(good);
    const list = machine.space(16);
    machine.call('InitializeSListHead', list);
    const [one, two] = [machine.space(16), machine.space(16)];
    expect(machine.call('InterlockedPushEntrySList', list, one)).toBe(0);
    expect(machine.callAddress('InterlockedPushEntrySList', list, two)).toBe(one);
    expect(machine.call('QueryDepthSList', list)).toBe(2);
    expect(machine.callAddress('InterlockedPopEntrySList', list)).toBe(two);
    expect(machine.callAddress('InterlockedFlushSList', list)).toBe(one);
    expect([-7, 7].map((value) => machine.call('MulDiv', value, 3, 2))).toEqual([-11, 11]);
  });
});
