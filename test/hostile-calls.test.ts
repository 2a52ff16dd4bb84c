import { describe, expect, it } from 'vitest';
import { FRAME_ACTIVE } from '../src/mm/pfn-database.js';
import { verify } from '../src/mm/verify.js';
import { KI_SERVICE_RETURN } from '../src/nt/service.js';
import { effort, processorMilliseconds } from '../src/testing/hostile-effort.js';
import { CALLBACKS, HostileGuest } from '../src/testing/hostile-guest.js';
import { below, mulberry32, type Random, seedFor } from '../src/testing/seed.js';

/** Calls before a process is renewed, and processes between two looks at the whole memory manager. */
const BATCH = 40;
const VERIFY_EVERY = 50;
/** Most instructions, host time and host memory (bytes) of one call. */
const BUDGET = 20_000;
const LONGEST_MS = 2000;
const MOST_HOST_BYTES = 64 * 2 ** 20;
/** Where calls have their stack, in bytes below its top. */
const DEPTH = 0x2000;
const TEXT = 2 ** 20;

function hostBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function pickService(random: Random, count: number): number {
  if (below(random, 50) > 0) return below(random, count);
  return [KI_SERVICE_RETURN, random(), count][below(random, 3)]!;
}

describe('services called with what earlier calls answered, and with memory of every kind', () => {
  it('come back, raise, wait or end the program, soon, and no size costs the host', {
    timeout: 3_600_000,
  }, () => {
    const random = mulberry32(seedFor('hostile calls'));
    const guest = new HostileGuest();
    const { kernel } = guest;
    const calls = effort(2500);
    let left = 0;
    let processes = 0;
    let rsp = 0;
    for (let call = 0; call < calls; call++) {
      if (left === 0 || !guest.spins) {
        guest.renew();
        guest.fillMemory(random);
        rsp = guest.stackTop - DEPTH;
        left = BATCH;
        if (++processes % VERIFY_EVERY === 0) verify(kernel.mm);
      }
      left--;
      const service = pickService(random, kernel.services.length);
      const entry = kernel.services[service];
      const name = `${entry ? `${entry.module}!${entry.name}` : `service ${service}`}, call ${call}`;
      const memory = hostBytes();
      const started = processorMilliseconds();
      try {
        if (!guest.callWithStack(random, service, rsp, BUDGET)) left = 0;
      } catch (error) {
        throw new Error(name, { cause: error });
      }
      expect(processorMilliseconds() - started, `${name}: time`).toBeLessThan(LONGEST_MS);
      expect(hostBytes() - memory, `${name}: memory`).toBeLessThan(MOST_HOST_BYTES);
    }
    guest.endAll();
    verify(kernel.mm);
    expect(kernel.fileSystem.openFiles.size).toBe(0);
  });

  it('give every frame back when the program ends', () => {
    const random = mulberry32(seedFor('hostile frames'));
    const guest = new HostileGuest();
    const { kernel } = guest;
    const round = () => {
      guest.renew();
      guest.fillMemory(random);
      const rsp = guest.stackTop - DEPTH;
      for (let call = 0; call < BATCH && guest.spins; call++)
        if (!guest.callWithStack(random, below(random, kernel.services.length), rsp, BUDGET)) break;
      guest.endAll();
    };
    const inUse = () => kernel.mm.pfn.state.filter((state) => state === FRAME_ACTIVE).length;
    for (let warm = 0; warm < 40; warm++) round();
    const [frames, charge] = [inUse(), kernel.mm.commit.current];
    for (let index = 0; index < effort(40); index++) round();
    verify(kernel.mm);
    expect(kernel.processes.size).toBe(0);
    expect([inUse(), kernel.mm.commit.current]).toEqual([frames, charge]);
  });
});

/** Puts a NUL-terminated text or bytes into the guest. */
function put(guest: HostileGuest, content: string | Uint8Array, unit: 1 | 2 = 1): number {
  const bytes =
    typeof content === 'string' ? Buffer.from(`${content}\0`, unit === 1 ? 'latin1' : 'utf16le') : content;
  const address = guest.process.allocate(bytes.length);
  guest.process.write(address, Uint8Array.from(bytes));
  return address;
}

type Attempt = (guest: HostileGuest) => unknown;

const writable = (guest: HostileGuest) => guest.places.writable;

/** Few bytes that ask for much, and long texts on which a careless algorithm would be quadratic or exponential. */
const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  'sprintf of 2 GB': (g) => g.call('msvcrt.dll!sprintf', [writable(g), put(g, '%2147483647d'), 1]),
  'a count of many times 2 GB': (g) => g.call('msvcrt.dll!_scprintf', [put(g, '%2147483647d'.repeat(999))]),
  'a width of -2^31': (g) => g.call('msvcrt.dll!_scprintf', [put(g, '%*d'), -(2 ** 31), 3]),
  'a precision of 2^31': (g) => g.call('msvcrt.dll!_scprintf', [put(g, '%.2147483647f'), 1], [1, 1]),
  'printf of 2 GB': (g) => g.call('msvcrt.dll!printf', [put(g, '%2147483647d'.repeat(4)), 1]),
  '_jn of a high order near 0': (g) => g.call('msvcrt.dll!_jn', [100_000, 0], [0, 1e-300]),
  '_jn of the highest order': (g) => g.call('msvcrt.dll!_jn', [2 ** 31 - 1, 0], [0, 1e300]),
  '_yn of a high order': (g) => g.call('msvcrt.dll!_yn', [-100_000, 0], [0, 1e-5]),
  'strtod of a million digits': (g) => g.call('msvcrt.dll!strtod', [put(g, '1'.repeat(TEXT)), 0]),
  'strtod of a million spaces': (g) => g.call('msvcrt.dll!strtod', [put(g, ' '.repeat(TEXT)), 0]),
  'strtol of a million digits': (g) => g.call('msvcrt.dll!strtol', [put(g, '0'.repeat(TEXT)), 0, 10]),
  'strstr that almost matches': (g) =>
    g.call('msvcrt.dll!strstr', [put(g, 'a'.repeat(TEXT)), put(g, `b${'a'.repeat(TEXT / 2)}`)]),
  'wcsstr that almost matches': (g) =>
    g.call('msvcrt.dll!wcsstr', [put(g, 'a'.repeat(TEXT), 2), put(g, `b${'a'.repeat(TEXT / 2)}`, 2)]),
  'wcsspn of a large set': (g) =>
    g.call('msvcrt.dll!wcsspn', [put(g, 'a'.repeat(TEXT), 2), put(g, `${'b'.repeat(TEXT / 2)}a`, 2)]),
  'scanf of many conversions': (g) =>
    g.call('msvcrt.dll!sscanf', [put(g, '1 '.repeat(TEXT / 4)), put(g, '%*d'.repeat(TEXT / 4))]),
  'an insert of 2 GB': (g) =>
    g.call('kernel32.dll!FormatMessageA', [
      0x2400,
      put(g, '%1!.2147483647d!'),
      0,
      0,
      writable(g),
      9,
      writable(g),
    ]),
  'many wide inserts': (g) =>
    g.call('kernel32.dll!FormatMessageA', [
      0x2400,
      put(g, '%1!60000d!'.repeat(99_999)),
      0,
      0,
      writable(g),
      9,
      writable(g),
    ]),
  'a long expansion': (g) => {
    g.call('kernel32.dll!SetEnvironmentVariableW', [put(g, 'X', 2), put(g, 'A'.repeat(30_000), 2)]);
    return g.call('kernel32.dll!ExpandEnvironmentStringsW', [
      put(g, '%X%'.repeat(TEXT / 4), 2),
      writable(g),
      9,
    ]);
  },
  'a path of spaces': (g) =>
    g.call('kernel32.dll!GetFullPathNameA', [put(g, `${' '.repeat(TEXT)}x`), 9, writable(g), 0]),
  'a path of many folders': (g) =>
    g.call('kernel32.dll!GetFullPathNameA', [put(g, 'a\\..\\'.repeat(TEXT / 8)), 9, writable(g), 0]),
  'a pattern of many stars': (g) =>
    g.call('kernel32.dll!FindFirstFileA', [put(g, `C:\\work\\${'*a'.repeat(99)}*b`), writable(g)]),
  'a long debug text': (g) => g.call('kernel32.dll!OutputDebugStringA', [put(g, 'a'.repeat(4 * TEXT))]),
  'malloc of 2^63': (g) => g.call('msvcrt.dll!malloc', [2 ** 63]),
  'calloc that overflows': (g) => g.call('msvcrt.dll!calloc', [2 ** 33, 2 ** 33]),
  'a heap of 128 TB': (g) => g.call('kernel32.dll!HeapCreate', [0, 2 ** 47, 0]),
  'a section of 2^62 bytes': (g) => g.call('kernel32.dll!CreateFileMappingA', [-1, 0, 4, 2 ** 30, 0, 0]),
  'a stack of 128 TB': (g) => g.call('kernel32.dll!CreateThread', [0, 2 ** 47, CALLBACKS[0], 0, 0, 0]),
  'qsort of 2^60 elements of 2^60 bytes': (g) =>
    g.call('msvcrt.dll!qsort', [writable(g), 2 ** 60, 2 ** 60, CALLBACKS[0]]),
  'qsort of 2^62 elements of nothing': (g) =>
    g.call('msvcrt.dll!qsort', [writable(g), 2 ** 62, 0, CALLBACKS[0]]),
  'bsearch in 2^62 elements': (g) =>
    g.call('msvcrt.dll!bsearch', [writable(g), writable(g), 2 ** 62, 8, CALLBACKS[0]]),
  'a fill of 2^60 bytes': (g) => g.call('ntdll.dll!RtlZeroMemory', [writable(g), 2 ** 60]),
  'a move of 2^60 bytes onto itself': (g) =>
    g.call('ntdll.dll!RtlMoveMemory', [writable(g), writable(g) + 64, 2 ** 60]),
  'a read of 2^60 bytes of a process': (g) =>
    g.call('ntdll.dll!NtReadVirtualMemory', [-1, writable(g), writable(g) + 16, 2 ** 60, 0]),
  'a check of 2^63 bytes': (g) => g.call('kernel32.dll!IsBadWritePtr', [writable(g), 2 ** 63]),
  'a wait for 2^32 objects': (g) =>
    g.call('kernel32.dll!WaitForMultipleObjects', [2 ** 32 - 1, writable(g), 0, 0]),
  'a reservation of 64 TB, committed, protected, freed': (g) => {
    g.call('kernel32.dll!VirtualAlloc', [0, 2 ** 46, 0x2000, 4]);
    const base = g.kernel.processor.getAddress(0);
    g.call('kernel32.dll!VirtualAlloc', [base, 2 ** 46, 0x1000, 4]);
    g.call('kernel32.dll!VirtualAlloc', [base + 2 ** 45, 4096, 0x1000, 4]);
    g.call('kernel32.dll!VirtualProtect', [base, 2 ** 46, 2, writable(g)]);
    g.call('kernel32.dll!VirtualQuery', [base, writable(g), 48]);
    g.call('kernel32.dll!VirtualFree', [base, 2 ** 46, 0x4000]);
    return g.call('kernel32.dll!VirtualFree', [base, 0, 0x8000]);
  },
};

describe('sizes, counts and texts of a hostile program', () => {
  it.each(Object.entries(ATTEMPTS))('%s', (name, attempt) => {
    const guest = new HostileGuest({ ram: 64 * 2 ** 20 });
    guest.renew();
    const started = processorMilliseconds();
    attempt(guest);
    expect(processorMilliseconds() - started, name).toBeLessThan(LONGEST_MS);
    verify(guest.kernel.mm);
    guest.endAll();
    verify(guest.kernel.mm);
  });
});
