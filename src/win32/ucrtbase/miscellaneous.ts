/** Small functions of the Universal C Runtime that msvcrt.dll has under other names or not at all. Source: the page of each, Microsoft. */
import type { Service, ServiceFunction } from '../../nt/service.js';
import { memoryFunctions } from '../msvcrt/memory-functions.js';
import { variable } from '../msvcrt/state.js';
import { stdioFunctions } from '../msvcrt/stdio.js';
import { stdlibFunctions } from '../msvcrt/stdlib.js';
import { STREAM_BYTES, STREAM_COUNT } from '../msvcrt/stream.js';

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

export const miscellaneousFunctions: Functions = {
  __acrt_iob_func: standardStreamAt,
  ...withoutLock(),
  _malloc_base: memoryFunctions['malloc']!,
  _calloc_base: memoryFunctions['calloc']!,
  _realloc_base: memoryFunctions['realloc']!,
  _free_base: memoryFunctions['free']!,
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
