/** Bit counts, BMI1, BMI2, ADX, MOVBE and CRC32. Source: Intel SDM volume 2 (the pages of the instructions). */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { result, setStatus, status } from './flags';
import { finish, read, write } from './memory';
import { RDX, effective, loadWidth, putWidth, storeWidth } from './operands';
import { isMemory, widthOf } from './rm';

/** Host address of the register-or-memory operand, to be read; 0 is a fault. */
function operand(u: usize): usize {
  return isMemory(u) ? read(effective(u), widthOf(u)) : <usize>load<u16>(u, uop.SRC);
}

/** Zero, sign and carry of a result; OF and AF are cleared. */
function setFlags(width: u32, r: u64, carry: bool): void {
  const cf: u64 = carry ? at.CF : 0;
  if (width == 8) result<u64>(r, cf);
  else result<u32>(<u32>r, cf);
}

/** A count: ZF for a count of zero, CF for an operand of zero (not POPCNT, whose ZF says both). */
function count(u: usize, kind: u32, width: u32, value: u64): void {
  const bits: u64 = <u64>width << 3;
  let n: u64;
  if (kind == uop.BITS_POPCNT) n = popcnt<u64>(value);
  else if (kind == uop.BITS_LZCNT) n = clz<u64>(value) + bits - 64;
  else n = min<u64>(ctz<u64>(value), bits);
  putWidth(load<u16>(u, uop.DST), width, n);
  const carry: u32 = kind != uop.BITS_POPCNT && value == 0 ? at.CF : 0;
  setStatus(n == 0 ? carry | at.ZF : carry);
}

/** The bits of `value` from `start` on, `length` of them: both bytes of `control`. */
function extract(value: u64, control: u64): u64 {
  const start = control & 0xff;
  const length = (control >> 8) & 0xff;
  const shifted = start < 64 ? value >> start : 0;
  return length < 64 ? shifted & (((<u64>1) << length) - 1) : shifted;
}

/** PDEP: the low bits of `value` go to the places of the mask's ones. */
function deposit(value: u64, mask: u64): u64 {
  let r: u64 = 0;
  for (; mask; mask &= mask - 1) {
    if (value & 1) r |= mask & (0 - mask);
    value >>= 1;
  }
  return r;
}

/** PEXT: the bits of `value` at the places of the mask's ones, together. */
function gather(value: u64, mask: u64): u64 {
  let r: u64 = 0;
  for (let bit: u64 = 1; mask; mask &= mask - 1) {
    if (value & mask & (0 - mask)) r |= bit;
    bit <<= 1;
  }
  return r;
}

function rotateRight(value: u64, width: u32, by: u64): u64 {
  return width == 8 ? rotr<u64>(value, by & 63) : rotr<u32>(<u32>value, <u32>by & 31);
}

function shiftSigned(value: u64, width: u32, by: u64): u64 {
  return width == 8 ? <u64>(<i64>value >> (by & 63)) : <u64>(<u32>(<i32>value >> (<i32>by & 31)));
}

function put(u: usize, width: u32, r: u64): void {
  putWidth(load<u16>(u, uop.DST), width, r);
}

/** MULX: the low half goes to the other operand first, so that one register for both keeps the high half. */
function multiply(u: usize, width: u32, value: u64): void {
  const other: usize = load<u16>(u, uop.IMM);
  const a = loadWidth(RDX, width);
  const low = a * value;
  const high = width == 8 ? alu.multiplyHigh(a, value) : low >> 32;
  putWidth(other, width, low);
  put(u, width, high);
}

/** ADCX and ADOX: addition with CF or OF as the carry, both in and out; no other flag changes. */
function addWithCarry(u: usize, width: u32, value: u64, flag: u32): void {
  const flags = status();
  const a = loadWidth(load<u16>(u, uop.DST), width);
  const carry: u64 = flags & flag ? 1 : 0;
  const sum = a + value + carry;
  const over = width == 8 ? sum < a || (carry != 0 && sum == a) : sum >> 32 != 0;
  put(u, width, sum);
  setStatus(over ? flags | flag : flags & ~flag);
}

export function bitExtension(u: usize): u32 {
  const host = operand(u);
  if (!host) return uop.FAULTED;
  const width = widthOf(u);
  const value = loadWidth(host, width);
  const kind = <u32>load<u8>(u, uop.SUB);
  if (<i32>kind <= uop.BITS_TZCNT) count(u, kind, width, value);
  else if (kind == uop.BITS_ADCX) addWithCarry(u, width, value, at.CF);
  else if (kind == uop.BITS_ADOX) addWithCarry(u, width, value, at.OF);
  else if (kind == uop.BITS_MULX) multiply(u, width, value);
  else if (kind == uop.BITS_RORX) put(u, width, rotateRight(value, width, load<u8>(u, uop.IMM)));
  else if (<i32>kind <= uop.BITS_BLSR) lowest(u, kind, width, value);
  else withRegister(u, kind, width, value, loadWidth(load<u16>(u, uop.IMM), width));
  return uop.GO_ON;
}

/** BLSI, BLSMSK, BLSR: the lowest one of a value alone, all bits up to it, and the value without it. CF tells of zero: that there is one (BLSI), or none. */
function lowest(u: usize, kind: u32, width: u32, value: u64): void {
  const r = kind == uop.BITS_BLSI ? value & (0 - value) : kind == uop.BITS_BLSMSK ? value ^ (value - 1) : value & (value - 1);
  put(u, width, r);
  setFlags(width, r, (value == 0) != (kind == uop.BITS_BLSI));
}

function withRegister(u: usize, kind: u32, width: u32, value: u64, other: u64): void {
  const bits: u64 = <u64>width << 3;
  switch (kind) {
    case uop.BITS_ANDN: {
      const r = ~other & value;
      put(u, width, r);
      setFlags(width, r, false);
      return;
    }
    case uop.BITS_BEXTR: {
      const r = extract(value, other);
      put(u, width, r);
      setFlags(width, r, false);
      return;
    }
    case uop.BITS_BZHI: {
      const index = other & 0xff;
      const r = index < bits ? value & (((<u64>1) << index) - 1) : value;
      put(u, width, r);
      setFlags(width, r, index >= bits);
      return;
    }
    case uop.BITS_PDEP:
      return put(u, width, deposit(other, value));
    case uop.BITS_PEXT:
      return put(u, width, gather(other, value));
    case uop.BITS_SHLX:
      return put(u, width, value << (other & (bits - 1)));
    case uop.BITS_SHRX:
      return put(u, width, value >> (other & (bits - 1)));
    default:
      return put(u, width, shiftSigned(value, width, other));
  }
}

function swapped(width: u32, value: u64): u64 {
  return bswap<u64>(value) >> (64 - (<u64>width << 3));
}

/** MOVBE between memory and the register in DST. */
export function moveSwapped(u: usize): u32 {
  const width = widthOf(u);
  const slot: usize = load<u16>(u, uop.DST);
  const isStore = load<u8>(u, uop.SUB) == uop.SWAPPED_STORE;
  const host = isStore ? write(effective(u), width) : read(effective(u), width);
  if (!host) return uop.FAULTED;
  if (isStore) {
    storeWidth(host, width, swapped(width, loadWidth(slot, width)));
    finish(host);
  } else putWidth(slot, width, swapped(width, loadWidth(host, width)));
  return uop.GO_ON;
}

/** The Castagnoli polynomial 0x11EDC6F41, reflected. */
const POLYNOMIAL: u32 = 0x82f63b78;

/** CRC32: the register's low 32 bits take in the source's bytes, lowest first; the high half is cleared. */
export function checksum(u: usize): u32 {
  const host = operand(u);
  if (!host) return uop.FAULTED;
  const slot: usize = load<u16>(u, uop.DST);
  const width = widthOf(u);
  const value = loadWidth(host, width);
  let crc = load<u32>(slot);
  for (let n: u32 = 0; n < width; n++) {
    crc ^= <u32>(value >> (<u64>n << 3)) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  store<u64>(slot, crc);
  return uop.GO_ON;
}
