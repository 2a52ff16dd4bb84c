import {
  MEM_FREE,
  MEM_IMAGE,
  MEM_MAPPED,
  MEM_RESERVE,
  PAGE_EXECUTE,
  PAGE_EXECUTE_READ,
  PAGE_GUARD,
  PAGE_NOACCESS,
  PAGE_READONLY,
} from '../base/memory-constants.js';
import { STATUS_ACCESS_VIOLATION, STATUS_IN_PAGE_ERROR, STATUS_SUCCESS } from '../base/ntstatus.js';
import { PEEKED } from '../mm/page-table-peek.js';
import { GuestFault } from '../mm/user-memory.js';
import { emptyBasicInformation, queryVirtualMemory } from '../mm/virtual-memory.js';
import { CONTEXT_EFLAGS, CONTEXT_RIP, contextRegister } from './context-record.js';
import {
  DISPATCH_RECORD,
  MAXIMUM_PARAMETERS,
  RECORD_ADDRESS,
  RECORD_CODE,
  RECORD_PARAMETER_COUNT,
  RECORD_PARAMETERS,
} from './exception-dispatch.js';
import type { Kernel } from './kernel.js';
import type { CrashReport, Process } from './process.js';
import type { Thread } from './thread.js';

const REGISTER_NAMES = 'RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15'.split(' ');
/** Longest x86 instruction is 15 bytes. */
const CODE_BYTES = 16;
const TWO_32 = 2 ** 32;

/** The mapped image that holds an address: its file's guest path and the offset from its base. */
export function findModule(
  kernel: Kernel,
  process: Process,
  address: number,
): { module: string; offset: number } | null {
  const out = emptyBasicInformation();
  if (queryVirtualMemory(kernel.mm, process.space, address, out, PEEKED) !== STATUS_SUCCESS) return null;
  if (out.state === MEM_FREE || out.type !== MEM_IMAGE) return null;
  const vad = process.space.vads.find(Math.floor(address / 4096));
  return { module: vad?.controlArea?.file?.name ?? '', offset: address - out.allocationBase };
}

/** What a user address is, in the words of the memory manager. */
export function describeAddress(kernel: Kernel, process: Process, address: number): string {
  if (address < 0) return 'not a canonical address';
  if (address >= 2 ** 47) return 'system space';
  if (address < process.space.lowestAddress) return 'free: the first 64 KB are never mapped';
  const out = emptyBasicInformation();
  if (queryVirtualMemory(kernel.mm, process.space, address, out, PEEKED) !== STATUS_SUCCESS)
    return 'past the last user address';
  if (out.state === MEM_FREE) return 'free';
  if (out.state === MEM_RESERVE) return 'reserved, not committed';
  const kind =
    out.type === MEM_IMAGE ? 'image page' : out.type === MEM_MAPPED ? 'mapped page' : 'private page';
  return `${protectionName(out.protect)} ${kind}`;
}

function protectionName(protect: number): string {
  if (protect & PAGE_GUARD) return 'guard';
  switch (protect & 0xff) {
    case PAGE_NOACCESS:
      return 'no-access';
    case PAGE_READONLY:
      return 'read-only';
    case PAGE_EXECUTE:
    case PAGE_EXECUTE_READ:
      return 'read-only code';
    default:
      return 'writable';
  }
}

/** The report of an unhandled exception, of its frame: the context, and the record at DISPATCH_RECORD. */
export function describeCrash(kernel: Kernel, thread: Thread, frame: Uint8Array): CrashReport {
  const { process } = thread;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const word = (offset: number) => view.getUint32(offset, true);
  const pointer = (offset: number) => (word(offset + 4) & 0xffff) * TWO_32 + word(offset);
  const code = word(DISPATCH_RECORD + RECORD_CODE);
  const address = pointer(DISPATCH_RECORD + RECORD_ADDRESS);
  const count = Math.min(word(DISPATCH_RECORD + RECORD_PARAMETER_COUNT), MAXIMUM_PARAMETERS);
  const parameters: number[] = [];
  for (let index = 0; index < count; index++) {
    const at = DISPATCH_RECORD + RECORD_PARAMETERS + index * 8;
    parameters.push(word(at + 4) === 0xffffffff && word(at) === 0xffffffff ? -1 : pointer(at));
  }
  const registers = REGISTER_NAMES.map((name, index) => register(name, word, contextRegister(index)));
  registers.push(register('RIP', word, CONTEXT_RIP), { name: 'RFLAGS', lo: word(CONTEXT_EFLAGS), hi: 0 });
  const found = findModule(kernel, process, address);
  const hasTarget = (code === STATUS_ACCESS_VIOLATION || code === STATUS_IN_PAGE_ERROR) && count >= 2;
  return {
    code,
    address,
    parameters,
    threadId: thread.id,
    module: found?.module ?? null,
    offset: found?.offset ?? 0,
    registers,
    code16: readCode(kernel, address),
    target: hasTarget ? describeAddress(kernel, process, parameters[1]!) : null,
    message: process.exitMessage,
  };
}

function register(name: string, word: (offset: number) => number, offset: number) {
  return { name, lo: word(offset), hi: word(offset + 4) };
}

function readCode(kernel: Kernel, address: number): number[] {
  const bytes: number[] = [];
  try {
    for (let index = 0; index < CODE_BYTES; index++) bytes.push(kernel.memory.readU8(address + index));
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error;
  }
  return bytes;
}
