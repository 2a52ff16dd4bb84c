/**
 * Services that begin anew when they touch a page that must be read: with their memory paged out right before they begin, they
 * do what they do otherwise, and until they say so they change nothing but guest memory.
 */
import { afterAll, describe, expect, it } from 'vitest';
import type { MachineOptions } from '../machine.js';
import type { AddressSpace } from '../mm/address-space.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { verify } from '../mm/verify.js';
import type { Kernel } from '../nt/kernel.js';
import type { CrtArgument } from '../testing/crt-machine.js';
import { exampleBytes, exampleRuns, makeExampleMachine } from '../testing/examples.js';
import { describeMachine, RestartAudit } from '../testing/restart-audit.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { swapOut, swapPages } from '../testing/swap-out.js';
import { Win32Machine } from '../testing/win32-machine.js';
import { kernel32 } from './kernel32/index.js';
import { msvcrt } from './msvcrt/index.js';
import { ntdll } from './ntdll/index.js';

const MIB = 2 ** 20;
const SMALL = { ram: 8 * MIB, pageFiles: [{ initial: 32 * MIB, maximum: 64 * MIB }] };
const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).replaceAll('\r\n', '\n');

/** Waits of services, of those that start a process and of all others: by beginning anew, and on the spot. */
const totals = { swaps: 0, anew: 0, onTheSpot: 0, startOnTheSpot: 0 };
afterAll(() => {
  const { swaps, anew, onTheSpot, startOnTheSpot } = totals;
  console.log(
    `paged out before ${swaps} services: ${anew} waits for pages by beginning anew, ${onTheSpot} on the spot, and ${startOnTheSpot} on the spot in LdrInitializeThunk`,
  );
});

/** Sends what the running process has in RAM to its paging file before each `interval`th service begins. */
function swapBeforeServices(
  kernel: Kernel,
  interval: number,
  swap: (mm: MemoryManager, space: AddressSpace) => void,
): void {
  let services = 0;
  kernel.traceServices = true;
  kernel.mm.events.attach(({ kind }) => {
    if (kind !== 'syscall') return;
    const thread = kernel.currentThread!;
    if (thread.pageWait.restarts > 0 || services++ % interval !== 0) return;
    totals.swaps++;
    swap(kernel.mm, thread.process.space);
  });
}

/** Counts the waits of services of a machine into the totals. */
function countWaits({ mm }: Kernel): () => void {
  let last = '';
  let seen = 0;
  const count = () => {
    const waits = mm.io.waitsOnTheSpot - seen;
    seen += waits;
    if (last === 'ntdll.dll!LdrInitializeThunk') totals.startOnTheSpot += waits;
    else totals.onTheSpot += waits;
  };
  mm.events.attach((event) => {
    if (event.kind !== 'syscall') return;
    count();
    last = event.text;
  });
  return () => {
    count();
    totals.anew += mm.io.serviceRestarts;
  };
}

describe('programs that are paged out before their services', () => {
  const runs = exampleRuns().filter(({ program }) => !/sweep|six|fill/.test(program));
  it.each(runs)('$program $args', ({ expected, exitCode, program, args }) => {
    const options: Omit<MachineOptions, 'host'> = { ...SMALL, disk: 'hdd' };
    const { machine, process, host } = makeExampleMachine(program, args, options);
    const count = countWaits(machine.kernel);
    swapBeforeServices(machine.kernel, 9, swapOut);
    expect(machine.run({ maxInstructions: 50_000_000 }).state).toBe('exited');
    expect(text(host.consoleBytes(1))).toBe(text(exampleBytes(expected)));
    expect(process.exitStatus).toBe(exitCode);
    expect(machine.kernel.mm.io.serviceRestarts).toBeGreaterThan(1);
    machine.verify();
    count();
  });
});

/** Functions that end the program or wait, or whose results say what time it is or which pages are in RAM. */
const LEFT_OUT = [
  /exit|abort|assert|purecall|terminate|Terminate|Exit|RaiseStatus|RaiseException|MissingImport|FatalApp|_spawn|_exec/,
  /^_w(spawn|exec)|Wait|Sleep|Delay|Suspend|getch|[Tt]hread|Continue|RestoreContext|KiUser|Ldr|Acquire|Critical|_cwait|WorkItem|QueueTimer|^Tp[A-Z]|QueuedCompletion|RemoveIo|KeyedEvent|Alert/,
  /[Tt]ime|clock|Tick|Counter|WorkingSet|MemoryStatus|MemoryInfo|PerformanceInfo|SystemInformation|Affinity|IsBad/,
  /Unmap|FreeVirtual|VirtualFree|ProtectVirtual|VirtualProtect|_resetstkoflw|SetStdHandle|Stack|^DllMain|Vectored|Filter/,
];
const TEXTS = [
  '',
  'a.txt',
  'C:\\work\\*',
  '..\\x',
  'b.txt',
  '%d %s',
  'r+b',
  'w',
  'kernel32',
  '1234',
  'TEMP',
  'A=b',
  'C',
];
const ARGUMENTS = 8;
const ROUNDS = Number(globalThis.process.env['NTMM_HOSTILE_ROUNDS'] ?? 1);

/** Continues a fault of a service at the instruction behind its SYSCALL, with RAX 0; other exceptions go on. */
// biome-ignore format: one instruction a line
const SKIP_FAULT = [
  0x48, 0x8b, 0x51, 0x08, // mov rdx, [rcx+8] (context)
  0x48, 0x8b, 0x82, 0xf8, 0x00, 0x00, 0x00, // mov rax, [rdx+F8h] (Rip)
  0x66, 0x81, 0x38, 0x0f, 0x05, // cmp word [rax], 050Fh
  0x75, 0x14, // jne search
  0x48, 0x83, 0x82, 0xf8, 0x00, 0x00, 0x00, 0x02, // add qword [rdx+F8h], 2
  0x48, 0xc7, 0x42, 0x78, 0x00, 0x00, 0x00, 0x00, // mov qword [rdx+78h], 0 (Rax)
  0x83, 0xc8, 0xff, // or eax, -1
  0xc3, // ret
  0x31, 0xc0, // search: xor eax, eax
  0xc3, // ret
];

/** A program that calls functions of any system DLL as the test asks. */
class ServiceMachine extends Win32Machine {
  override symbol(name: string): number {
    for (const { name: module } of [msvcrt, ntdll]) {
      const address = this.kernel.symbol(this.process.object, module, name);
      if (address !== 0) return address;
    }
    return super.symbol(name);
  }
}

function makeMachine(): ServiceMachine {
  const machine = new ServiceMachine({ files: { 'a.txt': 'some text\r\nmore' }, kernel: SMALL });
  const code = machine.process.allocate(0x1000, { protection: 0x40 });
  machine.process.write(code, Uint8Array.from(SKIP_FAULT));
  machine.call('AddVectoredExceptionHandler', 1, code);
  // What a process's library state is made of by whoever asks first.
  machine.call('GetErrorMode');
  machine.call('AreFileApisANSI');
  machine.call('GetProcessShutdownParameters', machine.space(8), machine.space(8));
  machine.callAddress('_errno');
  return machine;
}

/** Two machines that are asked the same: the second one is paged out before each of its services. */
function makePair(): { plain: ServiceMachine; paged: ServiceMachine; audit: RestartAudit } {
  const [plain, paged] = [makeMachine(), makeMachine()];
  swapBeforeServices(paged.kernel, 1, swapPages);
  return { plain, paged, audit: new RestartAudit(plain.kernel) };
}

type Outcome = readonly [reason: string, result: bigint, state: string];

function outcome(machine: ServiceMachine, name: string, args: CrtArgument[]): Outcome {
  machine.begin(name, ...args);
  const reason = machine.run();
  return [reason, reason === 'limit' ? machine.result64 : 0n, describeMachine(machine.kernel)];
}

describe('the services of the system DLLs', () => {
  it('change nothing but memory while they may begin anew, and do the same when they do', () => {
    const random = mulberry32(seedFor('restarts'));
    const pick = (limit: number) => below(random, limit);
    let { plain, paged, audit } = makePair();
    let [touches, calls, anew] = [0, 0, 0];
    const placeOf = (bytes: number) => {
      plain.space(bytes);
      return paged.space(bytes);
    };
    const argument = (): CrtArgument => {
      switch (pick(8)) {
        case 0:
          return pick(40);
        case 1:
          return 4 + pick(8) * 4;
        case 2:
          return { wide: TEXTS[pick(TEXTS.length)]! };
        case 3:
        case 4:
          return TEXTS[pick(TEXTS.length)]!;
        case 5:
          return { double: pick(100) / 8 };
        default:
          return placeOf(256);
      }
    };
    const finish = () => {
      expect(audit.found).toEqual([]);
      if (plain.process.exitStatus === null) expect(paged.taken).toEqual(plain.taken);
      verify(paged.kernel.mm);
      touches += audit.touches;
      anew += paged.kernel.mm.io.serviceRestarts;
    };
    const names = [ntdll, kernel32, msvcrt]
      .flatMap(({ functions }) => Object.keys(functions))
      .filter((name) => !LEFT_OUT.some((pattern) => pattern.test(name)));
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        const args = Array.from({ length: ARGUMENTS }, argument);
        const expected = outcome(plain, name, args);
        expect([name, ...outcome(paged, name, args)]).toEqual([name, ...expected]);
        calls++;
        if (expected[0] === 'limit' && plain.spaceLeft > 0x8000) continue;
        finish();
        ({ plain, paged, audit } = makePair());
      }
    }
    finish();
    console.log(
      `${calls} calls with all memory paged out: ${anew} new beginnings; ${touches} touches looked at`,
    );
    expect(anew).toBeGreaterThan(calls);
  }, 120_000);
});

const GENERIC_READ_WRITE = 0xc0000000;
const CREATE_ALWAYS = 2;
const BLOCK_BYTES = 20_000;
const NUMBERS = 60;

/** What a program may do in earnest with files, streams, heaps, its environment, events and modules; every answer. */
function workThrough(machine: ServiceMachine): unknown[] {
  const answers: unknown[] = [];
  const ask = (name: string, ...args: CrtArgument[]) => {
    const answer = machine.callAddress(name, ...args);
    answers.push(name, answer);
    return answer;
  };
  const block = machine.put(Uint8Array.from({ length: BLOCK_BYTES }, (_, index) => (index * 7) % 251));
  const [target, count] = [machine.space(BLOCK_BYTES), machine.space(64)];

  const file = ask('CreateFileA', 'new.dat', GENERIC_READ_WRITE, 0, 0, CREATE_ALWAYS, 0, 0);
  ask('WriteFile', file, block, BLOCK_BYTES, count, 0);
  ask('SetFilePointer', file, 5, 0, 0);
  ask('ReadFile', file, target, BLOCK_BYTES, count, 0);
  ask('GetFileSize', file, count + 8);
  ask('CloseHandle', file);
  ask('FindFirstFileA', 'a.*', machine.space(320));

  const output = ask('fopen', 'out.txt', 'w');
  ask('fprintf', output, '%d %s|%5.2f\n', 42, 'words', { double: 2.5 });
  ask('fwrite', block, 1, 9000, output);
  ask('fputs', 'the end\n', output);
  ask('ftell', output);
  ask('fclose', output);
  const input = ask('fopen', 'a.txt', 'r');
  ask('fgets', target, 100, input);
  ask('ungetc', ask('fgetc', input), input);
  ask('fseek', input, 2, 0);
  ask('fread', target + 200, 1, 5, input);
  ask('fclose', input);

  const grown = ask('realloc', ask('malloc', 30_000), 90_000);
  ask('free', ask('calloc', 500, 40));
  ask('free', ask('realloc', grown, 2_000_000));
  const heap = ask('HeapCreate', 0, 0, 0);
  ask('RtlFreeHeap', heap, 0, ask('RtlAllocateHeap', heap, 8, 5000));
  ask('RtlValidateHeap', heap, 0, 0);
  ask('HeapDestroy', heap);

  const unsorted = Int32Array.from({ length: NUMBERS }, (_, index) => (index * 37) % 61);
  const numbers = machine.put(new Uint8Array(unsorted.buffer));
  ask('qsort', numbers, NUMBERS, 4, machine.compare);
  ask('bsearch', numbers + 40, numbers, NUMBERS, 4, machine.compare);
  ask('strtok', machine.put('one two,three'), ' ,');
  ask('strtok', 0, ' ,');
  ask('_strdup', 'a copy');
  ask('sprintf', target, '%s %08x %lld', 'text', 48879, 123456789012n);
  ask('sscanf', '12 cats 3.5', '%d %s %lf', count, target + 500, count + 16);
  ask('localeconv');
  ask('strerror', 2);
  ask('_putenv', 'NAME=value');
  ask('getenv', 'NAME');
  ask('GetEnvironmentVariableA', 'NAME', target + 600, 50);
  ask('_findfirst', 'a.*', machine.space(320));
  ask('MultiByteToWideChar', 0, 0, 'caf\xe9', -1, target + 700, 20);
  ask('FormatMessageA', 0x1100, 0, 2, 0, count + 24, 0, 0);
  ask('GetFullPathNameA', 'x\\..\\y', 260, target + 800, count + 32);
  ask('GetCommandLineA');

  const event = ask('CreateEventA', 0, 0, 0, 'an event');
  ask('SetEvent', event);
  ask('WaitForSingleObject', event, 0);
  ask('CloseHandle', event);
  const section = machine.space(64);
  ask('RtlInitializeCriticalSection', section);
  ask('RtlEnterCriticalSection', section);
  ask('RtlLeaveCriticalSection', section);
  const kernel = ask('GetModuleHandleA', 'kernel32');
  ask('GetProcAddress', kernel, 'HeapAlloc');
  ask('GetProcAddress', kernel, 'NoSuchFunction');
  ask('LoadLibraryA', 'psapi.dll');
  const pages = ask('VirtualAlloc', 0, 100_000, 0x3000, 4);
  ask('VirtualQuery', pages, target + 1200, 48);
  ask('VirtualFree', pages, 0, 0x8000);
  ask('RtlValidateHeap', ask('_get_heap_handle'), 0, 0);
  const { host, work } = machine;
  const contents = ['new.dat', 'out.txt'].map((name) => {
    const opened = host.open(work, [name], 'read', 'open');
    const bytes = new Uint8Array(host.size(opened));
    host.read(opened, 0, bytes);
    return bytes;
  });
  return [...answers, machine.lastError, machine.taken, contents, describeMachine(machine.kernel)];
}

describe('a program that does much', () => {
  it('comes to the same when its memory is paged out before every service', () => {
    const { plain, paged, audit } = makePair();
    const { io } = paged.kernel.mm;
    const expected = workThrough(plain);
    expect(audit.found).toEqual([]);
    const [anew, onTheSpot] = [io.serviceRestarts, io.waitsOnTheSpot];
    expect(workThrough(paged)).toEqual(expected);
    expect(io.serviceRestarts - anew).toBeGreaterThan(200);
    console.log(
      `${io.serviceRestarts - anew} new beginnings, ${io.waitsOnTheSpot - onTheSpot} waits on the spot or of the test`,
    );
    verify(paged.kernel.mm);
  });
});
