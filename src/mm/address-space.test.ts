import { describe, expect, it } from 'vitest';
import { MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { STATUS_SUCCESS } from '../base/ntstatus.js';
import { ACCESS_READ, ACCESS_USER, ACCESS_WRITE } from '../machine/processor.js';
import { createMemoryManager, createTestMachine } from '../testing/small-machine.js';
import { attach, createAddressSpace, deleteAddressSpace } from './address-space.js';
import { findPte, pdeAddress, pteAddress } from './page-tables.js';
import { FRAME_ACTIVE, FRAME_FREE, FRAME_ZEROED } from './pfn-database.js';
import { sharedUserDataOffset, USER_SHARED_DATA } from './shared-user-data.js';
import { findSystemPte, HYPERSPACE, SYSTEM_SHARED_DATA, systemWord } from './system-space.js';
import { UserMemory } from './user-memory.js';
import { verify } from './verify.js';
import { allocateVirtualMemory, freeVirtualMemory } from './virtual-memory.js';

describe('address spaces', () => {
  it('are made of a directory, hyperspace tables and a working-set list, and map the shared user data page', () => {
    const { mm, space } = createTestMachine(128);
    expect(space.pageTablePages).toBe(1 + 3 + 3);
    expect(space.workingSetPages).toBe(7 + 2);
    expect(space.commitCharge).toBe(8);
    expect(space.vads.count).toBe(1);
    verify(mm);
  });

  it('see their own page tables through the self-map', () => {
    const { mm, space, user } = createTestMachine(128);
    const request = { baseAddress: 0, regionSize: 4096 };
    expect(allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)).toBe(
      STATUS_SUCCESS,
    );
    user.writeU32(request.baseAddress, 1);
    const word = findPte(mm, space, request.baseAddress);
    expect(mm.processor.translate(pteAddress(request.baseAddress), ACCESS_READ)).toBe(word * 4);
    const top = pteAddress(pdeAddress(pteAddress(request.baseAddress)));
    expect(mm.processor.translate(top, ACCESS_READ)).toBe(mm.ram.offsetOf(space.directoryFrame));
    expect(mm.processor.translate(pteAddress(request.baseAddress), ACCESS_READ | ACCESS_USER)).toBe(0);
    expect(mm.processor.translate(HYPERSPACE, ACCESS_READ | ACCESS_USER)).toBe(0);
    expect(mm.processor.translate(HYPERSPACE, ACCESS_WRITE)).not.toBe(0);
    expect(mm.processor.translate(pteAddress(request.baseAddress), ACCESS_READ)).toBe(word * 4);
    freeVirtualMemory(mm, space, { baseAddress: request.baseAddress, regionSize: 0 }, MEM_RELEASE);
    expect(mm.processor.translate(pteAddress(request.baseAddress), ACCESS_READ)).toBe(0);
    verify(mm);
  });

  it('share system space and the user shared data page, which is read-only', () => {
    const mm = createMemoryManager(128);
    const offset = sharedUserDataOffset(mm, 0x26c);
    mm.words[offset >>> 2] = 10;
    for (const space of [createAddressSpace(mm, 4)!, createAddressSpace(mm, 8)!]) {
      attach(mm, space);
      expect(mm.processor.translate(USER_SHARED_DATA + 0x26c, ACCESS_READ | ACCESS_USER)).toBe(offset);
      expect(mm.processor.translate(USER_SHARED_DATA, ACCESS_WRITE | ACCESS_USER)).toBe(0);
      expect(mm.processor.translate(SYSTEM_SHARED_DATA + 0x26c, ACCESS_WRITE)).toBe(offset);
      expect(mm.processor.translate(SYSTEM_SHARED_DATA, ACCESS_READ | ACCESS_USER)).toBe(0);
    }
    expect(systemWord(mm, SYSTEM_SHARED_DATA + 0x26c)).toBe(offset >>> 2);
    expect(findSystemPte(mm, 0xfa80_0000_0000)).toBe(0);
    verify(mm);
  });

  it('keep their pages apart', () => {
    const { mm, space, user } = createTestMachine(128);
    const other = createAddressSpace(mm, 8)!;
    const request = { baseAddress: 0x1000_0000, regionSize: 4096 };
    for (const one of [space, other])
      allocateVirtualMemory(mm, one, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    user.writeU32(request.baseAddress, 1);
    attach(mm, other);
    expect(user.readU32(request.baseAddress)).toBe(0);
    user.writeU32(request.baseAddress, 2);
    attach(mm, space);
    expect(user.readU32(request.baseAddress)).toBe(1);
  });

  it('return every frame when they are deleted', () => {
    const mm = createMemoryManager(512);
    const user = new UserMemory(mm);
    const available = mm.lists.count[FRAME_FREE]! + mm.lists.count[FRAME_ZEROED]!;
    const commit = mm.commit.current;
    for (let round = 0; round < 3; round++) {
      const space = createAddressSpace(mm, 4)!;
      attach(mm, space);
      for (const base of [0x10000, 0x7fff_0000_0000, 0x1234_5678_0000]) {
        const request = { baseAddress: base, regionSize: 20 * 4096 };
        allocateVirtualMemory(mm, space, request, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
        for (let page = 0; page < 20; page += 3) user.writeU8(base + page * 4096, page);
      }
      expect(mm.lists.count[FRAME_FREE]! + mm.lists.count[FRAME_ZEROED]!).toBeLessThan(available - 21);
      deleteAddressSpace(mm, space);
      expect(mm.lists.count[FRAME_FREE]! + mm.lists.count[FRAME_ZEROED]!).toBe(available);
      expect(mm.commit.current).toBe(commit);
      verify(mm);
    }
    const active = mm.pfn.state.filter((state) => state === FRAME_ACTIVE).length;
    expect(active).toBe(512 - available);
  });

  it('are refused, without a trace, when RAM or commit is short', () => {
    const mm = createMemoryManager(64, 1000);
    const spaces = [];
    for (let space = createAddressSpace(mm, 4); space !== null; space = createAddressSpace(mm, 4))
      spaces.push(space);
    expect(spaces.length).toBeGreaterThan(2);
    verify(mm);
    for (const space of spaces) deleteAddressSpace(mm, space);
    verify(mm);
    expect(mm.addressSpaces.length).toBe(0);
    const tight = createMemoryManager(64);
    while (tight.commit.hasRoom(8)) tight.commit.force(7, 1);
    expect(createAddressSpace(tight, 4)).toBeNull();
  });
});
