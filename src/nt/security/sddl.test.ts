import { describe, expect, it } from 'vitest';
import { parseSddl, sddlOf } from './sddl.js';
import { acesOf, SE_DACL_PRESENT, selfRelative } from './security-descriptor.js';
import { parseSid, sidBytes, sidFromBytes } from './sid.js';

const ALL = 15;

describe('SIDs', () => {
  it.each(['S-1-1-0', 'S-1-5-32-544', 'S-1-5-21-1-2-4294967295-500', 'S-1-0x123456789abc-1'])(
    '%s is the same after being bytes',
    (sid) => {
      expect(sidFromBytes(sidBytes(sid))).toBe(sid);
      expect(parseSid(sid)).toBe(sid);
    },
  );

  it('have the bytes of the published layout', () => {
    const administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    expect([...sidBytes('S-1-5-32-544')]).toEqual(administrators);
  });

  it.each(['', 'S-1', 'S-2-5-1', 'S-1-5-', 'S-1-5-x', 'S-1-5-4294967296', `S-1-5${'-1'.repeat(17)}`])(
    '%s is none',
    (text) => {
      expect(parseSid(text)).toBeNull();
    },
  );

  it('are none with too many subauthorities, another revision, or an end too soon', () => {
    const bytes = sidBytes('S-1-5-32-544');
    expect(sidFromBytes(bytes.subarray(0, 15))).toBeNull();
    expect(sidFromBytes(Uint8Array.from(bytes, (byte, index) => (index === 0 ? 2 : byte)))).toBeNull();
    expect(sidFromBytes(Uint8Array.from(bytes, (byte, index) => (index === 1 ? 16 : byte)))).toBeNull();
  });
});

describe('descriptors as text', () => {
  it.each([
    'O:BAG:SYD:(A;;GA;;;WD)',
    'D:(D;OICI;CCLC;;;AU)(A;;GWGR;;;S-1-5-21-1-2-3-4)',
    'O:S-1-5-21-1-2-3-4',
    'D:',
    'D:NO_ACCESS_CONTROL',
    'D:(A;;FA;;;BU)S:(A;;CC;;;WD)',
  ])('%s comes back', (text) => {
    expect(sddlOf(parseSddl(text)!, ALL)).toBe(text);
  });

  it.each([
    'X:BA',
    'O:ZZ',
    'D:(A;;GA;;;)',
    'D:(A;;GA;;WD)',
    'D:(Q;;GA;;;WD)',
    'D:(A;;G;;;WD)',
    'D:(A;;GA;;;WD',
    'D:A;;GA;;;WD',
  ])('%s is none', (text) => {
    expect(parseSddl(text)).toBeNull();
  });

  it('become a self-relative form of header, SIDs and list', () => {
    const bytes = selfRelative(parseSddl('O:BAD:(A;;GA;;;WD)')!, ALL);
    const view = new DataView(bytes.buffer);
    expect([bytes[0], view.getUint16(2, true)]).toEqual([1, 0x8000 | SE_DACL_PRESENT]);
    expect(sidFromBytes(bytes, view.getUint32(4, true))).toBe('S-1-5-32-544');
    expect([view.getUint32(8, true), view.getUint32(12, true)]).toEqual([0, 0]);
    const aces = acesOf(bytes.subarray(view.getUint32(16, true)));
    expect(aces).toEqual([{ type: 0, flags: 0, offset: 8, length: 20, mask: 0x10000000, sid: 'S-1-1-0' }]);
  });
});
