import { describe, expect, it } from 'vitest';
import type { Machine } from '../../machine.js';
import { exampleRuns, makeExampleMachine } from '../../testing/examples.js';
import { swapOut } from '../../testing/swap-out.js';
import { COMMANDS } from './commands.js';
import { EVENT_KINDS } from './event-filter.js';
import { DebugSession, splitCommands } from './session.js';

const RAM = 8 * 2 ** 20;

/** A session that runs to its stop at once. */
class Prompt {
  readonly session: DebugSession;

  constructor(
    readonly machine: Machine,
    limit?: number,
  ) {
    this.session = new DebugSession(machine.kernel, limit);
  }

  /** What a command answers; it must be possible. */
  type(command: string): string {
    const { text, failed, runs } = this.session.execute(command);
    expect(failed, `${command}: ${text}`).not.toBe(true);
    return runs === true ? this.stop() : text;
  }

  /** Why a command cannot be done. */
  refusal(command: string): string {
    const { text, failed } = this.session.execute(command);
    expect(failed, command).toBe(true);
    return text;
  }

  stop(): string {
    for (;;) {
      const stop = this.session.piece();
      if (stop !== null) return stop;
    }
  }

  get rip(): number {
    return this.machine.kernel.processor.rip;
  }

  get instructions(): number {
    return this.machine.kernel.processor.instructions;
  }
}

function promptOver(program: string, args: string[] = [], limit?: number) {
  const example = makeExampleMachine(program, args, { ram: RAM });
  return { ...example, prompt: new Prompt(example.machine, limit) };
}

const INSPECTION = COMMANDS.filter(({ names }) => /^[!.]|^(r|u|k|d[bdqau]|lm|\?)$/.test(names[0]!)).filter(
  ({ names }) => !names.includes('.input'),
);

/** Each command that only looks, with an argument where it needs one. */
function lookEverywhere(prompt: Prompt): void {
  for (const { names, usage } of INSPECTION) {
    const name = names[0]!;
    if (!/ (ADDRESS|FRAME|EXPRESSION)$/.test(usage)) prompt.type(name);
    if (/ADDRESS|EXPRESSION/.test(usage))
      for (const place of [
        '@rsp',
        '@rip',
        '7ffe0000',
        'fffff8a0`00000000',
        'fffff680`00000000',
        '1000',
        '-1',
      ])
        if (name !== '!vad') prompt.type(`${name} ${place}`);
  }
  for (const frame of ['0', '1', '12', '20', '7ff']) prompt.type(`!pfn ${frame}`);
  for (const unit of ['db', 'dd', 'dq', 'da', 'du']) prompt.type(`${unit} @rsp L8`);
  prompt.type('!process 0 3');
}

describe('looking', () => {
  it.each(exampleRuns())('changes nothing while $program $args runs', ({ program, args, exitCode }) => {
    const { machine, process, prompt } = promptOver(program, [...args]);
    const plain = makeExampleMachine(program, args, { ram: RAM });
    const { ram } = machine.kernel.mm;
    for (let instructions = 500; instructions < 40_000; instructions += 19_000) {
      plain.machine.run({ maxInstructions: instructions });
      const { state } = machine.run({ maxInstructions: instructions });
      if (state === 'exited') break;
      prompt.session.execution.settle();
      const bytes = ram.bytes.slice();
      const counters = { ...machine.kernel.mm.counters };
      lookEverywhere(prompt);
      expect(ram.bytes.length === bytes.length && ram.bytes.every((byte, at) => byte === bytes[at])).toBe(
        true,
      );
      expect({ ...machine.kernel.mm.counters }).toEqual(counters);
      machine.verify();
    }
    machine.run();
    plain.machine.run();
    expect(process.exitStatus).toBe(exitCode);
    expect(machine.report()).toEqual(plain.machine.report());
  });
});

describe('running', () => {
  it('steps by instructions', () => {
    const { prompt } = promptOver('hello.exe');
    const start = prompt.rip;
    expect(prompt.type('t')).toMatch(/mov eax,/);
    expect(prompt.instructions).toBe(1);
    expect(prompt.rip).toBe(start + 3);
    prompt.type('t 0n99');
    expect(prompt.instructions).toBe(100);
    prompt.type('t 10');
    expect(prompt.instructions).toBe(116);
  });

  it('steps over calls', () => {
    const { prompt } = promptOver('hello.exe');
    prompt.type('g $exentry');
    while (!/\bcall\b/.test(prompt.type('t')));
    prompt.type('t');
    for (let steps = 0; steps < 200; steps++) {
      const line = prompt.type('u @rip L1');
      const before = prompt.instructions;
      prompt.type('p');
      if (!/\bcall\b/.test(line)) continue;
      expect(prompt.instructions).toBeGreaterThan(before + 1);
      return;
    }
    expect.fail('no call');
  });

  it('stops at breakpoints, also in DLLs that are not loaded yet', () => {
    const { machine, prompt } = promptOver('hello.exe');
    prompt.type('bp $exentry');
    expect(prompt.type('bp msvcrt!exit')).toContain('deferred');
    expect(prompt.type('bl')).toMatch(/0 {2}00007ff.*\n1 {2}\(deferred\)/);
    expect(prompt.type('g')).toMatch(/^Breakpoint 0 hit\n/);
    expect(prompt.rip).toBe([...machine.kernel.processes.values()][0]!.entryPoint);
    expect(prompt.type('g')).toMatch(/^Breakpoint 1 hit\nmsvcrt!exit:\n/);
    expect(prompt.type('bl')).toMatch(/hit 1 times {2}\$exentry/);
    prompt.type('bc 0');
    expect(prompt.refusal('bc 0')).toContain("'bl' lists them");
    prompt.type('bc *');
    expect(prompt.type('bl')).toBe('There are no breakpoints');
    expect(prompt.type('g')).toContain('has ended: 0x00000000 (STATUS_SUCCESS)');
    expect(prompt.refusal('g')).toContain("'q' leaves");
    expect(prompt.refusal('!vad')).toContain('its memory is gone');
    prompt.type('!vm');
  });

  it('comes to the same end with and without breakpoints', () => {
    const plain = makeExampleMachine('sort.exe', ['lines.txt'], { ram: RAM });
    plain.machine.run();
    const { machine, prompt, host } = promptOver('sort.exe', ['lines.txt']);
    prompt.type('bp kernel32!HeapAlloc');
    prompt.type('bp 123456789');
    while (!prompt.type('g').includes('has ended'));
    expect(prompt.session.execution.breakpoints[0]!.hits).toBeGreaterThan(1);
    expect(host.consoleText()).toBe(plain.host.consoleText());
    expect(host.consoleText()).not.toBe('');
    expect(machine.report().faults).toEqual(plain.machine.report().faults);
    expect(machine.report().instructions).toBe(plain.machine.report().instructions);
  });

  it('stops at events', () => {
    const { machine, prompt } = promptOver('states.exe', ['crash']);
    const faults = machine.kernel.mm.counters.total;
    expect(prompt.type('gf')).toMatch(/^Event fault, address 00007ff.*, frame \w+, status 0x00000114/);
    expect(machine.kernel.mm.counters.total).toBe(faults + 1);
    expect(prompt.type('g ld')).toMatch(/^Event map, .*\.dll/);
    prompt.type('bp av');
    expect(prompt.type('sx')).toContain('av');
    expect(prompt.type('g')).toMatch(/^Event exception, .*STATUS_ACCESS_VIOLATION/);
    expect(prompt.refusal('sxd cow')).toContain("'sx' lists");
    prompt.type('sxd av');
    expect(prompt.type('g')).toContain('unhandled exception 0xC0000005');
    expect(prompt.refusal('sxe nothing')).toMatch(/no event nothing; there are fault cow/);
    expect(prompt.type('.help sxe')).toContain(EVENT_KINDS.at(-1)!.meaning);
  });

  it('runs for virtual time, and up to the limit', () => {
    const { machine, prompt } = promptOver('hello.exe', [], 20_000);
    prompt.type('gt 0.2');
    const { clock } = machine.kernel;
    prompt.type(`gt 0.005`);
    expect(clock.nanoseconds).toBeGreaterThanOrEqual(205_000);
    expect(prompt.type('g')).toContain('--max-instructions');
    expect(prompt.instructions).toBe(20_000);
    expect(prompt.refusal('gt x')).toContain('gt 0.5');
  });

  it('can be stopped from outside', () => {
    const { prompt } = promptOver('sort.exe', ['lines.txt']);
    prompt.type('bp 123456789');
    expect(prompt.session.execute('g').runs).toBe(true);
    expect(prompt.session.piece()).toBeNull();
    expect(prompt.session.breakIn('Interrupted')).toMatch(/^Interrupted\n/);
    expect(prompt.machine.kernel.mm.events.active).toBe(false);
    prompt.type('bc *');
    expect(prompt.type('g')).toContain('has ended');
  });
});

describe('what the commands show', () => {
  it('follows a page from its first touch', () => {
    const { machine, process, prompt } = promptOver('hello.exe');
    prompt.type('g $exentry');
    const address = process.allocate(8192);
    const place = address.toString(16);
    expect(prompt.type(`!explain ${place}`)).toMatch(
      /VAD decides.*\n.*\nA read is a soft fault: demand zero/,
    );
    process.write(address, Uint8Array.of(0x41, 0x42, 0));
    const pte = prompt.type(`!pte ${place}`);
    expect(pte).toMatch(/PTE at fffff680`\w+ {2}contains 80000000`\w+067\n +pfn (\w+) {2}---DA--UW-V/);
    const frame = /pfn (\w+) {2}---DA--UW-V/.exec(pte)![1]!;
    expect(prompt.type(`!pfn ${frame}`)).toMatch(/restore pte 00000000`00000080.*Active {2}M/);
    expect(prompt.type(`!pfn ${frame}`)).toContain(`Process Private: 00000000\`${place.padStart(8, '0')}`);
    expect(prompt.type(`da ${place}`)).toContain('"AB"');
    expect(prompt.type(`db ${place} L3`)).toMatch(/ {2}41 42 00 +AB\.$/);
    expect(prompt.type(`dd ${place} L1`)).toMatch(/ {2}00004241$/);
    expect(prompt.type(`!vad ${place}`)).toContain('MemCommit');
    process.protect(address, 4096, 1);
    expect(prompt.type(`!pte ${place}`)).toContain(`Transition: ${frame}`);
    expect(prompt.type(`!pfn ${frame}`)).toContain('Modified');
    expect(prompt.type(`dd ${place} L1`)).toMatch(/ {2}00004241$/);
    expect(prompt.type(`dd ${(address + 4096).toString(16)} L1`)).toMatch(/ {2}\?{8}$/);
    process.free(address);
    expect(prompt.refusal(`!vad ${place}`)).toContain("'!address' lists");
    machine.verify();
  });

  it('follows a page whose page table is in the paging file', () => {
    const { machine, process, prompt } = promptOver('hello.exe');
    prompt.type('g $exentry');
    const address = process.allocate(4096, { address: 0x6_0000_0000 });
    process.write(address, Uint8Array.of(0x41));
    const { mm } = machine.kernel;
    swapOut(mm, process.object.space);
    const place = address.toString(16);
    expect(prompt.type(`!pte ${place}`)).toMatch(
      /PPE at \S+ {2}contains \S+\n +not valid\n +PageFile: 0\n[\s\S]*PDE at \S+ [\s\S]*PageFile: 0\n[\s\S]*PTE at fffff680`\S+ [\s\S]*PageFile: 0/,
    );
    expect(prompt.type(`!explain ${place}`)).toMatch(
      /2 page tables on the way are not valid and come back before the page: the PPE at [\s\S]*the PDE at [\s\S]*A read is a hard fault: 2 page tables/,
    );
    expect(prompt.type('!process 0 1')).toMatch(/of page tables; \d+ page tables are out/);
    expect(process.read(address, 1)).toEqual(Uint8Array.of(0x41));
    expect(prompt.type(`!pte ${place}`)).not.toContain('not valid');
    machine.verify();
  });

  it('agrees with the machine', () => {
    const { machine, process, prompt } = promptOver('sort.exe', ['lines.txt']);
    prompt.type('t 0n30000');
    const { mm } = machine.kernel;
    const { space } = process.object;
    expect(prompt.type('!vad')).toContain(`Total VADs: ${space.vads.count}`);
    expect(prompt.type('!process')).toContain(`Working set ${space.workingSetPages} pages`);
    expect(prompt.type('!process')).toContain('Limits 50 - 345 pages  Page priority 5  By age');
    expect(prompt.type('!vm')).toContain('Could be trimmed:');
    expect(prompt.type('!vm')).toMatch(new RegExp(`Committed pages: +${mm.commit.current} `));
    const [file] = mm.pageFiles.files;
    file!.take(1, 3);
    const sizes = [file!.size - 4, file!.maximum].map((pages) => `${pages * 4}`);
    expect(prompt.type('!vm')).toMatch(
      new RegExp(
        `Page File: 0\n +Current: +${file!.size * 4} Kb +Free Space: +${sizes[0]} Kb\n +Minimum: +${file!.initial * 4} Kb +Maximum: +${sizes[1]} Kb\n`,
      ),
    );
    const { workingSetPages } = mm.systemWorkingSet;
    expect(workingSetPages).toBeGreaterThan(0);
    expect(prompt.type('!vm')).toMatch(new RegExp(`SystemWs Size: +${workingSetPages} `));
    expect(prompt.type('!poolused')).toContain(`${workingSetPages} resident`);
    expect(prompt.type('!memusage')).toMatch(new RegExp(`TOTAL: +${mm.pfn.frameCount} `));
    const { Proc } = Object.fromEntries(mm.nonpagedPool.tags);
    expect(prompt.type('!poolused')).toMatch(new RegExp(`Proc +${Proc!.allocations} +${Proc!.frees} `));
    expect(prompt.type('lm')).toMatch(/sort +C:\\app\\sort\.exe/);
    expect(prompt.type('r rip')).toMatch(/^rip=00007ff/);
    expect(prompt.type('!address @rsp')).toMatch(/Usage: +Stack/);
    expect(prompt.type('!process 64 0')).toContain('Image: C:\\app\\sort.exe');
    expect(prompt.type('.process 64')).toContain('C:\\app\\sort.exe');
    expect(prompt.type('? 0n100')).toContain('00000000`00000064');
  });

  it('stops while every thread waits: for a page, and for time to pass', () => {
    const { machine, host, prompt } = promptOver('six.exe');
    const stop = prompt.type('g page-in');
    const [, address] = /^Event page-in, address (\S+), .*\nNo thread runs: all of them wait$/.exec(stop)!;
    expect(prompt.type(`!explain ${address}`)).toMatch(
      /Transition: ([0-9a-f]+) \(the page is being read into this frame\)[\s\S]*held by the read that brings its contents, .*ReadInProgress[\s\S]*is being read into frame/,
    );
    expect(prompt.type('!process')).toContain('WAIT: WrPageIn, for');
    expect(prompt.type('g fault')).toMatch(/^Event fault, address .* \(STATUS_PAGE_FAULT_/);
    expect(prompt.type(`!explain ${address}`)).toMatch(/A read goes to frame/);
    expect(prompt.type('g stack-out')).toMatch(/thread 104\nNo thread runs/);
    const { clock, mm } = machine.kernel;
    expect(clock.now100ns).toBe(40_000_000);
    expect(prompt.type('!process')).toContain('not resident');
    expect(prompt.type(`!explain ${mm.kernelStacks[0]!.limit.toString(16)}`)).toMatch(
      /Transition: ([0-9a-f]+) [\s\S]*Frame \1 holds it \(Kernel Stack/,
    );
    prompt.type('gt 2500');
    expect(Math.floor(clock.now100ns / 10)).toBe(6_500_000);
    expect(prompt.type('g')).toContain('has ended: 0x00000000');
    expect(host.consoleText()).toMatch(/^file: .* 0 wrong in the view, 0 wrong in the file/m);
    machine.verify();
  });

  it('guesses the calls that led here', () => {
    const { prompt } = promptOver('hello.exe');
    prompt.type('g msvcrt!exit');
    const lines = prompt.type('k').split('\n');
    expect(lines[1]).toMatch(/msvcrt!exit$/);
    expect(lines[2]).toMatch(/hello\+0x/);
  });

  it('says what cannot be done, and how it can', () => {
    const { prompt } = promptOver('hello.exe');
    for (const [command, way] of [
      ['nonsense', "'.help' lists"],
      ['!pte', '!pte ADDRESS'],
      ['!pfn 10000000', 'the last is 7ff'],
      ['!process 5', "'!process 0 0'"],
      ['.process 5', "'!process 0 0'"],
      ['r xyz', "'r' shows all"],
      ['dd 0 L100000', 'L10000'],
      ['.help nonsense', "'.help' lists"],
      ['t 0', 't 0n1000'],
      ['bp', 'sxe KIND'],
      ['bp ntdll!Nothing', "'lm'"],
      ['!vad 331000', "'!address'"],
    ] as const)
      expect(prompt.refusal(command)).toContain(way);
    for (const { names, usage } of COMMANDS) {
      expect(prompt.type('.help')).toContain(usage);
      for (const name of names) expect(prompt.type(`.help ${name}`)).toContain(usage);
    }
  });

  it('cuts lines at semicolons outside of quotes', () => {
    expect(splitCommands('g; r ;; .input "a;b"; q')).toEqual(['g', 'r', '.input "a;b"', 'q']);
    expect(splitCommands('')).toEqual([]);
  });
});
