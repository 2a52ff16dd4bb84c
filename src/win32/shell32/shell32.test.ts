import { describe, expect, it } from 'vitest';
import { ModuleMachine } from '../../testing/win32-machine.js';

describe('shell32.dll', () => {
  it('cuts a command line into one block', () => {
    const machine = new ModuleMachine('shell32.dll');
    const count = machine.space(8);
    const line = { wide: 'prog.exe "two words" a\\"b c\\\\' };
    const block = machine.callAddress('CommandLineToArgvW', line, count);
    const texts = Array.from({ length: machine.u32(count) }, (_, index) =>
      machine.wideText(machine.pointer(block + 8 * index)),
    );
    expect(texts).toEqual(['prog.exe', 'two words', 'a"b', 'c\\\\']);
    expect(machine.call('LocalFree', block)).toBe(0);
    const own = machine.callAddress('CommandLineToArgvW', { wide: '' }, count);
    expect(machine.wideText(machine.pointer(own))).toBe('C:\\app\\crt.exe');
  });

  it('knows the folders of the user', () => {
    const machine = new ModuleMachine('shell32.dll', { environment: ['USERPROFILE=C:\\Users\\me'] });
    // FOLDERID_Downloads, {374DE290-123F-4565-9164-39C4925E467B}
    const bytes = [
      0x90, 0xe2, 0x4d, 0x37, 0x3f, 0x12, 0x65, 0x45, 0x91, 0x64, 0x39, 0xc4, 0x92, 0x5e, 0x46, 0x7b,
    ];
    const to = machine.space(8);
    expect(machine.call('SHGetKnownFolderPath', machine.put(Uint8Array.from(bytes)), 0, 0, to)).toBe(0);
    expect(machine.wideText(machine.pointer(to))).toBe('C:\\Users\\me\\Downloads');
    expect(machine.call('SHGetKnownFolderPath', machine.space(16), 0, 0, to) >>> 0).toBe(0x80070002);
    expect(machine.pointer(to)).toBe(0);
  });
});
