/**
 * What is thrown and what catches it: ThrowInfo, the catchable types, and the object as a catch block sees it. Guest
 * addresses; RVAs count from the image that throws. Source: the published layout of the structures (ehdata.h).
 */
import type { UserMemory } from '../../mm/user-memory.js';
import { RECORD_CODE, RECORD_PARAMETER_COUNT, RECORD_PARAMETERS } from '../../nt/exception-dispatch.js';
import type { CatchHandler } from '../../pe/cxx-func-info.js';

export const CXX_EXCEPTION = 0xe06d7363;
export const CXX_MAGIC = 0x19930520;
const CXX_MAGIC_LAST = 0x19930522;
export const CXX_MAGIC_PURE = 0x01994000;

const THROW_ATTRIBUTES = 0x00;
const THROW_DESTRUCTOR = 0x04;
const THROW_TYPES = 0x0c;
const THROW_PURE = 8;
/** const, volatile and unaligned stand at the same bits in what is thrown and in what catches. */
const QUALIFIERS = 7;
const HANDLER_REFERENCE = 8;

const TYPE_SIMPLE = 1;
const TYPE_BY_REFERENCE = 2;
const TYPE_VIRTUAL_BASE = 4;

/** Name in a TypeDescriptor. */
const DESCRIPTOR_NAME = 16;
const MAXIMUM_NAME = 4096;
const MAXIMUM_TYPES = 128;

/** A C++ exception: what its record's parameters say. */
export interface CxxException {
  readonly object: number;
  /** 0 for a rethrow that says nothing of the object. */
  readonly throwInfo: number;
  readonly imageBase: number;
}

/** One type as which the object can be caught. */
export interface CatchableType {
  readonly properties: number;
  /** Address of the TypeDescriptor. */
  readonly type: number;
  readonly memberOffset: number;
  readonly tableOffset: number;
  readonly indexInTable: number;
  readonly size: number;
  /** Address of the copy constructor, 0 for none. */
  readonly copy: number;
}

/** The exception of a record; null when it is not one of C++. */
export function readCxxException(memory: UserMemory, record: number): CxxException | null {
  if (memory.readU32(record + RECORD_CODE) !== CXX_EXCEPTION) return null;
  if (memory.readU32(record + RECORD_PARAMETER_COUNT) !== 4) return null;
  const magic = memory.readU32(record + RECORD_PARAMETERS);
  if ((magic < CXX_MAGIC || magic > CXX_MAGIC_LAST) && magic !== CXX_MAGIC_PURE) return null;
  return {
    object: memory.readPointer(record + RECORD_PARAMETERS + 8),
    throwInfo: memory.readPointer(record + RECORD_PARAMETERS + 16),
    imageBase: memory.readPointer(record + RECORD_PARAMETERS + 24),
  };
}

/** Magic number for a ThrowInfo. */
export function magicOf(memory: UserMemory, throwInfo: number): number {
  const isPure = throwInfo !== 0 && memory.readU32(throwInfo + THROW_ATTRIBUTES) & THROW_PURE;
  return isPure ? CXX_MAGIC_PURE : CXX_MAGIC;
}

/** Address of the thrown object's destructor, 0 for none. */
export function destructorOf(memory: UserMemory, { throwInfo, imageBase, object }: CxxException): number {
  if (object === 0 || throwInfo === 0) return 0;
  const rva = memory.readU32(throwInfo + THROW_DESTRUCTOR);
  return rva === 0 ? 0 : imageBase + rva;
}

function readCatchableType(memory: UserMemory, imageBase: number, at: number): CatchableType {
  const copy = memory.readU32(at + 24);
  return {
    properties: memory.readU32(at),
    type: imageBase + memory.readU32(at + 4),
    memberOffset: memory.readI32(at + 8),
    tableOffset: memory.readI32(at + 12),
    indexInTable: memory.readI32(at + 16),
    size: memory.readU32(at + 20),
    copy: copy === 0 ? 0 : imageBase + copy,
  };
}

/** Decorated names by address of their TypeDescriptor, for one search. */
export type TypeNames = Map<number, string>;

function typeName(memory: UserMemory, names: TypeNames, descriptor: number): string {
  const known = names.get(descriptor);
  if (known !== undefined) return known;
  const name = memory.readAnsi(descriptor + DESCRIPTOR_NAME, MAXIMUM_NAME);
  names.set(descriptor, name);
  return name;
}

const isEllipsis = (memory: UserMemory, handler: CatchHandler, imageBase: number) =>
  handler.type === 0 || memory.readU8(imageBase + handler.type + DESCRIPTOR_NAME) === 0;

/**
 * As which of its types a catch block (of the image at `imageBase`) catches the exception: 'any' for catch (...), null when
 * it does not. An exception that is none of C++ is caught by catch (...) alone.
 */
export function matchHandler(
  memory: UserMemory,
  handler: CatchHandler,
  imageBase: number,
  exception: CxxException | null,
  names: TypeNames,
): CatchableType | 'any' | null {
  if (isEllipsis(memory, handler, imageBase)) return 'any';
  if (exception === null || exception.throwInfo === 0) return null;
  const { throwInfo } = exception;
  const thrown = memory.readU32(throwInfo + THROW_ATTRIBUTES) & QUALIFIERS;
  if (thrown & ~handler.adjectives) return null;
  const descriptor = imageBase + handler.type;
  const name = typeName(memory, names, descriptor);
  const types = exception.imageBase + memory.readU32(throwInfo + THROW_TYPES);
  const count = Math.min(memory.readU32(types), MAXIMUM_TYPES);
  for (let index = 0; index < count; index++) {
    const at = exception.imageBase + memory.readU32(types + 4 + index * 4);
    const type = readCatchableType(memory, exception.imageBase, at);
    if (type.type !== descriptor && typeName(memory, names, type.type) !== name) continue;
    if (type.properties & TYPE_BY_REFERENCE && !(handler.adjectives & HANDLER_REFERENCE)) continue;
    return type;
  }
  return null;
}

/** The address of the base class of the object that a type names. */
export function adjustObject(memory: UserMemory, object: number, type: CatchableType): number {
  let address = object + type.memberOffset;
  if (type.tableOffset < 0) return address;
  const table = memory.readPointer(object + type.tableOffset);
  address += type.tableOffset + memory.readI32(table + type.indexInTable);
  return address;
}

/** A call of a copy constructor that is left to do. */
export interface CopyCall {
  readonly target: number;
  readonly args: readonly number[];
}

/**
 * Puts the exception where the catch block expects it; a class with a copy constructor is left to the guest, by the call that
 * is returned.
 */
export function buildCatchObject(
  memory: UserMemory,
  handler: CatchHandler,
  type: CatchableType,
  object: number,
  place: number,
): CopyCall | null {
  if (handler.adjectives & HANDLER_REFERENCE) {
    memory.writePointer(place, adjustObject(memory, object, type));
    return null;
  }
  if (type.properties & TYPE_SIMPLE) {
    memory.copy(place, object, type.size);
    if (type.size === 8) adjustPointer(memory, place, type);
    return null;
  }
  const source = adjustObject(memory, object, type);
  if (type.copy === 0) {
    memory.copy(place, source, type.size);
    return null;
  }
  const args = type.properties & TYPE_VIRTUAL_BASE ? [place, source, 1] : [place, source];
  return { target: type.copy, args };
}

/** A caught pointer to a class becomes one to its base. */
function adjustPointer(memory: UserMemory, place: number, type: CatchableType): void {
  if (type.memberOffset === 0 && type.tableOffset < 0) return;
  const pointer = memory.readPointer(place);
  if (pointer !== 0) memory.writePointer(place, adjustObject(memory, pointer, type));
}
