/** What kernel32 knows of a process beside what lies in its memory: plain data in Process.library. */
import type { Process } from '../../nt/process.js';
import type { ServiceCall } from '../../nt/service.js';

export interface Kernel32State {
  /** Guest addresses of blocks that getters return, by name. */
  readonly blocks: Record<string, number>;
  /** SetConsoleCtrlHandler: handlers, last added last. */
  readonly controlHandlers: number[];
  ignoreControlC: boolean;
  /** Id of the console, that of the process for which it was made, 0 for none; the machine's own is 1. */
  console: number;
  /** Id of the process that leads its group. */
  processGroup: number;
  /** Text attribute of the console's screen buffer. */
  textAttribute: number;
  /** SetFileApisToOEM. */
  fileApisAreOem: boolean;
  /** Sequence of GetTempFileName. */
  temporaryNames: number;
}

export function stateOf(call: ServiceCall): Kernel32State {
  return stateOfProcess(call.process);
}

export function stateOfProcess({ id, library }: Process): Kernel32State {
  library['kernel32'] ??= {
    blocks: {},
    controlHandlers: [],
    ignoreControlC: false,
    console: 1,
    processGroup: id,
    textAttribute: 7,
    fileApisAreOem: false,
    temporaryNames: 0,
  } satisfies Kernel32State;
  return library['kernel32'] as Kernel32State;
}

/** Guest address of a block that a getter makes when it is asked for first, by name. */
export function blockOnce(call: ServiceCall, name: string, make: () => number): number {
  const { blocks } = stateOf(call);
  const known = blocks[name];
  if (known !== undefined) return known;
  const address = make();
  call.memory.commit();
  blocks[name] = address;
  return address;
}
