/**
 * Memory operands of SSE and x87 operations. IMM: 2 bytes operation, 2 bytes size of the operand, then the instruction's immediate or, of
 * x87 operations, 2 bytes for i in ST(i) and the 11 bits of the opcode.
 */
import * as at from './layout';
import * as uop from './uops';
import { finish, readingSlowly, writingSlowly } from './memory';
import { RAX, effective } from './operands';
import { sse } from './sse';
import { x87 } from './x87';
import { X87_NINIT, X87_WAIT } from './x87-ops';
import { ES, NO_STORE, VECTOR_MF, status } from './x87-stack';

function raise(vector: u32): bool {
  store<u32>(at.EXCEPTION_VECTOR, vector);
  return false;
}

/** An SSE operation between registers. False: a fault. */
export function sseRegisters(u: usize): bool {
  const vector = sse(load<u16>(u, uop.IMM), load<u16>(u, uop.DST), load<u16>(u, uop.SRC), load<u32>(u, uop.IMM + 4));
  return vector ? raise(vector) : true;
}

/** An SSE operation with a memory operand. False: a fault. */
export function sseMemory(u: usize): bool {
  const roles = <u32>load<u8>(u, uop.SUB);
  const address = effective(u);
  if (roles & uop.OPERAND_ALIGNED && address & (roles & uop.OPERAND_ALIGNED_64 ? 63 : 15)) return raise(13);
  const size = <u32>load<u16>(u, uop.IMM + 2);
  const host = roles & uop.OPERAND_WRITTEN ? writingSlowly(address, size) : readingSlowly(address, size);
  if (!host) return false;
  const register: usize = roles & uop.OPERAND_FIRST ? load<u16>(u, uop.SRC) : load<u16>(u, uop.DST);
  const immediate = load<u32>(u, uop.IMM + 4);
  const op = <u32>load<u16>(u, uop.IMM);
  const vector = roles & uop.OPERAND_FIRST ? sse(op, host, register, immediate) : sse(op, register, host, immediate);
  if (vector) return raise(vector);
  if (roles & uop.OPERAND_WRITTEN) finish(host);
  return true;
}

/** An x87 operation, with a memory operand where its size is not 0. False: a fault. */
export function x87Operation(u: usize): bool {
  const size = <u32>load<u16>(u, uop.IMM + 2);
  const roles = <u32>load<u8>(u, uop.SUB);
  const op = <u32>load<u16>(u, uop.IMM);
  // A pending exception goes before a fault of the operand.
  if (<i32>op < X87_NINIT && status() & ES) return raise(VECTOR_MF);
  let address: u64 = 0;
  let host: usize = roles & uop.OPERAND_AX ? <usize>RAX : 0;
  if (size) {
    address = effective(u);
    host = roles & uop.OPERAND_WRITTEN ? writingSlowly(address, size) : readingSlowly(address, size);
    if (!host) return false;
  }
  const vector = x87(op, host, load<u16>(u, uop.IMM + 4));
  if (vector != NO_STORE && roles & uop.OPERAND_WRITTEN) finish(host);
  if (<i32>op < X87_WAIT) {
    store<u32>(at.FPU_OPCODE, load<u16>(u, uop.IMM + 6));
    store<u64>(at.FPU_IP, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT) - load<u8>(u, uop.LENGTH));
    if (size) store<u64>(at.FPU_DP, address);
  }
  return true;
}
