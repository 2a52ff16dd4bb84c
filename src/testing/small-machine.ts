/** A machine of a few hundred pages with one address space attached, for tests of the memory manager's core. */
import { PhysicalMemory } from '../machine/physical-memory.js';
import { Processor } from '../machine/processor.js';
import { type AddressSpace, attach, createAddressSpace } from '../mm/address-space.js';
import { MemoryManager, type MemoryManagerOptions, type ReplacementPolicy } from '../mm/memory-manager.js';
import type { PageFileStore } from '../mm/page-file.js';
import { UserMemory } from '../mm/user-memory.js';

export interface TestMachine {
  readonly mm: MemoryManager;
  readonly space: AddressSpace;
  readonly user: UserMemory;
}

/** Code cache of test machines, in bytes: small, because each test makes its own machine. */
const CODE_CACHE = 1 << 20;

/** RAM and paging files in pages. */
export function createMemoryManager(
  ramPages: number,
  pageFilePages: number | readonly number[] = 0,
  pageFileStore?: PageFileStore,
  policy: ReplacementPolicy = 'aging',
  settings: Partial<MemoryManagerOptions> = {},
): MemoryManager {
  const ram = new PhysicalMemory(ramPages * 4096, CODE_CACHE);
  const sizes = [pageFilePages].flat().filter((pages) => pages > 0);
  return new MemoryManager({
    ram,
    processor: new Processor(ram),
    pageFileBytes: sizes.map((pages) => ({ initial: pages * 4096, maximum: pages * 4096 })),
    policy,
    ...(pageFileStore && { pageFileStore }),
    seed: 1,
    clock: { now100ns: 0 },
    ...settings,
  });
}

export function createTestMachine(
  ramPages: number,
  pageFilePages: number | readonly number[] = 0,
  pageFileStore?: PageFileStore,
  policy: ReplacementPolicy = 'aging',
): TestMachine {
  const mm = createMemoryManager(ramPages, pageFilePages, pageFileStore, policy);
  const space = createAddressSpace(mm, 4);
  if (space === null) throw new Error(`${ramPages} pages are too few for a process`);
  attach(mm, space);
  return { mm, space, user: new UserMemory(mm) };
}
