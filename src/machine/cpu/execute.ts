/**
 * The interpreter's loop. One micro-operation is one instruction; plain ones go on with the next in the block, transfers of
 * control leave the inner loop with the block to enter, or with RIP when it is still to be found.
 */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { add, compared, condition, logic, settle, sub } from './flags';
import { find } from './code-cache';
import { crossing } from './crossing';
import { finish, reading, writing } from './memory';
import { RAX, RBP, RCX, RDX, RSP, dst, effective, imm, put, setDst, src } from './operands';
import { rare } from './rare';
import { sse } from './sse';
import { timeStamp } from './system';
import { sseMemory, x87Operation } from './vector-operands';

/** Ends a run: counts it, restores the micro-operation that ended the quantum, brings RFLAGS up to date. */
function leave(exit: i32, done: i32, left: i32, accesses: u32): i32 {
  store<u64>(at.INSTRUCTIONS, load<u64>(at.INSTRUCTIONS) + <u64>done);
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) + <u64>accesses);
  store<i32>(at.BUDGET, left);
  const stop: usize = load<u32>(at.STOP_AT);
  if (stop) {
    if (load<u16>(stop, uop.OP) == uop.OP_STOP) store<u16>(stop, load<u16>(at.STOP_OPERATION), uop.OP);
    store<u32>(at.STOP_AT, 0);
  }
  settle();
  return exit;
}

/** Address of the instruction of a micro-operation. */
// @ts-ignore: decorator
@inline
function addressOf(u: usize): u64 {
  return load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT) - load<u8>(u, uop.LENGTH);
}

/** Leaves at an instruction that did not complete, with the vector in the header. */
function fault(u: usize, budget: i32, left: i32, accesses: u32): i32 {
  store<u64>(at.RIP, addressOf(u));
  left += <i32>load<i8>(u, uop.LATER) + 1;
  const exit = load<u32>(at.EXCEPTION_VECTOR) == 14 ? at.EXIT_PAGE_FAULT : at.EXIT_EXCEPTION;
  return leave(exit, budget - left, left, accesses - load<u8>(u, uop.LATER_ACCESSES));
}

/** Leaves after an instruction. */
function after(u: usize, exit: i32, budget: i32, left: i32, accesses: u32): i32 {
  store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
  left += <i32>load<i8>(u, uop.LATER);
  return leave(exit, budget - left, left, accesses - load<u8>(u, uop.LATER_ACCESSES));
}

/** Puts the end of the quantum in the place of the first micro-operation that is beyond the budget. */
function stopAfter(block: usize, left: i32): void {
  const later = <i32>load<u16>(block, uop.BLOCK_COUNT) - left - 1;
  let u = block + uop.UOP_SIZE;
  while (<i32>load<i8>(u, uop.LATER) != later) u += uop.UOP_SIZE;
  store<u32>(at.STOP_AT, u);
  store<u32>(at.STOP_OPERATION, load<u16>(u, uop.OP));
  store<u16>(u, uop.OP_STOP, uop.OP);
}

/** Whether a branch to an address faults: its upper bits are not those of bit 47. */
// @ts-ignore: decorator
@inline
function isWild(target: u64): bool {
  if (<u64>((<i64>(target << 16)) >> 16) == target) return false;
  store<u32>(at.EXCEPTION_VECTOR, 13);
  return true;
}

/** Sets RIP to a branch's target. */
// @ts-ignore: decorator
@inline
function aim(u: usize): void {
  store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + <u64>(<i64>load<i32>(u, uop.DISP)));
}

/** Sets RIP to the next instruction. */
// @ts-ignore: decorator
@inline
function pass(u: usize): void {
  store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
}

/** Runs user-mode code until an exit (EXIT_*), at most `budget` instructions. */
export function execute(budget: i32): i32 {
  let left = budget;
  let accesses: u32 = 0;
  let next: usize = 0;
  let link: usize = 0;
  while (true) {
    if (!next) {
      next = find();
      if (!next) {
        const vector = load<u32>(at.EXCEPTION_VECTOR);
        const exit = vector == 0 ? at.EXIT_DECODE : vector == 14 ? at.EXIT_PAGE_FAULT : at.EXIT_EXCEPTION;
        return leave(exit, budget - left, left, accesses);
      }
      if (link) store<u32>(link, next);
    }
    const count = <i32>load<u16>(next, uop.BLOCK_COUNT);
    if (left < count) {
      if (!left) {
        store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + load<u16>(next, uop.BLOCK_OFFSET));
        return leave(at.EXIT_QUANTUM, budget, 0, accesses);
      }
      stopAfter(next, left);
    }
    left -= count;
    accesses += load<u16>(next, uop.BLOCK_ACCESSES);
    let u = next + uop.UOP_SIZE;
    next = 0;
    link = 0;
    while (true) {
      switch (<u32>load<u16>(u, uop.OP)) {
        case uop.OP_STOP: {
          left += <i32>load<i8>(u, uop.LATER) + 1;
          store<u64>(at.RIP, addressOf(u));
          return leave(at.EXIT_QUANTUM, budget - left, left, accesses - load<u8>(u, uop.LATER_ACCESSES));
        }
        case uop.OP_STALE: {
          store<u64>(at.RIP, addressOf(u));
          left += <i32>load<i8>(u, uop.LATER) + 1;
          accesses -= load<u8>(u, uop.LATER_ACCESSES);
          break;
        }
        case uop.OP_NEXT: {
          pass(u);
          next = load<u32>(u, uop.FALL);
          if (load<u8>(u, uop.CHAINED)) link = u + uop.FALL;
          break;
        }
        case uop.OP_CROSS: {
          next = crossing(u);
          if (next) break;
          if (load<u32>(at.EXCEPTION_VECTOR)) return fault(u, budget, left, accesses);
          store<u64>(at.RIP, addressOf(u));
          return leave(at.EXIT_DECODE, budget - left, left, accesses);
        }
        case uop.OP_ADDRESS: {
          const address = effective(u);
          store<u64>(at.ADDRESS, (load<u8>(u, uop.WIDTH) == 4 ? address & 0xffffffff : address) + load<u64>(load<u16>(u, uop.SRC)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_NOP: {
          
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_JMP: {
          next = load<u32>(u, uop.TAKEN);
          if (!next) {
            aim(u);
            if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
          }
          break;
        }
        case uop.OP_JCC: {
          if (condition(load<u8>(u, uop.SUB))) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JMP_R: {
          const target = dst<u64>(u);
          if (isWild(target)) return fault(u, budget, left, accesses);
          store<u64>(at.RIP, target);
          break;
        }
        case uop.OP_JMP_M: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          const target = load<u64>(host);
          if (isWild(target)) return fault(u, budget, left, accesses);
          store<u64>(at.RIP, target);
          break;
        }
        case uop.OP_CALL: {
          const stack = load<u64>(RSP) - 8;
          const host = writing<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
          finish(host);
          store<u64>(RSP, stack);
          next = load<u32>(u, uop.TAKEN);
          if (!next) {
            aim(u);
            if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
          }
          break;
        }
        case uop.OP_CALL_R: {
          const target = dst<u64>(u);
          if (isWild(target)) return fault(u, budget, left, accesses);
          const stack = load<u64>(RSP) - 8;
          const host = writing<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
          finish(host);
          store<u64>(RSP, stack);
          store<u64>(at.RIP, target);
          break;
        }
        case uop.OP_CALL_M: {
          const from = reading<u64>(effective(u));
          if (!from) return fault(u, budget, left, accesses);
          const target = load<u64>(from);
          if (isWild(target)) return fault(u, budget, left, accesses);
          const stack = load<u64>(RSP) - 8;
          const host = writing<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT));
          finish(host);
          store<u64>(RSP, stack);
          store<u64>(at.RIP, target);
          break;
        }
        case uop.OP_RET: {
          const stack = load<u64>(RSP);
          const host = reading<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          const target = load<u64>(host);
          if (isWild(target)) return fault(u, budget, left, accesses);
          store<u64>(at.RIP, target);
          store<u64>(RSP, stack + 8);
          break;
        }
        case uop.OP_RET_I: {
          const stack = load<u64>(RSP);
          const host = reading<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          const target = load<u64>(host);
          if (isWild(target)) return fault(u, budget, left, accesses);
          store<u64>(at.RIP, target);
          store<u64>(RSP, stack + 8 + load<u32>(u, uop.IMM));
          break;
        }
        case uop.OP_JCC_SUB + 0: {
          if (compared(0)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 1: {
          if (compared(1)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 2: {
          if (compared(2)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 3: {
          if (compared(3)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 4: {
          if (compared(4)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 5: {
          if (compared(5)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 6: {
          if (compared(6)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 7: {
          if (compared(7)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 8: {
          if (compared(8)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 9: {
          if (compared(9)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 10: {
          if (compared(10)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 11: {
          if (compared(11)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 12: {
          if (compared(12)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 13: {
          if (compared(13)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 14: {
          if (compared(14)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JCC_SUB + 15: {
          if (compared(15)) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JZ_ADD: {
          if (load<u64>(at.FLAGS_A) + load<u64>(at.FLAGS_B) == 0) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JNZ_ADD: {
          if (load<u64>(at.FLAGS_A) + load<u64>(at.FLAGS_B) != 0) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JZ_RESULT: {
          if (load<u64>(at.FLAGS_A) == 0) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_JNZ_RESULT: {
          if (load<u64>(at.FLAGS_A) != 0) {
            next = load<u32>(u, uop.TAKEN);
            if (!next) {
              aim(u);
              if (load<u8>(u, uop.CHAINED) & 1) link = u + uop.TAKEN;
            }
          } else {
            next = load<u32>(u, uop.FALL);
            if (!next) {
              pass(u);
              if (load<u8>(u, uop.CHAINED) & 2) link = u + uop.FALL;
            }
          }
          break;
        }
        case uop.OP_MOV + uop.RR * 4 + 0: {
          setDst<u8>(u, src<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RR * 4 + 1: {
          setDst<u16>(u, src<u16>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RR * 4 + 2: {
          setDst<u32>(u, src<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RR * 4 + 3: {
          setDst<u64>(u, src<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RI * 4 + 0: {
          setDst<u8>(u, imm<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RI * 4 + 1: {
          setDst<u16>(u, imm<u16>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RI * 4 + 2: {
          setDst<u32>(u, imm<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RI * 4 + 3: {
          setDst<u64>(u, imm<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RM * 4 + 0: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u8>(u, load<u8>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RM * 4 + 1: {
          const host = reading<u16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u16>(u, load<u16>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RM * 4 + 2: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, load<u32>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.RM * 4 + 3: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, load<u64>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MR * 4 + 0: {
          const host = writing<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u8>(host, src<u8>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MR * 4 + 1: {
          const host = writing<u16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u16>(host, src<u16>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MR * 4 + 2: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, src<u32>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MR * 4 + 3: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, src<u64>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MI * 4 + 0: {
          const host = writing<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u8>(host, imm<u8>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MI * 4 + 1: {
          const host = writing<u16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u16>(host, imm<u16>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MI * 4 + 2: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, imm<u32>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOV + uop.MI * 4 + 3: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, imm<u64>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVZX_R8: {
          setDst<u64>(u, src<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVZX_R16: {
          setDst<u64>(u, src<u16>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVZX_M8: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, load<u8>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVZX_M16: {
          const host = reading<u16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, load<u16>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX32_R8: {
          setDst<u32>(u, <u32>(<i32>src<i8>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX32_R16: {
          setDst<u32>(u, <u32>(<i32>src<i16>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX32_M8: {
          const host = reading<i8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, <u32>(<i32>load<i8>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX32_M16: {
          const host = reading<i16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, <u32>(<i32>load<i16>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX64_R8: {
          setDst<i64>(u, <i64>src<i8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX64_R16: {
          setDst<i64>(u, <i64>src<i16>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX64_R32: {
          setDst<i64>(u, <i64>src<i32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX64_M8: {
          const host = reading<i8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<i64>(u, <i64>load<i8>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX64_M16: {
          const host = reading<i16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<i64>(u, <i64>load<i16>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSX64_M32: {
          const host = reading<i32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<i64>(u, <i64>load<i32>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_LEA32: {
          setDst<u32>(u, <u32>effective(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_LEA64: {
          setDst<u64>(u, effective(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_PUSH_R: {
          const stack = load<u64>(RSP) - 8;
          const host = writing<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, dst<u64>(u));
          finish(host);
          store<u64>(RSP, stack);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_PUSH_I: {
          const stack = load<u64>(RSP) - 8;
          const host = writing<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, imm<u64>(u));
          finish(host);
          store<u64>(RSP, stack);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_PUSH_M: {
          const from = reading<u64>(effective(u));
          if (!from) return fault(u, budget, left, accesses);
          const value = load<u64>(from);
          const stack = load<u64>(RSP) - 8;
          const host = writing<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, value);
          finish(host);
          store<u64>(RSP, stack);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_POP_R: {
          const stack = load<u64>(RSP);
          const host = reading<u64>(stack);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(RSP, stack + 8);
          setDst<u64>(u, load<u64>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_LEAVE: {
          const frame = load<u64>(RBP);
          const host = reading<u64>(frame);
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(RBP, load<u64>(host));
          store<u64>(RSP, frame + 8);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_INC32: {
          setDst<u32>(u, alu.inc<u32>(dst<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_DEC32: {
          setDst<u32>(u, alu.dec<u32>(dst<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_NEG32: {
          setDst<u32>(u, sub<u32>(0, dst<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_NOT32: {
          setDst<u32>(u, ~dst<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_INC64: {
          setDst<u64>(u, alu.inc<u64>(dst<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_DEC64: {
          setDst<u64>(u, alu.dec<u64>(dst<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_NEG64: {
          setDst<u64>(u, sub<u64>(0, dst<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_NOT64: {
          setDst<u64>(u, ~dst<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHL32_I: {
          setDst<u32>(u, alu.shl<u32>(dst<u32>(u), load<u8>(u, uop.IMM)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHL32_C: {
          setDst<u32>(u, alu.shl<u32>(dst<u32>(u), load<u8>(RCX)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHL64_I: {
          setDst<u64>(u, alu.shl<u64>(dst<u64>(u), load<u8>(u, uop.IMM)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHL64_C: {
          setDst<u64>(u, alu.shl<u64>(dst<u64>(u), load<u8>(RCX)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHR32_I: {
          setDst<u32>(u, alu.shr<u32>(dst<u32>(u), load<u8>(u, uop.IMM)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHR32_C: {
          setDst<u32>(u, alu.shr<u32>(dst<u32>(u), load<u8>(RCX)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHR64_I: {
          setDst<u64>(u, alu.shr<u64>(dst<u64>(u), load<u8>(u, uop.IMM)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SHR64_C: {
          setDst<u64>(u, alu.shr<u64>(dst<u64>(u), load<u8>(RCX)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SAR32_I: {
          setDst<u32>(u, alu.sar<u32>(dst<u32>(u), load<u8>(u, uop.IMM)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SAR32_C: {
          setDst<u32>(u, alu.sar<u32>(dst<u32>(u), load<u8>(RCX)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SAR64_I: {
          setDst<u64>(u, alu.sar<u64>(dst<u64>(u), load<u8>(u, uop.IMM)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SAR64_C: {
          setDst<u64>(u, alu.sar<u64>(dst<u64>(u), load<u8>(RCX)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_IMUL32_RR: {
          setDst<u32>(u, alu.imul<u32>(dst<u32>(u), src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_IMUL32_RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, alu.imul<u32>(dst<u32>(u), load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_IMUL32_RRI: {
          setDst<u32>(u, alu.imul<u32>(src<u32>(u), imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_IMUL64_RR: {
          setDst<u64>(u, alu.imul<u64>(dst<u64>(u), src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_IMUL64_RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, alu.imul<u64>(dst<u64>(u), load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_IMUL64_RRI: {
          setDst<u64>(u, alu.imul<u64>(src<u64>(u), imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SETCC: {
          setDst<u8>(u, u8(condition(load<u8>(u, uop.SUB))));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CMOV32: {
          setDst<u32>(u, condition(load<u8>(u, uop.SUB)) ? src<u32>(u) : dst<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CMOV64: {
          setDst<u64>(u, condition(load<u8>(u, uop.SUB)) ? src<u64>(u) : dst<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CDQ: {
          put<u32>(RDX, <u32>(load<i32>(RAX) >> 31));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CQO: {
          store<i64>(RDX, load<i64>(RAX) >> 63);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CDQE: {
          store<i64>(RAX, <i64>load<i32>(RAX));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADD * uop.FORMS + uop.RR: {
          setDst<u32>(u, add<u32>(dst<u32>(u), src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADD * uop.FORMS + uop.RI: {
          setDst<u32>(u, add<u32>(dst<u32>(u), imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADD * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, add<u32>(dst<u32>(u), load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADD * uop.FORMS + uop.MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, add<u32>(load<u32>(host), src<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADD * uop.FORMS + uop.MI: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, add<u32>(load<u32>(host), imm<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_OR * uop.FORMS + uop.RR: {
          setDst<u32>(u, logic<u32>(dst<u32>(u) | src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_OR * uop.FORMS + uop.RI: {
          setDst<u32>(u, logic<u32>(dst<u32>(u) | imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_OR * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, logic<u32>(dst<u32>(u) | load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_OR * uop.FORMS + uop.MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, logic<u32>(load<u32>(host) | src<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_OR * uop.FORMS + uop.MI: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, logic<u32>(load<u32>(host) | imm<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADC * uop.FORMS + uop.RR: {
          setDst<u32>(u, alu.adc<u32>(dst<u32>(u), src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADC * uop.FORMS + uop.RI: {
          setDst<u32>(u, alu.adc<u32>(dst<u32>(u), imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADC * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, alu.adc<u32>(dst<u32>(u), load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADC * uop.FORMS + uop.MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, alu.adc<u32>(load<u32>(host), src<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_ADC * uop.FORMS + uop.MI: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, alu.adc<u32>(load<u32>(host), imm<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SBB * uop.FORMS + uop.RR: {
          setDst<u32>(u, alu.sbb<u32>(dst<u32>(u), src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SBB * uop.FORMS + uop.RI: {
          setDst<u32>(u, alu.sbb<u32>(dst<u32>(u), imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SBB * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, alu.sbb<u32>(dst<u32>(u), load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SBB * uop.FORMS + uop.MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, alu.sbb<u32>(load<u32>(host), src<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SBB * uop.FORMS + uop.MI: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, alu.sbb<u32>(load<u32>(host), imm<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_AND * uop.FORMS + uop.RR: {
          setDst<u32>(u, logic<u32>(dst<u32>(u) & src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_AND * uop.FORMS + uop.RI: {
          setDst<u32>(u, logic<u32>(dst<u32>(u) & imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_AND * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, logic<u32>(dst<u32>(u) & load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_AND * uop.FORMS + uop.MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, logic<u32>(load<u32>(host) & src<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_AND * uop.FORMS + uop.MI: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, logic<u32>(load<u32>(host) & imm<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SUB * uop.FORMS + uop.RR: {
          setDst<u32>(u, sub<u32>(dst<u32>(u), src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SUB * uop.FORMS + uop.RI: {
          setDst<u32>(u, sub<u32>(dst<u32>(u), imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SUB * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, sub<u32>(dst<u32>(u), load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SUB * uop.FORMS + uop.MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, sub<u32>(load<u32>(host), src<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_SUB * uop.FORMS + uop.MI: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, sub<u32>(load<u32>(host), imm<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_XOR * uop.FORMS + uop.RR: {
          setDst<u32>(u, logic<u32>(dst<u32>(u) ^ src<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_XOR * uop.FORMS + uop.RI: {
          setDst<u32>(u, logic<u32>(dst<u32>(u) ^ imm<u32>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_XOR * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u32>(u, logic<u32>(dst<u32>(u) ^ load<u32>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_XOR * uop.FORMS + uop.MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, logic<u32>(load<u32>(host) ^ src<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_XOR * uop.FORMS + uop.MI: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, logic<u32>(load<u32>(host) ^ imm<u32>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_CMP * uop.FORMS + uop.RR: {
          sub<u32>(dst<u32>(u), src<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_CMP * uop.FORMS + uop.RI: {
          sub<u32>(dst<u32>(u), imm<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_CMP * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u32>(dst<u32>(u), load<u32>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_CMP * uop.FORMS + uop.MR: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u32>(load<u32>(host), src<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_CMP * uop.FORMS + uop.MI: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u32>(load<u32>(host), imm<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_TEST * uop.FORMS + uop.RR: {
          logic<u32>(dst<u32>(u) & src<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_TEST * uop.FORMS + uop.RI: {
          logic<u32>(dst<u32>(u) & imm<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_TEST * uop.FORMS + uop.RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u32>(dst<u32>(u) & load<u32>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_TEST * uop.FORMS + uop.MR: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u32>(load<u32>(host) & src<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU32 + uop.ALU_TEST * uop.FORMS + uop.MI: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u32>(load<u32>(host) & imm<u32>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADD * uop.FORMS + uop.RR: {
          setDst<u64>(u, add<u64>(dst<u64>(u), src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADD * uop.FORMS + uop.RI: {
          setDst<u64>(u, add<u64>(dst<u64>(u), imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADD * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, add<u64>(dst<u64>(u), load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADD * uop.FORMS + uop.MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, add<u64>(load<u64>(host), src<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADD * uop.FORMS + uop.MI: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, add<u64>(load<u64>(host), imm<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_OR * uop.FORMS + uop.RR: {
          setDst<u64>(u, logic<u64>(dst<u64>(u) | src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_OR * uop.FORMS + uop.RI: {
          setDst<u64>(u, logic<u64>(dst<u64>(u) | imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_OR * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, logic<u64>(dst<u64>(u) | load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_OR * uop.FORMS + uop.MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, logic<u64>(load<u64>(host) | src<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_OR * uop.FORMS + uop.MI: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, logic<u64>(load<u64>(host) | imm<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADC * uop.FORMS + uop.RR: {
          setDst<u64>(u, alu.adc<u64>(dst<u64>(u), src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADC * uop.FORMS + uop.RI: {
          setDst<u64>(u, alu.adc<u64>(dst<u64>(u), imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADC * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, alu.adc<u64>(dst<u64>(u), load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADC * uop.FORMS + uop.MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, alu.adc<u64>(load<u64>(host), src<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_ADC * uop.FORMS + uop.MI: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, alu.adc<u64>(load<u64>(host), imm<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SBB * uop.FORMS + uop.RR: {
          setDst<u64>(u, alu.sbb<u64>(dst<u64>(u), src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SBB * uop.FORMS + uop.RI: {
          setDst<u64>(u, alu.sbb<u64>(dst<u64>(u), imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SBB * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, alu.sbb<u64>(dst<u64>(u), load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SBB * uop.FORMS + uop.MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, alu.sbb<u64>(load<u64>(host), src<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SBB * uop.FORMS + uop.MI: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, alu.sbb<u64>(load<u64>(host), imm<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_AND * uop.FORMS + uop.RR: {
          setDst<u64>(u, logic<u64>(dst<u64>(u) & src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_AND * uop.FORMS + uop.RI: {
          setDst<u64>(u, logic<u64>(dst<u64>(u) & imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_AND * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, logic<u64>(dst<u64>(u) & load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_AND * uop.FORMS + uop.MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, logic<u64>(load<u64>(host) & src<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_AND * uop.FORMS + uop.MI: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, logic<u64>(load<u64>(host) & imm<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SUB * uop.FORMS + uop.RR: {
          setDst<u64>(u, sub<u64>(dst<u64>(u), src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SUB * uop.FORMS + uop.RI: {
          setDst<u64>(u, sub<u64>(dst<u64>(u), imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SUB * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, sub<u64>(dst<u64>(u), load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SUB * uop.FORMS + uop.MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, sub<u64>(load<u64>(host), src<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_SUB * uop.FORMS + uop.MI: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, sub<u64>(load<u64>(host), imm<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_XOR * uop.FORMS + uop.RR: {
          setDst<u64>(u, logic<u64>(dst<u64>(u) ^ src<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_XOR * uop.FORMS + uop.RI: {
          setDst<u64>(u, logic<u64>(dst<u64>(u) ^ imm<u64>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_XOR * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u64>(u, logic<u64>(dst<u64>(u) ^ load<u64>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_XOR * uop.FORMS + uop.MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, logic<u64>(load<u64>(host) ^ src<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_XOR * uop.FORMS + uop.MI: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, logic<u64>(load<u64>(host) ^ imm<u64>(u)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_CMP * uop.FORMS + uop.RR: {
          sub<u64>(dst<u64>(u), src<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_CMP * uop.FORMS + uop.RI: {
          sub<u64>(dst<u64>(u), imm<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_CMP * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u64>(dst<u64>(u), load<u64>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_CMP * uop.FORMS + uop.MR: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u64>(load<u64>(host), src<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_CMP * uop.FORMS + uop.MI: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u64>(load<u64>(host), imm<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_TEST * uop.FORMS + uop.RR: {
          logic<u64>(dst<u64>(u) & src<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_TEST * uop.FORMS + uop.RI: {
          logic<u64>(dst<u64>(u) & imm<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_TEST * uop.FORMS + uop.RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u64>(dst<u64>(u) & load<u64>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_TEST * uop.FORMS + uop.MR: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u64>(load<u64>(host) & src<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU64 + uop.ALU_TEST * uop.FORMS + uop.MI: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u64>(load<u64>(host) & imm<u64>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU8 + uop.RR: {
          setDst<u8>(u, alu.arithmetic<u8>(load<u8>(u, uop.SUB), dst<u8>(u), src<u8>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU8 + uop.RI: {
          setDst<u8>(u, alu.arithmetic<u8>(load<u8>(u, uop.SUB), dst<u8>(u), imm<u8>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU8 + uop.RM: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u8>(u, alu.arithmetic<u8>(load<u8>(u, uop.SUB), dst<u8>(u), load<u8>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU8 + uop.MR: {
          const kind = <i32>load<u8>(u, uop.SUB);
          const quiet = kind >= uop.ALU_CMP;
          const host = quiet ? reading<u8>(effective(u)) : writing<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          const value = alu.arithmetic<u8>(kind, load<u8>(host), src<u8>(u));
          if (!quiet) {
          store<u8>(host, value);
          finish(host);
          }
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU8 + uop.MI: {
          const kind = <i32>load<u8>(u, uop.SUB);
          const quiet = kind >= uop.ALU_CMP;
          const host = quiet ? reading<u8>(effective(u)) : writing<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          const value = alu.arithmetic<u8>(kind, load<u8>(host), imm<u8>(u));
          if (!quiet) {
          store<u8>(host, value);
          finish(host);
          }
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU16 + uop.RR: {
          setDst<u16>(u, alu.arithmetic<u16>(load<u8>(u, uop.SUB), dst<u16>(u), src<u16>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU16 + uop.RI: {
          setDst<u16>(u, alu.arithmetic<u16>(load<u8>(u, uop.SUB), dst<u16>(u), imm<u16>(u)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU16 + uop.RM: {
          const host = reading<u16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          setDst<u16>(u, alu.arithmetic<u16>(load<u8>(u, uop.SUB), dst<u16>(u), load<u16>(host)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU16 + uop.MR: {
          const kind = <i32>load<u8>(u, uop.SUB);
          const quiet = kind >= uop.ALU_CMP;
          const host = quiet ? reading<u16>(effective(u)) : writing<u16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          const value = alu.arithmetic<u16>(kind, load<u16>(host), src<u16>(u));
          if (!quiet) {
          store<u16>(host, value);
          finish(host);
          }
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_ALU16 + uop.MI: {
          const kind = <i32>load<u8>(u, uop.SUB);
          const quiet = kind >= uop.ALU_CMP;
          const host = quiet ? reading<u16>(effective(u)) : writing<u16>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          const value = alu.arithmetic<u16>(kind, load<u16>(host), imm<u16>(u));
          if (!quiet) {
          store<u16>(host, value);
          finish(host);
          }
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CMP8 + uop.RR: {
          sub<u8>(dst<u8>(u), src<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CMP8 + uop.RI: {
          sub<u8>(dst<u8>(u), imm<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CMP8 + uop.RM: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u8>(dst<u8>(u), load<u8>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CMP8 + uop.MR: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u8>(load<u8>(host), src<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_CMP8 + uop.MI: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          sub<u8>(load<u8>(host), imm<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_TEST8 + uop.RR: {
          logic<u8>(dst<u8>(u) & src<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_TEST8 + uop.RI: {
          logic<u8>(dst<u8>(u) & imm<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_TEST8 + uop.RM: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u8>(dst<u8>(u) & load<u8>(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_TEST8 + uop.MR: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u8>(load<u8>(host) & src<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_TEST8 + uop.MI: {
          const host = reading<u8>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          logic<u8>(load<u8>(host) & imm<u8>(u));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVAPS_RR: {
          v128.store(load<u16>(u, uop.DST), v128.load(load<u16>(u, uop.SRC)));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVUPS_RM: {
          const address = effective(u);
          const host = reading<v128>(address);
          if (!host) return fault(u, budget, left, accesses);
          v128.store(load<u16>(u, uop.DST), v128.load(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVUPS_MR: {
          const address = effective(u);
          const host = writing<v128>(address);
          if (!host) return fault(u, budget, left, accesses);
          v128.store(host, v128.load(load<u16>(u, uop.SRC)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVAPS_RM: {
          const address = effective(u);
          if (address & 15) {
          store<u32>(at.EXCEPTION_VECTOR, 13);
          return fault(u, budget, left, accesses);
          }
          const host = reading<v128>(address);
          if (!host) return fault(u, budget, left, accesses);
          v128.store(load<u16>(u, uop.DST), v128.load(host));
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVAPS_MR: {
          const address = effective(u);
          if (address & 15) {
          store<u32>(at.EXCEPTION_VECTOR, 13);
          return fault(u, budget, left, accesses);
          }
          const host = writing<v128>(address);
          if (!host) return fault(u, budget, left, accesses);
          v128.store(host, v128.load(load<u16>(u, uop.SRC)));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSD_RM: {
          const host = reading<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          const slot: usize = load<u16>(u, uop.DST);
          store<u64>(slot, load<u64>(host));
          store<u64>(slot, 0, 8);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSD_MR: {
          const host = writing<u64>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u64>(host, src<u64>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSS_RM: {
          const host = reading<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          const slot: usize = load<u16>(u, uop.DST);
          store<u64>(slot, load<u32>(host));
          store<u64>(slot, 0, 8);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_MOVSS_MR: {
          const host = writing<u32>(effective(u));
          if (!host) return fault(u, budget, left, accesses);
          store<u32>(host, src<u32>(u));
          finish(host);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SSE_RR: {
          const vector = sse(load<u16>(u, uop.IMM), load<u16>(u, uop.DST), load<u16>(u, uop.SRC), load<u32>(u, uop.IMM + 4));
          if (vector) {
          store<u32>(at.EXCEPTION_VECTOR, vector);
          return fault(u, budget, left, accesses);
          }
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_SSE_M: {
          if (!sseMemory(u)) return fault(u, budget, left, accesses);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_X87: {
          if (!x87Operation(u)) return fault(u, budget, left, accesses);
          u += uop.UOP_SIZE;
          continue;
        }
        case uop.OP_RDTSC: {
          timeStamp(<u32>(budget - left - load<i8>(u, uop.LATER)));
          if (load<u8>(u, uop.SUB)) store<u64>(RCX, 0);
          u += uop.UOP_SIZE;
          continue;
        }
        default: {
          const answer = rare(load<u16>(u, uop.OP), u);
          if (!answer) {
            u += uop.UOP_SIZE;
            continue;
          }
          if (answer == uop.FAULTED) return fault(u, budget, left, accesses);
          if (answer == uop.TRAPPED) return after(u, at.EXIT_EXCEPTION, budget, left, accesses);
          if (answer == uop.CALLED) return after(u, at.EXIT_SYSTEM_CALL, budget, left, accesses);
          if (answer == uop.PAUSED) return after(u, at.EXIT_QUANTUM, budget, left, accesses);
          break;
        }
      }
      break;
    }
  }
}
