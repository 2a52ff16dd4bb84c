/**
 * Function tables: which function holds an address, from the exception directory of its image or from tables that the program
 * added. Sources: Microsoft, "RtlLookupFunctionEntry function", "RtlAddFunctionTable function", "x64 exception handling".
 */
import { moduleOfAddress } from '../../ldr/loader-state.js';
import type { Process } from '../../nt/process.js';
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { IMAGE_DIRECTORY_ENTRY_EXCEPTION } from '../../pe/pe-constants.js';

/** RUNTIME_FUNCTION: first byte, byte after the last, unwind information; all RVAs. */
const ENTRY_BYTES = 12;
const BEGIN = 0;
const END = 4;
const UNWIND_INFORMATION = 8;
/** The entry stands for another, whose RVA is in its last word. */
const INDIRECT = 1;

/** Entries in guest memory, sorted by address. */
interface FunctionTable {
  /** Guest address of the first entry. */
  readonly address: number;
  readonly count: number;
  /** Guest address that the RVAs count from. */
  readonly base: number;
}

function addedTables(process: Process): FunctionTable[] {
  const known = process.library['functionTables'] as FunctionTable[] | undefined;
  if (known) return known;
  const tables: FunctionTable[] = [];
  process.library['functionTables'] = tables;
  return tables;
}

/** The exception directory of the image that holds an address. */
function imageTable(process: Process, address: number): FunctionTable | null {
  const module = moduleOfAddress(process, address);
  if (module === undefined) return null;
  const { rva, size } = module.headers.directories[IMAGE_DIRECTORY_ENTRY_EXCEPTION]!;
  if (rva === 0 || rva + size > module.headers.sizeOfImage) return null;
  return { address: module.base + rva, count: Math.floor(size / ENTRY_BYTES), base: module.base };
}

/** Guest address of the entry whose function holds an address; 0 for none. Reads the table where it lies. */
function search(call: ServiceCall, table: FunctionTable, address: number): number {
  const { memory } = call;
  const rva = address - table.base;
  let low = 0;
  let high = table.count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const entry = table.address + middle * ENTRY_BYTES;
    if (rva < memory.readU32(entry + BEGIN)) high = middle - 1;
    else if (rva >= memory.readU32(entry + END)) low = middle + 1;
    else {
      const unwind = memory.readU32(entry + UNWIND_INFORMATION);
      return unwind & INDIRECT ? table.base + unwind - INDIRECT : entry;
    }
  }
  return 0;
}

/** Guest addresses of the entry whose function holds an address, and of what its RVAs count from; null for a leaf function. */
export function lookupFunction(
  call: ServiceCall,
  address: number,
): { readonly entry: number; readonly imageBase: number } | null {
  const image = imageTable(call.process, address);
  for (const table of image === null ? addedTables(call.process) : [image]) {
    const entry = search(call, table, address);
    if (entry !== 0) return { entry, imageBase: table.base };
  }
  return null;
}

/** PRUNTIME_FUNCTION RtlLookupFunctionEntry(pc, *base, history): NULL for code without an entry (a leaf function). */
const rtlLookupFunctionEntry: ServiceFunction = (call) => {
  const [address, baseAt] = [call.address(0), call.address(1)];
  call.memory.probeWrite(baseAt, 8);
  const found = lookupFunction(call, address);
  if (found === null) return 0;
  call.memory.writePointer(baseAt, found.imageBase);
  return found.entry;
};

/** BOOLEAN RtlAddFunctionTable(table, count, base). */
const rtlAddFunctionTable: ServiceFunction = (call) => {
  addedTables(call.process).push({ address: call.address(0), count: call.u32(1), base: call.address(2) });
  return 1;
};

/** BOOLEAN RtlDeleteFunctionTable(table). */
const rtlDeleteFunctionTable: ServiceFunction = (call) => {
  const tables = addedTables(call.process);
  const index = tables.findIndex(({ address }) => address === call.address(0));
  if (index < 0) return 0;
  tables.splice(index, 1);
  return 1;
};

export const functionTableServices: Readonly<Record<string, ServiceFunction>> = {
  RtlLookupFunctionEntry: rtlLookupFunctionEntry,
  RtlAddFunctionTable: rtlAddFunctionTable,
  RtlDeleteFunctionTable: rtlDeleteFunctionTable,
};
