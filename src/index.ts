export * from './base/memory-constants.js';
export * from './base/ntstatus.js';
export type { Host, HostEntry } from './host/host.js';
export { HostError } from './host/host.js';
export { type FolderSpec, MemoryHost } from './host/memory-host.js';
export {
  Machine,
  type MachineOptions,
  type ProcessOptions,
  type RunOptions,
  type RunState,
} from './machine.js';
export { MachineProcess, NtStatusError, type SectionOptions } from './machine-process.js';
export type { MemoryEvent } from './mm/events.js';
export { VerifyError } from './mm/verify.js';
