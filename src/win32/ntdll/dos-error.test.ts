import { describe, expect, it } from 'vitest';
import * as status from '../../base/ntstatus.js';
import * as errors from './dos-error.js';

const { dosErrorOf } = errors;

describe('RtlNtStatusToDosError', () => {
  it('gives the errors of the documented table', () => {
    expect(dosErrorOf(status.STATUS_SUCCESS)).toBe(0);
    expect(dosErrorOf(status.STATUS_ACCESS_VIOLATION)).toBe(errors.ERROR_NOACCESS);
    expect(dosErrorOf(status.STATUS_DLL_NOT_FOUND)).toBe(errors.ERROR_MOD_NOT_FOUND);
    expect(dosErrorOf(status.STATUS_ENTRYPOINT_NOT_FOUND)).toBe(errors.ERROR_PROC_NOT_FOUND);
    expect(dosErrorOf(status.STATUS_COMMITMENT_LIMIT)).toBe(1455);
    expect(dosErrorOf(status.STATUS_PENDING)).toBe(997);
  });

  it('gives back the error that a status was made from', () => {
    expect(dosErrorOf(0x80070005)).toBe(errors.ERROR_ACCESS_DENIED);
    expect(dosErrorOf(0xc0070057)).toBe(errors.ERROR_INVALID_PARAMETER);
  });

  it('passes customer codes through and calls the rest unknown', () => {
    expect(dosErrorOf(0xe06d7363)).toBe(0xe06d7363);
    expect(dosErrorOf(0xc0009999)).toBe(errors.ERROR_MR_MID_NOT_FOUND);
  });
});
