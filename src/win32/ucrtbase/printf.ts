/**
 * The functions behind the printf family of <stdio.h>, whose own members are inline in the headers of the Universal C
 * Runtime. Source: Microsoft, "Format specification syntax: printf and wprintf functions", "_snprintf", "sprintf_s",
 * "_snprintf_s"; names, arguments and options are those of the published <corecrt_stdio_config.h> and <stdio.h>.
 */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { EILSEQ, EINVAL, ERANGE } from '../msvcrt/errno.js';
import { format, ListArguments, printTo, store, storeCounts, terminate } from '../msvcrt/printf.js';
import type { Formatted, PrintfDialect } from '../msvcrt/printf-format.js';
import { failWith } from '../msvcrt/state.js';
import { Stream, standardStream } from '../msvcrt/stream.js';
import { checked, invalidParameter } from './invalid-parameter.js';

/** _CRT_INTERNAL_PRINTF_… options. */
const LEGACY_NULL_TERMINATION = 0x01;
const STANDARD_SNPRINTF = 0x02;
const LEGACY_WIDE_SPECIFIERS = 0x04;
const LEGACY_THREE_DIGIT_EXPONENTS = 0x10;
const STANDARD_ROUNDING = 0x20;

const TRUNCATE = 2 ** 64 - 1;

function dialectOf(options: number): PrintfDialect {
  return {
    universal: true,
    exponentDigits: options & LEGACY_THREE_DIGIT_EXPONENTS ? 3 : 2,
    tiesToEven: (options & STANDARD_ROUNDING) !== 0,
    standardWidths: (options & LEGACY_WIDE_SPECIFIERS) === 0,
  };
}

/** Formats; null when the format asks for %n, which is off unless a program turns it on. */
function formatCall(
  call: ServiceCall,
  formatIndex: number,
  listIndex: number,
  wide: boolean,
): Formatted | null {
  const args = new ListArguments(call, call.address(listIndex));
  const result = format(call, formatIndex, wide, args, dialectOf(call.lo(0)));
  return result.stores.length === 0 ? result : null;
}

/** __stdio_common_vfprintf(options, stream, format, locale, arguments), and _vfwprintf. */
const toStream = (wide: boolean): Service =>
  checked((call) => {
    if (call.address(1) === 0 || call.address(2) === 0) return invalidParameter(call, EINVAL, -1);
    const result = formatCall(call, 2, 4, wide);
    if (result === null) return invalidParameter(call, EINVAL, -1);
    return printTo(new Stream(call, call.address(1)), result, wide);
  });

/** __conio_common_vcprintf(options, format, locale, arguments). */
const toConsole = (wide: boolean): Service =>
  checked((call) => {
    if (call.address(1) === 0) return invalidParameter(call, EINVAL, -1);
    const result = formatCall(call, 1, 3, wide);
    if (result === null) return invalidParameter(call, EINVAL, -1);
    return printTo(standardStream(call, 1), result, wide);
  });

function put(call: ServiceCall, to: number, result: Formatted, limit: number, wide: boolean): number {
  const done = store(call, to, result, limit, wide);
  storeCounts(call, result);
  return done;
}

/** What a result that does not fit comes to: by the options cut with or without a NUL, the length or -1. */
function cutResult(call: ServiceCall, result: Formatted, size: number, wide: boolean): number {
  const options = call.lo(0);
  const to = call.address(1);
  const width = wide ? 2 : 1;
  if (size === 0) return options & STANDARD_SNPRINTF ? result.length : -1;
  if (options & LEGACY_NULL_TERMINATION) {
    put(call, to, result, size, wide);
    return result.length === size ? result.length : -1;
  }
  const done = put(call, to, result, size - 1, wide);
  terminate(call, to + done * width, wide);
  return options & STANDARD_SNPRINTF ? result.length : -1;
}

/** __stdio_common_vsprintf(options, buffer, size, format, locale, arguments), and _vswprintf. */
const toBuffer = (wide: boolean): Service =>
  checked((call) => {
    const [to, size] = [call.address(1), call.size(2)];
    if (call.address(3) === 0 || (to === 0 && size !== 0)) return invalidParameter(call, EINVAL, -1);
    const result = formatCall(call, 3, 5, wide);
    if (result === null) return invalidParameter(call, EINVAL, -1);
    if (result.unconvertible) return failWith(call, EILSEQ);
    if (to === 0) return result.length;
    if (result.length >= size) return cutResult(call, result, size, wide);
    const done = put(call, to, result, result.length, wide);
    terminate(call, to + done * (wide ? 2 : 1), wide);
    return result.length;
  });

/** The secure forms: a text that does not fit, and may not be cut, is invalid; the buffer is empty then. */
function putSecure(
  call: ServiceCall,
  result: Formatted | null,
  most: number,
  isCut: boolean,
  wide: boolean,
): ServiceResult {
  const [to, size] = [call.address(1), call.size(2)];
  const width = wide ? 2 : 1;
  if (result === null) return invalidParameter(call, EINVAL, -1);
  if (result.unconvertible) {
    terminate(call, to, wide);
    return failWith(call, EILSEQ);
  }
  const wanted = Math.min(result.length, most);
  if (wanted >= size && !isCut) {
    terminate(call, to, wide);
    return invalidParameter(call, ERANGE, -1);
  }
  const done = put(call, to, result, Math.min(wanted, size - 1), wide);
  terminate(call, to + done * width, wide);
  return done < result.length ? -1 : done;
}

/** __stdio_common_vsprintf_s(options, buffer, size, format, locale, arguments). */
const secure = (wide: boolean): Service =>
  checked((call) => {
    if (call.address(1) === 0 || call.size(2) === 0 || call.address(3) === 0)
      return invalidParameter(call, EINVAL, -1);
    return putSecure(call, formatCall(call, 3, 5, wide), TRUNCATE, false, wide);
  });

/** __stdio_common_vsnprintf_s(options, buffer, size, count, format, locale, arguments). */
const secureBounded = (wide: boolean): Service =>
  checked((call) => {
    const [to, size, count] = [call.address(1), call.size(2), call.size(3)];
    if (to === 0 && size === 0 && count === 0) return 0;
    if (to === 0 || size === 0 || call.address(4) === 0) return invalidParameter(call, EINVAL, -1);
    return putSecure(call, formatCall(call, 4, 6, wide), count, count >= TRUNCATE, wide);
  });

export const printfFunctions: Record<string, Service | ServiceFunction> = {
  __stdio_common_vfprintf: toStream(false),
  __stdio_common_vfprintf_s: toStream(false),
  __stdio_common_vfwprintf: toStream(true),
  __stdio_common_vfwprintf_s: toStream(true),
  __stdio_common_vsprintf: toBuffer(false),
  __stdio_common_vswprintf: toBuffer(true),
  __stdio_common_vsprintf_s: secure(false),
  __stdio_common_vswprintf_s: secure(true),
  __stdio_common_vsnprintf_s: secureBounded(false),
  __stdio_common_vsnwprintf_s: secureBounded(true),
  __conio_common_vcprintf: toConsole(false),
  __conio_common_vcprintf_s: toConsole(false),
  __conio_common_vcwprintf: toConsole(true),
  __conio_common_vcwprintf_s: toConsole(true),
};
