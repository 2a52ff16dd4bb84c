import { describe, expect, it } from 'vitest';
import { asciiTime, calendarTime, formatTime, secondsOf } from './calendar.js';

describe('calendar', () => {
  it('agrees with the ECMAScript calendar', () => {
    for (let day = 0; day < 400000; day += 97) {
      const seconds = day * 86400 + (day % 86400);
      const date = new Date(seconds * 1000);
      expect(calendarTime(seconds)).toMatchObject({
        second: date.getUTCSeconds(),
        minute: date.getUTCMinutes(),
        hour: date.getUTCHours(),
        day: date.getUTCDate(),
        month: date.getUTCMonth(),
        year: date.getUTCFullYear() - 1900,
        weekDay: date.getUTCDay(),
      });
      expect(secondsOf(calendarTime(seconds))).toBe(seconds);
    }
  });

  it('carries parts outside their ranges', () => {
    const time = { second: 0, minute: 0, hour: 0, day: 31, month: 13, year: 100, weekDay: 0, yearDay: 0 };
    expect(calendarTime(secondsOf(time))).toMatchObject({
      year: 101,
      month: 2,
      day: 3,
      weekDay: 6,
      yearDay: 61,
    });
  });

  it('writes times', () => {
    const time = calendarTime(86400 * 365 + 13 * 3600);
    expect(asciiTime(time)).toBe('Fri Jan 01 13:00:00 1971\n');
    expect(formatTime('%a %A %b %B|%d %H %I %j %m %M %p %S %U %w %W|%x|%X|%y %Y|%%', time)).toBe(
      'Fri Friday Jan January|01 13 01 001 01 00 PM 00 00 5 00|01/01/71|13:00:00|71 1971|%',
    );
    expect(formatTime('%#c|%#x|%#d %#j', time)).toBe(
      'Friday, January 01, 1971 13:00:00|Friday, January 01, 1971|1 1',
    );
    expect(formatTime('%q', time)).toBeNull();
  });
});
