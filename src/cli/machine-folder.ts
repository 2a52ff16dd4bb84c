/**
 * The folder of a run for the machine's own files: new for each run, removed at its end. Folders of runs that died are
 * removed at the next start. The name says whose it is: ntmm-HOST-PID-RANDOM.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CommandError, EXIT_CANNOT_WRITE } from './exit-status.js';

const RUN_FOLDER = /^ntmm-([\w.-]+)-(\d+)-\w{6}$/;

const ownHost = () => hostname().replaceAll(/[^\w.-]/g, '_') || 'host';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Removes the folders that dead runs of this computer left. What cannot be removed, another user's, stays. */
export function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const match = RUN_FOLDER.exec(name);
    if (match === null || match[1] !== ownHost() || isAlive(Number(match[2]))) continue;
    const folder = join(parent, name);
    try {
      if (lstatSync(folder).isDirectory()) rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (!['EACCES', 'EPERM', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

/** Removes a folder, and those above it up to `last`, as far as they are empty. */
function removeEmptyFolders(folder: string, last: string): void {
  for (let at = resolve(folder); at.length >= last.length && readdirSync(at).length === 0; at = dirname(at))
    rmdirSync(at);
}

/** Makes the folder of this run and sees to it that it goes with the process. */
export function makeMachineFolder(parent: string | undefined): string {
  const place = parent ?? tmpdir();
  try {
    const made = existsSync(place) ? undefined : mkdirSync(place, { recursive: true });
    removeLeftovers(place);
    const folder = mkdtempSync(join(place, `ntmm-${ownHost()}-${process.pid}-`));
    process.on('exit', () => {
      rmSync(folder, { recursive: true, force: true });
      if (made !== undefined) removeEmptyFolders(place, made);
    });
    return folder;
  } catch (error) {
    const { message } = error as Error;
    throw new CommandError(
      EXIT_CANNOT_WRITE,
      `the machine's files cannot go to ${place} (${message}); --machine-dir names another folder`,
    );
  }
}
