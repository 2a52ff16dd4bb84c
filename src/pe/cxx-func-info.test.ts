import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_STATE, type RvaMemory, readFuncInfo } from './cxx-func-info.js';
import { Reader4, readFuncInfo4 } from './cxx-func-info4.js';

function memoryOf(bytes: Uint8Array): RvaMemory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { u8: (rva) => view.getUint8(rva), u32: (rva) => view.getUint32(rva, true) };
}

/** Bytes at given places. */
function image(parts: Readonly<Record<number, readonly number[]>>): RvaMemory {
  const bytes = new Uint8Array(0x400);
  for (const [at, part] of Object.entries(parts)) bytes.set(part, Number(at));
  return memoryOf(bytes);
}

const u32 = (...values: number[]) =>
  values.flatMap((value) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]);

/** A number in the shortest compressed form. */
function number4(value: number): number[] {
  if (value < 2 ** 7) return [value << 1];
  if (value < 2 ** 14) return [((value & 0x3f) << 2) | 1, value >>> 6];
  if (value < 2 ** 21) return [((value & 0x1f) << 3) | 3, (value >>> 5) & 0xff, value >>> 13];
  if (value < 2 ** 28)
    return [((value & 0xf) << 4) | 7, (value >>> 4) & 0xff, (value >>> 12) & 0xff, value >>> 20];
  return [0x0f, ...u32(value)];
}

describe('FuncInfo of __CxxFrameHandler3', () => {
  const memory = image({
    256: u32(0x19930522, 3, 0x140, 1, 0x160, 4, 0x1a0, 0x20, 0, 1),
    320: u32(-1, 0, 0, 0x5000, 0, 0),
    352: u32(0, 1, 2, 2, 0x180),
    384: u32(8, 0x300, 0x28, 0x6000, 0x38, 0x40, 0, 0, 0x6100, 0x38),
    448: [],
    416: [...u32(0x1000, -1), ...u32(0x1010, 0), ...u32(0x1020, 1)],
  });

  it('says the state of an address and how to leave it', () => {
    const info = readFuncInfo(
      image({
        256: u32(0x19930522, 3, 0x140, 0, 0, 3, 0x1a0, 0x20, 0, 1),
        320: u32(-1, 0, 0, 0x5000, 0, 0),
        416: u32(0x1000, -1, 0x1010, 0, 0x1020, 1),
      }),
      0x100,
    )!;
    expect([0xfff, 0x1000, 0x100f, 0x1010, 0x1020, 0x9999].map((rva) => info.stateAt(rva))).toEqual([
      -1, -1, -1, 0, 1, 1,
    ]);
    expect(info.unwindAction(1)).toEqual({ toState: 0, action: 0x5000, kind: 'funclet', object: 0 });
    expect(info.unwindAction(0)?.toState).toBe(EMPTY_STATE);
    expect(info.unwindAction(3)).toBeNull();
    expect(info.unwindAction(-1)).toBeNull();
    expect(info.synchronous).toBe(true);
  });

  it('lists try blocks and catch blocks', () => {
    const [block] = readFuncInfo(memory, 0x100)!.tryBlocks;
    expect(block).toMatchObject({ low: 0, high: 1, catchHigh: 2 });
    expect(block!.handlers[0]).toEqual({
      adjectives: 8,
      type: 0x300,
      object: 0x28,
      handler: 0x6000,
      frame: 0x38,
      continuations: [],
    });
  });

  it('has a magic number', () => {
    expect(readFuncInfo(image({ 256: u32(0x12345678) }), 0x100)).toBeNull();
  });
});

describe('FuncInfo4', () => {
  it('has numbers of one to five bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.nat(31), (value, shift) => {
        const number = value >>> shift;
        const bytes = number4(number);
        const reader = new Reader4(memoryOf(Uint8Array.from([...bytes, 0, 0, 0, 0])), 0);
        expect(reader.number()).toBe(number);
        expect(reader.at).toBe(bytes.length);
      }),
    );
  });

  it('leads from state to state by the distance between entries', () => {
    const entry = (back: number, kind: number) => number4((back << 2) | kind);
    const first = entry(1, 0);
    const second = [...entry(first.length, 3), ...u32(0x5000)];
    const third = [...entry(second.length, 1), ...u32(0x5100), ...number4(0x30)];
    const info = readFuncInfo4(
      image({
        256: [0x08, ...u32(0x140), ...u32(0x180)],
        320: [...number4(3), ...first, ...second, ...third],
        384: [...number4(2), ...number4(0x10), ...number4(2), ...number4(0x20), ...number4(0)],
      }),
      0x100,
      0x1000,
    );
    expect([0, 1, 2, 3].map((state) => info.unwindAction(state))).toEqual([
      { toState: EMPTY_STATE, action: 0, kind: 'funclet', object: 0 },
      { toState: 0, action: 0x5000, kind: 'funclet', object: 0 },
      { toState: 1, action: 0x5100, kind: 'object', object: 0x30 },
      null,
    ]);
    expect([0x1000, 0x1010, 0x1030].map((rva) => info.stateAt(rva))).toEqual([-1, 1, -1]);
    expect(info.catchFrame).toBeNull();
  });

  it('lists try blocks with the places where a catch block may go on', () => {
    const handler = [0x17, ...number4(8), ...u32(0x300), ...number4(0x28), ...u32(0x6000), ...number4(0x55)];
    const info = readFuncInfo4(
      image({
        256: [0x31, ...u32(0x140), ...u32(0x180), ...number4(0x48)],
        320: [...number4(1), ...number4(0), ...number4(1), ...number4(2), ...u32(0x160)],
        352: [...number4(1), ...handler],
        384: number4(0),
      }),
      0x100,
      0x1000,
    );
    expect(info.tryBlocks).toEqual([
      {
        low: 0,
        high: 1,
        catchHigh: 2,
        handlers: [
          { adjectives: 8, type: 0x300, object: 0x28, handler: 0x6000, frame: 0, continuations: [0x1055] },
        ],
      },
    ]);
    expect(info.catchFrame).toBe(0x48);
    expect(info.synchronous).toBe(true);
  });

  it('of any bytes is read or leads out of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 256 }), (bytes) => {
        try {
          const info = readFuncInfo4(memoryOf(bytes), 0, 0);
          expect(info.tryBlocks.length).toBeLessThan(0x10000);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
