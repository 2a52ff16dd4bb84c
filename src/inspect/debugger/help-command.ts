/** .help: the commands, or one of them. */

import { table } from '../text.js';
import type { DebugCommand } from './commands.js';
import { DebugError } from './debug-error.js';

const NOTES = `Numbers are hexadecimal, 0n12 is decimal, a backtick may stand anywhere in an address. @rip and the other registers,
$exentry, $peb, $teb, a module (sort) or an export of a system DLL (ntdll!NtClose) stand for addresses; + and - add.
Nothing that is looked at faults in or changes. ';' parts commands, an empty line repeats the last one.`;

export function showHelp(commands: readonly DebugCommand[], name: string): string {
  if (name === '') {
    const rows = commands.map(({ usage, summary }) => [usage, summary]);
    return [...table(rows, new Set()), '', NOTES].join('\n');
  }
  const command = commands.find(({ names }) => names.includes(name.toLowerCase()));
  if (command === undefined) throw new DebugError(`no command ${name}; '.help' lists them`);
  const { usage, summary, details } = command;
  return [usage, `  ${summary}`, ...(details === undefined ? [] : ['', details])].join('\n');
}
