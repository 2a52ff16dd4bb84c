/** What the command itself ends with; a program's own code 0-255 passes through. Values of sysexits.h and of shells. */
export const EXIT_USAGE = 64;
/** A self-check failed, or the simulated system stopped: an error of ours. */
export const EXIT_INTERNAL = 70;
/** A file of ours cannot be written. */
export const EXIT_CANNOT_WRITE = 73;
/** Stopped before the program ended: a limit, or nothing left that could wake it. */
export const EXIT_STOPPED = 124;
export const EXIT_NOT_RUNNABLE = 126;
export const EXIT_NOT_FOUND = 127;
/** The program's code does not fit into an exit status. */
export const EXIT_LARGE_CODE = 255;
const SIGNAL_BASE = 128;
const LARGEST_STATUS = 255;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 };

/** Exit status of a run that a signal stopped. */
export function signalStatus(signal: string): number {
  return SIGNAL_BASE + SIGNAL_NUMBERS[signal]!;
}

/** Exit status for the 32-bit code of a Windows program. */
export function guestStatus(exitCode: number): number {
  return exitCode <= LARGEST_STATUS ? exitCode : EXIT_LARGE_CODE;
}

/** Why the command gives up: one sentence that names the thing and the way out. */
export class CommandError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}
