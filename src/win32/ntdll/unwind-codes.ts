/** UNWIND_INFO of ntdll's own code through which unwinding passes. Source: Microsoft, "x64 exception handling". */
import { APC_MACHINE_FRAME } from '../../nt/apc.js';
import { contextRegister } from '../../nt/context-record.js';
import { DISPATCH_CONTEXT, DISPATCH_MACHINE_FRAME } from '../../nt/exception-dispatch.js';
import { FRAME_RIP, FRAME_SAVED, HOME_BYTES } from '../../nt/service-frame.js';
import { CONTEXT_XMM } from '../../nt/virtual-unwind.js';
import {
  UWOP_ALLOC_LARGE,
  UWOP_PUSH_MACHFRAME,
  UWOP_PUSH_NONVOL,
  UWOP_SAVE_NONVOL,
  UWOP_SAVE_XMM128,
} from '../../pe/unwind-info.js';

const NONVOLATILE = [3, 5, 6, 7, 12, 13, 14, 15];
const NONVOLATILE_XMM = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

type Code = readonly [operation: number, info: number, operand?: number];

/** A stub is all prologue, so that its `ret` is not taken for an epilogue; the codes hold from its first byte. */
const STUB_BYTES = 16;

/** Version 1. */
function unwindInfo(codes: readonly Code[]): Uint8Array {
  const slots: number[] = [];
  for (const [operation, info, operand] of codes) {
    slots.push(0, operation | (info << 4));
    if (operand !== undefined) slots.push(operand & 0xff, operand >>> 8);
  }
  const count = slots.length / 2;
  if (count & 1) slots.push(0, 0);
  return Uint8Array.of(1, STUB_BYTES, count, 0, ...slots);
}

/** The nonvolatile registers from a CONTEXT at a byte offset from RSP. */
function restoreFrom(context: number): Code[] {
  return [
    ...NONVOLATILE.map(
      (register): Code => [UWOP_SAVE_NONVOL, register, (context + contextRegister(register)) / 8],
    ),
    ...NONVOLATILE_XMM.map(
      (register): Code => [UWOP_SAVE_XMM128, register, (context + CONTEXT_XMM + register * 16) / 16],
    ),
  ];
}

/** A machine frame at a byte offset from RSP. */
const machineFrame = (offset: number): Code[] => [
  [UWOP_ALLOC_LARGE, 0, offset / 8],
  [UWOP_PUSH_MACHFRAME, 0],
];

/** Bytes from RSP to the context of RcFrameConsolidation: behind the service's frame with one saved number. */
export const CONSOLIDATED_CONTEXT = HOME_BYTES + FRAME_SAVED + 8;

/** push rbx, one byte long, is the whole prologue. */
const PUSHES_RBX = Uint8Array.of(1, 1, 1, 0, 1, UWOP_PUSH_NONVOL | (3 << 4), 0, 0);

export const ntdllUnwind: Readonly<Record<string, Uint8Array>> = {
  KiServiceReturn: unwindInfo(machineFrame(HOME_BYTES + FRAME_RIP)),
  RcFrameConsolidation: unwindInfo([
    ...restoreFrom(CONSOLIDATED_CONTEXT),
    ...machineFrame(HOME_BYTES + FRAME_RIP),
  ]),
  KiUserApcDispatcher: unwindInfo([...restoreFrom(0), ...machineFrame(APC_MACHINE_FRAME)]),
  RtlInterlockedPushEntrySList: PUSHES_RBX,
  RtlInterlockedPushListSListEx: PUSHES_RBX,
  RtlInterlockedPopEntrySList: PUSHES_RBX,
  RtlInterlockedFlushSList: PUSHES_RBX,
  KiUserExceptionDispatcher: unwindInfo([
    ...restoreFrom(DISPATCH_CONTEXT),
    ...machineFrame(DISPATCH_MACHINE_FRAME),
  ]),
};
