/** Small functions of the Universal C Runtime that msvcrt.dll has under other names or not at all. Source: the page of each, Microsoft. */
import { STATUS_INTEGER_DIVIDE_BY_ZERO } from '../../base/ntstatus.js';
import type { Service, ServiceFunction } from '../../nt/service.js';
import { memoryFunctions } from '../msvcrt/memory-functions.js';
import { variable } from '../msvcrt/state.js';
import { stdioFunctions } from '../msvcrt/stdio.js';
import { stdlibFunctions } from '../msvcrt/stdlib.js';
import { STREAM_BYTES, STREAM_COUNT } from '../msvcrt/stream.js';
import { wideStringFunctions } from '../msvcrt/wide-string.js';

type Functions = Record<string, Service | ServiceFunction>;

/** Streams are not locked here: the function with and the one without a lock are the same. */
const WITHOUT_LOCK = [
  'fclose',
  'fflush',
  'fgetc',
  'fgetwc',
  'fputc',
  'fputwc',
  'fread',
  'fseek',
  'ftell',
  'fwrite',
  'getc',
  'getwc',
  'putc',
  'putwc',
  'ungetc',
  'ungetwc',
];

function withoutLock(): Functions {
  const functions: Functions = {};
  for (const name of WITHOUT_LOCK) functions[`_${name}_nolock`] = stdioFunctions[name]!;
  functions['_fseeki64_nolock'] = stdioFunctions['_fseeki64']!;
  functions['_ftelli64_nolock'] = stdioFunctions['_ftelli64']!;
  return functions;
}

/** FILE *__acrt_iob_func(index): standard input, output, error. */
const standardStreamAt: ServiceFunction = (call) =>
  variable(call, '_iob') + Math.min(call.u32(0), STREAM_COUNT - 1) * STREAM_BYTES;

const TAB = 9;
const SPACE = 32;

/** lldiv_t lldiv(numerator, denominator): the structure's address comes first. */
const divideLong: ServiceFunction = (call) => {
  const [to, numerator, denominator] = [call.address(0), call.i64(1), call.i64(2)];
  const [left, right] = [BigInt.asIntN(64, numerator), BigInt.asIntN(64, denominator)];
  if (right === 0n) return call.raise(STATUS_INTEGER_DIVIDE_BY_ZERO, []);
  [left / right, left % right].forEach((value, index) => {
    const bits = BigInt.asUintN(64, value);
    call.memory.writeU64(to + 8 * index, Number(bits & 0xffffffffn), Number(bits >> 32n));
  });
  return to;
};

const TIME_UTC = 1;

/** int _timespec64_get(to, base): seconds, then nanoseconds. */
const timespec: ServiceFunction = (call) => {
  const [to, base] = [call.address(0), call.i32(1)];
  if (to === 0 || base !== TIME_UTC) return 0;
  const milliseconds = call.kernel.timeMs;
  const seconds = Math.floor(milliseconds / 1000);
  call.memory.writeU64(to, seconds % 2 ** 32, Math.floor(seconds / 2 ** 32));
  call.memory.writeU64(to + 8, Math.floor((milliseconds % 1000) * 1_000_000), 0);
  return base;
};

const isBlank = (code: number) => (code === TAB || code === SPACE ? 1 : 0);

export const miscellaneousFunctions: Functions = {
  /** wchar_t *wcstok(text, separators, context): the thread's own place without a context. */
  wcstok: (call) =>
    (call.address(2) === 0 ? wideStringFunctions['wcstok']! : wideStringFunctions['wcstok_s']!)(call),
  isblank: (call) => isBlank(call.i32(0)),
  iswblank: (call) => isBlank(call.u32(0) & 0xffff),
  _isblank_l: (call) => isBlank(call.i32(0)),
  _iswblank_l: (call) => isBlank(call.u32(0) & 0xffff),
  lldiv: divideLong,
  imaxdiv: divideLong,
  _timespec64_get: timespec,
  __acrt_iob_func: standardStreamAt,
  ...withoutLock(),
  _malloc_base: memoryFunctions['malloc']!,
  _calloc_base: memoryFunctions['calloc']!,
  _realloc_base: memoryFunctions['realloc']!,
  _free_base: memoryFunctions['free']!,
  _atoll_l: stdlibFunctions['_atoi64']!,
  _wtoll_l: stdlibFunctions['_wtoi64']!,
  _strtoll_l: stdlibFunctions['_strtoi64']!,
  _strtoull_l: stdlibFunctions['_strtoui64']!,
  _wcstoll_l: stdlibFunctions['_wcstoi64']!,
  _wcstoull_l: stdlibFunctions['_wcstoui64']!,
  atoll: stdlibFunctions['_atoi64']!,
  _wtoll: stdlibFunctions['_wtoi64']!,
  llabs: stdlibFunctions['_abs64']!,
  imaxabs: stdlibFunctions['_abs64']!,
  strtoimax: stdlibFunctions['_strtoi64']!,
  strtoumax: stdlibFunctions['_strtoui64']!,
  wcstoimax: stdlibFunctions['_wcstoi64']!,
  wcstoumax: stdlibFunctions['_wcstoui64']!,
  wcstoll: stdlibFunctions['_wcstoi64']!,
  wcstoull: stdlibFunctions['_wcstoui64']!,
  _lock_file: () => undefined,
  _unlock_file: () => undefined,
  _crt_debugger_hook: () => undefined,
  /** %n is off: nothing turns it on here. */
  _get_printf_count_output: () => 0,
  __fpe_flt_rounds: (call) => [1, 3, 2, 0][(call.processor.mxcsr >>> 13) & 3]!,
};
