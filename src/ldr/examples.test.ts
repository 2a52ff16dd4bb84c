/** The example programs, from LdrInitializeThunk to their exit code, as examples/runs.txt lists them. */
import { afterAll, describe, expect, it } from 'vitest';
import { exampleBytes, exampleRuns, makeExampleMachine } from '../testing/examples.js';

/** Text as the guest writes it has CR LF, the expectations LF. */
const text = (bytes: Uint8Array) => new TextDecoder('latin1').decode(bytes).replaceAll('\r\n', '\n');

const runs = exampleRuns();
let checks = 0;
afterAll(() => console.log(`the examples: ${runs.length} runs, ${checks} checks by verify()`));

describe('the examples', () => {
  it.each(runs)('$program $args ends with $exitCode', ({ expected, exitCode, made, program, args }) => {
    const { machine, process, host } = makeExampleMachine(program, args);
    expect(machine.run({ maxInstructions: 50_000_000 }).state).toBe('exited');
    expect(text(host.consoleBytes(1))).toBe(text(exampleBytes(expected)));
    expect(process.exitStatus).toBe(exitCode);
    checks += machine.verify().checks;
    if (made === null) return;
    const { fileSystem } = machine.kernel;
    const { mount, below } = fileSystem.locate('C', ['work', made.name])!;
    const file = mount!.host.open(mount!.root, below, 'read', 'open');
    const bytes = new Uint8Array(mount!.host.size(file));
    mount!.host.read(file, 0, bytes);
    expect(bytes).toEqual(exampleBytes(made.expected));
  });
});
