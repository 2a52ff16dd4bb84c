/** Runs a compiled script through the guest program, again behind every row that ends it. */
import { observationsByRow } from './verdict.js';

/** What the program prints for the rows from `first` on, up to its end or its crash. */
export type RunFrom = (first: number) => string;

/** The observations of each row, by its number. */
export function observeAll(rowCount: number, run: RunFrom): Map<number, string[]> {
  const seen = new Map<number, string[]>();
  for (let first = 0; first < rowCount; ) {
    const output = run(first);
    for (const [row, lines] of observationsByRow(output)) seen.set(row, lines);
    if (/^done/m.test(output)) break;
    first = Math.max(first, ...seen.keys()) + 1;
  }
  return seen;
}
