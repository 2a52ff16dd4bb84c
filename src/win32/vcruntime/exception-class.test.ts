import { describe, expect, it } from 'vitest';
import { CrtMachine } from '../../testing/crt-machine.js';
import { ModuleMachine } from '../../testing/win32-machine.js';

describe('class exception of msvcrt', () => {
  it('keeps a text of its own, copies it, and gives it back', () => {
    const machine = new CrtMachine();
    const [first, second, reference] = [machine.space(24), machine.space(24), machine.space(16)];
    const text = machine.put('what happened');
    machine.process.write(reference, new Uint8Array(BigUint64Array.of(BigInt(text)).buffer));
    const what = (object: number) => machine.text(machine.callAddress('?what@exception@@UEBAPEBDXZ', object));
    expect(machine.callAddress('??0exception@@QEAA@AEBQEBD@Z', first, reference)).toBe(first);
    expect(machine.pointer(first)).toBe(machine.symbol('??_7exception@@6B@'));
    machine.callAddress('??0exception@@QEAA@AEBV0@@Z', second, first);
    expect(new Set([text, machine.pointer(first + 8), machine.pointer(second + 8)]).size).toBe(3);
    machine.process.write(text, Uint8Array.of(0));
    expect([what(first), what(second)]).toEqual(['what happened', 'what happened']);
    machine.call('??1exception@@UEAA@XZ', first);
    expect([what(first), what(second)]).toEqual(['Unknown exception', 'what happened']);
    machine.callAddress('??4exception@@QEAAAEAV0@AEBV0@@Z', first, second);
    machine.callAddress('??4exception@@QEAAAEAV0@AEBV0@@Z', first, first);
    machine.call('??1exception@@UEAA@XZ', second);
    expect(what(first)).toBe('what happened');
    machine.callAddress('??0exception@@QEAA@AEBQEBDH@Z', second, reference, 1);
    expect(machine.pointer(second + 8)).toBe(text);
  });

  it('has a virtual table by which the others are destroyed and asked', () => {
    const machine = new CrtMachine();
    const object = machine.callAddress('malloc', 24);
    machine.callAddress('??0bad_cast@@QEAA@PEBD@Z', object, 'cast');
    const table = machine.pointer(object);
    expect(table).toBe(machine.symbol('??_7bad_cast@@6B@'));
    expect([machine.pointer(table), machine.pointer(table + 8)]).toEqual([
      machine.symbol('??_Gbad_cast@@UEAAPEAXI@Z'),
      machine.symbol('?what@exception@@UEBAPEBDXZ'),
    ]);
    expect(machine.callAddress('??_Gbad_cast@@UEAAPEAXI@Z', object, 1)).toBe(object);
    expect(machine.call('_heapchk')).toBe(-2);
    expect(() => machine.call('free', object)).toThrow('exited');
  });

  it('is thrown where nothing catches it, as an exception of the module', () => {
    const machine = new CrtMachine();
    expect(() => machine.call('__RTtypeid', 0)).toThrow('exited');
    expect(machine.process.exitStatus).toBe(0xe06d7363);
  });

  it('ends the program with heap corruption when it is no object, in vcruntime140 too', () => {
    const machine = new ModuleMachine('vcruntime140.dll');
    const object = machine.space(64);
    machine.fill(object, 64, 0x10);
    machine.fill(object + 16, 16, 0);
    expect(() => machine.call('??_Gbad_cast@@UEAAPEAXI@Z', object + 32, 1)).toThrow('exited');
    const other = new ModuleMachine('vcruntime140.dll');
    const data = other.space(32);
    other.putNumber(data, other.space(64) + 16);
    other.fill(data + 8, 1, 1);
    expect(() => other.call('__std_exception_destroy', data)).toThrow('exited');
    expect(other.process.exitStatus).toBe(0xc0000374);
  });
});
