/** The one processor (sysinfoapi.h, realtimeapiset.h). Sources: Microsoft, "GetLogicalProcessorInformation function", "SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX structure", "QueryProcessCycleTime function". */
import { PROCESS_QUERY_LIMITED_INFORMATION, THREAD_QUERY_LIMITED_INFORMATION } from '../../nt/access.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { Thread } from '../../nt/thread.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { failStatus, TRUE, writeU64 } from './results.js';

/** LOGICAL_PROCESSOR_RELATIONSHIP. */
const RELATION_CORE = 0;
const RELATION_NUMA_NODE = 1;
const RELATION_PACKAGE = 3;
const RELATION_GROUP = 4;
const RELATION_ALL = 0xffff;

const ENTRY_BYTES = 0x20;
const ENTRY_RELATIONSHIP = 8;

/** BOOL GetLogicalProcessorInformation(buffer, *bytes): a core, a node and a package, each of processor 0. */
const processorInformation: ServiceFunction = (call) => {
  const { memory } = call;
  const [at, bytesAt] = [call.address(0), call.address(1)];
  const relations = [RELATION_CORE, RELATION_NUMA_NODE, RELATION_PACKAGE];
  const room = memory.readU32(bytesAt);
  const needed = relations.length * ENTRY_BYTES;
  memory.writeU32(bytesAt, needed);
  if (room < needed) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  memory.probeWrite(at, needed);
  memory.fill(at, needed, 0);
  relations.forEach((relation, index) => {
    memory.writeU32(at + index * ENTRY_BYTES, 1);
    memory.writeU32(at + index * ENTRY_BYTES + ENTRY_RELATIONSHIP, relation);
  });
  return TRUE;
};

/** Bytes of an entry of the Ex form by relationship: header of 8 bytes, then its structure. */
const EX_BYTES: ReadonlyMap<number, number> = new Map([
  [RELATION_CORE, 0x30],
  [RELATION_NUMA_NODE, 0x30],
  [RELATION_PACKAGE, 0x30],
  [RELATION_GROUP, 0x50],
]);
/** Where the group count and the first group's mask lie in a core or package, the mask in a node. */
const EX_GROUP_COUNT = 0x1e;
const EX_MASK = 0x20;
/** Group entry: most and active groups, then the first group's most and active processors and their mask. */
const EX_GROUPS = 0x08;
const EX_GROUP_PROCESSORS = 0x20;
const EX_GROUP_MASK = 0x48;

function writeEntry(call: ServiceCall, at: number, relation: number): void {
  const { memory } = call;
  memory.writeU32(at, relation);
  memory.writeU32(at + 4, EX_BYTES.get(relation)!);
  if (relation === RELATION_GROUP) {
    memory.writeU32(at + EX_GROUPS, 0x0001_0001);
    memory.writeU16(at + EX_GROUP_PROCESSORS, 0x0101);
    memory.writeU64(at + EX_GROUP_MASK, 1, 0);
    return;
  }
  if (relation !== RELATION_NUMA_NODE) memory.writeU16(at + EX_GROUP_COUNT, 1);
  memory.writeU64(at + EX_MASK, 1, 0);
}

/** BOOL GetLogicalProcessorInformationEx(relationship, buffer, *bytes). */
const processorInformationEx: ServiceFunction = (call) => {
  const { memory } = call;
  const [wanted, at, bytesAt] = [call.u32(0), call.address(1), call.address(2)];
  const relations = [...EX_BYTES.keys()].filter((each) => wanted === RELATION_ALL || wanted === each);
  if (relations.length === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const room = memory.readU32(bytesAt);
  const needed = relations.reduce((sum, relation) => sum + EX_BYTES.get(relation)!, 0);
  memory.writeU32(bytesAt, needed);
  if (room < needed) return call.fail(ERROR_INSUFFICIENT_BUFFER);
  memory.probeWrite(at, needed);
  memory.fill(at, needed, 0);
  let place = at;
  for (const relation of relations) {
    writeEntry(call, place, relation);
    place += EX_BYTES.get(relation)!;
  }
  return TRUE;
};

/** BOOL QueryProcessCycleTime(process, *cycles): an instruction is a cycle. */
const processCycles: ServiceFunction = (call) => {
  const access = PROCESS_QUERY_LIMITED_INFORMATION;
  const process = referenceByHandle(call.kernel, call.process, call.handle(0), 'process', access);
  if (typeof process === 'number') return failStatus(call, process);
  const { threads } = process as Process;
  writeU64(
    call,
    call.address(1),
    threads.reduce((sum, thread) => sum + thread.instructions, 0),
  );
  return TRUE;
};

/** BOOL QueryThreadCycleTime(thread, *cycles). */
const threadCycles: ServiceFunction = (call) => {
  const access = THREAD_QUERY_LIMITED_INFORMATION;
  const thread = referenceByHandle(call.kernel, call.process, call.handle(0), 'thread', access);
  if (typeof thread === 'number') return failStatus(call, thread);
  writeU64(call, call.address(1), (thread as Thread).instructions);
  return TRUE;
};

export const processorFunctions: Record<string, Service | ServiceFunction> = {
  GetLogicalProcessorInformation: processorInformation,
  GetLogicalProcessorInformationEx: processorInformationEx,
  QueryProcessCycleTime: processCycles,
  QueryThreadCycleTime: threadCycles,
};
