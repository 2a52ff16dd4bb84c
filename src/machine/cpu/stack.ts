/** The stack outside the main loop: 16-bit forms, flags, POP to memory, ENTER. */
import * as at from './layout';
import * as uop from './uops';
import { finish, read, write } from './memory';
import { RBP, RSP, effective, loadWidth, putWidth, storeWidth } from './operands';
import { widthOf } from './rm';

export function pushValue(width: u32, value: u64): u32 {
  const stack = load<u64>(RSP) - width;
  const host = write(stack, width);
  if (!host) return uop.FAULTED;
  storeWidth(host, width, value);
  finish(host);
  store<u64>(RSP, stack);
  return uop.GO_ON;
}

/** Bits that PUSHF shows as they are and those that POPF may change in user mode. */
export const ALWAYS_SET: u32 = at.IF | 2;
const CHANGEABLE: u32 = at.STATUS_FLAGS | at.TF | at.DF | at.AC | at.ID | at.NT;

/** Takes flags as user mode may, from a word of 2 bytes or more. */
export function setFlags(width: u32, value: u32): void {
  const mask = width == 2 ? CHANGEABLE & 0xffff : CHANGEABLE;
  store<u32>(at.FLAGS_KIND, at.FLAGS_EXACT);
  store<u32>(at.RFLAGS, (load<u32>(at.RFLAGS) & ~mask) | (value & mask) | ALWAYS_SET);
}

/** Whether flags just taken change how the next instruction runs: single steps, or alignment checks begun or ended. */
export function isWatched(flags: u32): bool {
  return (flags & at.TF) != 0 || (load<u32>(at.RFLAGS) & at.AC) != load<u32>(at.ALIGNMENT_CHECK);
}

export function popFlags(u: usize): u32 {
  const width = widthOf(u);
  const host = read(load<u64>(RSP), width);
  if (!host) return uop.FAULTED;
  const value = <u32>loadWidth(host, width);
  setFlags(width, value);
  store<u64>(RSP, load<u64>(RSP) + width);
  return isWatched(value) ? uop.PAUSED : uop.GO_ON;
}

/** POP to a register of 16 bits. */
export function pop16(u: usize): u32 {
  const host = read(load<u64>(RSP), 2);
  if (!host) return uop.FAULTED;
  store<u64>(RSP, load<u64>(RSP) + 2);
  store<u16>(load<u16>(u, uop.DST), load<u16>(host));
  return uop.GO_ON;
}

/** POP to memory: the address is formed after RSP moves. */
export function popMemory(u: usize): u32 {
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
export function enter(u: usize): u32 {
  const width = widthOf(u);
  const size = load<u32>(u, uop.IMM) & 0xffff;
  const level = (load<u32>(u, uop.IMM) >> 16) & 31;
  let stack = load<u64>(RSP);
  let frame = load<u64>(RBP);
  const bytes = width * (level + 1);
  const last = level > 0 ? bytes : width;
  if (!write(stack - last - size, width) || !write(stack - last, width) || !write(stack - width, width)) return uop.FAULTED;
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

export function leave16(): u32 {
  const frame = load<u64>(RBP);
  const host = read(frame, 2);
  if (!host) return uop.FAULTED;
  store<u16>(RBP, load<u16>(host));
  store<u64>(RSP, frame + 2);
  return uop.GO_ON;
}
