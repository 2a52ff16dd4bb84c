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

/** Without a trailing backslash except in a root. */
export function currentDirectory(call: ServiceCall): string {
  const path = unicodeString(call, processParameters(call) + peb.PARAMETERS_CURRENT_DIRECTORY);
  return path.length > 3 && path.endsWith('\\') ? path.slice(0, -1) : path;
}
