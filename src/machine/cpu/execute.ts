/**
 * The interpreter's loop. One micro-operation is one instruction; plain ones go on with the next in the block (the inner
 * loop's `continue`), transfers of control leave the inner loop (`break`) with the block to enter, or with RIP when the
 * block is still to be found.
 */
import * as at from './layout';
import * as uop from './uops';
import * as alu from './alu';
import { compared, condition, settle, sub } from './flags';
import { find } from './code-cache';
import { followAlignmentFlag } from './paging';
import { crossing } from './crossing';
import { RAX, RCX, RDX, dst, effective, imm, put, setDst, src } from './operands';
import { aluMI, aluMR, aluRI, aluRM, aluRR, narrowMemory, narrowRM, narrowRegister } from './plain';
import { callMemory, callTo, jumpMemory, jumpTo, leaveFrame, loads, multiplyMemory, pop } from './plain';
import { push, pushMemory, pushReturn, returnAndDrop, stores } from './plain';
import { rare } from './rare';
import { isAligned, loadsScalar, loadsXmm, scalar, scalarMemory, setXmm, storesXmm, xmmDst, xmmSrc } from './quick-sse';
import * as sseOps from './sse-ops';
import { timeStamp } from './system';
import { sseMemory, sseRegisters, x87Operation } from './vector-operands';

/** Ends a run: counts it, restores the micro-operation that ended the quantum, brings RFLAGS up to date. */
function leave(exit: i32, left: i32, accesses: u32): i32 {
  const done = load<i32>(at.BUDGET) - left;
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

/** The exit that the vector in the header calls for. */
function exitOfFault(): i32 {
  return load<u32>(at.EXCEPTION_VECTOR) == 14 ? at.EXIT_PAGE_FAULT : at.EXIT_EXCEPTION;
}

/** Leaves at an instruction that did not run. */
function leaveAt(exit: i32, u: usize, left: i32, accesses: u32): i32 {
  store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT) - load<u8>(u, uop.LENGTH));
  const undone = <i32>load<i8>(u, uop.LATER) + 1;
  return leave(exit, left + undone, accesses - load<u8>(u, uop.LATER_ACCESSES));
}

/** Leaves at an instruction that faulted, with the vector in the header. */
function fault(u: usize, left: i32, accesses: u32): i32 {
  return leaveAt(exitOfFault(), u, left, accesses);
}

/** Leaves after an operation outside the loop that did not simply go on. */
function leaveAfter(answer: u32, u: usize, left: i32, accesses: u32): i32 {
  if (answer == uop.FAULTED) return fault(u, left, accesses);
  if (answer != uop.LANDED) pass(u);
  const exit = answer == uop.TRAPPED ? at.EXIT_EXCEPTION : answer == uop.CALLED ? at.EXIT_SYSTEM_CALL : at.EXIT_QUANTUM;
  return leave(exit, left + <i32>load<i8>(u, uop.LATER), accesses - load<u8>(u, uop.LATER_ACCESSES));
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

/** The field of a branch that holds the block it goes to. */
// @ts-ignore: decorator
@inline
function way(u: usize, taken: bool): usize {
  return taken ? u + uop.TAKEN : u + uop.FALL;
}

/** A branch goes its way for the first time: sets RIP; answers where to keep the block once it is found, 0 if it may not be kept. */
function firstTime(u: usize, field: usize): usize {
  const taken = field == u + uop.TAKEN;
  if (taken) aim(u);
  else pass(u);
  return load<u8>(u, uop.CHAINED) & (taken ? 1 : 2) ? field : 0;
}

/** OP_ADDRESS: an address formed in 32 bits or with a segment's base. */
function formAddress(u: usize): void {
  const address = effective(u);
  const offset = load<u8>(u, uop.WIDTH) == 4 ? address & 0xffffffff : address;
  store<u64>(at.ADDRESS, offset + load<u64>(load<u16>(u, uop.SRC)));
}

/** Runs user-mode code until an exit (EXIT_*), at most `budget` instructions. */
export function execute(budget: i32): i32 {
  let left = budget;
  let accesses: u32 = 0;
  let next: usize = 0;
  let link: usize = 0;
  store<i32>(at.BUDGET, budget);
  followAlignmentFlag();
  while (true) {
    if (!next) {
      next = find();
      if (!next) return leave(load<u32>(at.EXCEPTION_VECTOR) ? exitOfFault() : at.EXIT_DECODE, left, accesses);
      if (link) store<u32>(link, next);
    }
    const count = <i32>load<u16>(next, uop.BLOCK_COUNT);
    if (left < count) {
      if (!left) {
        store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + load<u16>(next, uop.BLOCK_OFFSET));
        return leave(at.EXIT_QUANTUM, 0, accesses);
      }
      stopAfter(next, left);
    }
    left -= count;
    accesses += load<u16>(next, uop.BLOCK_ACCESSES);
    let u = next + uop.UOP_SIZE;
    next = 0;
    link = 0;
    for (; ; u += uop.UOP_SIZE) {
      switch (<u32>load<u16>(u, uop.OP)) {
        case uop.OP_STOP: return leaveAt(at.EXIT_QUANTUM, u, left, accesses);
        case uop.OP_STALE: {
          store<u64>(at.RIP, load<u64>(at.CODE_PAGE) + load<u16>(u, uop.NEXT) - load<u8>(u, uop.LENGTH));
          left += <i32>load<i8>(u, uop.LATER) + 1;
          accesses -= load<u8>(u, uop.LATER_ACCESSES);
          break;
        }
        case uop.OP_CROSS: {
          next = crossing(u);
          if (next) break;
          return leaveAt(load<u32>(at.EXCEPTION_VECTOR) ? exitOfFault() : at.EXIT_DECODE, u, left, accesses);
        }
        case uop.OP_NEXT: link = way(u, false); break;
        case uop.OP_ADDRESS: formAddress(u); continue;
        case uop.OP_NOP: continue;

        case uop.OP_JMP: link = way(u, true); break;
        case uop.OP_JMP_R: if (jumpTo(dst<u64>(u))) break; return fault(u, left, accesses);
        case uop.OP_JMP_M: if (jumpMemory(u)) break; return fault(u, left, accesses);
        case uop.OP_CALL: if (!pushReturn(u)) return fault(u, left, accesses); link = way(u, true); break;
        case uop.OP_CALL_R: if (callTo(u, dst<u64>(u))) break; return fault(u, left, accesses);
        case uop.OP_CALL_M: if (callMemory(u)) break; return fault(u, left, accesses);
        case uop.OP_RET: if (returnAndDrop(0)) break; return fault(u, left, accesses);
        case uop.OP_RET_I: if (returnAndDrop(load<u32>(u, uop.IMM))) break; return fault(u, left, accesses);
        case uop.OP_JCC: link = way(u, condition(load<u8>(u, uop.SUB))); break;
        case uop.OP_JO_SUB: link = way(u, compared(0)); break;
        case uop.OP_JNO_SUB: link = way(u, compared(1)); break;
        case uop.OP_JB_SUB: link = way(u, compared(2)); break;
        case uop.OP_JAE_SUB: link = way(u, compared(3)); break;
        case uop.OP_JE_SUB: link = way(u, compared(4)); break;
        case uop.OP_JNE_SUB: link = way(u, compared(5)); break;
        case uop.OP_JBE_SUB: link = way(u, compared(6)); break;
        case uop.OP_JA_SUB: link = way(u, compared(7)); break;
        case uop.OP_JS_SUB: link = way(u, compared(8)); break;
        case uop.OP_JNS_SUB: link = way(u, compared(9)); break;
        case uop.OP_JP_SUB: link = way(u, compared(10)); break;
        case uop.OP_JNP_SUB: link = way(u, compared(11)); break;
        case uop.OP_JL_SUB: link = way(u, compared(12)); break;
        case uop.OP_JGE_SUB: link = way(u, compared(13)); break;
        case uop.OP_JLE_SUB: link = way(u, compared(14)); break;
        case uop.OP_JG_SUB: link = way(u, compared(15)); break;
        case uop.OP_JZ_ADD: link = way(u, load<u64>(at.FLAGS_A) + load<u64>(at.FLAGS_B) == 0); break;
        case uop.OP_JNZ_ADD: link = way(u, load<u64>(at.FLAGS_A) + load<u64>(at.FLAGS_B) != 0); break;
        case uop.OP_JZ_RESULT: link = way(u, load<u64>(at.FLAGS_A) == 0); break;
        case uop.OP_JNZ_RESULT: link = way(u, load<u64>(at.FLAGS_A) != 0); break;

        case uop.OP_MOV_RR8: setDst<u8>(u, src<u8>(u)); continue;
        case uop.OP_MOV_RR16: setDst<u16>(u, src<u16>(u)); continue;
        case uop.OP_MOV_RR32: setDst<u32>(u, src<u32>(u)); continue;
        case uop.OP_MOV_RR64: setDst<u64>(u, src<u64>(u)); continue;
        case uop.OP_MOV_RI8: setDst<u8>(u, imm<u8>(u)); continue;
        case uop.OP_MOV_RI16: setDst<u16>(u, imm<u16>(u)); continue;
        case uop.OP_MOV_RI32: setDst<u32>(u, imm<u32>(u)); continue;
        case uop.OP_MOV_RI64: setDst<u64>(u, imm<u64>(u)); continue;
        case uop.OP_MOV_RM8: if (loads<u8, u8>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOV_RM16: if (loads<u16, u16>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOV_RM32: if (loads<u32, u32>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOV_RM64: if (loads<u64, u64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MR8: if (stores<u8>(u, src<u8>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MR16: if (stores<u16>(u, src<u16>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MR32: if (stores<u32>(u, src<u32>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MR64: if (stores<u64>(u, src<u64>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MI8: if (stores<u8>(u, imm<u8>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MI16: if (stores<u16>(u, imm<u16>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MI32: if (stores<u32>(u, imm<u32>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOV_MI64: if (stores<u64>(u, imm<u64>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOVZX_R8: setDst<u64>(u, src<u8>(u)); continue;
        case uop.OP_MOVZX_M8: if (loads<u8, u64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSX32_R8: setDst<u32>(u, <u32>(<i32>src<i8>(u))); continue;
        case uop.OP_MOVSX32_M8: if (loads<i8, i32>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVZX_R16: setDst<u64>(u, src<u16>(u)); continue;
        case uop.OP_MOVZX_M16: if (loads<u16, u64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSX32_R16: setDst<u32>(u, <u32>(<i32>src<i16>(u))); continue;
        case uop.OP_MOVSX32_M16: if (loads<i16, i32>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSX64_R8: setDst<i64>(u, <i64>src<i8>(u)); continue;
        case uop.OP_MOVSX64_M8: if (loads<i8, i64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSX64_R16: setDst<i64>(u, <i64>src<i16>(u)); continue;
        case uop.OP_MOVSX64_M16: if (loads<i16, i64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSX64_R32: setDst<i64>(u, <i64>src<i32>(u)); continue;
        case uop.OP_MOVSX64_M32: if (loads<i32, i64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_LEA32: setDst<u32>(u, <u32>effective(u)); continue;
        case uop.OP_LEA64: setDst<u64>(u, effective(u)); continue;
        case uop.OP_PUSH_R: if (push(dst<u64>(u))) continue; return fault(u, left, accesses);
        case uop.OP_PUSH_I: if (push(imm<u64>(u))) continue; return fault(u, left, accesses);
        case uop.OP_PUSH_M: if (pushMemory(u)) continue; return fault(u, left, accesses);
        case uop.OP_POP_R: if (pop(u)) continue; return fault(u, left, accesses);
        case uop.OP_LEAVE: if (leaveFrame()) continue; return fault(u, left, accesses);

        case uop.OP_INC32: setDst<u32>(u, alu.inc<u32>(dst<u32>(u))); continue;
        case uop.OP_DEC32: setDst<u32>(u, alu.dec<u32>(dst<u32>(u))); continue;
        case uop.OP_NEG32: setDst<u32>(u, sub<u32>(0, dst<u32>(u))); continue;
        case uop.OP_NOT32: setDst<u32>(u, ~dst<u32>(u)); continue;
        case uop.OP_SHL32_I: setDst<u32>(u, alu.shl<u32>(dst<u32>(u), load<u8>(u, uop.IMM))); continue;
        case uop.OP_SHL32_C: setDst<u32>(u, alu.shl<u32>(dst<u32>(u), load<u8>(RCX))); continue;
        case uop.OP_SHR32_I: setDst<u32>(u, alu.shr<u32>(dst<u32>(u), load<u8>(u, uop.IMM))); continue;
        case uop.OP_SHR32_C: setDst<u32>(u, alu.shr<u32>(dst<u32>(u), load<u8>(RCX))); continue;
        case uop.OP_SAR32_I: setDst<u32>(u, alu.sar<u32>(dst<u32>(u), load<u8>(u, uop.IMM))); continue;
        case uop.OP_SAR32_C: setDst<u32>(u, alu.sar<u32>(dst<u32>(u), load<u8>(RCX))); continue;
        case uop.OP_IMUL32_RR: setDst<u32>(u, alu.imul<u32>(dst<u32>(u), src<u32>(u))); continue;
        case uop.OP_IMUL32_RM: if (multiplyMemory<u32>(u)) continue; return fault(u, left, accesses);
        case uop.OP_IMUL32_RRI: setDst<u32>(u, alu.imul<u32>(src<u32>(u), imm<u32>(u))); continue;
        case uop.OP_CMOV32: setDst<u32>(u, condition(load<u8>(u, uop.SUB)) ? src<u32>(u) : dst<u32>(u)); continue;
        case uop.OP_INC64: setDst<u64>(u, alu.inc<u64>(dst<u64>(u))); continue;
        case uop.OP_DEC64: setDst<u64>(u, alu.dec<u64>(dst<u64>(u))); continue;
        case uop.OP_NEG64: setDst<u64>(u, sub<u64>(0, dst<u64>(u))); continue;
        case uop.OP_NOT64: setDst<u64>(u, ~dst<u64>(u)); continue;
        case uop.OP_SHL64_I: setDst<u64>(u, alu.shl<u64>(dst<u64>(u), load<u8>(u, uop.IMM))); continue;
        case uop.OP_SHL64_C: setDst<u64>(u, alu.shl<u64>(dst<u64>(u), load<u8>(RCX))); continue;
        case uop.OP_SHR64_I: setDst<u64>(u, alu.shr<u64>(dst<u64>(u), load<u8>(u, uop.IMM))); continue;
        case uop.OP_SHR64_C: setDst<u64>(u, alu.shr<u64>(dst<u64>(u), load<u8>(RCX))); continue;
        case uop.OP_SAR64_I: setDst<u64>(u, alu.sar<u64>(dst<u64>(u), load<u8>(u, uop.IMM))); continue;
        case uop.OP_SAR64_C: setDst<u64>(u, alu.sar<u64>(dst<u64>(u), load<u8>(RCX))); continue;
        case uop.OP_IMUL64_RR: setDst<u64>(u, alu.imul<u64>(dst<u64>(u), src<u64>(u))); continue;
        case uop.OP_IMUL64_RM: if (multiplyMemory<u64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_IMUL64_RRI: setDst<u64>(u, alu.imul<u64>(src<u64>(u), imm<u64>(u))); continue;
        case uop.OP_CMOV64: setDst<u64>(u, condition(load<u8>(u, uop.SUB)) ? src<u64>(u) : dst<u64>(u)); continue;
        case uop.OP_SETCC: setDst<u8>(u, u8(condition(load<u8>(u, uop.SUB)))); continue;
        case uop.OP_CDQ: put<u32>(RDX, <u32>(load<i32>(RAX) >> 31)); continue;
        case uop.OP_CQO: store<i64>(RDX, load<i64>(RAX) >> 63); continue;
        case uop.OP_CDQE: store<i64>(RAX, <i64>load<i32>(RAX)); continue;

        case uop.OP_ADD32_RR: aluRR<u32>(uop.ALU_ADD, u); continue;
        case uop.OP_ADD32_RI: aluRI<u32>(uop.ALU_ADD, u); continue;
        case uop.OP_ADD32_RM: if (aluRM<u32>(uop.ALU_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADD32_MR: if (aluMR<u32>(uop.ALU_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADD32_MI: if (aluMI<u32>(uop.ALU_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_OR32_RR: aluRR<u32>(uop.ALU_OR, u); continue;
        case uop.OP_OR32_RI: aluRI<u32>(uop.ALU_OR, u); continue;
        case uop.OP_OR32_RM: if (aluRM<u32>(uop.ALU_OR, u)) continue; return fault(u, left, accesses);
        case uop.OP_OR32_MR: if (aluMR<u32>(uop.ALU_OR, u)) continue; return fault(u, left, accesses);
        case uop.OP_OR32_MI: if (aluMI<u32>(uop.ALU_OR, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADC32_RR: aluRR<u32>(uop.ALU_ADC, u); continue;
        case uop.OP_ADC32_RI: aluRI<u32>(uop.ALU_ADC, u); continue;
        case uop.OP_ADC32_RM: if (aluRM<u32>(uop.ALU_ADC, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADC32_MR: if (aluMR<u32>(uop.ALU_ADC, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADC32_MI: if (aluMI<u32>(uop.ALU_ADC, u)) continue; return fault(u, left, accesses);
        case uop.OP_SBB32_RR: aluRR<u32>(uop.ALU_SBB, u); continue;
        case uop.OP_SBB32_RI: aluRI<u32>(uop.ALU_SBB, u); continue;
        case uop.OP_SBB32_RM: if (aluRM<u32>(uop.ALU_SBB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SBB32_MR: if (aluMR<u32>(uop.ALU_SBB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SBB32_MI: if (aluMI<u32>(uop.ALU_SBB, u)) continue; return fault(u, left, accesses);
        case uop.OP_AND32_RR: aluRR<u32>(uop.ALU_AND, u); continue;
        case uop.OP_AND32_RI: aluRI<u32>(uop.ALU_AND, u); continue;
        case uop.OP_AND32_RM: if (aluRM<u32>(uop.ALU_AND, u)) continue; return fault(u, left, accesses);
        case uop.OP_AND32_MR: if (aluMR<u32>(uop.ALU_AND, u)) continue; return fault(u, left, accesses);
        case uop.OP_AND32_MI: if (aluMI<u32>(uop.ALU_AND, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUB32_RR: aluRR<u32>(uop.ALU_SUB, u); continue;
        case uop.OP_SUB32_RI: aluRI<u32>(uop.ALU_SUB, u); continue;
        case uop.OP_SUB32_RM: if (aluRM<u32>(uop.ALU_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUB32_MR: if (aluMR<u32>(uop.ALU_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUB32_MI: if (aluMI<u32>(uop.ALU_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_XOR32_RR: aluRR<u32>(uop.ALU_XOR, u); continue;
        case uop.OP_XOR32_RI: aluRI<u32>(uop.ALU_XOR, u); continue;
        case uop.OP_XOR32_RM: if (aluRM<u32>(uop.ALU_XOR, u)) continue; return fault(u, left, accesses);
        case uop.OP_XOR32_MR: if (aluMR<u32>(uop.ALU_XOR, u)) continue; return fault(u, left, accesses);
        case uop.OP_XOR32_MI: if (aluMI<u32>(uop.ALU_XOR, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP32_RR: aluRR<u32>(uop.ALU_CMP, u); continue;
        case uop.OP_CMP32_RI: aluRI<u32>(uop.ALU_CMP, u); continue;
        case uop.OP_CMP32_RM: if (aluRM<u32>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP32_MR: if (aluMR<u32>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP32_MI: if (aluMI<u32>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST32_RR: aluRR<u32>(uop.ALU_TEST, u); continue;
        case uop.OP_TEST32_RI: aluRI<u32>(uop.ALU_TEST, u); continue;
        case uop.OP_TEST32_RM: if (aluRM<u32>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST32_MR: if (aluMR<u32>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST32_MI: if (aluMI<u32>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADD64_RR: aluRR<u64>(uop.ALU_ADD, u); continue;
        case uop.OP_ADD64_RI: aluRI<u64>(uop.ALU_ADD, u); continue;
        case uop.OP_ADD64_RM: if (aluRM<u64>(uop.ALU_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADD64_MR: if (aluMR<u64>(uop.ALU_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADD64_MI: if (aluMI<u64>(uop.ALU_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_OR64_RR: aluRR<u64>(uop.ALU_OR, u); continue;
        case uop.OP_OR64_RI: aluRI<u64>(uop.ALU_OR, u); continue;
        case uop.OP_OR64_RM: if (aluRM<u64>(uop.ALU_OR, u)) continue; return fault(u, left, accesses);
        case uop.OP_OR64_MR: if (aluMR<u64>(uop.ALU_OR, u)) continue; return fault(u, left, accesses);
        case uop.OP_OR64_MI: if (aluMI<u64>(uop.ALU_OR, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADC64_RR: aluRR<u64>(uop.ALU_ADC, u); continue;
        case uop.OP_ADC64_RI: aluRI<u64>(uop.ALU_ADC, u); continue;
        case uop.OP_ADC64_RM: if (aluRM<u64>(uop.ALU_ADC, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADC64_MR: if (aluMR<u64>(uop.ALU_ADC, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADC64_MI: if (aluMI<u64>(uop.ALU_ADC, u)) continue; return fault(u, left, accesses);
        case uop.OP_SBB64_RR: aluRR<u64>(uop.ALU_SBB, u); continue;
        case uop.OP_SBB64_RI: aluRI<u64>(uop.ALU_SBB, u); continue;
        case uop.OP_SBB64_RM: if (aluRM<u64>(uop.ALU_SBB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SBB64_MR: if (aluMR<u64>(uop.ALU_SBB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SBB64_MI: if (aluMI<u64>(uop.ALU_SBB, u)) continue; return fault(u, left, accesses);
        case uop.OP_AND64_RR: aluRR<u64>(uop.ALU_AND, u); continue;
        case uop.OP_AND64_RI: aluRI<u64>(uop.ALU_AND, u); continue;
        case uop.OP_AND64_RM: if (aluRM<u64>(uop.ALU_AND, u)) continue; return fault(u, left, accesses);
        case uop.OP_AND64_MR: if (aluMR<u64>(uop.ALU_AND, u)) continue; return fault(u, left, accesses);
        case uop.OP_AND64_MI: if (aluMI<u64>(uop.ALU_AND, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUB64_RR: aluRR<u64>(uop.ALU_SUB, u); continue;
        case uop.OP_SUB64_RI: aluRI<u64>(uop.ALU_SUB, u); continue;
        case uop.OP_SUB64_RM: if (aluRM<u64>(uop.ALU_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUB64_MR: if (aluMR<u64>(uop.ALU_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUB64_MI: if (aluMI<u64>(uop.ALU_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_XOR64_RR: aluRR<u64>(uop.ALU_XOR, u); continue;
        case uop.OP_XOR64_RI: aluRI<u64>(uop.ALU_XOR, u); continue;
        case uop.OP_XOR64_RM: if (aluRM<u64>(uop.ALU_XOR, u)) continue; return fault(u, left, accesses);
        case uop.OP_XOR64_MR: if (aluMR<u64>(uop.ALU_XOR, u)) continue; return fault(u, left, accesses);
        case uop.OP_XOR64_MI: if (aluMI<u64>(uop.ALU_XOR, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP64_RR: aluRR<u64>(uop.ALU_CMP, u); continue;
        case uop.OP_CMP64_RI: aluRI<u64>(uop.ALU_CMP, u); continue;
        case uop.OP_CMP64_RM: if (aluRM<u64>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP64_MR: if (aluMR<u64>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP64_MI: if (aluMI<u64>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST64_RR: aluRR<u64>(uop.ALU_TEST, u); continue;
        case uop.OP_TEST64_RI: aluRI<u64>(uop.ALU_TEST, u); continue;
        case uop.OP_TEST64_RM: if (aluRM<u64>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST64_MR: if (aluMR<u64>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST64_MI: if (aluMI<u64>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP8_RR: aluRR<u8>(uop.ALU_CMP, u); continue;
        case uop.OP_CMP8_RI: aluRI<u8>(uop.ALU_CMP, u); continue;
        case uop.OP_CMP8_RM: if (aluRM<u8>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP8_MR: if (aluMR<u8>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_CMP8_MI: if (aluMI<u8>(uop.ALU_CMP, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST8_RR: aluRR<u8>(uop.ALU_TEST, u); continue;
        case uop.OP_TEST8_RI: aluRI<u8>(uop.ALU_TEST, u); continue;
        case uop.OP_TEST8_RM: if (aluRM<u8>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST8_MR: if (aluMR<u8>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_TEST8_MI: if (aluMI<u8>(uop.ALU_TEST, u)) continue; return fault(u, left, accesses);
        case uop.OP_ALU8_RR: narrowRegister<u8>(u, src<u8>(u)); continue;
        case uop.OP_ALU8_RI: narrowRegister<u8>(u, imm<u8>(u)); continue;
        case uop.OP_ALU8_RM: if (narrowRM<u8>(u)) continue; return fault(u, left, accesses);
        case uop.OP_ALU8_MR: if (narrowMemory<u8>(u, src<u8>(u))) continue; return fault(u, left, accesses);
        case uop.OP_ALU8_MI: if (narrowMemory<u8>(u, imm<u8>(u))) continue; return fault(u, left, accesses);
        case uop.OP_ALU16_RR: narrowRegister<u16>(u, src<u16>(u)); continue;
        case uop.OP_ALU16_RI: narrowRegister<u16>(u, imm<u16>(u)); continue;
        case uop.OP_ALU16_RM: if (narrowRM<u16>(u)) continue; return fault(u, left, accesses);
        case uop.OP_ALU16_MR: if (narrowMemory<u16>(u, src<u16>(u))) continue; return fault(u, left, accesses);
        case uop.OP_ALU16_MI: if (narrowMemory<u16>(u, imm<u16>(u))) continue; return fault(u, left, accesses);

        case uop.OP_MOVAPS_RR: setXmm(u, xmmSrc(u)); continue;
        case uop.OP_MOVUPS_RM: if (loadsXmm(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVUPS_MR: if (storesXmm(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVAPS_RM: if (isAligned(u) && loadsXmm(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVAPS_MR: if (isAligned(u) && storesXmm(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSD_RM: if (loadsScalar<u64>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSD_MR: if (stores<u64>(u, src<u64>(u))) continue; return fault(u, left, accesses);
        case uop.OP_MOVSS_RM: if (loadsScalar<u32>(u)) continue; return fault(u, left, accesses);
        case uop.OP_MOVSS_MR: if (stores<u32>(u, src<u32>(u))) continue; return fault(u, left, accesses);
        case uop.OP_ADDSD_RR: if (scalar<f64>(sseOps.SSE_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADDSD_RM: if (scalarMemory<f64>(sseOps.SSE_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADDSS_RR: if (scalar<f32>(sseOps.SSE_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_ADDSS_RM: if (scalarMemory<f32>(sseOps.SSE_ADD, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUBSD_RR: if (scalar<f64>(sseOps.SSE_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUBSD_RM: if (scalarMemory<f64>(sseOps.SSE_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUBSS_RR: if (scalar<f32>(sseOps.SSE_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_SUBSS_RM: if (scalarMemory<f32>(sseOps.SSE_SUB, u)) continue; return fault(u, left, accesses);
        case uop.OP_MULSD_RR: if (scalar<f64>(sseOps.SSE_MUL, u)) continue; return fault(u, left, accesses);
        case uop.OP_MULSD_RM: if (scalarMemory<f64>(sseOps.SSE_MUL, u)) continue; return fault(u, left, accesses);
        case uop.OP_MULSS_RR: if (scalar<f32>(sseOps.SSE_MUL, u)) continue; return fault(u, left, accesses);
        case uop.OP_MULSS_RM: if (scalarMemory<f32>(sseOps.SSE_MUL, u)) continue; return fault(u, left, accesses);
        case uop.OP_DIVSD_RR: if (scalar<f64>(sseOps.SSE_DIV, u)) continue; return fault(u, left, accesses);
        case uop.OP_DIVSD_RM: if (scalarMemory<f64>(sseOps.SSE_DIV, u)) continue; return fault(u, left, accesses);
        case uop.OP_DIVSS_RR: if (scalar<f32>(sseOps.SSE_DIV, u)) continue; return fault(u, left, accesses);
        case uop.OP_DIVSS_RM: if (scalarMemory<f32>(sseOps.SSE_DIV, u)) continue; return fault(u, left, accesses);
        case uop.OP_SSE_XOR: setXmm(u, v128.xor(xmmDst(u), xmmSrc(u))); continue;
        case uop.OP_SSE_AND: setXmm(u, v128.and(xmmDst(u), xmmSrc(u))); continue;
        case uop.OP_SSE_OR: setXmm(u, v128.or(xmmDst(u), xmmSrc(u))); continue;
        case uop.OP_PADDD: setXmm(u, v128.add<i32>(xmmDst(u), xmmSrc(u))); continue;
        case uop.OP_PADDQ: setXmm(u, v128.add<i64>(xmmDst(u), xmmSrc(u))); continue;
        case uop.OP_PSUBD: setXmm(u, v128.sub<i32>(xmmDst(u), xmmSrc(u))); continue;
        case uop.OP_PSUBQ: setXmm(u, v128.sub<i64>(xmmDst(u), xmmSrc(u))); continue;
        case uop.OP_SSE_RR: if (sseRegisters(u)) continue; return fault(u, left, accesses);
        case uop.OP_SSE_M: if (sseMemory(u)) continue; return fault(u, left, accesses);
        case uop.OP_X87: if (x87Operation(u)) continue; return fault(u, left, accesses);
        case uop.OP_RDTSC: {
          timeStamp(<u32>(budget - left - load<i8>(u, uop.LATER)));
          if (load<u8>(u, uop.SUB)) store<u64>(RCX, 0);
          continue;
        }
        default: {
          const answer = rare(load<u16>(u, uop.OP), u);
          if (!answer) continue;
          if (answer != uop.JUMPED) return leaveAfter(answer, u, left, accesses);
          break;
        }
      }
      if (link) {
        next = load<u32>(link);
        if (!next) link = firstTime(u, link);
      }
      break;
    }
  }
}
