// The x87 operations by number.
//
// Where Intel's manual leaves something open or the makers differ (condition codes after a compare whose
// exception is not masked, C1 after FCOMI and FCMOV, the precision exception of exact results of FYL2X and
// F2XM1, arguments outside of a function's range), these do what AMD's processors were seen to do.

import {
  arithmetic,
  changeSign,
  compareRegister,
  examine,
  extract,
  remainder,
  roundTop,
  scale,
  squareRootOfTop,
  test,
} from './x87-arith';
import { controlOperation } from './x87-control';
import * as ops from './x87-ops';
import { transcendental } from './x87-transcendental';
import { storeUnchecked, transfer } from './x87-transfer';

/**
 * Runs operation `op` (x87-ops.ts). `memory` is the address of the scratch copy of the memory operand (for
 * FNSTSW AX, of the slot of RAX), `i` the number in ST(i). No earlier exception may be pending that it waits
 * for. Answers 0, or NO_STORE when the instruction is finished but must not write its memory operand.
 */
export function x87(op: u32, memory: usize, i: u32): u32 {
  if (<i32>op >= ops.X87_WAIT) controlOperation(op, memory, i);
  else if (<i32>op >= ops.X87_LD_M32) return transfer(op, memory, i);
  else if (<i32>op >= ops.X87_F2XM1) transcendental(op);
  else if (<i32>op >= ops.X87_COMPP) topOperation(op, i);
  else arithmetic(op, memory, i);
  return 0;
}

function topOperation(op: u32, i: u32): void {
  switch (op) {
    case ops.X87_COMPP:
      compareRegister(1, false, false, 2);
      return;
    case ops.X87_UCOM:
      compareRegister(i, true, false, 0);
      return;
    case ops.X87_UCOMP:
      compareRegister(i, true, false, 1);
      return;
    case ops.X87_UCOMPP:
      compareRegister(1, true, false, 2);
      return;
    case ops.X87_COMI:
      compareRegister(i, false, true, 0);
      return;
    case ops.X87_COMIP:
      compareRegister(i, false, true, 1);
      return;
    case ops.X87_UCOMI:
      compareRegister(i, true, true, 0);
      return;
    case ops.X87_UCOMIP:
      compareRegister(i, true, true, 1);
      return;
    case ops.X87_TST:
      test();
      return;
    case ops.X87_XAM:
      examine();
      return;
    case ops.X87_STPNCE:
      storeUnchecked(i);
      return;
    case ops.X87_CHS:
      changeSign(false);
      return;
    case ops.X87_ABS:
      changeSign(true);
      return;
    case ops.X87_SQRT:
      squareRootOfTop();
      return;
    case ops.X87_RNDINT:
      roundTop();
      return;
    case ops.X87_SCALE:
      scale();
      return;
    case ops.X87_XTRACT:
      extract();
      return;
    case ops.X87_PREM:
      remainder(false);
      return;
    case ops.X87_PREM1:
      remainder(true);
      return;
  }
}
