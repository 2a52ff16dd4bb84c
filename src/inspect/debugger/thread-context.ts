/** The registers of a thread: the processor's while it runs, else those saved in its kernel stack. */
import { CONTEXT, FS_BASE, GPR, GS_BASE, MXCSR, RFLAGS, RIP } from '../../machine/cpu/layout.js';
import { findSystemPte } from '../../mm/system-space.js';
import { contextAddress, type Kernel } from '../../nt/kernel.js';
import type { Thread } from '../../nt/thread.js';
import { residentFrame } from '../peek.js';
import { DebugError } from './debug-error.js';
import { addressOfWords, hex } from './format.js';

/** In encoding order. */
export const GENERAL_REGISTERS = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;

const SPECIAL_OFFSETS: Readonly<Record<string, number>> = {
  rip: RIP,
  fsbase: FS_BASE,
  gsbase: GS_BASE,
};

const PAGE_SIZE = 4096;

export interface RegisterValue {
  readonly lo: number;
  readonly hi: number;
}

/** Index in the words of RAM of the context in a kernel stack, which may be out; throws DebugError when it is not in RAM. */
function savedContextWord({ mm }: Kernel, thread: Thread): number {
  const address = contextAddress(thread);
  const frame = residentFrame(mm.words[findSystemPte(mm, address)]!);
  if (frame < 0)
    throw new DebugError(
      `the kernel stack of thread ${hex(thread.id, 4)} is in a paging file, and its registers with it`,
    );
  return mm.frameWord(frame) + ((address % PAGE_SIZE) >>> 2);
}

export class ThreadContext {
  readonly #words: Uint32Array;
  /** Index in the words of RAM of the context's first. */
  readonly #base: number;

  constructor(
    kernel: Kernel,
    readonly thread: Thread,
  ) {
    this.#words = kernel.mm.words;
    this.#base = kernel.loadedThread === thread ? CONTEXT >>> 2 : savedContextWord(kernel, thread);
  }

  /** A 64-bit register by its name in lower case; undefined when there is none of that name. */
  read(name: string): RegisterValue | undefined {
    if (name === 'efl') return { lo: this.flags, hi: 0 };
    const general = GENERAL_REGISTERS.indexOf(name as (typeof GENERAL_REGISTERS)[number]);
    const offset = general >= 0 ? GPR + general * 8 : SPECIAL_OFFSETS[name];
    if (offset === undefined) return undefined;
    return { lo: this.#word(offset), hi: this.#word(offset + 4) };
  }

  get rip(): number {
    return addressOfWords(this.#word(RIP), this.#word(RIP + 4));
  }

  get rsp(): number {
    const { lo, hi } = this.read('rsp')!;
    return addressOfWords(lo, hi);
  }

  /** RFLAGS, low 32 bits. */
  get flags(): number {
    return this.#word(RFLAGS);
  }

  get mxcsr(): number {
    return this.#word(MXCSR);
  }

  #word(offset: number): number {
    return this.#words[this.#base + ((offset - CONTEXT) >>> 2)]!;
  }
}
