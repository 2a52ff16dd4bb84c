/** Characters between guest memory and strings: a narrow character is a code 0..255, as the "C" locale maps them. */
import type { UserMemory } from '../../mm/user-memory.js';
import { wideBytes } from '../wide-bytes.js';

export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** Characters turned into one call of String.fromCharCode. */
const SLICE = 8192;

export function textOf(bytes: Uint8Array): string {
  if (bytes.length <= SLICE) return String.fromCharCode(...bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at += SLICE)
    text += String.fromCharCode(...bytes.subarray(at, at + SLICE));
  return text;
}

/** Bytes of guest memory; all are faulted in before room for them is made, as a hostile length could ask for too much. */
export function readBlock(memory: UserMemory, address: number, length: number): Uint8Array {
  memory.probeRead(address, length);
  return memory.readBytes(address, length);
}

/** A NUL-terminated narrow string, at most `limit` characters. */
export function readNarrow(memory: UserMemory, address: number, limit?: number): string {
  return memory.readAnsi(address, limit);
}

/** A NUL-terminated wide string, at most `limit` UTF-16 units. */
export function readWide(memory: UserMemory, address: number, limit?: number): string {
  return memory.readUtf16(address, limit);
}

/** Writes the characters and a NUL. */
export function writeNarrow(memory: UserMemory, address: number, text: string): void {
  memory.writeBytes(address, bytesOf(`${text}\0`));
}

export function writeWide(memory: UserMemory, address: number, text: string): void {
  memory.writeBytes(address, wideBytes(`${text}\0`));
}

/** Code page 1252's characters of 80..9F; those that are not assigned stand for themselves. */
const WINDOWS_1252_HIGH =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** A narrow text of Windows's own (arguments, paths) as Unicode: its bytes are code page 1252. */
export function unicodeOf(narrow: string): string {
  return narrow.replace(/[\x80-\x9f]/g, (character) => WINDOWS_1252_HIGH[character.charCodeAt(0) - 0x80]!);
}

/** Unicode as bytes of code page 1252; what it lacks becomes a question mark. */
export function narrowOf(unicode: string): string {
  return unicode.replace(/[^\0-\x7f\xa0-\xff]/g, (character) => {
    const index = WINDOWS_1252_HIGH.indexOf(character);
    return index < 0 ? '?' : String.fromCharCode(0x80 + index);
  });
}
