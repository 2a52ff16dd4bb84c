import { beforeAll, describe, expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { runKernel } from '../../nt/run-loop.js';
import { CrtMachine } from '../../testing/crt-machine.js';
import { exampleBytes } from '../../testing/examples.js';
import { buildModule } from '../../testing/module-builder.js';
import { E2BIG, ECHILD, EINVAL, ENOENT, ENOEXEC } from './errno.js';

const P_WAIT = 0;
const P_NOWAIT = 1;
const P_DETACH = 4;

const five = buildModule({
  name: 'five.exe',
  imports: { 'kernel32.dll': ['ExitProcess'] },
  entry: (code) => code.enter().first(5).call('kernel32.dll!ExitProcess').leave(),
});
/** _write(3, program, 2), then ends with what that answered. */
const writer = buildModule({
  name: 'writer.exe',
  imports: { 'msvcrt.dll': ['_write', 'exit'] },
  entry: (code) =>
    code
      .enter()
      .raw(0x48, 0x89, 0xe2) // mov rdx, rsp
      .raw(0xc7, 0x02, 0x68, 0x69, 0x00, 0x00) // mov dword [rdx], 'hi'
      .raw(0x41, 0xb8, 0x02, 0x00, 0x00, 0x00) // mov r8d, 2
      .first(3)
      .call('msvcrt.dll!_write')
      .raw(0x89, 0xc1) // mov ecx, eax
      .call('msvcrt.dll!exit')
      .leave(),
});

function makeMachine(): CrtMachine {
  const machine = new CrtMachine({ environment: ['PATH=C:\\none;C:\\tools'], files: { 'a.exe': 'text' } });
  const tools = { 'five.exe': five, 'hello.exe': exampleBytes('bin/hello.exe'), 'writer.exe': writer };
  machine.kernel.fileSystem.mount('C:\\tools', machine.host, machine.host.addRoot(tools), false);
  return machine;
}

function array(machine: CrtMachine, ...strings: (string | { wide: string })[]): number {
  const pointers = strings.map((text) => machine.put(text));
  const bytes = new BigUint64Array([...pointers.map(BigInt), 0n]);
  return machine.put(new Uint8Array(bytes.buffer));
}

describe('_spawn and _exec', () => {
  let machine: CrtMachine;
  beforeAll(() => {
    machine = makeMachine();
  });
  const failing = (errno: number, name: string, ...args: Parameters<CrtMachine['call']>[1][]) => {
    expect(machine.call(name, ...args)).toBe(-1);
    expect(machine.errno).toBe(errno);
  };

  it('wait for the child and answer its exit code', () => {
    expect(machine.call('_spawnl', P_WAIT, 'C:\\tools\\five', 'five', 0)).toBe(5);
    expect(machine.call('_spawnlp', P_WAIT, 'five', 'five', 0)).toBe(5);
    expect(machine.call('_spawnv', P_WAIT, 'C:/tools/five.exe', array(machine, 'five'))).toBe(5);
    expect(machine.call('_wspawnvp', P_WAIT, { wide: 'five' }, array(machine, { wide: 'x' }))).toBe(5);
    verify(machine.kernel.mm);
  });

  it('hand the arguments and the environment on', () => {
    const env = array(machine, 'A=1', 'B=2');
    const environments: (readonly string[])[] = [];
    machine.kernel.processCreated.push(({ environment }) => environments.push(environment));
    expect(machine.call('_spawnlpe', P_WAIT, 'hello', 'hello', 'one', 'two', 0, env)).toBe(0);
    expect(machine.output()).toContain('argument 1: one\r\nargument 2: two\r\n');
    expect(environments).toEqual([['A=1', 'B=2']]);
    const args = array(machine, 'hello', '"three four"');
    expect(machine.call('_spawnvpe', P_WAIT, 'hello', args, array(machine))).toBe(0);
    expect(machine.output()).toContain('argument 1: three four\r\n');
  });

  it('need not wait; _cwait does', () => {
    const handle = machine.call('_spawnlp', P_NOWAIT, 'five', 'five', 0);
    expect(handle).toBeGreaterThan(0);
    const status = machine.space(4);
    expect(machine.call('_cwait', status, handle, 0)).toBe(handle);
    expect(machine.u32(status)).toBe(5);
    failing(ECHILD, '_cwait', status, handle, 0);
    failing(ECHILD, '_cwait', status, -1, 0);
    expect(machine.call('_spawnlp', P_DETACH, 'five', 'five', 0)).toBe(0);
  });

  it('refuse what is not there, no program, or too long', () => {
    failing(ENOENT, '_spawnl', P_WAIT, 'five', 'five', 0);
    failing(ENOENT, '_spawnlp', P_WAIT, 'six', 'six', 0);
    failing(ENOEXEC, '_spawnl', P_WAIT, 'a.exe', 'a', 0);
    failing(EINVAL, '_spawnl', 7, 'five', 'five', 0);
    failing(EINVAL, '_spawnl', P_WAIT, 'five', '', 0);
    failing(EINVAL, '_spawnv', P_WAIT, 'five', 0);
    failing(E2BIG, '_spawnlp', P_WAIT, 'five', 'x'.repeat(30_000), 'y'.repeat(3000), 0);
    failing(ENOENT, 'system', 'dir');
    expect(machine.call('system', 0)).toBe(0);
  });

  it('let the child write to an open descriptor', () => {
    const O_CREAT_WRONLY_BINARY = 0x8101;
    const descriptor = machine.call('_open', 'out.txt', O_CREAT_WRONLY_BINARY, 0x180);
    expect(descriptor).toBe(3);
    expect(machine.call('_spawnlp', P_WAIT, 'writer', 'writer', 0)).toBe(2);
    expect(machine.call('_close', descriptor)).toBe(0);
    expect(machine.call('_spawnlp', P_WAIT, 'writer', 'writer', 0)).toBe(-1);
    expect(machine.file('out.txt')).toBe('hi');
  });

  it('put the child in the place of the caller', () => {
    const other = makeMachine();
    other.begin('_execlp', 'hello', 'hello', 'from exec', 0);
    const forEver = Number.POSITIVE_INFINITY;
    expect(runKernel(other.kernel, { instructions: forEver, work: forEver })).toBe('exited');
    expect(other.process.exitStatus).toBe(0);
    expect(other.output()).toContain('argument 1: from');
    verify(other.kernel.mm);
  });
});
