/** Stands for imports of system DLLs that nobody implemented: a stub that stops the program and says which it was. */
import { MEM_COMMIT, MEM_RESERVE, PAGE_EXECUTE_READ, PAGE_READWRITE } from '../base/memory-constants.js';
import { ntSuccess, STATUS_ENTRYPOINT_NOT_FOUND } from '../base/ntstatus.js';
import { allocateVirtualMemory, protectVirtualMemory } from '../mm/virtual-memory.js';
import type { ServiceCall, ServiceFunction } from '../nt/service.js';
import { LoaderFailure, loaderOf } from './loader-state.js';

/** The export of ntdll that the stubs jump to. */
export const MISSING_IMPORT_SERVICE = 'LdrpMissingImport';

const PAGE = 4096;
const STUB_BYTES = 32;

/** Address of a stub for 'dll!function': mov ecx, index; jmp [rip]; the address of ntdll!LdrpMissingImport. */
export function missingImportStub(call: ServiceCall, name: string): number {
  const loader = loaderOf(call.process);
  const { memory } = call;
  if (loader.missingStubs === 0 || loader.missingStubsUsed + STUB_BYTES > PAGE) newPage(call);
  const stub = loader.missingStubs + loader.missingStubsUsed;
  setProtection(call, PAGE_READWRITE);
  memory.fill(stub, STUB_BYTES, 0xcc);
  memory.writeU8(stub, 0xb9);
  memory.writeU32(stub + 1, loader.missing.push(name) - 1);
  memory.writeBytes(stub + 5, Uint8Array.of(0xff, 0x25, 0, 0, 0, 0));
  memory.writePointer(stub + 11, call.symbol('ntdll.dll', MISSING_IMPORT_SERVICE));
  setProtection(call, PAGE_EXECUTE_READ);
  loader.missingStubsUsed += STUB_BYTES;
  return stub;
}

function newPage(call: ServiceCall): void {
  const loader = loaderOf(call.process);
  const request = { baseAddress: 0, regionSize: PAGE };
  const { mm } = call.kernel;
  const type = MEM_RESERVE | MEM_COMMIT;
  const status = allocateVirtualMemory(mm, call.process.space, request, type, PAGE_READWRITE);
  if (!ntSuccess(status)) throw new LoaderFailure(status, 'there is no memory for the loader');
  loader.missingStubs = request.baseAddress;
  loader.missingStubsUsed = 0;
}

function setProtection(call: ServiceCall, protection: number): void {
  const request = { baseAddress: loaderOf(call.process).missingStubs, regionSize: PAGE };
  const out = { oldProtect: 0 };
  const status = protectVirtualMemory(call.kernel.mm, call.process.space, request, protection, out);
  if (!ntSuccess(status)) throw new LoaderFailure(status, 'the loader cannot write its own page');
}

/** ntdll!LdrpMissingImport(index): the program called what is not there, and ends. */
export const missingImport: ServiceFunction = (call) => {
  const name = loaderOf(call.process).missing[call.u32(0)] ?? 'a function';
  call.process.exitMessage = `${name} is not implemented`;
  return call.terminateProcess(STATUS_ENTRYPOINT_NOT_FOUND);
};
