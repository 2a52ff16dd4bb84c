/**
 * Events: each fault, list move, mapping change and read or write as one small record, for views, logs and tests.
 * Nothing is built while nobody listens: callers test `active` before they emit.
 */
import type { AddressSpace } from './address-space.js';

/** One event. Times in 100 ns units of virtual time; `address` is a 48-bit virtual address, `frame` a frame number or -1. */
export interface MemoryEvent {
  readonly time: number;
  readonly pid: number;
  readonly tid: number;
  readonly kind: string;
  readonly address: number;
  readonly frame: number;
  readonly detail: number;
  readonly text: string;
}

export type EventListener = (event: MemoryEvent) => void;

export class EventSink {
  /** True while at least one listener is attached; guards every emit. */
  active = false;
  /** Thread that runs now; 0 when none. */
  threadId = 0;
  private listeners: EventListener[] = [];

  constructor(private readonly clock: { readonly now100ns: number }) {}

  attach(listener: EventListener): void {
    this.listeners.push(listener);
    this.active = true;
  }

  detach(listener: EventListener): void {
    this.listeners = this.listeners.filter((other) => other !== listener);
    this.active = this.listeners.length > 0;
  }

  emit(
    kind: string,
    space: AddressSpace | null,
    address: number,
    frame: number,
    detail: number,
    text = '',
  ): void {
    const event: MemoryEvent = {
      time: this.clock.now100ns,
      pid: space === null ? 0 : space.processId,
      tid: this.threadId,
      kind,
      address,
      frame,
      detail,
      text,
    };
    for (const listener of this.listeners) listener(event);
  }
}
