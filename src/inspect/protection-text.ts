/** Page protections as VMMap words them. Source: Microsoft, "Memory Protection Constants". */
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

const BASE_MASK = 0xff;
const WORDS: Readonly<Record<number, string>> = {
  [PAGE_NOACCESS]: 'No access',
  [PAGE_READONLY]: 'Read',
  [PAGE_READWRITE]: 'Read/Write',
  [PAGE_WRITECOPY]: 'Copy on write',
  [PAGE_EXECUTE]: 'Execute',
  [PAGE_EXECUTE_READ]: 'Execute/Read',
  [PAGE_EXECUTE_READWRITE]: 'Execute/Read/Write',
  [PAGE_EXECUTE_WRITECOPY]: 'Execute/Copy on write',
};

/** PAGE_* flags in words; 0, a reserved page, is 'Reserved'. */
export function protectionText(protection: number): string {
  if (protection === 0) return 'Reserved';
  const words = WORDS[protection & BASE_MASK] ?? `0x${protection.toString(16)}`;
  if ((protection & PAGE_GUARD) !== 0) return `${words}/Guard`;
  if ((protection & PAGE_NOCACHE) !== 0) return `${words}/No cache`;
  return (protection & PAGE_WRITECOMBINE) !== 0 ? `${words}/Write combine` : words;
}
