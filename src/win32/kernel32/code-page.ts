/**
 * Code pages: bytes to UTF-16 and back. Pure. Sources: Microsoft, "Code Page Identifiers", "Code Page 1252 Windows Latin 1",
 * "OEM 437", "MultiByteToWideChar function", "WideCharToMultiByte function".
 */
export const CP_ACP = 0;
export const CP_OEMCP = 1;
export const CP_THREAD_ACP = 3;
export const CP_OEM_437 = 437;
export const CP_WINDOWS_1252 = 1252;
export const CP_US_ASCII = 20127;
export const CP_LATIN_1 = 28591;
export const CP_UTF8 = 65001;

/** What a byte or character that has no counterpart becomes. */
const REPLACEMENT = '\ufffd';
const DEFAULT_BYTE = 0x3f;

const HIGH_1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

const HIGH_437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐' +
  '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

/** A single-byte code page: 256 characters, and the way back. */
interface ByteTable {
  readonly characters: readonly string[];
  readonly bytes: ReadonlyMap<string, number>;
}

function makeTable(character: (byte: number) => string): ByteTable {
  const characters = Array.from({ length: 256 }, (_, byte) => character(byte));
  const bytes = new Map<string, number>();
  characters.forEach((text, byte) => {
    if (text !== REPLACEMENT) bytes.set(text, byte);
  });
  return { characters, bytes };
}

const TABLES: ReadonlyMap<number, ByteTable> = new Map([
  [CP_WINDOWS_1252, makeTable((byte) => HIGH_1252[byte - 0x80] ?? String.fromCharCode(byte))],
  [CP_OEM_437, makeTable((byte) => HIGH_437[byte - 0x80] ?? String.fromCharCode(byte))],
  [CP_LATIN_1, makeTable((byte) => String.fromCharCode(byte))],
  [CP_US_ASCII, makeTable((byte) => (byte < 0x80 ? String.fromCharCode(byte) : REPLACEMENT))],
]);

/** The code page that a number means (CP_ACP and the like are resolved), or 0 for one that is not installed. */
export function resolveCodePage(codePage: number): number {
  if (codePage === CP_ACP || codePage === CP_THREAD_ACP) return CP_WINDOWS_1252;
  if (codePage === CP_OEMCP) return CP_OEM_437;
  return codePage === CP_UTF8 || TABLES.has(codePage) ? codePage : 0;
}

const SLICE = 8192;

function decodeBytes(table: ByteTable, bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += SLICE) {
    let part = '';
    for (const byte of bytes.subarray(at, at + SLICE)) part += table.characters[byte]!;
    parts.push(part);
  }
  return parts.join('');
}

/** Bytes of a resolved code page as Unicode; what is not valid becomes U+FFFD, or makes the answer null when `strict`. */
export function decode(codePage: number, bytes: Uint8Array, strict = false): string | null {
  if (codePage === CP_UTF8) {
    try {
      return new TextDecoder('utf-8', { fatal: strict, ignoreBOM: true }).decode(bytes);
    } catch {
      return null;
    }
  }
  const text = decodeBytes(TABLES.get(codePage)!, bytes);
  return strict && text.includes(REPLACEMENT) ? null : text;
}

export interface Encoded {
  readonly bytes: Uint8Array;
  /** Some character had no counterpart. */
  readonly usedDefault: boolean;
}

/** Unicode as bytes of a resolved code page; `defaultByte` stands for what the page lacks (UTF-8: EF BF BD for lone surrogates). */
export function encode(codePage: number, text: string, defaultByte = DEFAULT_BYTE): Encoded {
  if (codePage === CP_UTF8) {
    const bytes = new TextEncoder().encode(text);
    return { bytes, usedDefault: /\p{Surrogate}/u.test(text) };
  }
  const table = TABLES.get(codePage)!;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  let usedDefault = false;
  for (const character of text) {
    const byte = table.bytes.get(character);
    if (byte === undefined) usedDefault = true;
    bytes[length++] = byte ?? defaultByte;
  }
  return { bytes: bytes.subarray(0, length), usedDefault };
}
