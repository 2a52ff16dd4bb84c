import type { SystemModule } from '../../nt/system-module.js';
import { usingHeap } from '../ntdll/heap-guard.js';
import { bstrFunctions } from './bstr.js';
import { variantFunctions } from './variant.js';

/** oleaut32.dll: the texts and variants of Automation, which programs import by ordinal. */
export const oleaut32: SystemModule = {
  name: 'oleaut32.dll',
  functions: { ...usingHeap(bstrFunctions), ...usingHeap(variantFunctions) },
  ordinals: {
    SysAllocString: 2,
    SysReAllocString: 3,
    SysAllocStringLen: 4,
    SysReAllocStringLen: 5,
    SysFreeString: 6,
    SysStringLen: 7,
    VariantInit: 8,
    VariantClear: 9,
    VariantCopy: 10,
    SysStringByteLen: 149,
    SysAllocStringByteLen: 150,
  },
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'OLEAUT32.DLL',
  version: '10.0.19045.1',
};
