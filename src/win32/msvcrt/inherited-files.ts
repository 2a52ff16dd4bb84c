/**
 * The open files that a process of the C runtime hands down to its child: STARTUPINFO's lpReserved2, which holds how many
 * descriptors there are (4 bytes), a byte of flags for each, and a handle of 8 bytes for each.
 */
import * as peb from '../../ldr/peb-layout.js';
import { queryInformationFile } from '../../nt/file-information.js';
import type { ServiceCall } from '../../nt/service.js';
import { processParameters } from '../kernel32/process-parameters.js';
import { FEOFLAG, FNOINHERIT, FOPEN, MAXIMUM_FILES, makeFile } from './low-io.js';
import { crtState, type LowFile } from './state.js';

const COUNT_BYTES = 4;
const HANDLE_BYTES = 8;
const STANDARD_FILES = 3;

/** The bytes for a child; `detached`: it has no standard files. */
export function inheritedFiles(call: ServiceCall, detached: boolean): Uint8Array {
  const { files } = crtState(call);
  const isGiven = (file: LowFile | null, index: number) =>
    file !== null && (file.flags & FNOINHERIT) === 0 && !(detached && index < STANDARD_FILES);
  const count = files.findLastIndex((file, index) => isGiven(file, index)) + 1;
  const bytes = new Uint8Array(COUNT_BYTES + count * (1 + HANDLE_BYTES));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, count, true);
  for (let index = 0; index < count; index++) {
    const file = files[index]!;
    const given = isGiven(file, index);
    const at = COUNT_BYTES + count + index * HANDLE_BYTES;
    bytes[COUNT_BYTES + index] = given ? file.flags & ~FEOFLAG : 0;
    view.setUint32(at, given ? file.handle : 0xffffffff, true);
    view.setUint32(at + 4, given ? 0 : 0xffffffff, true);
  }
  return bytes;
}

/** Opens the descriptors that the parent handed down. */
export function openInheritedFiles(call: ServiceCall): void {
  const { memory } = call;
  const at = processParameters(call) + peb.PARAMETERS_RUNTIME_DATA;
  const length = memory.readU16(at);
  if (length < COUNT_BYTES) return;
  const data = memory.readPointer(at + 8);
  const count = memory.readU32(data);
  if (count > MAXIMUM_FILES || COUNT_BYTES + count * (1 + HANDLE_BYTES) > length) return;
  const { files } = crtState(call);
  for (let index = 0; index < count; index++) {
    const flags = memory.readU8(data + COUNT_BYTES + index);
    const handle = memory.readU32(data + COUNT_BYTES + count + index * HANDLE_BYTES);
    const isOpen = typeof queryInformationFile(call.kernel, call.process, handle) !== 'number';
    files[index] = flags & FOPEN && isOpen ? makeFile(handle, flags) : null;
  }
}
