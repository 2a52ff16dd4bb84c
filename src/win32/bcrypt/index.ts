/** bcrypt.dll and bcryptprimitives.dll: random bytes. Sources: Microsoft, "BCryptGenRandom function", "ProcessPrng function". */
import { STATUS_INVALID_HANDLE, STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { restartable, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { fillRandom } from '../advapi32/random.js';
import { TRUE } from '../kernel32/results.js';

const BCRYPT_RNG_USE_ENTROPY_IN_BUFFER = 1;
const BCRYPT_USE_SYSTEM_PREFERRED_RNG = 2;
/** BCRYPT_RNG_ALG_HANDLE: stands for the default generator without being opened. */
const RNG_ALGORITHM = 0x81;

/** NTSTATUS BCryptGenRandom(algorithm, buffer, bytes, flags). */
const genRandom: ServiceFunction = (call) => {
  const [algorithm, buffer, bytes, flags] = [call.address(0), call.address(1), call.u32(2), call.u32(3)];
  if (flags & ~(BCRYPT_RNG_USE_ENTROPY_IN_BUFFER | BCRYPT_USE_SYSTEM_PREFERRED_RNG))
    return STATUS_INVALID_PARAMETER;
  const usesPreferred = (flags & BCRYPT_USE_SYSTEM_PREFERRED_RNG) !== 0;
  if (usesPreferred ? algorithm !== 0 : algorithm !== RNG_ALGORITHM) return STATUS_INVALID_HANDLE;
  if (buffer === 0) return STATUS_INVALID_PARAMETER;
  fillRandom(call, buffer, bytes);
  return STATUS_SUCCESS;
};

/** BOOL ProcessPrng(buffer, SIZE_T bytes): always TRUE. */
const processPrng: ServiceFunction = (call) => {
  fillRandom(call, call.address(0), call.size(1));
  return TRUE;
};

export const bcrypt: SystemModule = {
  name: 'bcrypt.dll',
  functions: restartable({ BCryptGenRandom: genRandom }),
  dependencies: ['ntdll.dll'],
  description: 'Windows Cryptographic Primitives Library',
  version: '10.0.19045.1',
};

export const bcryptprimitives: SystemModule = {
  name: 'bcryptprimitives.dll',
  functions: restartable({ ProcessPrng: processPrng }),
  dependencies: ['ntdll.dll'],
  description: 'Windows Cryptographic Primitives Library',
  version: '10.0.19045.1',
};
