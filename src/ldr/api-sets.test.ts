import { describe, expect, it } from 'vitest';
import { CrtMachine } from '../testing/crt-machine.js';
import { SYSTEM_MODULES } from '../win32/modules.js';
import { API_SETS, apiSetHost } from './api-sets.js';

describe('API sets', () => {
  it('have a host whatever the case, the extension and the minor version', () => {
    expect(apiSetHost('api-ms-win-core-synch-l1-2-0')).toBe('kernelbase.dll');
    expect(apiSetHost('API-MS-Win-Core-Synch-L1-2-0.DLL')).toBe('kernelbase.dll');
    expect(apiSetHost('api-ms-win-core-synch-l1-2-1.dll')).toBe('kernelbase.dll');
    expect(apiSetHost('api-ms-win-crt-stdio-l1-1-0.dll')).toBe('ucrtbase.dll');
    expect(apiSetHost('api-ms-win-core-rtlsupport-l1-1-0')).toBe('ntdll.dll');
  });

  it('are no other names', () => {
    for (const name of [
      'api-ms-win-core-synch',
      'api-ms-win-nothing-l1-1-0',
      'kernel32.dll',
      'api-',
      'ext-',
      '',
    ])
      expect(apiSetHost(name)).toBeUndefined();
  });

  it('name each contract once, with a host that is there', () => {
    const names = API_SETS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const modules = SYSTEM_MODULES.map(({ name }) => name);
    for (const { host } of API_SETS) expect(modules).toContain(host);
  });

  it('load as their hosts', () => {
    const crt = new CrtMachine({ runtime: 'api-ms-win-crt-runtime-l1-1-0.dll' });
    const modules = crt.process.object.systemModules;
    expect([...modules.keys()].sort()).toEqual([
      'kernel32.dll',
      'kernelbase.dll',
      'ntdll.dll',
      'ucrtbase.dll',
    ]);
  });
});
