/** What the runtime takes from the process's parameters when it starts. */
import * as peb from '../../ldr/peb-layout.js';
import type { ServiceCall } from '../../nt/service.js';
import { processParameters, unicodeString } from '../kernel32/process-parameters.js';

export function commandLine(call: ServiceCall): string {
  return unicodeString(call, processParameters(call) + peb.PARAMETERS_COMMAND_LINE);
}

export function imagePath(call: ServiceCall): string {
  return unicodeString(call, processParameters(call) + peb.PARAMETERS_IMAGE_PATH);
}
