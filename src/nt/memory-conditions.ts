/**
 * The events by which programs learn that memory is low or high: \KernelObjects\LowMemoryCondition and HighMemoryCondition.
 * Between the two thresholds neither is signalled. Source: Microsoft, "CreateMemoryResourceNotification function", "Standard
 * Event Objects".
 */
import { EVENT_QUERY_STATE, READ_CONTROL, SYNCHRONIZE } from './access.js';
import { type EventObject, makeEvent } from './dispatcher.js';
import type { Kernel } from './kernel.js';
import { KERNEL_OBJECTS } from './object-directory.js';
import { createObject } from './object-manager.js';

export const LOW_MEMORY_CONDITION = `${KERNEL_OBJECTS}\\LowMemoryCondition`;
export const HIGH_MEMORY_CONDITION = `${KERNEL_OBJECTS}\\HighMemoryCondition`;

export interface MemoryConditions {
  readonly low: EventObject;
  readonly high: EventObject;
}

/** Makes the events, which programs can wait for and not set. The system's own handles keep them for ever. */
export function createMemoryConditions(kernel: Kernel): MemoryConditions {
  return {
    low: createCondition(kernel, LOW_MEMORY_CONDITION),
    high: createCondition(kernel, HIGH_MEMORY_CONDITION),
  };
}

function createCondition(kernel: Kernel, path: string): EventObject {
  const event: EventObject = {
    ...makeEvent(true, false),
    handleCount: 1,
    referenceCount: 1,
    grantable: EVENT_QUERY_STATE | SYNCHRONIZE | READ_CONTROL,
  };
  createObject(kernel, event);
  kernel.objectDirectory.insert(path, event);
  return event;
}

/** Brings the events up to date with the available pages. */
export function signalMemoryConditions(kernel: Kernel): void {
  const { memoryConditions, mm } = kernel;
  const { available } = mm.lists;
  set(kernel, memoryConditions.low, available <= mm.thresholds.lowMemory ? 1 : 0);
  set(kernel, memoryConditions.high, available >= mm.thresholds.highMemory ? 1 : 0);
}

function set(kernel: Kernel, event: EventObject, state: number): void {
  if (event.signalState === state) return;
  event.signalState = state;
  if (state > 0) kernel.scheduler.signal(event);
}
