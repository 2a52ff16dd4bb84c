/** Keys and text of the console itself, whatever the streams are. Source: "Console and Port I/O", Microsoft. */
import type { ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { bytesOf, readNarrow } from './text.js';

const OUTPUT = 1;

/** int _getch(), int _getche(): waits for a key; Enter is CR. The console shows its lines itself, so _getche echoes nothing. */
function getKey(call: ServiceCall): ServiceResult {
  const { console } = call.kernel;
  return console.isReadable ? console.readKey() : call.wait({ kind: 'console', deadline: null });
}

function putCharacter(call: ServiceCall): number {
  const code = call.u32(0) & 0xff;
  call.kernel.console.write(OUTPUT, Uint8Array.of(code));
  return code;
}

function putText(call: ServiceCall): number {
  call.kernel.console.write(OUTPUT, bytesOf(readNarrow(call.memory, call.address(0))));
  return 0;
}

export const consoleFunctions: Record<string, ServiceFunction> = {
  _getch: getKey,
  _getche: getKey,
  _putch: putCharacter,
  _cputs: putText,
};
