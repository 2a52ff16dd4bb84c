/** One step up the stack, for dispatching exceptions and for unwinding. */
import { CONTEXT_RIP } from '../../nt/context-record.js';
import type { DispatchedFrame } from '../../nt/dispatcher-context.js';
import type { ServiceCall } from '../../nt/service.js';
import { HOME_BYTES, readServiceFrame } from '../../nt/service-frame.js';
import { contextAddress, type UnwoundFrame, unwindLeaf, virtualUnwind } from '../../nt/virtual-unwind.js';
import { callbackFor, type FunctionTableCallback, lookupFunction } from './function-table.js';

const TEB_STACK_BASE = 0x08;
const TEB_STACK_LIMIT = 0x10;
/** Bytes of the stub KiServiceReturn and its padding. */
const SERVICE_RETURN_BYTES = 16;

/** Frames that a service walks before the guest runs again: no program keeps the machine in one service. */
export const FRAMES_AT_ONCE = 256;

/** Whether an address is one of the running thread's stack, by what its TEB says. */
export function isOnStack(call: ServiceCall, address: number): boolean {
  const { memory, thread } = call;
  return (
    address >= memory.readPointer(thread.teb + TEB_STACK_LIMIT) &&
    address < memory.readPointer(thread.teb + TEB_STACK_BASE)
  );
}

/** Whether an establisher frame is one: on the stack, at a multiple of eight bytes. */
export function isFrame(call: ServiceCall, address: number): boolean {
  return address % 8 === 0 && isOnStack(call, address);
}

/**
 * Virtual unwinding, with the handlers of services: where a service called guest code, the language handler is the export
 * that the service names, and the handler's data is the service's frame.
 */
export function unwindFunction(
  call: ServiceCall,
  handlerType: number,
  imageBase: number,
  pc: number,
  entry: number,
  context: DataView,
  pointers = 0,
): UnwoundFrame {
  const frame = virtualUnwind(call.memory, handlerType, imageBase, pc, entry, context, pointers);
  if (handlerType === 0) return frame;
  const serviceReturn = call.symbol('ntdll.dll', 'KiServiceReturn');
  if (pc < serviceReturn || pc >= serviceReturn + SERVICE_RETURN_BYTES) return frame;
  const service = call.kernel.services[readServiceFrame(call.memory, frame.establisher)?.service ?? -1];
  if (service?.frameHandler === undefined) return frame;
  frame.handler = call.symbol(service.module, service.frameHandler);
  frame.handlerData = frame.establisher + HOME_BYTES;
  return frame;
}

/** What the program's callback answered for an address of its generated code. */
export interface FoundEntry {
  readonly imageBase: number;
  /** Guest address of the RUNTIME_FUNCTION, 0 for a leaf function. */
  readonly entry: number;
}

/** The program's own table for a context's RIP, which has to be asked before the walk can go on; undefined for none. */
export function tableToAsk(call: ServiceCall, context: DataView): FunctionTableCallback | undefined {
  const pc = contextAddress(context, CONTEXT_RIP);
  const table = callbackFor(call.process, pc);
  return table !== undefined && lookupFunction(call, pc) === null ? table : undefined;
}

/** Turns a function's context into its caller's; null for a leaf function, which has no frame. */
export function walkFrame(
  call: ServiceCall,
  context: DataView,
  handlerType: number,
  answered: FoundEntry | null = null,
): DispatchedFrame | null {
  const controlPc = contextAddress(context, CONTEXT_RIP);
  const found = answered ?? lookupFunction(call, controlPc);
  if (found === null || found.entry === 0) {
    unwindLeaf(call.memory, context);
    return null;
  }
  const { imageBase, entry } = found;
  const frame = unwindFunction(call, handlerType, imageBase, controlPc, entry, context);
  return { controlPc, imageBase, entry, ...frame };
}
