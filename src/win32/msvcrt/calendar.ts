/** The calendar: seconds since 1970 and their parts, and strftime's texts in the "C" locale. Years 1970 to 3000. */

/** struct tm. */
export interface CalendarTime {
  readonly second: number;
  readonly minute: number;
  readonly hour: number;
  /** 1..31. */
  readonly day: number;
  /** 0..11. */
  readonly month: number;
  /** Since 1900. */
  readonly year: number;
  /** 0 is Sunday. */
  readonly weekDay: number;
  /** 0..365. */
  readonly yearDay: number;
}

const DAY_SECONDS = 86400;
/** 1 January 1970 was a Thursday. */
const EPOCH_WEEK_DAY = 4;
/** 3000-12-31 23:59:59. */
export const LAST_SECOND = 32535215999;

export const DAY_NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
export const MONTH_NAMES = [
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

/** Days from 1970-01-01 to the first day of a month; months outside 0..11 carry into the year (since 1900). */
export function daysToMonth(year: number, month: number): number {
  const whole = year + 1900 + Math.floor(month / 12);
  const index = ((month % 12) + 12) % 12;
  // March begins the year, so that the leap day ends it.
  const shifted = index < 2 ? whole - 1 : whole;
  const fromMarch = (index + 10) % 12;
  const leapDays = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  const DAYS_TO_1970_03_FROM_ZERO = 719468;
  return shifted * 365 + leapDays + Math.floor((fromMarch * 153 + 2) / 5) - DAYS_TO_1970_03_FROM_ZERO;
}

export function calendarTime(seconds: number): CalendarTime {
  const days = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds - days * DAY_SECONDS;
  let year = Math.floor(days / 365.2425) + 70;
  while (daysToMonth(year, 0) > days) year--;
  while (daysToMonth(year + 1, 0) <= days) year++;
  let month = 11;
  while (daysToMonth(year, month) > days) month--;
  return {
    second: rest % 60,
    minute: Math.floor(rest / 60) % 60,
    hour: Math.floor(rest / 3600),
    day: days - daysToMonth(year, month) + 1,
    month,
    year,
    weekDay: (((days + EPOCH_WEEK_DAY) % 7) + 7) % 7,
    yearDay: days - daysToMonth(year, 0),
  };
}

/** Seconds since 1970 of parts that may lie outside their ranges (mktime). */
export function secondsOf(time: CalendarTime): number {
  const days = daysToMonth(time.year, time.month) + time.day - 1;
  return days * DAY_SECONDS + time.hour * 3600 + time.minute * 60 + time.second;
}

const two = (value: number) => String(value).padStart(2, '0');

/** asctime's 26 characters without the NUL. */
export function asciiTime(time: CalendarTime): string {
  const day = DAY_NAMES[time.weekDay]?.slice(0, 3) ?? '???';
  const month = MONTH_NAMES[time.month]?.slice(0, 3) ?? '???';
  const clock = `${two(time.hour)}:${two(time.minute)}:${two(time.second)}`;
  return `${day} ${month} ${two(time.day)} ${clock} ${time.year + 1900}\n`;
}

/** Week of the year with the given first day of weeks; days before the first such day are week 0. */
function weekOfYear({ yearDay, weekDay }: CalendarTime, firstDay: number): number {
  return Math.floor((yearDay + 7 - ((weekDay - firstDay + 7) % 7)) / 7);
}

const hour12 = (hour: number) => (hour % 12 === 0 ? 12 : hour % 12);
const plain = (value: number, alternate: boolean, digits = 2) =>
  alternate ? String(value) : String(value).padStart(digits, '0');
const shortDate = (time: CalendarTime) => `${two(time.month + 1)}/${two(time.day)}/${two(time.year % 100)}`;
const longDate = (time: CalendarTime) =>
  `${DAY_NAMES[time.weekDay]}, ${MONTH_NAMES[time.month]} ${two(time.day)}, ${time.year + 1900}`;
const clockText = (time: CalendarTime) => `${two(time.hour)}:${two(time.minute)}:${two(time.second)}`;

type Conversion = (time: CalendarTime, alternate: boolean) => string;

/** strftime's conversions; # takes leading zeroes away or asks for the long form ("strftime", Microsoft). */
const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  a: (time) => DAY_NAMES[time.weekDay]!.slice(0, 3),
  A: (time) => DAY_NAMES[time.weekDay]!,
  b: (time) => MONTH_NAMES[time.month]!.slice(0, 3),
  B: (time) => MONTH_NAMES[time.month]!,
  c: (time, long) =>
    long ? `${longDate(time)} ${clockText(time)}` : `${shortDate(time)} ${clockText(time)}`,
  d: (time, alternate) => plain(time.day, alternate),
  H: (time, alternate) => plain(time.hour, alternate),
  I: (time, alternate) => plain(hour12(time.hour), alternate),
  j: (time, alternate) => plain(time.yearDay + 1, alternate, 3),
  m: (time, alternate) => plain(time.month + 1, alternate),
  M: (time, alternate) => plain(time.minute, alternate),
  p: (time) => (time.hour < 12 ? 'AM' : 'PM'),
  S: (time, alternate) => plain(time.second, alternate),
  U: (time, alternate) => plain(weekOfYear(time, 0), alternate),
  w: (time) => String(time.weekDay),
  W: (time, alternate) => plain(weekOfYear(time, 1), alternate),
  x: (time, long) => (long ? longDate(time) : shortDate(time)),
  X: clockText,
  y: (time, alternate) => plain(time.year % 100, alternate),
  Y: (time, alternate) => plain(time.year + 1900, alternate, 4),
  z: () => '+0000',
  Z: () => 'Coordinated Universal Time',
  '%': () => '%',
};

/** The year and the week that ISO 8601 gives a day: weeks begin on Monday, the first holds the year's first Thursday. */
function isoWeek({ year, yearDay, weekDay }: CalendarTime): { year: number; week: number } {
  const days = (of: number) => daysToMonth(of + 1, 0) - daysToMonth(of, 0);
  const thursday = yearDay - ((weekDay + 6) % 7) + 3;
  if (thursday < 0) return { year: year - 1, week: Math.floor((thursday + days(year - 1)) / 7) + 1 };
  if (thursday >= days(year)) return { year: year + 1, week: 1 };
  return { year, week: Math.floor(thursday / 7) + 1 };
}

/** What the Universal C Runtime knows beside them ("strftime", Microsoft; C11, 7.27.3.5). */
const UNIVERSAL_CONVERSIONS: Readonly<Record<string, Conversion>> = {
  C: (time, alternate) => plain(Math.floor((time.year + 1900) / 100), alternate),
  D: shortDate,
  e: (time, alternate) => (alternate ? String(time.day) : String(time.day).padStart(2)),
  F: (time) => `${time.year + 1900}-${two(time.month + 1)}-${two(time.day)}`,
  g: (time, alternate) => plain(isoWeek(time).year % 100, alternate),
  G: (time) => String(isoWeek(time).year + 1900),
  h: (time) => MONTH_NAMES[time.month]!.slice(0, 3),
  n: () => '\n',
  r: (time) =>
    `${two(hour12(time.hour))}:${two(time.minute)}:${two(time.second)} ${time.hour < 12 ? 'AM' : 'PM'}`,
  R: (time) => `${two(time.hour)}:${two(time.minute)}`,
  t: () => '\t',
  T: clockText,
  u: (time) => String(time.weekDay === 0 ? 7 : time.weekDay),
  V: (time, alternate) => plain(isoWeek(time).week, alternate),
};

function conversionOf(letter: string, universal: boolean): Conversion | undefined {
  return CONVERSIONS[letter] ?? (universal ? UNIVERSAL_CONVERSIONS[letter] : undefined);
}

function isSound(time: CalendarTime): boolean {
  return DAY_NAMES[time.weekDay] !== undefined && MONTH_NAMES[time.month] !== undefined;
}

/** strftime's text; null for a conversion or a time that means nothing. `universal`: with what the Universal C Runtime knows. */
export function formatTime(format: string, time: CalendarTime, universal = false): string | null {
  let text = '';
  for (let at = 0; at < format.length; at++) {
    if (format[at] !== '%') {
      text += format[at];
      continue;
    }
    at++;
    const alternate = format[at] === '#';
    if (alternate) at++;
    if (universal && (format[at] === 'E' || format[at] === 'O')) at++;
    const conversion = conversionOf(format[at] ?? '', universal);
    if (conversion === undefined || !isSound(time)) return null;
    text += conversion(time, alternate);
  }
  return text;
}
