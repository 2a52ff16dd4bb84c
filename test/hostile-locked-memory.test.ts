import { describe, expect, it } from 'vitest';
import { NtStatusError } from '../src/machine-process.js';
import { verify } from '../src/mm/verify.js';
import { SE_LOCK_MEMORY, SE_PRIVILEGE_ENABLED } from '../src/nt/token.js';
import { effort, processorMilliseconds } from '../src/testing/hostile-effort.js';
import { HostileGuest } from '../src/testing/hostile-guest.js';
import { below, mulberry32, seedFor } from '../src/testing/seed.js';

const PAGE = 4096;
const LARGE = 0x200000;
const CURRENT = -1;
const LONGEST_MS = 3000;
const BATCH = 60;
const VERIFY_EVERY = 20;

/** Calls of a program that may lock pages: services of large pages, windows and sections with any arguments. */
class Caller {
  readonly guest = new HostileGuest({ ram: 32 * 2 ** 20, privileges: ['SeLockMemoryPrivilege'] });
  readonly random = mulberry32(seedFor('hostile locked memory'));
  /** Addresses and handles that calls answered. */
  private addresses: number[] = [];
  private handles: number[] = [];

  renew(): void {
    const { guest, random } = this;
    guest.renew();
    guest.fillMemory(random);
    this.addresses = [];
    this.handles = [];
    const { token } = guest.process.object;
    token.privileges = token.privileges.map((held) =>
      held.luid === SE_LOCK_MEMORY ? { ...held, attributes: SE_PRIVILEGE_ENABLED } : held,
    );
  }

  private one<T>(of: readonly T[]): T {
    return of[below(this.random, of.length)]!;
  }

  private number(): number {
    const { random } = this;
    return this.one([0, 1, 2, 7, 64, 511, 512, 4095, 2 ** 20, 2 ** 31, 2 ** 45, 2 ** 60, random()]);
  }

  private size(): number {
    return this.one([
      0,
      1,
      PAGE,
      3 * PAGE,
      0x10000,
      LARGE,
      2 * LARGE,
      LARGE + PAGE,
      2 ** 30,
      2 ** 47,
      2 ** 62,
    ]);
  }

  private address(): number {
    const { places } = this.guest;
    const from = [
      0,
      places.writable,
      places.readOnly,
      places.noAccess,
      places.free,
      2 ** 47 - PAGE,
      ...this.addresses,
    ];
    return this.one(from) + this.one([0, 0, 0, 1, PAGE, LARGE, 0x10000, -PAGE]);
  }

  /** A place for counts, frame numbers and structures: most can be written. */
  private place(): number {
    const { writable, writableBytes, readOnly, free } = this.guest.places;
    return this.one([
      writable,
      writable,
      writable + 8,
      writable + below(this.random, writableBytes),
      readOnly,
      free,
      0,
    ]);
  }

  private handle(): number {
    return this.one([CURRENT, 0, 4, 0x444, ...this.handles]);
  }

  private protection(): number {
    return this.one([1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x104, 0x204, 0, this.random()]);
  }

  private allocationType(): number {
    return this.one([
      0x20003000,
      0x402000,
      0x3000,
      0x1000,
      0x20001000,
      0x503000,
      0x80000,
      0x203000,
      this.random(),
    ]);
  }

  private viewAccess(): number {
    return this.one([0xf001f, 0x200f001f, 4, 0x20000004, 1, 0x80000006, 0x22, this.random()]);
  }

  /** The number of something, or an array, where services look for it. */
  private poke(): void {
    const { guest } = this;
    const words = Array.from({ length: 16 }, () => this.one([this.number(), this.address(), this.size()]));
    const values = BigInt64Array.from(words, (word) => BigInt.asIntN(64, BigInt(word)));
    guest.process.write(guest.places.writable, new Uint8Array(values.buffer));
  }

  private readonly calls: readonly (readonly [name: string, args: () => number[]])[] = [
    [
      'kernel32.dll!VirtualAlloc',
      () => [this.address(), this.size(), this.allocationType(), this.protection()],
    ],
    ['kernel32.dll!VirtualAlloc', () => [0, this.size(), this.allocationType(), 4]],
    [
      'kernel32.dll!VirtualFree',
      () => [this.address(), this.one([0, this.size()]), this.one([0x8000, 0x4000])],
    ],
    ['kernel32.dll!VirtualProtect', () => [this.address(), this.size(), this.protection(), this.place()]],
    ['kernel32.dll!VirtualQuery', () => [this.address(), this.place(), 0x30]],
    ['kernel32.dll!VirtualLock', () => [this.address(), this.size()]],
    ['kernel32.dll!VirtualUnlock', () => [this.address(), this.size()]],
    ['kernel32.dll!K32QueryWorkingSetEx', () => [CURRENT, this.place(), this.one([16, 64])]],
    ['kernel32.dll!K32EmptyWorkingSet', () => [CURRENT]],
    ['kernel32.dll!AllocateUserPhysicalPages', () => [this.handle(), this.place(), this.place()]],
    ['kernel32.dll!AllocateUserPhysicalPages', () => [CURRENT, this.place(), this.place()]],
    ['kernel32.dll!FreeUserPhysicalPages', () => [this.handle(), this.place(), this.place()]],
    ['kernel32.dll!MapUserPhysicalPages', () => [this.address(), this.number(), this.place()]],
    ['kernel32.dll!MapUserPhysicalPages', () => [this.address(), this.one([1, 2]), this.place()]],
    ['kernel32.dll!MapUserPhysicalPagesScatter', () => [this.place(), this.number(), this.place()]],
    [
      'kernel32.dll!CreateFileMappingA',
      () => [CURRENT, 0, this.one([0x88000004, 0x8000004, 0x4000004, 4, this.random()]), 0, this.size(), 0],
    ],
    [
      'kernel32.dll!MapViewOfFile',
      () => [this.handle(), this.viewAccess(), 0, this.one([0, LARGE]), this.size()],
    ],
    ['kernel32.dll!UnmapViewOfFile', () => [this.address()]],
    ['kernel32.dll!CloseHandle', () => [this.handle()]],
    ['ntdll.dll!NtExtendSection', () => [this.handle(), this.place()]],
    [
      'ntdll.dll!NtQuerySection',
      () => [this.handle(), below(this.random, 6), this.place(), 0x48, this.place()],
    ],
    [
      'ntdll.dll!NtQueryVirtualMemory',
      () => [
        CURRENT,
        this.address(),
        below(this.random, 9),
        this.place(),
        this.one([8, 24, 48, 512]),
        this.place(),
      ],
    ],
    ['ntdll.dll!NtAreMappedFilesTheSame', () => [this.address(), this.address()]],
    ['ntdll.dll!NtWriteVirtualMemory', () => [CURRENT, this.address(), this.place(), this.one([8, 5000]), 0]],
    ['ntdll.dll!NtReadVirtualMemory', () => [CURRENT, this.address(), this.place(), this.one([8, 5000]), 0]],
  ];

  /** One call; its name, or '' when the program has taken away the memory that the test writes to. */
  step(): string {
    try {
      return this.callOne();
    } catch (error) {
      if (error instanceof NtStatusError) return '';
      throw error;
    }
  }

  private callOne(): string {
    const { guest } = this;
    if (below(this.random, 3) === 0) this.poke();
    const [name, args] = this.one(this.calls);
    const answer = guest.call(name, args());
    if (answer === null || answer === 0) return name;
    const { processor } = guest.kernel;
    const value = processor.getHi(0) * 2 ** 32 + processor.getLo(0);
    if (/VirtualAlloc|MapView/.test(name)) this.addresses.push(value);
    else if (name.endsWith('CreateFileMappingA')) this.handles.push(value);
    return name;
  }
}

describe('a program that may lock pages', () => {
  it('harms only itself, whatever it asks of large pages, windows and sections', {
    timeout: 3_600_000,
  }, () => {
    const caller = new Caller();
    const { kernel } = caller.guest;
    const calls = effort(1500);
    let most = 0;
    for (let call = 0; call < calls; call++) {
      if (call % BATCH === 0 || !caller.guest.spins) caller.renew();
      const started = processorMilliseconds();
      const name = caller.step();
      if (name === '') caller.renew();
      expect(processorMilliseconds() - started, `${name}, call ${call}`).toBeLessThan(LONGEST_MS);
      most = Math.max(most, kernel.mm.lockedFrames);
      if (call % VERIFY_EVERY === 0) verify(kernel.mm);
    }
    expect(most).toBeGreaterThan(512);
    caller.guest.endAll();
    expect(kernel.mm.lockedFrames).toBe(0);
    verify(kernel.mm);
  });
});
