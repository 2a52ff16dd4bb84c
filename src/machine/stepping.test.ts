import { expect, test } from 'vitest';
import { BareMachine } from '../testing/bare-machine.js';
import type { Random } from '../testing/seed.js';
import { below, mulberry32, seedFor } from '../testing/seed.js';
import { EXIT_EXCEPTION, EXIT_QUANTUM, RSP } from './processor.js';

const CODE = 0x40_0000;
const DATA = 0x50_0000;
/** Registers that the programs compute with: RAX, RCX, RDX, RDI; RBX points to data. */
const REGISTERS = [0, 1, 2, 7];

/** One random instruction of general, MMX and XMM registers, flags, data at [rbx], or a short jump forward. */
function instruction(random: Random): number[] {
  const a = REGISTERS[below(random, 4)]!;
  const b = REGISTERS[below(random, 4)]!;
  const wide = below(random, 2) === 0 ? [0x48] : [];
  const registers = 0xc0 | (b << 3) | a;
  const alu = below(random, 8) << 3;
  const condition = below(random, 16);
  const memory = [0x43 | (b << 3), below(random, 100)];
  const choices: number[][] = [
    [...wide, alu | 1, registers],
    [...wide, 0x83, 0xc0 | alu | a, below(random, 256)],
    [...wide, alu | 3, ...memory],
    [...wide, alu | 1, ...memory],
    [0x80, 0x43 | alu, below(random, 100), below(random, 256)],
    [0x66, alu | 1, registers],
    [alu, registers],
    [...wide, 0x85, registers],
    [...wide, 0xff, 0xc0 | (below(random, 2) << 3) | a],
    [...wide, 0xc1, 0xc0 | (below(random, 8) << 3) | a, below(random, 70)],
    [...wide, 0xd3, 0xc0 | (below(random, 8) << 3) | a],
    [...wide, 0xf7, 0xd0 | (below(random, 2) << 3) | a],
    [...wide, 0x0f, 0xaf, registers],
    [...wide, 0x0f, 0x40 | condition, registers],
    [0x0f, 0x90 | condition, 0xc0 | a],
    [0x70 | condition, below(random, 3)],
    [0x70 | condition, 0],
    [below(random, 2) === 0 ? 0x9c : 0x50 | a, 0x58 | b],
    [[0xf5, 0xf8, 0xf9][below(random, 3)]!],
    // POPCNT, ANDN, MOVBE, PADDW and PSHUFB of MMX and XMM, PTEST, EMMS.
    [0xf3, ...wide, 0x0f, 0xb8, registers],
    [0xc4, 0xe2, 0xf8, 0xf2, ...memory],
    [...wide, 0x0f, 0x38, 0xf0 | below(random, 2), ...memory],
    [0x0f, 0xfd, ...memory],
    [0x66, 0x0f, 0x38, 0x00, registers],
    [0x0f, 0x38, 0x00, registers],
    [0x66, 0x0f, 0x38, 0x17, registers],
    [0x0f, 0x77],
  ];
  return choices[below(random, choices.length)]!;
}

function machineFor(code: readonly number[], random: Random): BareMachine {
  const machine = new BareMachine(1 << 20, 256 << 10);
  machine.code(CODE, code);
  const data = machine.map(DATA);
  machine.poke(
    data,
    0,
    Array.from({ length: 256 }, () => below(random, 256)),
  );
  for (const register of REGISTERS) machine.cpu.set(register, random(), random());
  machine.cpu.setAddress(3, DATA);
  machine.cpu.setAddress(RSP, DATA + 0x800);
  return machine;
}

/** All that a program can see, as text: the user context and its data. */
function stateOf({ cpu, ram }: BareMachine): string {
  const context = ram.bytes.subarray(cpu.contextOffset, cpu.contextOffset + cpu.contextSize);
  const data = cpu.translate(DATA, 0);
  return Buffer.concat([context, ram.bytes.subarray(data, data + 0x1000)]).toString('base64');
}

test('programs come to the same in one run, step by step, and in pieces', () => {
  const seed = seedFor('stepping');
  const random = mulberry32(seed);
  for (let round = 0; round < 300; round++) {
    const dataSeed = random();
    const code = Array.from({ length: 40 }, () => instruction(random)).flat();
    // Jumps may land inside an instruction; whatever that decodes to, it is the same for all three. Ends: UD2.
    const ends = Array.from({ length: 16 }, () => 0x90);
    const program = [...code, ...ends, 0x0f, 0x0b];
    const machines = [0, 1, 2].map(() => machineFor(program, mulberry32(dataSeed)));
    const limits = [500, 1, 7] as const;
    const outcomes = machines.map((machine, n) => {
      let exit = EXIT_QUANTUM;
      while (exit === EXIT_QUANTUM && machine.cpu.instructions < 500) exit = machine.cpu.run(limits[n]!);
      return { exit, instructions: machine.cpu.instructions, state: stateOf(machine) };
    });
    expect(outcomes[1], `seed ${seed}, round ${round}`).toEqual(outcomes[0]);
    expect(outcomes[2]!.state, `seed ${seed}, round ${round}`).toEqual(outcomes[0]!.state);
    if (outcomes[0]!.exit === EXIT_EXCEPTION)
      expect(machines[0]!.cpu.exceptionVector).toBe(machines[1]!.cpu.exceptionVector);
  }
});
