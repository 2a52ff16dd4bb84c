import { describe, expect, it } from 'vitest';
import { COMMIT_PAGE_TABLES, COMMIT_PRIVATE, CommitLedger } from './commit.js';

describe('CommitLedger', () => {
  it('refuses what passes RAM and the largest paging files, and lets the limit grow up to there', () => {
    const ledger = new CommitLedger(100, [
      { initial: 10, maximum: 30 },
      { initial: 5, maximum: 5 },
    ]);
    expect([ledger.limit, ledger.maximumLimit]).toEqual([115, 135]);
    expect(ledger.charge(COMMIT_PRIVATE, 115)).toBe(true);
    expect(ledger.limit).toBe(115);
    expect(ledger.charge(COMMIT_PRIVATE, 12)).toBe(true);
    expect(ledger.limit).toBe(127);
    expect(ledger.charge(COMMIT_PRIVATE, 9)).toBe(false);
    expect(ledger.current).toBe(127);
    ledger.release(COMMIT_PRIVATE, 100);
    expect([ledger.current, ledger.peak, ledger.byUse[COMMIT_PRIVATE]]).toEqual([27, 127, 27]);
  });

  it('charges page tables whatever the limit', () => {
    const ledger = new CommitLedger(10, []);
    expect(ledger.charge(COMMIT_PRIVATE, 10)).toBe(true);
    ledger.force(COMMIT_PAGE_TABLES, 1);
    expect([ledger.current, ledger.limit]).toEqual([11, 10]);
    expect([ledger.hasRoom(1), ledger.hasRoom(0)]).toEqual([false, true]);
  });
});
