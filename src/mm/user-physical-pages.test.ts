import { describe, expect, it } from 'vitest';
import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_PHYSICAL,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_READONLY,
  PAGE_READWRITE,
} from '../base/memory-constants.js';
import * as nt from '../base/ntstatus.js';
import { memoryMachine } from '../testing/memory-machine.js';
import { deleteAddressSpace } from './address-space.js';
import { availableFrames } from './page-lists.js';
import { residentAvailable } from './resident-available.js';
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

function make(megabytes = 16) {
  const machine = memoryMachine(megabytes);
  const space = machine.newSpace();
  const { mm } = machine;
  const reserve = (pages: number, type = MEM_RESERVE | MEM_PHYSICAL, protect = PAGE_READWRITE) => {
    const request = { baseAddress: 0, regionSize: pages * PAGE };
    return { status: allocateVirtualMemory(mm, space, request, type, protect), base: request.baseAddress };
  };
  const allocate = (count: number) => {
    const frames: number[] = [];
    expect(allocateUserPhysicalPages(mm, space, count, frames)).toBe(nt.STATUS_SUCCESS);
    return Float64Array.from(frames);
  };
  const map = (address: number, frames: Float64Array | null, pages = frames?.length ?? 1) =>
    mapUserPhysicalPages(mm, space, address, pages, frames);
  const scatter = (addresses: number[], frames: number[] | null) =>
    mapUserPhysicalPagesScatter(
      mm,
      space,
      Float64Array.from(addresses),
      frames === null ? null : Float64Array.from(frames),
    );
  const free = (frames: ArrayLike<number>) => {
    const out = { freed: 0 };
    return [freeUserPhysicalPages(mm, space, frames, out), out.freed];
  };
  return { ...machine, space, reserve, allocate, map, scatter, free };
}

describe('user physical pages', () => {
  it('are shown by turns in a window', () => {
    const { mm, space, reserve, allocate, map, inside } = make();
    const { base } = reserve(4);
    const frames = allocate(8);
    const [first, second] = [frames.slice(0, 4), frames.slice(4)];
    expect(map(base, first)).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => {
      for (let page = 0; page < 4; page++) user.writeU32(base + page * PAGE, 100 + page);
    });
    verify(mm);
    expect(map(base, second)).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => {
      expect(user.readU32(base)).toBe(0);
      user.writeU32(base, 200);
    });
    expect(map(base, first.slice().reverse())).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => {
      for (let page = 0; page < 4; page++) expect(user.readU32(base + page * PAGE)).toBe(103 - page);
    });
    expect(map(base, null, 4)).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => expect(() => user.readU32(base)).toThrow(GuestFault));
    verify(mm);
  });

  it('are never paged and in no working set', () => {
    const { mm, space, reserve, allocate, map, inside } = make();
    const { base } = reserve(16);
    const { workingSetPages } = space;
    const frames = allocate(16);
    map(base, frames);
    inside(space, (user) => user.writeU32(base + 5 * PAGE, 5));
    expect(space.workingSetPages).toBe(workingSetPages);
    const { total } = mm.counters;
    emptyWorkingSet(mm, space);
    const small = { baseAddress: 0, regionSize: 14 * 0x10_0000 };
    allocateVirtualMemory(mm, space, small, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    inside(space, (user) => {
      for (let at = 0; at < small.regionSize; at += PAGE) user.writeU32(small.baseAddress + at, at);
      const faults = mm.counters.total;
      expect(user.readU32(base + 5 * PAGE)).toBe(5);
      expect(mm.counters.total).toBe(faults);
    });
    expect(mm.counters.total).toBeGreaterThan(total);
    verify(mm);
  });

  it('are as many as RAM can spare', () => {
    const { mm, space, reserve, allocate } = make();
    const least = residentAvailable(mm);
    const frames = allocate(1_000_000);
    expect(frames.length).toBe(least);
    expect(new Set(frames).size).toBe(frames.length);
    expect(allocateUserPhysicalPages(mm, space, 1, [])).toBe(nt.STATUS_INSUFFICIENT_RESOURCES);
    expect(reserve(16).status).toBe(nt.STATUS_INSUFFICIENT_RESOURCES);
    verify(mm);
  });

  it('are taken back out of their windows, up to one that is not owned', () => {
    const { mm, space, reserve, allocate, map, free, inside } = make();
    const before = [availableFrames(mm), mm.commit.current];
    const frames = allocate(3);
    const { base } = reserve(3);
    map(base, frames);
    expect(free([frames[0]!, 1, frames[1]!])).toEqual([nt.STATUS_INVALID_PARAMETER_3, 1]);
    inside(space, (user) => {
      expect(() => user.readU32(base)).toThrow(GuestFault);
      expect(user.readU32(base + PAGE)).toBe(0);
    });
    expect(free([frames[0]!])).toEqual([nt.STATUS_INVALID_PARAMETER_3, 0]);
    expect(free(frames.slice(1))).toEqual([nt.STATUS_SUCCESS, 2]);
    for (const frame of [-1, 2 ** 53, Number.NaN, 0.5, 1e300]) expect(free([frame])[1]).toBe(0);
    expect(freeVirtualMemory(mm, space, { baseAddress: base, regionSize: 0 }, MEM_RELEASE)).toBe(0);
    expect([availableFrames(mm), mm.commit.current]).toEqual(before);
    verify(mm);
  });

  it('are refused twice, elsewhere, or of others, with nothing changed', () => {
    const { mm, reserve, allocate, map, newSpace, inside, space } = make();
    const { base } = reserve(4);
    const other = reserve(4).base;
    const frames = allocate(4);
    const stranger: number[] = [];
    allocateUserPhysicalPages(mm, newSpace(), 1, stranger);
    expect(map(base, frames.slice(0, 2))).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => user.writeU32(base, 9));
    const twice = Float64Array.of(frames[2]!, frames[2]!);
    for (const wrong of [twice, Float64Array.from(stranger), Float64Array.of(frames[2]!, 0)])
      expect(map(base, wrong)).toBe(nt.STATUS_INVALID_PARAMETER_3);
    expect(map(other, frames.slice(0, 1))).toBe(nt.STATUS_INVALID_PARAMETER_3);
    expect(map(base + PAGE, frames.slice(0, 4))).toBe(nt.STATUS_INVALID_PARAMETER_1);
    expect(map(0x6000_0000_0000, frames.slice(0, 1))).toBe(nt.STATUS_INVALID_PARAMETER_1);
    expect(inside(space, (user) => user.readU32(base))).toBe(9);
    verify(mm);
  });

  it('are scattered', () => {
    const { mm, space, reserve, allocate, scatter, inside } = make();
    const [one, two] = [reserve(4).base, reserve(4).base];
    const [a, b, c] = [...allocate(3)] as [number, number, number];
    expect(scatter([one, two + PAGE, one + 3 * PAGE], [a, b, c])).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => {
      for (const [index, at] of [one, two + PAGE, one + 3 * PAGE].entries()) user.writeU32(at, index + 1);
    });
    expect(scatter([one, two + PAGE], [b, a])).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => expect([user.readU32(one), user.readU32(two + PAGE)]).toEqual([2, 1]));
    expect(scatter([one, two], [0, b])).toBe(nt.STATUS_SUCCESS);
    inside(space, (user) => {
      expect(() => user.readU32(one)).toThrow(GuestFault);
      expect(user.readU32(two)).toBe(2);
    });
    expect(scatter([one, one], [b, 0])).toBe(nt.STATUS_INVALID_PARAMETER_1);
    expect(scatter([one, 0x6000_0000_0000], [b, 0])).toBe(nt.STATUS_INVALID_PARAMETER_1);
    expect(scatter([one], [c])).toBe(nt.STATUS_INVALID_PARAMETER_3);
    expect(scatter([two, one + 3 * PAGE, two + PAGE], null)).toBe(nt.STATUS_SUCCESS);
    verify(mm);
  });

  it('and their windows are freed with the process', () => {
    const { mm, space, reserve, allocate, map } = make();
    const { base } = reserve(600);
    map(base + 300 * PAGE, allocate(300));
    deleteAddressSpace(mm, space);
    expect([mm.lockedFrames, mm.commit.byUse[8]]).toEqual([0, 0]);
    verify(mm);
  });
});

describe('windows', () => {
  it('are read/write, reserved alone and released whole', () => {
    const { mm, space, reserve } = make();
    expect(reserve(4, MEM_RESERVE | MEM_COMMIT | MEM_PHYSICAL).status).toBe(nt.STATUS_INVALID_PARAMETER_5);
    expect(reserve(4, MEM_RESERVE | MEM_PHYSICAL, PAGE_READONLY).status).toBe(nt.STATUS_INVALID_PARAMETER_6);
    const { base } = reserve(32);
    const region = (regionSize: number) => ({ baseAddress: base, regionSize });
    const free = (size: number, type: number) => freeVirtualMemory(mm, space, region(size), type);
    expect(allocateVirtualMemory(mm, space, region(PAGE), MEM_COMMIT, PAGE_READWRITE)).toBe(
      nt.STATUS_CONFLICTING_ADDRESSES,
    );
    expect(protectVirtualMemory(mm, space, region(PAGE), PAGE_READONLY, { oldProtect: 0 })).toBe(
      nt.STATUS_INVALID_PAGE_PROTECTION,
    );
    expect(free(0, MEM_DECOMMIT)).toBe(nt.STATUS_MEMORY_NOT_ALLOCATED);
    expect(free(0x10000, MEM_RELEASE)).toBe(nt.STATUS_FREE_VM_NOT_AT_BASE);
    expect(free(0, MEM_RELEASE)).toBe(nt.STATUS_SUCCESS);
    verify(mm);
  });

  it('are described as committed where they show a page', () => {
    const { mm, space, reserve, allocate, map } = make();
    const { base } = reserve(8);
    map(base + 2 * PAGE, allocate(3));
    const out = emptyBasicInformation();
    const at = (page: number) => {
      queryVirtualMemory(mm, space, base + page * PAGE, out);
      return [out.state, out.protect, out.regionSize / PAGE];
    };
    expect(at(0)).toEqual([MEM_RESERVE, 0, 2]);
    expect(at(2)).toEqual([MEM_COMMIT, PAGE_READWRITE, 3]);
    expect(at(5)).toEqual([MEM_RESERVE, 0, 3]);
  });

  it('may be larger than RAM, not than their page tables', () => {
    const { mm, reserve } = make();
    expect(reserve(64 * 1024).status).toBe(nt.STATUS_SUCCESS);
    expect(reserve(64 * 1024 * 1024).status).toBe(nt.STATUS_INSUFFICIENT_RESOURCES);
    verify(mm);
  });
});
