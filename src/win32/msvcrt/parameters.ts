/**
 * RTL_USER_PROCESS_PARAMETERS as the runtime reads it at start-up: from the process's own memory, through the PEB.
 * Offsets are those of the published 64-bit symbols.
 */
import type { ServiceCall } from '../../nt/service.js';

const PEB_PROCESS_PARAMETERS = 0x20;
const PEB_PROCESS_HEAP = 0x30;
const STANDARD_INPUT = 0x20;
const CURRENT_DIRECTORY = 0x38;
const IMAGE_PATH = 0x60;
const COMMAND_LINE = 0x70;
const ENVIRONMENT = 0x80;
const STRING_BUFFER = 8;

/** Most UTF-16 units of an environment block. */
const MAXIMUM_ENVIRONMENT = 0x100000;

function parameters(call: ServiceCall): number {
  return call.memory.readPointer(call.process.peb + PEB_PROCESS_PARAMETERS);
}

/** Text of a UNICODE_STRING (Length in bytes, MaximumLength, Buffer). */
function unicodeString(call: ServiceCall, address: number): string {
  const bytes = call.memory.readU16(address);
  return call.memory.readUtf16(call.memory.readPointer(address + STRING_BUFFER), bytes >>> 1);
}

export function processHeap(call: ServiceCall): number {
  return call.memory.readPointer(call.process.peb + PEB_PROCESS_HEAP);
}

/** The handle of standard input (0), output (1) or error (2); 0 or -1 for none. */
export function standardHandle(call: ServiceCall, index: number): number {
  return call.memory.readU32(parameters(call) + STANDARD_INPUT + 8 * index) | 0;
}

export function commandLine(call: ServiceCall): string {
  return unicodeString(call, parameters(call) + COMMAND_LINE);
}

export function imagePath(call: ServiceCall): string {
  return unicodeString(call, parameters(call) + IMAGE_PATH);
}

/** Without a trailing backslash except in a root. */
export function currentDirectory(call: ServiceCall): string {
  const path = unicodeString(call, parameters(call) + CURRENT_DIRECTORY);
  return path.length > 3 && path.endsWith('\\') ? path.slice(0, -1) : path;
}

/** NAME=value entries in the order of the block. */
export function environmentStrings(call: ServiceCall): string[] {
  let address = call.memory.readPointer(parameters(call) + ENVIRONMENT);
  const end = address + 2 * MAXIMUM_ENVIRONMENT;
  const entries: string[] = [];
  while (address < end) {
    const entry = call.memory.readUtf16(address, MAXIMUM_ENVIRONMENT);
    if (entry === '') break;
    entries.push(entry);
    address += 2 * (entry.length + 1);
  }
  return entries;
}
