/**
 * class exception and those that the runtime throws itself: bad_cast, bad_typeid, __non_rtti_object. An object is its virtual
 * table, the text, and whether the text is its own. Source: Microsoft, "exception class", "bad_cast exception", "bad_typeid
 * exception"; the names that msvcrt.dll exports. No complete object locator lies before these virtual tables: typeid of such an
 * object finds none.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { DataExport } from '../../nt/system-module.js';
import { allocate, release } from '../msvcrt/crt-heap.js';

/** Byte offsets in an object, and its size. */
export const EXCEPTION_TEXT = 8;
const EXCEPTION_OWNS_TEXT = 16;
export const EXCEPTION_BYTES = 24;
const MAXIMUM_TEXT = 2 ** 20;
/** The flag of a deleting destructor that the object's memory is to be freed too. */
const DELETE = 1;

export const CLASSES = ['exception', 'bad_cast', 'bad_typeid', '__non_rtti_object'] as const;
export type ExceptionClass = (typeof CLASSES)[number];

const tableName = (name: ExceptionClass) => `??_7${name}@@6B@`;

/** Address of a class's virtual table in the module whose function runs. */
export function virtualTable(call: ServiceCall, name: ExceptionClass): number {
  return call.symbol(call.name.split('!')[0]!, tableName(name));
}

/** Writes an object; a text that is to be its own is copied. */
function construct(call: ServiceCall, name: ExceptionClass, text: number, owns: boolean): number {
  const { memory } = call;
  const object = call.address(0);
  memory.probeWrite(object, EXCEPTION_BYTES);
  let kept = text;
  if (owns && text !== 0) {
    const characters = memory.readAnsi(text, MAXIMUM_TEXT);
    kept = allocate(call, characters.length + 1, false);
    if (kept !== 0) memory.writeAnsi(kept, `${characters}\0`);
  }
  memory.writePointer(object, virtualTable(call, name));
  memory.writePointer(object + EXCEPTION_TEXT, kept);
  memory.writeU64(object + EXCEPTION_OWNS_TEXT, owns && kept !== 0 ? 1 : 0, 0);
  return object;
}

function destroy(call: ServiceCall): void {
  const { memory } = call;
  const object = call.address(0);
  const text = memory.readPointer(object + EXCEPTION_TEXT);
  if (memory.readU32(object + EXCEPTION_OWNS_TEXT) !== 0 && text !== 0) release(call, text);
  memory.writePointer(object + EXCEPTION_TEXT, 0);
  memory.writeU64(object + EXCEPTION_OWNS_TEXT, 0, 0);
}

/** void *object.deleting destructor(flags). */
const deletingDestructor: ServiceFunction = (call) => {
  destroy(call);
  if (call.u32(1) & DELETE) release(call, call.address(0));
  return call.address(0);
};

const copyOf =
  (name: ExceptionClass): ServiceFunction =>
  (call) => {
    const from = call.address(1);
    const owns = call.memory.readU32(from + EXCEPTION_OWNS_TEXT) !== 0;
    return construct(call, name, call.memory.readPointer(from + EXCEPTION_TEXT), owns);
  };

const assign =
  (name: ExceptionClass): ServiceFunction =>
  (call) => {
    if (call.address(0) === call.address(1)) return call.address(0);
    destroy(call);
    return copyOf(name)(call);
  };

/** What every class has; the constructors from a text differ. */
function membersOf(name: ExceptionClass): Record<string, ServiceFunction> {
  return {
    [`??0${name}@@QEAA@AEBV0@@Z`]: copyOf(name),
    [`??1${name}@@UEAA@XZ`]: destroy,
    [`??4${name}@@QEAAAEAV0@AEBV0@@Z`]: assign(name),
    [`??_G${name}@@UEAAPEAXI@Z`]: deletingDestructor,
  };
}

const fromText =
  (name: ExceptionClass): ServiceFunction =>
  (call) =>
    construct(call, name, call.address(1), true);

/** The argument is a reference to a pointer. */
const fromReference =
  (name: ExceptionClass, owns = true): ServiceFunction =>
  (call) =>
    construct(call, name, call.memory.readPointer(call.address(1)), owns);

const UNKNOWN_AT = 0x20;

/** const char *exception::what(): the text, else the one behind the virtual table of exception. */
const what: ServiceFunction = (call) => {
  const text = call.memory.readPointer(call.address(0) + EXCEPTION_TEXT);
  return text === 0 ? virtualTable(call, 'exception') + UNKNOWN_AT : text;
};

export const exceptionClassFunctions: Readonly<Record<string, ServiceFunction>> = {
  ...Object.assign({}, ...CLASSES.map(membersOf)),
  '??0exception@@QEAA@XZ': (call) => construct(call, 'exception', 0, false),
  '??0exception@@QEAA@AEBQEBD@Z': fromReference('exception'),
  '??0exception@@QEAA@AEBQEBDH@Z': fromReference('exception', false),
  '??0bad_cast@@QEAA@AEBQEBD@Z': fromReference('bad_cast'),
  '??0bad_cast@@QEAA@PEBD@Z': fromText('bad_cast'),
  '??0bad_typeid@@QEAA@PEBD@Z': fromText('bad_typeid'),
  '??0__non_rtti_object@@QEAA@PEBD@Z': fromText('__non_rtti_object'),
  '?what@exception@@UEBAPEBDXZ': what,
};

const unknown = new Uint8Array(0x40);
unknown.set(new TextEncoder().encode('Unknown exception\0'), UNKNOWN_AT);

export const exceptionClassData: Readonly<Record<string, DataExport>> = Object.fromEntries(
  CLASSES.map((name) => [
    tableName(name),
    {
      size: name === 'exception' ? unknown.length : 16,
      ...(name === 'exception' ? { initial: unknown } : {}),
      pointers: { 0: `??_G${name}@@UEAAPEAXI@Z`, 8: '?what@exception@@UEBAPEBDXZ' },
      writable: true,
    },
  ]),
);
