/** The commands of the debugger, in the order in which .help lists them. */
import { showAddress, showRanges } from './address-command.js';
import { DebugError } from './debug-error.js';
import {
  disassemble,
  dumpMemory,
  dumpText,
  showRegister,
  showRegisters,
  showStack,
} from './dump-commands.js';
import { explainAddress } from './explain-command.js';
import { addressText, hex } from './format.js';
import { showHelp } from './help-command.js';
import { showMemoryUsage, showPoolUse, showVirtualMemory } from './memory-commands.js';
import { showPfn } from './pfn-command.js';
import { everyProcess, PROCESS_MEMORY, PROCESS_THREADS, showProcesses } from './process-command.js';
import { showPte } from './pte-command.js';
import { RUN_COMMANDS } from './run-commands.js';
import type { Answer, DebugSession } from './session.js';
import { mappedModules } from './symbols.js';
import { showVad, showVads } from './vad-command.js';

export interface DebugCommand {
  /** Lower case; the first is the usual one. */
  readonly names: readonly string[];
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** More lines for .help COMMAND. */
  readonly details?: string;
  /** `rest` is what stands behind the name, `typed` the name as it was typed. */
  readonly run: (session: DebugSession, rest: string, typed: string) => Answer;
}

const UNIT_BYTES: Readonly<Record<string, number>> = { b: 1, d: 4, q: 8 };
const DUMP_BYTES = 128;
const CODE_LINES = 8;
const MOST_BYTES = 0x10000;

const say = (text: string): Answer => ({ text });

/** An address that must be given. */
function addressOf(session: DebugSession, rest: string, usage: string): number {
  if (rest === '') throw new DebugError(`needs an address: ${usage}`);
  return session.evaluate(rest);
}

/** ADDRESS and Lcount, either of which may be left out. */
function parseRange(session: DebugSession, rest: string): { address: number | null; count: number | null } {
  const match = /^([\s\S]*?)(?:(?:^|\s+)[Ll]\s*([^\s]+))?$/.exec(rest)!;
  const text = match[1]!.trim();
  const address = text === '' ? null : session.evaluate(text);
  const count = match[2] === undefined ? null : session.evaluate(match[2]);
  if (count !== null && (count < 1 || count > MOST_BYTES))
    throw new DebugError(`a count of ${hex(count)} is too large; L1 to L${hex(MOST_BYTES)}`);
  return { address, count };
}

function dump(session: DebugSession, rest: string, typed: string): Answer {
  const unit = typed === 'd' ? session.dumpUnit : typed.slice(1);
  const { kernel, process } = session;
  const { address, count } = parseRange(session, rest);
  const at = address ?? session.nextDump;
  session.dumpUnit = unit;
  if (unit === 'a' || unit === 'u') {
    session.nextDump = at;
    return say(dumpText(kernel, process, unit === 'u', at, count ?? undefined));
  }
  const bytes = count === null ? DUMP_BYTES : count * UNIT_BYTES[unit]!;
  session.nextDump = (at + bytes) % 2 ** 48;
  return say(dumpMemory(kernel, process, unit as 'b' | 'd' | 'q', at, bytes));
}

function unassemble(session: DebugSession, rest: string): Answer {
  const { kernel, process, symbols } = session;
  const { address, count } = parseRange(session, rest);
  const at = address ?? (session.nextCode || session.context.rip);
  const { text, next } = disassemble(kernel, process, symbols, at, count ?? CODE_LINES);
  session.nextCode = next;
  return say(text);
}

function processes(session: DebugSession, rest: string): Answer {
  const { kernel } = session;
  const [id, flags = '0'] = rest.split(/\s+/);
  const all = everyProcess(kernel);
  if (id === undefined || id === '')
    return say(showProcesses(kernel, [session.process], PROCESS_MEMORY | PROCESS_THREADS));
  const wanted = session.evaluate(id);
  const bits = session.evaluate(flags);
  const shown = wanted === 0 ? all : all.filter((process) => process.id === wanted);
  if (shown.length === 0)
    throw new DebugError(`there is no process ${id} (ids are hexadecimal); '!process 0 0' lists all`);
  return say(showProcesses(kernel, shown, bits));
}

function selectProcess(session: DebugSession, rest: string): Answer {
  if (rest !== '') {
    const id = session.evaluate(rest);
    const process = session.kernel.processes.get(id);
    if (process === undefined)
      throw new DebugError(`no process ${rest} lives (ids are hexadecimal); '!process 0 0' lists all`);
    session.select(process);
  }
  return say(`Implicit process is now ${hex(session.process.id, 4)} (${session.process.imagePath})`);
}

function modules({ process }: DebugSession): Answer {
  const rows = mappedModules(process).map(
    ({ base, end, name, path }) => `${addressText(base)} ${addressText(end)}   ${name.padEnd(12)} ${path}`,
  );
  return say(['start             end                 module name  path', ...rows].join('\n'));
}

const INSPECTION: readonly DebugCommand[] = [
  {
    names: ['r'],
    usage: 'r [REGISTER]',
    summary: 'registers and the next instruction',
    run: (session, rest) => {
      const { kernel, process, symbols, context } = session;
      const name = rest.replace(/^@/, '').toLowerCase();
      return say(
        name === '' ? showRegisters(kernel, process, symbols, context) : showRegister(context, name),
      );
    },
  },
  {
    names: ['u'],
    usage: 'u [ADDRESS] [Lcount]',
    summary: 'instructions; without an address, the following ones',
    run: unassemble,
  },
  {
    names: ['k'],
    usage: 'k',
    summary: 'return addresses on the stack, a guess',
    details:
      'Every value on the stack that points behind a call in a module. There is no unwind data in this list: values that\ncalls left behind when they ended can be among them.',
    run: ({ kernel, process, symbols, context }) => say(showStack(kernel, process, symbols, context)),
  },
  {
    names: ['db', 'dd', 'dq', 'da', 'du', 'd'],
    usage: 'db|dd|dq|da|du [ADDRESS] [Lcount]',
    summary: 'memory as bytes, double words, quad words, text, wide text',
    details:
      'User and system space, also pages on the standby and modified lists. ?? stands for bytes that are in no frame:\nlooking does not fault them in. d repeats the last form.',
    run: dump,
  },
  { names: ['lm'], usage: 'lm', summary: 'modules of the process', run: modules },
  {
    names: ['!process'],
    usage: '!process [0 0 | PID [FLAGS]]',
    summary: 'processes; flags 1 memory, 2 threads (3: both)',
    run: processes,
  },
  {
    names: ['.process'],
    usage: '.process [PID]',
    summary: 'the process that addresses belong to',
    run: selectProcess,
  },
  {
    names: ['!vad'],
    usage: '!vad [ADDRESS]',
    summary: 'virtual address descriptors, or the one of an address',
    details: 'Start and end are page numbers (address / 1000). Level is the depth in the tree.',
    run: (session, rest) =>
      say(rest === '' ? showVads(session.process) : showVad(session.process, session.evaluate(rest))),
  },
  {
    names: ['!pte'],
    usage: '!pte ADDRESS',
    summary: 'page table entries of all levels, every bit named',
    details:
      'PXE, PPE, PDE and PTE with their addresses in the self-map at fffff680`00000000. The letters of a valid entry:\nC copy-on-write, G global, L large page, D dirty, A accessed, N cache disabled, T write-through, U user or K kernel,\nW write or R read only, E executable, V valid. Behind a view the prototype PTE follows.',
    run: (session, rest) =>
      say(showPte(session.kernel.mm, session.process, addressOf(session, rest, '!pte ADDRESS'))),
  },
  {
    names: ['!pfn'],
    usage: '!pfn FRAME',
    summary: 'what the PFN database says of a frame',
    details: 'The frame is the number behind pfn in !pte: physical address / 1000.',
    run: (session, rest) => {
      if (rest === '') throw new DebugError('needs a frame: !pfn FRAME');
      return say(showPfn(session.kernel, session.evaluate(rest)));
    },
  },
  {
    names: ['!address'],
    usage: '!address [ADDRESS]',
    summary: 'ranges of the address space, or what an address belongs to',
    run: (session, rest) => {
      const { kernel, process } = session;
      return say(
        rest === '' ? showRanges(kernel, process) : showAddress(kernel, process, session.evaluate(rest)),
      );
    },
  },
  {
    names: ['!explain'],
    usage: '!explain ADDRESS',
    summary: 'what an access there would do, and why, in sentences',
    run: (session, rest) => {
      const { kernel, process } = session;
      const address = addressOf(session, rest, '!explain ADDRESS');
      const stack = process.threads.length === 0 ? null : session.context.thread.stack;
      return say(explainAddress(kernel, process, address, stack));
    },
  },
  {
    names: ['!vm'],
    usage: '!vm',
    summary: 'memory of the machine: paging files, lists, pools, commit',
    run: ({ kernel }) => say(showVirtualMemory(kernel)),
  },
  {
    names: ['!memusage'],
    usage: '!memusage',
    summary: 'pages of RAM by list, use and file',
    run: ({ kernel }) => say(showMemoryUsage(kernel)),
  },
  {
    names: ['!poolused'],
    usage: '!poolused',
    summary: 'pool allocations by tag',
    run: ({ kernel }) => say(showPoolUse(kernel)),
  },
];

export const COMMANDS: readonly DebugCommand[] = [
  ...RUN_COMMANDS,
  ...INSPECTION,
  {
    names: ['?'],
    usage: '? EXPRESSION',
    summary: 'the value of an expression',
    run: (session, rest) => {
      const value = addressOf(session, rest, '? EXPRESSION');
      return say(`Evaluate expression: ${value} = ${addressText(value)}`);
    },
  },
  {
    names: ['.help', 'help'],
    usage: '.help [COMMAND]',
    summary: 'this list, or all about a command',
    run: (_, rest) => say(showHelp(COMMANDS, rest)),
  },
  { names: ['q', 'qq', 'quit'], usage: 'q', summary: 'leave', run: () => ({ text: '', quits: true }) },
];
