import { describe, expect, it } from 'vitest';
import { makeEvent } from './dispatcher.js';
import { HandleTable } from './handle-table.js';

describe('a handle table', () => {
  it('gives multiples of 4 and uses the last closed first', () => {
    const table = new HandleTable();
    const event = makeEvent(true, false);
    expect([1, 2, 3].map(() => table.insert(event, 1, 0))).toEqual([4, 8, 12]);
    table.remove(4);
    table.remove(12);
    expect(table.insert(event, 1, 0)).toBe(12);
    expect(table.insert(event, 1, 0)).toBe(4);
    expect(table.insert(event, 1, 0)).toBe(16);
    expect(table.count).toBe(4);
  });

  it('ignores the two low bits of a handle', () => {
    const table = new HandleTable();
    const handle = table.insert(makeEvent(true, false), 3, 1);
    for (const tagged of [handle, handle + 1, handle + 2, handle + 3])
      expect(table.lookup(tagged)).toMatchObject({ grantedAccess: 3, flags: 1 });
    expect(table.remove(handle + 3)).not.toBeNull();
    expect(table.lookup(handle)).toBeNull();
  });

  it.each([0, 1, 3, 8, -1, -2, -4, 2 ** 32, 2 ** 52, Number.NaN, Number.POSITIVE_INFINITY])(
    'holds nothing at %d',
    (handle) => {
      const table = new HandleTable();
      table.insert(makeEvent(true, false), 1, 0);
      expect(table.lookup(handle)).toBeNull();
      expect(table.remove(handle)).toBeNull();
    },
  );
});
