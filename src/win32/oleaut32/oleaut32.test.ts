import { expect, it } from 'vitest';
import { verify } from '../../mm/verify.js';
import { ModuleMachine } from '../../testing/win32-machine.js';

const VT_BSTR = 8;
const VT_UNKNOWN = 13;
const VT_FILETIME = 64;
const S_OK = 0;
const DISP_E_BADVARTYPE = 0x80020008 | 0;
const VARIANT_BYTES = 24;

const make = () => new ModuleMachine('oleaut32.dll');

it('keeps texts with their length before them', () => {
  const machine = make();
  const text = machine.callAddress('SysAllocString', { wide: 'seven' });
  expect([machine.wideText(text), machine.u32(text - 4)]).toEqual(['seven', 10]);
  expect(machine.call('SysStringLen', text)).toBe(5);
  expect(machine.call('SysStringByteLen', text)).toBe(10);
  machine.call('SysFreeString', text);
  expect(machine.callAddress('SysAllocString', 0)).toBe(0);
  expect([machine.call('SysStringLen', 0), machine.call('SysFreeString', 0) >= 0]).toEqual([0, true]);
});

it('copies a number of units, zeros too, and ends the text', () => {
  const machine = make();
  const text = machine.callAddress('SysAllocStringLen', { wide: 'a\0bcd' }, 3);
  expect([...machine.process.read(text, 8)]).toEqual([0x61, 0, 0, 0, 0x62, 0, 0, 0]);
  expect(machine.call('SysStringLen', text)).toBe(3);
  const unset = machine.callAddress('SysAllocStringLen', 0, 40);
  expect([machine.call('SysStringLen', unset), machine.u16(unset + 80)]).toEqual([40, 0]);
  const bytes = machine.callAddress('SysAllocStringByteLen', 'abc', 3);
  expect([machine.call('SysStringLen', bytes), machine.call('SysStringByteLen', bytes)]).toEqual([1, 3]);
  expect(machine.callAddress('SysAllocStringLen', 0, 0x7fffffff)).toBe(0);
});

it('puts a text in place of another', () => {
  const machine = make();
  const place = machine.space(8);
  machine.fill(place, 8);
  expect(machine.call('SysReAllocString', place, { wide: 'first' })).toBe(1);
  const first = machine.pointer(place);
  expect(machine.call('SysReAllocString', place, first + 4)).toBe(1);
  expect(machine.wideText(machine.pointer(place))).toBe('rst');
  expect(machine.call('SysReAllocStringLen', place, 0, 5)).toBe(1);
  expect(machine.wideText(machine.pointer(place)).slice(0, 3)).toBe('rst');
  expect(machine.call('SysStringLen', machine.pointer(place))).toBe(5);
  expect(machine.call('SysReAllocString', place, 0)).toBe(1);
  expect(machine.pointer(place)).toBe(0);
});

it('clears and copies variants with the text that they own', () => {
  const machine = make();
  const [source, target] = [machine.space(VARIANT_BYTES), machine.space(VARIANT_BYTES)];
  machine.call('VariantInit', source);
  machine.call('VariantInit', target);
  const text = machine.callAddress('SysAllocStringLen', { wide: 'own\0ed' }, 6);
  machine.putNumber(source, VT_BSTR);
  machine.putNumber(source + 8, text);
  expect(machine.call('VariantCopy', target, source)).toBe(S_OK);
  const copy = machine.pointer(target + 8);
  expect(copy).not.toBe(text);
  expect([machine.u16(target), machine.call('SysStringLen', copy)]).toEqual([VT_BSTR, 6]);
  expect(machine.call('VariantClear', source)).toBe(S_OK);
  expect([machine.u16(source), machine.wideText(copy)]).toEqual([0, 'own']);
  expect(machine.call('VariantClear', target)).toBe(S_OK);
  machine.putNumber(target, VT_FILETIME);
  expect(machine.call('VariantClear', target)).toBe(DISP_E_BADVARTYPE);
  expect(machine.call('VariantCopy', source, target)).toBe(DISP_E_BADVARTYPE);
  verify(machine.kernel.mm);
});

/** inc dword [rcx+8+8*method]; xor eax, eax; ret: counts calls behind the pointer to the table. */
const countAt = (offset: number) => [0xff, 0x41, offset, 0x31, 0xc0, 0xc3];

it('adds and lets go of references to interfaces', () => {
  const machine = make();
  const code = machine.process.allocate(0x1000, { protection: 0x40 });
  machine.process.write(code, Uint8Array.from(countAt(8)));
  machine.process.write(code + 0x10, Uint8Array.from(countAt(12)));
  const table = machine.space(24);
  for (const [index, address] of [code, code, code + 0x10].entries())
    machine.putNumber(table + 8 * index, address);
  const object = machine.space(16);
  machine.fill(object, 16);
  machine.putNumber(object, table);
  const [source, target] = [machine.space(VARIANT_BYTES), machine.space(VARIANT_BYTES)];
  machine.call('VariantInit', target);
  machine.call('VariantInit', source);
  machine.putNumber(source, VT_UNKNOWN);
  machine.putNumber(source + 8, object);
  expect(machine.call('VariantCopy', target, source)).toBe(S_OK);
  expect(machine.call('VariantCopy', target, source)).toBe(S_OK);
  expect([machine.u32(object + 8), machine.u32(object + 12)]).toEqual([2, 1]);
  expect(machine.call('VariantClear', target)).toBe(S_OK);
  expect([machine.u16(target), machine.u32(object + 12)]).toEqual([0, 2]);
});
