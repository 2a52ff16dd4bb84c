const ASCII = /^[\x20-\x7e]*$/;

/** Names compare as Windows compares them: upper-cased one character at a time. */
export function foldName(name: string): string {
  if (ASCII.test(name)) return name.toUpperCase();
  let folded = '';
  for (const character of name) {
    const upper = character.toUpperCase();
    folded += upper.length === character.length ? upper : character;
  }
  return folded;
}

/** Order of directory listings on every host: by UTF-16 code units of the folded name, then of the name itself. */
export function compareNames(left: string, right: string): number {
  const a = foldName(left);
  const b = foldName(right);
  if (a !== b) return a < b ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Picks the entry of a directory that a name means: spelled alike, else the first in sorted order that folds alike. */
export function matchName(names: readonly string[], wanted: string): string | null {
  if (names.includes(wanted)) return wanted;
  const folded = foldName(wanted);
  return names.filter((name) => foldName(name) === folded).sort()[0] ?? null;
}
