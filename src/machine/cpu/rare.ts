/** Operations that the main loop leaves to a call. Each answers GO_ON, FAULTED, TRAPPED, CALLED, PAUSED, JUMPED or LANDED. */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { bitExtension, checksum, moveSwapped } from './bit-extensions';
import { bit, scan, setCarry, shift, shiftDouble } from './bits';
import { compareExchange, compareExchangePair, exchange, exchangeAdd } from './exchange';
import { condition, setStatus, settle, status, sub } from './flags';
import { farTransfer } from './far';
import { read, write } from './memory';
import { mmx } from './mmx';
import { divide, multiply } from './multiply';
import { RAX, RCX, RDX, effective, loadWidth, putWidth, register } from './operands';
import { fault, isMemory, setTarget, source, target, widthOf } from './rm';
import { ALWAYS_SET, enter, leave16, pop16, popFlags, popMemory, pushValue } from './stack';
import { string } from './strings';
import { cpuid, extendedControl } from './system';

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
  const host = read(address, 1);
  if (!host) return uop.FAULTED;
  store<u8>(RAX, load<u8>(host));
  return uop.GO_ON;
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
    case uop.OP_BIT_EXTENSION:
      return bitExtension(u);
    case uop.OP_MOVBE:
      return moveSwapped(u);
    case uop.OP_CRC32:
      return checksum(u);
    case uop.OP_MMX:
      return mmx(u);
    case uop.OP_FAR:
      return farTransfer(u);
    case uop.OP_XGETBV:
      return extendedControl() ? uop.GO_ON : fault(13);
    default:
      return fault(6);
  }
}
