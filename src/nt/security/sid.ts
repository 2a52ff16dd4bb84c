/**
 * Security identifiers. A SID here is its text form (S-1-5-18), which names it uniquely; its bytes are what programs see.
 * Sources: Microsoft, "SID structure (winnt.h)", "Well-known SIDs", [MS-DTYP] 2.4.2 "SID".
 */
export type Sid = string;

export const EVERYONE: Sid = 'S-1-1-0';
export const CREATOR_OWNER: Sid = 'S-1-3-0';
export const OWNER_RIGHTS: Sid = 'S-1-3-4';
export const INTERACTIVE: Sid = 'S-1-5-4';
export const AUTHENTICATED_USERS: Sid = 'S-1-5-11';
export const LOCAL_SYSTEM: Sid = 'S-1-5-18';
export const ADMINISTRATORS: Sid = 'S-1-5-32-544';
export const USERS: Sid = 'S-1-5-32-545';
/** The logon session, the user's account, its primary group (None), and the label of medium integrity. */
export const LOGON_SESSION: Sid = 'S-1-5-5-0-65537';
export const USER: Sid = 'S-1-5-21-1000000001-1000000002-1000000003-1001';
export const USER_GROUP: Sid = 'S-1-5-21-1000000001-1000000002-1000000003-513';
export const MEDIUM_INTEGRITY: Sid = 'S-1-16-8192';

export const SID_REVISION = 1;
/** SID_MAX_SUB_AUTHORITIES. */
export const MOST_SUB_AUTHORITIES = 15;
const HEADER_BYTES = 8;

/** Bytes of a SID with so many subauthorities. */
export function sidLength(subAuthorities: number): number {
  return HEADER_BYTES + 4 * subAuthorities;
}

/** The SID that begins at an offset, null when there is none; bytes behind it do not count. */
export function sidFromBytes(bytes: Uint8Array, at = 0): Sid | null {
  const count = bytes[at + 1] ?? 0;
  if (bytes[at] !== SID_REVISION || count > MOST_SUB_AUTHORITIES || at + sidLength(count) > bytes.length)
    return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  const parts = Array.from({ length: count }, (_, index) => view.getUint32(HEADER_BYTES + 4 * index, true));
  const shown = authority < 2 ** 32 ? String(authority) : `0x${authority.toString(16).padStart(12, '0')}`;
  return ['S-1', shown, ...parts].join('-');
}

export function sidBytes(sid: Sid): Uint8Array {
  const [authority, ...parts] = sid.split('-').slice(2).map(Number) as [number, ...number[]];
  const bytes = new Uint8Array(sidLength(parts.length));
  const view = new DataView(bytes.buffer);
  bytes[0] = SID_REVISION;
  bytes[1] = parts.length;
  view.setUint16(2, Math.floor(authority / 2 ** 32));
  view.setUint32(4, authority % 2 ** 32);
  parts.forEach((part, index) => {
    view.setUint32(HEADER_BYTES + 4 * index, part, true);
  });
  return bytes;
}

/** A SID from the text that people write, S-1-5-32-544 with decimal or 0x numbers; null when it is none. */
export function parseSid(text: string): Sid | null {
  if (!/^S-1(-(0x[0-9a-f]+|\d+)){1,16}$/i.test(text)) return null;
  const [authority, ...parts] = text.split('-').slice(2).map(Number) as [number, ...number[]];
  if (authority >= 2 ** 48 || parts.some((part) => part >= 2 ** 32)) return null;
  const made = new Uint8Array(sidLength(parts.length));
  made.set(sidBytes(['S-1', authority, ...parts].join('-')));
  return sidFromBytes(made);
}
