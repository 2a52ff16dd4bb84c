/**
 * Far transfers and IRET, as far as user mode has a use for them: within its own 64-bit code segment. Source: Intel SDM volume 2 (the pages
 * of the instructions).
 */
import * as at from './layout';
import * as uop from './uops';
import { finish, read, write } from './memory';
import { RSP, effective, loadWidth, storeWidth } from './operands';
import { jumpTo } from './plain';
import { fault, widthOf } from './rm';
import { isWatched, setFlags } from './stack';

/** Selectors of user mode. Code that runs at 23h, in 32 bits, is another processor's matter. */
const CODE_SELECTOR: u32 = 0x33;
const STACK_SELECTOR: u32 = 0x2b;
/** The privilege level asked for, the low bits of a selector, counts only where it is returned to. */
const LEVEL: u32 = 3;

export function farTransfer(u: usize): u32 {
  const kind = load<u8>(u, uop.SUB);
  if (kind == uop.FAR_RETURN) return farReturn(u);
  if (kind == uop.FAR_INTERRUPT_RETURN) return interruptReturn(u);
  return farBranch(u, kind == uop.FAR_CALL);
}

function land(target: u64, stack: u64): u32 {
  if (!jumpTo(target)) return uop.FAULTED;
  store<u64>(RSP, stack);
  return uop.JUMPED;
}

/** JMP and CALL through an offset and a selector in memory. */
function farBranch(u: usize, isCall: bool): u32 {
  const width = widthOf(u);
  const host = read(effective(u), width + 2);
  if (!host) return uop.FAULTED;
  const target = loadWidth(host, width);
  if ((<u32>load<u16>(host + width) | LEVEL) != CODE_SELECTOR) return fault(13);
  let stack = load<u64>(RSP);
  if (isCall) {
    stack -= width << 1;
    if (!write(stack, width) || !write(stack + width, width) || !jumpTo(target)) return uop.FAULTED;
    pushed(stack, width, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
    pushed(stack + width, width, CODE_SELECTOR);
  }
  return land(target, stack);
}

/** Writes what is known to be writable. */
function pushed(address: u64, width: u32, value: u64): void {
  const host = write(address, width);
  storeWidth(host, width, value);
  finish(host);
}

/** RET far: the offset, then the selector; the immediate is dropped after them. */
function farReturn(u: usize): u32 {
  const width = widthOf(u);
  const stack = load<u64>(RSP);
  let host = read(stack, width);
  if (!host) return uop.FAULTED;
  const target = loadWidth(host, width);
  host = read(stack + width, width);
  if (!host) return uop.FAULTED;
  if (<u32>load<u16>(host) != CODE_SELECTOR) return fault(13);
  return land(target, stack + (width << 1) + load<u32>(u, uop.IMM));
}

/** IRET: the offset, CS, RFLAGS, RSP and SS, always all five in 64-bit mode, which knows no nested tasks. */
function interruptReturn(u: usize): u32 {
  if (load<u32>(at.RFLAGS) & at.NT) return fault(13);
  const width = widthOf(u);
  const host = read(load<u64>(RSP), width * 5);
  if (!host) return uop.FAULTED;
  if (<u32>load<u16>(host + width) != CODE_SELECTOR || <u32>load<u16>(host + (width << 2)) != STACK_SELECTOR) return fault(13);
  const flags = <u32>loadWidth(host + (width << 1), width);
  const answer = land(loadWidth(host, width), loadWidth(host + width * 3, width));
  if (answer == uop.FAULTED) return answer;
  setFlags(width, flags);
  return isWatched(flags) ? uop.LANDED : answer;
}
