/** The registry (winreg.h), which programs may read. Sources: Microsoft, "RegOpenKeyExW function", "RegQueryValueExW function", "RegEnumKeyExW function", "Predefined Keys". */
import { ntSuccess } from '../../base/ntstatus.js';
import { KEY_ENUMERATE_SUB_KEYS, KEY_QUERY_VALUE, MAXIMUM_ALLOWED } from '../../nt/access.js';
import { closeHandle, referenceByHandle } from '../../nt/object-manager.js';
import {
  EMPTY_KEY,
  findName,
  type KeyObject,
  MACHINE_KEY,
  openKey,
  type RegistryKey,
  type RegistryValue,
} from '../../nt/registry.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_NO_MORE_ITEMS } from '../kernel32/results.js';
import { bothForms, type TextForm, writeText } from '../kernel32/text-form.js';
import {
  dosErrorOf,
  ERROR_FILE_NOT_FOUND,
  ERROR_INVALID_HANDLE,
  ERROR_INVALID_PARAMETER,
  ERROR_MORE_DATA,
  ERROR_SUCCESS,
} from '../ntdll/dos-error.js';

/** Predefined handles by their low word: classes, user, machine, users, hardware profile. */
const HKEY_CLASSES_ROOT = 0x80000000;
const HKEY_LOCAL_MACHINE = 0x80000002;
const LAST_PREDEFINED = 0x80000005;

const REG_SZ = 1;
const REG_DWORD = 4;

/** The key of a handle, predefined or open with a right; a number is the Win32 error. */
function keyOf(call: ServiceCall, access: number): RegistryKey | number {
  const low = call.lo(0);
  if (low >= HKEY_CLASSES_ROOT && low <= LAST_PREDEFINED)
    return low === HKEY_LOCAL_MACHINE ? MACHINE_KEY : EMPTY_KEY;
  const object = referenceByHandle(call.kernel, call.process, call.handle(0), 'key', access);
  return typeof object === 'number' ? dosErrorOf(object) : (object as KeyObject).key;
}

/** Opens a key below the first argument's; a Win32 error. */
function open(call: ServiceCall, form: TextForm, access: number, place: number): number {
  const parent = keyOf(call, 0);
  if (typeof parent === 'number') return parent;
  const path = call.address(1) === 0 ? '' : form.read(call, call.address(1));
  call.memory.probeWrite(place, 8);
  const out = { handle: 0 };
  const status = openKey(call.kernel, call.process, parent, path, access, out);
  if (!ntSuccess(status)) return dosErrorOf(status);
  call.memory.writeU64(place, out.handle, 0);
  return ERROR_SUCCESS;
}

/** LSTATUS RegOpenKey(key, path, *result). */
const regOpenKey =
  (form: TextForm): ServiceFunction =>
  (call) =>
    call.address(2) === 0 ? ERROR_INVALID_PARAMETER : open(call, form, MAXIMUM_ALLOWED, call.address(2));

/** LSTATUS RegOpenKeyEx(key, path, options, access, *result). */
const regOpenKeyEx =
  (form: TextForm): ServiceFunction =>
  (call) =>
    call.address(4) === 0 ? ERROR_INVALID_PARAMETER : open(call, form, call.u32(3), call.address(4));

/** A value's data in the form of the asking function. */
function dataOf(form: TextForm, value: RegistryValue): Uint8Array {
  if (typeof value === 'string') return form.encode(`${value}\0`);
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** LSTATUS RegQueryValueEx(key, name, reserved, *type, data, *bytes). */
const regQueryValueEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [typeAt, dataAt, bytesAt] = [call.address(3), call.address(4), call.address(5)];
    const key = keyOf(call, KEY_QUERY_VALUE);
    if (typeof key === 'number') return key;
    if (call.address(2) !== 0 || (dataAt !== 0 && bytesAt === 0)) return ERROR_INVALID_PARAMETER;
    const name = call.address(1) === 0 ? '' : form.read(call, call.address(1));
    const value = findName(key.values, name);
    if (value === undefined) return ERROR_FILE_NOT_FOUND;
    const data = dataOf(form, value);
    if (typeAt !== 0) call.memory.writeU32(typeAt, typeof value === 'string' ? REG_SZ : REG_DWORD);
    if (bytesAt === 0) return ERROR_SUCCESS;
    const room = dataAt === 0 ? 0 : call.memory.readU32(bytesAt);
    call.memory.writeU32(bytesAt, data.length);
    if (dataAt === 0) return ERROR_SUCCESS;
    if (room < data.length) return ERROR_MORE_DATA;
    call.memory.writeBytes(dataAt, data);
    return ERROR_SUCCESS;
  };

/** LSTATUS RegEnumKeyEx(key, index, name, *units, reserved, class, *classUnits, *time). */
const regEnumKeyEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [nameAt, unitsAt] = [call.address(2), call.address(3)];
    const key = keyOf(call, KEY_ENUMERATE_SUB_KEYS);
    if (typeof key === 'number') return key;
    const name = Object.keys(key.keys ?? {}).sort()[call.u32(1)];
    if (name === undefined) return ERROR_NO_MORE_ITEMS;
    if (call.memory.readU32(unitsAt) <= name.length) return ERROR_MORE_DATA;
    writeText(call, form, nameAt, name);
    call.memory.writeU32(unitsAt, name.length);
    if (call.address(7) !== 0) call.memory.writeU64(call.address(7), 0, 0);
    return ERROR_SUCCESS;
  };

/** LSTATUS RegCloseKey(key): predefined ones stay. */
const regCloseKey: ServiceFunction = (call) => {
  const key = keyOf(call, 0);
  if (typeof key === 'number') return ERROR_INVALID_HANDLE;
  if (call.lo(0) >= HKEY_CLASSES_ROOT) return ERROR_SUCCESS;
  return dosErrorOf(closeHandle(call.kernel, call.process, call.handle(0)));
};

export const registryFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('RegOpenKey', regOpenKey),
  ...bothForms('RegOpenKeyEx', regOpenKeyEx),
  ...bothForms('RegQueryValueEx', regQueryValueEx),
  ...bothForms('RegEnumKeyEx', regEnumKeyEx),
  RegCloseKey: regCloseKey,
};
