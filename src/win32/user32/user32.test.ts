import { expect, it } from 'vitest';
import { ModuleMachine } from '../../testing/win32-machine.js';

const make = () => new ModuleMachine('user32.dll');

it('maps single characters and texts in place', () => {
  const machine = make();
  expect(machine.call('CharUpperW', 0x61)).toBe(0x41);
  expect(machine.call('CharUpperW', 0xe4)).toBe(0xc4);
  expect(machine.call('CharLowerW', 0x416)).toBe(0x436);
  expect(machine.call('CharUpperA', 0xe4)).toBe(0xc4);
  expect(machine.call('CharUpperW', 0xdf)).toBe(0xdf);
  const text = machine.put({ wide: 'Größe 7z' });
  expect(machine.callAddress('CharUpperW', text)).toBe(text);
  expect(machine.wideText(text)).toBe('GRÖßE 7Z');
  expect(machine.call('CharLowerBuffW', text, 3)).toBe(3);
  expect(machine.wideText(text)).toBe('größE 7Z');
  const narrow = machine.put('abcDEF');
  machine.call('CharUpperA', narrow);
  expect(machine.text(narrow)).toBe('ABCDEF');
});

it('tells letters and digits', () => {
  const machine = make();
  const types = (unit: number) =>
    ['IsCharAlphaW', 'IsCharAlphaNumericW', 'IsCharUpperW', 'IsCharLowerW'].map((name) =>
      machine.call(name, unit),
    );
  expect(types(0x41)).toEqual([1, 1, 1, 0]);
  expect(types(0xe9)).toEqual([1, 1, 0, 1]);
  expect(types(0x37)).toEqual([0, 1, 0, 0]);
  expect(types(0x2d)).toEqual([0, 0, 0, 0]);
});

it('steps over characters and what combines with them', () => {
  const machine = make();
  const text = machine.put({ wide: 'xa\u030ab' });
  expect(machine.callAddress('CharNextW', text) - text).toBe(2);
  expect(machine.callAddress('CharNextW', text + 2) - text).toBe(6);
  expect(machine.callAddress('CharPrevW', text, text + 6) - text).toBe(2);
  expect(machine.callAddress('CharPrevW', text, text)).toBe(text);
  expect(machine.callAddress('CharNextW', text + 8)).toBe(text + 8);
  const narrow = machine.put('ab');
  expect(machine.callAddress('CharPrevExA', 1252, narrow, narrow + 2, 0)).toBe(narrow + 1);
  expect(machine.callAddress('CharPrevExA', 1252, narrow, narrow, 0)).toBe(narrow);
  expect(machine.callAddress('CharNextExA', 437, narrow + 2, 0)).toBe(narrow + 2);
});

it('converts to the OEM code page and back', () => {
  const machine = make();
  const target = machine.space(64);
  expect(machine.call('CharToOemW', { wide: 'ä€\udc00\ud800.' }, target)).toBe(1);
  expect([...machine.process.read(target, 6)]).toEqual([0x84, 0x3f, 0x3f, 0x3f, 0x2e, 0]);
  expect(machine.call('OemToCharA', '\x84b', target)).toBe(1);
  expect(machine.text(target)).toBe('\xe4b');
  expect(machine.call('OemToCharBuffW', '\x81', target, 1)).toBe(1);
  expect(machine.u16(target)).toBe(0xfc);
  expect(machine.call('CharToOemA', 0, target)).toBe(0);
});
