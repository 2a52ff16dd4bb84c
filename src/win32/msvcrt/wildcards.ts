/**
 * Wildcards in arguments, for programs whose start code asks for it. An argument that nothing matches stays as it is.
 * Source: "Expanding wildcard arguments", Microsoft.
 */
import type { ServiceCall } from '../../nt/service.js';
import type { Argument } from './command-line.js';
import { cutPath, matchingEntries } from './find-files.js';

export function expandWildcards(call: ServiceCall, { text, quoted }: Argument): string[] {
  if (quoted || !/[*?]/.test(text)) return [text];
  const { folder, name } = cutPath(text);
  if (/[*?]/.test(folder)) return [text];
  const names = (matchingEntries(call, folder, name) ?? [])
    .map((entry) => entry.name)
    .filter((found) => found !== '.' && found !== '..');
  return names.length === 0 ? [text] : names.map((found) => folder + found);
}
