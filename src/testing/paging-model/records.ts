/** What the paging model works with: the machine, and things of the memory manager beside what they should be. */
import type { DiskModel } from '../../machine/disk.js';
import type { AddressSpace } from '../../mm/address-space.js';
import type { ReplacementPolicy } from '../../mm/memory-manager.js';
import type { Section } from '../../mm/section.js';
import type { MemoryFile } from '../memory-file.js';
import type { Access, ModelFile, ModelRange, ModelSection } from './reference.js';

export interface MachineShape {
  /** Pages of RAM, and of each paging file. */
  readonly frames: number;
  readonly pagingFiles: readonly number[];
  /** Paging files begin with a part of their size, and grow and shrink. */
  readonly grows: boolean;
  readonly policy: ReplacementPolicy;
  readonly disk: DiskModel;
  /** Processes at the start and at most. */
  readonly processes: number;
}

export interface File extends ModelFile {
  readonly host: MemoryFile;
}

export interface LiveSection {
  readonly section: Section;
  readonly model: ModelSection;
  readonly file: File | null;
}

export interface LiveRange extends ModelRange {
  readonly live: LiveSection | null;
}

export interface Process {
  readonly space: AddressSpace;
  readonly ranges: LiveRange[];
}

/** A thread's access to a page, for which it may have to wait. */
export interface Touch {
  readonly process: Process;
  readonly address: number;
  readonly access: Access;
  /** Bytes that a write leaves. */
  readonly bytes: Uint8Array;
  /** While it waits: the frame that is being read, and the FAULT_* bits. */
  frame: number;
  error: number;
}
