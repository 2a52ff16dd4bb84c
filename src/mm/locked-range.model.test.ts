/** Large pages, windows and user physical pages beside ordinary memory: random operations against a plain record. */
import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_LARGE_PAGES,
  MEM_PHYSICAL,
  MEM_RELEASE,
  MEM_RESERVE,
  MEM_RESET,
  PAGE_EXECUTE_READWRITE,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  SEC_COMMIT,
  SEC_LARGE_PAGES,
} from '../base/memory-constants.js';
import { memoryMachine } from '../testing/memory-machine.js';
import { below, mulberry32, type Random, seedFor } from '../testing/seed.js';
import { type AddressSpace, deleteAddressSpace } from './address-space.js';
import { LARGE_PAGE_SIZE } from './large-page.js';
import { lockVirtualMemory, unlockVirtualMemory } from './lock-memory.js';
import { createSection, deleteSection, type Section } from './section.js';
import { mapViewOfSection, unmapViewOfSection } from './section-view.js';
import { GuestFault } from './user-memory.js';
import {
  allocateUserPhysicalPages,
  freeUserPhysicalPages,
  mapUserPhysicalPages,
  mapUserPhysicalPagesScatter,
} from './user-physical-pages.js';
import { verify } from './verify.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  protectVirtualMemory,
  queryVirtualMemory,
} from './virtual-memory.js';
import { emptyWorkingSet } from './working-set-manager.js';

const PAGE = 4096;
const WINDOW_PAGES = 20;
const OPERATIONS = Number(process.env['NTMM_OPERATIONS'] ?? 800);
/** Places in a large page that the record knows. */
const PLACES = [0, 0x1000, 0xff000, 0x1ff000];

/** Memory that holds numbers at known places, shared by whoever maps it. */
interface Block {
  readonly values: number[];
}

interface Range {
  readonly base: number;
  readonly kind: 'large' | 'window' | 'view' | 'small';
  /** Large pages and views: a block for each 2 MB; windows: what each page shows; small memory: one number a page. */
  readonly blocks: (Block | null)[];
  readonly isWritable: boolean[];
}

interface OpenSection {
  readonly section: Section;
  readonly blocks: Block[];
}

class Process {
  readonly ranges: Range[] = [];
  readonly frames = new Map<number, Block>();

  constructor(readonly space: AddressSpace) {}
}

class Model {
  readonly machine = memoryMachine(24);
  readonly processes: Process[] = [];
  readonly sections: OpenSection[] = [];
  done = { large: 0, mapped: 0, refused: 0, views: 0 };

  constructor(readonly random: Random) {
    for (let count = 0; count < 3; count++) this.processes.push(new Process(this.machine.newSpace()));
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[below(this.random, Math.max(1, from.length))];
  }

  allocate(process: Process): void {
    const { mm } = this.machine;
    const kind = (['large', 'window', 'small'] as const)[below(this.random, 3)]!;
    const count = kind === 'large' ? 1 + below(this.random, 2) : WINDOW_PAGES;
    const type = { large: MEM_COMMIT | MEM_LARGE_PAGES, window: MEM_PHYSICAL, small: MEM_COMMIT }[kind];
    const regionSize = count * (kind === 'large' ? LARGE_PAGE_SIZE : PAGE);
    const request = { baseAddress: 0, regionSize, mayLockPages: true };
    if (allocateVirtualMemory(mm, process.space, request, MEM_RESERVE | type, PAGE_READWRITE) !== 0) {
      this.done.refused++;
      return;
    }
    const places = kind === 'large' ? PLACES.length : 1;
    const block = () => (kind === 'window' ? null : { values: new Array<number>(places).fill(0) });
    const blocks = Array.from({ length: count }, block);
    process.ranges.push({ base: request.baseAddress, kind, blocks, isWritable: blocks.map(() => true) });
    if (kind === 'large') this.done.large++;
  }

  free(process: Process): void {
    const range = this.pick(process.ranges);
    if (range === undefined) return;
    const { mm } = this.machine;
    const { space } = process;
    const whole = { baseAddress: range.base, regionSize: 0 };
    if (range.kind !== 'small') {
      const part = { baseAddress: range.base, regionSize: PAGE };
      expect(freeVirtualMemory(mm, space, part, MEM_RELEASE)).not.toBe(0);
      expect(freeVirtualMemory(mm, space, part, MEM_DECOMMIT)).not.toBe(0);
    }
    if (range.kind === 'view') expect(unmapViewOfSection(mm, space, range.base + PAGE)).toBe(0);
    else expect(freeVirtualMemory(mm, space, whole, MEM_RELEASE)).toBe(0);
    process.ranges.splice(process.ranges.indexOf(range), 1);
  }

  takeFrames(process: Process): void {
    const frames: number[] = [];
    allocateUserPhysicalPages(this.machine.mm, process.space, 1 + below(this.random, 12), frames);
    for (const frame of frames) process.frames.set(frame, { values: [0] });
  }

  giveFrames(process: Process): void {
    const chosen = [...process.frames.keys()].filter(() => below(this.random, 3) === 0);
    const out = { freed: 0 };
    expect(freeUserPhysicalPages(this.machine.mm, process.space, chosen, out)).toBe(0);
    for (const frame of chosen) {
      const block = process.frames.get(frame)!;
      process.frames.delete(frame);
      for (const { kind, blocks } of process.ranges)
        if (kind === 'window' && blocks.includes(block)) blocks[blocks.indexOf(block)] = null;
    }
  }

  /** Shows any frames, also of others and twice; the record says whether that may be. */
  show(process: Process): void {
    const { mm } = this.machine;
    const window = this.pick(process.ranges.filter(({ kind }) => kind === 'window'));
    if (window === undefined) return;
    const first = below(this.random, WINDOW_PAGES);
    const count = 1 + below(this.random, WINDOW_PAGES - first);
    const isScattered = below(this.random, 3) === 0;
    const source = below(this.random, 6) === 0 ? this.pick(this.processes)! : process;
    const frames = Array.from({ length: count }, () => this.pick([...source.frames.keys()]) ?? 1);
    const blocks = frames.map((frame) => process.frames.get(frame) ?? null);
    const indexes = frames.map((_, index) => first + index);
    const elsewhere = process.ranges.flatMap(({ kind, blocks: shown }, index) =>
      kind !== 'window'
        ? []
        : shown.filter((_, page) => process.ranges[index] !== window || !indexes.includes(page)),
    );
    const may =
      blocks.every((block) => block !== null && !elsewhere.includes(block)) && new Set(frames).size === count;
    const address = window.base + first * PAGE;
    const status = isScattered
      ? mapUserPhysicalPagesScatter(
          mm,
          process.space,
          Float64Array.from(indexes, (page) => window.base + page * PAGE),
          Float64Array.from(frames),
        )
      : mapUserPhysicalPages(mm, process.space, address, count, Float64Array.from(frames));
    expect(status === 0).toBe(may);
    if (!may) return;
    this.done.mapped++;
    indexes.forEach((page, index) => {
      window.blocks[page] = blocks[index]!;
    });
  }

  hide(process: Process): void {
    const window = this.pick(process.ranges.filter(({ kind }) => kind === 'window'));
    if (window === undefined) return;
    expect(mapUserPhysicalPages(this.machine.mm, process.space, window.base, WINDOW_PAGES, null)).toBe(0);
    window.blocks.fill(null);
  }

  openSection(): void {
    const out: { section: Section | null } = { section: null };
    const count = 1 + below(this.random, 2);
    const status = createSection(
      this.machine.mm,
      {
        file: null,
        maximumSize: count * LARGE_PAGE_SIZE,
        pageProtection: PAGE_EXECUTE_READWRITE,
        allocationAttributes: SEC_COMMIT | SEC_LARGE_PAGES,
        mayLockPages: true,
      },
      out,
    );
    if (status !== 0) {
      this.done.refused++;
      return;
    }
    const blocks = Array.from({ length: count }, () => ({ values: PLACES.map(() => 0) }));
    this.sections.push({ section: out.section!, blocks });
  }

  closeSection(): void {
    const open = this.pick(this.sections);
    if (open === undefined) return;
    deleteSection(this.machine.mm, open.section);
    this.sections.splice(this.sections.indexOf(open), 1);
  }

  map(process: Process): void {
    const open = this.pick(this.sections);
    if (open === undefined) return;
    const allocationType = below(this.random, 2) === 0 ? MEM_LARGE_PAGES : 0;
    const skipped = below(this.random, open.blocks.length);
    const request = {
      baseAddress: 0,
      viewSize: 0,
      sectionOffset: skipped * LARGE_PAGE_SIZE,
      allocationType,
      protect: PAGE_READWRITE,
    };
    expect(mapViewOfSection(this.machine.mm, process.space, open.section, request)).toBe(0);
    const blocks = open.blocks.slice(skipped);
    process.ranges.push({
      base: request.baseAddress,
      kind: 'view',
      blocks,
      isWritable: blocks.map(() => true),
    });
    this.done.views++;
  }

  protect(process: Process): void {
    const range = this.pick(process.ranges);
    if (range === undefined) return;
    const unit = range.kind === 'large' || range.kind === 'view' ? LARGE_PAGE_SIZE : PAGE;
    const index = below(this.random, range.blocks.length);
    const protection = [PAGE_READONLY, PAGE_READWRITE, PAGE_NOACCESS][below(this.random, 3)]!;
    const request = { baseAddress: range.base + index * unit, regionSize: unit };
    const status = protectVirtualMemory(this.machine.mm, process.space, request, protection, {
      oldProtect: 0,
    });
    if (range.kind === 'window') expect(status).not.toBe(0);
    if (status !== 0 || protection === PAGE_NOACCESS) {
      if (status === 0) {
        request.regionSize = unit;
        const back = { oldProtect: 0 };
        expect(protectVirtualMemory(this.machine.mm, process.space, request, PAGE_READONLY, back)).toBe(0);
        range.isWritable[index] = false;
      }
      return;
    }
    range.isWritable[index] = protection === PAGE_READWRITE;
  }

  /** Writes a number somewhere, or reads one. */
  touch(process: Process): void {
    const range = this.pick(process.ranges);
    if (range === undefined) return;
    const isBig = range.kind === 'large' || range.kind === 'view';
    const index = below(this.random, range.blocks.length);
    const place = isBig ? below(this.random, PLACES.length) : 0;
    const address = range.base + index * (isBig ? LARGE_PAGE_SIZE : PAGE) + (isBig ? PLACES[place]! : 0);
    const block = range.blocks[index]!;
    const value = this.random();
    this.machine.inside(process.space, (user) => {
      if (block === null) {
        expect(() => user.readU32(address)).toThrow(GuestFault);
        return;
      }
      expect(user.readU32(address)).toBe(block.values[place]);
      if (!range.isWritable[index]) expect(() => user.writeU32(address, value)).toThrow(GuestFault);
      else {
        user.writeU32(address, value);
        block.values[place] = value;
      }
    });
  }

  /** Services that must leave such ranges as they are. */
  disturb(process: Process): void {
    const { mm } = this.machine;
    const range = this.pick(process.ranges);
    if (range === undefined || range.kind === 'small') {
      emptyWorkingSet(mm, process.space);
      return;
    }
    const request = () => ({ baseAddress: range.base + PAGE, regionSize: 2 * PAGE });
    if (range.kind !== 'view')
      for (const type of [MEM_COMMIT, MEM_RESET])
        expect(allocateVirtualMemory(mm, process.space, request(), type, PAGE_READWRITE)).not.toBe(0);
    lockVirtualMemory(mm, process.space, request());
    unlockVirtualMemory(mm, process.space, request());
    expect(queryVirtualMemory(mm, process.space, range.base, emptyBasicInformation())).toBe(0);
  }

  replaceProcess(): void {
    const index = below(this.random, this.processes.length);
    deleteAddressSpace(this.machine.mm, this.processes[index]!.space);
    this.processes[index] = new Process(this.machine.newSpace());
  }

  step(): void {
    const process = this.pick(this.processes)!;
    const operation = below(this.random, 40);
    if (operation < 4) this.allocate(process);
    else if (operation < 7) this.free(process);
    else if (operation < 10) this.takeFrames(process);
    else if (operation < 11) this.giveFrames(process);
    else if (operation < 17) this.show(process);
    else if (operation < 18) this.hide(process);
    else if (operation < 19) this.openSection();
    else if (operation < 20) this.closeSection();
    else if (operation < 22) this.map(process);
    else if (operation < 24) this.protect(process);
    else if (operation < 26) this.disturb(process);
    else if (operation === 39 && below(this.random, 8) === 0) this.replaceProcess();
    else this.touch(process);
  }
}

describe('ranges that stay in memory', () => {
  it('hold what was written, whatever else is done', () => {
    const model = new Model(mulberry32(seedFor('locked ranges')));
    for (let count = 0; count < OPERATIONS; count++) {
      model.step();
      verify(model.machine.mm);
    }
    const { large, mapped, views, refused } = model.done;
    for (const how of [large, mapped, views, refused]) expect(how).toBeGreaterThan(5);
    for (const { space } of model.processes) deleteAddressSpace(model.machine.mm, space);
    for (const { section } of model.sections) deleteSection(model.machine.mm, section);
    expect(model.machine.mm.lockedFrames).toBe(0);
    verify(model.machine.mm);
  }, 1_200_000);
});
