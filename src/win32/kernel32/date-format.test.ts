import { describe, expect, it } from 'vitest';
import { Win32Machine } from '../../testing/win32-machine.js';

const ERROR_INVALID_PARAMETER = 87;
const ERROR_INSUFFICIENT_BUFFER = 122;
const ERROR_INVALID_FLAGS = 1004;
const EN_US = 0x409;

describe('dates and times as text', () => {
  const machine = new Win32Machine();
  const time = (...fields: number[]) => machine.put(new Uint8Array(Uint16Array.from(fields).buffer));
  /** A Thursday: the day of the week that is given does not count. */
  const moment = time(2024, 2, 0, 29, 15, 4, 5, 6);
  const to = machine.space(256);
  const date = (flags: number, picture: string | null, at = moment) => {
    machine.call('GetDateFormatW', EN_US, flags, at, picture === null ? 0 : { wide: picture }, to, 100);
    return machine.wideText(to);
  };
  const clock = (flags: number, picture: string | null) => {
    machine.call('GetTimeFormatW', EN_US, flags, moment, picture === null ? 0 : { wide: picture }, to, 100);
    return machine.wideText(to);
  };

  it('follow the flags', () => {
    expect(date(0, null)).toBe('2/29/2024');
    expect(date(2, null)).toBe('Thursday, February 29, 2024');
    expect(date(8, null)).toBe('February 2024');
    expect(clock(0, null)).toBe('3:04:05 PM');
    expect(clock(2, null)).toBe('3:04 PM');
    expect(clock(8 | 4, null)).toBe('15:04:05');
  });

  it('follow a picture', () => {
    expect(date(0, "ddd',' MMM dd yy")).toBe('Thu, Feb 29 24');
    expect(date(0, "yyyy-MM-d 'o''clock'")).toBe("2024-02-29 o'clock");
    expect(clock(0, "HH'h' m t")).toBe('15h 4 P');
  });

  it('count and refuse', () => {
    expect(machine.call('GetDateFormatA', EN_US, 0, moment, 0, 0, 0)).toBe(10);
    const refused = (...args: (number | { wide: string })[]) => machine.attempt('GetDateFormatW', ...args);
    expect(refused(EN_US, 0, moment, 0, to, 9)).toEqual([0, ERROR_INSUFFICIENT_BUFFER]);
    expect(refused(EN_US, 1, moment, { wide: 'd' }, to, 9)).toEqual([0, ERROR_INVALID_FLAGS]);
    expect(refused(EN_US, 3, moment, 0, to, 9)).toEqual([0, ERROR_INVALID_FLAGS]);
    expect(refused(EN_US, 0, time(2023, 2, 0, 29, 0, 0, 0, 0), 0, to, 99)).toEqual([
      0,
      ERROR_INVALID_PARAMETER,
    ]);
  });

  it('know the names of the locale', () => {
    expect(machine.call('LocaleNameToLCID', { wide: 'en-us' }, 0)).toBe(EN_US);
    expect(machine.call('LocaleNameToLCID', { wide: '' }, 0)).toBe(0x7f);
    expect(machine.attempt('LocaleNameToLCID', { wide: 'xx-yy' }, 0)).toEqual([0, ERROR_INVALID_PARAMETER]);
    expect(machine.call('LCIDToLocaleName', EN_US, to, 100, 0)).toBe(6);
    expect(machine.wideText(to)).toBe('en-US');
    expect(machine.call('GetLocaleInfoEx', { wide: 'en-US' }, 15, to, 100)).toBe(2);
    expect(machine.wideText(to)).toBe(',');
  });
});
