/** Runs the built command line as its own process, for tests. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { exampleInputs } from './examples.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const INTERRUPT_CHECK_MS = 20;
const PAUSE_MS = 150;

export interface CommandResult {
  /** Exit status, null when a signal ended it. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Standard input; pieces come with a pause between them, and after null it stays open. */
  readonly input?: string | readonly (string | null)[];
  readonly env?: Readonly<Record<string, string>>;
  /** Send SIGINT as soon as this answers true; asked every few milliseconds. */
  readonly interruptWhen?: () => boolean;
  /** Close the reading end of standard output after its first bytes. */
  readonly closeStdout?: boolean;
}

/** Writes standard input. */
function feed(stdin: Writable, input: string | readonly (string | null)[]): void {
  if (typeof input === 'string') {
    stdin.end(input);
    return;
  }
  const [piece, ...rest] = input;
  if (piece === null) return;
  if (piece === undefined) stdin.end();
  else stdin.write(piece, () => setTimeout(() => feed(stdin, rest), PAUSE_MS));
}

/** Runs `ntmm args...`. */
export function ntmm(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  if (!existsSync(main)) throw new Error('dist/ is not built: npm test builds it');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    const stdout: Uint8Array[] = [];
    let stderr = '';
    const { interruptWhen } = options;
    const timer = setInterval(() => {
      if (interruptWhen?.() !== true) return;
      clearInterval(timer);
      child.kill('SIGINT');
    }, INTERRUPT_CHECK_MS);
    child.stdout.on('data', (chunk: Uint8Array) => {
      stdout.push(chunk);
      if (options.closeStdout) child.stdout.destroy();
    });
    child.stderr.on('data', (chunk: Uint8Array) => {
      stderr += new TextDecoder().decode(chunk);
    });
    child.on('error', reject);
    child.stdin.on('error', () => {});
    feed(child.stdin, options.input ?? '');
    child.on('close', (status, signal) => {
      clearInterval(timer);
      resolve({ status, signal, stdout: Uint8Array.from(stdout.flatMap((chunk) => [...chunk])), stderr });
    });
  });
}

/** Runs an action in a new folder with the input files of the examples, and removes it. */
export async function inExampleFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ntmm-test-'));
  try {
    for (const [name, bytes] of Object.entries(exampleInputs())) writeFileSync(join(folder, name), bytes);
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
