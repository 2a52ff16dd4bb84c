/**
 * Address Windowing Extensions (memoryapi.h). Sources: Microsoft, "AllocateUserPhysicalPages function",
 * "AllocateUserPhysicalPagesNuma function", "AllocateUserPhysicalPages2 function", "FreeUserPhysicalPages function",
 * "MapUserPhysicalPages function", "MapUserPhysicalPagesScatter function".
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { isKnownNode } from '../ntdll/node-parameter.js';
import {
  allocatePhysicalPages,
  allocatePhysicalPagesEx,
  freePhysicalPages,
  mapPhysicalPages,
  scatterPhysicalPages,
} from '../ntdll/physical-page-services.js';
import { statusOf, truth } from './results.js';

/** A function that does what a native service with its arguments does. */
const as =
  (service: (call: ServiceCall) => number): ServiceFunction =>
  (call) =>
    truth(
      call,
      statusOf(() => service(call)),
    );

const allocateNuma: ServiceFunction = (call) =>
  isKnownNode(call.u32(3)) ? as(allocatePhysicalPages)(call) : call.fail(ERROR_INVALID_PARAMETER);

export const physicalPageFunctions: Record<string, ServiceFunction> = {
  AllocateUserPhysicalPages: as(allocatePhysicalPages),
  AllocateUserPhysicalPagesNuma: allocateNuma,
  AllocateUserPhysicalPages2: as(allocatePhysicalPagesEx),
  FreeUserPhysicalPages: as(freePhysicalPages),
  MapUserPhysicalPages: as(mapPhysicalPages),
  MapUserPhysicalPagesScatter: as(scatterPhysicalPages),
};
