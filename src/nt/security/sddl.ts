/**
 * The security descriptor definition language. Sources: Microsoft, "Security Descriptor String Format", "ACE Strings",
 * "SID Strings".
 */
import {
  ACCESS_ALLOWED_ACE_TYPE,
  ACCESS_DENIED_ACE_TYPE,
  ACL_HEADER_BYTES,
  ACL_REVISION,
  acesOf,
  DACL_SECURITY_INFORMATION,
  GROUP_SECURITY_INFORMATION,
  makeAce,
  OWNER_SECURITY_INFORMATION,
  SACL_SECURITY_INFORMATION,
  SE_DACL_PRESENT,
  SE_SACL_PRESENT,
  type SecurityDescriptor,
} from './security-descriptor.js';
import {
  ADMINISTRATORS,
  AUTHENTICATED_USERS,
  CREATOR_OWNER,
  EVERYONE,
  INTERACTIVE,
  LOCAL_SYSTEM,
  OWNER_RIGHTS,
  parseSid,
  type Sid,
  USERS,
} from './sid.js';

const ALIASES: readonly (readonly [alias: string, sid: Sid])[] = [
  ['WD', EVERYONE],
  ['CO', CREATOR_OWNER],
  ['CG', 'S-1-3-1'],
  ['OW', OWNER_RIGHTS],
  ['NU', 'S-1-5-2'],
  ['IU', INTERACTIVE],
  ['SU', 'S-1-5-6'],
  ['AN', 'S-1-5-7'],
  ['AU', AUTHENTICATED_USERS],
  ['RC', 'S-1-5-12'],
  ['SY', LOCAL_SYSTEM],
  ['LS', 'S-1-5-19'],
  ['NS', 'S-1-5-20'],
  ['BA', ADMINISTRATORS],
  ['BU', USERS],
  ['BG', 'S-1-5-32-546'],
];

const TYPES: readonly (readonly [text: string, type: number])[] = [
  ['A', ACCESS_ALLOWED_ACE_TYPE],
  ['D', ACCESS_DENIED_ACE_TYPE],
];

const FLAGS: readonly (readonly [text: string, bit: number])[] = [
  ['OI', 1],
  ['CI', 2],
  ['NP', 4],
  ['IO', 8],
  ['ID', 0x10],
  ['SA', 0x40],
  ['FA', 0x80],
];

/** Composite rights, then single ones; the first that fits is written. */
const RIGHTS: readonly (readonly [text: string, mask: number])[] = [
  ['FA', 0x1f01ff],
  ['FR', 0x120089],
  ['FW', 0x120116],
  ['FX', 0x1200a0],
  ['KA', 0xf003f],
  ['KR', 0x20019],
  ['KW', 0x20006],
  ['GA', 0x10000000],
  ['GX', 0x20000000],
  ['GW', 0x40000000],
  ['GR', 0x80000000],
  ['RC', 0x20000],
  ['SD', 0x10000],
  ['WD', 0x40000],
  ['WO', 0x80000],
  ['CC', 0x1],
  ['DC', 0x2],
  ['LC', 0x4],
  ['SW', 0x8],
  ['RP', 0x10],
  ['WP', 0x20],
  ['DT', 0x40],
  ['LO', 0x80],
  ['CR', 0x100],
];

const sidOfText = (text: string): Sid | null =>
  ALIASES.find(([alias]) => alias === text.toUpperCase())?.[1] ?? parseSid(text);

const textOfSid = (sid: Sid): string => ALIASES.find(([, each]) => each === sid)?.[0] ?? sid;

/** The sum of two-letter words; -1 when one is unknown. */
function bitsOf(text: string, words: readonly (readonly [string, number])[]): number {
  let bits = 0;
  for (let at = 0; at < text.length; at += 2) {
    const found = words.find(([word]) => word === text.slice(at, at + 2).toUpperCase());
    if (found === undefined) return -1;
    bits = (bits | found[1]) >>> 0;
  }
  return bits;
}

function maskOf(text: string): number {
  if (/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) return Number(text) <= 0xffffffff ? Number(text) : -1;
  return bitsOf(text, RIGHTS);
}

/** One entry: type;flags;rights;object;inherited object;SID. */
function aceOfText(text: string): Uint8Array | null {
  const [type, flags, rights, object, inherited, name, ...more] = text.split(';');
  const kind = TYPES.find(([word]) => word === type?.trim().toUpperCase())?.[1];
  const sid = sidOfText(name?.trim() ?? '');
  const [bits, mask] = [bitsOf(flags?.trim() ?? '', FLAGS), maskOf(rights?.trim() ?? '')];
  if (more.length > 0 || object !== '' || inherited !== '') return null;
  if (kind === undefined || sid === null || bits < 0 || mask < 0) return null;
  return makeAce(kind, bits, mask, sid);
}

/** An ACL from its text: control letters (P, AR, AI), then the entries in parentheses. Null: it is none. */
function aclOfText(text: string): Uint8Array | null {
  const match = /^(?:P|AR|AI)*((?:\([^()]*\))*)$/i.exec(text.replace(/\s/g, ''));
  if (match === null) return null;
  const aces = [...match[1]!.matchAll(/\(([^()]*)\)/g)].map(([, ace]) => aceOfText(ace!));
  if (aces.some((ace) => ace === null)) return null;
  const bytes = aces.reduce((sum, ace) => sum + ace!.length, ACL_HEADER_BYTES);
  if (bytes > 0xfffc) return null;
  const acl = new Uint8Array(bytes);
  const view = new DataView(acl.buffer);
  acl[0] = ACL_REVISION;
  view.setUint16(2, bytes, true);
  view.setUint16(4, aces.length, true);
  let at = ACL_HEADER_BYTES;
  for (const ace of aces) {
    acl.set(ace!, at);
    at += ace!.length;
  }
  return acl;
}

/** The descriptor that a string describes; null when it breaks the grammar or names an unknown SID or right. */
export function parseSddl(text: string): SecurityDescriptor | null {
  const parts = /^(?:O:([^:()]*?))?(?:G:([^:()]*?))?(?:D:([^:]*?))?(?:S:([^:]*?))?$/i.exec(text.trim());
  if (parts === null) return null;
  const [, ownerText, groupText, daclText, saclText] = parts;
  const owner = ownerText === undefined ? null : sidOfText(ownerText.trim());
  const group = groupText === undefined ? null : sidOfText(groupText.trim());
  if ((ownerText !== undefined && owner === null) || (groupText !== undefined && group === null)) return null;
  const isOpen = daclText?.toUpperCase() === 'NO_ACCESS_CONTROL';
  const dacl = daclText === undefined || isOpen ? null : aclOfText(daclText);
  const sacl = saclText === undefined ? null : aclOfText(saclText);
  if ((daclText !== undefined && !isOpen && dacl === null) || (saclText !== undefined && sacl === null))
    return null;
  const control =
    (daclText === undefined ? 0 : SE_DACL_PRESENT) | (saclText === undefined ? 0 : SE_SACL_PRESENT);
  return { owner, group, control, dacl, sacl };
}

function textOfMask(mask: number): string {
  const whole = RIGHTS.find(([, bits]) => bits === mask);
  if (whole !== undefined) return whole[0];
  const single = RIGHTS.filter(([, bits]) => (bits & (bits - 1)) === 0 && (mask & bits) !== 0);
  const sum = single.reduce((bits, [, bit]) => (bits | bit) >>> 0, 0);
  return sum === mask ? single.map(([word]) => word).join('') : `0x${mask.toString(16)}`;
}

function textOfAcl(acl: Uint8Array): string {
  return (acesOf(acl) ?? [])
    .flatMap(({ type, flags, mask, sid }) => {
      const word = TYPES.find(([, each]) => each === type)?.[0];
      if (word === undefined || sid === null) return [];
      const flagWords = FLAGS.filter(([, bit]) => flags & bit).map(([text]) => text);
      return [`(${word};${flagWords.join('')};${textOfMask(mask)};;;${textOfSid(sid)})`];
    })
    .join('');
}

/** The string of those parts that `information` names (SECURITY_INFORMATION). */
export function sddlOf(descriptor: SecurityDescriptor, information: number): string {
  const { owner, group, dacl, sacl, control } = descriptor;
  let text = '';
  if (information & OWNER_SECURITY_INFORMATION && owner) text += `O:${textOfSid(owner)}`;
  if (information & GROUP_SECURITY_INFORMATION && group) text += `G:${textOfSid(group)}`;
  if (information & DACL_SECURITY_INFORMATION && control & SE_DACL_PRESENT)
    text += dacl === null ? 'D:NO_ACCESS_CONTROL' : `D:${textOfAcl(dacl)}`;
  if (information & SACL_SECURITY_INFORMATION && control & SE_SACL_PRESENT && sacl)
    text += `S:${textOfAcl(sacl)}`;
  return text;
}
