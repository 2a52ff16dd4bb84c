import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
} from '../src/base/memory-constants.js';
import { STATUS_ACCESS_VIOLATION, STATUS_STACK_OVERFLOW } from '../src/base/ntstatus.js';
import { NodeHost } from '../src/host/node-host.js';
import { NtStatusError } from '../src/machine-process.js';
import { verify } from '../src/mm/verify.js';
import { effort, processorMilliseconds } from '../src/testing/hostile-effort.js';
import { CALLBACKS, CODE, HostileGuest } from '../src/testing/hostile-guest.js';
import { below, mulberry32, type Random, seedFor } from '../src/testing/seed.js';

const RSP = 4;
const LONGEST_MS = 3000;
const ROUNDS = 80;
const CONTEXT_BYTES = 0x4d0;
const RECORD_BYTES = 0x98;

/** Bytes that begin or prefix many instructions. */
const COMMON = [
  0x0f, 0x66, 0xf3, 0xf2, 0x48, 0x4c, 0x41, 0xd9, 0xdd, 0x89, 0x8b, 0xff, 0xe8, 0xeb, 0xc3, 0xa4, 0xaa, 0xcd,
];

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random());
}

/** Random code: noise, sprinkled with common bytes in every second program. */
function randomCode(random: Random, length: number): Uint8Array {
  const bytes = noise(random, length);
  if (below(random, 2) === 0)
    for (let at = 0; at < length; at += 1 + below(random, 8))
      bytes[at] = COMMON[below(random, COMMON.length)]!;
  return bytes;
}

/** What a hostile program may do to itself fails with a status at worst. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof NtStatusError)) throw error;
  }
}

function randomRegisters(guest: HostileGuest, random: Random): void {
  const { processor } = guest.kernel;
  for (let register = 0; register < 16; register++) processor.set(register, ...guest.argument(random));
  if (below(random, 4) > 0) processor.setAddress(RSP, guest.stackTop - 0x1000 - below(random, 64));
}

/** Rounds of one kind, each in a new process, with verify() on the way and at the end. */
function rounds(name: string, count: number, round: (guest: HostileGuest, random: Random) => void): void {
  const random = mulberry32(seedFor(name));
  const guest = new HostileGuest();
  for (let index = 0; index < effort(count); index++) {
    guest.renew();
    guest.fillMemory(random);
    const started = processorMilliseconds();
    try {
      round(guest, random);
    } catch (error) {
      throw new Error(`${name}, round ${index}`, { cause: error });
    }
    expect(processorMilliseconds() - started, `${name}, round ${index}`).toBeLessThan(LONGEST_MS);
    if (index % 20 === 0) verify(guest.kernel.mm);
  }
  guest.endAll();
  verify(guest.kernel.mm);
  expect(guest.kernel.processes.size).toBe(0);
  expect(guest.kernel.fileSystem.openFiles.size).toBe(0);
}

function startRandomCode(guest: HostileGuest, random: Random): void {
  const { code, codeBytes } = guest.places;
  guest.process.write(code, randomCode(random, codeBytes));
  randomRegisters(guest, random);
  guest.kernel.processor.rip = code + below(random, codeBytes);
}

const PROTECTIONS = [
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_READWRITE | PAGE_GUARD,
];

/** mov rdx, [rcx+8]; add dword [rdx+0f8h], n; or eax, -1; ret: goes on n bytes after the fault. */
const skip = (bytes: number) =>
  Uint8Array.of(0x48, 0x8b, 0x51, 0x08, 0x81, 0x82, 0xf8, 0, 0, 0, bytes, 0, 0, 0, 0x83, 0xc8, 0xff, 0xc3);
const HANDLER = CODE + 0x80;

const FOREVER = { timeout: 3_600_000 };

describe('random code', () => {
  it('runs, faults or ends the program', FOREVER, () => {
    rounds('random code', ROUNDS, (guest, random) => {
      startRandomCode(guest, random);
      guest.run(50_000);
    });
  });

  it('goes on behind each fault when a handler says so, while it overwrites itself', FOREVER, () => {
    rounds('handled random code', ROUNDS, (guest, random) => {
      guest.process.write(HANDLER, below(random, 4) > 0 ? skip(1 + below(random, 7)) : noise(random, 32));
      guest.call('ntdll.dll!RtlAddVectoredExceptionHandler', [1, HANDLER]);
      startRandomCode(guest, random);
      guest.run(50_000);
    });
  });

  it('has its pages protected, decommitted and committed under it', FOREVER, () => {
    rounds('protections under random code', ROUNDS, (guest, random) => {
      const { code, codeBytes } = guest.places;
      guest.process.write(HANDLER, skip(1 + below(random, 3)));
      guest.call('ntdll.dll!RtlAddVectoredExceptionHandler', [1, HANDLER]);
      startRandomCode(guest, random);
      for (let slice = 0; slice < 20 && guest.process.exitStatus === null; slice++) {
        guest.run(500);
        if (guest.process.exitStatus !== null) break;
        const page = code + below(random, codeBytes / 4096) * 4096;
        const protection = PROTECTIONS[below(random, PROTECTIONS.length)]!;
        if (below(random, 4) > 0) attempt(() => guest.process.protect(page, 4096, protection));
        else {
          attempt(() => guest.process.free(page, 4096, 0x4000));
          attempt(() => guest.process.allocate(4096, { address: page, type: MEM_COMMIT, protection: 0x40 }));
        }
      }
    });
  });
});

describe('exception records and contexts', () => {
  it('of any content are loaded, refused or end the program', FOREVER, () => {
    rounds('hostile contexts', ROUNDS, (guest, random) => {
      const context = guest.places.writable + below(random, 256) * 16;
      const record = guest.places.writable + 0x2000;
      const bytes = noise(random, CONTEXT_BYTES);
      const view = new DataView(bytes.buffer);
      view.setUint32(0x30, [0x10001f, 0x10000b, random()][below(random, 3)]!, true);
      for (let at = 0x78; at <= 0xf8; at += 8) {
        if (below(random, 3) === 0) continue;
        const [lo, hi] = guest.argument(random);
        view.setUint32(at, lo, true);
        view.setUint32(at + 4, hi, true);
      }
      guest.process.write(context, bytes);
      const handler = () => CALLBACKS[below(random, CALLBACKS.length)]!;
      if (below(random, 2) === 0) guest.call('ntdll.dll!RtlAddVectoredExceptionHandler', [1, handler()]);
      if (below(random, 2) === 0) guest.call('ntdll.dll!RtlAddVectoredContinueHandler', [1, handler()]);
      if (below(random, 2) === 0) guest.call('kernel32.dll!SetUnhandledExceptionFilter', [handler()]);
      if (below(random, 2) === 0) guest.call('ntdll.dll!NtContinue', [context, 0]);
      else {
        guest.process.write(record, noise(random, RECORD_BYTES));
        guest.call('ntdll.dll!NtRaiseException', [record, context, below(random, 2)]);
      }
      guest.run(50_000);
    });
  });

  it('that faults in its own handler without end ends with a stack overflow or an access violation', () => {
    const guest = new HostileGuest();
    guest.renew();
    guest.process.write(HANDLER, Uint8Array.of(0x8b, 0x04, 0x25, 0, 0, 0, 0)); // mov eax, [0]
    guest.call('ntdll.dll!RtlAddVectoredExceptionHandler', [1, HANDLER]);
    guest.kernel.processor.rip = HANDLER;
    guest.run(20_000_000);
    expect([STATUS_STACK_OVERFLOW, STATUS_ACCESS_VIOLATION]).toContain(guest.process.exitStatus);
    verify(guest.kernel.mm);
  });

  it.each([0, 8, 0x1000, 0x7ffe0000, 2 ** 47 - 8, 0xf680_0000_0000])(
    'on a stack at %d ends with the code of the fault',
    (rsp) => {
      const guest = new HostileGuest();
      guest.renew();
      guest.process.write(HANDLER, Uint8Array.of(0x8b, 0x04, 0x25, 0, 0, 0, 0));
      guest.kernel.processor.setAddress(RSP, rsp);
      guest.kernel.processor.rip = HANDLER;
      guest.run(100_000);
      expect(guest.process.exitStatus).toBe(STATUS_ACCESS_VIOLATION);
      verify(guest.kernel.mm);
    },
  );
});

/** Committed memory that the program may write: heaps, PEB, TEB, loader and C runtime data, stack. */
function writableAreas(guest: HostileGuest): (readonly [base: number, bytes: number])[] {
  const areas: [number, number][] = [];
  for (let at = 0; at < 2 ** 47 - 0x20000; ) {
    const region = guest.process.query(at);
    const protection = region.protect & 0x1ff;
    const isWritable = [PAGE_READWRITE, PAGE_WRITECOPY, PAGE_EXECUTE_READWRITE].includes(protection);
    if (region.state === MEM_COMMIT && isWritable) areas.push([region.baseAddress, region.regionSize]);
    at = region.baseAddress + region.regionSize;
  }
  return areas;
}

/** Writes pointers into the same and other areas (so that lists run in circles) and any values over what is in use. */
function scribble(guest: HostileGuest, random: Random): void {
  const areas = writableAreas(guest);
  const place = () => {
    const [base, bytes] = areas[below(random, areas.length)]!;
    return base + below(random, bytes / 8) * 8;
  };
  for (let left = 1 + below(random, 60), tries = 0; left > 0 && tries < 2000; tries++) {
    const at = place();
    if (guest.process.read(at, 8).every((byte) => byte === 0) && below(random, 8) > 0) continue;
    left--;
    const target = below(random, 2) === 0 ? place() : Math.max(0, at + (below(random, 17) - 8) * 8);
    const word =
      below(random, 4) === 0 ? guest.argument(random) : [target % 2 ** 32, Math.floor(target / 2 ** 32)];
    guest.process.write(at, new Uint8Array(Uint32Array.from(word).buffer));
  }
}

const FAMILIES = [
  /Heap|alloc|free/,
  /Ldr|Module|Proc|Library/,
  /^_?f|file|print|scan/,
  /[eE]nv|arg/,
  /Crit|[TF]ls|hread/,
  /./,
];

describe('data that the system keeps in the program', () => {
  it('may be anything: whoever scribbles on it hurts only itself', FOREVER, () => {
    rounds('scribbles', 180, (guest, random) => {
      const text = guest.places.writable;
      guest.process.write(text, Buffer.from('C:\\work\\a.txt\0r+\0', 'latin1'));
      guest.call('msvcrt.dll!fopen', [text, text + 14]);
      const { processor, services } = guest.kernel;
      guest.results.push([processor.getLo(0), processor.getHi(0)]);
      const rsp = guest.stackTop - 0x2000;
      scribble(guest, random);
      for (let call = 0; call < 60 && guest.spins; call++) {
        const family = FAMILIES[below(random, FAMILIES.length)]!;
        let service = below(random, services.length);
        while (!family.test(services[service]!.name)) service = (service + 1) % services.length;
        attempt(() => guest.fillStackArguments(random, rsp));
        guest.callService(random, service, rsp, 20_000);
      }
    });
  });
});

describe('paths that a program gives to CreateFile, on a folder of the host', () => {
  const ESCAPES = [
    '..\\secret.txt',
    'C:\\given\\..\\..\\secret.txt',
    'C:\\given\\link.txt',
    'C:\\given\\links\\secret.txt',
    '\\\\?\\C:\\given\\..\\secret.txt',
    '\\\\?\\C:\\given\\../secret.txt',
    'C:/given/../secret.txt',
    '\\\\.\\C:\\secret.txt',
    '\\\\localhost\\C$\\secret.txt',
    'C:\\given\\plain.txt:stream',
    'C:\\given\\%2e%2e\\secret.txt',
    `C:\\given\\${'x'.repeat(300)}`,
    'secret.txt',
  ];

  it('do not leave it, in either form of the function', () => {
    const outside = fs.mkdtempSync(path.join(os.tmpdir(), 'ntmm-hostile-'));
    try {
      const folder = path.join(outside, 'given');
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(outside, 'secret.txt'), 'secret');
      fs.writeFileSync(path.join(folder, 'plain.txt'), 'plain');
      fs.symlinkSync(path.join(outside, 'secret.txt'), path.join(folder, 'link.txt'));
      fs.symlinkSync(outside, path.join(folder, 'links'));
      const host = new NodeHost();
      const guest = new HostileGuest();
      guest.machine.mount('C:\\outer', {}, { writable: true });
      guest.kernel.fileSystem.mount('C:\\given', host, host.addRoot(folder), true);
      guest.renew();
      const open = (name: string, wide: boolean, disposition: number) => {
        const bytes = Buffer.from(`${name}\0`, wide ? 'utf16le' : 'latin1');
        guest.process.write(guest.places.writable, Uint8Array.from(bytes));
        const call = `kernel32.dll!CreateFile${wide ? 'W' : 'A'}`;
        return guest.call(call, [guest.places.writable, 0xc0000000, 3, 0, disposition, 0, 0]);
      };
      const before = fs.readdirSync(outside).sort();
      for (const wide of [false, true]) {
        expect(open('C:\\given\\plain.txt', wide, 3)).not.toBe(0xffffffff);
        for (const name of [
          ...ESCAPES,
          path.join(outside, 'secret.txt'),
          `Z:${path.join(outside, 'secret.txt')}`,
        ])
          expect(open(name, wide, 3), name).toBe(0xffffffff);
        for (const name of [
          '..\\new.txt',
          'C:\\given\\..\\..\\new.txt',
          'C:\\given\\links\\new.txt',
          '\\\\?\\C:\\given\\..\\new.txt',
        ])
          open(name, wide, 2);
      }
      guest.endAll();
      expect(fs.readdirSync(outside).sort()).toEqual(before);
      expect(fs.readFileSync(path.join(outside, 'secret.txt'), 'latin1')).toBe('secret');
    } finally {
      fs.rmSync(outside, { recursive: true, force: true });
    }
  });
});
