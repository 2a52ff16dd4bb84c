/**
 * Time functions on the machine's virtual clock; the time zone is UTC. Source: "Time management", Microsoft, and the page of
 * each function. struct tm: sec 0, min 4, hour 8, mday 12, mon 16, year 20, wday 24, yday 28, isdst 32; 36 bytes.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { wideBytes } from '../wide-bytes.js';
import {
  asciiTime,
  type CalendarTime,
  calendarTime,
  formatTime,
  LAST_SECOND,
  secondsOf,
} from './calendar.js';
import { EINVAL } from './errno.js';
import {
  failWith,
  isUniversal,
  THREAD_TIME_TEXT,
  THREAD_TM,
  THREAD_WIDE_TIME_TEXT,
  threadData,
} from './state.js';
import { readNarrow, readWide, writeNarrow, writeWide } from './text.js';

const TWO_32 = 2 ** 32;
const DAYLIGHT_OFFSET = 32;
const LAST_SECOND_32 = 0x7fffffff;
/** Days and time may be set beyond their ranges, but not so far that the sum says nothing. */
const FORMAT_LIMIT = 0x10000;

const secondsNow = (call: ServiceCall) => Math.floor(call.kernel.timeMs / 1000);

function readTime(call: ServiceCall, at: number): CalendarTime {
  const part = (index: number) => call.memory.readI32(at + 4 * index);
  return {
    second: part(0),
    minute: part(1),
    hour: part(2),
    day: part(3),
    month: part(4),
    year: part(5),
    weekDay: part(6),
    yearDay: part(7),
  };
}

function writeTime(call: ServiceCall, at: number, time: CalendarTime): void {
  const { second, minute, hour, day, month, year, weekDay, yearDay } = time;
  call.memory.probeWrite(at, DAYLIGHT_OFFSET + 4);
  [second, minute, hour, day, month, year, weekDay, yearDay, 0].forEach((value, index) => {
    call.memory.writeU32(at + 4 * index, value >>> 0);
  });
}

/** A time_t in memory. */
function readSeconds(call: ServiceCall, at: number, is64: boolean): number {
  const lo = call.memory.readU32(at);
  return is64 ? (call.memory.readU32(at + 4) | 0) * TWO_32 + lo : lo | 0;
}

function writeSeconds(call: ServiceCall, at: number, seconds: number, is64: boolean): void {
  if (is64) call.memory.writeU64(at, seconds >>> 0, Math.floor(seconds / TWO_32) >>> 0);
  else call.memory.writeU32(at, seconds >>> 0);
}

const now =
  (is64: boolean): ServiceFunction =>
  (call) => {
    const seconds = secondsNow(call);
    if (call.address(0) !== 0) writeSeconds(call, call.address(0), seconds, is64);
    return seconds;
  };

/** gmtime and localtime, which are the same: struct tm in the thread's block. */
const split =
  (is64: boolean): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0) return failWith(call, EINVAL, 0);
    const seconds = readSeconds(call, call.address(0), is64);
    if (seconds < 0 || seconds > LAST_SECOND) return failWith(call, EINVAL, 0);
    const to = threadData(call) + THREAD_TM;
    writeTime(call, to, calendarTime(seconds));
    return to;
  };

/** _gmtime64_s(to, time). */
const splitSecure =
  (is64: boolean): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0 || call.address(1) === 0) return failWith(call, EINVAL, EINVAL);
    const seconds = readSeconds(call, call.address(1), is64);
    if (seconds < 0 || seconds > LAST_SECOND) return failWith(call, EINVAL, EINVAL);
    writeTime(call, call.address(0), calendarTime(seconds));
    return 0;
  };

const combine =
  (is64: boolean): ServiceFunction =>
  (call) => {
    const at = call.address(0);
    if (at === 0) return failWith(call, EINVAL);
    const seconds = secondsOf(readTime(call, at));
    if (!(seconds >= 0 && seconds <= (is64 ? LAST_SECOND : LAST_SECOND_32))) return failWith(call, EINVAL);
    writeTime(call, at, calendarTime(seconds));
    return seconds;
  };

function storeText(call: ServiceCall, text: string, wide: boolean): number {
  const to = threadData(call) + (wide ? THREAD_WIDE_TIME_TEXT : THREAD_TIME_TEXT);
  if (wide) writeWide(call.memory, to, text);
  else writeNarrow(call.memory, to, text);
  return to;
}

const ascii =
  (wide: boolean): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0) return failWith(call, EINVAL, 0);
    return storeText(call, asciiTime(readTime(call, call.address(0))).slice(0, 60), wide);
  };

const asciiOfSeconds =
  (is64: boolean, wide: boolean): ServiceFunction =>
  (call) => {
    const seconds = call.address(0) === 0 ? -1 : readSeconds(call, call.address(0), is64);
    if (seconds < 0 || seconds > LAST_SECOND) return failWith(call, EINVAL, 0);
    return storeText(call, asciiTime(calendarTime(seconds)), wide);
  };

/** strftime(to, size, format, time): the length, or 0 when it does not fit. */
const format =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const [to, size] = [call.address(0), call.size(1)];
    if (to === 0 || size === 0 || call.address(2) === 0) return failWith(call, EINVAL, 0);
    const pattern = wide
      ? readWide(call.memory, call.address(2), FORMAT_LIMIT)
      : readNarrow(call.memory, call.address(2), FORMAT_LIMIT);
    const text = formatTime(pattern, readTime(call, call.address(3)), isUniversal(call));
    if (text === null) {
      call.memory.writeBytes(to, wide ? wideBytes('\0') : Uint8Array.of(0));
      return failWith(call, EINVAL, 0);
    }
    if (text.length >= size) return 0;
    if (wide) writeWide(call.memory, to, text);
    else writeNarrow(call.memory, to, text);
    return text.length;
  };

/** struct _timeb: time, millitm (2 bytes), timezone (2), dstflag (2). */
const preciseTime =
  (is64: boolean): ServiceFunction =>
  (call) => {
    const at = call.address(0);
    const milliseconds = call.kernel.timeMs;
    const rest = at + (is64 ? 8 : 4);
    call.memory.probeWrite(at, is64 ? 16 : 12);
    writeSeconds(call, at, Math.floor(milliseconds / 1000), is64);
    call.memory.writeU16(rest, milliseconds % 1000);
    call.memory.writeU16(rest + 2, 0);
    call.memory.writeU16(rest + 4, 0);
  };

const dateText: ServiceFunction = (call) => {
  const time = calendarTime(secondsNow(call));
  writeNarrow(call.memory, call.address(0), formatTime('%m/%d/%y', time)!);
  return call.address(0);
};

const clockText: ServiceFunction = (call) => {
  const time = calendarTime(secondsNow(call));
  writeNarrow(call.memory, call.address(0), formatTime('%H:%M:%S', time)!);
  return call.address(0);
};

const seconds64 = (call: ServiceCall, index: number) => (call.hi(index) | 0) * TWO_32 + call.lo(index);

/** Names without a number take the 64-bit time_t, as this DLL's do for 64-bit programs. */
export const timeFunctions: Record<string, ServiceFunction> = {
  time: now(true),
  _time64: now(true),
  _time32: now(false),
  gmtime: split(true),
  _gmtime64: split(true),
  _gmtime32: split(false),
  localtime: split(true),
  _localtime64: split(true),
  _localtime32: split(false),
  _gmtime64_s: splitSecure(true),
  _gmtime32_s: splitSecure(false),
  _localtime64_s: splitSecure(true),
  _localtime32_s: splitSecure(false),
  mktime: combine(true),
  _mktime64: combine(true),
  _mktime32: combine(false),
  _mkgmtime: combine(true),
  _mkgmtime64: combine(true),
  _mkgmtime32: combine(false),
  asctime: ascii(false),
  _wasctime: ascii(true),
  ctime: asciiOfSeconds(true, false),
  _ctime64: asciiOfSeconds(true, false),
  _ctime32: asciiOfSeconds(false, false),
  _wctime: asciiOfSeconds(true, true),
  _wctime64: asciiOfSeconds(true, true),
  strftime: format(false),
  wcsftime: format(true),
  difftime: (call) => {
    call.returnDouble(seconds64(call, 0) - seconds64(call, 1));
  },
  _difftime64: (call) => {
    call.returnDouble(seconds64(call, 0) - seconds64(call, 1));
  },
  _difftime32: (call) => {
    call.returnDouble(call.i32(0) - call.i32(1));
  },
  clock: (call) => Math.floor(call.kernel.clock.now100ns / 10_000),
  _ftime: preciseTime(true),
  _ftime64: preciseTime(true),
  _ftime32: preciseTime(false),
  _tzset: () => undefined,
  _strdate: dateText,
  _strtime: clockText,
};
