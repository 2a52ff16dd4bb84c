/**
 * Status flags, kept lazily: the operands of the last operation that set them, shifted so that the sign is bit 63.
 * Zero, sign, carry and overflow then follow from 64-bit arithmetic at every width; parity and adjust need the shift back.
 */
import * as at from './layout';

// @ts-ignore: decorator
@inline
function hold(kind: u32, a: u64, b: u64): void {
  store<u32>(at.FLAGS_KIND, kind);
  store<u64>(at.FLAGS_A, a);
  store<u64>(at.FLAGS_B, b);
}

// @ts-ignore: decorator
@inline
function shiftOf<T>(): u32 {
  return 64 - (sizeof<T>() << 3);
}

/** Flags of a - b; returns the difference. */
// @ts-ignore: decorator
@inline
export function sub<T>(a: T, b: T): T {
  hold(at.FLAGS_SUB | (shiftOf<T>() << 8), (<u64>a) << shiftOf<T>(), (<u64>b) << shiftOf<T>());
  return <T>(a - b);
}

/** Flags of a + b; returns the sum. */
// @ts-ignore: decorator
@inline
export function add<T>(a: T, b: T): T {
  hold(at.FLAGS_ADD | (shiftOf<T>() << 8), (<u64>a) << shiftOf<T>(), (<u64>b) << shiftOf<T>());
  return <T>(a + b);
}

/** Flags of a logical result: those of subtracting nothing from it. */
// @ts-ignore: decorator
@inline
export function logic<T>(r: T): T {
  hold(at.FLAGS_SUB | (shiftOf<T>() << 8), (<u64>r) << shiftOf<T>(), 0);
  return r;
}

/** Zero, sign and parity of a result, and CF, AF and OF as given (bits in place). */
// @ts-ignore: decorator
@inline
export function result<T>(r: T, others: u64): T {
  hold(at.FLAGS_RESULT | (shiftOf<T>() << 8), (<u64>r) << shiftOf<T>(), others);
  return r;
}

/** Sets all status flags from a word with CF, PF, AF, ZF, SF and OF in place. */
export function setStatus(word: u32): void {
  store<u32>(at.FLAGS_KIND, at.FLAGS_EXACT);
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~at.STATUS_FLAGS) | (word & at.STATUS_FLAGS));
}

/** The result that zero, sign and parity describe, in the high bits. Not for FLAGS_EXACT. */
// @ts-ignore: decorator
@inline
function heldResult(kind: u32): u64 {
  const a = load<u64>(at.FLAGS_A);
  if (kind == at.FLAGS_SUB) return a - load<u64>(at.FLAGS_B);
  if (kind == at.FLAGS_ADD) return a + load<u64>(at.FLAGS_B);
  return a;
}

/** The carry flag: 0 or 1. */
export function carry(): u32 {
  const kind = <u32>load<u8>(at.FLAGS_KIND);
  const a = load<u64>(at.FLAGS_A);
  const b = load<u64>(at.FLAGS_B);
  if (kind == at.FLAGS_SUB) return u32(a < b);
  if (kind == at.FLAGS_ADD) return u32(a + b < a);
  if (kind == at.FLAGS_RESULT) return <u32>b & at.CF;
  return load<u32>(at.RFLAGS) & at.CF;
}

/** All status flags as bits of RFLAGS. */
export function status(): u32 {
  const word = load<u32>(at.FLAGS_KIND);
  const kind = word & 0xff;
  if (kind == at.FLAGS_EXACT) return load<u32>(at.RFLAGS) & at.STATUS_FLAGS;
  const shift = <u64>(word >> 8);
  const a = load<u64>(at.FLAGS_A);
  const b = load<u64>(at.FLAGS_B);
  const r = heldResult(kind);
  let flags: u32 = 0;
  if (kind == at.FLAGS_RESULT) flags = <u32>b & (at.CF | at.AF | at.OF);
  else {
    const over = kind == at.FLAGS_SUB ? (a ^ b) & (a ^ r) : (a ^ r) & (b ^ r);
    flags = carry() | (<u32>(over >> 63) << 11) | (<u32>((a ^ b ^ r) >> shift) & at.AF);
  }
  if (r == 0) flags |= at.ZF;
  if (<i64>r < 0) flags |= at.SF;
  if (!(popcnt<u32>(<u32>(r >> shift) & 0xff) & 1)) flags |= at.PF;
  return flags;
}

/** Brings RFLAGS up to date. */
export function settle(): void {
  setStatus(status());
}

/** Whether a condition code (0 O, 1 NO, 2 B ... 15 NLE) holds after a comparison of a with b in the high bits. */
// @ts-ignore: decorator
@inline
export function compared(code: u32): bool {
  const a = load<u64>(at.FLAGS_A);
  const b = load<u64>(at.FLAGS_B);
  switch (code) {
    case 0:
      return <i64>((a ^ b) & (a ^ (a - b))) < 0;
    case 1:
      return <i64>((a ^ b) & (a ^ (a - b))) >= 0;
    case 2:
      return a < b;
    case 3:
      return a >= b;
    case 4:
      return a == b;
    case 5:
      return a != b;
    case 6:
      return a <= b;
    case 7:
      return a > b;
    case 8:
      return <i64>(a - b) < 0;
    case 9:
      return <i64>(a - b) >= 0;
    case 10:
      return (status() & at.PF) != 0;
    case 11:
      return (status() & at.PF) == 0;
    case 12:
      return <i64>a < <i64>b;
    case 13:
      return <i64>a >= <i64>b;
    case 14:
      return <i64>a <= <i64>b;
    default:
      return <i64>a > <i64>b;
  }
}

/** Whether a condition code holds. */
export function condition(code: u32): bool {
  if (load<u8>(at.FLAGS_KIND) == at.FLAGS_SUB) return compared(code);
  const flags = status();
  let holds: bool = false;
  switch (code >> 1) {
    case 0:
      holds = (flags & at.OF) != 0;
      break;
    case 1:
      holds = (flags & at.CF) != 0;
      break;
    case 2:
      holds = (flags & at.ZF) != 0;
      break;
    case 3:
      holds = (flags & (at.CF | at.ZF)) != 0;
      break;
    case 4:
      holds = (flags & at.SF) != 0;
      break;
    case 5:
      holds = (flags & at.PF) != 0;
      break;
    case 6:
      holds = ((flags >> 7) & 1) != ((flags >> 11) & 1);
      break;
    default:
      holds = (flags & at.ZF) != 0 || ((flags >> 7) & 1) != ((flags >> 11) & 1);
  }
  return holds != ((code & 1) != 0);
}
