/**
 * Input of one call from a stream or a string. A read that must wait for the console leaves the service, which is entered
 * again from its beginning when there is a line: what it had taken until then is kept in the process's data, and is read
 * again first.
 */
import { PENDING, type ServiceCall, type ServiceFunction, type ServiceResult } from '../../nt/service.js';
import { Blocked } from './low-io.js';
import { crtState } from './state.js';
import { EOF, type Stream } from './stream.js';
import { textOf } from './text.js';

export interface CharacterSource {
  /** The next character's code, or EOF. */
  get(): number;
  /** Puts the character that get returned last back; EOF is ignored. */
  unget(code: number): void;
}

/** Bytes of a stream. */
export class StreamReader implements CharacterSource {
  private readonly stream: Stream;
  /** What this call has taken, for a call that must wait. */
  private taken = '';
  /** What an earlier entry of this call had taken. */
  private replay: string;
  private at = 0;
  /** The character that get returned last was a replayed one. */
  private wasReplayed = false;

  constructor(stream: Stream) {
    this.stream = stream;
    const { call } = stream;
    const { taken } = crtState(call);
    this.replay = call.waitStatus === -1 ? '' : (taken[call.thread.id] ?? '');
    if (taken[call.thread.id] === undefined) return;
    call.memory.commit();
    delete taken[call.thread.id];
  }

  get(): number {
    const { stream } = this;
    this.wasReplayed = this.at < this.replay.length;
    if (this.wasReplayed) {
      const code = this.replay.charCodeAt(this.at++);
      this.note(code);
      return code;
    }
    const count = stream.cnt;
    if (count <= 0 && !this.fill()) return EOF;
    const { ptr } = stream;
    const code = stream.call.memory.readU8(ptr);
    stream.ptr = ptr + 1;
    stream.cnt -= 1;
    this.note(code);
    return code;
  }

  /** Up to `limit` bytes, up to and including `stop` (-1: none); empty at the end. */
  take(limit: number, stop: number): Uint8Array {
    const { stream } = this;
    if (this.at < this.replay.length) return Uint8Array.of(this.get());
    if (stream.cnt <= 0 && !this.fill()) return new Uint8Array(0);
    const { ptr } = stream;
    const { memory } = stream.call;
    let count = Math.min(limit, stream.cnt);
    if (stop >= 0) {
      const found = memory.findByte(ptr, stop, count);
      if (found >= 0) count = found + 1;
    }
    const bytes = memory.readBytes(ptr, count);
    stream.ptr = ptr + count;
    stream.cnt -= count;
    if (stream.isTerminal) this.taken += textOf(bytes);
    return bytes;
  }

  unget(code: number): void {
    if (code === EOF) return;
    this.taken = this.taken.slice(0, -1);
    if (this.wasReplayed) this.at--;
    else this.stream.unread(code);
  }

  /** Puts what was replayed but not used back into the stream. */
  finish(): void {
    while (this.replay.length > this.at) {
      this.stream.unread(this.replay.charCodeAt(this.replay.length - 1));
      this.replay = this.replay.slice(0, -1);
    }
  }

  private note(code: number): void {
    if (this.at > 0 || this.stream.isTerminal) this.taken += String.fromCharCode(code);
  }

  private fill(): boolean {
    try {
      return this.stream.fill();
    } catch (error) {
      if (error instanceof Blocked) crtState(this.stream.call).taken[this.stream.call.thread.id] = this.taken;
      throw error;
    }
  }
}

/** Characters of a string that lies in memory. */
export class StringReader implements CharacterSource {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get(): number {
    return this.at < this.text.length ? this.text.charCodeAt(this.at++) : EOF;
  }

  unget(code: number): void {
    if (code !== EOF) this.at--;
  }
}

/** A service that may wait for the console. */
export function waiting(service: ServiceFunction): ServiceFunction {
  return (call: ServiceCall): ServiceResult => {
    try {
      return service(call);
    } catch (error) {
      if (error instanceof Blocked) return PENDING;
      throw error;
    }
  };
}
