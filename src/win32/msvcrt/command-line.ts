/**
 * The runtime's rules for cutting a command line into arguments.
 * Source: "main function and command-line arguments", "Parsing C command-line arguments", Microsoft.
 */

export interface Argument {
  readonly text: string;
  /** Part of it stood in quotation marks: wildcards in it are not expanded. */
  readonly quoted: boolean;
}

const isBlank = (character: string | undefined) => character === ' ' || character === '\t';

/** The program's name: up to a blank outside quotation marks; backslashes mean nothing in it. */
function programName(line: string): { name: string; rest: number } {
  let quoted = false;
  let index = 0;
  let name = '';
  for (; index < line.length; index++) {
    if (line[index] === '"') quoted = !quoted;
    else if (isBlank(line[index]) && !quoted) break;
    else name += line[index];
  }
  return { name, rest: index };
}

/** The arguments of a command line, the program's name first. */
export function splitCommandLine(line: string): Argument[] {
  const { name, rest } = programName(line);
  const args: Argument[] = [{ text: name, quoted: true }];
  let index = rest;
  for (;;) {
    while (isBlank(line[index])) index++;
    if (index >= line.length) return args;
    const { argument, end } = nextArgument(line, index);
    args.push(argument);
    index = end;
  }
}

function nextArgument(line: string, start: number): { argument: Argument; end: number } {
  let text = '';
  let inQuotes = false;
  let quoted = false;
  let index = start;
  while (index < line.length && (inQuotes || !isBlank(line[index]))) {
    let slashes = 0;
    while (line[index] === '\\') {
      slashes++;
      index++;
    }
    if (line[index] !== '"') {
      text += '\\'.repeat(slashes);
      if (index >= line.length || (isBlank(line[index]) && !inQuotes)) break;
      text += line[index++];
      continue;
    }
    text += '\\'.repeat(slashes >>> 1);
    if (slashes % 2 === 1) {
      text += '"';
    } else if (inQuotes && line[index + 1] === '"') {
      text += '"';
      index++;
    } else {
      inQuotes = !inQuotes;
      quoted = true;
    }
    index++;
  }
  return { argument: { text, quoted }, end: index };
}
