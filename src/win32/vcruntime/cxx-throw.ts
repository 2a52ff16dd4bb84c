/**
 * Throwing, and what a program asks about exceptions. Sources: Microsoft, "_CxxThrowException", "x64 exception handling",
 * "uncaught_exception", "type_info class"; the names that vcruntime140.dll exports.
 */
import { moduleOfAddress } from '../../ldr/loader-state.js';
import { RECORD_CODE, RECORD_PARAMETER_COUNT, RECORD_PARAMETERS } from '../../nt/exception-dispatch.js';
import {
  EXCEPTION_NONCONTINUABLE,
  type Service,
  type ServiceCall,
  type ServiceFunction,
  type ServiceResult,
} from '../../nt/service.js';
import { allocate, release } from '../msvcrt/crt-heap.js';
import { currentCatch, cxxThread } from './cxx-state.js';
import { terminate } from './terminate.js';
import { CXX_EXCEPTION, destructorOf, magicOf, readCxxException } from './throw-info.js';

const MAXIMUM_PARAMETERS = 15;
const RECORD_POINTERS = 2;
/** __std_exception_data: the text, and whether it is the object's own. */
const DATA_OWNED = 8;
const MAXIMUM_TEXT = 2 ** 20;

/** void _CxxThrowException(object, throwInfo); without an object it throws again what the innermost catch block caught. */
const throwException: ServiceFunction = (call) => {
  const [object, throwInfo] = [call.address(0), call.address(1)];
  const thread = cxxThread(call);
  if (object === 0 && throwInfo === 0) return throwAgain(call);
  thread.uncaught++;
  const imageBase = moduleOfAddress(call.process, throwInfo)?.base ?? 0;
  const parameters = [magicOf(call.memory, throwInfo), object, throwInfo, imageBase];
  return call.raise(CXX_EXCEPTION, parameters, EXCEPTION_NONCONTINUABLE);
};

function throwAgain(call: ServiceCall): ServiceResult {
  const { memory } = call;
  const thread = cxxThread(call);
  const current = currentCatch(call);
  if (current === undefined) return terminate(call);
  const { record } = current;
  if (current.exception !== null) thread.uncaught++;
  const count = Math.min(memory.readU32(record + RECORD_PARAMETER_COUNT), MAXIMUM_PARAMETERS);
  const parameters = Array.from({ length: count }, (_, index) =>
    memory.readPointer(record + RECORD_PARAMETERS + index * 8),
  );
  return call.raise(memory.readU32(record + RECORD_CODE), parameters, EXCEPTION_NONCONTINUABLE);
}

/** void __std_exception_copy(from, to). */
const exceptionCopy: ServiceFunction = (call) => {
  const { memory } = call;
  const [from, to] = [call.address(0), call.address(1)];
  const text = memory.readPointer(from);
  let copy = 0;
  if (text !== 0 && memory.readU8(from + DATA_OWNED) !== 0) {
    const characters = memory.readAnsi(text, MAXIMUM_TEXT);
    copy = allocate(call, characters.length + 1, false);
    if (copy !== 0) memory.writeAnsi(copy, `${characters}\0`);
    memory.writePointer(to, copy);
    memory.writeU8(to + DATA_OWNED, 1);
    return;
  }
  memory.writePointer(to, text);
  memory.writeU8(to + DATA_OWNED, 0);
};

/** void __std_exception_destroy(data). */
const exceptionDestroy: ServiceFunction = (call) => {
  const { memory } = call;
  const data = call.address(0);
  const text = memory.readPointer(data);
  if (text !== 0 && memory.readU8(data + DATA_OWNED) !== 0) release(call, text);
  memory.writePointer(data, 0);
  memory.writeU8(data + DATA_OWNED, 0);
};

/** void __DestructExceptionObject(record, noThrow). */
const destructObject: Service = {
  enter: (call) => {
    const exception = readCxxException(call.memory, call.address(0));
    const destructor = exception === null ? 0 : destructorOf(call.memory, exception);
    if (destructor === 0) return;
    return call.callGuest(destructor, [exception!.object], 0, []);
  },
  steps: [() => undefined],
};

const currentPointers = (call: ServiceCall, index: 0 | 1): number => {
  const { library } = call.process;
  library['cxx pointers'] ??= {};
  const blocks = library['cxx pointers'] as Record<number, number>;
  blocks[call.thread.id] ??= allocate(call, RECORD_POINTERS * 8, true);
  const block = blocks[call.thread.id]!;
  const current = currentCatch(call);
  call.memory.writePointer(block, current?.record ?? 0);
  call.memory.writePointer(block + 8, current?.context ?? 0);
  return block + index * 8;
};

export const throwFunctions: Readonly<Record<string, Service | ServiceFunction>> = {
  _CxxThrowException: throwException,
  __std_exception_copy: exceptionCopy,
  __std_exception_destroy: exceptionDestroy,
  __DestructExceptionObject: destructObject,
  __uncaught_exception: (call) => (cxxThread(call).uncaught > 0 ? 1 : 0),
  __uncaught_exceptions: (call) => cxxThread(call).uncaught,
  __current_exception: (call) => currentPointers(call, 0),
  __current_exception_context: (call) => currentPointers(call, 1),
};
