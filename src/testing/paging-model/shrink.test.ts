import { expect, it } from 'vitest';
import { shrinkSequence } from './shrink.js';

it('leaves the steps without which nothing fails', () => {
  const sequence = Array.from({ length: 200 }, (_, index) => index);
  const failure = (steps: readonly number[]) => {
    const at = steps.indexOf(150);
    return at >= 0 && steps.includes(7) && steps.indexOf(7) < at ? at : -1;
  };
  expect(shrinkSequence(sequence, failure, () => false)).toEqual([7, 150]);
  expect(shrinkSequence(sequence, failure, () => true)).toEqual(sequence.slice(0, 151));
});
