import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { examplePath } from '../testing/examples.js';

describe('the library example', () => {
  it('runs with the built package and is short', () => {
    const path = examplePath('library/example.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toBe('page fault at 0x10000\nHello, page.\n1 of 16 pages has memory\n');
    expect(readFileSync(path, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(12);
  });
});
