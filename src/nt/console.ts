/**
 * The console: output goes to the host, input is a queue of bytes that the host feeds. Reads are by line, as a console in
 * line mode gives them: each ends in CR LF, and a line that begins with Ctrl+Z is the end of the input
 * (Microsoft, "ReadFile function", "High-level console I/O").
 */
import type { Host, HostStream } from '../host/host.js';

const CR = 13;
const LF = 10;
const CONTROL_Z = 26;

/** ENABLE_PROCESSED_INPUT, LINE_INPUT, ECHO_INPUT, MOUSE_INPUT, INSERT_MODE, QUICK_EDIT_MODE, EXTENDED_FLAGS, AUTO_POSITION. */
const DEFAULT_INPUT_MODE = 0x1f7;
/** ENABLE_PROCESSED_OUTPUT, ENABLE_WRAP_AT_EOL_OUTPUT. */
const DEFAULT_OUTPUT_MODE = 0x3;

export class Console {
  inputMode = DEFAULT_INPUT_MODE;
  outputMode = DEFAULT_OUTPUT_MODE;
  inputCodePage = 437;
  outputCodePage = 437;
  title = '';
  /** Bytes that have arrived, lines ending in CR LF; those before #next were read. */
  #input = new Uint8Array(0);
  #next = 0;
  #length = 0;
  /** Bytes of the line being read that are left (0: none begun). */
  #lineLeft = 0;
  #ended = false;
  #lastWasCr = false;

  constructor(private readonly host: Host) {}

  write(stream: HostStream, bytes: Uint8Array): void {
    if (bytes.length > 0) this.host.writeConsole(stream, bytes);
  }

  /** Input arrives; null is its end. A bare LF becomes CR LF. */
  feed(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.#ended = true;
      return;
    }
    this.#makeRoom(bytes.length * 2);
    for (const byte of bytes) {
      if (byte === LF && !this.#lastWasCr) this.#input[this.#length++] = CR;
      this.#input[this.#length++] = byte;
      this.#lastWasCr = byte === CR;
    }
  }

  /** Makes room for more bytes; what was read is dropped. */
  #makeRoom(count: number): void {
    const pending = this.#input.subarray(this.#next, this.#length);
    if (this.#length + count > this.#input.length) {
      const grown = new Uint8Array((pending.length + count) * 2);
      grown.set(pending);
      this.#input = grown;
      this.#length = pending.length;
      this.#next = 0;
    }
  }

  /** Whether a read would be answered now. */
  get isReadable(): boolean {
    return this.#ended || this.#lineLeft > 0 || this.#endOfLine() > 0;
  }

  /** Bytes of the next line with its LF, 0 when it is not complete. */
  #endOfLine(): number {
    const end = this.#input.indexOf(LF, this.#next);
    return end < 0 || end >= this.#length ? 0 : end + 1 - this.#next;
  }

  /** Bytes that arrived and were not read. */
  get pendingBytes(): number {
    return this.#length - this.#next;
  }

  /** Takes up to `maximum` bytes of the current line; empty at the end of the input. Call only when readable. */
  read(maximum: number): Uint8Array {
    if (this.#lineLeft === 0) {
      this.#lineLeft = this.#endOfLine() || this.pendingBytes;
      if (this.#lineLeft > 0 && this.#input[this.#next] === CONTROL_Z) {
        this.#next += this.#lineLeft;
        this.#lineLeft = 0;
        return new Uint8Array(0);
      }
    }
    const count = Math.min(maximum, this.#lineLeft);
    const taken = this.#input.slice(this.#next, this.#next + count);
    this.#next += count;
    this.#lineLeft -= count;
    return taken;
  }

  /** Takes one key, Enter as CR alone; -1 at the end of the input. Call only when readable. */
  readKey(): number {
    const key = this.read(1)[0] ?? -1;
    if (key === CR && this.#lineLeft > 0 && this.#input[this.#next] === LF) this.read(1);
    return key;
  }

  /** Drops what was not read (FlushConsoleInputBuffer). */
  flushInput(): void {
    this.#next = this.#length;
    this.#lineLeft = 0;
  }
}
