/**
 * What the runtime throws itself: a block of the heap, made when a process first needs it, has the type descriptors, the
 * ThrowInfo and the objects; addresses in it count from the block. The classes are std's in vcruntime140.dll and lie outside of
 * namespaces in msvcrt.dll. Source: the published layout of the structures (ehdata.h).
 */
import { EXCEPTION_NONCONTINUABLE, type PENDING, type ServiceCall } from '../../nt/service.js';
import { allocate } from '../msvcrt/crt-heap.js';
import { cxxThread } from './cxx-state.js';
import {
  CLASSES,
  EXCEPTION_BYTES,
  EXCEPTION_TEXT,
  type ExceptionClass,
  virtualTable,
} from './exception-class.js';
import { CXX_EXCEPTION, CXX_MAGIC } from './throw-info.js';

/** The classes as which an object of a class can be caught, by their places in CLASSES: itself first. */
const BASES: Readonly<Record<ExceptionClass, readonly number[]>> = {
  exception: [0],
  bad_cast: [1, 0],
  bad_typeid: [2, 0],
  __non_rtti_object: [3, 2, 0],
};
/** vcruntime140.dll's words; msvcrt.dll is older than nullptr. */
const TEXTS: Readonly<Record<ExceptionClass, string>> = {
  exception: 'Unknown exception',
  bad_cast: 'Bad dynamic_cast!',
  bad_typeid: 'Attempted a typeid of nullptr pointer!',
  __non_rtti_object: 'Access violation - no RTTI data!',
};

/** Byte offsets of the parts, each an array by class. */
const DESCRIPTORS = 0;
const DESCRIPTOR_BYTES = 0x40;
const DESCRIPTOR_NAME = 16;
const TYPES = 0x100;
const TYPE_BYTES = 0x20;
const ARRAYS = 0x180;
const THROW_INFOS = 0x1c0;
const OBJECTS = 0x200;
const TEXTS_AT = 0x280;
const ARRAY_BYTES = 0x10;
const OBJECT_BYTES = 0x20;
const TEXT_BYTES = 0x40;
const BLOCK_BYTES = TEXTS_AT + CLASSES.length * TEXT_BYTES;
const NO_VIRTUAL_BASE = 0xffffffff;

function makeBlock(call: ServiceCall, module: string): number {
  const { memory } = call;
  const block = allocate(call, BLOCK_BYTES, true);
  if (block === 0) return 0;
  const isOld = module === 'msvcrt.dll';
  const scope = isOld ? '@@' : '@std@@';
  CLASSES.forEach((name, index) => {
    const descriptor = block + DESCRIPTORS + index * DESCRIPTOR_BYTES;
    memory.writePointer(descriptor, call.symbol(module, '??_7type_info@@6B@'));
    memory.writeAnsi(descriptor + DESCRIPTOR_NAME, `.?AV${name}${scope}\0`);
    const type = block + TYPES + index * TYPE_BYTES;
    memory.writeU32(type + 4, descriptor - block);
    memory.writeU32(type + 12, NO_VIRTUAL_BASE);
    memory.writeU32(type + 20, EXCEPTION_BYTES);
    const types = block + ARRAYS + index * ARRAY_BYTES;
    memory.writeU32(types, BASES[name].length);
    BASES[name].forEach((base, place) => {
      memory.writeU32(types + 4 + place * 4, TYPES + base * TYPE_BYTES);
    });
    memory.writeU32(block + THROW_INFOS + index * ARRAY_BYTES + 12, types - block);
    const [object, text] = [block + OBJECTS + index * OBJECT_BYTES, block + TEXTS_AT + index * TEXT_BYTES];
    memory.writePointer(object, virtualTable(call, name));
    memory.writePointer(object + EXCEPTION_TEXT, text);
    const words = isOld ? TEXTS[name].replace('nullptr', 'NULL') : TEXTS[name];
    memory.writeAnsi(text, `${words}\0`);
  });
  return block;
}

/** Throws an object of a class; without memory for it the exception has no type, and catch (...) alone catches it. */
export function throwRuntimeException(call: ServiceCall, name: ExceptionClass): typeof PENDING {
  const module = call.name.split('!')[0]!;
  const { library } = call.process;
  library['cxx exceptions'] ??= {};
  const blocks = library['cxx exceptions'] as Record<string, number>;
  blocks[module] ??= makeBlock(call, module);
  const block = blocks[module]!;
  const index = CLASSES.indexOf(name);
  const object = block === 0 ? 0 : block + OBJECTS + index * OBJECT_BYTES;
  const throwInfo = block === 0 ? 0 : block + THROW_INFOS + index * ARRAY_BYTES;
  cxxThread(call).uncaught++;
  return call.raise(CXX_EXCEPTION, [CXX_MAGIC, object, throwInfo, block], EXCEPTION_NONCONTINUABLE);
}
