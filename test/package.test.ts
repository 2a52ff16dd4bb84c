import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

it('is packed with all that the command and the library need', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ntmm-package-'));
  try {
    const modules = join(folder, 'node_modules');
    const installed = join(modules, 'ntmm');
    mkdirSync(installed, { recursive: true });
    const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const file = /"filename":\s*"([^"]+)"/.exec(packed)![1]!;
    execFileSync('tar', ['-xzf', join(folder, file), '-C', installed, '--strip-components=1']);
    symlinkSync(join(root, 'node_modules/commander'), join(modules, 'commander'));

    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      bin: { ntmm: string };
    };
    const program = join(installed, 'examples/bin/hello.exe');
    const run = [join(installed, bin.ntmm), 'run', program];
    const output = execFileSync(process.execPath, run, { cwd: folder, encoding: 'utf8' });
    expect(output).toBe(readFileSync(join(root, 'examples/hello/expected.txt'), 'utf8'));
    const code =
      "import { Machine } from 'ntmm'; import 'ntmm/node'; console.log(new Machine().verify().frames)";
    const node = ['--input-type=module', '-e', code];
    expect(execFileSync(process.execPath, node, { cwd: folder, encoding: 'utf8' })).toBe('16384\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
