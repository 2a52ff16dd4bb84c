/**
 * Two processes with private and shared memory larger than RAM, and paged pool, against a plain record of what each page holds: random touches,
 * commits, trims, page writes, disk failures, ticks and reuse of frames, with verify() after each.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_RESERVE,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  SEC_COMMIT,
} from '../base/memory-constants.js';
import { STATUS_ACCESS_VIOLATION, STATUS_IN_PAGE_ERROR, STATUS_SUCCESS } from '../base/ntstatus.js';
import { FaultyPageFile } from '../testing/faulty-page-file.js';
import { createMemoryManager } from '../testing/small-machine.js';
import { type AddressSpace, attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import { lockVirtualMemory, unlockVirtualMemory } from './lock-memory.js';
import type { MemoryManager, ReplacementPolicy } from './memory-manager.js';
import { allocateFrame, insertFree } from './page-lists.js';
import { findPte } from './page-tables.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection } from './section-view.js';
import { systemWord } from './system-space.js';
import { systemWordToWrite } from './system-working-set.js';
import { writeCluster } from './threads/modified-page-writer.js';
import { runSystemThreads } from './threads/run-system-threads.js';
import { systemThreadsTick } from './threads/system-threads.js';
import { zeroPageStep } from './threads/zero-page.js';
import { GuestFault, UserMemory } from './user-memory.js';
import { verify } from './verify.js';
import { allocateVirtualMemory, freeVirtualMemory, protectVirtualMemory } from './virtual-memory.js';
import { emptyWorkingSet, removeFromWorkingSet, replaceOnePage } from './working-set-manager.js';

const RAM_PAGES = 192;
const PRIVATE_PAGES = 120;
const SHARED_PAGES = 60;
const POOL_BLOCKS = 40;
/** Sequences of operations; NTMM_PAGING_RUNS=N tries more. */
const RUNS = Number(process.env['NTMM_PAGING_RUNS'] ?? 60);

const KINDS = [
  'write',
  'write',
  'read',
  'writeShared',
  'readShared',
  'writeCopy',
  'readCopy',
  'commit',
  'decommit',
  'protect',
  'lock',
  'unlock',
  'empty',
  'trim',
  'replace',
  'pageOut',
  'repurpose',
  'zero',
  'tick',
  'switch',
  'breakDisk',
  'pool',
  'emptyPool',
] as const;

const step = fc.record({
  kind: fc.constantFrom(...KINDS),
  page: fc.nat(PRIVATE_PAGES - 1),
  count: fc.integer({ min: 1, max: 40 }),
  value: fc.integer({ min: 1, max: 0xffff_ffff }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What a process's private page should be. */
interface ModelPage {
  committed: boolean;
  writable: boolean;
  value: number;
}

interface ModelProcess {
  readonly space: AddressSpace;
  readonly base: number;
  readonly shared: number;
  readonly copy: number;
  readonly pages: ModelPage[];
  /** Value of each page of the copy-on-write view that was written there; undefined: the shared page shows. */
  readonly copies: (number | undefined)[];
}

class Run {
  readonly store = new FaultyPageFile();
  readonly mm: MemoryManager;
  readonly user: UserMemory;
  readonly section: Section;
  readonly sharedValues = new Array<number>(SHARED_PAGES).fill(0);
  readonly processes: ModelProcess[];
  /** Blocks of paged pool, every word of one with its value. */
  readonly blocks: { readonly address: number; readonly words: number; readonly value: number }[] = [];
  now = 0;
  seconds = 0;

  constructor(policy: ReplacementPolicy) {
    this.mm = createMemoryManager(RAM_PAGES, [200, 400], this.store, policy);
    this.user = new UserMemory(this.mm);
    const out: { section: Section | null } = { section: null };
    const request = {
      file: null,
      maximumSize: SHARED_PAGES * 4096,
      pageProtection: PAGE_READWRITE,
      allocationAttributes: SEC_COMMIT,
    };
    expect(createSection(this.mm, request, out)).toBe(STATUS_SUCCESS);
    this.section = out.section!;
    this.processes = [4, 8].map((id) => this.makeProcess(id));
    attach(this.mm, this.current.space);
  }

  private makeProcess(id: number): ModelProcess {
    const space = createAddressSpace(this.mm, id)!;
    space.workingSet.minimum = 20;
    space.workingSet.maximum = 60;
    const region = { baseAddress: 0, regionSize: PRIVATE_PAGES * 4096 };
    expect(allocateVirtualMemory(this.mm, space, region, MEM_RESERVE, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
    const pages = Array.from({ length: PRIVATE_PAGES }, () => ({
      committed: false,
      writable: true,
      value: 0,
    }));
    const shared = this.mapView(space, PAGE_READWRITE);
    const copy = this.mapView(space, PAGE_WRITECOPY);
    return { space, base: region.baseAddress, shared, copy, pages, copies: [] };
  }

  private mapView(space: AddressSpace, protect: number): number {
    const view = { baseAddress: 0, viewSize: 0, sectionOffset: 0, allocationType: 0, protect };
    expect(mapViewOfSection(this.mm, space, this.section, view)).toBe(STATUS_SUCCESS);
    return view.baseAddress;
  }

  get current(): ModelProcess {
    return this.processes[this.now]!;
  }

  perform({ kind, page, count: wanted, value }: Step): void {
    const { mm, current } = this;
    const { space } = current;
    const count = Math.min(wanted, PRIVATE_PAGES - page);
    const region = { baseAddress: current.base + page * 4096, regionSize: count * 4096 };
    const run = current.pages.slice(page, page + count);
    const sharedPage = page % SHARED_PAGES;
    switch (kind) {
      case 'write':
        this.writePrivate(page, value);
        break;
      case 'read':
        this.readPrivate(page);
        break;
      case 'writeShared':
        this.touch(current.shared + sharedPage * 4096, value, () => (this.sharedValues[sharedPage] = value));
        break;
      case 'readShared':
        this.expectShared(sharedPage);
        break;
      case 'writeCopy':
        this.touch(current.copy + sharedPage * 4096, value, () => (current.copies[sharedPage] = value));
        break;
      case 'readCopy':
        this.expectCopy(sharedPage);
        break;
      case 'commit':
        expect(allocateVirtualMemory(mm, space, region, MEM_COMMIT, PAGE_READWRITE)).toBe(STATUS_SUCCESS);
        for (const one of run) Object.assign(one, { committed: true, writable: true });
        break;
      case 'decommit':
        expect(freeVirtualMemory(mm, space, region, MEM_DECOMMIT)).toBe(STATUS_SUCCESS);
        for (const one of run) Object.assign(one, { committed: false, writable: true, value: 0 });
        break;
      case 'protect': {
        const protect = value % 2 === 0 ? PAGE_READONLY : PAGE_READWRITE;
        const status = protectVirtualMemory(mm, space, region, protect, { oldProtect: 0 });
        expect(status === STATUS_SUCCESS).toBe(run.every(({ committed }) => committed));
        if (status === STATUS_SUCCESS) for (const one of run) one.writable = protect === PAGE_READWRITE;
        break;
      }
      case 'lock':
        lockVirtualMemory(mm, space, { ...region, regionSize: Math.min(count, 4) * 4096 });
        break;
      case 'unlock':
        unlockVirtualMemory(mm, space, region);
        break;
      case 'empty':
        emptyWorkingSet(mm, space);
        break;
      case 'trim':
        this.trimOne(current.shared + sharedPage * 4096);
        this.trimOne(current.copy + sharedPage * 4096);
        break;
      case 'replace':
        for (let left = count; left > 0 && replaceOnePage(mm, space, value % 2 === 0); left--);
        break;
      case 'pageOut':
        for (let left = count; left > 0 && writeCluster(mm) > 0; left -= 8);
        break;
      case 'repurpose':
        this.repurpose(count);
        break;
      case 'zero':
        zeroPageStep(mm, count);
        break;
      case 'tick':
        systemThreadsTick(mm, ++this.seconds * 10_000_000);
        runSystemThreads(mm, 15);
        break;
      case 'switch':
        this.now = 1 - this.now;
        attach(mm, this.current.space);
        break;
      case 'breakDisk':
        this.breakDisk(value);
        break;
      case 'pool':
        if (!this.store.failsReads) this.usePool(page, count * 40, value);
        break;
      case 'emptyPool':
        emptyWorkingSet(mm, mm.systemWorkingSet);
        break;
    }
  }

  /** Allocates a block of paged pool and fills it, or frees one that holds what it should. The kernel cannot go on without its page. */
  private usePool(pick: number, words: number, value: number): void {
    const { mm, blocks } = this;
    if (value % 2 === 0 && blocks.length > 0) {
      const [block] = blocks.splice(pick % blocks.length, 1);
      for (let at = 0; at < block!.words; at++)
        if (mm.words[systemWord(mm, block!.address + at * 4)] !== block!.value)
          expect.fail('a pool block changed');
      mm.pagedPool.free(block!.address);
    } else if (blocks.length < POOL_BLOCKS) {
      const address = mm.pagedPool.allocate(words * 4, 'Test');
      expect(address).not.toBe(0);
      for (let at = 0; at < words; at++) mm.words[systemWordToWrite(mm, address + at * 4)] = value;
      blocks.push({ address, words, value });
    }
  }

  private trimOne(address: number): void {
    const { space } = this.current;
    const pte = findPte(this.mm, space, address);
    if (pte !== 0 && (this.mm.words[pte]! & 1) !== 0) removeFromWorkingSet(this.mm, space, address);
  }

  /** Other uses take frames, the oldest standby pages among them, and give them back. */
  private repurpose(count: number): void {
    const { mm } = this;
    const taken: number[] = [];
    while (taken.length < count && mm.lists.available > 0) taken.push(allocateFrame(mm));
    for (const frame of taken) insertFree(mm, frame);
  }

  /** Writes to one paging file fail for a while, or reads; or everything works again. */
  private breakDisk(value: number): void {
    this.store.failsWrites.clear();
    if (value % 3 === 0) this.store.failsWrites.add(value % 2);
    this.store.failsReads = value % 7 === 0;
  }

  /** Writes a word; `remember` is told when that succeeded. A failing disk may refuse, and then nothing has changed. */
  private touch(address: number, value: number, remember: () => void): void {
    const status = this.attempt(() => this.user.writeU32(address + 12, value));
    if (status === STATUS_SUCCESS) remember();
    else this.expectDiskFailure(status);
  }

  private attempt(operation: () => void): number {
    try {
      operation();
      return STATUS_SUCCESS;
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      return error.status;
    }
  }

  private expectDiskFailure(status: number): void {
    expect(status).toBe(STATUS_IN_PAGE_ERROR);
    expect(this.store.failsReads).toBe(true);
  }

  private expectWord(address: number, value: number): void {
    let found = -1;
    const status = this.attempt(() => {
      found = this.user.readU32(address + 12);
    });
    if (status === STATUS_SUCCESS) expect(found).toBe(value);
    else this.expectDiskFailure(status);
  }

  private writePrivate(page: number, value: number): void {
    const { base, pages } = this.current;
    const model = pages[page]!;
    const address = base + page * 4096;
    if (model.committed && model.writable) this.touch(address, value, () => (model.value = value));
    else if (this.attempt(() => this.user.writeU32(address + 12, value)) !== STATUS_ACCESS_VIOLATION)
      expect.fail('a write that the protection forbids');
  }

  private readPrivate(page: number): void {
    const { base, pages } = this.current;
    const model = pages[page]!;
    if (model.committed) this.expectWord(base + page * 4096, model.value);
    else expect(this.attempt(() => this.user.readU32(base + page * 4096))).toBe(STATUS_ACCESS_VIOLATION);
  }

  private expectShared(page: number): void {
    this.expectWord(this.current.shared + page * 4096, this.sharedValues[page]!);
  }

  private expectCopy(page: number): void {
    const { copy, copies } = this.current;
    this.expectWord(copy + page * 4096, copies[page] ?? this.sharedValues[page]!);
  }

  /** With the disk working, every page of both processes holds what it should; then everything goes back. */
  finish(): void {
    const { mm } = this;
    this.breakDisk(1);
    for (this.now = 0; this.now < 2; this.now++) {
      attach(mm, this.current.space);
      for (let page = 0; page < PRIVATE_PAGES; page++) this.readPrivate(page);
      for (let page = 0; page < SHARED_PAGES; page++) {
        this.expectShared(page);
        this.expectCopy(page);
      }
    }
    verify(mm);
    for (const { space } of this.processes) deleteAddressSpace(mm, space);
    deleteSection(mm, this.section);
    while (this.blocks.length > 0) this.usePool(0, 0, 0);
    verify(mm);
    expect(mm.pageFiles.pagesInUse).toBe(0);
  }
}

describe('paging against a record of each page', () => {
  it.each(['aging', 'fifo'] as const)(
    'two processes under pressure, verify() after each operation (%s)',
    (policy) => {
      let steps = 0;
      let moved = 0;
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 150, size: 'max' }), (operations) => {
          const run = new Run(policy);
          for (const [index, one] of [...fillEverything(), ...operations].entries()) {
            run.perform(one);
            if (index > FILLING) verify(run.mm);
            steps++;
          }
          run.finish();
          moved += run.mm.pageFiles.pagesRead + run.mm.pageFiles.pagesWritten;
        }),
        { numRuns: RUNS },
      );
      expect(moved / steps).toBeGreaterThan(1);
    },
    60_000 + RUNS * 1000,
  );
});

/** Commits and writes all of both processes, so that RAM is short from the start. */
function* fillEverything(): Generator<Step> {
  for (let process = 0; process < 2; process++) {
    for (const page of [0, 40, 80]) yield { kind: 'commit', page, count: 40, value: 1 };
    for (let page = 0; page < PRIVATE_PAGES; page++) yield { kind: 'write', page, count: 1, value: page + 1 };
    for (let page = 0; page < SHARED_PAGES; page++)
      yield { kind: 'writeShared', page, count: 1, value: page + 9 };
    yield { kind: 'switch', page: 0, count: 1, value: 1 };
  }
}
const FILLING = [...fillEverything()].length;
