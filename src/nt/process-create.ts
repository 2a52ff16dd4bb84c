import { MEM_COMMIT, MEM_RESERVE, PAGE_EXECUTE_WRITECOPY, PAGE_READWRITE } from '../base/memory-constants.js';
import {
  STATUS_DLL_NOT_FOUND,
  STATUS_INVALID_IMAGE_FORMAT,
  STATUS_NAME_TOO_LONG,
  STATUS_NO_MEMORY,
  STATUS_OBJECT_NAME_INVALID,
  STATUS_SUCCESS,
} from '../base/ntstatus.js';
import { createAddressSpace } from '../mm/address-space.js';
import { deleteSection, querySection, type Section, type SectionImageInformation } from '../mm/section.js';
import { mapViewOfSection } from '../mm/section-view.js';
import { GuestFault } from '../mm/user-memory.js';
import { allocateVirtualMemory } from '../mm/virtual-memory.js';
import { hasRoomForMinimum } from '../mm/working-set-limits.js';
import { IMAGE_FILE_DLL } from '../pe/pe-constants.js';
import { FILE_ALL_ACCESS, FILE_EXECUTE, FILE_READ_DATA, FILE_WRITE_DATA, SYNCHRONIZE } from './access.js';
import { MAXIMUM_COMMAND_LINE } from './command-line.js';
import { closeFileObject, openDevice, openFileObject } from './create-file.js';
import { dosPathToNtPath } from './dos-path.js';
import { FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_SHARE_READ } from './file-object.js';
import { HandleTable } from './handle-table.js';
import { assignProcess, type Job, jobOfChild } from './job.js';
import { type Kernel, SYSTEM_DIRECTORY } from './kernel.js';
import { createObject, openHandle } from './object-manager.js';
import { classOfNewProcess } from './priority.js';
import type { Process, StartupSettings } from './process.js';
import { terminateProcess } from './process-delete.js';
import { createImageSection } from './section-services.js';
import { createThread, timeNow } from './thread-create.js';
import { createPrimaryToken } from './token.js';

export interface ProcessCreation {
  /** Guest path, such as C:\app\sort.exe; null for a bare address space without threads. */
  readonly imagePath: string | null;
  readonly commandLine: string;
  /** NAME=value. */
  readonly environment: readonly string[];
  /** Guest path of the current directory. */
  readonly currentDirectory: string;
  readonly suspended: boolean;
  /** The process that makes it, and what the new one gets from that; left out for a program that the machine starts. */
  readonly heritage?: ProcessHeritage;
}

/** What a process that CreateProcess makes gets from its creator, or from the process that takes its place. */
export interface ProcessHeritage {
  readonly parent: Process;
  /** Its inheritable handles come along, at their values. */
  readonly inheritsHandles: boolean;
  /** Those of them that come along; left out for all. */
  readonly handles?: readonly number[] | null;
  /** Jobs into which it goes in this order, beside its parent's. */
  readonly jobs?: readonly Job[];
  /** It may not make processes itself. */
  readonly isChildless?: boolean;
  /** SEM_*; 0 when left out. */
  readonly errorMode?: number;
  /**
   * Standard input, output and error: those of the creator; three numbers given; a console's own; none; or the null device,
   * which is what a console without a window amounts to.
   */
  readonly standardHandles: 'parent' | 'console' | 'none' | 'null-device' | readonly [number, number, number];
  /** The creator's own, as its process parameters have them now. */
  readonly parentHandles: readonly [number, number, number];
  /** *_PRIORITY_CLASS, 0 for the default. */
  readonly priorityClass: number;
  /** It is to begin outside its creator's job. */
  readonly breaksAway?: boolean;
  readonly startup: StartupSettings;
}

/** PEB.ImageBaseAddress. */
const PEB_IMAGE_BASE = 0x10;
const PEB_BYTES = 0x1000;
/** UTF-16 units of NAME=value. Source: Microsoft, "Environment Variables"; the whole block has no limit. */
const MAXIMUM_VARIABLE = 32_767;
/** UTF-16 units of a path: with what the process parameters add to it, its bytes still count in the 16 bits of a UNICODE_STRING. */
const MAXIMUM_PATH = 32_700;

/** Whether every text of the process parameters has a length that they can hold. */
function fitsParameters({ imagePath, commandLine, environment, currentDirectory }: ProcessCreation): boolean {
  return (
    commandLine.length <= MAXIMUM_COMMAND_LINE &&
    currentDirectory.length <= MAXIMUM_PATH &&
    (imagePath?.length ?? 0) <= MAXIMUM_PATH &&
    environment.every((variable) => variable.length <= MAXIMUM_VARIABLE)
  );
}

/**
 * Creates a process (NtCreateUserProcess): address space, ntdll and the image mapped, PEB, standard handles, first thread.
 * A number is the NTSTATUS that refuses it (STATUS_NAME_TOO_LONG: the command line, a path or a variable; STATUS_NO_MEMORY:
 * RAM has no room for its minimum working set, its tables or its stacks; STATUS_QUOTA_EXCEEDED: its creator's job is full;
 * STATUS_ACCESS_DENIED: that job lets none break away); nothing is left behind then.
 */
export function createProcess(kernel: Kernel, creation: ProcessCreation): Process | number {
  if (!fitsParameters(creation)) return STATUS_NAME_TOO_LONG;
  const job = jobOfChild(creation.heritage?.parent ?? null, creation.heritage?.breaksAway ?? false);
  if (typeof job === 'number') return job;
  kernel.memory.commit();
  let image: Section | null = null;
  if (creation.imagePath !== null) {
    const section = openImage(kernel, creation.imagePath);
    if (typeof section === 'number') return section;
    image = section;
    if (isDll(image)) {
      deleteSection(kernel.mm, image);
      kernel.fileSystem.releaseUnused();
      return STATUS_INVALID_IMAGE_FORMAT;
    }
  }
  const process = makeProcess(kernel, creation);
  if (typeof process === 'number') {
    if (image) deleteSection(kernel.mm, image);
    kernel.fileSystem.releaseUnused();
    return process;
  }
  if (!image) return created(kernel, process);
  kernel.attachProcess(process);
  let status = populate(kernel, process, creation, image);
  deleteSection(kernel.mm, image);
  kernel.fileSystem.releaseUnused();
  const jobs = job === null ? [] : [job];
  if (status === STATUS_SUCCESS)
    status = putInJobs(kernel, process, [...jobs, ...(creation.heritage?.jobs ?? [])]);
  if (status !== STATUS_SUCCESS) {
    if (process.exitStatus === null) terminateProcess(kernel, process, status);
    kernel.exited.splice(kernel.exited.indexOf(process), 1);
  }
  kernel.detachProcess();
  return status === STATUS_SUCCESS ? created(kernel, process) : status;
}

/** Assigns a new process to jobs, one after the other; the NTSTATUS of the first that refuses it. */
function putInJobs(kernel: Kernel, process: Process, jobs: readonly Job[]): number {
  for (const job of jobs) {
    const status = assignProcess(kernel, job, process);
    if (status !== STATUS_SUCCESS) return status;
  }
  return STATUS_SUCCESS;
}

function created(kernel: Kernel, process: Process): Process {
  for (const listener of kernel.processCreated) listener(process);
  return process;
}

function isDll(image: Section): boolean {
  return ((querySection(image).image?.characteristics ?? 0) & IMAGE_FILE_DLL) !== 0;
}

/** The image section of a file; a number is the NTSTATUS. */
export function openImage(kernel: Kernel, path: string): Section | number {
  const ntPath = dosPathToNtPath(path, 'C:\\');
  if (ntPath === null) return STATUS_OBJECT_NAME_INVALID;
  const request = {
    path: ntPath,
    access: FILE_EXECUTE | FILE_READ_DATA | SYNCHRONIZE,
    share: FILE_SHARE_READ,
    disposition: FILE_OPEN,
    options: FILE_NON_DIRECTORY_FILE,
  };
  const file = openFileObject(kernel, request, { information: 0 });
  if (typeof file === 'number') return file;
  const section = createImageSection(kernel, file);
  closeFileObject(kernel, file);
  return section;
}

function makeProcess(kernel: Kernel, creation: ProcessCreation): Process | number {
  if (creation.imagePath !== null && !hasRoomForMinimum(kernel.mm)) return STATUS_NO_MEMORY;
  const id = kernel.takeId();
  const space = createAddressSpace(kernel.mm, id);
  if (space === null) return STATUS_NO_MEMORY;
  const parent = creation.heritage?.parent ?? null;
  const process: Process = createObject(kernel, {
    kind: 'process',
    name: null,
    handleCount: 0,
    referenceCount: 1,
    signalState: 0,
    id,
    parentId: parent?.id ?? 0,
    priorityClass: classOfNewProcess(creation.heritage?.priorityClass ?? 0, parent),
    boostDisabled: false,
    imagePath: creation.imagePath ?? '',
    commandLine: creation.commandLine,
    environment: creation.environment,
    currentDirectory: creation.currentDirectory,
    startup: creation.heritage?.startup ?? null,
    space,
    handles: new HandleTable(),
    job: null,
    isChildless: creation.heritage?.isChildless ?? false,
    errorMode: creation.heritage?.errorMode ?? 0,
    createTime: timeNow(kernel),
    exitTime: { lo: 0, hi: 0 },
    token: createPrimaryToken(kernel, parent),
    threads: [],
    standardHandles: [0, 0, 0],
    peb: 0,
    imageBase: 0,
    entryPoint: 0,
    systemModules: new Map(),
    exitStatus: null,
    deleted: false,
    exitMessage: null,
    loader: {},
    vectoredHandlers: [],
    vectoredContinueHandlers: [],
    unhandledFilter: 0,
    crash: null,
    library: {},
  });
  kernel.processes.set(id, process);
  return process;
}

function populate(kernel: Kernel, process: Process, creation: ProcessCreation, image: Section): number {
  const status = mapNtdll(kernel, process);
  if (status !== STATUS_SUCCESS) return status;
  const { image: information } = querySection(image);
  if (information === null) return STATUS_OBJECT_NAME_INVALID;
  const base = mapImage(kernel, process, image);
  if (base < 0) return -base;
  process.imageBase = base;
  process.entryPoint = base + information.transferAddress - information.base;
  if (creation.heritage?.inheritsHandles) inheritHandles(creation.heritage, process);
  setStandardHandles(kernel, process, creation.heritage);
  const peb = { baseAddress: 0, regionSize: PEB_BYTES };
  const allocated = allocateVirtualMemory(
    kernel.mm,
    process.space,
    peb,
    MEM_RESERVE | MEM_COMMIT,
    PAGE_READWRITE,
  );
  if (allocated !== STATUS_SUCCESS) return allocated;
  process.peb = peb.baseAddress;
  try {
    kernel.memory.writePointer(process.peb + PEB_IMAGE_BASE, process.imageBase);
  } catch (error) {
    if (error instanceof GuestFault) return error.status;
    throw error;
  }
  return createFirstThread(kernel, process, creation, information);
}

function createFirstThread(
  kernel: Kernel,
  process: Process,
  creation: ProcessCreation,
  information: SectionImageInformation,
): number {
  const thread = createThread(kernel, process, {
    startAddress: process.entryPoint,
    argument: process.peb,
    stackReserve: information.stackReserve,
    stackCommit: information.stackCommit,
    suspended: creation.suspended,
  });
  return typeof thread === 'number' ? thread : STATUS_SUCCESS;
}

/** Maps ntdll, without which no thread can begin. */
function mapNtdll(kernel: Kernel, process: Process): number {
  if (!kernel.systemImages.has('ntdll.dll')) return STATUS_DLL_NOT_FOUND;
  const section = openImage(kernel, `${SYSTEM_DIRECTORY}\\ntdll.dll`);
  if (typeof section === 'number') return section;
  const base = mapImage(kernel, process, section);
  deleteSection(kernel.mm, section);
  if (base < 0) return -base;
  process.systemModules.set('ntdll.dll', base);
  return STATUS_SUCCESS;
}

/** Maps an image where it wants to be, or elsewhere; a negative number is minus the NTSTATUS. */
function mapImage(kernel: Kernel, process: Process, section: Section): number {
  const request = {
    baseAddress: 0,
    viewSize: 0,
    sectionOffset: 0,
    allocationType: 0,
    protect: PAGE_EXECUTE_WRITECOPY,
  };
  const status = mapViewOfSection(kernel.mm, process.space, section, request);
  return status >= FIRST_ERROR ? -status : request.baseAddress;
}

/** First status of the errors; STATUS_IMAGE_NOT_AT_BASE is information, the loader relocates. */
const FIRST_ERROR = 0xc0000000;

/** The new process gets its creator's inheritable handles (ObInitProcess). */
function inheritHandles({ parent, handles }: ProcessHeritage, process: Process): void {
  for (const { object } of process.handles.inherit(parent.handles, handles)) {
    object.handleCount++;
    object.referenceCount++;
  }
}

function setStandardHandles(kernel: Kernel, process: Process, heritage: ProcessHeritage | undefined): void {
  const { standardHandles } = process;
  switch (heritage?.standardHandles) {
    case undefined:
    case 'console':
      openDevices(kernel, process, ['console-input', 'console-output', 'console-output']);
      break;
    case 'null-device':
      openDevices(kernel, process, ['null', 'null', 'null']);
      break;
    case 'none':
      break;
    case 'parent':
      heritage!.parentHandles.forEach((handle, index) => {
        standardHandles[index] = takeStandardHandle(process, heritage!.parent, handle);
      });
      break;
    default:
      (heritage!.standardHandles as readonly number[]).forEach((handle, index) => {
        standardHandles[index] = handle;
      });
  }
}

/** The new process's handle for one of its creator's: the inherited one, else a duplicate; what is not open stays a number. */
function takeStandardHandle(process: Process, parent: Process, handle: number): number {
  const entry = parent.handles.lookup(handle);
  if (entry === null || process.handles.lookup(handle)?.object === entry.object) return handle;
  return openHandle(process, entry.object, entry.grantedAccess, 0);
}

function openDevices(
  kernel: Kernel,
  process: Process,
  devices: readonly ('console-input' | 'console-output' | 'null')[],
): void {
  const access = FILE_READ_DATA | FILE_WRITE_DATA | SYNCHRONIZE;
  devices.forEach((device, index) => {
    const object = createObject(kernel, openDevice(device, FILE_ALL_ACCESS, 3, index === 2 ? 2 : 1));
    process.standardHandles[index] = openHandle(process, object, access, 0);
  });
}
