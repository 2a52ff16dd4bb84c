import type { ObjectKind } from './object.js';

/** Access rights (Microsoft, "Access Rights and Access Masks", "File Access Rights Constants", and each object's page). */
export const DELETE = 0x10000;
export const READ_CONTROL = 0x20000;
export const SYNCHRONIZE = 0x100000;
export const MAXIMUM_ALLOWED = 0x2000000;
export const GENERIC_ALL = 0x10000000;
export const GENERIC_EXECUTE = 0x20000000;
export const GENERIC_WRITE = 0x40000000;
export const GENERIC_READ = 0x80000000;

export const FILE_READ_DATA = 0x1;
export const FILE_WRITE_DATA = 0x2;
export const FILE_APPEND_DATA = 0x4;
export const FILE_EXECUTE = 0x20;
export const FILE_READ_ATTRIBUTES = 0x80;
export const FILE_WRITE_ATTRIBUTES = 0x100;
export const FILE_ALL_ACCESS = 0x1f01ff;

export const EVENT_ALL_ACCESS = 0x1f0003;
export const EVENT_QUERY_STATE = 0x1;
export const EVENT_MODIFY_STATE = 0x2;
export const MUTANT_ALL_ACCESS = 0x1f0001;
export const MUTANT_QUERY_STATE = 0x1;
export const TIMER_ALL_ACCESS = 0x1f0003;
export const TIMER_QUERY_STATE = 0x1;
export const TIMER_MODIFY_STATE = 0x2;
export const IO_COMPLETION_ALL_ACCESS = 0x1f0003;
export const IO_COMPLETION_QUERY_STATE = 0x1;
export const IO_COMPLETION_MODIFY_STATE = 0x2;
export const KEYEDEVENT_ALL_ACCESS = 0xf0003;
export const KEYEDEVENT_WAIT = 0x1;
export const KEYEDEVENT_WAKE = 0x2;
export const SEMAPHORE_ALL_ACCESS = 0x1f0003;
export const SEMAPHORE_QUERY_STATE = 0x1;
export const SEMAPHORE_MODIFY_STATE = 0x2;
export const PROCESS_ALL_ACCESS = 0x1fffff;
export const PROCESS_TERMINATE = 0x1;
export const PROCESS_CREATE_THREAD = 0x2;
export const PROCESS_VM_OPERATION = 0x8;
export const PROCESS_VM_READ = 0x10;
export const PROCESS_VM_WRITE = 0x20;
export const PROCESS_SET_QUOTA = 0x100;
export const PROCESS_DUP_HANDLE = 0x40;
export const PROCESS_CREATE_PROCESS = 0x80;
export const PROCESS_SET_INFORMATION = 0x200;
export const PROCESS_QUERY_INFORMATION = 0x400;
export const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
export const JOB_OBJECT_ALL_ACCESS = 0x1f003f;
export const JOB_OBJECT_ASSIGN_PROCESS = 0x1;
export const JOB_OBJECT_SET_ATTRIBUTES = 0x2;
export const JOB_OBJECT_QUERY = 0x4;
export const JOB_OBJECT_TERMINATE = 0x8;
export const PROCESS_SUSPEND_RESUME = 0x800;
export const TOKEN_DUPLICATE = 0x2;
export const TOKEN_IMPERSONATE = 0x4;
export const TOKEN_QUERY = 0x8;
export const TOKEN_ADJUST_PRIVILEGES = 0x20;
export const TOKEN_ADJUST_DEFAULT = 0x80;
export const THREAD_SET_THREAD_TOKEN = 0x80;
export const KEY_QUERY_VALUE = 0x1;
export const KEY_ENUMERATE_SUB_KEYS = 0x8;
/** What a program that may only read the registry can have: KEY_READ. */
export const KEY_READ = 0x20019;
export const THREAD_ALL_ACCESS = 0x1fffff;
export const THREAD_TERMINATE = 0x1;
export const THREAD_SUSPEND_RESUME = 0x2;
export const THREAD_ALERT = 0x4;
export const THREAD_GET_CONTEXT = 0x8;
export const THREAD_SET_CONTEXT = 0x10;
export const THREAD_SET_INFORMATION = 0x20;
export const THREAD_QUERY_INFORMATION = 0x40;
export const THREAD_SET_LIMITED_INFORMATION = 0x400;
export const THREAD_QUERY_LIMITED_INFORMATION = 0x800;

/** What the generic rights mean for a kind of object (GENERIC_MAPPING). */
interface GenericMapping {
  readonly read: number;
  readonly write: number;
  readonly execute: number;
  readonly all: number;
}

const EVENT_MAPPING: GenericMapping = { read: 0x20001, write: 0x20002, execute: 0x120000, all: 0x1f0003 };

const MAPPINGS: Readonly<Record<ObjectKind, GenericMapping>> = {
  file: { read: 0x120089, write: 0x120116, execute: 0x1200a0, all: FILE_ALL_ACCESS },
  section: { read: 0x20005, write: 0x20002, execute: 0x20008, all: 0xf001f },
  event: EVENT_MAPPING,
  semaphore: EVENT_MAPPING,
  timer: EVENT_MAPPING,
  'io-completion': EVENT_MAPPING,
  'keyed-event': { read: 0x20001, write: 0x20002, execute: 0x20000, all: KEYEDEVENT_ALL_ACCESS },
  mutant: { read: 0x20001, write: 0x20000, execute: 0x120000, all: 0x1f0001 },
  process: { read: 0x20410, write: 0x20bea, execute: 0x121001, all: 0x1fffff },
  thread: { read: 0x20048, write: 0x20437, execute: 0x121800, all: 0x1fffff },
  directory: { read: 0x20003, write: 0x2000c, execute: 0x20003, all: 0xf000f },
  token: { read: 0x20008, write: 0x200e0, execute: 0x20000, all: 0xf01ff },
  job: { read: 0x20004, write: 0x2000b, execute: 0x120000, all: JOB_OBJECT_ALL_ACCESS },
  key: { read: KEY_READ, write: 0x20006, execute: KEY_READ, all: 0xf003f },
};

/** Rights that another one brings along. Source: "Process Security and Access Rights", "Thread Security and Access Rights". */
function impliedRights(kind: ObjectKind, mask: number): number {
  if (kind === 'process') return mask & PROCESS_QUERY_INFORMATION ? PROCESS_QUERY_LIMITED_INFORMATION : 0;
  if (kind !== 'thread') return 0;
  const query = mask & THREAD_QUERY_INFORMATION ? THREAD_QUERY_LIMITED_INFORMATION : 0;
  return query | (mask & THREAD_SET_INFORMATION ? THREAD_SET_LIMITED_INFORMATION : 0);
}

/** Replaces generic rights by what they mean for the kind (RtlMapGenericMask); MAXIMUM_ALLOWED gives all. */
export function mapGenericMask(kind: ObjectKind, access: number): number {
  const mapping = MAPPINGS[kind];
  let mask = access & 0x01ffffff;
  if (access & GENERIC_READ) mask |= mapping.read;
  if (access & GENERIC_WRITE) mask |= mapping.write;
  if (access & GENERIC_EXECUTE) mask |= mapping.execute;
  if (access & (GENERIC_ALL | MAXIMUM_ALLOWED)) mask |= mapping.all;
  return mask | impliedRights(kind, mask);
}
