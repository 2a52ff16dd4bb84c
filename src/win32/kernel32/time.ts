import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { PERFORMANCE_FREQUENCY, TICK_100NS } from '../../nt/shared-data.js';
import { ERROR_INVALID_PARAMETER, ERROR_PRIVILEGE_NOT_HELD } from '../ntdll/dos-error.js';
import { TRUE, writeU64 } from './results.js';

/** Milliseconds from 1601-01-01 to 1970-01-01. */
const EPOCH_MS = 11_644_473_600_000n;
const UNITS_PER_MS = 10_000n;
const SYSTEMTIME_BYTES = 16;
/** SystemTime and its high half in KUSER_SHARED_DATA: what the last clock tick wrote. */
const SHARED_SYSTEM_TIME = 0x7ffe0014;

/** Fields of a SYSTEMTIME: year, month, day of week, day, hour, minute, second, millisecond. */
export type SystemTime = readonly number[];

/** The calendar time of a FILETIME; null for one that is negative as a signed number. */
export function toSystemTime(lo: number, hi: number): SystemTime | null {
  if (hi >= 0x80000000) return null;
  const units = (BigInt(hi) << 32n) | BigInt(lo);
  const date = new Date(Number(units / UNITS_PER_MS - EPOCH_MS));
  if (Number.isNaN(date.getTime())) return null;
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

/** The FILETIME of a calendar time; null when a field is out of range. The day of the week is not looked at. */
export function fromSystemTime(time: SystemTime): { lo: number; hi: number } | null {
  const [year = 0, month = 0, , day = 0, hour = 0, minute = 0, second = 0, ms = 0] = time;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
  const inRange = year >= 1601 && year <= 30827 && hour < 24 && minute < 60 && second < 60 && ms < 1000;
  if (!inRange || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const units = (BigInt(date.getTime()) + EPOCH_MS) * UNITS_PER_MS;
  return { lo: Number(units & 0xffffffffn), hi: Number(units >> 32n) };
}

export function readSystemTime(call: ServiceCall, at: number): SystemTime {
  return Array.from({ length: 8 }, (_, index) => call.memory.readU16(at + 2 * index));
}

function writeSystemTime(call: ServiceCall, at: number, time: SystemTime): void {
  call.memory.probeWrite(at, SYSTEMTIME_BYTES);
  time.forEach((value, index) => {
    call.memory.writeU16(at + 2 * index, value);
  });
}

/** void GetSystemTime(time): of the last clock tick. */
const getSystemTime: ServiceFunction = (call) => {
  const { memory } = call;
  const time = toSystemTime(memory.readU32(SHARED_SYSTEM_TIME), memory.readU32(SHARED_SYSTEM_TIME + 4));
  if (time !== null) writeSystemTime(call, call.address(0), time);
};

/** void GetSystemTimeAsFileTime(time): of the last clock tick. */
const asFileTime: ServiceFunction = (call) => {
  const { memory } = call;
  memory.writeU64(
    call.address(0),
    memory.readU32(SHARED_SYSTEM_TIME),
    memory.readU32(SHARED_SYSTEM_TIME + 4),
  );
};

/** void GetSystemTimePreciseAsFileTime(time). */
const asPreciseFileTime: ServiceFunction = (call) => {
  const { kernel } = call;
  kernel.clock.systemTime(kernel.timeScratch);
  call.memory.writeU64(call.address(0), kernel.timeScratch.lo, kernel.timeScratch.hi);
};

const fileTimeToSystemTime: ServiceFunction = (call) => {
  const { memory } = call;
  const time = toSystemTime(memory.readU32(call.address(0)), memory.readU32(call.address(0) + 4));
  if (time === null) return call.fail(ERROR_INVALID_PARAMETER);
  writeSystemTime(call, call.address(1), time);
  return TRUE;
};

const systemTimeToFileTime: ServiceFunction = (call) => {
  const time = fromSystemTime(readSystemTime(call, call.address(0)));
  if (time === null) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.writeU64(call.address(1), time.lo, time.hi);
  return TRUE;
};

/** BOOL FileTimeToLocalFileTime(time, local) and back: the zone is UTC. */
const copyFileTime: ServiceFunction = (call) => {
  const [lo, hi] = [call.memory.readU32(call.address(0)), call.memory.readU32(call.address(0) + 4)];
  if (hi >= 0x80000000) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.writeU64(call.address(1), lo, hi);
  return TRUE;
};

/** LONG CompareFileTime(first, second). */
const compareFileTime: ServiceFunction = (call) => {
  const { memory } = call;
  const [first, second] = [call.address(0), call.address(1)];
  const high = memory.readU32(first + 4) - memory.readU32(second + 4);
  return Math.sign(high === 0 ? memory.readU32(first) - memory.readU32(second) : high);
};

/** BOOL FileTimeToDosDateTime(time, date, dosTime): years 1980 to 2107, two-second steps. */
const toDosDateTime: ServiceFunction = (call) => {
  const { memory } = call;
  const at = call.address(0);
  const time = toSystemTime(memory.readU32(at), memory.readU32(at + 4));
  const [year = 0, month = 0, , day = 0, hour = 0, minute = 0, second = 0] = time ?? [];
  if (time === null || year < 1980 || year > 2107) return call.fail(ERROR_INVALID_PARAMETER);
  memory.probeWrite(call.address(1), 2);
  memory.probeWrite(call.address(2), 2);
  memory.writeU16(call.address(1), ((year - 1980) << 9) | (month << 5) | day);
  memory.writeU16(call.address(2), (hour << 11) | (minute << 5) | (second >> 1));
  return TRUE;
};

/** BOOL DosDateTimeToFileTime(date, dosTime, time). */
const fromDosDateTime: ServiceFunction = (call) => {
  const [date, time] = [call.u32(0) & 0xffff, call.u32(1) & 0xffff];
  const fields = [
    1980 + (date >> 9),
    (date >> 5) & 15,
    0,
    date & 31,
    time >> 11,
    (time >> 5) & 63,
    (time & 31) * 2,
    0,
  ];
  const result = fromSystemTime(fields);
  if (result === null) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.writeU64(call.address(2), result.lo, result.hi);
  return TRUE;
};

const counter: ServiceFunction = (call) => {
  writeU64(call, call.address(0), Math.floor(call.kernel.clock.now100ns));
  return TRUE;
};

const frequency: ServiceFunction = (call) => {
  writeU64(call, call.address(0), PERFORMANCE_FREQUENCY);
  return TRUE;
};

/** TIME_ZONE_INFORMATION: bytes, and where the two names lie. */
const ZONE_BYTES = 172;
const ZONE_NAMES = [0x04, 0x58];
const TIME_ZONE_ID_UNKNOWN = 0;

const timeZone: ServiceFunction = (call) => {
  const at = call.address(0);
  call.memory.probeWrite(at, ZONE_BYTES);
  call.memory.fill(at, ZONE_BYTES, 0);
  for (const name of ZONE_NAMES) call.memory.writeUtf16(at + name, 'Coordinated Universal Time');
  return TIME_ZONE_ID_UNKNOWN;
};

/** BOOL SystemTimeToTzSpecificLocalTime(zone, time, local) and back, for the zone UTC. */
const copySystemTime: ServiceFunction = (call) => {
  if (call.address(0) !== 0 && call.memory.readI32(call.address(0)) !== 0)
    return call.fail(ERROR_INVALID_PARAMETER);
  writeSystemTime(call, call.address(2), readSystemTime(call, call.address(1)));
  return TRUE;
};

/** Length of a clock tick in 100 ns. */
const clockAdjustment: ServiceFunction = (call) => {
  for (let index = 0; index < 3; index++) call.memory.probeWrite(call.address(index), 4);
  call.memory.writeU32(call.address(0), TICK_100NS);
  call.memory.writeU32(call.address(1), TICK_100NS);
  call.memory.writeU32(call.address(2), 1);
  return TRUE;
};

export const timeFunctions: Record<string, Service | ServiceFunction> = {
  GetSystemTime: getSystemTime,
  GetLocalTime: getSystemTime,
  GetSystemTimeAsFileTime: asFileTime,
  GetSystemTimePreciseAsFileTime: asPreciseFileTime,
  FileTimeToSystemTime: fileTimeToSystemTime,
  SystemTimeToFileTime: systemTimeToFileTime,
  FileTimeToLocalFileTime: copyFileTime,
  LocalFileTimeToFileTime: copyFileTime,
  CompareFileTime: compareFileTime,
  FileTimeToDosDateTime: toDosDateTime,
  DosDateTimeToFileTime: fromDosDateTime,
  QueryPerformanceCounter: counter,
  QueryPerformanceFrequency: frequency,
  GetTimeZoneInformation: timeZone,
  SystemTimeToTzSpecificLocalTime: copySystemTime,
  TzSpecificLocalTimeToSystemTime: copySystemTime,
  GetSystemTimeAdjustment: clockAdjustment,
  SetSystemTime: (call) => call.fail(ERROR_PRIVILEGE_NOT_HELD),
};
