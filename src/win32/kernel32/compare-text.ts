/**
 * The order of texts as words sort: first what the characters are (symbols, digits, letters without regard to case and
 * accents), then accents, then case with lower case first; hyphen and apostrophe count only at the end.
 * Source: Microsoft, "Handling Sorting in Your Applications".
 */
export const NORM_IGNORECASE = 0x1;
const NORM_IGNORENONSPACE = 0x2;
const NORM_IGNORESYMBOLS = 0x4;
const LINGUISTIC_IGNORECASE = 0x10;
const LINGUISTIC_IGNOREDIACRITIC = 0x20;
const SORT_STRINGSORT = 0x1000;

const SYMBOLS = 0;
const DIGITS = 1;
const LETTERS = 2;

interface Weights {
  readonly primary: number[];
  readonly accents: number[];
  readonly cases: number[];
  /** Places of hyphens and apostrophes. */
  readonly special: number[];
}

function classOf(character: string): number {
  if (/\p{L}/u.test(character)) return LETTERS;
  return /\p{N}/u.test(character) ? DIGITS : SYMBOLS;
}

function weightsOf(text: string, flags: number): Weights {
  const weights: Weights = { primary: [], accents: [], cases: [], special: [] };
  for (const character of text.normalize('NFD')) {
    const code = character.codePointAt(0)!;
    if (/\p{M}/u.test(character)) {
      weights.accents[weights.primary.length - 1] = code;
      continue;
    }
    if (!(flags & SORT_STRINGSORT) && (character === '-' || character === "'")) {
      weights.special.push(weights.primary.length * 2 + (character === '-' ? 1 : 0));
      continue;
    }
    const kind = classOf(character);
    if (kind === SYMBOLS && flags & NORM_IGNORESYMBOLS) continue;
    const lower = character.toLowerCase();
    weights.primary.push(kind * 0x200000 + lower.codePointAt(0)!);
    weights.accents.push(0);
    weights.cases.push(lower === character ? 0 : 1);
  }
  return weights;
}

function compareLists(left: readonly number[], right: readonly number[]): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    const difference = left[index]! - right[index]!;
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(left.length - right.length);
}

/** -1, 0 or 1; flags as CompareString has them. */
export function compareText(left: string, right: string, flags: number): number {
  const a = weightsOf(left, flags);
  const b = weightsOf(right, flags);
  const primary = compareLists(a.primary, b.primary);
  if (primary !== 0) return primary;
  if (!(flags & (NORM_IGNORENONSPACE | LINGUISTIC_IGNOREDIACRITIC))) {
    const accents = compareLists(a.accents, b.accents);
    if (accents !== 0) return accents;
  }
  if (!(flags & (NORM_IGNORECASE | LINGUISTIC_IGNORECASE))) {
    const cases = compareLists(a.cases, b.cases);
    if (cases !== 0) return cases;
  }
  return compareLists(a.special, b.special);
}
