/** Structures that many native services take: OBJECT_ATTRIBUTES, IO_STATUS_BLOCK, process handles, LARGE_INTEGER pointers. */
import {
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_INVALID_INFO_CLASS,
  STATUS_NO_MEMORY,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
} from '../../base/ntstatus.js';
import { needAddressSpace } from '../../mm/threads/swapper.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import { referenceByHandle } from '../../nt/object-manager.js';
import type { Process } from '../../nt/process.js';
import type { SecurityDescriptor } from '../../nt/security/security-descriptor.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { optionalDescriptor } from './captured-security.js';
import { readUnicodeString } from './strings.js';

const ROOT_DIRECTORY = 0x08;
const OBJECT_NAME = 0x10;
const ATTRIBUTES = 0x18;
const SECURITY_DESCRIPTOR = 0x20;
const OBJ_INHERIT = 0x02;
const OBJ_OPENIF = 0x80;

/** OBJECT_ATTRIBUTES. Source: Microsoft, "OBJECT_ATTRIBUTES structure (ntdef.h)". */
export interface ObjectAttributes {
  /** Handle of the directory that the name begins in, 0 for none. */
  readonly rootDirectory: number;
  /** Null for an unnamed object. */
  readonly name: string | null;
  /** HANDLE_FLAG_*. */
  readonly handleFlags: number;
  readonly openIf: boolean;
  /** Undefined for none; a number is the NTSTATUS with which it is refused. */
  readonly security?: SecurityDescriptor | number | undefined;
}

/** Reads the structure; a null pointer means an unnamed object without flags. */
export function readObjectAttributes(call: ServiceCall, address: number): ObjectAttributes {
  if (address === 0) return { rootDirectory: 0, name: null, handleFlags: 0, openIf: false };
  const { memory } = call;
  const name = memory.readPointer(address + OBJECT_NAME);
  const attributes = memory.readU32(address + ATTRIBUTES);
  return {
    rootDirectory: memory.readU32(address + ROOT_DIRECTORY),
    name: name === 0 ? null : readUnicodeString(call, name),
    handleFlags: attributes & OBJ_INHERIT ? HANDLE_FLAG_INHERIT : 0,
    openIf: (attributes & OBJ_OPENIF) !== 0,
    security: optionalDescriptor(call, memory.readPointer(address + SECURITY_DESCRIPTOR)),
  };
}

/** Makes sure that an IO_STATUS_BLOCK can be written. */
export function probeStatusBlock(call: ServiceCall, address: number): void {
  call.memory.probeWrite(address, 16);
}

/** Writes an IO_STATUS_BLOCK; returns the status. */
export function writeStatusBlock(
  call: ServiceCall,
  address: number,
  status: number,
  information: number,
): number {
  call.memory.writeU64(address, status, 0);
  call.memory.writeU64(address + 8, information >>> 0, Math.floor(information / 2 ** 32));
  return status;
}

/** A LARGE_INTEGER that a pointer names, as a number; null for a null pointer. */
export function readLargeInteger(call: ServiceCall, address: number): number | null {
  if (address === 0) return null;
  return call.memory.readI32(address + 4) * 2 ** 32 + call.memory.readU32(address);
}

const UNITS_PER_MILLISECOND = 10_000;
/** Seconds from 1601 to 1970, in 100 ns units. */
const EPOCH_100NS = 11_644_473_600 * 10_000_000;

/** Milliseconds from now that a pointer to a timeout means: none for ever, negative relative, else a system time. */
export function timeoutOf(call: ServiceCall, address: number): number {
  const value = readLargeInteger(call, address);
  if (value === null) return Number.POSITIVE_INFINITY;
  if (value <= 0) return -value / UNITS_PER_MILLISECOND;
  const nowMs = call.kernel.clock.bootSeconds * 1000 + call.kernel.clock.now100ns / UNITS_PER_MILLISECOND;
  return Math.max(0, (value - EPOCH_100NS) / UNITS_PER_MILLISECOND - nowMs);
}

/** Virtual time, in 100 ns units, that a LARGE_INTEGER says: below zero from now, else a system time. Infinity when it is past all time. */
export function dueTimeOf(call: ServiceCall, address: number): number {
  return call.kernel.clock.now100ns + Math.round(timeoutOf(call, address) * UNITS_PER_MILLISECOND);
}

/** A SIZE_T or offset as 8 bytes. */
export function writeSize(call: ServiceCall, address: number, value: number): void {
  call.memory.writeU64(address, value % 2 ** 32, Math.floor(value / 2 ** 32));
}

/** An 8-byte unsigned value as a number: exact below 2^53. */
export function readSize(call: ServiceCall, address: number): number {
  return call.memory.readU64Hi(address) * 2 ** 32 + call.memory.readU64Lo(address);
}

/** Stores a handle where a pointer says. */
export function writeHandle(call: ServiceCall, address: number, handle: number): void {
  call.memory.writeU64(address, handle, 0);
}

/** Fills a buffer of an information class when it is long enough; *returned gets the bytes needed. */
export function answer(
  call: ServiceCall,
  first: number,
  bytes: number,
  fill: (buffer: number) => void,
): number {
  const [buffer, length, returned] = [call.address(first), call.u32(first + 1), call.address(first + 2)];
  if (returned !== 0) call.memory.writeU32(returned, bytes);
  if (length < bytes) return STATUS_INFO_LENGTH_MISMATCH;
  call.memory.probeWrite(buffer, bytes);
  call.memory.fill(buffer, bytes, 0);
  fill(buffer);
  return STATUS_SUCCESS;
}

/**
 * The same for the one class, 0, that the objects to wait for have: (handle, class, buffer, length, *returned). The length must
 * be what it takes.
 */
export function answerBasic(call: ServiceCall, bytes: number, fill: (buffer: number) => void): number {
  if (call.u32(1) !== 0) return STATUS_INVALID_INFO_CLASS;
  if (call.u32(3) !== bytes) return STATUS_INFO_LENGTH_MISMATCH;
  const [buffer, returned] = [call.address(2), call.address(4)];
  call.memory.probeWrite(buffer, bytes);
  call.memory.fill(buffer, bytes, 0);
  fill(buffer);
  if (returned !== 0) call.memory.writeU32(returned, bytes);
  return STATUS_SUCCESS;
}

/** A signed number as 8 bytes. */
export function writeLargeInteger(call: ServiceCall, address: number, value: number): void {
  const whole = Math.trunc(value);
  const high = Math.floor(whole / 2 ** 32);
  call.memory.writeU64(address, whole - high * 2 ** 32, high >>> 0);
}

/** Runs an operation in the address space of a handle's process; its NTSTATUS, or the one that refuses the handle. */
export function inProcess(
  call: ServiceCall,
  handle: number,
  access: number,
  operation: (process: Process) => number,
): number {
  const { kernel } = call;
  const process = referenceByHandle(kernel, call.process, handle, 'process', access);
  if (typeof process === 'number') return process;
  if (process === call.process) return operation(call.process);
  const target = process as Process;
  if (target.deleted) return STATUS_PROCESS_IS_TERMINATING;
  if (!needAddressSpace(kernel.mm, target.space)) return STATUS_NO_MEMORY;
  kernel.attachProcess(target);
  try {
    return operation(target);
  } finally {
    kernel.detachProcess();
  }
}

/** Each service under its two names: user mode's NtX and ZwX are one function. */
export function nativeServices(
  services: Readonly<Record<string, ServiceFunction>>,
): Record<string, ServiceFunction> {
  return Object.fromEntries(
    Object.entries(services).flatMap(([name, service]) => [
      [`Nt${name}`, service],
      [`Zw${name}`, service],
    ]),
  );
}
