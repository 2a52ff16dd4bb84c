import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateSystemDlls } from '../ldr/system-dlls.js';
import { psapi } from '../win32/psapi/index.js';
import { PeError } from './pe-error.js';
import { parsePeHeaders } from './pe-headers.js';
import { parsePeImage } from './pe-image.js';
import { readVersionStrings } from './pe-version.js';
import { listResources, updateResources } from './resource-update.js';
import { FileImageReader } from './rva-reader.js';

const dll = () => generateSystemDlls([psapi]).images[0]!.bytes;
const hello = () => new Uint8Array(readFileSync(join(import.meta.dirname, '../../examples/bin/hello.exe')));

function resourcesOf(file: Uint8Array) {
  const headers = parsePeHeaders(file, file.length);
  return listResources(new FileImageReader(file, headers), headers, file);
}

const change = (type: number | string, name: number | string, text: string | null, language = 0x409) => ({
  type,
  name,
  language,
  data: text === null ? null : new TextEncoder().encode(text),
});
const summary = (file: Uint8Array) =>
  resourcesOf(file).map(({ type, name, language, data }) =>
    type === 16 ? [type, name, language] : [type, name, language, new TextDecoder().decode(data)],
  );

describe('updated resources', () => {
  it('keep what was there and come back in their order', () => {
    const big = 'x'.repeat(10_000);
    const file = updateResources(
      dll(),
      [change('TEXT', 'B', 'second'), change('TEXT', 'A', 'first'), change(10, 7, big), change(10, 3, 'no')],
      false,
    );
    expect(summary(file)).toEqual([
      ['TEXT', 'A', 0x409, 'first'],
      ['TEXT', 'B', 0x409, 'second'],
      [10, 3, 0x409, 'no'],
      [10, 7, 0x409, big],
      [16, 1, 0x409],
    ]);
    const { reader, headers } = parsePeImage(file);
    expect(readVersionStrings(reader, headers)?.get('FileDescription')).toBe('Process Status Helper');
    const again = updateResources(file, [change('text', 'b', null), change(10, 7, null)], false);
    expect(summary(again)).toEqual([
      ['TEXT', 'A', 0x409, 'first'],
      [10, 3, 0x409, 'no'],
      [16, 1, 0x409],
    ]);
    expect(summary(updateResources(again, [change(10, 1, 'only')], true))).toEqual([[10, 1, 0x409, 'only']]);
  });

  it('get a section of their own in an image that had none', () => {
    const file = hello();
    expect(resourcesOf(file)).toEqual([]);
    const updated = updateResources(file, [change(10, 1, 'new')], false);
    expect(summary(updated)).toEqual([[10, 1, 0x409, 'new']]);
    const [before, after] = [parsePeHeaders(file, file.length), parsePeHeaders(updated, updated.length)];
    expect(after.sections.length).toBe(before.sections.length + 1);
    expect(after.sections.at(-1)?.name).toBe('.rsrc');
    expect(after.sizeOfImage).toBe(before.sizeOfImage + 0x1000);
  });

  it('refuse what is no image', () => {
    expect(() => updateResources(new Uint8Array(1000), [], false)).toThrow(PeError);
  });
});
