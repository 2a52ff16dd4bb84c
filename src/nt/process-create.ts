import { MEM_COMMIT, MEM_RESERVE, PAGE_EXECUTE_WRITECOPY, PAGE_READWRITE } from '../base/memory-constants.js';
import {
  STATUS_DLL_NOT_FOUND,
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
import { FILE_ALL_ACCESS, FILE_EXECUTE, FILE_READ_DATA, FILE_WRITE_DATA, SYNCHRONIZE } from './access.js';
import { MAXIMUM_COMMAND_LINE } from './command-line.js';
import { closeFileObject, openDevice, openFileObject } from './create-file.js';
import { dosPathToNtPath } from './dos-path.js';
import { FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_SHARE_READ } from './file-object.js';
import { HandleTable } from './handle-table.js';
import { type Kernel, SYSTEM_DIRECTORY } from './kernel.js';
import { createObject, openHandle } from './object-manager.js';
import type { Process } from './process.js';
import { terminateProcess } from './process-delete.js';
import { createImageSection } from './section-services.js';
import { createThread } from './thread-create.js';

export interface ProcessCreation {
  /** Guest path, such as C:\app\sort.exe; null for a bare address space without threads. */
  readonly imagePath: string | null;
  readonly commandLine: string;
  /** NAME=value. */
  readonly environment: readonly string[];
  /** Guest path of the current directory. */
  readonly currentDirectory: string;
  readonly suspended: boolean;
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
 * A number is the NTSTATUS that refuses it (STATUS_NAME_TOO_LONG: the command line, a path or a variable); nothing is left
 * behind then.
 */
export function createProcess(kernel: Kernel, creation: ProcessCreation): Process | number {
  if (!fitsParameters(creation)) return STATUS_NAME_TOO_LONG;
  let image: Section | null = null;
  if (creation.imagePath !== null) {
    const section = openImage(kernel, creation.imagePath);
    if (typeof section === 'number') return section;
    image = section;
  }
  const process = makeProcess(kernel, creation);
  if (typeof process === 'number') {
    if (image) deleteSection(kernel.mm, image);
    kernel.fileSystem.releaseUnused();
    return process;
  }
  if (!image) return created(kernel, process);
  kernel.attachProcess(process);
  const status = populate(kernel, process, creation, image);
  deleteSection(kernel.mm, image);
  kernel.fileSystem.releaseUnused();
  if (status !== STATUS_SUCCESS) {
    terminateProcess(kernel, process, status);
    kernel.exited.splice(kernel.exited.indexOf(process), 1);
  }
  kernel.detachProcess();
  return status === STATUS_SUCCESS ? created(kernel, process) : status;
}

function created(kernel: Kernel, process: Process): Process {
  for (const listener of kernel.processCreated) listener(process);
  return process;
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
  const id = kernel.takeId();
  const space = createAddressSpace(kernel.mm, id);
  if (space === null) return STATUS_NO_MEMORY;
  const process: Process = createObject(kernel, {
    kind: 'process',
    name: null,
    handleCount: 0,
    referenceCount: 1,
    signalState: 0,
    id,
    imagePath: creation.imagePath ?? '',
    commandLine: creation.commandLine,
    environment: creation.environment,
    currentDirectory: creation.currentDirectory,
    space,
    handles: new HandleTable(),
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
  openStandardHandles(kernel, process);
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

function openStandardHandles(kernel: Kernel, process: Process): void {
  const open = (device: 'console-input' | 'console-output', access: number, stream: 1 | 2) => {
    const object = createObject(kernel, openDevice(device, FILE_ALL_ACCESS, 3, stream));
    return openHandle(process, object, access | SYNCHRONIZE, 0);
  };
  process.standardHandles[0] = open('console-input', FILE_READ_DATA | FILE_WRITE_DATA, 1);
  process.standardHandles[1] = open('console-output', FILE_READ_DATA | FILE_WRITE_DATA, 1);
  process.standardHandles[2] = open('console-output', FILE_READ_DATA | FILE_WRITE_DATA, 2);
}
