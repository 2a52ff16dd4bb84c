/** RTL_USER_PROCESS_PARAMETERS of the running process: read from and changed in its own memory. */
import { MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE } from '../../base/memory-constants.js';
import { ntSuccess } from '../../base/ntstatus.js';
import * as peb from '../../ldr/peb-layout.js';
import { allocateVirtualMemory, freeVirtualMemory } from '../../mm/virtual-memory.js';
import type { ServiceCall } from '../../nt/service.js';

/** Most UTF-16 units of an environment block. */
const MAXIMUM_ENVIRONMENT = 0x100000;
const UNICODE_MAXIMUM = 2;
const UNICODE_BUFFER = 8;

/** Guest address of the parameters. */
export function processParameters(call: ServiceCall): number {
  return call.memory.readPointer(call.process.peb + peb.PEB_PROCESS_PARAMETERS);
}

/** Text of a UNICODE_STRING. */
export function unicodeString(call: ServiceCall, address: number): string {
  const units = call.memory.readU16(address) >>> 1;
  return call.memory.readUtf16(call.memory.readPointer(address + UNICODE_BUFFER), units);
}

/** Guest address of a UNICODE_STRING's characters. */
export function unicodeBuffer(call: ServiceCall, address: number): number {
  return call.memory.readPointer(address + UNICODE_BUFFER);
}

/** Replaces the text of a UNICODE_STRING where its buffer has room for it and a zero; false when it has not. */
export function setUnicodeString(call: ServiceCall, address: number, text: string): boolean {
  const { memory } = call;
  if (text.length * 2 + 2 > memory.readU16(address + UNICODE_MAXIMUM)) return false;
  memory.writeUtf16(unicodeBuffer(call, address), `${text}\0`);
  memory.writeU16(address, text.length * 2);
  return true;
}

/** Handle of standard input (0), output (1) or error (2). */
export function standardHandle(call: ServiceCall, index: number): number {
  const at = processParameters(call) + peb.PARAMETERS_STANDARD_INPUT + 8 * index;
  return (call.memory.readU32(at + 4) | 0) * 2 ** 32 + call.memory.readU32(at);
}

export function setStandardHandle(call: ServiceCall, index: number, lo: number, hi: number): void {
  call.memory.writeU64(processParameters(call) + peb.PARAMETERS_STANDARD_INPUT + 8 * index, lo, hi);
}

/** NAME=value entries in the order of the block. */
export function environmentEntries(call: ServiceCall): string[] {
  const { memory } = call;
  let address = memory.readPointer(processParameters(call) + peb.PARAMETERS_ENVIRONMENT);
  const end = address + 2 * MAXIMUM_ENVIRONMENT;
  const entries: string[] = [];
  while (address !== 0 && address < end) {
    const entry = memory.readUtf16(address, MAXIMUM_ENVIRONMENT);
    if (entry === '') break;
    entries.push(entry);
    address += 2 * (entry.length + 1);
  }
  return entries;
}

/** Writes the block anew: in its place when it fits, else in new pages. Returns an NTSTATUS. */
export function setEnvironmentEntries(call: ServiceCall, entries: readonly string[]): number {
  const { kernel, memory, process } = call;
  const parameters = processParameters(call);
  const block = `${entries.map((entry) => `${entry}\0`).join('')}\0\0`;
  const bytes = block.length * 2;
  const old = memory.readPointer(parameters + peb.PARAMETERS_ENVIRONMENT);
  if (bytes <= memory.readU32(parameters + peb.PARAMETERS_ENVIRONMENT_SIZE)) {
    memory.writeUtf16(old, block);
    return 0;
  }
  const request = { baseAddress: 0, regionSize: bytes };
  memory.commit();
  const status = allocateVirtualMemory(
    kernel.mm,
    process.space,
    request,
    MEM_RESERVE | MEM_COMMIT,
    PAGE_READWRITE,
  );
  if (!ntSuccess(status)) return status;
  memory.writeUtf16(request.baseAddress, block);
  memory.writePointer(parameters + peb.PARAMETERS_ENVIRONMENT, request.baseAddress);
  memory.writeU64(parameters + peb.PARAMETERS_ENVIRONMENT_SIZE, request.regionSize, 0);
  freeVirtualMemory(kernel.mm, process.space, { baseAddress: old, regionSize: 0 }, MEM_RELEASE);
  return 0;
}
