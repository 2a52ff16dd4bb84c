import { expect, it } from 'vitest';
import { below, mulberry32, seedFor } from '../../testing/seed.js';
import { mapGenericMask } from '../access.js';
import type { Token } from '../token.js';
import { checkAccess, DEFAULT_DESCRIPTOR } from './access-check.js';
import { makeAcl, SE_DACL_PRESENT, type SecurityDescriptor } from './security-descriptor.js';
import { EVERYONE, LOCAL_SYSTEM, OWNER_RIGHTS, type Sid, USER, USERS } from './sid.js';

const MAXIMUM_ALLOWED = 0x2000000;
const SECTION_ALL_ACCESS = 0xf001f;
const READ_CONTROL = 0x20000;
const WRITE_DAC = 0x40000;
const WRITE_OWNER = 0x80000;

function token(sids: readonly Sid[] = [USER, EVERYONE, USERS], privileges: number[] = []): Token {
  return {
    kind: 'token',
    id: 1,
    modifications: 0,
    type: 1,
    level: 0,
    defaults: null,
    name: null,
    handleCount: 0,
    referenceCount: 1,
    sids,
    privileges: privileges.map((luid) => ({ luid, attributes: 2 })),
  };
}

const descriptor = (
  entries: Parameters<typeof makeAcl>[0],
  owner: Sid | null = LOCAL_SYSTEM,
): SecurityDescriptor => ({
  owner,
  group: null,
  control: SE_DACL_PRESENT,
  dacl: makeAcl(entries),
  sacl: null,
});

const check = (security: SecurityDescriptor, access: number, who = token()) =>
  checkAccess(security, who, 'section', access);

it('lets the user do everything when the creator said nothing', () => {
  expect(check(DEFAULT_DESCRIPTOR, SECTION_ALL_ACCESS)).toBe(SECTION_ALL_ACCESS);
  expect(check(DEFAULT_DESCRIPTOR, 0x80000000)).toBe(mapGenericMask('section', 0x80000000));
  expect(check(DEFAULT_DESCRIPTOR, MAXIMUM_ALLOWED)).toBe(SECTION_ALL_ACCESS);
  expect(check(DEFAULT_DESCRIPTOR, 4, token(['S-1-5-21-9']))).toBe(-1);
});

it('tells no list from an empty one', () => {
  const open = { ...descriptor([]), dacl: null };
  expect(check(open, SECTION_ALL_ACCESS)).toBe(SECTION_ALL_ACCESS);
  expect(check({ ...open, control: 0 }, SECTION_ALL_ACCESS)).toBe(SECTION_ALL_ACCESS);
  expect(check(descriptor([]), 4)).toBe(-1);
  expect(check(descriptor([]), MAXIMUM_ALLOWED)).toBe(-1);
});

it('gives the owner the right to read and change the list, unless OWNER RIGHTS says otherwise', () => {
  expect(check(descriptor([], USER), READ_CONTROL | WRITE_DAC)).toBe(READ_CONTROL | WRITE_DAC);
  expect(check(descriptor([], USER), MAXIMUM_ALLOWED)).toBe(READ_CONTROL | WRITE_DAC);
  const limited = descriptor([[0, READ_CONTROL, OWNER_RIGHTS]], USER);
  expect(check(limited, WRITE_DAC)).toBe(-1);
  expect(check(limited, READ_CONTROL)).toBe(READ_CONTROL);
});

it('goes by the order of the entries', () => {
  const denyFirst = descriptor([
    [1, 2, USERS],
    [0, 6, EVERYONE],
  ]);
  const allowFirst = descriptor([
    [0, 6, EVERYONE],
    [1, 2, USERS],
  ]);
  expect([check(denyFirst, 4), check(denyFirst, 6), check(denyFirst, MAXIMUM_ALLOWED)]).toEqual([4, -1, 4]);
  expect([check(allowFirst, 6), check(allowFirst, MAXIMUM_ALLOWED)]).toEqual([6, 6]);
});

it('lets privileges through: debugging, taking ownership', () => {
  const closed = descriptor([]);
  const debugger_ = token([USER], [20]);
  expect(checkAccess(closed, debugger_, 'process', 0x1fffff)).toBe(0x1fffff);
  expect(checkAccess(closed, debugger_, 'section', 4)).toBe(-1);
  expect(check(closed, WRITE_OWNER, token([USER], [9]))).toBe(WRITE_OWNER);
});

it('answers as going through the entries bit by bit does', () => {
  const random = mulberry32(seedFor('access check'));
  const sids = [USER, EVERYONE, USERS, LOCAL_SYSTEM, 'S-1-5-21-7'];
  for (let round = 0; round < 2000; round++) {
    const entries = Array.from(
      { length: below(random, 6) },
      () => [below(random, 2), random() & 0x1f, sids[below(random, sids.length)]!] as const,
    );
    const mine = token(sids.filter(() => below(random, 2) === 0));
    const bitAllowed = (bit: number) =>
      entries.find(([, mask, sid]) => (mask & bit) !== 0 && mine.sids.includes(sid))?.[0] === 0;
    const access = 1 + below(random, 31);
    const expected = [1, 2, 4, 8, 16].every((bit) => (access & bit) === 0 || bitAllowed(bit)) ? access : -1;
    expect(check(descriptor(entries, null), access, mine), JSON.stringify([entries, mine.sids, access])).toBe(
      expected,
    );
  }
});
