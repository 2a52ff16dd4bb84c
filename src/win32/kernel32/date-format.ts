/**
 * Dates and times as text, in English. Sources: Microsoft, "GetDateFormatEx function", "GetTimeFormatEx function", "Day,
 * Month, Year, and Era Format Pictures", "Hour, Minute, and Second Format Pictures".
 */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { ERROR_INVALID_FLAGS } from './results.js';
import { ANSI, type TextForm, WIDE, writeText } from './text-form.js';
import { fromSystemTime, readSystemTime, type SystemTime, toSystemTime } from './time.js';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const ERA = 'A.D.';
const SHORT_DATE = 'M/d/yyyy';
const LONG_DATE = 'dddd, MMMM d, yyyy';
const YEAR_AND_MONTH = 'MMMM yyyy';

const DATE_SHORTDATE = 1;
const DATE_LONGDATE = 2;
const DATE_YEARMONTH = 8;
const DATE_CHOICES = DATE_SHORTDATE | DATE_LONGDATE | DATE_YEARMONTH;
/** DATE_USE_ALT_CALENDAR, the reading orders and DATE_AUTOLAYOUT: they change nothing here. */
const DATE_FLAGS = 0x7f;
const TIME_NOMINUTESORSECONDS = 1;
const TIME_NOSECONDS = 2;
const TIME_NOTIMEMARKER = 4;
const TIME_FORCE24HOURFORMAT = 8;
const TIME_FLAGS = 0xf;
const LOCALE_NOUSEROVERRIDE = 0x80000000;
/** Most units of a picture. */
const MAXIMUM_PICTURE = 260;

/** What runs of a letter mean; the length is cut to the longest form. */
type Pictures = Readonly<Record<string, (count: number) => string>>;

const twoDigits = (value: number) => String(value % 100).padStart(2, '0');
const number = (value: number, count: number) => (count === 1 ? String(value) : twoDigits(value));

function datePictures([year = 0, month = 0, weekday = 0, day = 0]: SystemTime): Pictures {
  const named = (names: readonly string[], index: number, value: number, count: number) => {
    if (count < 3) return number(value, count);
    return count === 3 ? names[index]!.slice(0, 3) : names[index]!;
  };
  return {
    d: (count) => named(DAYS, weekday, day, count),
    M: (count) => named(MONTHS, month - 1, month, count),
    y: (count) => (count < 3 ? number(year % 100, count) : String(year).padStart(4, '0')),
    g: () => ERA,
  };
}

function timePictures([, , , , hour = 0, minute = 0, second = 0]: SystemTime): Pictures {
  const half = hour < 12 ? 'AM' : 'PM';
  return {
    h: (count) => number(hour % 12 === 0 ? 12 : hour % 12, count),
    H: (count) => number(hour, count),
    m: (count) => number(minute, count),
    s: (count) => number(second, count),
    t: (count) => (count === 1 ? half[0]! : half),
  };
}

/** A picture with its letters replaced; text in quotation marks stands for itself, two of them for one. */
function draw(picture: string, pictures: Pictures): string {
  return picture.replace(/'((?:[^']|'')*)'?|([a-zA-Z])\2*/g, (run, quoted: string | undefined) => {
    if (quoted !== undefined) return quoted.replace(/''/g, "'");
    const make = pictures[run[0]!];
    return make === undefined ? run : make(run.length);
  });
}

/** The time that the argument points to, checked and with its day of the week; of now for NULL; null when it is none. */
function timeAt(call: ServiceCall, at: number): SystemTime | null {
  if (at === 0) {
    const now = new Date(call.kernel.timeMs);
    return dateFields(now);
  }
  const file = fromSystemTime(readSystemTime(call, at));
  return file === null ? null : toSystemTime(file.lo, file.hi);
}

function dateFields(date: Date): SystemTime {
  return [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDay(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    date.getUTCMilliseconds(),
  ];
}

/** Units with the terminator, stored when there is room for them; 0 room asks for them. */
function give(call: ServiceCall, form: TextForm, text: string, to: number, room: number): number {
  const units = form.encode(text).length / form.unit + 1;
  if (room === 0) return units;
  if (room < units) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  writeText(call, form, to, text);
  return units;
}

/** The default picture of the flags; null for flags that contradict. */
function datePicture(flags: number): string | null {
  switch (flags & DATE_CHOICES) {
    case 0:
    case DATE_SHORTDATE:
      return SHORT_DATE;
    case DATE_LONGDATE:
      return LONG_DATE;
    case DATE_YEARMONTH:
      return YEAR_AND_MONTH;
    default:
      return null;
  }
}

function timePicture(flags: number): string {
  const hour = flags & TIME_FORCE24HOURFORMAT ? 'HH' : 'h';
  const rest = flags & TIME_NOMINUTESORSECONDS ? '' : flags & TIME_NOSECONDS ? ':mm' : ':mm:ss';
  return hour + rest + (flags & TIME_NOTIMEMARKER ? '' : ' tt');
}

/** int GetDateFormat(locale, flags, time, picture, buffer, units), and GetTimeFormat. */
const formatWith =
  (
    form: TextForm,
    known: number,
    /** Flags that choose a picture, so that none may be given. */
    choosing: number,
    standard: (flags: number) => string | null,
    pictures: (time: SystemTime) => Pictures,
  ): ServiceFunction =>
  (call) => {
    const [flags, pictureAt, room] = [call.u32(1), call.address(3), call.i32(5)];
    const unknown = flags & ~(known | LOCALE_NOUSEROVERRIDE);
    if (unknown || (pictureAt !== 0 && flags & choosing)) return call.fail(ERROR_INVALID_FLAGS);
    const time = timeAt(call, call.address(2));
    if (time === null || room < 0) return call.fail(ERROR_INVALID_PARAMETER);
    const picture = pictureAt === 0 ? standard(flags) : form.read(call, pictureAt, MAXIMUM_PICTURE);
    if (picture === null) return call.fail(ERROR_INVALID_FLAGS);
    return give(call, form, draw(picture, pictures(time)), call.address(4), room);
  };

const date = (form: TextForm) => formatWith(form, DATE_FLAGS, DATE_CHOICES, datePicture, datePictures);
const time = (form: TextForm) => formatWith(form, TIME_FLAGS, 0, timePicture, timePictures);

/** The forms with Ex take the locale's name; the arguments that count here are the same. */
export const dateFormatFunctions: Record<string, Service | ServiceFunction> = {
  GetDateFormatA: date(ANSI),
  GetDateFormatW: date(WIDE),
  GetDateFormatEx: date(WIDE),
  GetTimeFormatA: time(ANSI),
  GetTimeFormatW: time(WIDE),
  GetTimeFormatEx: time(WIDE),
};
