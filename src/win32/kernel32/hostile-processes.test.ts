import { describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { exampleBytes } from '../../testing/examples.js';
import { below, mulberry32, seedFor } from '../../testing/seed.js';
import { Win32Machine } from '../../testing/win32-machine.js';

const CALLS = Number(globalThis.process.env['NTMM_HOSTILE_PROCESS_CALLS'] ?? 800);
const VERIFY_EVERY = 100;
/** Calls that a machine lives through at most. */
const LIFE = 300;

/** Functions that reach other processes, and what each of their arguments may be. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  CreateProcessA: 'n l 0 0 f c e d s p',
  CreateRemoteThread: 'h 0 z a a f p',
  CreateThread: '0 z a a f p',
  OpenProcess: 'r f i',
  OpenThread: 'r f i',
  TerminateProcess: 'h z',
  TerminateThread: 'h z',
  SuspendThread: 'h',
  ResumeThread: 'h',
  DuplicateHandle: 'h h h p r f o',
  CloseHandle: 'h',
  SetHandleInformation: 'h f f',
  SetPriorityClass: 'h c',
  SetThreadPriority: 'h z',
  GetExitCodeProcess: 'h p',
  GetExitCodeThread: 'h p',
  VirtualAllocEx: 'h a z t m',
  VirtualFreeEx: 'h a z t',
  VirtualProtectEx: 'h a z m p',
  VirtualQueryEx: 'h a p z',
  ReadProcessMemory: 'h a p z p',
  WriteProcessMemory: 'h a p z p',
  WaitForSingleObject: 'h w',
  CreateFileMappingA: 'h 0 m 0 z l',
  MapViewOfFile: 'h f 0 0 z',
};

class HostileParent extends Win32Machine {
  readonly block = this.space(0x1000);
  readonly handles: number[] = [-1, -2];
  life = LIFE;

  constructor(readonly random: () => number) {
    super({ files: {} });
    const root = this.host.addRoot({ 'hello.exe': exampleBytes('bin/hello.exe') });
    this.kernel.fileSystem.mount('C:\\tools', this.host, root, false);
  }

  pick<T>(values: readonly T[]): T {
    return values[below(this.random, values.length)]!;
  }

  private address(): number {
    const process = this.pick([...this.kernel.processes.values()]);
    const { peb, imageBase, threads, systemModules } = process;
    const teb = this.pick(threads)?.teb ?? 0;
    const bases = [0, 0x10000, peb, teb, imageBase, imageBase + 0x1000, this.block, 0x7ffe0000, 2 ** 46];
    return this.pick([...bases, ...systemModules.values()]) + this.pick([0, 0, 8, 0x1000, 0x123]);
  }

  argument(kind: string): number | bigint {
    switch (kind) {
      case 'h':
        return this.pick(this.handles);
      case 'a':
        return this.address();
      case 'p':
        return this.pick([this.block, this.block, this.block + 8, 0]);
      case 'z':
        return this.pick([0, 1, 8, 64, 4096, 65_536, 0x100000, -1, 2 ** 40]);
      case 'f':
        return this.pick([0, 0, 1, 2, 4]);
      case 'c':
        return this.pick([0, 4, 4, 8, 16, 0x20, 0x40, 0x80, 0x100, 0x4000, 0x400, 0x8000000]);
      case 'n':
        return this.pick([
          0,
          this.put('C:\\tools\\hello.exe'),
          this.put('C:\\tools\\hello.exe'),
          this.put('x'),
        ]);
      case 'l':
        return this.pick([0, this.put('name a b'), this.put('C:\\tools\\hello c d')]);
      case 'e':
      case 'd':
        return this.pick([0, 0, 0, this.put('C:\\tools'), this.block]);
      case 's':
        return this.put(new Uint8Array(0x68));
      case 'r':
        return this.pick([0x1fffff, 0x1fffff, 0x2000000, 0x10, 0x400, 0]);
      case 'i':
        return this.pick(
          [...this.kernel.processes.values()].flatMap(({ id, threads }) => [id, threads[0]?.id ?? 0]),
        );
      case 'o':
        return this.pick([0, 1, 2, 3]);
      case 't':
        return this.pick([0x1000, 0x2000, 0x3000, 0x4000, 0x8000]);
      case 'm':
        return this.pick([1, 2, 4, 8, 0x20, 0x40, 0x104]);
      case 'w':
        return this.pick([0, 1, 20]);
      default:
        return 0;
    }
  }

  /** Whether the program is still there afterwards; a handle that it got is used from then on. */
  attack(name: string): boolean {
    const args = FUNCTIONS[name]!.split(' ').map((kind) => this.argument(kind));
    let answer = 0n;
    try {
      answer = this.call64(name, ...args);
    } catch (error) {
      if (/ended|status|exited|waiting|stalled|does not end/.test(String(error))) return false;
      throw new Error(`${name}(${args.map((value) => value.toString(16)).join(', ')})`, { cause: error });
    }
    if (/^(Open|CreateR|CreateT|CreateF)/.test(name) && answer > 0n) this.handles.push(Number(answer));
    if (name === 'CreateProcessA' && answer === 1n) {
      const at = Number(args[9]);
      this.handles.push(this.u32(at), this.u32(at + 8));
    }
    if (this.handles.length > 24) this.handles.splice(2, 1);
    return this.process.exitStatus === null && --this.life > 0 && this.spaceLeft > 0x8000;
  }
}

describe('a program that misuses other processes', () => {
  it('harms itself and them, but not the system', () => {
    const random = mulberry32(seedFor('hostile processes'));
    const names = Object.keys(FUNCTIONS);
    let parent = new HostileParent(random);
    let made = 0;
    for (let call = 0; call < CALLS; call++) {
      const isNew = parent.handles.length < 4 || below(random, 8) === 0;
      const lives = parent.attack(isNew ? 'CreateProcessA' : names[below(random, names.length)]!);
      if (call % VERIFY_EVERY === 0 || !lives) verify(parent.kernel.mm);
      if (lives) continue;
      made += parent.kernel.exited.length + parent.kernel.processes.size;
      parent = new HostileParent(random);
    }
    expect(made).toBeGreaterThan(CALLS / 50);
  }, 300_000);
});
