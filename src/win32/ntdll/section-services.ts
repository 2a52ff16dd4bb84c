/** Native services of sections. Sources: Microsoft, "NtCreateSection function (ntifs.h)", "NtMapViewOfSection function". */
import { SECTION_QUERY } from '../../base/memory-constants.js';
import {
  ntSuccess,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_SECTION_NOT_IMAGE,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { querySection, type SectionImageInformation } from '../../mm/section.js';
import { PROCESS_VM_OPERATION } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import {
  createSection,
  mapViewOfSection,
  openSection,
  type SectionObject,
  unmapViewOfSection,
} from '../../nt/section-services.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import {
  inProcess,
  nativeServices,
  readLargeInteger,
  readObjectAttributes,
  readSize,
  writeHandle,
  writeSize,
} from './arguments.js';

/** SECTION_INFORMATION_CLASS, and the bytes of what they answer. */
const SECTION_BASIC_INFORMATION = 0;
const SECTION_IMAGE_INFORMATION = 1;
const BASIC_BYTES = 0x18;
const IMAGE_BYTES = 0x40;

/** (*handle, access, attributes, *maximumSize, protection, sectionAttributes, file). */
const create: ServiceFunction = (call) => {
  const handleAt = call.address(0);
  call.memory.probeWrite(handleAt, 8);
  const { name, handleFlags, openIf } = readObjectAttributes(call, call.address(2));
  const maximumSize = readLargeInteger(call, call.address(3)) ?? 0;
  if (maximumSize < 0) return STATUS_INVALID_PARAMETER;
  const out = { handle: 0 };
  const status = createSection(
    call.kernel,
    call.process,
    { path: name, access: call.u32(1), handleFlags, openIf },
    { maximumSize, protection: call.u32(4), attributes: call.u32(5), fileHandle: call.handle(6) },
    out,
  );
  if (ntSuccess(status)) writeHandle(call, handleAt, out.handle);
  return status;
};

/** (*handle, access, attributes). */
const open: ServiceFunction = (call) => {
  const handleAt = call.address(0);
  call.memory.probeWrite(handleAt, 8);
  const { name, handleFlags } = readObjectAttributes(call, call.address(2));
  const out = { handle: 0 };
  const status = openSection(call.kernel, call.process, name ?? '', call.u32(1), handleFlags, out);
  if (ntSuccess(status)) writeHandle(call, handleAt, out.handle);
  return status;
};

/** (section, process, *base, zeroBits, commitSize, *offset, *viewSize, inherit, type, protect). */
const map: ServiceFunction = (call) => {
  const [baseAt, offsetAt, sizeAt] = [call.address(2), call.address(5), call.address(6)];
  call.memory.probeWrite(baseAt, 8);
  call.memory.probeWrite(sizeAt, 8);
  if (offsetAt !== 0) call.memory.probeWrite(offsetAt, 8);
  const request = {
    baseAddress: call.memory.readPointer(baseAt),
    viewSize: readSize(call, sizeAt),
    sectionOffset: readLargeInteger(call, offsetAt) ?? 0,
    zeroBits: call.size(3),
    inheritDisposition: call.u32(7),
    allocationType: call.u32(8),
    protect: call.u32(9),
  };
  const section = call.handle(0);
  const target = referenceByHandle(
    call.kernel,
    call.process,
    call.handle(1),
    'process',
    PROCESS_VM_OPERATION,
  );
  if (typeof target === 'number') return target;
  if (target !== call.process) return STATUS_INVALID_PARAMETER;
  const status = mapViewOfSection(call.kernel, call.process, section, request);
  if (!ntSuccess(status)) return status;
  call.memory.writePointer(baseAt, request.baseAddress);
  writeSize(call, sizeAt, request.viewSize);
  if (offsetAt !== 0) writeSize(call, offsetAt, request.sectionOffset);
  return status;
};

/** (process, address). */
const unmap: ServiceFunction = (call) => {
  const address = call.address(1);
  return inProcess(call, call.handle(0), PROCESS_VM_OPERATION, (process) =>
    unmapViewOfSection(call.kernel, process, address),
  );
};

/** (section, class, buffer, length, *returned). */
const query: ServiceFunction = (call) => {
  const [kind, buffer, length, returned] = [call.u32(1), call.address(2), call.size(3), call.address(4)];
  if (kind !== SECTION_BASIC_INFORMATION && kind !== SECTION_IMAGE_INFORMATION)
    return STATUS_INVALID_INFO_CLASS;
  const bytes = kind === SECTION_BASIC_INFORMATION ? BASIC_BYTES : IMAGE_BYTES;
  if (length < bytes) return STATUS_INFO_LENGTH_MISMATCH;
  const object = referenceByHandle(call.kernel, call.process, call.handle(0), 'section', SECTION_QUERY);
  if (typeof object === 'number') return object;
  const information = querySection((object as SectionObject).section);
  if (kind === SECTION_IMAGE_INFORMATION && information.image === null) return STATUS_SECTION_NOT_IMAGE;
  call.memory.probeWrite(buffer, bytes);
  if (kind === SECTION_BASIC_INFORMATION) {
    call.memory.writePointer(buffer, 0);
    call.memory.writeU64(buffer + 8, information.allocationAttributes, 0);
    writeSize(call, buffer + 16, information.maximumSize);
  } else writeImageInformation(call, buffer, information.image!);
  if (returned !== 0) writeSize(call, returned, bytes);
  return STATUS_SUCCESS;
};

/** SECTION_IMAGE_INFORMATION. */
function writeImageInformation(call: ServiceCall, at: number, image: SectionImageInformation): void {
  const { memory } = call;
  memory.fill(at, IMAGE_BYTES, 0);
  memory.writePointer(at, image.transferAddress);
  writeSize(call, at + 0x10, image.stackReserve);
  writeSize(call, at + 0x18, image.stackCommit);
  memory.writeU32(at + 0x20, image.subsystem);
  memory.writeU16(at + 0x24, image.subsystemMinor);
  memory.writeU16(at + 0x26, image.subsystemMajor);
  memory.writeU16(at + 0x2c, image.characteristics);
  memory.writeU16(at + 0x2e, image.dllCharacteristics);
  memory.writeU16(at + 0x30, image.machine);
  memory.writeU8(at + 0x32, image.containsCode ? 1 : 0);
  memory.writeU32(at + 0x38, image.fileSize % 2 ** 32);
  memory.writeU32(at + 0x3c, image.checkSum);
}

export const sectionServices = nativeServices({
  CreateSection: create,
  OpenSection: open,
  MapViewOfSection: map,
  UnmapViewOfSection: unmap,
  QuerySection: query,
});
