/**
 * NtQueryInformationThread and NtSetInformationThread by class. Sources: Microsoft, "NtQueryInformationThread function",
 * "ZwSetInformationThread function", "NtSetInformationThread function"; classes and structures as published.
 */
import {
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_INVALID_PARAMETER,
  STATUS_PENDING,
  STATUS_PRIVILEGE_NOT_HELD,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import {
  THREAD_QUERY_INFORMATION,
  THREAD_QUERY_LIMITED_INFORMATION,
  THREAD_SET_INFORMATION,
  THREAD_SET_LIMITED_INFORMATION,
} from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import { pagePriorityOf, setThreadPagePriority } from '../../nt/page-priority.js';
import { setThreadLevel } from '../../nt/priority.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { THREAD_TERMINATED, type Thread } from '../../nt/thread.js';
import { wideBytes } from '../wide-bytes.js';
import { answer, nativeServices, readSize, writeSize } from './arguments.js';
import { readUnicodeString } from './strings.js';

/** THREADINFOCLASS. */
const BASIC = 0;
const TIMES = 1;
const PRIORITY = 2;
const BASE_PRIORITY = 3;
const AFFINITY_MASK = 4;
const WIN32_START_ADDRESS = 9;
const AM_I_LAST_THREAD = 12;
const IDEAL_PROCESSOR = 13;
const PRIORITY_BOOST = 14;
const IS_IO_PENDING = 16;
const HIDE_FROM_DEBUGGER = 17;
const IS_TERMINATED = 20;
const CYCLE_TIME = 23;
const PAGE_PRIORITY = 24;
const GROUP_INFORMATION = 30;
const IDEAL_PROCESSOR_EX = 33;
const SUSPEND_COUNT = 35;
const NAME = 38;

/** What a class holds: its bytes, and what writes them into zeroed memory. */
interface ThreadQuery {
  readonly bytes: (thread: Thread) => number;
  readonly access: number;
  readonly write: (call: ServiceCall, thread: Thread, at: number) => void;
}

const limited = (bytes: number, write: ThreadQuery['write']): ThreadQuery => ({
  bytes: () => bytes,
  access: THREAD_QUERY_LIMITED_INFORMATION,
  write,
});
const full = (bytes: number, write: ThreadQuery['write']): ThreadQuery => ({
  bytes: () => bytes,
  access: THREAD_QUERY_INFORMATION,
  write,
});

const flag = (value: (thread: Thread) => boolean): ThreadQuery =>
  full(4, ({ memory }, thread, at) => memory.writeU32(at, value(thread) ? 1 : 0));

const writeBasic: ThreadQuery['write'] = ({ memory }, thread, at) => {
  memory.writeU32(at, thread.exitStatus ?? STATUS_PENDING);
  memory.writePointer(at + 8, thread.teb);
  memory.writeU64(at + 0x10, thread.process.id, 0);
  memory.writeU64(at + 0x18, thread.id, 0);
  memory.writeU64(at + 0x20, 1, 0);
  memory.writeU32(at + 0x28, thread.priority);
  memory.writeU32(at + 0x2c, thread.priorityLevel >>> 0);
};

/** KERNEL_USER_TIMES: creation, exit, kernel, user. */
const writeTimes: ThreadQuery['write'] = (call, thread, at) => {
  call.memory.writeU64(at, thread.createTime.lo, thread.createTime.hi);
  call.memory.writeU64(at + 8, thread.exitTime.lo, thread.exitTime.hi);
  writeSize(call, at + 0x18, Math.floor(thread.instructions / 100));
};

const isLast = ({ process }: Thread) =>
  process.threads.filter(({ state }) => state !== THREAD_TERMINATED).length === 1;

const UNICODE_STRING_BYTES = 16;

const name: ThreadQuery = {
  bytes: ({ description }) => UNICODE_STRING_BYTES + description.length * 2,
  access: THREAD_QUERY_LIMITED_INFORMATION,
  write: ({ memory }, { description }, at) => {
    memory.writeU16(at, description.length * 2);
    memory.writeU16(at + 2, description.length * 2);
    memory.writePointer(at + 8, at + UNICODE_STRING_BYTES);
    memory.writeBytes(at + UNICODE_STRING_BYTES, wideBytes(description));
  },
};

const QUERIES: ReadonlyMap<number, ThreadQuery> = new Map([
  [BASIC, limited(0x30, writeBasic)],
  [TIMES, limited(0x20, writeTimes)],
  [WIN32_START_ADDRESS, full(8, ({ memory }, thread, at) => memory.writeU64(at, ...thread.startAddress))],
  [AM_I_LAST_THREAD, flag(isLast)],
  [PRIORITY_BOOST, flag(({ boostDisabled }) => boostDisabled)],
  [IS_IO_PENDING, flag(() => false)],
  [
    HIDE_FROM_DEBUGGER,
    full(1, ({ memory }, thread, at) => memory.writeU8(at, thread.hiddenFromDebugger ? 1 : 0)),
  ],
  [
    IS_TERMINATED,
    limited(4, ({ memory }, { state }, at) => memory.writeU32(at, state === THREAD_TERMINATED ? 1 : 0)),
  ],
  [CYCLE_TIME, limited(0x10, (call, thread, at) => writeSize(call, at, thread.instructions))],
  [PAGE_PRIORITY, limited(4, ({ memory }, thread, at) => memory.writeU32(at, pagePriorityOf(thread)))],
  [GROUP_INFORMATION, limited(0x10, ({ memory }, _thread, at) => memory.writeU32(at, 1))],
  [IDEAL_PROCESSOR_EX, limited(4, () => undefined)],
  [SUSPEND_COUNT, limited(4, ({ memory }, { suspendCount }, at) => memory.writeU32(at, suspendCount))],
  [NAME, name],
]);

/** (thread, class, buffer, length, *returned). */
const query: ServiceFunction = (call) => {
  const asked = QUERIES.get(call.u32(1));
  if (asked === undefined) return STATUS_INVALID_INFO_CLASS;
  const thread = referenceByHandle(call.kernel, call.process, call.handle(0), 'thread', asked.access);
  if (typeof thread === 'number') return thread;
  return answer(call, 2, asked.bytes(thread as Thread), (at) => asked.write(call, thread as Thread, at));
};

/** What setting a class does with its buffer; an NTSTATUS. */
interface ThreadChange {
  readonly bytes: number;
  readonly access: number;
  readonly change: (call: ServiceCall, thread: Thread, at: number) => number;
}

const LEAST_PRIORITY = 1;
const FIRST_REALTIME = 16;
const LAST_REALTIME = 31;

/** An absolute priority; real-time ones take a privilege that no process here has. */
const setPriority: ThreadChange['change'] = (call, thread, at) => {
  const priority = call.memory.readI32(at);
  if (priority < LEAST_PRIORITY || priority > LAST_REALTIME) return STATUS_INVALID_PARAMETER;
  if (priority >= FIRST_REALTIME) return STATUS_PRIVILEGE_NOT_HELD;
  call.memory.commit();
  thread.basePriority = priority;
  if (thread.state !== THREAD_TERMINATED) call.kernel.scheduler.setPriority(thread, priority);
  return STATUS_SUCCESS;
};

/** Levels within the class: THREAD_BASE_PRIORITY_MIN to MAX, and the two ends. */
const LEVELS: readonly number[] = [-15, -2, -1, 0, 1, 2, 15];

const setLevel: ThreadChange['change'] = (call, thread, at) => {
  const level = call.memory.readI32(at);
  if (!LEVELS.includes(level)) return STATUS_INVALID_PARAMETER;
  call.memory.commit();
  if (thread.state !== THREAD_TERMINATED) setThreadLevel(call.kernel, thread, level);
  return STATUS_SUCCESS;
};

const setName: ThreadChange['change'] = (call, thread, at) => {
  const text = readUnicodeString(call, at);
  call.memory.commit();
  thread.description = text;
  return STATUS_SUCCESS;
};

const isOneProcessor: ThreadChange['change'] = (call, _thread, at) =>
  readSize(call, at) % 2 === 1 ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;

const CHANGES: ReadonlyMap<number, ThreadChange> = new Map([
  [PRIORITY, { bytes: 4, access: THREAD_SET_INFORMATION, change: setPriority }],
  [BASE_PRIORITY, { bytes: 4, access: THREAD_SET_INFORMATION, change: setLevel }],
  [AFFINITY_MASK, { bytes: 8, access: THREAD_SET_INFORMATION, change: isOneProcessor }],
  [
    WIN32_START_ADDRESS,
    {
      bytes: 8,
      access: THREAD_SET_INFORMATION,
      change: (call, thread, at) => {
        const address = [call.memory.readU64Lo(at), call.memory.readU64Hi(at)] as const;
        call.memory.commit();
        thread.startAddress = address;
        return STATUS_SUCCESS;
      },
    },
  ],
  [
    IDEAL_PROCESSOR,
    {
      bytes: 4,
      access: THREAD_SET_INFORMATION,
      change: (call, _thread, at) => {
        const processor = call.memory.readU32(at);
        return processor === 0 || processor === 64 ? 0 : STATUS_INVALID_PARAMETER;
      },
    },
  ],
  [
    PRIORITY_BOOST,
    {
      bytes: 4,
      access: THREAD_SET_INFORMATION,
      change: (call, thread, at) => {
        const disabled = call.memory.readU32(at) !== 0;
        call.memory.commit();
        thread.boostDisabled = disabled;
        return STATUS_SUCCESS;
      },
    },
  ],
  [
    HIDE_FROM_DEBUGGER,
    {
      bytes: 0,
      access: THREAD_SET_INFORMATION,
      change: (call, thread) => {
        call.memory.commit();
        thread.hiddenFromDebugger = true;
        return STATUS_SUCCESS;
      },
    },
  ],
  [
    PAGE_PRIORITY,
    {
      bytes: 4,
      access: THREAD_SET_INFORMATION,
      change: (call, _thread, at) =>
        setThreadPagePriority(call.kernel, call.process, call.handle(0), call.memory.readU32(at)),
    },
  ],
  [NAME, { bytes: UNICODE_STRING_BYTES, access: THREAD_SET_LIMITED_INFORMATION, change: setName }],
]);

/** (thread, class, buffer, length). */
const set: ServiceFunction = (call) => {
  const asked = CHANGES.get(call.u32(1));
  if (asked === undefined) return STATUS_INVALID_INFO_CLASS;
  if (call.u32(3) !== asked.bytes) return STATUS_INFO_LENGTH_MISMATCH;
  const thread = referenceByHandle(call.kernel, call.process, call.handle(0), 'thread', asked.access);
  return typeof thread === 'number' ? thread : asked.change(call, thread as Thread, call.address(2));
};

export const threadInformationServices = nativeServices({
  QueryInformationThread: query,
  SetInformationThread: set,
});
