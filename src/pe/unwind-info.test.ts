import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EPILOGUE_BYTES, findEpilogue } from './epilogue.js';
import {
  parseUnwindCodes,
  parseUnwindHeader,
  UNW_FLAG_CHAININFO,
  UNW_FLAG_EHANDLER,
  type UnwindCode,
  UWOP_ALLOC_LARGE,
  UWOP_ALLOC_SMALL,
  UWOP_PUSH_MACHFRAME,
  UWOP_PUSH_NONVOL,
  UWOP_SAVE_NONVOL,
  UWOP_SAVE_NONVOL_FAR,
  UWOP_SAVE_XMM128,
  UWOP_SAVE_XMM128_FAR,
  UWOP_SET_FPREG,
} from './unwind-info.js';

/** A code and its slots as a compiler writes them. */
const code: fc.Arbitrary<{ code: UnwindCode; slots: number[] }> = fc
  .record({
    prologOffset: fc.nat(255),
    register: fc.nat(15),
    small: fc.nat(0xffff),
    far: fc.nat(0x7fffffff),
    kind: fc.nat(9),
  })
  .map(({ prologOffset, register, small, far, kind }) => {
    const make = (operation: number, info: number, value: number, ...operands: number[]) => ({
      code: { prologOffset, operation, info, value },
      slots: [prologOffset, operation | (info << 4), ...operands],
    });
    const word = [small & 0xff, small >>> 8];
    const long = [far & 0xff, (far >>> 8) & 0xff, (far >>> 16) & 0xff, far >>> 24];
    switch (kind) {
      case 0:
        return make(UWOP_PUSH_NONVOL, register, 0);
      case 1:
        return make(UWOP_ALLOC_LARGE, 0, small * 8, ...word);
      case 2:
        return make(UWOP_ALLOC_LARGE, 1, far, ...long);
      case 3:
        return make(UWOP_ALLOC_SMALL, register, register * 8 + 8);
      case 4:
        return make(UWOP_SET_FPREG, 0, 0);
      case 5:
        return make(UWOP_SAVE_NONVOL, register, small * 8, ...word);
      case 6:
        return make(UWOP_SAVE_NONVOL_FAR, register, far, ...long);
      case 7:
        return make(UWOP_SAVE_XMM128, register, small * 16, ...word);
      case 8:
        return make(UWOP_SAVE_XMM128_FAR, register, far, ...long);
      default:
        return make(UWOP_PUSH_MACHFRAME, register & 1, 0);
    }
  });

describe('unwind codes', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(code, { maxLength: 60 }), (written) => {
        const slots = Uint8Array.from(written.flatMap((one) => one.slots));
        expect(parseUnwindCodes(1, slots)).toEqual(written.map((one) => one.code));
      }),
    );
  });

  it('of any bytes are parsed or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 510 }), fc.constantFrom(1, 2), (bytes, version) => {
        const codes = parseUnwindCodes(version, bytes);
        expect(codes === null || codes.length * 2 <= bytes.length).toBe(true);
      }),
    );
  });

  it('whose operands are cut off are refused', () => {
    expect(parseUnwindCodes(1, Uint8Array.of(0, UWOP_ALLOC_LARGE))).toBeNull();
    expect(parseUnwindCodes(1, Uint8Array.of(0, UWOP_SAVE_NONVOL_FAR, 1, 2))).toBeNull();
    expect(parseUnwindCodes(1, Uint8Array.of(0, 11))).toBeNull();
  });

  it('have a header with frame register and tail', () => {
    expect(parseUnwindHeader(Uint8Array.of(1 | (UNW_FLAG_EHANDLER << 3), 11, 3, 0x25))).toEqual({
      version: 1,
      flags: UNW_FLAG_EHANDLER,
      prologSize: 11,
      codeCount: 3,
      frameRegister: 5,
      frameOffset: 0x20,
      tailOffset: 12,
    });
    expect(parseUnwindHeader(Uint8Array.of(1 | (UNW_FLAG_CHAININFO << 3), 0, 2, 0))).toMatchObject({
      flags: UNW_FLAG_CHAININFO,
      frameRegister: 0,
      tailOffset: 8,
    });
  });
});

describe('epilogues', () => {
  const find = (code: number[], frameRegister = 0, start = -0x40, end = 0x40) => {
    const bytes = new Uint8Array(EPILOGUE_BYTES).fill(0xcc);
    bytes.set(code);
    return findEpilogue(bytes, start, end, frameRegister);
  };

  it.each([
    ['ret', [0xc3], 0, { adjustment: 0, fromFrame: false, pops: [] }],
    ['repz ret', [0xf3, 0xc3], 0, { adjustment: 0, fromFrame: false, pops: [] }],
    [
      'add rsp, 28h; ret',
      [0x48, 0x83, 0xc4, 0x28, 0xc3],
      0,
      { adjustment: 0x28, fromFrame: false, pops: [] },
    ],
    [
      'add rsp, 1000h; pop rbx; pop r12; ret',
      [0x48, 0x81, 0xc4, 0, 0x10, 0, 0, 0x5b, 0x41, 0x5c, 0xc3],
      0,
      { adjustment: 0x1000, fromFrame: false, pops: [3, 12] },
    ],
    [
      'lea rsp, [rbp+10h]; pop rbp; ret',
      [0x48, 0x8d, 0x65, 0x10, 0x5d, 0xc3],
      5,
      { adjustment: 0x10, fromFrame: true, pops: [5] },
    ],
    [
      'lea rsp, [r13-8]; ret',
      [0x49, 0x8d, 0x65, 0xf8, 0xc3],
      13,
      { adjustment: -8, fromFrame: true, pops: [] },
    ],
    ['pop rdi; jmp out', [0x5f, 0xe9, 0, 0x10, 0, 0], 0, { adjustment: 0, fromFrame: false, pops: [7] }],
    ['jmp [rip+n]', [0xff, 0x25, 0, 0, 0, 0], 0, { adjustment: 0, fromFrame: false, pops: [] }],
    ['rex jmp [rip+n]', [0x48, 0xff, 0x25, 0, 0, 0, 0], 0, { adjustment: 0, fromFrame: false, pops: [] }],
  ])('%s is one', (_name, bytes, frameRegister, expected) => {
    expect(find(bytes, frameRegister)).toEqual(expected);
  });

  it.each([
    ['int3', [0xcc], 0],
    ['a jump in the function', [0xeb, 0x10], 0],
    ['a jump far in the function', [0xe9, 0x20, 0, 0, 0], 0],
    ['add rsp alone', [0x48, 0x83, 0xc4, 0x28, 0x90], 0],
    ['lea rsp of another register', [0x48, 0x8d, 0x65, 0x10, 0xc3], 3],
    ['call [rip+n]', [0xff, 0x15, 0, 0, 0, 0], 0],
  ])('%s is none', (_name, bytes, frameRegister) => {
    expect(find(bytes, frameRegister)).toBeNull();
  });

  it('are looked for in any bytes without going beyond them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: EPILOGUE_BYTES, maxLength: EPILOGUE_BYTES }),
        fc.nat(15),
        (bytes, register) => {
          const found = findEpilogue(bytes, -16, 64, register);
          expect(found === null || found.pops.length <= 16).toBe(true);
        },
      ),
    );
    const pops = Array(23).fill([0x41, 0x58]).flat();
    expect(find(pops)).toBeNull();
  });
});
