import { describe, expect, it } from 'vitest';
import { CrtMachine } from '../../testing/crt-machine.js';
import { seedFor } from '../../testing/seed.js';
import { msvcrt } from './index.js';

/** A 32-bit generator (xorshift). */
function generator(seed: number): (below: number) => number {
  let state = seed || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const ENDING = /^(exit|_exit|abort|_amsg_exit|_assert|_wassert|_purecall|\?terminate@@YAXXZ)$/;
const FORMATS = [
  '%s',
  '%n',
  '%*.*f%lls',
  '%2000000000d',
  '%[',
  '%[^',
  '%',
  '%99999s',
  'w+b',
  'r',
  '%.*ls%hn',
];
const ROUNDS = Number(globalThis.process.env['NTMM_HOSTILE_ROUNDS'] ?? 1);

describe('every function of msvcrt', () => {
  it('answers or faults in the program, whatever its arguments are', () => {
    const random = generator(seedFor('hostile arguments'));
    let crt = new CrtMachine();
    const argument = () => {
      switch (random(9)) {
        case 0:
          return 0;
        case 1:
          return random(300) - 2;
        case 2:
          return -1 - random(70000);
        case 3:
          return BigInt(random(2 ** 32)) << BigInt(random(33));
        case 4:
          return crt.put(FORMATS[random(FORMATS.length)]!);
        case 5:
          return crt.symbol('_iob') + 48 * random(20);
        case 6:
          return { double: (random(2) === 0 ? 1 : -1) * 10 ** (random(700) - 350) };
        default:
          return crt.space(256);
      }
    };
    const names = Object.keys(msvcrt.functions).filter((name) => !ENDING.test(name));
    let answered = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) {
        if (crt.process.exitStatus !== null || crt.spaceLeft < 0x8000) crt = new CrtMachine();
        const args = Array.from({ length: 6 }, argument);
        try {
          crt.begin(name, ...args);
          const reason = crt.run();
          if (reason === 'limit') answered++;
          else if (reason !== 'exited') crt = new CrtMachine();
        } catch (error) {
          throw new Error(`${name}(${args.map(String).join(', ')})`, { cause: error });
        }
      }
    }
    expect(answered).toBeGreaterThan(names.length / 3);
  }, 600_000);
});
