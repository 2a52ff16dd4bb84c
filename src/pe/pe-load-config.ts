/** The load configuration directory. Source: Microsoft, "IMAGE_LOAD_CONFIG_DIRECTORY64 structure". */
import { IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG } from './pe-constants.js';
import type { PeHeaders } from './pe-headers.js';
import { type RvaReader, readU64, requireRange } from './rva-reader.js';

export interface LoadConfig {
  /** Bytes of the structure that the image really has. */
  size: number;
  /** Address of the 8-byte (4 in PE32) stack cookie that the loader seeds, relative to `base`; 0 when absent. */
  securityCookieRva: number;
}

/** Reads what the loader needs, or null when the image has none. `base` as in readTlsDirectory. Throws PeError. */
export function readLoadConfig(reader: RvaReader, headers: PeHeaders, base: number): LoadConfig | null {
  const { rva, size } = headers.directories[IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG];
  if (rva === 0 || size === 0) return null;
  requireRange(reader, rva, 4, 'the load configuration');
  const actual = reader.readU32(rva);
  const cookieAt = headers.isPe32Plus ? 0x58 : 0x3c;
  const width = headers.isPe32Plus ? 8 : 4;
  if (actual < cookieAt + width) return { size: actual, securityCookieRva: 0 };
  requireRange(reader, rva, cookieAt + width, 'the load configuration');
  const cookie = headers.isPe32Plus ? readU64(reader, rva + cookieAt) : reader.readU32(rva + cookieAt);
  const cookieRva = cookie - base;
  const inside = cookie !== 0 && cookieRva >= 0 && cookieRva + width <= reader.imageSize;
  return { size: actual, securityCookieRva: inside ? cookieRva : 0 };
}
