import { describe, expect, it } from 'vitest';
import { MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { createTestMachine } from '../testing/small-machine.js';
import { lockVirtualMemory } from './lock-memory.js';
import { allocateVirtualMemory } from './virtual-memory.js';
import { DEFAULT_MINIMUM } from './working-set.js';
import { ageWorkingSets, emptyWorkingSet } from './working-set-manager.js';

const PAGES = 100;
const LOCKED = 5;

describe('the estimate of what could be removed', () => {
  const machine = createTestMachine(400);
  const { mm, space, user } = machine;
  const { workingSet } = space;
  const request = { baseAddress: 0, regionSize: PAGES * 4096 };
  allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  const base = request.baseAddress;
  const read = (first: number, count: number) => {
    for (let page = first; page < first + count; page++) user.readU8(base + page * 4096);
  };
  const look = () => {
    ageWorkingSets(mm);
    return [...workingSet.ages, workingSet.estimate];
  };

  it('counts pages by age: what was just accessed stays', () => {
    read(0, PAGES);
    expect(look()).toEqual([PAGES, 0, 0, 0, 0]);
    expect(look()).toEqual([0, PAGES, 0, 0, space.workingSetPages - DEFAULT_MINIMUM]);
    read(0, 90);
    expect(look()).toEqual([90, 0, 10, 0, 10]);
    expect(look()).toEqual([0, 90, 0, 10, space.workingSetPages - DEFAULT_MINIMUM]);
    for (let times = 0; times < 3; times++) look();
    expect(look()).toEqual([0, 0, 0, PAGES, space.workingSetPages - DEFAULT_MINIMUM]);
  });

  it('leaves locked pages and the minimum out', () => {
    lockVirtualMemory(mm, space, { baseAddress: base, regionSize: LOCKED * 4096 });
    expect(look().slice(0, 4)).toEqual([0, 0, 0, PAGES - LOCKED]);
    emptyWorkingSet(mm, space);
    read(0, 20);
    look();
    expect(look()).toEqual([0, 20 - LOCKED, 0, 0, 0]);
  });

  it('is not made by first-come replacement, which does not look at accesses', () => {
    const fifo = createTestMachine(300, 0, undefined, 'fifo');
    ageWorkingSets(fifo.mm);
    expect([...fifo.space.workingSet.ages]).toEqual([0, 0, 0, 0]);
  });
});
