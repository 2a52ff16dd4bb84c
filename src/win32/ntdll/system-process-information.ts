/**
 * NtQuerySystemInformation's list of all processes and their threads: SYSTEM_PROCESS_INFORMATION, each with its
 * SYSTEM_THREAD_INFORMATION behind it. Sources: Microsoft, "NtQuerySystemInformation function"; the fields that Microsoft calls
 * reserved as published.
 */
import { STATUS_INFO_LENGTH_MISMATCH, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { userTime } from '../../nt/job.js';
import { classBasePriority } from '../../nt/priority.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall } from '../../nt/service.js';
import { THREAD_TERMINATED, THREAD_WAITING, type Thread } from '../../nt/thread.js';
import { wideBytes } from '../wide-bytes.js';
import { writeSize } from './arguments.js';
import { virtualSize } from './process-information.js';

const PROCESS_BYTES = 0x100;
const THREAD_BYTES = 0x50;
const PAGE = 4096;
const SESSION_ID = 1;
/** KTHREAD_STATE of a thread that runs or could, and of one that waits; its reason, UserRequest. */
const STATE_READY = 1;
const STATE_WAITING = 5;
const WAIT_USER_REQUEST = 6;

interface ThreadRecord {
  readonly id: number;
  readonly priority: number;
  /** The thread of a program; null for a thread of the system. */
  readonly thread: Thread | null;
}

interface ProcessRecord {
  readonly id: number;
  readonly name: string;
  readonly priority: number;
  readonly threads: readonly ThreadRecord[];
  /** The program's process; null for the idle process and the system process. */
  readonly process: Process | null;
}

const SYSTEM_PRIORITY = 8;

/** The idle process, the system process with the memory manager's threads, then the programs. */
function records({ kernel }: ServiceCall): ProcessRecord[] {
  const { systemThreads: all } = kernel.mm;
  const systemThreads = [
    all.balanceSetManager,
    all.modifiedPageWriter,
    all.mappedPageWriter,
    all.swapper,
    all.dereferenceSegment,
    all.zeroPage,
  ].map(({ id, priority }) => ({ id, priority, thread: null }));
  const programs = [...kernel.processes.values()].map((process) => ({
    id: process.id,
    name: process.imagePath.slice(process.imagePath.lastIndexOf('\\') + 1),
    priority: classBasePriority(process.priorityClass),
    threads: process.threads
      .filter(({ state }) => state !== THREAD_TERMINATED)
      .map((thread) => ({ id: thread.id, priority: thread.priority, thread })),
    process,
  }));
  return [
    { id: 0, name: '', priority: 0, threads: [{ id: 0, priority: 0, thread: null }], process: null },
    { id: 4, name: 'System', priority: SYSTEM_PRIORITY, threads: systemThreads, process: null },
    ...programs,
  ];
}

const aligned = (bytes: number) => Math.ceil(bytes / 8) * 8;
const nameBytes = (name: string) => (name === '' ? 0 : (name.length + 1) * 2);
const recordBytes = ({ name, threads }: ProcessRecord) =>
  aligned(PROCESS_BYTES + threads.length * THREAD_BYTES + nameBytes(name));

function writeThread(call: ServiceCall, at: number, record: ThreadRecord, owner: number): void {
  const { memory } = call;
  const { thread } = record;
  const waits = thread === null || thread.state === THREAD_WAITING;
  writeSize(call, at + 0x08, Math.floor((thread?.instructions ?? 0) / 100));
  if (thread !== null) {
    memory.writeU64(at + 0x10, thread.createTime.lo, thread.createTime.hi);
    memory.writeU64(at + 0x20, ...thread.startAddress);
  }
  memory.writeU64(at + 0x28, owner, 0);
  memory.writeU64(at + 0x30, record.id, 0);
  memory.writeU32(at + 0x38, record.priority);
  memory.writeU32(at + 0x3c, thread?.basePriority ?? record.priority);
  memory.writeU32(at + 0x44, waits ? STATE_WAITING : STATE_READY);
  memory.writeU32(at + 0x48, waits ? WAIT_USER_REQUEST : 0);
}

/** What a program's process uses; all time is user time, and pool is not charged to processes. */
function writeUse(call: ServiceCall, at: number, process: Process): void {
  const { memory } = call;
  const { space, createTime } = process;
  const [size, committed] = [virtualSize(process), space.commitCharge * PAGE];
  memory.writeU32(at + 0x10, space.counters.hard);
  writeSize(
    call,
    at + 0x18,
    process.threads.reduce((sum, { instructions }) => sum + instructions, 0),
  );
  memory.writeU64(at + 0x20, createTime.lo, createTime.hi);
  writeSize(call, at + 0x28, userTime(process));
  memory.writeU64(at + 0x58, process.parentId, 0);
  memory.writeU32(at + 0x60, process.handles.count);
  memory.writeU32(at + 0x64, SESSION_ID);
  writeSize(call, at + 0x70, size);
  writeSize(call, at + 0x78, size);
  memory.writeU32(at + 0x80, space.counters.total);
  writeSize(call, at + 0x88, space.peakWorkingSetPages * PAGE);
  writeSize(call, at + 0x90, space.workingSetPages * PAGE);
  writeSize(call, at + 0xb8, committed);
  writeSize(call, at + 0xc0, space.peakCommitCharge * PAGE);
  writeSize(call, at + 0xc8, committed);
}

function writeRecord(call: ServiceCall, at: number, record: ProcessRecord): void {
  const { memory } = call;
  memory.writeU32(at + 0x04, record.threads.length);
  memory.writeU32(at + 0x48, record.priority);
  memory.writeU64(at + 0x50, record.id, 0);
  if (record.process !== null) writeUse(call, at, record.process);
  record.threads.forEach((thread, index) => {
    writeThread(call, at + PROCESS_BYTES + index * THREAD_BYTES, thread, record.id);
  });
  if (record.name === '') return;
  const nameAt = at + PROCESS_BYTES + record.threads.length * THREAD_BYTES;
  memory.writeU16(at + 0x38, record.name.length * 2);
  memory.writeU16(at + 0x3a, nameBytes(record.name));
  memory.writePointer(at + 0x40, nameAt);
  memory.writeBytes(nameAt, wideBytes(record.name));
}

/** Stores the list; `returnedAt` gets the bytes that it takes. STATUS_INFO_LENGTH_MISMATCH when the buffer is shorter. */
export function storeProcessList(
  call: ServiceCall,
  buffer: number,
  length: number,
  returnedAt: number,
): number {
  const { memory } = call;
  const list = records(call);
  const needed = list.reduce((sum, record) => sum + recordBytes(record), 0);
  if (returnedAt !== 0) memory.writeU32(returnedAt, needed);
  if (length < needed) return STATUS_INFO_LENGTH_MISMATCH;
  memory.probeWrite(buffer, needed);
  memory.fill(buffer, needed, 0);
  let at = buffer;
  list.forEach((record, index) => {
    const bytes = recordBytes(record);
    writeRecord(call, at, record);
    if (index < list.length - 1) memory.writeU32(at, bytes);
    at += bytes;
  });
  return STATUS_SUCCESS;
}
