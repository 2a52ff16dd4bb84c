/** Commands that let the machine run: g, t, p, gf, gt, breakpoints, events, console input. */
import type { DebugCommand } from './commands.js';
import { DebugError } from './debug-error.js';
import { disassemble } from './dump-commands.js';
import { EVENT_KINDS, eventKind, isEventName } from './event-filter.js';
import type { Breakpoint, Goal } from './execution.js';
import { addressText } from './format.js';
import type { Answer, DebugSession } from './session.js';

const NANOSECONDS_IN_MS = 1e6;

const say = (text: string): Answer => ({ text });

/** What bp or g names: the address, or null when its module is not there yet. */
function place(session: DebugSession, text: string): { text: string; address: number | null } {
  return { text, address: session.placeOf(text) };
}

function go(session: DebugSession, rest: string): Answer {
  if (rest === '') return session.go({});
  if (isEventName(rest)) return session.go({ event: rest });
  return session.go({ place: place(session, rest) });
}

/** A count of instructions: hexadecimal as all numbers, at least 1. */
function countOf(session: DebugSession, rest: string): number {
  const steps = rest === '' ? 1 : session.evaluate(rest);
  if (steps < 1) throw new DebugError('needs a count from 1 on, such as t 10 or t 0n1000');
  return steps;
}

function trace(session: DebugSession, rest: string): Answer {
  const { processor } = session.kernel;
  return session.go({ instructions: processor.instructions + countOf(session, rest) });
}

/** One instruction, a call with all that it does. */
function stepOver(session: DebugSession): Answer {
  const { kernel, process, symbols } = session;
  const { rip } = session.context;
  const { text, next } = disassemble(kernel, process, symbols, rip, 1);
  const isCall = /\bcall\b/.test(text.slice(text.lastIndexOf('\n') + 1));
  const goal: Goal = isCall
    ? { place: { text: addressText(next), address: next } }
    : { instructions: kernel.processor.instructions + 1 };
  return session.go(goal);
}

function goTime(session: DebugSession, rest: string): Answer {
  const ms = Number(rest);
  if (!/^\d+(\.\d+)?$/.test(rest) || !(ms > 0))
    throw new DebugError('needs milliseconds of virtual time, in decimal, such as gt 0.5');
  return session.go({ nanoseconds: session.kernel.clock.nanoseconds + ms * NANOSECONDS_IN_MS });
}

function setBreakpoint(session: DebugSession, rest: string): Answer {
  if (rest === '') throw new DebugError("needs an address: bp ADDRESS; 'sxe KIND' stops at events");
  if (isEventName(rest)) return stopAtEvent(session, rest);
  const { text, address } = place(session, rest);
  session.execution.addBreakpoint(text, address, session.process.id);
  return say(address === null ? `Its module is not there yet: ${text} is a deferred breakpoint` : '');
}

function breakpointLine({ id, text, address, hits }: Breakpoint): string {
  const at = address === null ? '(deferred)       ' : addressText(address);
  return `${id}  ${at}  hit ${hits} times  ${text}`;
}

function listBreakpoints({ execution }: DebugSession): Answer {
  const { breakpoints } = execution;
  return say(
    breakpoints.length === 0 ? 'There are no breakpoints' : breakpoints.map(breakpointLine).join('\n'),
  );
}

function clearBreakpoint({ execution }: DebugSession, rest: string): Answer {
  const { breakpoints } = execution;
  if (rest === '*') {
    breakpoints.length = 0;
    return say('');
  }
  const index = breakpoints.findIndex(({ id }) => String(id) === rest);
  if (index < 0) throw new DebugError(`there is no breakpoint ${rest}; 'bl' lists them, 'bc *' clears all`);
  breakpoints.splice(index, 1);
  return say('');
}

function listEvents({ execution }: DebugSession): Answer {
  const { events } = execution;
  return say(events.size === 0 ? 'No events stop a run' : `Stop a run: ${[...events].join(' ')}`);
}

function stopAtEvent({ execution }: DebugSession, rest: string): Answer {
  if (rest === '') throw new DebugError("needs a kind of event: sxe KIND; '.help sxe' lists them");
  execution.events.add(eventKind(rest).name);
  return say('');
}

function ignoreEvent({ execution }: DebugSession, rest: string): Answer {
  if (rest === '*') execution.events.clear();
  else if (!execution.events.delete(eventKind(rest).name))
    throw new DebugError(`${rest} does not stop a run; 'sx' lists what does`);
  return say('');
}

/** Text for the console: as it is, or in quotes, with a line's end. */
function giveInput({ kernel }: DebugSession, rest: string): Answer {
  if (rest === '/eof') {
    kernel.console.feed(null);
    return say('');
  }
  const text = rest.replace(/^"(.*)"$/s, '$1');
  kernel.console.feed(new TextEncoder().encode(`${text}\r\n`));
  return say('');
}

const EVENT_TABLE = EVENT_KINDS.map(({ name, meaning }) => `  ${name.padEnd(16)} ${meaning}`).join('\n');

export const RUN_COMMANDS: readonly DebugCommand[] = [
  {
    names: ['g'],
    usage: 'g [ADDRESS | KIND]',
    summary: 'run, up to an address or the next event of a kind',
    details:
      "g alone runs up to a breakpoint, an event of sxe, or the end. While a breakpoint stands the machine runs an instruction\nat a time, which is slower; the program's memory is not changed for it. '.help sxe' lists the kinds of events.",
    run: go,
  },
  {
    names: ['t'],
    usage: 't [COUNT]',
    summary: 'run one instruction, or COUNT (hexadecimal; 0n for decimal)',
    run: trace,
  },
  { names: ['p'], usage: 'p', summary: 'run one instruction, a call as a whole', run: stepOver },
  {
    names: ['gf'],
    usage: 'gf',
    summary: 'run to the next page fault (the same as g fault)',
    details:
      'Stops when the fault has been resolved or raised, before the instruction runs again. The status says what it was:\n110 transition (also: a page that others have already), 111 demand zero, 112 copy-on-write, 113 guard page (the\nstack grows), 114 read from a file; C0000005 and the like are raised as exceptions.',
    run: (session) => session.go({ event: 'fault' }),
  },
  {
    names: ['gt'],
    usage: 'gt MS',
    summary: 'run for so many milliseconds of virtual time (decimal)',
    run: goTime,
  },
  {
    names: ['bp', 'bu'],
    usage: 'bp ADDRESS | KIND',
    summary: 'stop before the instruction at an address, or at every event of a kind',
    details:
      "ADDRESS may name a function of a system DLL that is not loaded yet: bp msvcrt!exit. KIND is one of sxe's: bp page-in is\nsxe page-in, which 'sx' lists and 'sxd page-in' takes back.",
    run: setBreakpoint,
  },
  { names: ['bl'], usage: 'bl', summary: 'breakpoints', run: listBreakpoints },
  { names: ['bc'], usage: 'bc ID | *', summary: 'clear a breakpoint, or all', run: clearBreakpoint },
  {
    names: ['sxe'],
    usage: 'sxe KIND',
    summary: 'stop at every event of a kind',
    details: `The machine stops at the end of the fault or service in which the event came, at once while every thread waits. Kinds:\n${EVENT_TABLE}`,
    run: stopAtEvent,
  },
  {
    names: ['sxd', 'sxi'],
    usage: 'sxd KIND | *',
    summary: 'do not stop at events of a kind any more',
    run: ignoreEvent,
  },
  { names: ['sx'], usage: 'sx', summary: 'events that stop a run', run: listEvents },
  {
    names: ['.input'],
    usage: '.input TEXT | /eof',
    summary: 'a line of console input for the program, or its end',
    run: giveInput,
  },
];
