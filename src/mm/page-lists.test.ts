import { describe, expect, it } from 'vitest';
import { createMemoryManager } from '../testing/small-machine.js';
import { BugCheck } from './bug-check.js';
import {
  addReference,
  allocateFrame,
  allocateZeroedFrame,
  availableFrames,
  deleteActiveFrame,
  insertFree,
  insertModified,
  insertModifiedNoWrite,
  insertStandby,
  releaseReference,
  retireFrame,
  returnUnusedFrame,
  unlinkFrame,
} from './page-lists.js';
import {
  FRAME_ACTIVE,
  FRAME_BAD,
  FRAME_FREE,
  FRAME_MODIFIED,
  FRAME_MODIFIED_NO_WRITE,
  FRAME_STANDBY,
  FRAME_TRANSITION,
  FRAME_ZEROED,
  PfnDatabase,
} from './pfn-database.js';
import { pteFrame } from './pte.js';
import { allocateSystemPages, findSystemPte, SYSTEM_PTE_SPACE } from './system-space.js';
import { zeroPageStep } from './threads/zero-page.js';
import { verify } from './verify.js';

/** A manager and a mapped system page whose frame the test may move about. */
function withFrame() {
  const mm = createMemoryManager(128);
  const address = SYSTEM_PTE_SPACE + 0x1000_0000;
  expect(allocateSystemPages(mm, address, 1)).toBe(true);
  return { mm, frame: pteFrame(mm.words[findSystemPte(mm, address)]!) };
}

describe('page lists', () => {
  it('take at most 48 bytes of PFN entry a frame', () => {
    const pfn = new PfnDatabase(1000);
    let bytes = 0;
    for (const field of Object.values(pfn)) if (ArrayBuffer.isView(field)) bytes += field.byteLength;
    expect(bytes / 1000).toBeLessThanOrEqual(48);
  });

  it('hand out zeroed frames first, else zero a free one', () => {
    const mm = createMemoryManager(128);
    const first = allocateZeroedFrame(mm);
    mm.words[mm.frameWord(first)] = 77;
    returnUnusedFrame(mm, first);
    expect(mm.pfn.state[first]).toBe(FRAME_FREE);
    expect(allocateZeroedFrame(mm)).not.toBe(first);
    while (mm.lists.count[FRAME_ZEROED]! > 0) allocateZeroedFrame(mm);
    expect(allocateZeroedFrame(mm)).toBe(first);
    expect(mm.words[mm.frameWord(first)]).toBe(0);
    expect(allocateZeroedFrame(mm)).toBe(-1);
    expect(allocateFrame(mm)).toBe(-1);
    expect(availableFrames(mm)).toBe(0);
  });

  it('use a free frame before a zeroed one when the contents do not matter', () => {
    const mm = createMemoryManager(128);
    const frame = allocateFrame(mm);
    insertFree(mm, frame);
    expect(allocateFrame(mm)).toBe(frame);
    expect(mm.lists.count[FRAME_FREE]).toBe(0);
  });

  it('let the zero page thread turn free pages into zeroed ones', () => {
    const mm = createMemoryManager(128);
    const frames = Array.from({ length: 10 }, () => allocateFrame(mm));
    for (const frame of frames) {
      mm.words[mm.frameWord(frame) + 1023] = 5;
      insertFree(mm, frame);
    }
    const zeroed = mm.lists.count[FRAME_ZEROED]!;
    expect(zeroPageStep(mm, 4)).toBe(4);
    expect(zeroPageStep(mm, 100)).toBe(6);
    expect(zeroPageStep(mm, 100)).toBe(0);
    expect(mm.lists.count[FRAME_ZEROED]).toBe(zeroed + 10);
    for (const frame of frames) expect(mm.words[mm.frameWord(frame) + 1023]).toBe(0);
    verify(mm);
  });

  it('make the legal moves and no other', () => {
    const { mm, frame } = withFrame();
    const illegal = [
      [FRAME_ACTIVE, FRAME_ZEROED],
      [FRAME_ACTIVE, FRAME_ACTIVE],
      [FRAME_STANDBY, FRAME_MODIFIED],
      [FRAME_STANDBY, FRAME_ZEROED],
      [FRAME_MODIFIED, FRAME_ZEROED],
      [FRAME_FREE, FRAME_STANDBY],
      [FRAME_FREE, FRAME_MODIFIED],
      [FRAME_ZEROED, FRAME_FREE],
      [FRAME_ZEROED, FRAME_STANDBY],
      [FRAME_BAD, FRAME_FREE],
      [FRAME_BAD, FRAME_ACTIVE],
      [FRAME_TRANSITION, FRAME_ZEROED],
    ];
    for (const [from, to] of illegal) {
      mm.pfn.state[frame] = from!;
      expect(() => moveTo(frame, to!), `${from} to ${to}`).toThrow(BugCheck);
    }
    function moveTo(which: number, state: number): void {
      if (state === FRAME_FREE) {
        mm.pfn.referenceCount[which] = 0;
        mm.pfn.shareCount[which] = 0;
        insertFree(mm, which);
      } else if (state === FRAME_STANDBY) insertStandby(mm, which);
      else if (state === FRAME_MODIFIED) insertModified(mm, which);
      else if (state === FRAME_MODIFIED_NO_WRITE) insertModifiedNoWrite(mm, which);
      else unlinkFrame(mm, which, state);
    }
  });

  it('refuse to free a frame that is in use', () => {
    const { mm, frame } = withFrame();
    expect(() => insertFree(mm, frame)).toThrow('in use');
  });

  it('keep a locked frame whose PTE is deleted until the last reference goes', () => {
    const { mm, frame } = withFrame();
    addReference(mm, frame);
    deleteActiveFrame(mm, frame);
    expect(mm.pfn.state[frame]).toBe(FRAME_TRANSITION);
    expect(mm.pfn.referenceCount[frame]).toBe(1);
    releaseReference(mm, frame);
    expect(mm.pfn.state[frame]).toBe(FRAME_FREE);
  });

  it('retire a bad frame for ever', () => {
    const mm = createMemoryManager(128);
    const frame = mm.lists.head[FRAME_ZEROED]!;
    retireFrame(mm, frame);
    expect(mm.lists.count[FRAME_BAD]).toBe(1);
    expect(allocateZeroedFrame(mm)).not.toBe(frame);
    returnUnusedFrame(mm, allocateFrame(mm));
    expect(() => insertFree(mm, frame)).toThrow(BugCheck);
  });
});
