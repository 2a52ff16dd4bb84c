import {
  MEM_COMMIT,
  MEM_DECOMMIT,
  MEM_RELEASE,
  MEM_RESERVE,
  PAGE_EXECUTE_READWRITE,
  PAGE_READWRITE,
} from '../../base/memory-constants.js';
import { ntSuccess } from '../../base/ntstatus.js';
import {
  allocateVirtualMemory,
  emptyBasicInformation,
  freeVirtualMemory,
  queryVirtualMemory,
  type RegionRequest,
} from '../../mm/virtual-memory.js';
import type { Kernel } from '../../nt/kernel.js';
import type { ServiceCall } from '../../nt/service.js';
import type { HeapContext, HeapPages } from './heap-layout.js';

/** Pages for heaps from the running process's address space, as NtAllocateVirtualMemory gives them. */
class ProcessPages implements HeapPages {
  private readonly request: RegionRequest = { baseAddress: 0, regionSize: 0 };

  constructor(private readonly kernel: Kernel) {}

  private ask(address: number, bytes: number): RegionRequest {
    this.request.baseAddress = address;
    this.request.regionSize = bytes;
    return this.request;
  }

  private allocate(address: number, bytes: number, type: number, executable: boolean): boolean {
    const protect = executable ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
    const { mm } = this.kernel;
    this.kernel.memory.commit();
    return ntSuccess(allocateVirtualMemory(mm, mm.current!, this.ask(address, bytes), type, protect));
  }

  reserve(bytes: number, executable: boolean): number {
    return this.allocate(0, bytes, MEM_RESERVE, executable) ? this.request.baseAddress : 0;
  }

  commit(address: number, bytes: number, executable: boolean): boolean {
    return this.allocate(address, bytes, MEM_COMMIT, executable);
  }

  decommit(address: number, bytes: number): void {
    this.free(address, bytes, MEM_DECOMMIT);
  }

  release(address: number): void {
    this.free(address, 0, MEM_RELEASE);
  }

  extent(address: number): { committed: number; reserved: number } {
    const { mm } = this.kernel;
    const first = emptyBasicInformation();
    this.kernel.memory.commit();
    if (!ntSuccess(queryVirtualMemory(mm, mm.current!, address, first)) || first.state !== MEM_COMMIT)
      return { committed: 0, reserved: 0 };
    const end = first.baseAddress + first.regionSize;
    const next = emptyBasicInformation();
    const isReserved =
      ntSuccess(queryVirtualMemory(mm, mm.current!, end, next)) &&
      next.state === MEM_RESERVE &&
      next.allocationBase === first.allocationBase;
    return { committed: end - address, reserved: end - address + (isReserved ? next.regionSize : 0) };
  }

  private free(address: number, bytes: number, type: number): void {
    const { mm } = this.kernel;
    this.kernel.memory.commit();
    freeVirtualMemory(mm, mm.current!, this.ask(address, bytes), type);
  }
}

const contexts = new WeakMap<Kernel, HeapContext>();

/** The heap manager's view of the process that runs; holds no state of it. */
export function heapContext(call: ServiceCall): HeapContext {
  let context = contexts.get(call.kernel);
  if (context === undefined) {
    context = { memory: call.memory, pages: new ProcessPages(call.kernel) };
    contexts.set(call.kernel, context);
  }
  return context;
}
