/** Drives and volumes (fileapi.h): sizes and serial numbers are fixed. Sources: Microsoft, "GetDriveTypeW function", "GetDiskFreeSpaceExW function", "GetVolumeInformationW function". */
import { STATUS_INVALID_DEVICE_REQUEST } from '../../base/ntstatus.js';
import { queryInformationFile } from '../../nt/file-information.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_FILENAME_EXCED_RANGE, ERROR_INVALID_NAME, ERROR_PATH_NOT_FOUND } from '../ntdll/dos-error.js';
import { fileForms } from './file-apis.js';
import { fullPathOf } from './path.js';
import { failStatus, TRUE, writeU64 } from './results.js';
import { bothForms, giveText, type TextForm, WIDE, writeText } from './text-form.js';

const DRIVE_NO_ROOT_DIR = 1;
const DRIVE_FIXED = 3;
const SECTORS_PER_CLUSTER = 8;
const BYTES_PER_SECTOR = 512;
/** Bytes of every volume, and how many of them are free. */
const VOLUME_BYTES = 256 * 2 ** 30;
const FREE_BYTES = 128 * 2 ** 30;
const CLUSTER_BYTES = SECTORS_PER_CLUSTER * BYTES_PER_SECTOR;
const SERIAL_NUMBER = 0x4e54_4d4d;
const MAXIMUM_COMPONENT = 255;
/** FILE_CASE_PRESERVED_NAMES, FILE_UNICODE_ON_DISK, FILE_SUPPORTS_SPARSE_FILES. */
const FILE_SYSTEM_FLAGS = 0x46;

/** Drive letters that have a mount, sorted. */
function drivesOf(call: ServiceCall): string[] {
  return [...new Set(call.kernel.fileSystem.mounts.map(({ drive }) => drive))].sort();
}

/** UINT GetDriveType(root); a folder may be named too, by a path that ends in a backslash. */
const getDriveType =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const at = call.address(0);
    const isRoot = at === 0 || /^[A-Za-z]:$|[\\/]$/.test(form.read(call, at));
    return isRoot && driveAt(call, form, at) !== '' ? DRIVE_FIXED : DRIVE_NO_ROOT_DIR;
  };

/** The drive letter of a root path, or of the current directory when the address is 0; '' when there is no such drive. */
function driveAt(call: ServiceCall, form: TextForm, address: number): string {
  const full = fullPathOf(call, address === 0 ? '.' : form.read(call, address));
  const drive = full[1] === ':' ? full[0]!.toUpperCase() : '';
  return drivesOf(call).includes(drive) ? drive : '';
}

/** BOOL GetDiskFreeSpace(root, sectorsPerCluster, bytesPerSector, freeClusters, clusters). */
const diskFreeSpace =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (driveAt(call, form, call.address(0)) === '') return call.fail(ERROR_PATH_NOT_FOUND);
    const values = [
      SECTORS_PER_CLUSTER,
      BYTES_PER_SECTOR,
      FREE_BYTES / CLUSTER_BYTES,
      VOLUME_BYTES / CLUSTER_BYTES,
    ];
    values.forEach((value, index) => {
      if (call.address(index + 1) !== 0) call.memory.writeU32(call.address(index + 1), value);
    });
    return TRUE;
  };

/** BOOL GetDiskFreeSpaceEx(folder, available, total, free). */
const diskFreeSpaceEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (driveAt(call, form, call.address(0)) === '') return call.fail(ERROR_PATH_NOT_FOUND);
    [FREE_BYTES, VOLUME_BYTES, FREE_BYTES].forEach((value, index) => {
      if (call.address(index + 1) !== 0) writeU64(call, call.address(index + 1), value);
    });
    return TRUE;
  };

/** BOOL GetVolumeInformation(root, name, nameUnits, serial, component, flags, fileSystem, fileSystemUnits). */
const volumeInformation =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(0) !== 0 && !/[\\/]$/.test(form.read(call, call.address(0))))
      return call.fail(ERROR_INVALID_NAME);
    if (driveAt(call, form, call.address(0)) === '') return call.fail(ERROR_PATH_NOT_FOUND);
    return describeVolume(call, form);
  };

/** What both forms tell: the arguments behind the first are the same. */
function describeVolume(call: ServiceCall, form: TextForm): number {
  if (call.address(1) !== 0 && call.u32(2) > 0) writeText(call, form, call.address(1), '');
  [SERIAL_NUMBER, MAXIMUM_COMPONENT, FILE_SYSTEM_FLAGS].forEach((value, index) => {
    if (call.address(index + 3) !== 0) call.memory.writeU32(call.address(index + 3), value);
  });
  if (call.address(6) !== 0) giveText(call, form, 'NTFS', call.address(6), call.u32(7));
  return TRUE;
}

/** BOOL GetVolumeInformationByHandleW(file, …): of the volume that an open file or directory lies on. */
const volumeInformationByHandle: ServiceFunction = (call) => {
  const file = queryInformationFile(call.kernel, call.process, call.handle(0));
  if (typeof file === 'number') return failStatus(call, file);
  if (file.device !== 'disk') return failStatus(call, STATUS_INVALID_DEVICE_REQUEST);
  return describeVolume(call, WIDE);
};
/** BOOL GetVolumePathName(path, buffer, units): the root of the drive that a path lies on. */
const volumePathName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const drive = driveAt(call, form, call.address(0));
    if (drive === '') return call.fail(ERROR_PATH_NOT_FOUND);
    const root = `${drive}:\\`;
    if (call.u32(2) <= root.length) return call.fail(ERROR_FILENAME_EXCED_RANGE);
    writeText(call, form, call.address(1), root);
    return TRUE;
  };

/** DWORD GetLogicalDriveStrings(units, buffer): roots, each with a zero, and one more zero. */
const driveStrings =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const text = drivesOf(call)
      .map((drive) => `${drive}:\\\0`)
      .join('');
    return giveText(call, form, text, call.address(1), call.u32(0));
  };

const logicalDrives: ServiceFunction = (call) =>
  drivesOf(call).reduce((mask, drive) => mask | (1 << (drive.charCodeAt(0) - 0x41)), 0);

export const volumeFunctions: Record<string, Service | ServiceFunction> = {
  ...fileForms('GetDriveType', getDriveType),
  ...fileForms('GetDiskFreeSpace', diskFreeSpace),
  ...fileForms('GetDiskFreeSpaceEx', diskFreeSpaceEx),
  ...fileForms('GetVolumeInformation', volumeInformation),
  GetVolumeInformationByHandleW: volumeInformationByHandle,
  ...fileForms('GetVolumePathName', volumePathName),
  ...bothForms('GetLogicalDriveStrings', driveStrings),
  GetLogicalDrives: logicalDrives,
};
