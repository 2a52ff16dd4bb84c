/**
 * The frame that a service leaves on the guest's stack above the home space of the guest function that it calls. Byte
 * offsets. Where the stub was and its RSP stand as in a machine frame, so that unwinding passes through by unwind codes
 * alone. The guest may have changed any of it when it comes back.
 */
import type { UserMemory } from '../mm/user-memory.js';

export const FRAME_RIP = 0x00;
export const FRAME_MAGIC = 0x08;
export const FRAME_SERVICE = 0x10;
export const FRAME_STEP = 0x14;
export const FRAME_RSP = 0x18;
export const FRAME_ARGUMENTS = 0x20;
export const FRAME_SAVED_COUNT = 0x40;
export const FRAME_SAVED = 0x48;
export const MAGIC_LO = 0x5672_5453;
export const MAGIC_HI = 0x4b69_5276;

/** Bytes for the called function's arguments: the frame lies behind them, seen from RSP when it has returned. */
export const HOME_BYTES = 0x80;

/** Most numbers that a frame keeps. */
export const MAXIMUM_SAVED = 64;

/** A frame as it lies in guest memory: untrusted. */
export interface ServiceFrame {
  readonly service: number;
  readonly step: number;
  readonly saved: readonly number[];
}

/** The frame whose called function returns with RSP = `establisher`; null when there is none. */
export function readServiceFrame(memory: UserMemory, establisher: number): ServiceFrame | null {
  const frame = establisher + HOME_BYTES;
  if (memory.readU32(frame + FRAME_MAGIC) !== MAGIC_LO) return null;
  if (memory.readU32(frame + FRAME_MAGIC + 4) !== MAGIC_HI) return null;
  const count = memory.readU32(frame + FRAME_SAVED_COUNT);
  if (count > MAXIMUM_SAVED) return null;
  const saved: number[] = [];
  for (let index = 0; index < count; index++) saved.push(memory.readDouble(frame + FRAME_SAVED + index * 8));
  return {
    service: memory.readU32(frame + FRAME_SERVICE),
    step: memory.readU32(frame + FRAME_STEP),
    saved,
  };
}
