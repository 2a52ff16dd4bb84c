/** Steps from character to character (winuser.h). Sources: Microsoft, "CharNextW function", "CharPrevW function", "CharPrevExA function". */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';

/** Characters that stand over or under the one before them. */
const COMBINING = /^\p{Mn}$/u;

const isCombining = (call: ServiceCall, at: number) =>
  COMBINING.test(String.fromCharCode(call.memory.readU16(at)));

/** LPWSTR CharNextW(text): behind a character and what combines with it; at the end, the end. */
const charNext: ServiceFunction = (call) => {
  let at = call.address(0);
  if (call.memory.readU16(at) === 0) return at;
  at += 2;
  while (isCombining(call, at)) at += 2;
  return at;
};

/** LPWSTR CharPrevW(start, current): the character before, with what combines with it. */
const charPrevious: ServiceFunction = (call) => {
  const [start, current] = [call.address(0), call.address(1)];
  if (current <= start) return start;
  let at = current - 2;
  while (at > start && isCombining(call, at)) at -= 2;
  return Math.max(at, start);
};

/** The code pages here have one byte a character, so these are steps of one byte. */
const nextByte = (call: ServiceCall, at: number) => (call.memory.readU8(at) === 0 ? at : at + 1);
const previousByte = (start: number, current: number) => (current <= start ? start : current - 1);

export const characterStepFunctions: Record<string, Service | ServiceFunction> = {
  CharNextW: charNext,
  CharPrevW: charPrevious,
  CharNextA: (call) => nextByte(call, call.address(0)),
  CharPrevA: (call) => previousByte(call.address(0), call.address(1)),
  CharNextExA: (call) => nextByte(call, call.address(1)),
  CharPrevExA: (call) => previousByte(call.address(1), call.address(2)),
};
