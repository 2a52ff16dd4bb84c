/** A memory manager on the real processor, for tests of mm/. */
import { PhysicalMemory } from '../machine/physical-memory.js';
import { Processor } from '../machine/processor.js';
import { type AddressSpace, attach, createAddressSpace } from '../mm/address-space.js';
import { MemoryManager } from '../mm/memory-manager.js';
import { UserMemory } from '../mm/user-memory.js';

export interface MemoryMachine {
  mm: MemoryManager;
  user: UserMemory;
  /** Makes a process's address space; throws when there is no memory. */
  newSpace(): AddressSpace;
  /** Runs `action` in an address space. */
  inside<T>(space: AddressSpace, action: (user: UserMemory) => T): T;
}

/** `megabytes` of RAM and as much paging file for the commit limit. */
export function memoryMachine(megabytes: number, seed = 1, pageFileMegabytes = megabytes): MemoryMachine {
  const ram = new PhysicalMemory(megabytes * 0x10_0000, 0x10_0000);
  const bytes = pageFileMegabytes * 0x10_0000;
  const mm = new MemoryManager({
    ram,
    processor: new Processor(ram),
    pageFileBytes: [{ initial: bytes, maximum: bytes }],
    seed,
    clock: { now100ns: 0 },
  });
  const user = new UserMemory(mm);
  let nextId = 4;
  return {
    mm,
    user,
    newSpace() {
      nextId += 4;
      const space = createAddressSpace(mm, nextId);
      if (space === null) throw new Error('no memory for an address space');
      return space;
    },
    inside(space, action) {
      attach(mm, space);
      return action(user);
    },
  };
}
