import { Code } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { MEMORY_READ, MEMORY_WRITE, SSE_FORMS } from './decoder-sse.js';

const names = new Set(Object.keys(Code).filter((name) => Number.isNaN(Number(name))));

describe('SSE forms', () => {
  it('are all code names of the decoder', () => {
    expect([...SSE_FORMS.keys()].filter((name) => !names.has(name))).toEqual([]);
  });

  it('say what happens to memory', () => {
    expect(SSE_FORMS.get('Addsd_xmm_xmmm64')).toMatchObject({
      bytes: 8,
      access: MEMORY_READ,
      aligned: false,
    });
    expect(SSE_FORMS.get('Addpd_xmm_xmmm128')).toMatchObject({
      bytes: 16,
      access: MEMORY_READ,
      aligned: true,
    });
    expect(SSE_FORMS.get('Movups_xmmm128_xmm')).toMatchObject({
      bytes: 16,
      access: MEMORY_WRITE,
      aligned: false,
    });
    expect(SSE_FORMS.get('Movhps_m64_xmm')).toMatchObject({ bytes: 8, access: MEMORY_WRITE });
    expect(SSE_FORMS.get('Pinsrw_xmm_r32m16_imm8')).toMatchObject({ bytes: 2, access: MEMORY_READ });
    expect(SSE_FORMS.get('Fxsave_m512byte')).toMatchObject({ bytes: 512, access: 3, aligned: true });
    expect(SSE_FORMS.get('Pslldq_xmm_imm8')).toMatchObject({ bytes: 0, access: 0 });
    expect(SSE_FORMS.get('Maskmovdqu_rDI_xmm_xmm')).toMatchObject({
      bytes: 16,
      access: 3,
      aligned: false,
      mask: true,
    });
  });

  it('leave out only key locker, Galois fields and what AMD alone has, and what touches MMX registers', () => {
    const others = /^(Extrq|Insertq|Movnts[sd]_|Gf2p8|Loadiwkey|Encodekey|Aes\w+kl_)/;
    const legacy = [...names].filter((name) => /xmm/.test(name) && !/^(VEX|EVEX|XOP|MVEX)_/.test(name));
    const missing = legacy.filter(
      (name) => !SSE_FORMS.has(name) && !others.test(name) && !/(^|_)mm/.test(name),
    );
    expect(missing).toEqual([]);
  });
});
