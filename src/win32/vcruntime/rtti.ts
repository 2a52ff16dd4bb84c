/**
 * dynamic_cast and typeid, by the locator before an object's virtual table. A cast of a reference that fails throws bad_cast,
 * typeid of a null pointer bad_typeid, an object without a locator that can be read __non_rtti_object. Source:
 * "__RTDynamicCast", "__RTtypeid", "__RTCastToVoid", "bad_cast exception", "bad_typeid exception", Microsoft; the published
 * layout of the structures (rttidata.h).
 */
import { GuestFault } from '../../mm/user-memory.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { throwRuntimeException } from './runtime-exception.js';

const MAXIMUM_BASES = 0x100;
const NAME = 16;
const MAXIMUM_NAME = 4096;
const BASE_NOT_VISIBLE = 1;
const BASE_AMBIGUOUS = 2;
const BASE_NOT_PUBLIC = 4;
const BASE_NOT_PUBLIC_IN_OBJECT = 8;

/** A class of the complete object, itself first, each before those that it contains. */
interface BaseClass {
  readonly type: number;
  readonly contained: number;
  /** Bytes from the complete object. */
  readonly offset: number;
  readonly attributes: number;
}

interface CompleteObject {
  readonly address: number;
  /** Address of the TypeDescriptor. */
  readonly type: number;
  readonly imageBase: number;
  /** Address of the class hierarchy descriptor. */
  readonly hierarchy: number;
}

/** The complete object that a subobject with a virtual table is part of. */
function completeObject(call: ServiceCall, pointer: number): CompleteObject {
  const { memory } = call;
  const locator = memory.readPointer(memory.readPointer(pointer) - 8);
  const imageBase = locator - memory.readU32(locator + 20);
  const offset = memory.readU32(locator + 4);
  const constructorOffset = memory.readU32(locator + 8);
  const displacement = constructorOffset === 0 ? 0 : memory.readI32(pointer - constructorOffset);
  return {
    address: pointer - offset - displacement,
    type: imageBase + memory.readU32(locator + 12),
    imageBase,
    hierarchy: imageBase + memory.readU32(locator + 16),
  };
}

function readBases(call: ServiceCall, { address, imageBase, hierarchy }: CompleteObject): BaseClass[] {
  const { memory } = call;
  const count = Math.min(memory.readU32(hierarchy + 8), MAXIMUM_BASES);
  const array = imageBase + memory.readU32(hierarchy + 12);
  return Array.from({ length: count }, (_, index) => {
    const at = imageBase + memory.readU32(array + index * 4);
    const tableOffset = memory.readI32(at + 12);
    let offset = memory.readI32(at + 8);
    if (tableOffset >= 0) {
      const table = memory.readPointer(address + tableOffset);
      offset += tableOffset + memory.readI32(table + memory.readI32(at + 16));
    }
    return {
      type: imageBase + memory.readU32(at),
      contained: memory.readU32(at + 4),
      offset,
      attributes: memory.readU32(at + 20),
    };
  });
}

/** The class among the bases to which a cast from the subobject at `offset` leads; undefined when there is none. */
function findTarget(
  bases: readonly BaseClass[],
  isSource: (base: BaseClass) => boolean,
  isTarget: (base: BaseClass) => boolean,
): BaseClass | undefined {
  const down = bases.find(
    (base, index) =>
      isTarget(base) &&
      bases
        .slice(index, index + 1 + base.contained)
        .some((inner) => isSource(inner) && !(inner.attributes & BASE_NOT_PUBLIC)),
  );
  if (down !== undefined) return down;
  const hidden = BASE_NOT_VISIBLE | BASE_NOT_PUBLIC_IN_OBJECT;
  if (!bases.some((base) => isSource(base) && !(base.attributes & hidden))) return undefined;
  return bases.find((base) => isTarget(base) && !(base.attributes & (hidden | BASE_AMBIGUOUS)));
}

/** What cannot be read of an object says that it has no run-time type information. */
const withTypes =
  (run: ServiceFunction): ServiceFunction =>
  (call) => {
    try {
      return run(call);
    } catch (error) {
      if (error instanceof GuestFault) return throwRuntimeException(call, '__non_rtti_object');
      throw error;
    }
  };

/** void *__RTDynamicCast(object, vfDelta, sourceType, targetType, isReference). */
const dynamicCast: ServiceFunction = (call) => {
  const pointer = call.address(0);
  if (pointer === 0) return 0;
  const [source, target] = [call.address(2), call.address(3)];
  const complete = completeObject(call, pointer);
  const names = new Map<number, string>();
  const nameOf = (type: number) => {
    const name = names.get(type) ?? call.memory.readAnsi(type + NAME, MAXIMUM_NAME);
    names.set(type, name);
    return name;
  };
  const isSame = (left: number, right: number) => left === right || nameOf(left) === nameOf(right);
  const offset = pointer - call.i32(1) - complete.address;
  const found = findTarget(
    readBases(call, complete),
    (base) => base.offset === offset && isSame(base.type, source),
    (base) => isSame(base.type, target),
  );
  if (found !== undefined) return complete.address + found.offset;
  return call.u32(4) === 0 ? 0 : throwRuntimeException(call, 'bad_cast');
};

/** type_info &__RTtypeid(object). */
const typeId: ServiceFunction = (call) =>
  call.address(0) === 0
    ? throwRuntimeException(call, 'bad_typeid')
    : completeObject(call, call.address(0)).type;

/** void *__RTCastToVoid(object): the complete object. */
const castToVoid: ServiceFunction = (call) =>
  call.address(0) === 0 ? 0 : completeObject(call, call.address(0)).address;

export const rttiFunctions: Readonly<Record<string, ServiceFunction>> = {
  __RTDynamicCast: withTypes(dynamicCast),
  __RTtypeid: withTypes(typeId),
  __RTCastToVoid: withTypes(castToVoid),
};
