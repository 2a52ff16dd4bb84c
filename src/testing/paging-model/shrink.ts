/** Makes a failing sequence of steps short: pieces are left out, large ones first, as long as the rest still fails. */

/** `failure` answers at which step a sequence fails, -1 when it does not. `isLate` ends the search. */
export function shrinkSequence<T>(
  sequence: readonly T[],
  failure: (sequence: readonly T[]) => number,
  isLate: () => boolean,
): readonly T[] {
  let kept = sequence;
  const keep = (candidate: readonly T[]): boolean => {
    const at = failure(candidate);
    if (at >= 0) kept = candidate.slice(0, at + 1);
    return at >= 0;
  };
  keep(sequence);
  let before = 0;
  while (kept.length !== before) {
    before = kept.length;
    for (let size = Math.ceil(before / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < kept.length && !isLate(); )
        if (!keep([...kept.slice(0, at), ...kept.slice(at + size)])) at += size;
    }
  }
  return kept;
}
