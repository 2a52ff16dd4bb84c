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
  /** Bytes that have arrived and were not read; lines end in CR LF. */
  #input = new Uint8Array(0);
  /** The line being read: bytes of #input up to here belong to it (0: none begun). */
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
    const converted: number[] = [];
    for (const byte of bytes) {
      if (byte === LF && !this.#lastWasCr) converted.push(CR);
      converted.push(byte);
      this.#lastWasCr = byte === CR;
    }
    const joined = new Uint8Array(this.#input.length + converted.length);
    joined.set(this.#input);
    joined.set(converted, this.#input.length);
    this.#input = joined;
  }

  /** Whether a read would be answered now. */
  get isReadable(): boolean {
    return this.#ended || this.#lineLeft > 0 || this.#input.includes(LF);
  }

  /** Bytes that arrived and were not read. */
  get pendingBytes(): number {
    return this.#input.length;
  }

  /** Takes up to `maximum` bytes of the current line; empty at the end of the input. Call only when readable. */
  read(maximum: number): Uint8Array {
    if (this.#lineLeft === 0) {
      const end = this.#input.indexOf(LF);
      this.#lineLeft = end < 0 ? this.#input.length : end + 1;
      if (this.#input[0] === CONTROL_Z) {
        this.#input = this.#input.slice(this.#lineLeft);
        this.#lineLeft = 0;
        return new Uint8Array(0);
      }
    }
    const count = Math.min(maximum, this.#lineLeft);
    const taken = this.#input.slice(0, count);
    this.#input = this.#input.slice(count);
    this.#lineLeft -= count;
    return taken;
  }

  /** Drops what was not read (FlushConsoleInputBuffer). */
  flushInput(): void {
    this.#input = new Uint8Array(0);
    this.#lineLeft = 0;
  }
}
