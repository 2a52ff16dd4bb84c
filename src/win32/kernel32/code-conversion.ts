/** Character conversion (stringapiset.h, winnls.h). Sources: Microsoft, "MultiByteToWideChar function", "WideCharToMultiByte function", "GetCPInfo function". */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { wideBytes } from '../wide-bytes.js';
import { CP_OEM_437, CP_UTF8, CP_WINDOWS_1252, decode, encode, resolveCodePage } from './code-page.js';
import { ERROR_INVALID_FLAGS, ERROR_NO_UNICODE_TRANSLATION, TRUE } from './results.js';
import { bothForms, type TextForm, wideText, writeText } from './text-form.js';

const MB_PRECOMPOSED = 0x1;
const MB_COMPOSITE = 0x2;
const MB_USEGLYPHCHARS = 0x4;
const MB_ERR_INVALID_CHARS = 0x8;
const MB_FLAGS = MB_PRECOMPOSED | MB_COMPOSITE | MB_USEGLYPHCHARS | MB_ERR_INVALID_CHARS;
const WC_ERR_INVALID_CHARS = 0x80;
const WC_FLAGS = 0x670;

/** Stores converted units, or answers how many there are when `room` is 0; too little room fails. */
function store(call: ServiceCall, bytes: Uint8Array, unit: number, address: number, room: number): number {
  const units = bytes.length / unit;
  if (room === 0) return units;
  if (units <= room) {
    call.memory.writeBytes(address, bytes);
    return units;
  }
  call.memory.writeBytes(address, bytes.subarray(0, room * unit));
  return call.fail(ERROR_INSUFFICIENT_BUFFER);
}

/** Whether the arguments that both functions share are refused. */
function areBad(source: number, count: number, target: number, room: number): boolean {
  return source === 0 || count === 0 || room < 0 || (room > 0 && (target === 0 || target === source));
}

/** int MultiByteToWideChar(codePage, flags, source, bytes, target, units). */
const multiByteToWideChar: ServiceFunction = (call) => {
  const codePage = resolveCodePage(call.u32(0));
  const [flags, source, count, target, room] = [
    call.u32(1),
    call.address(2),
    call.i32(3),
    call.address(4),
    call.i32(5),
  ];
  if (areBad(source, count, target, room) || codePage === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const both = MB_PRECOMPOSED | MB_COMPOSITE;
  const allowed = codePage === CP_UTF8 ? MB_ERR_INVALID_CHARS : MB_FLAGS;
  if (flags & ~allowed || (flags & both) === both) return call.fail(ERROR_INVALID_FLAGS);
  const length = count < 0 ? call.memory.findByte(source, 0, Number.MAX_SAFE_INTEGER) + 1 : count;
  const text = decode(codePage, call.memory.readBytes(source, length), (flags & MB_ERR_INVALID_CHARS) !== 0);
  if (text === null) return call.fail(ERROR_NO_UNICODE_TRANSLATION);
  return store(call, wideBytes(text), 2, target, room);
};

/** int WideCharToMultiByte(codePage, flags, source, units, target, bytes, defaultChar, usedDefaultChar). */
const wideCharToMultiByte: ServiceFunction = (call) => {
  const codePage = resolveCodePage(call.u32(0));
  const [flags, source, count, target, room, defaultAt, usedAt] = [
    call.u32(1),
    call.address(2),
    call.i32(3),
    call.address(4),
    call.i32(5),
    call.address(6),
    call.address(7),
  ];
  if (areBad(source, count, target, room) || codePage === 0) return call.fail(ERROR_INVALID_PARAMETER);
  if (codePage === CP_UTF8 && (defaultAt !== 0 || usedAt !== 0)) return call.fail(ERROR_INVALID_PARAMETER);
  if (flags & ~(codePage === CP_UTF8 ? WC_ERR_INVALID_CHARS : WC_FLAGS))
    return call.fail(ERROR_INVALID_FLAGS);
  const text =
    count < 0 ? `${call.memory.readUtf16(source)}\0` : wideText(call.memory.readBytes(source, count * 2));
  const defaultByte = defaultAt === 0 ? undefined : call.memory.readU8(defaultAt);
  const { bytes, usedDefault } = encode(codePage, text, defaultByte);
  if (usedDefault && flags & WC_ERR_INVALID_CHARS && codePage === CP_UTF8)
    return call.fail(ERROR_NO_UNICODE_TRANSLATION);
  if (usedAt !== 0) call.memory.writeU32(usedAt, usedDefault ? 1 : 0);
  return store(call, bytes, 1, target, room);
};

/** CPINFO: bytes, and the longest character of each code page. */
const CPINFO_BYTES = 20;
const CPINFO_DEFAULT = 4;
const CPINFOEX_UNICODE_DEFAULT = 20;
const CPINFOEX_CODE_PAGE = 24;
const CPINFOEX_NAME = 28;
const NAME_UNITS = 260;

const longestCharacter = (codePage: number) => (codePage === CP_UTF8 ? 4 : 1);

function writeInfo(call: ServiceCall, at: number, codePage: number): void {
  call.memory.fill(at, CPINFO_BYTES, 0);
  call.memory.writeU32(at, longestCharacter(codePage));
  call.memory.writeU8(at + CPINFO_DEFAULT, 0x3f);
}

/** BOOL GetCPInfo(codePage, information). */
const getCodePageInfo: ServiceFunction = (call) => {
  const codePage = resolveCodePage(call.u32(0));
  if (codePage === 0 || call.address(1) === 0) return call.fail(ERROR_INVALID_PARAMETER);
  call.memory.probeWrite(call.address(1), CPINFO_BYTES);
  writeInfo(call, call.address(1), codePage);
  return TRUE;
};

/** BOOL GetCPInfoEx(codePage, flags, information). */
const getCodePageInfoEx =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const codePage = resolveCodePage(call.u32(0));
    const at = call.address(2);
    if (codePage === 0 || at === 0 || call.u32(1) !== 0) return call.fail(ERROR_INVALID_PARAMETER);
    call.memory.probeWrite(at, CPINFOEX_NAME + NAME_UNITS * form.unit);
    writeInfo(call, at, codePage);
    call.memory.writeU16(at + CPINFOEX_UNICODE_DEFAULT, codePage === CP_UTF8 ? 0xfffd : 0x3f);
    call.memory.writeU32(at + CPINFOEX_CODE_PAGE, codePage);
    writeText(call, form, at + CPINFOEX_NAME, `${codePage}`);
    return TRUE;
  };

export const codeConversionFunctions: Record<string, Service | ServiceFunction> = {
  MultiByteToWideChar: multiByteToWideChar,
  WideCharToMultiByte: wideCharToMultiByte,
  GetACP: () => CP_WINDOWS_1252,
  GetOEMCP: () => CP_OEM_437,
  GetCPInfo: getCodePageInfo,
  ...bothForms('GetCPInfoEx', getCodePageInfoEx),
  IsValidCodePage: (call) => (resolveCodePage(call.u32(0)) === call.u32(0) && call.u32(0) > 3 ? TRUE : 0),
  IsDBCSLeadByte: () => 0,
  IsDBCSLeadByteEx: (call) => (resolveCodePage(call.u32(0)) === 0 ? call.fail(ERROR_INVALID_PARAMETER) : 0),
};
