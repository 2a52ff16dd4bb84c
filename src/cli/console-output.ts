/**
 * Standard output and standard error of the program and of the command, in the order in which they were written. Output that
 * does not go to a terminal is gathered and written in larger pieces.
 */
import { writeSync } from 'node:fs';
import type { HostStream } from '../host/host.js';

const STDOUT = 1;
const STDERR = 2;
const GATHERED_BYTES = 65_536;
const CLEAR_LINE = '\r\u001b[K';

/** Writes all bytes; waits while a pipe is full. */
function writeAll(stream: HostStream, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(stream, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

export class ConsoleOutput {
  /** Why standard output takes no more, such as EPIPE when its reader is gone; what is written from then on is lost. */
  failure: NodeJS.ErrnoException | null = null;
  #gathered: Uint8Array[] = [];
  #bytes = 0;
  #status = '';

  /** `programOutput`: where the program's standard output goes. */
  constructor(
    private readonly programOutput: HostStream = STDOUT,
    private readonly gathers = !process.stdout.isTTY,
  ) {}

  /** Output of the program. */
  write(stream: HostStream, bytes: Uint8Array): void {
    const target = stream === STDOUT ? this.programOutput : STDERR;
    if (target === STDOUT && this.gathers) {
      this.#gathered.push(bytes.slice());
      this.#bytes += bytes.length;
      if (this.#bytes >= GATHERED_BYTES) this.flush();
      return;
    }
    this.flush();
    this.#put(target, bytes);
  }

  /** Text of the command itself, on standard output. */
  print(text: string): void {
    this.flush();
    this.#put(STDOUT, new TextEncoder().encode(text));
  }

  /** Text of the command itself, on standard error. */
  say(text: string): void {
    this.flush();
    this.#put(STDERR, new TextEncoder().encode(text));
  }

  /** Writes what has been gathered. */
  flush(): void {
    const pieces = this.#gathered;
    if (pieces.length === 0) return;
    this.#gathered = [];
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#bytes = 0;
    this.#put(STDOUT, whole);
  }

  /** Shows a line of progress on the terminal, which the next output replaces. */
  showStatus(text: string): void {
    this.#status = text;
    this.#write(STDERR, new TextEncoder().encode(`${CLEAR_LINE}${text}`));
  }

  #put(stream: HostStream, bytes: Uint8Array): void {
    if (this.#status !== '') {
      this.#status = '';
      this.#write(STDERR, new TextEncoder().encode(CLEAR_LINE));
    }
    this.#write(stream, bytes);
  }

  #write(stream: HostStream, bytes: Uint8Array): void {
    if (stream === STDOUT && this.failure !== null) return;
    try {
      writeAll(stream, bytes);
    } catch (error) {
      if (stream === STDOUT) this.failure = error as NodeJS.ErrnoException;
    }
  }
}
