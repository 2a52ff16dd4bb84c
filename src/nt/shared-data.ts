/**
 * The kernel's part of KUSER_SHARED_DATA: version, processor features, times. Byte offsets.
 * Source: Microsoft, "KUSER_SHARED_DATA structure (ntddk.h)".
 */
import { sharedUserDataOffset } from '../mm/shared-user-data.js';
import type { Kernel } from './kernel.js';

const TICK_COUNT_MULTIPLIER = 0x4;
const INTERRUPT_TIME = 0x8;
const SYSTEM_TIME = 0x14;
const IMAGE_NUMBER_LOW = 0x2c;
const IMAGE_NUMBER_HIGH = 0x2e;
const NT_SYSTEM_ROOT = 0x30;
const LARGE_PAGE_MINIMUM = 0x244;
const NT_BUILD_NUMBER = 0x260;
const NT_PRODUCT_TYPE = 0x264;
const PRODUCT_TYPE_IS_VALID = 0x268;
const NT_MAJOR_VERSION = 0x26c;
const PROCESSOR_FEATURES = 0x274;
const SUITE_MASK = 0x2d0;
const NUMBER_OF_PHYSICAL_PAGES = 0x2e8;
const QPC_FREQUENCY = 0x300;
const TICK_COUNT = 0x320;
const ACTIVE_PROCESSOR_COUNT = 0x3c0;
/** XSTATE_CONFIGURATION: enabled features, volatile ones, bytes of the XSAVE area, then offset and size of each feature. */
const XSTATE = 0x3d8;
const XSTATE_SIZE = XSTATE + 0x10;
const XSTATE_FEATURES = XSTATE + 0x18;

/** A clock tick in 100 ns units (15.625 ms), and the multiplier that turns ticks into milliseconds (8.24 fixed point). */
export const TICK_100NS = 156_250;
const TICK_MULTIPLIER = 0x0fa0_0000;

const IMAGE_FILE_MACHINE_AMD64 = 0x8664;
export const BUILD_NUMBER = 19045;
/** The high bits say that this is a free build. */
const FREE_BUILD = 0xf000_0000;
const PRODUCT_WORKSTATION = 1;
const SINGLE_USER_SUITE = 0x100;
/**
 * PF_* (Microsoft, "IsProcessorFeaturePresent function"), as CPUID tells: CMPXCHG8B, MMX, SSE, RDTSC, PAE, SSE2, denormals-are-zero, NX,
 * SSE3, CMPXCHG16B, XSAVE, __fastfail, RDTSCP, SSSE3, SSE4.1, SSE4.2, BMI2.
 */
const FEATURES = [2, 3, 6, 8, 9, 10, 11, 12, 13, 14, 17, 23, 32, 36, 37, 38, 60];
/** Counts of QueryPerformanceCounter in a second. */
export const PERFORMANCE_FREQUENCY = 10_000_000;

export function initializeSharedData(kernel: Kernel): void {
  const { mm } = kernel;
  const view = new DataView(mm.ram.bytes.buffer, sharedUserDataOffset(mm, 0), 4096);
  view.setUint32(TICK_COUNT_MULTIPLIER, TICK_MULTIPLIER, true);
  view.setUint16(IMAGE_NUMBER_LOW, IMAGE_FILE_MACHINE_AMD64, true);
  view.setUint16(IMAGE_NUMBER_HIGH, IMAGE_FILE_MACHINE_AMD64, true);
  [...'C:\\Windows'].forEach((character, index) => {
    view.setUint16(NT_SYSTEM_ROOT + index * 2, character.charCodeAt(0), true);
  });
  view.setUint32(LARGE_PAGE_MINIMUM, 0x20_0000, true);
  view.setUint32(NT_BUILD_NUMBER, FREE_BUILD + BUILD_NUMBER, true);
  view.setUint32(NT_PRODUCT_TYPE, PRODUCT_WORKSTATION, true);
  view.setUint8(PRODUCT_TYPE_IS_VALID, 1);
  view.setUint32(NT_MAJOR_VERSION, 10, true);
  for (const feature of FEATURES) view.setUint8(PROCESSOR_FEATURES + feature, 1);
  view.setUint32(SUITE_MASK, SINGLE_USER_SUITE, true);
  view.setUint32(NUMBER_OF_PHYSICAL_PAGES, mm.usableFrames, true);
  view.setUint32(QPC_FREQUENCY, PERFORMANCE_FREQUENCY, true);
  view.setUint32(ACTIVE_PROCESSOR_COUNT, 1, true);
  initializeExtendedState(view);
  updateSharedTime(kernel);
}

/** The legacy x87 and SSE state of the 576-byte XSAVE area: what the processor's XCR0 enables. */
function initializeExtendedState(view: DataView): void {
  view.setUint32(XSTATE, 3, true);
  view.setUint32(XSTATE + 8, 3, true);
  view.setUint32(XSTATE_SIZE, 576, true);
  [0, 160, 160, 256].forEach((value, index) => {
    view.setUint32(XSTATE_FEATURES + index * 4, value, true);
  });
}

/** Writes the times of the last clock tick. */
export function updateSharedTime(kernel: Kernel): void {
  const { mm, clock } = kernel;
  const { words } = mm.ram;
  const ticks = Math.floor(clock.now100ns / TICK_100NS);
  const time = kernel.timeScratch;
  clock.systemTime(time);
  setSystemTime(words, sharedUserDataOffset(mm, SYSTEM_TIME) >> 2, time.lo, time.hi);
  // No program has ever seen 0 there: the clock ticks before the first one begins.
  const now = Math.max(ticks, 1) * TICK_100NS;
  setSystemTime(
    words,
    sharedUserDataOffset(mm, INTERRUPT_TIME) >> 2,
    now % 2 ** 32,
    Math.floor(now / 2 ** 32),
  );
  setSystemTime(
    words,
    sharedUserDataOffset(mm, TICK_COUNT) >> 2,
    ticks % 2 ** 32,
    Math.floor(ticks / 2 ** 32),
  );
}

/** KSYSTEM_TIME: low, high, high again. */
function setSystemTime(words: Uint32Array, at: number, lo: number, hi: number): void {
  words[at] = lo;
  words[at + 1] = hi;
  words[at + 2] = hi;
}
