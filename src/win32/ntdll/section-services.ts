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
import { areMappedFilesTheSame } from '../../mm/query-region.js';
import { querySection, type SectionImageInformation, type SectionInformation } from '../../mm/section.js';
import { PROCESS_VM_OPERATION } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import {
  createSection,
  extendSection,
  mapView,
  openSection,
  type SectionObject,
  sectionToMap,
  unmapViewOfSection,
  type ViewRequest,
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
import { checkNodeParameter } from './node-parameter.js';

/** SECTION_INFORMATION_CLASS, and the bytes of what they answer. */
const SECTION_BASIC_INFORMATION = 0;
const SECTION_IMAGE_INFORMATION = 1;
const SECTION_RELOCATION_INFORMATION = 2;
const SECTION_ORIGINAL_BASE_INFORMATION = 3;
const SECTION_INTERNAL_IMAGE_INFORMATION = 4;
const INFORMATION_BYTES = [0x18, 0x40, 0x08, 0x08, 0x48] as const;
const IMAGE_BYTES = INFORMATION_BYTES[SECTION_IMAGE_INFORMATION];
/** SECTION_IMAGE_INFORMATION.ImageFlags: the section is based elsewhere than the file prefers. */
const IMAGE_DYNAMICALLY_RELOCATED = 0x04;

/** (*handle, access, attributes, *maximumSize, protection, sectionAttributes, file). */
const create: ServiceFunction = (call) => {
  const handleAt = call.address(0);
  call.memory.probeWrite(handleAt, 8);
  const { name, handleFlags, openIf, security } = readObjectAttributes(call, call.address(2));
  const maximumSize = readLargeInteger(call, call.address(3)) ?? 0;
  if (maximumSize < 0) return STATUS_INVALID_PARAMETER;
  const out = { handle: 0 };
  const status = createSection(
    call.kernel,
    call.process,
    { path: name, access: call.u32(1), handleFlags, openIf, security },
    { maximumSize, protection: call.u32(4), attributes: call.u32(5), fileHandle: call.handle(6) },
    out,
  );
  if (ntSuccess(status)) writeHandle(call, handleAt, out.handle);
  return status;
};

/** The same, then (*parameters, count): MEM_EXTENDED_PARAMETER. */
const createEx: ServiceFunction = (call) => {
  const status = checkNodeParameter(call, call.address(7), call.u32(8));
  return status === STATUS_SUCCESS ? create(call) : status;
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
  const status = mapInto(call, call.handle(0), call.handle(1), request);
  if (!ntSuccess(status)) return status;
  call.memory.writePointer(baseAt, request.baseAddress);
  writeSize(call, sizeAt, request.viewSize);
  if (offsetAt !== 0) writeSize(call, offsetAt, request.sectionOffset);
  return status;
};

/** Maps a view of a section of the caller's into the process of a handle; the request says then what was mapped. */
export function mapInto(
  call: ServiceCall,
  sectionHandle: number,
  processHandle: number,
  request: ViewRequest,
): number {
  const section = sectionToMap(call.kernel, call.process, sectionHandle, request.protect);
  if (typeof section === 'number') return section;
  return inProcess(call, processHandle, PROCESS_VM_OPERATION, (process) =>
    mapView(call.kernel, process, section, request),
  );
}

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
  const bytes = INFORMATION_BYTES[kind];
  if (bytes === undefined) return STATUS_INVALID_INFO_CLASS;
  if (length < bytes) return STATUS_INFO_LENGTH_MISMATCH;
  const object = referenceByHandle(call.kernel, call.process, call.handle(0), 'section', SECTION_QUERY);
  if (typeof object === 'number') return object;
  const { image, ...basic } = querySection((object as SectionObject).section);
  if (kind !== SECTION_BASIC_INFORMATION && image === null) return STATUS_SECTION_NOT_IMAGE;
  call.memory.probeWrite(buffer, bytes);
  if (image === null || kind === SECTION_BASIC_INFORMATION) writeBasicInformation(call, buffer, basic);
  else writeOfImage(call, buffer, kind, image);
  if (returned !== 0) writeSize(call, returned, bytes);
  return STATUS_SUCCESS;
};

/** SECTION_BASIC_INFORMATION: no section here is based. */
function writeBasicInformation(
  call: ServiceCall,
  at: number,
  basic: Omit<SectionInformation, 'image'>,
): void {
  call.memory.writePointer(at, 0);
  call.memory.writeU64(at + 8, basic.allocationAttributes, 0);
  writeSize(call, at + 16, basic.maximumSize);
}

function writeOfImage(call: ServiceCall, at: number, kind: number, image: SectionImageInformation): void {
  switch (kind) {
    case SECTION_RELOCATION_INFORMATION:
      writeSigned(call, at, image.base - image.originalBase);
      break;
    case SECTION_ORIGINAL_BASE_INFORMATION:
      call.memory.writePointer(at, image.originalBase);
      break;
    case SECTION_INTERNAL_IMAGE_INFORMATION:
      writeImageInformation(call, at, image);
      call.memory.writeU64(at + IMAGE_BYTES, 0, 0);
      break;
    default:
      writeImageInformation(call, at, image);
  }
}

function writeSigned(call: ServiceCall, at: number, value: number): void {
  call.memory.writeU64(at, (value % 2 ** 32) >>> 0, Math.floor(value / 2 ** 32) >>> 0);
}

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
  memory.writeU16(at + 0x28, image.operatingSystemMajor);
  memory.writeU16(at + 0x2a, image.operatingSystemMinor);
  memory.writeU16(at + 0x2c, image.characteristics);
  memory.writeU16(at + 0x2e, image.dllCharacteristics);
  memory.writeU16(at + 0x30, image.machine);
  memory.writeU8(at + 0x32, image.containsCode ? 1 : 0);
  memory.writeU8(at + 0x33, image.base === image.originalBase ? 0 : IMAGE_DYNAMICALLY_RELOCATED);
  memory.writeU32(at + 0x38, image.fileSize % 2 ** 32);
  memory.writeU32(at + 0x3c, image.checkSum);
}

/** (section, *newSize): the size that the section has then is stored. */
const extend: ServiceFunction = (call) => {
  const sizeAt = call.address(1);
  call.memory.probeWrite(sizeAt, 8);
  const size = readLargeInteger(call, sizeAt) ?? 0;
  if (size < 0) return STATUS_INVALID_PARAMETER;
  const out = { size: 0 };
  const status = extendSection(call.kernel, call.process, call.handle(0), size, out);
  if (ntSuccess(status)) writeSize(call, sizeAt, out.size);
  return status;
};

/** (address, address). */
const areSame: ServiceFunction = (call) =>
  areMappedFilesTheSame(call.process.space, call.address(0), call.address(1));

export const sectionServices = nativeServices({
  CreateSection: create,
  CreateSectionEx: createEx,
  ExtendSection: extend,
  AreMappedFilesTheSame: areSame,
  OpenSection: open,
  MapViewOfSection: map,
  UnmapViewOfSection: unmap,
  QuerySection: query,
});
