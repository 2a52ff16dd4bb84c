/** Native services of completion ports and keyed events; prototypes and structures as published. */
import {
  STATUS_INVALID_PARAMETER_1,
  STATUS_INVALID_PARAMETER_3,
  STATUS_INVALID_PARAMETER_4,
  STATUS_SUCCESS,
  STATUS_TIMEOUT,
} from '../../base/ntstatus.js';
import { IO_COMPLETION_QUERY_STATE, KEYEDEVENT_WAIT, KEYEDEVENT_WAKE } from '../../nt/access.js';
import { testForAlert, type Word64 } from '../../nt/apc.js';
import type { CompletionPacket } from '../../nt/io-completion.js';
import { createIoCompletion, removeIoCompletion, setIoCompletion } from '../../nt/io-completion-services.js';
import { type KeyedEventObject, makeKeyedEvent, meetAtKey } from '../../nt/keyed-event.js';
import type { DispatcherObject } from '../../nt/object.js';
import { createNamedObject, referenceByHandle } from '../../nt/object-manager.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { deadlineIn } from '../../nt/sync.js';
import { answerBasic, nativeServices, timeoutOf } from './arguments.js';
import { creation, opening } from './object-services.js';

const word = (call: ServiceCall, index: number): Word64 => [call.lo(index), call.hi(index)];

/** (*handle, access, attributes, concurrency). */
const createPort: ServiceFunction = (call) =>
  creation(call, (named, out) => createIoCompletion(call.kernel, call.process, named, call.u32(3), out));

/** (port, key, context, status, information). */
const setPort: ServiceFunction = (call) =>
  setIoCompletion(call.kernel, call.process, call.handle(0), {
    key: word(call, 1),
    context: word(call, 2),
    status: call.u32(3),
    information: word(call, 4),
  });

/** (port, *key, *context, *statusBlock, *timeout). */
const removeOne: ServiceFunction = (call) => {
  const { memory } = call;
  const [keyAt, contextAt, blockAt] = [call.address(1), call.address(2), call.address(3)];
  memory.probeWrite(keyAt, 8);
  memory.probeWrite(contextAt, 8);
  memory.probeWrite(blockAt, 16);
  const give = ([packet]: readonly CompletionPacket[]) => {
    memory.writeU64(keyAt, ...packet!.key);
    memory.writeU64(contextAt, ...packet!.context);
    memory.writeU64(blockAt, packet!.status, 0);
    memory.writeU64(blockAt + 8, ...packet!.information);
  };
  return removeIoCompletion(call, call.handle(0), 1, timeoutOf(call, call.address(4)), false, give);
};

/** FILE_IO_COMPLETION_INFORMATION: key, context, status block. */
const ENTRY_BYTES = 0x20;
/** Most entries that are taken at once; a bound of ours. */
const MOST_ENTRIES = 0x10000;

/** (port, entries, count, *removed, *timeout, alertable). */
const removeSome: ServiceFunction = (call) => {
  const { memory } = call;
  const [entries, count, removedAt] = [call.address(1), call.u32(2), call.address(3)];
  if (count === 0) return STATUS_INVALID_PARAMETER_3;
  const most = Math.min(count, MOST_ENTRIES);
  memory.probeWrite(entries, most * ENTRY_BYTES);
  memory.probeWrite(removedAt, 4);
  const give = (packets: readonly CompletionPacket[]) => {
    packets.forEach(({ key, context, status, information }, index) => {
      const at = entries + index * ENTRY_BYTES;
      memory.writeU64(at, ...key);
      memory.writeU64(at + 8, ...context);
      memory.writeU64(at + 0x10, status, 0);
      memory.writeU64(at + 0x18, ...information);
    });
    memory.writeU32(removedAt, packets.length);
  };
  const alertable = (call.u32(5) & 0xff) !== 0;
  return removeIoCompletion(call, call.handle(0), most, timeoutOf(call, call.address(4)), alertable, give);
};

/** (port, class, buffer, length, *returned): the depth. */
const queryPort: ServiceFunction = (call) => {
  const { kernel, process, memory } = call;
  const port = referenceByHandle(kernel, process, call.handle(0), 'io-completion', IO_COMPLETION_QUERY_STATE);
  if (typeof port === 'number') return port;
  return answerBasic(call, 4, (at) => memory.writeU32(at, (port as DispatcherObject).signalState));
};

/** (*handle, access, attributes, flags). */
const createKeyed: ServiceFunction = (call) => {
  if (call.u32(3) !== 0) return STATUS_INVALID_PARAMETER_4;
  return creation(call, (named, out) =>
    createNamedObject(call.kernel, call.process, named, 'keyed-event', makeKeyedEvent, out),
  );
};

/** (event, key, alertable, *timeout): a handle of 0 means the system's own. Keys are even. */
const keyed =
  (releases: boolean): ServiceFunction =>
  (call) => {
    if (call.waitStatus >= 0) return call.waitStatus;
    const { kernel, process, thread } = call;
    const [key, alertable] = [call.size(1), (call.u32(2) & 0xff) !== 0];
    const time = timeoutOf(call, call.address(3));
    if (call.lo(1) & 1) return STATUS_INVALID_PARAMETER_1;
    const access = releases ? KEYEDEVENT_WAKE : KEYEDEVENT_WAIT;
    const event =
      call.handle(0) === 0
        ? kernel.keyedEvent
        : referenceByHandle(kernel, process, call.handle(0), 'keyed-event', access);
    if (typeof event === 'number') return event;
    call.memory.commit();
    if (meetAtKey(kernel, thread, event as KeyedEventObject, key, releases)) return STATUS_SUCCESS;
    const alert = alertable ? testForAlert(thread) : STATUS_SUCCESS;
    if (alert !== STATUS_SUCCESS) return alert;
    if (time <= 0) return STATUS_TIMEOUT;
    return call.wait({
      kind: 'keyed',
      event: event as KeyedEventObject,
      key,
      releases,
      alertable,
      deadline: deadlineIn(kernel, time),
    });
  };

export const ioCompletionServices = nativeServices({
  CreateIoCompletion: createPort,
  OpenIoCompletion: opening('io-completion'),
  SetIoCompletion: setPort,
  RemoveIoCompletion: removeOne,
  RemoveIoCompletionEx: removeSome,
  QueryIoCompletion: queryPort,
  CreateKeyedEvent: createKeyed,
  OpenKeyedEvent: opening('keyed-event'),
  WaitForKeyedEvent: keyed(false),
  ReleaseKeyedEvent: keyed(true),
});
