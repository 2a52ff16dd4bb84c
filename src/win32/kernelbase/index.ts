/**
 * kernelbase.dll: the DLL behind most API sets. Here each of its functions forwards to the one in kernel32.dll, psapi.dll or
 * advapi32.dll that does the work (Windows has the work here and forwards the other way).
 */
import type { SystemModule } from '../../nt/system-module.js';
import { advapi32 } from '../advapi32/index.js';
import { kernel32 } from '../kernel32/index.js';

/** Security and registry functions, which programs know from advapi32.dll. */
const SECURITY = /^(Reg[A-Z]|.*(Sid|Token|Acl|Ace|SecurityDescriptor\w*|Privileges?|Access)$)/;

function forwarders(): Record<string, string> {
  const all: Record<string, string> = {};
  for (const name of Object.keys(advapi32.functions)) if (SECURITY.test(name)) all[name] = `ADVAPI32.${name}`;
  const { functions, code = {}, forwarders: further = {} } = kernel32;
  for (const name of [...Object.keys(functions), ...Object.keys(code)]) all[name] = `KERNEL32.${name}`;
  return { ...all, ...further };
}

export const kernelbase: SystemModule = {
  name: 'kernelbase.dll',
  functions: {},
  forwarders: forwarders(),
  dependencies: ['ntdll.dll'],
  description: 'Windows NT BASE API Client DLL',
  version: '10.0.19045.1',
};
