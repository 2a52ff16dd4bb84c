/**
 * Small functions of the run-time library. Sources: Microsoft, "RtlGetVersion function (wdm.h)", "RtlCompareMemory function",
 * "RtlMoveMemory macro", "RtlFillMemory macro"; the prototypes of the others as published.
 */
import { STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { moduleAt } from '../../ldr/loader-state.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { BUILD_NUMBER } from '../../nt/shared-data.js';
import { dosErrorOf } from './dos-error.js';

/** RTL_OSVERSIONINFOW and RTL_OSVERSIONINFOEXW: bytes and offsets. */
const VERSION_BYTES = 0x114;
const VERSION_EX_BYTES = 0x11c;
const VERSION_MAJOR = 0x04;
const VERSION_BUILD = 0x0c;
const VERSION_PLATFORM = 0x10;
const VERSION_SUITE = 0x118;
const VERSION_PRODUCT_TYPE = 0x11a;
const VER_PLATFORM_WIN32_NT = 2;
const VER_SUITE_SINGLEUSERTS = 0x100;
const VER_NT_WORKSTATION = 1;
const FREE_BUILD = 0xf0000000;
const E_LFANEW = 0x3c;
/** Bytes compared at a time. */
const CHUNK = 4096;

const rtlGetVersion: ServiceFunction = (call) => {
  const at = call.address(0);
  const bytes = call.memory.readU32(at);
  if (bytes !== VERSION_BYTES && bytes !== VERSION_EX_BYTES) return STATUS_INVALID_PARAMETER;
  call.memory.fill(at + 4, bytes - 4, 0);
  call.memory.writeU32(at + VERSION_MAJOR, 10);
  call.memory.writeU32(at + VERSION_BUILD, BUILD_NUMBER);
  call.memory.writeU32(at + VERSION_PLATFORM, VER_PLATFORM_WIN32_NT);
  if (bytes === VERSION_EX_BYTES) {
    call.memory.writeU16(at + VERSION_SUITE, VER_SUITE_SINGLEUSERTS);
    call.memory.writeU8(at + VERSION_PRODUCT_TYPE, VER_NT_WORKSTATION);
  }
  return STATUS_SUCCESS;
};

/** void RtlGetNtVersionNumbers(*major, *minor, *build): null pointers are left out. */
const rtlGetNtVersionNumbers: ServiceFunction = (call) => {
  [10, 0, FREE_BUILD + BUILD_NUMBER].forEach((value, index) => {
    if (call.address(index) !== 0) call.memory.writeU32(call.address(index), value);
  });
};

/** PIMAGE_NT_HEADERS RtlImageNtHeader(base): NULL for what is no module. */
const rtlImageNtHeader: ServiceFunction = (call) => {
  const base = call.address(0);
  return moduleAt(call.process, base) === undefined ? 0 : base + call.memory.readU32(base + E_LFANEW);
};

/** SIZE_T RtlCompareMemory(left, right, length): how many bytes are equal before the first that differs. */
const rtlCompareMemory: ServiceFunction = (call) => {
  const [left, right, length] = [call.address(0), call.address(1), call.size(2)];
  for (let done = 0; done < length; ) {
    const count = Math.min(CHUNK, length - done);
    const a = call.memory.readBytes(left + done, count);
    const b = call.memory.readBytes(right + done, count);
    const differs = a.findIndex((byte, index) => byte !== b[index]);
    if (differs >= 0) return done + differs;
    done += count;
  }
  return length;
};

function setLastError(call: ServiceCall, status: number): number {
  const error = dosErrorOf(status);
  call.lastError = error;
  return error;
}

export const runtimeServices: Readonly<Record<string, ServiceFunction>> = {
  RtlNtStatusToDosError: (call) => dosErrorOf(call.u32(0)),
  RtlSetLastWin32ErrorAndNtStatusFromNtStatus: (call) => setLastError(call, call.u32(0)),
  RtlGetLastWin32Error: (call) => call.lastError,
  RtlSetLastWin32Error: (call) => {
    call.lastError = call.u32(0);
  },
  RtlGetCurrentPeb: (call) => call.process.peb,
  RtlGetVersion: rtlGetVersion,
  RtlGetNtVersionNumbers: rtlGetNtVersionNumbers,
  RtlImageNtHeader: rtlImageNtHeader,
  RtlCompareMemory: rtlCompareMemory,
  RtlMoveMemory: (call) => call.memory.copy(call.address(0), call.address(1), call.size(2)),
  RtlFillMemory: (call) => call.memory.fill(call.address(0), call.size(1), call.u32(2) & 0xff),
  RtlZeroMemory: (call) => call.memory.fill(call.address(0), call.size(1), 0),
};
