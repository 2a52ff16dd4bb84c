import { describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { below, mulberry32, seedFor } from '../../testing/seed.js';
import { ModuleMachine } from '../../testing/win32-machine.js';
import { advapi32 } from '../advapi32/index.js';
import { oleaut32 } from '../oleaut32/index.js';
import { user32 } from '../user32/index.js';
import { kernel32 } from './index.js';

const TEXTS = [
  '',
  'a.txt',
  'C:\\work\\*',
  '..\\..\\x',
  '\\\\?\\C:\\',
  'CON',
  'a:b',
  '%PATH%',
  '%1!s!',
  'kernel32',
];
const ARGUMENTS = 8;
const ROUNDS = Number(globalThis.process.env['NTMM_HOSTILE_ROUNDS'] ?? 3);

/** Continues a fault of a service at the instruction behind its SYSCALL; other exceptions go on. */
// biome-ignore format: one instruction a line
const SKIP_FAULT = [
  0x48, 0x8b, 0x01, // mov rax, [rcx] (record)
  0x81, 0x38, 0x05, 0x00, 0x00, 0xc0, // cmp dword [rax], C0000005h
  0x75, 0x1e, // jne search
  0x48, 0x8b, 0x51, 0x08, // mov rdx, [rcx+8] (context)
  0x48, 0x8b, 0x82, 0xf8, 0x00, 0x00, 0x00, // mov rax, [rdx+F8h] (Rip)
  0x66, 0x81, 0x38, 0x0f, 0x05, // cmp word [rax], 050Fh
  0x75, 0x0c, // jne search
  0x48, 0x83, 0x82, 0xf8, 0x00, 0x00, 0x00, 0x02, // add qword [rdx+F8h], 2
  0x83, 0xc8, 0xff, // or eax, -1
  0xc3, // ret
  0x31, 0xc0, // search: xor eax, eax
  0xc3, // ret
];

function makeMachine(module: string): ModuleMachine {
  const machine = new ModuleMachine(module, { files: { 'a.txt': 'some text' } });
  const code = machine.process.allocate(0x1000, { protection: 0x40 });
  machine.process.write(code, Uint8Array.from(SKIP_FAULT));
  machine.call('AddVectoredExceptionHandler', 1, code);
  return machine;
}

describe.each([kernel32, advapi32, oleaut32, user32])('every function of $name', (module) => {
  it('answers, faults or ends the program, whatever its arguments are', () => {
    const random = mulberry32(seedFor(`${module.name} hostile arguments`));
    const pick = (limit: number) => below(random, limit);
    let machine = makeMachine(module.name);
    const argument = (): number | bigint => {
      switch (pick(10)) {
        case 0:
          return 0;
        case 1:
          return pick(300) - 20;
        case 2:
          return pick(64) * 4;
        case 3:
          return BigInt(random()) << BigInt(pick(33));
        case 4:
          return 0xffff_f680_0000_0000n + BigInt(pick(0x10000));
        case 5:
          return machine.put(TEXTS[pick(TEXTS.length)]!);
        case 6:
          return machine.put({ wide: TEXTS[pick(TEXTS.length)]! });
        case 7:
          return 2 ** pick(32);
        default:
          return machine.space(128);
      }
    };
    const names = Object.keys(module.functions);
    let [answered, ended] = [0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        if (machine.spaceLeft < 0x8000) machine = makeMachine(module.name);
        const args = Array.from({ length: ARGUMENTS }, argument);
        let reason = 'limit';
        try {
          machine.begin(name, ...args);
          reason = machine.run();
        } catch (error) {
          throw new Error(`${name}(${args.map((value) => value.toString(16)).join(', ')})`, { cause: error });
        }
        if (reason === 'limit') answered++;
        else {
          ended++;
          machine = makeMachine(module.name);
        }
      }
      verify(machine.kernel.mm);
    }
    expect(answered).toBeGreaterThan(ended * 4);
  }, 300_000);
});
