import { Code } from 'iced-x86';
import { expect, test } from 'vitest';
import { MMX_FORMS } from './decoder-mmx.js';

const names = Object.keys(Code).filter((name) => Number.isNaN(Number(name)));

test('MMX forms are all code names of the decoder, and all but those of 3DNow! and Cyrix', () => {
  expect([...MMX_FORMS.keys()].filter((name) => !names.includes(name))).toEqual([]);
  const others = /^(D3NOW_|Paveb|Paddsiw|Pmagw|Pdistib|Psubsiw|Pmv[a-z]+b_|Pmulhrw|Pmulhriw|Pmachriw)/;
  const mmx = names.filter((name) => /_mm(_|m\d|$)|^Emms$/.test(name) && !others.test(name));
  expect(mmx.filter((name) => !MMX_FORMS.has(name))).toEqual([]);
});
