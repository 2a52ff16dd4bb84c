/** The register-or-memory operand of operations outside the main loop, by the width that the micro-operation tells. */
import * as at from './layout';
import * as uop from './uops';
import { finish, read, write } from './memory';
import { effective, putWidth, storeWidth } from './operands';

// @ts-ignore: decorator
@inline
export function widthOf(u: usize): u32 {
  return load<u8>(u, uop.WIDTH);
}

// @ts-ignore: decorator
@inline
export function isMemory(u: usize): bool {
  return load<u8>(u, uop.MEMORY) != 0;
}

/** Host address of the register-or-memory operand, to be read; 0 is a fault. */
export function source(u: usize): usize {
  return isMemory(u) ? read(effective(u), widthOf(u)) : <usize>load<u16>(u, uop.DST);
}

/** The same, to be read and written. */
export function target(u: usize): usize {
  return isMemory(u) ? write(effective(u), widthOf(u)) : <usize>load<u16>(u, uop.DST);
}

export function setTarget(u: usize, host: usize, value: u64): u32 {
  if (isMemory(u)) {
    storeWidth(host, widthOf(u), value);
    finish(host);
  } else putWidth(host, widthOf(u), value);
  return uop.GO_ON;
}

/** A fault with a vector. */
export function fault(vector: u32): u32 {
  store<u32>(at.EXCEPTION_VECTOR, vector);
  return uop.FAULTED;
}
