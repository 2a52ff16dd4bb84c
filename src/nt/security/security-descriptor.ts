/**
 * Security descriptors and access-control lists. Sources: Microsoft, "SECURITY_DESCRIPTOR structure (winnt.h)", "ACL
 * structure", "ACE_HEADER structure"; [MS-DTYP] 2.4.4 "ACE", 2.4.5 "ACL", 2.4.6 "SECURITY_DESCRIPTOR".
 */
import { type Sid, sidBytes, sidFromBytes } from './sid.js';

/** SECURITY_DESCRIPTOR_CONTROL. */
export const SE_OWNER_DEFAULTED = 0x1;
export const SE_GROUP_DEFAULTED = 0x2;
export const SE_DACL_PRESENT = 0x4;
export const SE_DACL_DEFAULTED = 0x8;
export const SE_SACL_PRESENT = 0x10;
export const SE_SACL_DEFAULTED = 0x20;
export const SE_SELF_RELATIVE = 0x8000;

/** SECURITY_INFORMATION: which parts. */
export const OWNER_SECURITY_INFORMATION = 0x1;
export const GROUP_SECURITY_INFORMATION = 0x2;
export const DACL_SECURITY_INFORMATION = 0x4;
export const SACL_SECURITY_INFORMATION = 0x8;

export const ACCESS_ALLOWED_ACE_TYPE = 0;
export const ACCESS_DENIED_ACE_TYPE = 1;
/** ACE flag: it is there for children only. */
export const INHERIT_ONLY_ACE = 8;

export const ACL_REVISION = 2;
/** ACL_REVISION_DS, the newest one there is. */
const NEWEST_ACL_REVISION = 4;
export const ACL_HEADER_BYTES = 8;
export const ACE_HEADER_BYTES = 4;
/** Offset of the SID in an ACE that allows or denies: behind its header and its mask. */
export const ACE_SID = 8;

export interface SecurityDescriptor {
  readonly owner: Sid | null;
  readonly group: Sid | null;
  /** SE_*; SE_SELF_RELATIVE belongs to a form, not to what a descriptor says. */
  readonly control: number;
  /** An ACL's bytes; null: everybody may do everything (or SE_DACL_PRESENT is not set). */
  readonly dacl: Uint8Array | null;
  readonly sacl: Uint8Array | null;
}

/** An access-control entry, as its bytes say. */
export interface Ace {
  readonly type: number;
  readonly flags: number;
  /** Its place in the ACL, bytes. */
  readonly offset: number;
  readonly length: number;
  /** What it allows or denies; 0 for types that do neither. */
  readonly mask: number;
  readonly sid: Sid | null;
}

/** The entries of an ACL; null when its sizes or a SID contradict themselves (RtlValidAcl). */
export function acesOf(acl: Uint8Array): Ace[] | null {
  if (acl.length < ACL_HEADER_BYTES) return null;
  const view = new DataView(acl.buffer, acl.byteOffset, acl.length);
  const [revision, size, count] = [acl[0]!, view.getUint16(2, true), view.getUint16(4, true)];
  if (revision < ACL_REVISION || revision > NEWEST_ACL_REVISION) return null;
  if (size < ACL_HEADER_BYTES || size > acl.length) return null;
  const aces: Ace[] = [];
  let offset = ACL_HEADER_BYTES;
  for (let index = 0; index < count; index++) {
    const ace = aceAt(acl.subarray(0, size), view, offset);
    if (ace === null) return null;
    aces.push(ace);
    offset += ace.length;
  }
  return aces;
}

function aceAt(acl: Uint8Array, view: DataView, offset: number): Ace | null {
  if (offset + ACE_HEADER_BYTES > acl.length) return null;
  const [type, flags, length] = [acl[offset]!, acl[offset + 1]!, view.getUint16(offset + 2, true)];
  if (length < ACE_HEADER_BYTES || length % 4 !== 0 || offset + length > acl.length) return null;
  if (type !== ACCESS_ALLOWED_ACE_TYPE && type !== ACCESS_DENIED_ACE_TYPE)
    return { type, flags, offset, length, mask: 0, sid: null };
  if (length < ACE_SID) return null;
  const sid = sidFromBytes(acl.subarray(0, offset + length), offset + ACE_SID);
  return sid === null ? null : { type, flags, offset, length, mask: view.getUint32(offset + 4, true), sid };
}

/** An ACL with one entry for each: type, mask, SID. */
export function makeAcl(entries: readonly (readonly [type: number, mask: number, sid: Sid])[]): Uint8Array {
  const aces = entries.map(([type, mask, sid]) => makeAce(type, 0, mask, sid));
  const acl = new Uint8Array(aces.reduce((sum, ace) => sum + ace.length, ACL_HEADER_BYTES));
  const view = new DataView(acl.buffer);
  acl[0] = ACL_REVISION;
  view.setUint16(2, acl.length, true);
  view.setUint16(4, aces.length, true);
  let at = ACL_HEADER_BYTES;
  for (const ace of aces) {
    acl.set(ace, at);
    at += ace.length;
  }
  return acl;
}

/** The bytes of an entry that allows or denies. */
export function makeAce(type: number, flags: number, mask: number, sid: Sid): Uint8Array {
  const name = sidBytes(sid);
  const ace = new Uint8Array(ACE_SID + name.length);
  const view = new DataView(ace.buffer);
  ace[0] = type;
  ace[1] = flags;
  view.setUint16(2, ace.length, true);
  view.setUint32(4, mask, true);
  ace.set(name, ACE_SID);
  return ace;
}

const HEADER_BYTES = 20;

/** The self-relative form of those parts that `information` names (SECURITY_INFORMATION). */
export function selfRelative(descriptor: SecurityDescriptor, information: number): Uint8Array {
  const wanted = (bit: number) => (information & bit) !== 0;
  const parts = [
    wanted(OWNER_SECURITY_INFORMATION) && descriptor.owner ? sidBytes(descriptor.owner) : null,
    wanted(GROUP_SECURITY_INFORMATION) && descriptor.group ? sidBytes(descriptor.group) : null,
    wanted(SACL_SECURITY_INFORMATION) ? descriptor.sacl : null,
    wanted(DACL_SECURITY_INFORMATION) ? descriptor.dacl : null,
  ];
  let control = SE_SELF_RELATIVE;
  if (wanted(DACL_SECURITY_INFORMATION))
    control |= descriptor.control & (SE_DACL_PRESENT | SE_DACL_DEFAULTED);
  if (wanted(SACL_SECURITY_INFORMATION))
    control |= descriptor.control & (SE_SACL_PRESENT | SE_SACL_DEFAULTED);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), HEADER_BYTES));
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  view.setUint16(2, control, true);
  let at = HEADER_BYTES;
  parts.forEach((part, index) => {
    if (part === null) return;
    view.setUint32(4 + 4 * index, at, true);
    bytes.set(part, at);
    at += part.length;
  });
  return bytes;
}

/** A descriptor with those parts replaced that `information` names. */
export function withParts(
  old: SecurityDescriptor,
  parts: SecurityDescriptor,
  information: number,
): SecurityDescriptor {
  const has = (bit: number) => (information & bit) !== 0;
  const bits =
    (has(DACL_SECURITY_INFORMATION) ? SE_DACL_PRESENT | SE_DACL_DEFAULTED : 0) |
    (has(SACL_SECURITY_INFORMATION) ? SE_SACL_PRESENT | SE_SACL_DEFAULTED : 0);
  return {
    owner: has(OWNER_SECURITY_INFORMATION) ? parts.owner : old.owner,
    group: has(GROUP_SECURITY_INFORMATION) ? parts.group : old.group,
    dacl: has(DACL_SECURITY_INFORMATION) ? parts.dacl : old.dacl,
    sacl: has(SACL_SECURITY_INFORMATION) ? parts.sacl : old.sacl,
    control: (old.control & ~bits) | (parts.control & bits),
  };
}
