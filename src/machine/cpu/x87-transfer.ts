// x87 loads, stores, exchanges and conditional moves.
// Source: Intel SDM volume 1, chapters 8.2 and 8.3.3 to 8.3.4; volume 2 (the pages of the instructions).

import { status as statusFlags } from './flags';
import { CF, PF, ZF } from './layout';
import {
  DE,
  IE,
  OE,
  PE,
  ROUNDED_UP,
  SIGNALING_NAN,
  TRUNCATE,
  UE,
  UNSUPPORTED,
  ZERO,
  Float,
  fitsInteger,
  integerOf,
  round,
  roundToInteger,
  setFinite,
  setIndefinite,
  setInteger,
  setSpecial,
  slot,
} from './softfloat';
import { pack32, pack64, unpack32, unpack64 } from './softfloat-format';
import * as ops from './x87-ops';
import {
  NO_STORE,
  SF,
  copyRegister,
  isEmpty,
  isUnmasked,
  pop,
  preparePush,
  raise,
  readRegister,
  registerOf,
  rotate,
  rounding,
  setUsed,
  stackUnderflow,
  unmasked,
  writeRegister,
} from './x87-stack';

/** Runs a load, store or move. Answers 0 or NO_STORE. */
export function transfer(op: u32, memory: usize, i: u32): u32 {
  if (<i32>op >= ops.X87_ISTTP_16) return storeTop(op, memory, i);
  if (<i32>op >= ops.X87_XCH) {
    if (op == ops.X87_XCH) exchange(i);
    else conditionalMove(op - ops.X87_CMOVB, i);
    return 0;
  }
  if (<i32>op >= ops.X87_ST_M32) return storeTop(op, memory, i);
  if (<i32>op >= ops.X87_LD1) pushConstant(op);
  else push(op, memory, i);
  return 0;
}

// ---- loads ----

function push(op: u32, memory: usize, i: u32): void {
  const f = slot(0);
  switch (op) {
    case ops.X87_LD_M32:
      unpack32(load<u32>(memory), f);
      pushConverted(f);
      return;
    case ops.X87_LD_M64:
      unpack64(load<u64>(memory), f);
      pushConverted(f);
      return;
    case ops.X87_LD_M80:
      pushCopy(memory);
      return;
    case ops.X87_LD_I:
      pushRegister(i);
      return;
    case ops.X87_ILD_16:
      setInteger(f, load<i16>(memory));
      break;
    case ops.X87_ILD_32:
      setInteger(f, load<i32>(memory));
      break;
    case ops.X87_ILD_64:
      setInteger(f, load<i64>(memory));
      break;
    default:
      readDecimal(memory, f);
  }
  pushConverted(f);
}

/** Pushes a number that an extended one holds exactly; a signaling NaN becomes quiet. */
function pushConverted(f: Float): void {
  const flags = f.kind == SIGNALING_NAN ? IE : f.denormal ? DE : 0;
  if (isEmpty(7)) {
    raise(flags);
    if (isUnmasked(flags & IE)) return;
  }
  if (preparePush()) writeRegister(0, f);
}

function pushCopy(from: usize): void {
  if (!preparePush()) return;
  copyRegister(from, registerOf(0));
  setUsed(0);
  raise(0);
}

function pushRegister(i: u32): void {
  if (!isEmpty(i)) {
    pushCopy(registerOf(i));
    return;
  }
  raise(IE | SF);
  if (unmasked() & IE) return;
  rotate(7);
  setIndefinite(slot(0));
  writeRegister(0, slot(0));
}

/** Constants are rounded as the rounding control says, without an exception. */
function pushConstant(op: u32): void {
  if (!preparePush()) return;
  const f = slot(0);
  setConstant(op, f);
  round(f, 64, -16382, 16383, rounding(), 0);
  writeRegister(0, f);
  raise(0);
}

/** The constant that X87_LD1 to X87_LDZ name, to 128 bits. */
export function setConstant(op: u32, f: Float): void {
  switch (op) {
    case ops.X87_LD1:
      setFinite(f, 0, 0, 0x8000000000000000, 0);
      return;
    case ops.X87_LDL2T:
      setFinite(f, 0, 1, 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4c);
      return;
    case ops.X87_LDL2E:
      setFinite(f, 0, 0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88);
      return;
    case ops.X87_LDPI:
      setFinite(f, 0, 1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
      return;
    case ops.X87_LDLG2:
      setFinite(f, 0, -2, 0x9a209a84fbcff798, 0x8f8959ac0b7c9178);
      return;
    case ops.X87_LDLN2:
      setFinite(f, 0, -1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af);
      return;
    default:
      setSpecial(f, ZERO, 0);
  }
}

/** Packed decimal: 18 digits, two a byte, the lowest first; then the sign in the top bit. */
function readDecimal(memory: usize, f: Float): void {
  let value: i64 = 0;
  for (let n = 8; n >= 0; n--) {
    const byte: u32 = load<u8>(memory + <usize>n);
    value = value * 100 + (byte >> 4) * 10 + (byte & 15);
  }
  setInteger(f, value);
  f.sign = <u32>load<u8>(memory, 9) >> 7;
}

// ---- stores ----

function storeTop(op: u32, memory: usize, i: u32): u32 {
  const pops = isPopping(op);
  if (op == ops.X87_ST_I || op == ops.X87_STP_I) {
    storeRegister(i, pops);
    return 0;
  }
  let done: bool;
  if (op == ops.X87_STP_M80) done = storeExtended(memory);
  else done = storeConverted(op, memory);
  if (!done) return NO_STORE;
  if (pops) pop();
  return 0;
}

function isPopping(op: u32): bool {
  return (
    op != ops.X87_ST_M32 &&
    op != ops.X87_ST_I &&
    op != ops.X87_ST_M64 &&
    op != ops.X87_IST_16 &&
    op != ops.X87_IST_32
  );
}

function storeRegister(i: u32, pops: bool): void {
  if (isEmpty(0)) {
    if (stackUnderflow(i) && pops) pop();
    return;
  }
  copyRegister(registerOf(0), registerOf(i));
  setUsed(i);
  raise(0);
  if (pops) pop();
}

/** FSTPNCE: an empty ST(0) is only popped. */
export function storeUnchecked(i: u32): void {
  if (!isEmpty(0)) storeRegister(i, true);
  else {
    raise(0);
    pop();
  }
}

function storeExtended(memory: usize): bool {
  if (isEmpty(0)) {
    raise(IE | SF);
    if (unmasked() & IE) return false;
    store<u64>(memory, 0xc000000000000000);
    store<u16>(memory, 0xffff, 8);
    return true;
  }
  const from = registerOf(0);
  store<u64>(memory, load<u64>(from));
  store<u16>(memory, load<u16>(from, 8), 8);
  raise(0);
  return true;
}

/**
 * Stores ST(0) as a shorter number or an integer. Answers false when an exception that is not masked keeps
 * memory as it was.
 */
function storeConverted(op: u32, memory: usize): bool {
  const f = slot(0);
  let flags: u32 = 0;
  if (isEmpty(0)) {
    flags = IE | SF;
    setIndefinite(f);
  } else {
    readRegister(0, f);
    if (f.kind == UNSUPPORTED) {
      flags = IE;
      setIndefinite(f);
    } else if (f.kind == SIGNALING_NAN) flags = IE;
  }
  switch (op) {
    case ops.X87_ST_M32:
    case ops.X87_STP_M32:
      flags |= round(f, 24, -126, 127, rounding(), unmasked());
      break;
    case ops.X87_ST_M64:
    case ops.X87_STP_M64:
      flags |= round(f, 53, -1022, 1023, rounding(), unmasked());
      break;
    default:
      flags |= roundToWhole(f, op, flags);
  }
  const refused = (flags & unmasked() & (IE | OE | UE)) != 0;
  raise(refused ? flags & ~(PE | ROUNDED_UP) : flags);
  if (refused) return false;
  write(op, memory, f, flags);
  return true;
}

function roundToWhole(f: Float, op: u32, before: u32): u32 {
  if (before) return 0;
  const flags = roundToInteger(f, <i32>op >= ops.X87_ISTTP_16 ? TRUNCATE : rounding());
  const fits = op == ops.X87_BSTP ? fitsDecimal(f) : fitsInteger(f, widthOf(op));
  return fits ? flags : IE;
}

function widthOf(op: u32): u32 {
  switch (op) {
    case ops.X87_IST_16:
    case ops.X87_ISTP_16:
    case ops.X87_ISTTP_16:
      return 16;
    case ops.X87_IST_32:
    case ops.X87_ISTP_32:
    case ops.X87_ISTTP_32:
      return 32;
    default:
      return 64;
  }
}

function fitsDecimal(f: Float): bool {
  if (!fitsInteger(f, 64)) return false;
  const value = integerOf(f, 64);
  return value > -1000000000000000000 && value < 1000000000000000000;
}

function write(op: u32, memory: usize, f: Float, flags: u32): void {
  switch (op) {
    case ops.X87_ST_M32:
    case ops.X87_STP_M32:
      store<u32>(memory, pack32(f));
      return;
    case ops.X87_ST_M64:
    case ops.X87_STP_M64:
      store<u64>(memory, pack64(f));
      return;
    case ops.X87_IST_16:
    case ops.X87_ISTP_16:
    case ops.X87_ISTTP_16:
      store<u16>(memory, <u16>integerOf(f, 16));
      return;
    case ops.X87_IST_32:
    case ops.X87_ISTP_32:
    case ops.X87_ISTTP_32:
      store<u32>(memory, <u32>integerOf(f, 32));
      return;
    case ops.X87_ISTP_64:
    case ops.X87_ISTTP_64:
      store<u64>(memory, <u64>integerOf(f, 64));
      return;
    default:
      writeDecimal(memory, f, (flags & IE) != 0);
  }
}

function writeDecimal(memory: usize, f: Float, indefinite: bool): void {
  if (indefinite) {
    store<u64>(memory, 0xc000000000000000);
    store<u16>(memory, 0xffff, 8);
    return;
  }
  let rest = abs(integerOf(f, 64));
  for (let n: usize = 0; n < 9; n++) {
    const pair = rest % 100;
    rest /= 100;
    store<u8>(memory + n, <u8>(((pair / 10) << 4) | (pair % 10)));
  }
  store<u8>(memory, <u8>(f.sign << 7), 9);
}

// ---- moves ----

/** An empty register takes part as the indefinite when the stack fault is masked. */
function exchange(i: u32): void {
  const top = registerOf(0);
  const other = registerOf(i);
  if (isEmpty(0) || isEmpty(i)) {
    const topEmpty = isEmpty(0);
    const otherEmpty = isEmpty(i);
    raise(IE | SF);
    if (unmasked() & IE) return;
    const f = slot(0);
    setIndefinite(f);
    if (topEmpty) writeRegister(0, f);
    if (otherEmpty) writeRegister(i, f);
  } else raise(0);
  const significand = load<u64>(top);
  const head = load<u16>(top, 8);
  copyRegister(other, top);
  store<u64>(other, significand);
  store<u64>(other, head, 8);
}

/** FCMOVcc: `condition` 0 to 3 is B, E, BE, U; plus 4, the opposite. */
function conditionalMove(condition: u32, i: u32): void {
  if (isEmpty(0) || isEmpty(i)) {
    stackUnderflow(0);
    return;
  }
  const kind = condition & 3;
  const tested: u32 = kind == 0 ? CF : kind == 1 ? ZF : kind == 2 ? CF | ZF : PF;
  const met = (statusFlags() & tested) != 0;
  if (met != condition > 3) copyRegister(registerOf(i), registerOf(0));
}
