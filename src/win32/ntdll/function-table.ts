/**
 * Function tables: which function holds an address, from the exception directory of its image or from tables that the program
 * added. Sources: Microsoft, "RtlLookupFunctionEntry function", "RtlAddFunctionTable function", "x64 exception handling".
 */
import { moduleOfAddress } from '../../ldr/loader-state.js';
import type { Process } from '../../nt/process.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { IMAGE_DIRECTORY_ENTRY_EXCEPTION } from '../../pe/pe-constants.js';

/** RUNTIME_FUNCTION: first byte, byte after the last, unwind information; all RVAs. */
const ENTRY_BYTES = 12;
const BEGIN = 0;
const END = 4;
const UNWIND_INFORMATION = 8;
/** The entry stands for another, whose RVA is in its last word. */
const INDIRECT = 1;

/** Entries that a function of the program finds. */
export interface FunctionTableCallback {
  /** The identifier that the program chose: its base address with the two low bits set. */
  readonly identifier: number;
  readonly base: number;
  /** Bytes. */
  readonly length: number;
  /** Guest address of PRUNTIME_FUNCTION callback(pc, context), and its context. */
  readonly callback: number;
  readonly context: number;
}

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

function callbacksOf(process: Process): FunctionTableCallback[] {
  process.library['functionTableCallbacks'] ??= [];
  return process.library['functionTableCallbacks'] as FunctionTableCallback[];
}

/** The program's function that finds the entry for an address outside of images; undefined for none. */
export function callbackFor(process: Process, address: number): FunctionTableCallback | undefined {
  return callbacksOf(process).find(({ base, length }) => address >= base && address < base + length);
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
const rtlLookupFunctionEntry: Service = {
  enter: (call) => {
    const [address, baseAt] = [call.address(0), call.address(1)];
    call.memory.probeWrite(baseAt, 8);
    const found = lookupFunction(call, address);
    if (found !== null) {
      call.memory.writePointer(baseAt, found.imageBase);
      return found.entry;
    }
    const table = callbackFor(call.process, address);
    if (table === undefined) return 0;
    return call.callGuest(table.callback, [address, table.context], 0, [table.base]);
  },
  steps: [
    (call, [base = 0]) => {
      if (call.resultAddress !== 0) call.memory.writePointer(call.address(1), base);
      return call.resultAddress;
    },
  ],
};

/** BOOLEAN RtlAddFunctionTable(table, count, base). */
const rtlAddFunctionTable: ServiceFunction = (call) => {
  addedTables(call.process).push({ address: call.address(0), count: call.u32(1), base: call.address(2) });
  return 1;
};

/** BOOLEAN RtlInstallFunctionTableCallback(identifier, base, length, callback, context, dll); the low bits of the identifier are 3. */
const rtlInstallFunctionTableCallback: ServiceFunction = (call) => {
  if ((call.lo(0) & 3) !== 3) return 0;
  callbacksOf(call.process).push({
    identifier: call.address(0),
    base: call.address(1),
    length: call.u32(2),
    callback: call.address(3),
    context: call.address(4),
  });
  return 1;
};

/** Takes the entry that `matches` out of a list. */
function remove<Entry>(list: Entry[], matches: (entry: Entry) => boolean): boolean {
  const index = list.findIndex(matches);
  if (index >= 0) list.splice(index, 1);
  return index >= 0;
}

/** BOOLEAN RtlDeleteFunctionTable(table), or of the identifier of a callback. */
const rtlDeleteFunctionTable: ServiceFunction = (call) => {
  const table = call.address(0);
  const isKnown =
    remove(addedTables(call.process), ({ address }) => address === table) ||
    remove(callbacksOf(call.process), ({ identifier }) => identifier === table);
  return isKnown ? 1 : 0;
};

export const functionTableServices: Readonly<Record<string, Service | ServiceFunction>> = {
  RtlLookupFunctionEntry: rtlLookupFunctionEntry,
  RtlAddFunctionTable: rtlAddFunctionTable,
  RtlInstallFunctionTableCallback: rtlInstallFunctionTableCallback,
  RtlDeleteFunctionTable: rtlDeleteFunctionTable,
};
