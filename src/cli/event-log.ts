/** The file of --events: each event as it happens, written in larger pieces. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { type EventFormat, type EventWriter, eventFormatOf } from '../inspect/events-format.js';
import type { Machine } from '../machine.js';
import { CommandError, EXIT_CANNOT_WRITE, EXIT_USAGE } from './exit-status.js';

const GATHERED_CHARACTERS = 1 << 18;

export class EventLog {
  readonly #file: number;
  readonly #writer: EventWriter;
  #text = '';
  #problem: string | null = null;

  constructor(private readonly path: string) {
    const format: EventFormat | null = eventFormatOf(path);
    if (format === null)
      throw new CommandError(
        EXIT_USAGE,
        `--events ${path}: end the name in .jsonl (one event a line) or .json (Chrome trace, for Perfetto)`,
      );
    try {
      this.#file = openSync(path, 'w');
    } catch (error) {
      throw new CommandError(EXIT_CANNOT_WRITE, `cannot write ${path} (${(error as Error).message})`);
    }
    this.#writer = format();
  }

  /** Writes down the events of a machine from now on. */
  follow(machine: Machine): void {
    this.#text += this.#writer.begin(machine.kernel.mm.pfn);
    machine.on((event) => {
      this.#text += this.#writer.event(event);
      if (this.#text.length >= GATHERED_CHARACTERS) this.#flush();
    });
  }

  /** Ends the file; what went wrong with it, or null. */
  close(machine: Machine): string | null {
    const names = machine.processes.map(({ id, object }): [number, string] => [id, object.imagePath]);
    this.#text += this.#writer.end(new Map(names));
    this.#flush();
    closeSync(this.#file);
    return this.#problem;
  }

  #flush(): void {
    const bytes = new TextEncoder().encode(this.#text);
    this.#text = '';
    if (this.#problem !== null) return;
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    } catch (error) {
      this.#problem = `${this.path} is not complete (${(error as Error).message})`;
    }
  }
}
