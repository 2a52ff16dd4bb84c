/**
 * The functions behind the scanf family of <stdio.h> in the Universal C Runtime. Source: Microsoft, "Format specification
 * fields: scanf and wscanf functions"; names, arguments and options are those of the published <stdio.h>.
 */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { EINVAL } from '../msvcrt/errno.js';
import { type CharacterSource, StreamReader, StringReader, waiting } from '../msvcrt/reader.js';
import { GuestTarget } from '../msvcrt/scanf.js';
import { scanText } from '../msvcrt/scanf-format.js';
import { EOF, Stream } from '../msvcrt/stream.js';
import { readNarrow, readWide } from '../msvcrt/text.js';
import { checked, invalidParameter } from './invalid-parameter.js';

/** _CRT_INTERNAL_SCANF_SECURECRT. */
const SECURE = 1;

/** The pointer arguments in a va_list. */
class ListTarget extends GuestTarget {
  #at: number;

  constructor(call: ServiceCall, list: number) {
    super(call, 0);
    this.#at = list;
  }

  override next(): void {
    const { memory } = this.call;
    this.address = memory.readPointer(this.#at);
    this.value = memory.readU64Hi(this.#at) * 2 ** 32 + memory.readU64Lo(this.#at);
    this.#at += 8;
  }
}

function scan(
  call: ServiceCall,
  source: CharacterSource,
  formatIndex: number,
  listIndex: number,
  wide: boolean,
): number {
  const address = call.address(formatIndex);
  const text = wide ? readWide(call.memory, address) : readNarrow(call.memory, address);
  const target = new ListTarget(call, call.address(listIndex));
  return scanText(text, source, target, { wide, secure: (call.lo(0) & SECURE) !== 0 });
}

/** __stdio_common_vfscanf(options, stream, format, locale, arguments). */
const fromStream = (wide: boolean): Service =>
  checked(
    waiting((call): ServiceResult => {
      if (call.address(1) === 0 || call.address(2) === 0) return invalidParameter(call, EINVAL, EOF);
      const reader = new StreamReader(new Stream(call, call.address(1)));
      const result = scan(call, reader, 2, 4, wide);
      reader.finish();
      return result;
    }),
  );

/** __stdio_common_vsscanf(options, text, length, format, locale, arguments): the text ends at a NUL or after `length`. */
const fromString = (wide: boolean): Service =>
  checked((call) => {
    const [address, length] = [call.address(1), call.size(2)];
    if (address === 0 || call.address(3) === 0) return invalidParameter(call, EINVAL, EOF);
    const limit = Math.min(length, Number.MAX_SAFE_INTEGER);
    const text = wide ? readWide(call.memory, address, limit) : readNarrow(call.memory, address, limit);
    return text === '' ? EOF : scan(call, new StringReader(text), 3, 5, wide);
  });

export const scanfFunctions: Record<string, Service | ServiceFunction> = {
  __stdio_common_vfscanf: fromStream(false),
  __stdio_common_vfwscanf: fromStream(true),
  __stdio_common_vsscanf: fromString(false),
  __stdio_common_vswscanf: fromString(true),
};
