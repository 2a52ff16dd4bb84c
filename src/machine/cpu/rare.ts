/** Operations that the main loop leaves to a call. Each answers GO_ON, FAULTED, TRAPPED, CALLED, PAUSED or JUMPED. */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { condition, logic, result, setStatus, settle, status, sub } from './flags';
import { finish, read, write } from './memory';
import { RAX, RBP, RBX, RCX, RDX, RSP, effective, loadWidth, put, putWidth, register, storeWidth } from './operands';
import { divide, multiply } from './multiply';
import { string } from './strings';
import { cpuid } from './system';

// @ts-ignore: decorator
@inline
function widthOf(u: usize): u32 {
  return load<u8>(u, uop.WIDTH);
}

// @ts-ignore: decorator
@inline
function isMemory(u: usize): bool {
  return load<u8>(u, uop.MEMORY) != 0;
}

/** Host address of the register-or-memory operand, to be read; 0 is a fault. */
export function source(u: usize): usize {
  return isMemory(u) ? read(effective(u), widthOf(u)) : <usize>load<u16>(u, uop.DST);
}

/** The same, to be read and written. */
function target(u: usize): usize {
  return isMemory(u) ? write(effective(u), widthOf(u)) : <usize>load<u16>(u, uop.DST);
}

function setTarget(u: usize, host: usize, value: u64): u32 {
  if (isMemory(u)) {
    storeWidth(host, widthOf(u), value);
    finish(host);
  } else putWidth(host, widthOf(u), value);
  return uop.GO_ON;
}

/** A shift count: the immediate, or CL where SRC names it. */
function countOf(u: usize): u32 {
  const slot = load<u16>(u, uop.SRC);
  return slot ? <u32>load<u8>(slot) : load<u32>(u, uop.IMM);
}

function shift(u: usize): u32 {
  const host = target(u);
  if (!host) return uop.FAULTED;
  const kind = <u32>load<u8>(u, uop.SUB);
  const count = countOf(u);
  switch (widthOf(u)) {
    case 1:
      return setTarget(u, host, alu.shift<u8>(kind, load<u8>(host), count));
    case 2:
      return setTarget(u, host, alu.shift<u16>(kind, load<u16>(host), count));
    case 4:
      return setTarget(u, host, alu.shift<u32>(kind, load<u32>(host), count));
    default:
      return setTarget(u, host, alu.shift<u64>(kind, load<u64>(host), count));
  }
}

/** SHLD and SHRD (SUB 0 and 1): the second operand is the SRC register; the count is the immediate, or CL when that is negative. */
function shiftDouble(u: usize): u32 {
  const host = target(u);
  if (!host) return uop.FAULTED;
  const given = load<i32>(u, uop.IMM);
  const count: u32 = given < 0 ? <u32>load<u8>(RCX) : <u32>given;
  const from: usize = load<u16>(u, uop.SRC);
  const right = load<u8>(u, uop.SUB) != 0;
  switch (widthOf(u)) {
    case 2: {
      const a = load<u16>(host);
      const b = load<u16>(from);
      return setTarget(u, host, right ? alu.shrd<u16>(a, b, count) : alu.shld<u16>(a, b, count));
    }
    case 4: {
      const a = load<u32>(host);
      const b = load<u32>(from);
      return setTarget(u, host, right ? alu.shrd<u32>(a, b, count) : alu.shld<u32>(a, b, count));
    }
    default: {
      const a = load<u64>(host);
      const b = load<u64>(from);
      return setTarget(u, host, right ? alu.shrd<u64>(a, b, count) : alu.shld<u64>(a, b, count));
    }
  }
}

function unaryOf<T>(kind: u32, a: T): T {
  switch (kind) {
    case uop.UNARY_INC:
      return alu.inc<T>(a);
    case uop.UNARY_DEC:
      return alu.dec<T>(a);
    case uop.UNARY_NEG:
      return sub<T>(0, a);
    default:
      return <T>~a;
  }
}

function unary(u: usize): u32 {
  const host = target(u);
  if (!host) return uop.FAULTED;
  const kind = <u32>load<u8>(u, uop.SUB);
  switch (widthOf(u)) {
    case 1:
      return setTarget(u, host, unaryOf<u8>(kind, load<u8>(host)));
    case 2:
      return setTarget(u, host, unaryOf<u16>(kind, load<u16>(host)));
    case 4:
      return setTarget(u, host, unaryOf<u32>(kind, load<u32>(host)));
    default:
      return setTarget(u, host, unaryOf<u64>(kind, load<u64>(host)));
  }
}

/** Sets CF alone. */
function setCarry(bit: u32): void {
  settle();
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~at.CF) | (bit & 1));
}

/** BT, BTS, BTR, BTC: the index is the immediate or the SRC register, which reaches beyond a memory operand. */
function bit(u: usize): u32 {
  const width = widthOf(u);
  const kind = load<u8>(u, uop.SUB);
  const slot: usize = load<u16>(u, uop.SRC);
  const logBits: u64 = width == 8 ? 6 : width == 4 ? 5 : 4;
  let index = load<i64>(u, uop.IMM);
  if (slot) {
    index = width == 8 ? load<i64>(slot) : width == 4 ? <i64>load<i32>(slot) : <i64>load<i16>(slot);
  }
  let host: usize = load<u16>(u, uop.DST);
  if (isMemory(u)) {
    const address = effective(u) + (slot ? (<u64>(index >> logBits)) * width : 0);
    host = kind == uop.BIT_TEST ? read(address, width) : write(address, width);
    if (!host) return uop.FAULTED;
  }
  const value = loadWidth(host, width);
  const mask = (<u64>1) << (<u64>index & ((1 << logBits) - 1));
  setCarry(u32((value & mask) != 0));
  if (kind == uop.BIT_TEST) return uop.GO_ON;
  return setTarget(u, host, kind == uop.BIT_SET ? value | mask : kind == uop.BIT_RESET ? value & ~mask : value ^ mask);
}

/** BSF and BSR: DST is the register; the source is SRC or memory. A zero source sets ZF and leaves the register. */
function scan(u: usize, forward: bool): u32 {
  const width = widthOf(u);
  const host: usize = isMemory(u) ? read(effective(u), width) : <usize>load<u16>(u, uop.SRC);
  if (!host) return uop.FAULTED;
  const value = loadWidth(host, width);
  logic<u64>(value);
  if (value != 0) putWidth(load<u16>(u, uop.DST), width, forward ? ctz<u64>(value) : 63 - clz<u64>(value));
  return uop.GO_ON;
}

function exchange(u: usize): u32 {
  const width = widthOf(u);
  const host = target(u);
  if (!host) return uop.FAULTED;
  const slot: usize = load<u16>(u, uop.SRC);
  const value = loadWidth(host, width);
  const other = loadWidth(slot, width);
  putWidth(slot, width, value);
  return setTarget(u, host, other);
}

function addWidth(width: u32, a: u64, b: u64): u64 {
  if (width == 8) return alu.arithmetic<u64>(uop.ALU_ADD, a, b);
  if (width == 4) return alu.arithmetic<u32>(uop.ALU_ADD, <u32>a, <u32>b);
  if (width == 2) return alu.arithmetic<u16>(uop.ALU_ADD, <u16>a, <u16>b);
  return alu.arithmetic<u8>(uop.ALU_ADD, <u8>a, <u8>b);
}

function exchangeAdd(u: usize): u32 {
  const width = widthOf(u);
  const host = target(u);
  if (!host) return uop.FAULTED;
  const slot: usize = load<u16>(u, uop.SRC);
  const value = loadWidth(host, width);
  const sum = addWidth(width, value, loadWidth(slot, width));
  putWidth(slot, width, value);
  return setTarget(u, host, sum);
}

function compareExchange(u: usize): u32 {
  const width = widthOf(u);
  const host = target(u);
  if (!host) return uop.FAULTED;
  const value = loadWidth(host, width);
  const expected = loadWidth(RAX, width);
  if (width == 8) sub<u64>(expected, value);
  else if (width == 4) sub<u32>(<u32>expected, <u32>value);
  else if (width == 2) sub<u16>(<u16>expected, <u16>value);
  else sub<u8>(<u8>expected, <u8>value);
  if (expected == value) return setTarget(u, host, loadWidth(load<u16>(u, uop.SRC), width));
  putWidth(RAX, width, value);
  return isMemory(u) ? setTarget(u, host, value) : uop.GO_ON;
}

function setZero(zero: bool): void {
  settle();
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~at.ZF) | (zero ? at.ZF : 0));
}

/** CMPXCHG8B and CMPXCHG16B, of two halves of T. The latter needs 16-byte alignment. */
function compareExchangePair<T>(u: usize): u32 {
  const address = effective(u);
  if (sizeof<T>() == 8 && address & 15) return fault(13);
  const host = write(address, sizeof<T>() * 2);
  if (!host) return uop.FAULTED;
  const low = load<T>(host);
  const high = load<T>(host, sizeof<T>());
  const equal = low == load<T>(RAX) && high == load<T>(RDX);
  setZero(equal);
  if (equal) {
    store<T>(host, load<T>(RBX));
    store<T>(host, load<T>(RCX), sizeof<T>());
  } else {
    put<T>(RAX, low);
    put<T>(RDX, high);
  }
  finish(host);
  return uop.GO_ON;
}

/** CMOVcc from memory, which is read in any case, and all 16-bit forms. */
function conditionalMove(u: usize): u32 {
  const width = widthOf(u);
  const host: usize = isMemory(u) ? read(effective(u), width) : <usize>load<u16>(u, uop.SRC);
  if (!host) return uop.FAULTED;
  const slot: usize = load<u16>(u, uop.DST);
  putWidth(slot, width, condition(load<u8>(u, uop.SUB)) ? loadWidth(host, width) : loadWidth(slot, width));
  return uop.GO_ON;
}

function setMemory(u: usize): u32 {
  const host = write(effective(u), 1);
  if (!host) return uop.FAULTED;
  store<u8>(host, u8(condition(load<u8>(u, uop.SUB))));
  return uop.GO_ON;
}

/** MOVZX and MOVSX (SUB 0 and 1) into 16 bits, from a byte. */
function extend16(u: usize): u32 {
  const host: usize = isMemory(u) ? read(effective(u), 1) : <usize>load<u16>(u, uop.SRC);
  if (!host) return uop.FAULTED;
  store<u16>(load<u16>(u, uop.DST), load<u8>(u, uop.SUB) ? <u16>load<i8>(host) : <u16>load<u8>(host));
  return uop.GO_ON;
}

/** BSWAP; of 16 bits it is undefined and gives zero, as processors do. */
function byteSwap(u: usize): u32 {
  const slot: usize = load<u16>(u, uop.DST);
  const width = widthOf(u);
  if (width == 8) store<u64>(slot, bswap<u64>(load<u64>(slot)));
  else if (width == 4) store<u64>(slot, bswap<u32>(load<u32>(slot)));
  else store<u16>(slot, 0);
  return uop.GO_ON;
}

function pushValue(width: u32, value: u64): u32 {
  const stack = load<u64>(RSP) - width;
  const host = write(stack, width);
  if (!host) return uop.FAULTED;
  storeWidth(host, width, value);
  finish(host);
  store<u64>(RSP, stack);
  return uop.GO_ON;
}

/** Bits that PUSHF shows as they are and those that POPF may change in user mode. */
const ALWAYS_SET: u32 = 0x202;
const CHANGEABLE: u32 = at.STATUS_FLAGS | at.TF | at.DF | at.AC | at.ID | 0x4000;

function popFlags(u: usize): u32 {
  const width = widthOf(u);
  const host = read(load<u64>(RSP), width);
  if (!host) return uop.FAULTED;
  const mask = width == 2 ? CHANGEABLE & 0xffff : CHANGEABLE;
  const value = <u32>loadWidth(host, width);
  store<u32>(at.FLAGS_KIND, at.FLAGS_EXACT);
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~mask) | (value & mask) | ALWAYS_SET);
  store<u64>(RSP, load<u64>(RSP) + width);
  return value & at.TF ? uop.PAUSED : uop.GO_ON;
}

/** POP to a register of 16 bits. */
function pop16(u: usize): u32 {
  const host = read(load<u64>(RSP), 2);
  if (!host) return uop.FAULTED;
  store<u64>(RSP, load<u64>(RSP) + 2);
  store<u16>(load<u16>(u, uop.DST), load<u16>(host));
  return uop.GO_ON;
}

/** POP to memory: the address is formed after RSP moves. */
function popMemory(u: usize): u32 {
  const width = widthOf(u);
  const stack = load<u64>(RSP);
  const from = read(stack, width);
  if (!from) return uop.FAULTED;
  const value = loadWidth(from, width);
  store<u64>(RSP, stack + width);
  const host = write(effective(u), width);
  if (!host) {
    store<u64>(RSP, stack);
    return uop.FAULTED;
  }
  storeWidth(host, width, value);
  finish(host);
  return uop.GO_ON;
}

/** ENTER: bytes of locals in the low word of the immediate, nesting level in the high one. Nothing moves before all is written. */
function enter(u: usize): u32 {
  const width = widthOf(u);
  const size = load<u32>(u, uop.IMM) & 0xffff;
  const level = (load<u32>(u, uop.IMM) >> 16) & 31;
  let stack = load<u64>(RSP);
  let frame = load<u64>(RBP);
  const bytes = width * (level + 1);
  const last = level > 0 ? bytes : width;
  if (!write(stack - last - size, width) || !write(stack - last, last)) return uop.FAULTED;
  stack -= width;
  let host = write(stack, width);
  storeWidth(host, width, frame);
  finish(host);
  const top = stack;
  for (let n: u32 = 1; n < level; n++) {
    frame -= width;
    const from = read(frame, width);
    if (!from) return uop.FAULTED;
    const value = loadWidth(from, width);
    stack -= width;
    host = write(stack, width);
    storeWidth(host, width, value);
    finish(host);
  }
  if (level > 0) {
    stack -= width;
    host = write(stack, width);
    storeWidth(host, width, top);
    finish(host);
  }
  putWidth(RBP, width == 2 ? 2 : 8, top);
  store<u64>(RSP, stack - size);
  return uop.GO_ON;
}

function leave16(): u32 {
  const frame = load<u64>(RBP);
  const host = read(frame, 2);
  if (!host) return uop.FAULTED;
  store<u16>(RBP, load<u16>(host));
  store<u64>(RSP, frame + 2);
  return uop.GO_ON;
}

function flag(kind: u32): u32 {
  const flags = load<u32>(at.RFLAGS);
  if (kind == uop.FLAG_CLD) store<u32>(at.RFLAGS, flags & ~at.DF);
  else if (kind == uop.FLAG_STD) store<u32>(at.RFLAGS, flags | at.DF);
  else setCarry(kind == uop.FLAG_CLC ? 0 : kind == uop.FLAG_STC ? 1 : ~status());
  return uop.GO_ON;
}

function loop(u: usize): u32 {
  const kind = <u32>load<u8>(u, uop.SUB);
  const width = widthOf(u);
  let taken: bool;
  if (kind == uop.LOOP_ZERO) taken = loadWidth(RCX, width) == 0;
  else {
    const left = loadWidth(RCX, width) - 1;
    putWidth(RCX, width, left);
    taken = loadWidth(RCX, width) != 0;
    if (kind != uop.LOOP_ALWAYS) taken = taken && ((status() & at.ZF) != 0) == (kind == uop.LOOP_E);
  }
  const offset = taken ? <i64>load<i32>(u, uop.DISP) : <i64>load<u16>(u, uop.NEXT);
  store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + <u64>offset);
  return uop.JUMPED;
}

function translateByte(u: usize): u32 {
  const address = effective(u) + load<u8>(RAX);
  const host = read(load<u8>(u, uop.SUB) ? address & 0xffffffff : address, 1);
  if (!host) return uop.FAULTED;
  store<u8>(RAX, load<u8>(host));
  return uop.GO_ON;
}

function fault(vector: u32): u32 {
  store<u32>(at.EXCEPTION_VECTOR, vector);
  return uop.FAULTED;
}

function systemCall(u: usize): u32 {
  settle();
  store<u64>(RCX, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
  store<u64>(register(11), load<u32>(at.RFLAGS));
  return uop.CALLED;
}

/** Selectors of 64-bit user mode: CS 33h, the others 2Bh, FS 53h. */
function moveSegment(u: usize): u32 {
  const host = target(u);
  if (!host) return uop.FAULTED;
  return setTarget(u, host, load<u64>(u, uop.IMM));
}

export function rare(op: u32, u: usize): u32 {
  switch (op) {
    case uop.OP_SHIFT:
      return shift(u);
    case uop.OP_SHIFT_DOUBLE:
      return shiftDouble(u);
    case uop.OP_MUL:
    case uop.OP_IMUL1:
    case uop.OP_DIV:
    case uop.OP_IDIV: {
      const host = source(u);
      if (!host) return uop.FAULTED;
      const value = loadWidth(host, widthOf(u));
      if (op == uop.OP_MUL || op == uop.OP_IMUL1) return multiply(widthOf(u), value, op == uop.OP_IMUL1);
      return divide(widthOf(u), value, op == uop.OP_IDIV) ? uop.GO_ON : fault(0);
    }
    case uop.OP_IMUL16: {
      const host: usize = isMemory(u) ? read(effective(u), 2) : <usize>load<u16>(u, uop.SRC);
      if (!host) return uop.FAULTED;
      const slot: usize = load<u16>(u, uop.DST);
      const factor = load<u8>(u, uop.SUB) ? load<u16>(u, uop.IMM) : load<u16>(slot);
      store<u16>(slot, alu.imul<u16>(load<u16>(host), factor));
      return uop.GO_ON;
    }
    case uop.OP_UNARY:
      return unary(u);
    case uop.OP_BIT:
      return bit(u);
    case uop.OP_BSF:
      return scan(u, true);
    case uop.OP_BSR:
      return scan(u, false);
    case uop.OP_XCHG:
      return exchange(u);
    case uop.OP_XADD:
      return exchangeAdd(u);
    case uop.OP_CMPXCHG:
      return compareExchange(u);
    case uop.OP_CMPXCHG8B:
      return compareExchangePair<u32>(u);
    case uop.OP_CMPXCHG16B:
      return compareExchangePair<u64>(u);
    case uop.OP_CMOV:
      return conditionalMove(u);
    case uop.OP_SETCC_M:
      return setMemory(u);
    case uop.OP_EXTEND16:
      return extend16(u);
    case uop.OP_BSWAP:
      return byteSwap(u);
    case uop.OP_CBW:
      store<u16>(RAX, <u16>load<i8>(RAX));
      return uop.GO_ON;
    case uop.OP_CWDE:
      store<u64>(RAX, <u64>(<u32>load<i16>(RAX)));
      return uop.GO_ON;
    case uop.OP_CWD:
      store<u16>(RDX, <u16>(load<i16>(RAX) >> 15));
      return uop.GO_ON;
    case uop.OP_LAHF:
      store<u8>(RAX + 1, <u8>(status() | 2));
      return uop.GO_ON;
    case uop.OP_SAHF:
      setStatus((status() & at.OF) | (load<u8>(RAX + 1) & ~at.OF));
      return uop.GO_ON;
    case uop.OP_PUSHF:
      settle();
      return pushValue(widthOf(u), load<u32>(at.RFLAGS) | ALWAYS_SET);
    case uop.OP_POPF:
      return popFlags(u);
    case uop.OP_FLAG:
      return flag(load<u8>(u, uop.SUB));
    case uop.OP_ENTER:
      return enter(u);
    case uop.OP_LEAVE16:
      return leave16();
    case uop.OP_PUSH16: {
      const host: usize = isMemory(u) ? read(effective(u), 2) : <usize>load<u16>(u, uop.DST);
      if (!host) return uop.FAULTED;
      return pushValue(2, load<u16>(host));
    }
    case uop.OP_PUSH_I16:
      return pushValue(2, load<u16>(u, uop.IMM));
    case uop.OP_POP16:
      return pop16(u);
    case uop.OP_POP_M:
      return popMemory(u);
    case uop.OP_LEA16:
      store<u16>(load<u16>(u, uop.DST), <u16>effective(u));
      return uop.GO_ON;
    case uop.OP_LOOP:
      return loop(u);
    case uop.OP_XLAT:
      return translateByte(u);
    case uop.OP_STRING:
      return string(u);
    case uop.OP_CPUID:
      cpuid();
      return uop.GO_ON;
    case uop.OP_SYSCALL:
      return systemCall(u);
    case uop.OP_TRAP:
      store<u32>(at.EXCEPTION_VECTOR, load<u32>(u, uop.IMM));
      return uop.TRAPPED;
    case uop.OP_FAULT:
      return fault(load<u32>(u, uop.IMM));
    case uop.OP_MOV_SEGMENT:
      return moveSegment(u);
    default:
      return fault(6);
  }
}
