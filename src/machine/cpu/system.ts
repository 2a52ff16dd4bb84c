/** CPUID, XGETBV and the time-stamp counter. */
import * as at from './layout';
import { RAX, RBX, RCX, RDX } from './operands';

/** FPU, TSC, CX8, CMOV, CLFSH, MMX, FXSR, SSE, SSE2; PAE, PGE and PSE as far as paging on x64 implies them. */
const FEATURES: u32 = 1 | (1 << 3) | (1 << 4) | (1 << 6) | (1 << 8) | (1 << 13) | (1 << 15) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26);
/** SSE3, PCLMULQDQ, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE and that it is enabled. */
const FEATURES_MORE: u32 =
  1 | (1 << 1) | (1 << 9) | (1 << 13) | (1 << 19) | (1 << 20) | (1 << 22) | (1 << 23) | (1 << 25) | (1 << 26) | (1 << 27);
/** Leaf 7: BMI1, BMI2, ADX, CLFLUSHOPT, SHA. */
const FEATURES_STRUCTURED: u32 = (1 << 3) | (1 << 8) | (1 << 19) | (1 << 23) | (1 << 29);
/** The extended leaf: SYSCALL, NX, RDTSCP, long mode; LAHF and SAHF in long mode, LZCNT, PREFETCHW. */
const EXTENDED: u32 = (1 << 11) | (1 << 20) | (1 << 27) | (1 << 29);
const EXTENDED_MORE: u32 = 1 | (1 << 5) | (1 << 8);
/** XCR0: x87 and SSE state. Their XSAVE area has 576 bytes. */
const STATE_COMPONENTS: u32 = 3;
const STATE_BYTES: u32 = 576;
/** Family 6, model 15, stepping 1; a cache line of 8 quadwords for CLFLUSH, one logical processor. */
const SIGNATURE: u32 = 0x6f1;
const LINE_AND_COUNT: u32 = 0x10800;

function answer(a: u32, b: u32, c: u32, d: u32): void {
  store<u64>(RAX, a);
  store<u64>(RBX, b);
  store<u64>(RCX, c);
  store<u64>(RDX, d);
}

/** Exactly what this processor does; the vendor is "NtmmNtmmNtmm". */
export function cpuid(): void {
  switch (load<u32>(RAX)) {
    case 0:
      return answer(13, 0x6d6d744e, 0x6d6d744e, 0x6d6d744e);
    case 1:
      return answer(SIGNATURE, LINE_AND_COUNT, FEATURES_MORE, FEATURES);
    case 7:
      return answer(0, load<u32>(RCX) ? 0 : FEATURES_STRUCTURED, 0, 0);
    case 13:
      if (load<u32>(RCX)) return answer(0, 0, 0, 0);
      return answer(STATE_COMPONENTS, STATE_BYTES, STATE_BYTES, 0);
    case 0x80000000:
      return answer(0x80000008, 0x6d6d744e, 0x6d6d744e, 0x6d6d744e);
    case 0x80000001:
      return answer(SIGNATURE, 0, EXTENDED_MORE, EXTENDED);
    case 0x80000002:
      return answer(0x6d6d746e, 0x36387820, 0x2034362d, 0x636f7270);
    case 0x80000003:
      return answer(0x6f737365, 0x00000072, 0, 0);
    case 0x80000008:
      return answer(0x3028, 0, 0, 0);
    default:
      answer(0, 0, 0, 0);
  }
}

/** Nanoseconds of virtual time: instructions begun so far and what devices added. `inRun` counts those since the run began. */
export function timeStamp(inRun: u32): void {
  const time = load<u64>(at.INSTRUCTIONS) + load<u64>(at.TIME_ADDED) + inRun;
  store<u64>(RAX, time & 0xffffffff);
  store<u64>(RDX, time >> 32);
}

/** XGETBV of register 0, XCR0. False: there is no other. */
export function extendedControl(): bool {
  if (load<u32>(RCX)) return false;
  store<u64>(RAX, STATE_COMPONENTS);
  store<u64>(RDX, 0);
  return true;
}
