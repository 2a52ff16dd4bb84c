/** Paging files as files of the host, in a folder of their own. They are sparse: only blocks that were written take room. */
import { type Host, HostError } from '../host/host.js';
import { HostIoError } from '../mm/backing-file.js';
import type { PageFileStore } from '../mm/page-file.js';
import { statusOfHostError } from './file-system.js';

/** Runs a read or write of the host for the memory manager, which knows HostIoError alone. */
function guarded(operation: () => void): void {
  try {
    operation();
  } catch (error) {
    if (error instanceof HostError) throw new HostIoError(statusOfHostError(error), error.message);
    throw error;
  }
}

/** pagefile.sys, pagefile1.sys, … below a root of a host; each is made by its first write. */
export class HostPageFileStore implements PageFileStore {
  /** Host file by number of the paging file. */
  readonly #files: (number | undefined)[] = [];

  constructor(
    private readonly host: Host,
    private readonly root: number,
  ) {}

  read(file: number, offset: number, target: Uint8Array): void {
    guarded(() => {
      const done = this.host.read(this.#open(file), offset, target);
      if (done < target.length) throw new HostError('io', `paging file ${file} is too short`);
    });
  }

  write(file: number, offset: number, source: Uint8Array): void {
    guarded(() => this.host.write(this.#open(file), offset, source));
  }

  truncate(file: number, bytes: number): void {
    guarded(() => this.host.truncate(this.#open(file), bytes));
  }

  #open(file: number): number {
    const name = `pagefile${file === 0 ? '' : file}.sys`;
    this.#files[file] ??= this.host.open(this.root, [name], 'write', 'create-or-truncate');
    return this.#files[file];
  }

  /** Closes the files; what they hold is lost to the machine. */
  close(): void {
    for (const file of this.#files) if (file !== undefined) this.host.close(file);
    this.#files.length = 0;
  }
}
