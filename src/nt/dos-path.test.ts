import { describe, expect, it } from 'vitest';
import { quoteArguments } from './command-line.js';
import { dosDeviceName, dosPathToNtPath, dosPathType, fullDosPath } from './dos-path.js';

describe('Win32 paths', () => {
  it.each([
    ['\\\\?\\C:\\x', 'verbatim'],
    ['\\\\.\\x', 'device'],
    ['//./x', 'device'],
    ['//?/x', 'device'],
    ['\\\\server\\share', 'unc'],
    ['//server/share', 'unc'],
    ['C:\\x', 'absolute'],
    ['C:/x', 'absolute'],
    ['C:x', 'drive-relative'],
    ['C:', 'drive-relative'],
    ['\\x', 'rooted'],
    ['x', 'relative'],
    ['', 'relative'],
  ])('%j is %s', (path, type) => expect(dosPathType(path)).toBe(type));

  it.each([
    ['a.txt', 'C:\\work\\dir\\a.txt'],
    ['..\\a.txt', 'C:\\work\\a.txt'],
    ['..\\..\\..\\..\\a.txt', 'C:\\a.txt'],
    ['.', 'C:\\work\\dir'],
    ['sub\\', 'C:\\work\\dir\\sub\\'],
    ['.\\a\\.\\b\\..\\c', 'C:\\work\\dir\\a\\c'],
    ['a//b\\\\c', 'C:\\work\\dir\\a\\b\\c'],
    ['\\a', 'C:\\a'],
    ['C:a', 'C:\\work\\dir\\a'],
    ['c:..\\a', 'C:\\work\\a'],
    ['D:a', 'D:\\a'],
    ['d:\\A\\..\\b', 'd:\\b'],
    ['a.txt. .', 'C:\\work\\dir\\a.txt'],
    ['a.\\b', 'C:\\work\\dir\\a\\b'],
    ['...', 'C:\\work\\dir'],
    ['\\\\server\\share\\..\\x', '\\\\server\\share\\x'],
    ['//server/share/a/../../../x', '\\\\server\\share\\x'],
    ['\\\\server\\share\\', '\\\\server\\share\\'],
    ['\\\\server\\share', '\\\\server\\share'],
    ['nul', '\\\\.\\nul'],
    ['C:\\x\\NUL.txt', '\\\\.\\NUL'],
    ['com1:', '\\\\.\\com1'],
    ['\\\\?\\C:\\a\\..\\b', '\\\\?\\C:\\b'],
  ])('%j is %j in full', (path, full) => expect(fullDosPath(path, 'C:\\work\\dir')).toBe(full));

  it.each([
    ['a.txt', '\\??\\C:\\work\\a.txt'],
    ['\\\\server\\share\\x', '\\??\\UNC\\server\\share\\x'],
    ['\\\\?\\C:\\x.', '\\??\\C:\\x.'],
    ['\\\\?\\C:\\a\\..\\x', '\\??\\C:\\a\\..\\x'],
    ['nul', '\\??\\nul'],
    ['', null],
  ])('%j is the NT path %j', (path, ntPath) => expect(dosPathToNtPath(path, 'C:\\work')).toBe(ntPath));

  it.each([
    ['nul', 'nul'],
    ['dir\\Aux.txt', 'Aux'],
    ['NUL  .x', 'NUL'],
    ['LPT9', 'LPT9'],
    ['lpt0', null],
    ['null', null],
    ['conout$', 'conout$'],
    ['nul\\x', null],
    ['\\\\?\\C:\\nul', null],
  ])('%j names the device %j', (path, device) => expect(dosDeviceName(path)).toBe(device));
});

describe('very long paths', () => {
  it('are made full in time linear in their length', () => {
    const spaces = ' '.repeat(500_000);
    expect(fullDosPath(`C:\\${spaces}x`, 'C:\\')).toBe(`C:\\${spaces}x`);
    expect(fullDosPath(`C:\\x${spaces}`, 'C:\\')).toBe('C:\\x');
    expect(dosDeviceName(`nul${spaces}`)).toBe('nul');
    expect(dosDeviceName(`nul${spaces}x`)).toBeNull();
  });
});

describe('command lines', () => {
  it('quote what needs it, as the C runtime reads them', () => {
    expect(quoteArguments(['a b.exe', '', 'plain', 'say "hi"', 'C:\\dir x\\', 'a\\\\"b'])).toBe(
      '"a b.exe" "" plain "say \\"hi\\"" "C:\\dir x\\\\" "a\\\\\\\\\\"b"',
    );
  });
});
