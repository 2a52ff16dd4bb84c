import { describe, expect, it } from 'vitest';
import { STATUS_NAME_TOO_LONG } from '../base/ntstatus.js';
import type { ProcessOptions } from '../machine.js';
import { NtStatusError } from '../machine-process.js';
import { makeExampleMachine } from '../testing/examples.js';
import { MAXIMUM_COMMAND_LINE } from './command-line.js';

const IMAGE = 'C:\\app\\hello.exe';

/** The status that refuses a second process, 0 for none, and how many there are then. */
function create(options: Omit<ProcessOptions, 'image'>): { status: number; processes: number } {
  const { machine } = makeExampleMachine('hello.exe');
  try {
    machine.createProcess({ image: IMAGE, ...options });
    return { status: 0, processes: machine.kernel.processes.size };
  } catch (error) {
    if (!(error instanceof NtStatusError)) throw error;
    return { status: error.status, processes: machine.kernel.processes.size };
  }
}

describe('the texts of a new process', () => {
  const refused = { status: STATUS_NAME_TOO_LONG, processes: 1 };
  const accepted = { status: 0, processes: 2 };

  it('have the lengths of Windows at most', () => {
    const commandLine = 'x'.repeat(MAXIMUM_COMMAND_LINE);
    expect(create({ commandLine })).toEqual(accepted);
    expect(create({ commandLine: `${commandLine}x` })).toEqual(refused);
    expect(create({ args: [commandLine] })).toEqual(refused);
    const variable = `A=${'b'.repeat(32_765)}`;
    expect(create({ environment: ['B=c', variable, variable] })).toEqual(accepted);
    expect(create({ environment: ['B=c', `${variable}b`] })).toEqual(refused);
    expect(create({ currentDirectory: `C:\\${'d'.repeat(32_767)}` })).toEqual(refused);
  });

  it('reach the program whole at the limit', () => {
    const { machine, host } = makeExampleMachine('hello.exe');
    const text = 'y'.repeat(MAXIMUM_COMMAND_LINE - IMAGE.length - 1);
    machine.createProcess({ image: IMAGE, args: [text] });
    machine.run();
    expect(host.consoleText()).toContain(text);
  });
});
