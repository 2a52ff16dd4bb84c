/** The code page of file names in A functions (fileapi.h). Source: Microsoft, "SetFileApisToOEM function". */
import type { Service, ServiceFunction } from '../../nt/service.js';
import { CP_OEM_437, decode, encode } from './code-page.js';
import { stateOf } from './library-state.js';
import { TRUE } from './results.js';
import { ANSI, type TextForm, WIDE } from './text-form.js';

/** Texts of the OEM code page, which A functions take after SetFileApisToOEM. */
const OEM: TextForm = {
  suffix: 'A',
  unit: 1,
  read: (call, address, limit) => {
    const bytes = call.memory.readAnsi(address, limit);
    return decode(
      CP_OEM_437,
      Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)),
    )!;
  },
  encode: (text) => encode(CP_OEM_437, text).bytes,
  decode: (bytes) => decode(CP_OEM_437, bytes)!,
};

const enterOf = (service: Service | ServiceFunction) =>
  typeof service === 'function' ? service : service.enter;

/** The A and the W function of a name whose texts are file names. Steps of services are the same for both. */
export function fileForms(
  name: string,
  make: (form: TextForm) => Service | ServiceFunction,
): Record<string, Service | ServiceFunction> {
  const [ansi, oem] = [make(ANSI), make(OEM)];
  const enter: ServiceFunction = (call) => enterOf(stateOf(call).fileApisAreOem ? oem : ansi)(call);
  return {
    [`${name}A`]: typeof ansi === 'function' ? enter : { ...ansi, enter },
    [`${name}W`]: make(WIDE),
  };
}

const setFileApis =
  (areOem: boolean): ServiceFunction =>
  (call) => {
    stateOf(call).fileApisAreOem = areOem;
  };

export const fileApiFunctions: Record<string, Service | ServiceFunction> = {
  AreFileApisANSI: (call) => (stateOf(call).fileApisAreOem ? 0 : TRUE),
  SetFileApisToANSI: setFileApis(false),
  SetFileApisToOEM: setFileApis(true),
};
