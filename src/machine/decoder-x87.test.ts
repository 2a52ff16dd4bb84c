import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { MEMORY_READ, MEMORY_WRITE } from './decoder-sse.js';
import { X87_FORMS } from './decoder-x87.js';

const names = new Set(Object.keys(Code).filter((name) => Number.isNaN(Number(name))));

describe('x87 forms', () => {
  it('are all code names of the decoder', () => {
    expect([...X87_FORMS.keys()].filter((name) => !names.has(name))).toEqual([]);
  });

  it('say what happens to operands', () => {
    expect(X87_FORMS.get('Fadd_m64fp')).toMatchObject({ bytes: 8, access: MEMORY_READ, stackOperand: -1 });
    expect(X87_FORMS.get('Fsubrp_sti_st0')).toMatchObject({ bytes: 0, access: 0, stackOperand: 0 });
    expect(X87_FORMS.get('Fcmovnbe_st0_sti')).toMatchObject({ stackOperand: 1 });
    expect(X87_FORMS.get('Fstp_m80fp')).toMatchObject({ bytes: 10, access: MEMORY_WRITE });
    expect(X87_FORMS.get('Fnsave_m108byte')).toMatchObject({ bytes: 108, access: MEMORY_WRITE });
    expect(X87_FORMS.get('Fnstsw_AX')).toMatchObject({ bytes: 0, ax: true });
  });

  it('leave out what the decoder makes of FWAIT prefixes, and what ended with the 387', () => {
    const others = /^Femms$|^Fx(save|rstor)/;
    const prefixed = /^(Fstenv|Fstcw|Fstsw|Fsave|Fclex|Finit|Fdisi|Feni|Fsetpm)/;
    const old = /^(Frstpm|Fstdw|Fstsg|Fnstdw|Fnstsg|Ftstp|Frint2|Frichop|Frinear)/;
    const x87 = [...names].filter((name) => /^F[a-z0-9]+(_(m\d+|sti|st0|AX)|$)/.test(name));
    expect(
      x87.filter(
        (name) => !X87_FORMS.has(name) && !others.test(name) && !prefixed.test(name) && !old.test(name),
      ),
    ).toEqual([]);
  });
});
