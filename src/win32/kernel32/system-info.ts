/** What the system is (sysinfoapi.h). Sources: Microsoft, "SYSTEM_INFO structure", "MEMORYSTATUSEX structure", "GetVersionExW function", "IsProcessorFeaturePresent function". */
import { ALLOCATION_GRANULARITY } from '../../base/memory-constants.js';
import { availableFrames } from '../../mm/page-lists.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { ERROR_BUFFER_OVERFLOW, TRUE, writeU64 } from './results.js';
import { bothForms, giveText, type TextForm } from './text-form.js';

const PAGE = 4096;
const PROCESSOR_ARCHITECTURE_AMD64 = 9;
const PROCESSOR_AMD_X8664 = 8664;
const PROCESSOR_LEVEL = 6;
const SYSTEM_INFO_BYTES = 0x30;

/** void GetSystemInfo(information). */
const getSystemInfo: ServiceFunction = (call) => {
  const { memory, process } = call;
  const at = call.address(0);
  memory.probeWrite(at, SYSTEM_INFO_BYTES);
  memory.writeU32(at, PROCESSOR_ARCHITECTURE_AMD64);
  memory.writeU32(at + 0x04, PAGE);
  memory.writePointer(at + 0x08, process.space.lowestAddress);
  memory.writePointer(at + 0x10, process.space.highestAddress);
  memory.writeU64(at + 0x18, 1, 0);
  memory.writeU32(at + 0x20, 1);
  memory.writeU32(at + 0x24, PROCESSOR_AMD_X8664);
  memory.writeU32(at + 0x28, ALLOCATION_GRANULARITY);
  memory.writeU16(at + 0x2c, PROCESSOR_LEVEL);
  memory.writeU16(at + 0x2e, 0);
};

interface MemoryStatus {
  /** Percent of physical memory in use. */
  readonly load: number;
  /** Bytes: physical memory, commit limit and what is left of it, address space; all and available. */
  readonly sizes: readonly number[];
}

/** Bytes of the process's address space that no range takes. */
function freeAddressSpace(call: ServiceCall): number {
  const { space } = call.process;
  let taken = 0;
  for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) taken += vad.pageCount * PAGE;
  return space.highestAddress + 1 - space.lowestAddress - taken;
}

function memoryStatus(call: ServiceCall): MemoryStatus {
  const { mm } = call.kernel;
  const { space } = call.process;
  const total = mm.usableFrames;
  const available = availableFrames(mm);
  return {
    load: Math.floor(((total - available) * 100) / total),
    sizes: [
      total * PAGE,
      available * PAGE,
      mm.commit.limit * PAGE,
      Math.max(mm.commit.limit - mm.commit.current, 0) * PAGE,
      space.highestAddress + 1 - space.lowestAddress,
      freeAddressSpace(call),
    ],
  };
}

const MEMORYSTATUSEX_BYTES = 64;
const MEMORYSTATUS_BYTES = 56;

function writeStatus(call: ServiceCall, at: number, status: MemoryStatus, bytes: number): void {
  call.memory.writeU32(at, bytes);
  call.memory.writeU32(at + 4, status.load);
  status.sizes.forEach((size, index) => {
    writeU64(call, at + 8 + 8 * index, size);
  });
}

/** BOOL GlobalMemoryStatusEx(status): its length field must be right. */
const globalMemoryStatusEx: ServiceFunction = (call) => {
  const at = call.address(0);
  if (call.memory.readU32(at) !== MEMORYSTATUSEX_BYTES) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.probeWrite(at, MEMORYSTATUSEX_BYTES);
  writeStatus(call, at, memoryStatus(call), MEMORYSTATUSEX_BYTES);
  writeU64(call, at + 0x38, 0);
  return TRUE;
};

/** void GlobalMemoryStatus(status). */
const globalMemoryStatus: ServiceFunction = (call) => {
  call.memory.probeWrite(call.address(0), MEMORYSTATUS_BYTES);
  writeStatus(call, call.address(0), memoryStatus(call), MEMORYSTATUS_BYTES);
};

/** The version that programs without a compatibility manifest are told (Microsoft, "GetVersion function"): 6.2.9200. */
const MAJOR = 6;
const MINOR = 2;
const BUILD = 9200;
const PLATFORM_WIN32_NT = 2;
const SINGLE_USER_SUITE = 0x100;
const WORKSTATION = 1;

/** OSVERSIONINFO(EX): bytes of the text field and where what follows it lies in the Ex form. */
const VERSION_TEXT_AT = 20;
const VERSION_TEXT_UNITS = 128;

/** BOOL GetVersionEx(information): the length field says which form it is. */
const getVersionEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const at = call.address(0);
    const plain = VERSION_TEXT_AT + VERSION_TEXT_UNITS * form.unit;
    const extended = plain + 8;
    const length = call.memory.readU32(at);
    if (length !== plain && length !== extended) return call.fail(ERROR_INSUFFICIENT_BUFFER);
    call.memory.probeWrite(at, length);
    call.memory.fill(at + 4, length - 4, 0);
    [MAJOR, MINOR, BUILD, PLATFORM_WIN32_NT].forEach((value, index) => {
      call.memory.writeU32(at + 4 + 4 * index, value);
    });
    if (length === extended) {
      call.memory.writeU16(at + plain + 4, SINGLE_USER_SUITE);
      call.memory.writeU8(at + plain + 6, WORKSTATION);
    }
    return TRUE;
  };

/** KUSER_SHARED_DATA.ProcessorFeatures. */
const PROCESSOR_FEATURES = 0x7ffe0274;
const FEATURE_COUNT = 64;

/** BOOL IsProcessorFeaturePresent(feature). */
const isProcessorFeaturePresent: ServiceFunction = (call) =>
  call.u32(0) < FEATURE_COUNT ? call.memory.readU8(PROCESSOR_FEATURES + call.u32(0)) : 0;

/** KUSER_SHARED_DATA.XState.EnabledFeatures, its low half: the legacy x87 and SSE state. */
const ENABLED_STATE = 0x7ffe03d8;

/** DWORD64 GetEnabledXStateFeatures(). */
const enabledStateFeatures: ServiceFunction = (call) => call.memory.readU32(ENABLED_STATE);

const COMPUTER_NAME = 'NTMM';

/** BOOL GetComputerName(buffer, units). */
const getComputerName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const sizeAt = call.address(1);
    const room = call.memory.readU32(sizeAt);
    call.memory.probeWrite(sizeAt, 4);
    const length = giveText(call, form, COMPUTER_NAME, call.address(0), room);
    call.memory.writeU32(sizeAt, length);
    return length < room ? TRUE : call.fail(ERROR_BUFFER_OVERFLOW);
  };

/** BOOL GetPhysicallyInstalledSystemMemory(kilobytes). */
const installedMemory: ServiceFunction = (call) => {
  writeU64(call, call.address(0), call.kernel.mm.ram.frameCount * 4);
  return TRUE;
};

export const systemInfoFunctions: Record<string, Service | ServiceFunction> = {
  GetSystemInfo: getSystemInfo,
  GetNativeSystemInfo: getSystemInfo,
  GlobalMemoryStatus: globalMemoryStatus,
  GlobalMemoryStatusEx: globalMemoryStatusEx,
  GetPhysicallyInstalledSystemMemory: installedMemory,
  GetLargePageMinimum: () => 0x200000,
  GetVersion: () => BUILD * 0x10000 + MINOR * 0x100 + MAJOR,
  ...bothForms('GetVersionEx', getVersionEx),
  IsProcessorFeaturePresent: isProcessorFeaturePresent,
  GetEnabledXStateFeatures: enabledStateFeatures,
  ...bothForms('GetComputerName', getComputerName),
  GetActiveProcessorCount: () => 1,
  GetCurrentProcessorNumber: () => 0,
};
