/**
 * Page protections: between the PAGE_* flags of the API and the five-bit protection codes of PTEs and VADs.
 * Source: Microsoft, "Memory Protection Constants"; Unit OS5: Memory Management 5.2, "Protecting Memory".
 */
import {
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_NOCACHE,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOMBINE,
  PAGE_WRITECOPY,
} from '../base/memory-constants.js';
import {
  MM_DECOMMIT,
  MM_EXECUTE,
  MM_EXECUTE_READ,
  MM_EXECUTE_READWRITE,
  MM_EXECUTE_WRITECOPY,
  MM_GUARD_PAGE,
  MM_NOACCESS,
  MM_NOCACHE,
  MM_READONLY,
  MM_READWRITE,
  MM_WRITECOMBINE,
  MM_WRITECOPY,
} from './pte.js';

const PAGE_MODIFIERS = PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE;

/** PAGE_* value of each access code 1..7; code 0 has no access. */
const PAGE_OF_ACCESS = [
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
];

function accessCode(page: number): number {
  switch (page) {
    case PAGE_NOACCESS:
      return MM_NOACCESS;
    case PAGE_READONLY:
      return MM_READONLY;
    case PAGE_READWRITE:
      return MM_READWRITE;
    case PAGE_WRITECOPY:
      return MM_WRITECOPY;
    case PAGE_EXECUTE:
      return MM_EXECUTE;
    case PAGE_EXECUTE_READ:
      return MM_EXECUTE_READ;
    case PAGE_EXECUTE_READWRITE:
      return MM_EXECUTE_READWRITE;
    case PAGE_EXECUTE_WRITECOPY:
      return MM_EXECUTE_WRITECOPY;
    default:
      return -1;
  }
}

/**
 * The protection code of PAGE_* flags, or -1 (STATUS_INVALID_PAGE_PROTECTION) when they are no legal combination:
 * exactly one base protection and at most one of guard, no-cache and write-combine, none of them with no-access.
 */
export function protectionCode(page: number): number {
  if (!Number.isInteger(page) || page < 0 || page > 0x7ff) return -1;
  const code = accessCode(page & ~PAGE_MODIFIERS);
  switch (page & PAGE_MODIFIERS) {
    case 0:
      return code;
    case PAGE_GUARD:
      return code < 0 || code === MM_NOACCESS ? -1 : code | MM_GUARD_PAGE;
    case PAGE_NOCACHE:
      return code < 0 || code === MM_NOACCESS ? -1 : code | MM_NOCACHE;
    case PAGE_WRITECOMBINE:
      return code < 0 || code === MM_NOACCESS ? -1 : code | MM_WRITECOMBINE;
    default:
      return -1;
  }
}

/** The PAGE_* flags of a protection code; a decommitted page and code 0 show as 0 and PAGE_NOACCESS. */
export function pageProtection(code: number): number {
  if (code === MM_DECOMMIT) return 0;
  const access = PAGE_OF_ACCESS[code & 7]!;
  if ((code & 7) === 0) return PAGE_NOACCESS;
  switch (code & MM_NOACCESS) {
    case MM_NOCACHE:
      return access | PAGE_NOCACHE;
    case MM_GUARD_PAGE:
      return access | PAGE_GUARD;
    case MM_WRITECOMBINE:
      return access | PAGE_WRITECOMBINE;
    default:
      return access;
  }
}

/** True when the code is a copy-on-write protection, with any modifier. */
export function isCopyOnWrite(code: number): boolean {
  return (code & 5) === MM_WRITECOPY;
}

/** True when a write succeeds, at once or through a private copy. */
export function allowsWrite(code: number): boolean {
  return (code & 7) >= MM_READWRITE;
}

/** True when instructions may be fetched. */
export function allowsExecute(code: number): boolean {
  const access = code & 7;
  return access === MM_EXECUTE || access === MM_EXECUTE_READ || access >= MM_EXECUTE_READWRITE;
}

/** The same protection without the right to fetch instructions; execute-only becomes read-only. */
export function withoutExecute(code: number): number {
  const access = code & 7;
  if (access === MM_EXECUTE || access === MM_EXECUTE_READ) return (code & ~7) | MM_READONLY;
  return access >= MM_EXECUTE_READWRITE ? code - (MM_EXECUTE_READWRITE - MM_READWRITE) : code;
}

/** The protection of the private copy that a write to a copy-on-write page leaves: WRITECOPY becomes READWRITE. */
export function afterCopy(code: number): number {
  return isCopyOnWrite(code)
    ? (code & ~7) | ((code & 7) === MM_WRITECOPY ? MM_READWRITE : MM_EXECUTE_READWRITE)
    : code;
}
