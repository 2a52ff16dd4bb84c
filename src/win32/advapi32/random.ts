/** Random bytes (ntsecapi.h): a sequence that the machine's seed and the process decide. Source: Microsoft, "RtlGenRandom function". */
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { TRUE } from '../kernel32/results.js';

const LIBRARY = 'advapi32';
const CHUNK = 0x10000;

interface RandomState {
  /** Words drawn so far. */
  drawn: number;
}

function stateOf(call: ServiceCall): RandomState {
  const { library } = call.process;
  library[LIBRARY] ??= { drawn: 0 } satisfies RandomState;
  return library[LIBRARY] as RandomState;
}

/** Mixes a number's 32 bits (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** Fills guest memory with random bytes. */
export function fillRandom(call: ServiceCall, at: number, bytes: number): void {
  const { memory, kernel, process } = call;
  memory.probeWrite(at, bytes);
  memory.commit();
  const state = stateOf(call);
  const start = mix(kernel.mm.seed + Math.imul(process.id, 0x9e3779b1));
  for (let done = 0; done < bytes; done += CHUNK) {
    const words = new Uint32Array(Math.ceil(Math.min(CHUNK, bytes - done) / 4));
    for (let index = 0; index < words.length; index++)
      words[index] = mix(start ^ mix(Math.imul(++state.drawn, 0x9e3779b1)));
    memory.writeBytes(at + done, new Uint8Array(words.buffer, 0, Math.min(CHUNK, bytes - done)));
  }
}

/** BOOLEAN SystemFunction036(buffer, bytes), which headers call RtlGenRandom. */
const genRandom: ServiceFunction = (call) => {
  fillRandom(call, call.address(0), call.u32(1));
  return TRUE;
};

export const randomFunctions: Record<string, Service | ServiceFunction> = { SystemFunction036: genRandom };
