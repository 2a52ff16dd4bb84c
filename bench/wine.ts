/** Debian's Wine as a peer: Windows programs on the host's processor and kernel, in a prefix of their own. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { now } from './guest.js';

const PLACES = ['/usr/lib/wine/wine64', '/usr/bin/wine64', '/usr/bin/wine'];
const SERVERS = ['/usr/lib/wine/wineserver64', '/usr/bin/wineserver'];

export interface Wine {
  /** What `wine --version` says. */
  readonly version: string;
  /** Runs a program to its end; the moments (ns) of the start, of each line that it printed, and of the end. */
  run(program: string, args: readonly string[], folder: string): Promise<number[]>;
  close(): void;
}

/** Starts Wine; null where it is not installed. The server stays up, so that no run pays for its start. */
export function startWine(): Wine | null {
  const program = PLACES.find((place) => existsSync(place));
  if (program === undefined) return null;
  const prefix = mkdtempSync(join(tmpdir(), 'ntmm-wine-'));
  const env = {
    ...process.env,
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'winedbg.exe,mscoree,mshtml=d',
  };
  const server = SERVERS.find((place) => existsSync(place));
  if (server !== undefined) execFileSync(server, ['-p600'], { env, stdio: 'ignore' });
  execFileSync(program, ['wineboot', '-i'], { env, stdio: 'ignore' });
  return {
    version: execFileSync(program, ['--version'], { env, encoding: 'utf8' }).trim(),
    run: (guest, args, folder) => runMarked(program, [guest, ...args], folder, env),
    close: () => {
      if (server !== undefined) execFileSync(server, ['-k'], { env, stdio: 'ignore' });
      rmSync(prefix, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

function runMarked(
  program: string,
  args: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<number[]> {
  const marks = [now()];
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.on('data', (chunk: Buffer) => {
    const time = now();
    for (const byte of chunk) if (byte === 0x0a) marks.push(time);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      marks.push(now());
      if (status === 0) resolve(marks);
      else reject(new Error(`${args[0]} ended with ${status} under Wine`));
    });
  });
}
