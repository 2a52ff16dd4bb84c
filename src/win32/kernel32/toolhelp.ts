/**
 * Snapshots of processes, threads and modules (tlhelp32.h): a section of the paging file that holds the lists, as on
 * Windows, so that its handle is closed and inherited like any other. Sources: Microsoft, "CreateToolhelp32Snapshot
 * function", "PROCESSENTRY32W structure", "THREADENTRY32 structure", "MODULEENTRY32W structure".
 */
import {
  PAGE_READWRITE,
  SEC_COMMIT,
  SECTION_MAP_READ,
  SECTION_MAP_WRITE,
  SECTION_QUERY,
} from '../../base/memory-constants.js';
import { ntSuccess, STATUS_INVALID_HANDLE } from '../../base/ntstatus.js';
import { type LoadedModule, loaderOf } from '../../ldr/loader-state.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import { closeHandle, setHandleFlags } from '../../nt/object-manager.js';
import { classBasePriority } from '../../nt/priority.js';
import type { Process } from '../../nt/process.js';
import { createSection, mapViewOfSection, unmapViewOfSection } from '../../nt/section-services.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { THREAD_TERMINATED, type Thread } from '../../nt/thread.js';
import { ERROR_BAD_LENGTH, ERROR_INVALID_PARAMETER, ERROR_NO_MORE_FILES } from '../ntdll/dos-error.js';
import { failStatus, INVALID_HANDLE_VALUE, TRUE } from './results.js';
import { ANSI, type TextForm, WIDE, writeText } from './text-form.js';

const TH32CS_SNAPPROCESS = 0x2;
const TH32CS_SNAPTHREAD = 0x4;
const TH32CS_SNAPMODULE = 0x8;
const TH32CS_SNAPMODULE32 = 0x10;
const TH32CS_INHERIT = 0x80000000;
const SNAPSHOT_ACCESS = SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE;

const MAX_PATH = 260;
const MAX_MODULE_NAME = 255;
const NAME_BYTES = MAX_PATH * 2;
/** The idle process and the system process, which every list begins with. */
const SYSTEM_PROCESSES = [
  { id: 0, name: '[System Process]' },
  { id: 4, name: 'System' },
] as const;
const SYSTEM_BASE_PRIORITY = 8;

/** The section: a mark, then for each list how many entries, the next one, and the byte offset of the first. */
const MARK = 0x54485333;
const LISTS = ['process', 'thread', 'module'] as const;
type List = (typeof LISTS)[number];
const LIST_BYTES = 12;
const HEADER_BYTES = 16 + LISTS.length * LIST_BYTES;
const listAt = (list: List) => 16 + LISTS.indexOf(list) * LIST_BYTES;

/** One entry: its numbers, then its texts, each in a place of NAME_BYTES. */
interface Entry {
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}

/** What an entry of each list has. */
const SHAPES: Readonly<Record<List, { readonly numbers: number; readonly texts: number }>> = {
  process: { numbers: 4, texts: 1 },
  thread: { numbers: 3, texts: 0 },
  module: { numbers: 3, texts: 2 },
};
const entryBytes = (list: List) => SHAPES[list].numbers * 8 + SHAPES[list].texts * NAME_BYTES;

const baseName = (path: string) => path.slice(path.lastIndexOf('\\') + 1);
const living = (process: Process) => process.threads.filter(({ state }) => state !== THREAD_TERMINATED);

function processEntries(call: ServiceCall): Entry[] {
  const system = SYSTEM_PROCESSES.map(({ id, name }) => ({
    numbers: [id, 1, 0, id === 0 ? 0 : SYSTEM_BASE_PRIORITY],
    texts: [name],
  }));
  const programs = [...call.kernel.processes.values()].map((process) => ({
    numbers: [process.id, living(process).length, process.parentId, classBasePriority(process.priorityClass)],
    texts: [baseName(process.imagePath)],
  }));
  return [...system, ...programs];
}

function threadEntries(call: ServiceCall): Entry[] {
  const entry = ({ id, basePriority }: Thread, owner: number) => ({
    numbers: [id, owner, basePriority],
    texts: [],
  });
  return [...call.kernel.processes.values()].flatMap((process) =>
    living(process).map((thread) => entry(thread, process.id)),
  );
}

function moduleEntries(process: Process): Entry[] {
  return loaderOf(process).modules.map(({ base, headers, name, path }: LoadedModule) => ({
    numbers: [process.id, base, headers.sizeOfImage],
    texts: [name, path],
  }));
}

/** Runs an operation on the mapped lists of a snapshot; a number below zero is minus the NTSTATUS. */
function withView(call: ServiceCall, handle: number, operation: (view: number) => number): number {
  const { kernel, process } = call;
  const request = {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_READWRITE,
  };
  const status = mapViewOfSection(kernel, process, handle, request);
  if (!ntSuccess(status)) return -status;
  try {
    return operation(request.baseAddress);
  } finally {
    unmapViewOfSection(kernel, process, request.baseAddress);
  }
}

function writeLists(call: ServiceCall, view: number, lists: ReadonlyMap<List, Entry[]>): number {
  const { memory } = call;
  memory.writeU32(view, MARK);
  let at = HEADER_BYTES;
  for (const [list, entries] of lists) {
    memory.writeU32(view + listAt(list), entries.length);
    memory.writeU32(view + listAt(list) + 8, at);
    for (const { numbers, texts } of entries) {
      numbers.forEach((value, index) => {
        memory.writePointer(view + at + 8 * index, value);
      });
      texts.forEach((text, index) => {
        const place = at + 8 * numbers.length + index * NAME_BYTES;
        memory.writeUtf16(view + place, `${text.slice(0, MAX_PATH - 1)}\0`);
      });
      at += entryBytes(list);
    }
  }
  return TRUE;
}

/** HANDLE CreateToolhelp32Snapshot(flags, process): modules are those of one process, 0 for the caller's own. */
const createSnapshot: ServiceFunction = (call) => {
  const { kernel, process } = call;
  const [flags, id] = [call.u32(0), call.u32(1)];
  const lists = new Map<List, Entry[]>();
  if (flags & TH32CS_SNAPPROCESS) lists.set('process', processEntries(call));
  if (flags & TH32CS_SNAPTHREAD) lists.set('thread', threadEntries(call));
  if (flags & (TH32CS_SNAPMODULE | TH32CS_SNAPMODULE32)) {
    const target = id === 0 ? process : kernel.processes.get(id);
    if (target === undefined) return call.fail(ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE);
    lists.set('module', flags & TH32CS_SNAPMODULE ? moduleEntries(target) : []);
  }
  const size = [...lists].reduce((sum, [list, { length }]) => sum + length * entryBytes(list), HEADER_BYTES);
  const out = { handle: 0 };
  const creation = { path: null, access: SNAPSHOT_ACCESS, openIf: false };
  const section = { maximumSize: size, protection: PAGE_READWRITE, attributes: SEC_COMMIT, fileHandle: 0 };
  const status = createSection(kernel, process, creation, section, out);
  if (!ntSuccess(status)) return failStatus(call, status, INVALID_HANDLE_VALUE);
  const done = withView(call, out.handle, (view) => writeLists(call, view, lists));
  if (done < 0) {
    closeHandle(kernel, process, out.handle);
    return failStatus(call, -done, INVALID_HANDLE_VALUE);
  }
  if (flags & TH32CS_INHERIT) setHandleFlags(process, out.handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  return out.handle;
};

/** Writes an entry that was read where the program wants it. */
type Give = (call: ServiceCall, to: number, entry: Entry) => void;

/** The entry at the list's place, which moves on; null at its end, or when the section holds no list. */
function takeEntry(call: ServiceCall, view: number, list: List, first: boolean): Entry | null {
  const { memory } = call;
  const head = view + listAt(list);
  const { numbers, texts } = SHAPES[list];
  const index = first ? 0 : memory.readU32(head + 4);
  if (memory.readU32(view) !== MARK || index >= memory.readU32(head)) return null;
  const at = view + memory.readU32(head + 8) + index * entryBytes(list);
  const entry = {
    numbers: Array.from({ length: numbers }, (_, place) => memory.readPointer(at + 8 * place)),
    texts: Array.from({ length: texts }, (_, place) =>
      memory.readUtf16(at + 8 * numbers + place * NAME_BYTES, MAX_PATH),
    ),
  };
  memory.writeU32(head + 4, index + 1);
  return entry;
}

/** BOOL Process32First(snapshot, entry) and its kin: the entry's first field says how large it is. */
const walk =
  (list: List, size: number, first: boolean, give: Give): ServiceFunction =>
  (call) => {
    const to = call.address(1);
    if (call.memory.readU32(to) < size) return call.fail(ERROR_BAD_LENGTH);
    call.memory.probeWrite(to, size);
    const handle = call.handle(0);
    if (handle === 0 || handle === INVALID_HANDLE_VALUE) return failStatus(call, STATUS_INVALID_HANDLE);
    let entry: Entry | null = null;
    const done = withView(call, handle, (view) => {
      entry = takeEntry(call, view, list, first);
      return TRUE;
    });
    if (done < 0) return failStatus(call, -done);
    if (entry === null) return call.fail(ERROR_NO_MORE_FILES);
    give(call, to, entry);
    return TRUE;
  };

const PROCESS_BYTES = { A: 304, W: 568 };
const THREAD_BYTES = 28;
const MODULE_BYTES = { A: 568, W: 1080 };

const giveProcess =
  (form: TextForm): Give =>
  (call, to, { numbers: [id, threads, parent, priority], texts: [name] }) => {
    const { memory } = call;
    memory.fill(to + 4, 40, 0);
    memory.writeU32(to + 8, id!);
    memory.writeU32(to + 28, threads!);
    memory.writeU32(to + 32, parent!);
    memory.writeU32(to + 36, priority!);
    writeText(call, form, to + 44, name!);
  };

const giveThread: Give = ({ memory }, to, { numbers: [id, owner, priority] }) => {
  memory.fill(to + 4, THREAD_BYTES - 4, 0);
  memory.writeU32(to + 8, id!);
  memory.writeU32(to + 12, owner!);
  memory.writeU32(to + 16, priority!);
};

/** Usage counts read as "any", as they mean nothing in 64-bit Windows. */
const ANY_USAGE = 0xffff;

const giveModule =
  (form: TextForm): Give =>
  (call, to, { numbers: [owner, base, size], texts: [name, path] }) => {
    const { memory } = call;
    memory.writeU32(to + 4, 1);
    memory.writeU32(to + 8, owner!);
    memory.writeU32(to + 12, ANY_USAGE);
    memory.writeU32(to + 16, ANY_USAGE);
    memory.writePointer(to + 24, base!);
    memory.writeU32(to + 32, size!);
    memory.writePointer(to + 40, base!);
    writeText(call, form, to + 48, name!.slice(0, MAX_MODULE_NAME));
    writeText(call, form, to + 48 + (MAX_MODULE_NAME + 1) * form.unit, path!);
  };

function pair(
  prefix: string,
  suffix: string,
  list: List,
  size: number,
  give: Give,
): Record<string, ServiceFunction> {
  return {
    [`${prefix}First${suffix}`]: walk(list, size, true, give),
    [`${prefix}Next${suffix}`]: walk(list, size, false, give),
  };
}

export const toolhelpFunctions: Record<string, Service | ServiceFunction> = {
  CreateToolhelp32Snapshot: createSnapshot,
  ...pair('Process32', '', 'process', PROCESS_BYTES.A, giveProcess(ANSI)),
  ...pair('Process32', 'W', 'process', PROCESS_BYTES.W, giveProcess(WIDE)),
  ...pair('Thread32', '', 'thread', THREAD_BYTES, giveThread),
  ...pair('Module32', '', 'module', MODULE_BYTES.A, giveModule(ANSI)),
  ...pair('Module32', 'W', 'module', MODULE_BYTES.W, giveModule(WIDE)),
};
