import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { undecorateType } from './undecorate-type.js';

describe('the undecorated name of a type', () => {
  it.each([
    ['.H', 'int'],
    ['._N', 'bool'],
    ['.?AVBase@@', 'class Base'],
    ['.?AUpoint@geometry@@', 'struct geometry::point'],
    ['.?AW4Color@@', 'enum Color'],
    ['.PEAD', 'char * __ptr64'],
    ['.PEBD', 'char const * __ptr64'],
    ['.PEAVBase@@', 'class Base * __ptr64'],
    ['.PEAPEAH', 'int * __ptr64 * __ptr64'],
    ['.?AVout_of_range@std@@', 'class std::out_of_range'],
    ['.?AV?$vector@HV?$allocator@H@std@@@std@@', 'class std::vector<int,class std::allocator<int> >'],
    ['.?AU?$array@H$03@@', 'struct array<int,4>'],
    ['.?AU?$array@H$0BAA@@@', 'struct array<int,256>'],
    ['.?AUInner@Outer@1@', 'struct Outer::Outer::Inner'],
    ['.?AVhidden@?A0x12345678@@', "class `anonymous namespace'::hidden"],
  ])('%s is %s', (decorated, name) => {
    expect(undecorateType(decorated)).toBe(name);
  });

  it.each(['', 'H', '.', '.P6AXH@Z', '.?AV', '.?AVx', '.?AV9@@', '.HH', '.Z'])('%s stays', (decorated) => {
    expect(undecorateType(decorated)).toBe(decorated);
  });

  it('of any text comes back', () => {
    const letters = fc.constantFrom(...'.?$@AVUHPEQBX_0129abc');
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 60 }), (text) => {
        expect(typeof undecorateType(`.${text.join('')}`)).toBe('string');
      }),
    );
    expect(undecorateType(`.${'PEA'.repeat(1000)}H`)).toMatch(/^\.PEA/);
  });
});
