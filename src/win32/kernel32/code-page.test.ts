import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CP_OEM_437, CP_UTF8, CP_WINDOWS_1252, decode, encode, resolveCodePage } from './code-page.js';

/** Any code point but halves of surrogate pairs. */
const character = fc.integer({ min: 0, max: 0x10f7ff }).map((code) => (code < 0xd800 ? code : code + 0x800));

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('code pages', () => {
  it('knows the pages that are installed', () => {
    expect([0, 1, 3, 437, 1252, 65001, 932, 65000].map(resolveCodePage)).toEqual([
      1252, 437, 1252, 437, 1252, 65001, 0, 0,
    ]);
  });

  it('maps 1252 and 437 as their published tables do', () => {
    expect(decode(CP_WINDOWS_1252, bytes(0x41, 0x80, 0x99, 0xa9, 0xff))).toBe('A\u20ac\u2122\u00a9\u00ff');
    expect(decode(CP_OEM_437, bytes(0x80, 0x9b, 0xc4, 0xe1, 0xff))).toBe('\u00c7\u00a2\u2500\u00df\u00a0');
  });

  it('comes back from every byte', () => {
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    for (const page of [CP_WINDOWS_1252, CP_OEM_437, 28591])
      expect(encode(page, decode(page, all)!).bytes).toEqual(all);
  });

  it('puts the default byte for what a page lacks', () => {
    expect(encode(CP_WINDOWS_1252, 'a\u0416b')).toEqual({
      bytes: bytes(0x61, 0x3f, 0x62),
      usedDefault: true,
    });
    expect(encode(CP_WINDOWS_1252, '\u0416', 0x2a).bytes).toEqual(bytes(0x2a));
  });

  it('refuses broken UTF-8 when strict, and replaces it otherwise', () => {
    expect(decode(CP_UTF8, bytes(0x61, 0xc3), true)).toBeNull();
    expect(decode(CP_UTF8, bytes(0x61, 0xc3))).toBe('a\ufffd');
    expect(decode(CP_UTF8, bytes(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
    expect(encode(CP_UTF8, '\ud800').usedDefault).toBe(true);
  });

  it('comes back from any well-formed text in UTF-8', () => {
    fc.assert(
      fc.property(fc.array(character), (characters) => {
        const text = String.fromCodePoint(...characters);
        expect(decode(CP_UTF8, encode(CP_UTF8, text).bytes, true)).toBe(text);
      }),
    );
  });
});
