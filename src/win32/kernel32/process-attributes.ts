/**
 * Attribute lists for new processes and threads (processthreadsapi.h): PROC_THREAD_ATTRIBUTE_LIST. Sources: Microsoft,
 * "InitializeProcThreadAttributeList function", "UpdateProcThreadAttribute function", "STARTUPINFOEXW structure". The list's
 * layout is the published one (a head of 24 bytes and 24 bytes an entry on x64); which error says what is not documented.
 */
import { STATUS_INVALID_HANDLE } from '../../base/ntstatus.js';
import { JOB_OBJECT_ASSIGN_PROCESS, PROCESS_CREATE_PROCESS } from '../../nt/access.js';
import type { Job } from '../../nt/job.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { readSize, writeSize } from '../ntdll/arguments.js';
import {
  ERROR_BAD_LENGTH,
  ERROR_GEN_FAILURE,
  ERROR_INSUFFICIENT_BUFFER,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_SUPPORTED,
  ERROR_OBJECT_NAME_EXISTS,
} from '../ntdll/dos-error.js';
import { TRUE } from './results.js';

/** The list: which attributes are there (a bit for each number), room, count, then the entries. */
const PRESENT = 0x00;
const ROOM = 0x04;
const COUNT = 0x08;
const HEAD_BYTES = 0x18;
const ENTRY_BYTES = 0x18;
const ENTRY_SIZE = 0x08;
const ENTRY_VALUE = 0x10;

/** Attributes: a number, with bits that say that it is for threads, an input, added to what is there. */
const PARENT_PROCESS = 0x20000;
const HANDLE_LIST = 0x20002;
const JOB_LIST = 0x2000d;
const CHILD_PROCESS_POLICY = 0x2000e;
const NUMBER_MASK = 0xffff;
const PROCESS_CREATION_CHILD_PROCESS_RESTRICTED = 1;

/** Sizes in bytes that the value of an attribute can have; a list has any multiple of 8 above 0. */
const SIZES: ReadonlyMap<number, readonly number[] | 'list'> = new Map<number, readonly number[] | 'list'>([
  [PARENT_PROCESS, [8]],
  [HANDLE_LIST, 'list'],
  [JOB_LIST, 'list'],
  [CHILD_PROCESS_POLICY, [4]],
]);
/** Most attributes of a list: those that Windows knows. */
const MOST_ATTRIBUTES = 27;
/** Most handles of a list that are looked at: a bound of ours. */
const MOST_HANDLES = 0x10000;

/** BOOL InitializeProcThreadAttributeList(list, count, flags, *bytes): without a list it tells how many bytes one takes. */
const initialize: ServiceFunction = (call) => {
  const { memory } = call;
  const [list, count, flags, sizeAt] = [call.address(0), call.u32(1), call.u32(2), call.address(3)];
  if (flags !== 0 || count > MOST_ATTRIBUTES) return call.fail(ERROR_INVALID_PARAMETER);
  const needed = HEAD_BYTES + count * ENTRY_BYTES;
  const given = readSize(call, sizeAt);
  writeSize(call, sizeAt, needed);
  if (list === 0 || given < needed) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  memory.fill(list, HEAD_BYTES, 0);
  memory.writeU32(list + ROOM, count);
  return TRUE;
};

/** The Win32 error of a value that an attribute cannot have, 0 for none. */
function refusal(attribute: number, bytes: number): number {
  const sizes = SIZES.get(attribute);
  if (sizes === undefined) return ERROR_NOT_SUPPORTED;
  const fits = sizes === 'list' ? bytes > 0 && bytes % 8 === 0 : sizes.includes(bytes);
  return fits ? 0 : ERROR_BAD_LENGTH;
}

/** BOOL UpdateProcThreadAttribute(list, flags, attribute, value, bytes, previous, returned): the value stays where it is. */
const update: ServiceFunction = (call) => {
  const { memory } = call;
  const [list, attribute, bytes] = [call.address(0), call.size(2), call.size(4)];
  if (call.u32(1) !== 0 || call.address(5) !== 0 || call.address(6) !== 0)
    return call.fail(ERROR_INVALID_PARAMETER);
  const count = memory.readU32(list + COUNT);
  if (count >= memory.readU32(list + ROOM)) return call.fail(ERROR_GEN_FAILURE);
  const error = refusal(attribute, bytes);
  if (error !== 0) return call.fail(error);
  const [present, bit] = [memory.readU32(list + PRESENT), 1 << (attribute & NUMBER_MASK)];
  if ((present & bit) !== 0) return call.fail(ERROR_OBJECT_NAME_EXISTS);
  const entry = list + HEAD_BYTES + count * ENTRY_BYTES;
  memory.writePointer(entry, attribute);
  writeSize(call, entry + ENTRY_SIZE, bytes);
  memory.writeU64(entry + ENTRY_VALUE, call.lo(3), call.hi(3));
  memory.writeU32(list + COUNT, count + 1);
  memory.writeU32(list + PRESENT, present | bit);
  return TRUE;
};

/** What the attributes of a new process say. */
export interface ProcessAttributes {
  /** The process that it gets its handles, token, priority and job from; null for its creator. */
  readonly parent: Process | null;
  /** The handles that it inherits; null for all that are inheritable. */
  readonly handles: readonly number[] | null;
  /** Jobs into which it goes, in this order. */
  readonly jobs: readonly Job[];
  readonly isChildless: boolean;
}

export const NO_ATTRIBUTES: ProcessAttributes = { parent: null, handles: null, jobs: [], isChildless: false };

function handlesAt(call: ServiceCall, at: number, bytes: number): number[] {
  const { memory } = call;
  const count = Math.min(bytes / 8, MOST_HANDLES);
  return Array.from(
    { length: count },
    (_, index) => memory.readI32(at + 8 * index + 4) * 2 ** 32 + memory.readU32(at + 8 * index),
  );
}

function jobsOf(call: ServiceCall, handles: readonly number[]): Job[] | number {
  const jobs: Job[] = [];
  for (const handle of handles) {
    const job = referenceByHandle(call.kernel, call.process, handle, 'job', JOB_OBJECT_ASSIGN_PROCESS);
    if (typeof job === 'number') return job;
    jobs.push(job as Job);
  }
  return jobs;
}

/** Reads the attributes of STARTUPINFOEX; a number is the NTSTATUS of a handle that is refused. */
export function readAttributes(call: ServiceCall, list: number): ProcessAttributes | number {
  const { kernel, memory } = call;
  if (list === 0) return NO_ATTRIBUTES;
  let { parent, handles, jobs, isChildless } = NO_ATTRIBUTES;
  const count = Math.min(memory.readU32(list + COUNT), MOST_ATTRIBUTES);
  for (let index = 0; index < count; index++) {
    const entry = list + HEAD_BYTES + index * ENTRY_BYTES;
    const [attribute, bytes, at] = [
      memory.readU32(entry),
      readSize(call, entry + ENTRY_SIZE),
      memory.readPointer(entry + ENTRY_VALUE),
    ];
    if (attribute === CHILD_PROCESS_POLICY)
      isChildless = (memory.readU32(at) & PROCESS_CREATION_CHILD_PROCESS_RESTRICTED) !== 0;
    if (attribute === HANDLE_LIST) handles = handlesAt(call, at, bytes);
    if (attribute === PARENT_PROCESS) {
      const [handle] = handlesAt(call, at, 8);
      const found = referenceByHandle(kernel, call.process, handle!, 'process', PROCESS_CREATE_PROCESS);
      if (typeof found === 'number') return found;
      parent = found as Process;
      if (parent.deleted) return STATUS_INVALID_HANDLE;
    }
    if (attribute === JOB_LIST) {
      const found = jobsOf(call, handlesAt(call, at, bytes));
      if (typeof found === 'number') return found;
      jobs = found;
    }
  }
  return { parent, handles, jobs, isChildless };
}

export const processAttributeFunctions: Record<string, ServiceFunction> = {
  InitializeProcThreadAttributeList: initialize,
  UpdateProcThreadAttribute: update,
  DeleteProcThreadAttributeList: () => undefined,
};
