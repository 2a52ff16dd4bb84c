import {
  STATUS_ABANDONED_WAIT_0,
  STATUS_ACCESS_DENIED,
  STATUS_HANDLE_NOT_CLOSABLE,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_INVALID_HANDLE,
  STATUS_INVALID_PARAMETER,
  STATUS_OBJECT_NAME_COLLISION,
  STATUS_OBJECT_NAME_EXISTS,
  STATUS_OBJECT_TYPE_MISMATCH,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
  STATUS_TOO_MANY_OPENED_FILES,
} from '../base/ntstatus.js';
import { deleteSection } from '../mm/section.js';
import { GENERIC_ALL, MAXIMUM_ALLOWED, mapGenericMask } from './access.js';
import { closeFileObject } from './create-file.js';
import { releaseLocks } from './file-locks.js';
import type { FileObject } from './file-object.js';
import { HANDLE_FLAG_INHERIT, HANDLE_FLAG_PROTECT_FROM_CLOSE } from './handle-table.js';
import { closeIoCompletion, discardCompletions, type IoCompletionObject } from './io-completion.js';
import { closeJob, type Job } from './job.js';
import type { Kernel } from './kernel.js';
import type { KernelObject, ObjectKind } from './object.js';
import type { Process } from './process.js';
import type { SectionObject } from './section-services.js';
import { checkAccess, descriptorOfDefaults } from './security/access-check.js';
import type { SecurityDescriptor } from './security/security-descriptor.js';
import { cancelTimer, type TimerObject } from './timer.js';
import { effectiveToken, type Token } from './token.js';

/** NtCurrentProcess() and NtCurrentThread(). */
export const CURRENT_PROCESS = -1;
export const CURRENT_THREAD = -2;

/** Pool bytes and tag of an object with its header on x64. Process and thread objects as in public symbols of Windows 10. */
const POOL_CHARGES: Readonly<Record<ObjectKind, readonly [bytes: number, tag: string]>> = {
  process: [0xb00, 'Proc'],
  thread: [0x900, 'Thre'],
  event: [0x80, 'Even'],
  mutant: [0xa0, 'Muta'],
  semaphore: [0x80, 'Sema'],
  timer: [0x160, 'Time'],
  'io-completion': [0xa0, 'IoCo'],
  'keyed-event': [0x80, 'Keye'],
  section: [0xc0, 'Sect'],
  file: [0x150, 'File'],
  directory: [0x1a0, 'Dire'],
  token: [0x4f0, 'Toke'],
  key: [0xa0, 'Key '],
  job: [0x620, 'Job '],
};

/** Whether there is pool for more objects of a kind (STATUS_INSUFFICIENT_RESOURCES). */
export function mayCreateObject(kernel: Kernel, kind: ObjectKind, count = 1): boolean {
  return kernel.mm.nonpagedPool.mayCharge(POOL_CHARGES[kind][0] * count);
}

/** A new object: its pool is charged. */
export function createObject<T extends KernelObject>(kernel: Kernel, object: T): T {
  const [bytes, tag] = POOL_CHARGES[object.kind];
  kernel.mm.nonpagedPool.charge(bytes, tag);
  return object;
}

/** Opens a handle; 0 when the table is full. */
export function openHandle(process: Process, object: KernelObject, access: number, flags: number): number {
  const handle = process.handles.insert(object, mapGenericMask(object.kind, access), flags);
  if (handle === 0) return 0;
  object.handleCount++;
  object.referenceCount++;
  return handle;
}

/** The rights that access to an object gives, generic ones mapped; -1 (STATUS_ACCESS_DENIED) when it is not to be had. */
function grantedAccess({ kind, grantable, security }: KernelObject, access: number, token: Token): number {
  if (security !== undefined) return checkAccess(security, token, kind, access);
  if (grantable === undefined) return mapGenericMask(kind, access);
  const asked = mapGenericMask(kind, access & ~MAXIMUM_ALLOWED);
  if ((asked & ~grantable) !== 0) return -1;
  return access & MAXIMUM_ALLOWED ? grantable : asked;
}

/** Opens a handle or lets the new object go again. */
export function openOrDelete(
  kernel: Kernel,
  process: Process,
  object: KernelObject,
  access: number,
  flags: number,
  out: { handle: number },
): number {
  const granted = grantedAccess(object, access, effectiveToken(kernel, process));
  if (granted === -1) return STATUS_ACCESS_DENIED;
  kernel.memory.commit();
  out.handle = openHandle(process, object, granted, flags);
  if (out.handle !== 0) return STATUS_SUCCESS;
  releaseUnopened(kernel, object);
  return STATUS_TOO_MANY_OPENED_FILES;
}

/** A new object for which there was no handle goes again. */
export function releaseUnopened(kernel: Kernel, object: KernelObject): void {
  if (object.referenceCount === 0) deleteObject(kernel, object);
}

/**
 * The object of a handle (ObReferenceObjectByHandle, without taking a reference); a number is the NTSTATUS: a handle that is
 * not open, of another kind, or without all the rights asked for. Pseudo handles mean the running process and thread.
 */
export function referenceByHandle(
  kernel: Kernel,
  process: Process,
  handle: number,
  kind: ObjectKind | null,
  access: number,
): KernelObject | number {
  if (handle === CURRENT_PROCESS)
    return kind === null || kind === 'process' ? process : STATUS_OBJECT_TYPE_MISMATCH;
  if (handle === CURRENT_THREAD && kernel.currentThread)
    return kind === null || kind === 'thread' ? kernel.currentThread : STATUS_OBJECT_TYPE_MISMATCH;
  const entry = process.handles.lookup(handle);
  if (!entry) return STATUS_INVALID_HANDLE;
  if (kind !== null && entry.object.kind !== kind) return STATUS_OBJECT_TYPE_MISMATCH;
  return (entry.grantedAccess & access) === access ? entry.object : STATUS_ACCESS_DENIED;
}

/** Closes a handle (NtClose). */
export function closeHandle(kernel: Kernel, process: Process, handle: number): number {
  if (handle === CURRENT_PROCESS || handle === CURRENT_THREAD) return STATUS_SUCCESS;
  const entry = process.handles.lookup(handle);
  if (!entry) return STATUS_INVALID_HANDLE;
  if (entry.flags & HANDLE_FLAG_PROTECT_FROM_CLOSE) return STATUS_HANDLE_NOT_CLOSABLE;
  kernel.memory.commit();
  process.handles.remove(handle);
  releaseHandle(kernel, entry.object);
  return STATUS_SUCCESS;
}

function releaseHandle(kernel: Kernel, object: KernelObject): void {
  if (--object.handleCount === 0) {
    kernel.objectDirectory.remove(object);
    if (object.kind === 'file') closeFileObject(kernel, object as FileObject);
    if (object.kind === 'job') closeJob(kernel, object as Job);
    if (object.kind === 'io-completion')
      closeIoCompletion(kernel, object as IoCompletionObject, STATUS_ABANDONED_WAIT_0);
  }
  dereferenceObject(kernel, object);
}

/** Closes all handles of a process that ends. */
export function closeAllHandles(kernel: Kernel, process: Process): void {
  for (const [handle, entry] of [...process.handles.handles()]) {
    process.handles.remove(handle);
    if (entry.object.kind === 'file') releaseLocks(kernel, entry.object as FileObject, process);
    releaseHandle(kernel, entry.object);
  }
}

export function dereferenceObject(kernel: Kernel, object: KernelObject): void {
  if (--object.referenceCount <= 0 && object.handleCount === 0) deleteObject(kernel, object);
}

/** Deletes the objects that the end of a wait has left without a reference. */
export function deleteUnreferenced(kernel: Kernel): void {
  for (const object of kernel.scheduler.unreferenced.splice(0))
    if (object.referenceCount <= 0 && object.handleCount === 0) deleteObject(kernel, object);
}

function releaseCompletion(kernel: Kernel, { completion }: FileObject): void {
  if (completion !== null) dereferenceObject(kernel, completion.port);
}

function deleteProcessObject(kernel: Kernel, process: Process): void {
  dereferenceObject(kernel, process.token);
  if (process.job !== null) dereferenceObject(kernel, process.job);
}

/** A job that is gone leaves the job that it lay in and lets its port go. */
function releaseJob(kernel: Kernel, job: Job): void {
  kernel.timedJobs.delete(job);
  if (job.port !== null) dereferenceObject(kernel, job.port.object);
  if (job.parent === null) return;
  job.parent.jobs.splice(job.parent.jobs.indexOf(job), 1);
  dereferenceObject(kernel, job.parent);
}

function deleteObject(kernel: Kernel, object: KernelObject): void {
  const [bytes, tag] = POOL_CHARGES[object.kind];
  kernel.mm.nonpagedPool.uncharge(bytes, tag);
  kernel.objectDirectory.remove(object);
  if (object.kind === 'file') releaseCompletion(kernel, object as FileObject);
  if (object.kind === 'io-completion') discardCompletions(kernel, object as IoCompletionObject);
  if (object.kind === 'timer') cancelTimer(kernel, object as TimerObject);
  if (object.kind === 'process') deleteProcessObject(kernel, object as Process);
  if (object.kind === 'job') releaseJob(kernel, object as Job);
  if (object.kind === 'section') {
    deleteSection(kernel.mm, (object as SectionObject).section);
    kernel.fileSystem.releaseUnused();
  }
}

/** Options of NtDuplicateObject. */
export const DUPLICATE_CLOSE_SOURCE = 1;
export const DUPLICATE_SAME_ACCESS = 2;

/**
 * Duplicates a handle from one process into another (NtDuplicateObject). A null target with DUPLICATE_CLOSE_SOURCE only closes
 * the handle. Statuses: STATUS_INVALID_HANDLE, STATUS_PROCESS_IS_TERMINATING (one of the two has ended),
 * STATUS_TOO_MANY_OPENED_FILES.
 */
export function duplicateObject(
  kernel: Kernel,
  source: Process,
  sourceHandle: number,
  target: Process | null,
  access: number,
  flags: number,
  options: number,
  out: { handle: number },
): number {
  if (source.deleted) return STATUS_PROCESS_IS_TERMINATING;
  if (target === null)
    return options & DUPLICATE_CLOSE_SOURCE
      ? closeHandle(kernel, source, sourceHandle)
      : STATUS_INVALID_HANDLE;
  const object = referenceByHandle(kernel, source, sourceHandle, null, 0);
  if (typeof object === 'number') return object;
  if (target.deleted) {
    if (options & DUPLICATE_CLOSE_SOURCE) closeHandle(kernel, source, sourceHandle);
    return STATUS_PROCESS_IS_TERMINATING;
  }
  const entry = source.handles.lookup(sourceHandle);
  const held = entry?.grantedAccess ?? mapGenericMask(object.kind, GENERIC_ALL);
  const granted =
    options & DUPLICATE_SAME_ACCESS
      ? held
      : (mapGenericMask(object.kind, access) & ~held) === 0
        ? mapGenericMask(object.kind, access)
        : grantedAccess(object, access, source.token);
  if (granted === -1) return STATUS_ACCESS_DENIED;
  kernel.memory.commit();
  out.handle = openHandle(target, object, granted, flags);
  if (options & DUPLICATE_CLOSE_SOURCE) closeHandle(kernel, source, sourceHandle);
  return out.handle === 0 ? STATUS_TOO_MANY_OPENED_FILES : STATUS_SUCCESS;
}

/** Sets the flags of a handle (SetHandleInformation): HANDLE_FLAG_*. */
export function setHandleFlags(process: Process, handle: number, mask: number, flags: number): number {
  const entry = process.handles.lookup(handle);
  if (!entry) return STATUS_INVALID_HANDLE;
  if (mask & ~(HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE)) return STATUS_INVALID_PARAMETER;
  entry.flags = (entry.flags & ~mask) | (flags & mask);
  return STATUS_SUCCESS;
}

/** How a named object is created (OBJECT_ATTRIBUTES): null name for an unnamed one. */
export interface NamedCreation {
  /** Full object path (object-directory.ts, baseNamedObjectPath), null for no name. */
  readonly path: string | null;
  readonly access: number;
  /** HANDLE_FLAG_*. */
  readonly handleFlags?: number;
  /** OBJ_OPENIF: an object that exists is opened and STATUS_OBJECT_NAME_EXISTS returned; else it is a collision. */
  readonly openIf: boolean;
  /** Who may open it later; a number is the NTSTATUS with which the descriptor is refused. */
  readonly security?: SecurityDescriptor | number | undefined;
}

/**
 * Finds the object that a creation would meet. A number is the NTSTATUS that refuses; null: the name is free, create it.
 */
export function findForCreation(
  kernel: Kernel,
  creation: NamedCreation,
  kind: ObjectKind,
): KernelObject | number | null {
  if (creation.path === null) return null;
  const status = kernel.objectDirectory.checkPath(creation.path);
  if (status !== STATUS_SUCCESS) return status;
  const found = kernel.objectDirectory.lookup(creation.path);
  if (typeof found === 'number') return null;
  if (found.kind !== kind) return STATUS_OBJECT_TYPE_MISMATCH;
  return creation.openIf ? found : STATUS_OBJECT_NAME_COLLISION;
}

/** Creates a named or unnamed object and its first handle; `make` makes it when the name is free. */
export function createNamedObject(
  kernel: Kernel,
  process: Process,
  creation: NamedCreation,
  kind: ObjectKind,
  make: () => KernelObject | number,
  out: { handle: number },
): number {
  const { security } = creation;
  if (typeof security === 'number') return security;
  const found = findForCreation(kernel, creation, kind);
  if (typeof found === 'number') return found;
  if (found) {
    const status = openOrDelete(kernel, process, found, creation.access, creation.handleFlags ?? 0, out);
    return status === STATUS_SUCCESS ? STATUS_OBJECT_NAME_EXISTS : status;
  }
  if (!mayCreateObject(kernel, kind)) return STATUS_INSUFFICIENT_RESOURCES;
  kernel.memory.commit();
  const made = make();
  if (typeof made === 'number') return made;
  const object = createObject(kernel, made);
  const status = openOrDelete(kernel, process, object, creation.access, creation.handleFlags ?? 0, out);
  if (status !== STATUS_SUCCESS) return status;
  const given = security ?? descriptorOfDefaults(effectiveToken(kernel, process).defaults);
  if (given !== null) object.security = given;
  if (creation.path !== null) kernel.objectDirectory.insert(creation.path, object);
  return status;
}

/** Opens a named object (NtOpenSection, NtOpenEvent, …). */
export function openNamedObject(
  kernel: Kernel,
  process: Process,
  path: string,
  kind: ObjectKind,
  access: number,
  handleFlags: number,
  out: { handle: number },
): number {
  const found = kernel.objectDirectory.lookup(path);
  if (typeof found === 'number') return found;
  if (found.kind !== kind) return STATUS_OBJECT_TYPE_MISMATCH;
  return openOrDelete(kernel, process, found, access, handleFlags, out);
}
