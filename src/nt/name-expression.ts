/**
 * Wildcards in names. `*` is any characters, `?` one; `<` (DOS_STAR) any up to and with the last dot of the name, `>` (DOS_QM) one
 * that is no dot, or none before a dot or the end, `"` (DOS_DOT) a dot, or none at the end.
 * Source: Microsoft, [MS-FSA] "Algorithm for Determining if a FileName Is in an Expression", "RtlIsNameInExpression function".
 */
import { foldName } from '../host/folding.js';

/** The states of the expression that are reached without a character of the name. */
function addWithout(expression: string, states: Set<number>, state: number, next: string | undefined): void {
  for (let at = state; ; at++) {
    if (states.has(at)) return;
    states.add(at);
    const part = expression[at];
    const mayBeNothing =
      part === '*' ||
      part === '<' ||
      (part === '>' && (next === undefined || next === '.')) ||
      (part === '"' && next === undefined);
    if (!mayBeNothing) return;
  }
}

/** Whether one part of the expression takes a character; `isLastDot`: it is the last dot of the name. */
function takes(part: string | undefined, character: string): boolean {
  if (part === '?' || part === character) return true;
  if (part === '>') return character !== '.';
  return part === '"' && character === '.';
}

/** Whether a name is in an expression, without regard of case (FsRtlIsNameInExpression). */
export function isNameInExpression(name: string, expression: string): boolean {
  if (expression === '*') return true;
  const [text, parts] = [foldName(name), foldName(expression)];
  const lastDot = text.lastIndexOf('.');
  let states = new Set<number>();
  addWithout(parts, states, 0, text[0]);
  for (let at = 0; at < text.length && states.size > 0; at++) {
    const [character, next] = [text[at]!, text[at + 1]];
    const reached = new Set<number>();
    for (const state of states) {
      const part = parts[state];
      if (part === '*' || (part === '<' && at !== lastDot && (lastDot < 0 || at < lastDot)))
        addWithout(parts, reached, state, next);
      else if (part === '<' ? at === lastDot : takes(part, character))
        addWithout(parts, reached, state + 1, next);
    }
    states = reached;
  }
  return states.has(parts.length);
}

/** The expression of a pattern of FindFirstFile: what `?` and dots meant to DOS. Source: "FindFirstFileExW function", [MS-FSA]. */
export function expressionOf(pattern: string): string {
  if (pattern === '*.*' || pattern === '') return '*';
  return pattern
    .replace(/\*\.$/, '<')
    .replace(/\.$/, '')
    .replace(/\.(?=[?*])/g, '"')
    .replace(/\*(?=\.)/g, '<')
    .replace(/\?/g, '>');
}
