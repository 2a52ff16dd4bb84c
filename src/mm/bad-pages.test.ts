import { describe, expect, it } from 'vitest';
import { MEM_COMMIT, MEM_RESERVE, PAGE_READWRITE } from '../base/memory-constants.js';
import { Machine } from '../machine.js';
import { FRAME_BAD } from './pfn-database.js';
import { verify } from './verify.js';
import { allocateVirtualMemory } from './virtual-memory.js';

const MIB = 2 ** 20;
const BAD = [0, 1, 2, 700, 701, 2047, 700];

describe('bad pages', () => {
  it('are never used and count neither as RAM nor for commit', () => {
    const pageFiles = [{ initial: 8 * MIB, maximum: 8 * MIB }];
    const machine = new Machine({ ram: 8 * MIB, badPages: BAD, pageFiles });
    const { mm } = machine.kernel;
    expect(mm.usableFrames).toBe(2048 - 6);
    expect(mm.commit.limit).toBe(new Machine({ ram: 8 * MIB, pageFiles }).kernel.mm.commit.limit - 6);
    const process = machine.createProcess({ empty: true });
    const base = process.allocate(11 * MIB);
    for (let page = 0; page < 11 * 256; page++) process.write(base + page * 4096, Uint8Array.of(page & 255));
    for (let page = 0; page < 11 * 256; page += 97)
      expect(process.read(base + page * 4096, 1)).toEqual(Uint8Array.of(page & 255));
    verify(mm);
    expect(machine.report().lists.bad).toBe(6);
    for (const frame of BAD) {
      expect(mm.pfn.state[frame]).toBe(FRAME_BAD);
      expect(
        mm.words.subarray(mm.frameWord(frame), mm.frameWord(frame + 1)).every((word) => word === 0),
      ).toBe(true);
    }
    const region = { baseAddress: 0, regionSize: 6 * MIB };
    expect(
      allocateVirtualMemory(mm, process.object.space, region, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
    ).toBe(0xc000012d);
    process.terminate();
    verify(mm);
  });

  it('must be RAM, and not nearly all of it', () => {
    for (const frame of [-1, 2048, 0.5, Number.NaN])
      expect(() => new Machine({ ram: 8 * MIB, badPages: [frame] })).toThrow(/is not RAM: the last is 2047/);
    const all = Array.from({ length: 2048 }, (_, frame) => frame);
    expect(() => new Machine({ ram: 8 * MIB, badPages: all })).toThrow(
      '0 usable pages of RAM are not enough',
    );
    expect(() => new Machine({ ram: 8 * MIB, badPages: all.slice(31) })).toThrow(
      '31 usable pages of RAM are not enough',
    );
  });
});
