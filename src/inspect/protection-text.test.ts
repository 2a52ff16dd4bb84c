import { describe, expect, it } from 'vitest';
import { PAGE_GUARD, PAGE_NOCACHE, PAGE_WRITECOMBINE } from '../base/memory-constants.js';
import { protectionText } from './protection-text.js';

describe('protections in words', () => {
  it.each([
    [0, 'Reserved'],
    [0x01, 'No access'],
    [0x02, 'Read'],
    [0x04, 'Read/Write'],
    [0x08, 'Copy on write'],
    [0x10, 'Execute'],
    [0x20, 'Execute/Read'],
    [0x40, 'Execute/Read/Write'],
    [0x80, 'Execute/Copy on write'],
    [0x04 | PAGE_GUARD, 'Read/Write/Guard'],
    [0x04 | PAGE_NOCACHE, 'Read/Write/No cache'],
    [0x04 | PAGE_WRITECOMBINE, 'Read/Write/Write combine'],
  ])('%i is %s', (protection, words) => {
    expect(protectionText(protection)).toBe(words);
  });
});
