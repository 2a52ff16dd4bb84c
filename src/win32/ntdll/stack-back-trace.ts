/** RtlCaptureStackBackTrace: the return addresses on the stack. Source: Microsoft, "CaptureStackBackTrace function". */
import { GuestFault } from '../../mm/user-memory.js';
import { CONTEXT_RIP, CONTEXT_SIZE, captureContext } from '../../nt/context-record.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { CONTEXT_RSP, contextAddress, setContextAddress } from '../../nt/virtual-unwind.js';
import { UNW_FLAG_NHANDLER } from '../../pe/unwind-info.js';
import { isOnStack, walkFrame } from './stack-walk.js';

/** Most frames that are skipped and captured together. */
const MAXIMUM_FRAMES = 1024;

/** Calls `found` with each address, the caller's first, until it answers false or the stack ends or makes no sense. */
function walk(call: ServiceCall, found: (address: number) => boolean): void {
  const context = new DataView(new ArrayBuffer(CONTEXT_SIZE));
  captureContext(call.kernel, new Uint8Array(context.buffer));
  setContextAddress(context, CONTEXT_RIP, call.returnAddress);
  setContextAddress(context, CONTEXT_RSP, call.stackPointer + 8);
  try {
    while (isOnStack(call, contextAddress(context, CONTEXT_RSP))) {
      const address = contextAddress(context, CONTEXT_RIP);
      if (address === 0 || !found(address)) return;
      walkFrame(call, context, UNW_FLAG_NHANDLER);
    }
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
  }
}

/** USHORT RtlCaptureStackBackTrace(skip, count, addresses, *hash): the number of addresses stored; the hash is their sum. */
export const rtlCaptureStackBackTrace: ServiceFunction = (call) => {
  const { memory } = call;
  const [skip, count] = [call.u32(0), call.u32(1)];
  if (skip + count > MAXIMUM_FRAMES) return 0;
  const addresses: number[] = [];
  let passed = 0;
  walk(call, (address) => {
    if (passed++ >= skip) addresses.push(address);
    return addresses.length < count;
  });
  addresses.forEach((address, index) => {
    memory.writePointer(call.address(2) + index * 8, address);
  });
  if (call.address(3) !== 0)
    memory.writeU32(
      call.address(3),
      addresses.reduce((sum, address) => (sum + address) % 2 ** 32, 0),
    );
  return addresses.length;
};
