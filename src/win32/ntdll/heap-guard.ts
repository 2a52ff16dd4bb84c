/** Functions that use the process heap: a heap that contradicts itself raises STATUS_HEAP_CORRUPTION in the program. */
import type { Service, ServiceFunction } from '../../nt/service.js';
import { guardHeap } from './heap-services.js';

/** The same functions, with what they and their steps meet in the heap turned into the exception. */
export function usingHeap(
  functions: Readonly<Record<string, Service | ServiceFunction>>,
): Record<string, Service> {
  return Object.fromEntries(
    Object.entries(functions).map(([name, service]) => {
      const whole: Service = typeof service === 'function' ? { enter: service } : service;
      const { enter, steps = [] } = whole;
      return [
        name,
        {
          ...whole,
          enter: (call) => guardHeap(call, () => enter(call)),
          steps: steps.map((step) => (call, saved) => guardHeap(call, () => step(call, saved))),
        } satisfies Service,
      ];
    }),
  );
}
