import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MEM_COALESCE_PLACEHOLDERS,
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_FREE,
  MEM_PRESERVE_PLACEHOLDER,
  MEM_RELEASE,
  MEM_REPLACE_PLACEHOLDER,
  MEM_RESERVE,
  MEM_RESERVE_PLACEHOLDER,
  PAGE_EXECUTE_READ,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_COMMITMENT_LIMIT,
  STATUS_CONFLICTING_ADDRESSES,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_MEMORY_NOT_ALLOCATED,
  STATUS_NO_MEMORY,
  STATUS_NOT_COMMITTED,
  STATUS_SUCCESS,
  STATUS_UNABLE_TO_FREE_VM,
} from '../base/ntstatus.js';
import { createMemoryManager } from '../testing/small-machine.js';
import { TableWalker } from '../testing/table-walker.js';
import { NO_REQUIREMENTS } from './address-requirements.js';
import { type AddressSpace, attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import type { MemoryManager } from './memory-manager.js';
import { zeroPageStep } from './threads/zero-page.js';
import { GuestFault, UserMemory } from './user-memory.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  allocateVirtualMemoryEx,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';

/** The window that the model knows, pages from 4 MB less 64 KB on, across the border of two page tables. */
const BASE = 0x3f_0000;
const PAGES = 40;

interface ModelPage {
  /** 0 free; else the number of the allocation. */
  allocation: number;
  committed: boolean;
  protect: number;
  value: number;
  /** Of a placeholder, or of what took the place of one. */
  kind: 'ordinary' | 'placeholder' | 'replacement';
}

/** One address space as Windows documents it: a record for each page. */
class ModelSpace {
  readonly pages: ModelPage[] = Array.from({ length: PAGES }, () => freePage());
  private next = 1;

  run(first: number, count: number): ModelPage[] {
    return this.pages.slice(first, first + count);
  }

  reserve(first: number, count: number, commit: boolean, protect: number, kind = 'ordinary'): number {
    const start = first - (first % 16);
    const run = this.run(start, first + count - start);
    if (run.some((page) => page.allocation !== 0)) return STATUS_CONFLICTING_ADDRESSES;
    const allocation = this.next++;
    for (const page of run) Object.assign(page, { allocation, committed: commit, protect, value: 0, kind });
    return STATUS_SUCCESS;
  }

  /** Whether a run begins and ends where allocations do. */
  private isWhole(first: number, count: number): boolean {
    const allocationAt = (page: number) => this.pages[page]?.allocation ?? 0;
    const end = first + count;
    return allocationAt(first) !== allocationAt(first - 1) && allocationAt(end - 1) !== allocationAt(end);
  }

  replace(first: number, count: number, commit: boolean, protect: number): number {
    const run = this.run(first, count);
    const fits = this.sameAllocation(first, count) && this.isWhole(first, count);
    if (!fits || run.some(({ kind }) => kind !== 'placeholder')) return STATUS_CONFLICTING_ADDRESSES;
    for (const page of run)
      Object.assign(page, { committed: commit, protect, value: 0, kind: 'replacement' });
    return STATUS_SUCCESS;
  }

  /** MEM_PRESERVE_PLACEHOLDER. */
  preserve(first: number, count: number): number {
    const { allocation, kind } = this.pages[first]!;
    if (allocation === 0) return STATUS_MEMORY_NOT_ALLOCATED;
    if (!this.sameAllocation(first, count)) return STATUS_UNABLE_TO_FREE_VM;
    if (kind === 'ordinary' || (kind === 'placeholder' && this.isWhole(first, count)))
      return STATUS_CONFLICTING_ADDRESSES;
    this.cut(first, count);
    for (const page of this.run(first, count))
      Object.assign(page, { committed: false, protect: PAGE_NOACCESS, value: 0, kind: 'placeholder' });
    return STATUS_SUCCESS;
  }

  coalesce(first: number, count: number): number {
    const run = this.run(first, count);
    if (run[0]!.allocation === 0) return STATUS_MEMORY_NOT_ALLOCATED;
    const isOne = this.sameAllocation(first, count);
    if (isOne || !this.isWhole(first, count) || run.some(({ kind }) => kind !== 'placeholder'))
      return STATUS_CONFLICTING_ADDRESSES;
    const allocation = this.next++;
    for (const page of run) page.allocation = allocation;
    return STATUS_SUCCESS;
  }

  /** A run of an allocation becomes one of its own, and so does what lies above it. */
  private cut(first: number, count: number): void {
    const { allocation } = this.pages[first]!;
    const [middle, above] = [this.next++, this.next++];
    for (let page = first; page < PAGES && this.pages[page]!.allocation === allocation; page++)
      this.pages[page]!.allocation = page < first + count ? middle : above;
  }

  private sameAllocation(first: number, count: number): boolean {
    return this.run(first, count).every(
      (page) => page.allocation === this.pages[first]!.allocation && page.allocation !== 0,
    );
  }

  commit(first: number, count: number, protect: number): number {
    if (!this.sameAllocation(first, count)) return STATUS_CONFLICTING_ADDRESSES;
    if (this.pages[first]!.kind === 'placeholder') return STATUS_CONFLICTING_ADDRESSES;
    for (const page of this.run(first, count)) {
      if (!page.committed) page.value = 0;
      Object.assign(page, { committed: true, protect });
    }
    return STATUS_SUCCESS;
  }

  free(first: number, count: number, release: boolean): number {
    if (this.pages[first]!.allocation === 0) return STATUS_MEMORY_NOT_ALLOCATED;
    if (!this.sameAllocation(first, count)) return STATUS_UNABLE_TO_FREE_VM;
    if (release) this.cut(first, count);
    for (const page of this.run(first, count)) {
      if (release) Object.assign(page, freePage());
      else page.committed = false;
    }
    return STATUS_SUCCESS;
  }

  protect(first: number, count: number, protect: number): number {
    if (!this.sameAllocation(first, count)) return STATUS_CONFLICTING_ADDRESSES;
    const run = this.run(first, count);
    if (run.some((page) => !page.committed)) return STATUS_NOT_COMMITTED;
    for (const page of run) page.protect = protect;
    return STATUS_SUCCESS;
  }

  touch(first: number, write: boolean, value: number): number {
    const page = this.pages[first]!;
    if (!page.committed || page.protect === PAGE_NOACCESS) return STATUS_ACCESS_VIOLATION;
    if ((page.protect & PAGE_GUARD) !== 0) {
      page.protect &= ~PAGE_GUARD;
      return STATUS_GUARD_PAGE_VIOLATION;
    }
    if (write && page.protect !== PAGE_READWRITE) return STATUS_ACCESS_VIOLATION;
    if (write) page.value = value;
    return STATUS_SUCCESS;
  }

  get committedPages(): number {
    return this.pages.filter((page) => page.committed).length;
  }
}

function freePage(): ModelPage {
  return { allocation: 0, committed: false, protect: 0, value: 0, kind: 'ordinary' };
}

const step = fc.record({
  kind: fc.constantFrom(
    'reserve',
    'reserveCommit',
    'commit',
    'commit',
    'placeholder',
    'preserve',
    'preserve',
    'coalesce',
    'coalesce',
    'replace',
    'replaceCommit',
    'decommit',
    'release',
    'protect',
    'read',
    'write',
    'write',
    'write',
    'query',
    'switch',
    'recreate',
    'zero',
  ),
  first: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 14, max: 18 }) }, fc.nat(PAGES - 1)),
  count: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 })),
  protect: fc.constantFrom(
    PAGE_READWRITE,
    PAGE_READWRITE,
    PAGE_READONLY,
    PAGE_NOACCESS,
    PAGE_EXECUTE_READ,
    PAGE_READWRITE | PAGE_GUARD,
  ),
  value: fc.integer({ min: 1, max: 0xffff }),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One run: two processes, the model of each, one manager. */
class Run {
  private readonly mm: MemoryManager;
  private readonly user: UserMemory;
  private readonly spaces: AddressSpace[];
  private readonly models = [new ModelSpace(), new ModelSpace()];
  private now = 0;

  constructor(ramPages: number) {
    this.mm = createMemoryManager(ramPages, 64);
    this.user = new UserMemory(this.mm);
    this.spaces = [createAddressSpace(this.mm, 4)!, createAddressSpace(this.mm, 8)!];
    attach(this.mm, this.spaces[0]!);
  }

  /** Performs a step on both; a status that only says "no room" leaves the model as it was. */
  perform({ kind, first, count: wanted, protect, value }: Step): void {
    const { mm, now } = this;
    const space = this.spaces[now]!;
    const model = this.models[now]!;
    const count = Math.min(wanted, PAGES - first);
    const request = { baseAddress: BASE + first * 4096, regionSize: count * 4096 };
    const type = kind === 'reserve' ? MEM_RESERVE : kind === 'commit' ? MEM_COMMIT : MEM_RESERVE | MEM_COMMIT;
    switch (kind) {
      case 'reserve':
      case 'reserveCommit':
      case 'commit': {
        const status = allocateVirtualMemory(mm, space, request, type, protect);
        expect(status).not.toBe(STATUS_NO_MEMORY);
        if (status === STATUS_COMMITMENT_LIMIT) break;
        const expected =
          kind === 'commit'
            ? model.commit(first, count, protect)
            : model.reserve(first, count, kind === 'reserveCommit', protect);
        expect(status).toBe(expected);
        break;
      }
      case 'placeholder':
      case 'replace':
      case 'replaceCommit':
        this.performEx(kind, first, count, protect);
        break;
      case 'preserve':
      case 'coalesce': {
        const isSplit = kind === 'preserve';
        const flag = isSplit ? MEM_PRESERVE_PLACEHOLDER : MEM_COALESCE_PLACEHOLDERS;
        const status = freeVirtualMemory(mm, space, request, MEM_RELEASE | flag);
        expect(status).toBe(isSplit ? model.preserve(first, count) : model.coalesce(first, count));
        break;
      }
      case 'decommit':
      case 'release': {
        const release = kind === 'release';
        const status = freeVirtualMemory(mm, space, request, release ? MEM_RELEASE : MEM_DECOMMIT);
        expect(status).toBe(model.free(first, count, release));
        break;
      }
      case 'protect': {
        const old = model.pages[first]!.protect;
        const out = { oldProtect: -1 };
        const status = protectVirtualMemory(mm, space, request, protect, out);
        expect(status).toBe(model.protect(first, count, protect));
        if (status === STATUS_SUCCESS) expect(out.oldProtect).toBe(old);
        break;
      }
      case 'read':
      case 'write':
        this.touch(first, kind === 'write', value);
        break;
      case 'query':
        this.query(first);
        break;
      case 'switch':
        this.now = 1 - now;
        attach(mm, this.spaces[this.now]!);
        break;
      case 'recreate':
        this.recreate();
        break;
      case 'zero':
        zeroPageStep(mm, wanted);
        break;
    }
  }

  /** What only the extended service does. A run often is what a placeholder has from a page on, so that it fits. */
  private performEx(kind: string, first: number, count: number, protect: number): void {
    const model = this.models[this.now]!;
    const commit = kind === 'replaceCommit';
    const isNew = kind === 'placeholder';
    const { allocation } = model.pages[first]!;
    const start =
      isNew || count % 3 === 0 ? first : model.pages.findIndex((page) => page.allocation === allocation);
    const whole = model.pages.filter((page) => page.allocation === allocation).length;
    const pages = isNew || count % 3 === 0 ? count : Math.min(whole, PAGES - start);
    const request = { baseAddress: BASE + start * 4096, regionSize: pages * 4096 };
    const type = isNew ? MEM_RESERVE_PLACEHOLDER : MEM_REPLACE_PLACEHOLDER | (commit ? MEM_COMMIT : 0);
    const wanted = isNew ? PAGE_NOACCESS : protect;
    const space = this.spaces[this.now]!;
    const status = allocateVirtualMemoryEx(
      this.mm,
      space,
      request,
      MEM_RESERVE | type,
      wanted,
      NO_REQUIREMENTS,
    );
    if (status === STATUS_COMMITMENT_LIMIT) return;
    const expected = isNew
      ? model.reserve(start, pages, false, PAGE_NOACCESS, 'placeholder')
      : model.replace(start, pages, commit, protect);
    expect(status).toBe(expected);
  }

  private touch(first: number, write: boolean, value: number): void {
    const model = this.models[this.now]!;
    const address = BASE + first * 4096 + 8;
    let status = STATUS_SUCCESS;
    try {
      if (write) this.user.writeU32(address, value);
      else expect(this.user.readU32(address)).toBe(model.pages[first]!.value);
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      status = error.status;
      expect(error.address).toBe(address);
      expect(error.isWrite).toBe(write);
    }
    expect(status).toBe(model.touch(first, write, value));
  }

  private query(first: number): void {
    const { pages } = this.models[this.now]!;
    const page = pages[first]!;
    const out = {
      baseAddress: 0,
      allocationBase: 0,
      allocationProtect: 0,
      regionSize: 0,
      state: 0,
      protect: 0,
      type: 0,
    };
    queryVirtualMemory(this.mm, this.spaces[this.now]!, BASE + first * 4096 + 77, out);
    const state = page.allocation === 0 ? MEM_FREE : page.committed ? MEM_COMMIT : MEM_RESERVE;
    expect(out.state).toBe(state);
    expect(out.protect).toBe(state === MEM_FREE ? PAGE_NOACCESS : page.committed ? page.protect : 0);
    let end = first + 1;
    while (end < PAGES && sameRun(page, pages[end]!)) end++;
    if (end < PAGES) expect(out.regionSize).toBe((end - first) * 4096);
  }

  private recreate(): void {
    deleteAddressSpace(this.mm, this.spaces[this.now]!);
    this.spaces[this.now] = createAddressSpace(this.mm, 12)!;
    this.models[this.now] = new ModelSpace();
    attach(this.mm, this.spaces[this.now]!);
  }

  /** The tables alone, read without the memory manager, say the same as the model. */
  private compareTables(which: number): void {
    const { ram } = this.mm;
    const walker = new TableWalker(ram.bytes, ram.base, this.spaces[which]!.directoryFrame);
    this.models[which]!.pages.forEach((page, index) => {
      const found = walker.walk(BASE + index * 4096 + 8);
      if (found.kind === 'resident') expect(this.mm.words[found.offset >>> 2]).toBe(page.value);
      else expect(page.committed ? page.value : 0).toBe(0);
      if (found.kind !== 'ask-the-vad') expect(page.committed).toBe(found.kind !== 'decommitted');
    });
  }

  verify(): void {
    verify(this.mm);
    this.compareTables(0);
    this.compareTables(1);
    const committed = this.models[0]!.committedPages + this.models[1]!.committedPages;
    expect(this.mm.commit.byUse[0]).toBe(committed);
  }

  /** Every value is still there, and deleting both processes returns every frame. */
  finish(): void {
    for (this.now = 0; this.now < 2; this.now++) {
      attach(this.mm, this.spaces[this.now]!);
      for (let page = 0; page < PAGES; page++) this.touch(page, false, 0);
    }
    for (const space of this.spaces) deleteAddressSpace(this.mm, space);
    verify(this.mm);
    expect(this.mm.commit.byUse[0]! + this.mm.commit.byUse[1]!).toBe(0);
  }
}

function sameRun(a: ModelPage, b: ModelPage): boolean {
  return (
    a.allocation === b.allocation && a.committed === b.committed && (!a.committed || a.protect === b.protect)
  );
}

describe('virtual memory against a record for each page', () => {
  it('two address spaces, random operations, verify() after each', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }), (steps) => {
        const run = new Run(200);
        for (const one of steps) {
          run.perform(one);
          run.verify();
        }
        run.finish();
      }),
      { numRuns: 60 },
    );
  });
});
