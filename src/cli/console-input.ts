/**
 * Standard input as console input, a line at a time: so a program gets the same pieces from a pipe however the pipe
 * cuts them. It is not touched before a program waits for input.
 */
const LF = 10;

export class ConsoleInput {
  #lines: Uint8Array[] = [];
  #partial: Uint8Array[] = [];
  #started = false;
  #ended = false;
  #wake: (() => void) | null = null;

  /** Whether a line, or the end of the input, has arrived. */
  get isReady(): boolean {
    return this.#lines.length > 0 || this.#ended;
  }

  /** The next line with its end, null at the end of the input. Call only when ready. */
  take(): Uint8Array | null {
    return this.#lines.shift() ?? null;
  }

  /** Begins to read, if it has not begun. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    process.stdin.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    process.stdin.on('end', () => this.#end());
    process.stdin.on('error', () => this.#end());
  }

  /** Answers when input is ready or wake() is called. */
  arrival(): Promise<void> {
    this.start();
    if (this.isReady) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Ends a wait. */
  wake(): void {
    this.#wake?.();
    this.#wake = null;
  }

  #receive(chunk: Uint8Array): void {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      this.#partial.push(chunk.slice(from, end + 1));
      this.#completeLine();
      from = end + 1;
    }
    if (from < chunk.length) this.#partial.push(chunk.slice(from));
    if (this.isReady) this.wake();
  }

  #completeLine(): void {
    const line = new Uint8Array(this.#partial.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#partial) {
      line.set(part, at);
      at += part.length;
    }
    this.#partial = [];
    this.#lines.push(line);
  }

  #end(): void {
    if (this.#partial.length > 0) this.#completeLine();
    this.#ended = true;
    this.wake();
  }
}
