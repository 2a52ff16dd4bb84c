/** CreateProcess (processthreadsapi.h). Sources: Microsoft, "CreateProcessW function", "STARTUPINFOW structure", "Process Creation Flags", "Inheritance". */
import { STATUS_ACCESS_DENIED, STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from '../../base/ntstatus.js';
import { currentDirectory } from '../../ldr/process-parameters.js';
import { PROCESS_ALL_ACCESS, THREAD_ALL_ACCESS } from '../../nt/access.js';
import { MAXIMUM_COMMAND_LINE } from '../../nt/command-line.js';
import { queryAttributesFile } from '../../nt/file-information.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import { openHandle } from '../../nt/object-manager.js';
import { isPriorityClass } from '../../nt/priority.js';
import type { Process, StartupSettings } from '../../nt/process.js';
import { createProcess, type ProcessHeritage } from '../../nt/process-create.js';
import { terminateProcess } from '../../nt/process-delete.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { Thread } from '../../nt/thread.js';
import {
  ERROR_DIRECTORY,
  ERROR_FILENAME_EXCED_RANGE,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_SUPPORTED,
  ERROR_TOO_MANY_OPEN_FILES,
} from '../ntdll/dos-error.js';
import { joinConsole } from './console-control.js';
import { fullPathOf, ntPathOf } from './path.js';
import { NO_ATTRIBUTES, type ProcessAttributes, readAttributes } from './process-attributes.js';
import { environmentEntries, standardHandle } from './process-parameters.js';
import { findProgram, programPath } from './program-search.js';
import { failStatus, TRUE } from './results.js';
import { inheritanceOf, securityOf } from './security-attributes.js';
import { ANSI, bothForms, type TextForm, WIDE } from './text-form.js';

/** dwCreationFlags. */
const DEBUG_PROCESS = 0x1;
const DEBUG_ONLY_THIS_PROCESS = 0x2;
const CREATE_SUSPENDED = 0x4;
const CREATE_BREAKAWAY_FROM_JOB = 0x1000000;
const DETACHED_PROCESS = 0x8;
const CREATE_NEW_CONSOLE = 0x10;
const CREATE_UNICODE_ENVIRONMENT = 0x400;
const EXTENDED_STARTUPINFO_PRESENT = 0x80000;
const CREATE_DEFAULT_ERROR_MODE = 0x4000000;
const CREATE_NO_WINDOW = 0x8000000;
const PRIORITY_FLAGS = [0x40, 0x4000, 0x20, 0x8000, 0x80, 0x100];

/** STARTUPINFO on x64: byte offsets. */
const DESKTOP = 0x10;
const TITLE = 0x18;
const POSITION = 0x20;
const POSITION_NUMBERS = 7;
const FLAGS = 0x3c;
const SHOW_WINDOW = 0x40;
const RESERVED_BYTES = 0x42;
const RESERVED = 0x48;
const STANDARD_HANDLES = 0x50;
const STARTF_USESTDHANDLES = 0x100;
/** STARTUPINFOEX: where the attribute list is, and all its bytes. */
const ATTRIBUTE_LIST = 0x68;
const EXTENDED_BYTES = 0x70;

/** PROCESS_INFORMATION: byte offsets and size. */
const INFORMATION_THREAD = 0x08;
const INFORMATION_PROCESS_ID = 0x10;
const INFORMATION_THREAD_ID = 0x14;
const INFORMATION_BYTES = 0x18;

/** Most units of an environment block: of bytes as documented, of UTF-16 a bound of ours. */
const MAXIMUM_ANSI_BLOCK = 32_767;
const MAXIMUM_WIDE_BLOCK = 0x100000;

/** A text that a pointer may name, null for none; cut one unit behind what a command line can have. */
function textAt(call: ServiceCall, form: TextForm, address: number): string | null {
  return address === 0 ? null : form.read(call, address, MAXIMUM_COMMAND_LINE + 1);
}

/** NAME=value entries of a block; null when it is longer than it may be. */
function environmentBlock(call: ServiceCall, form: TextForm, address: number): string[] | null {
  const most = form === ANSI ? MAXIMUM_ANSI_BLOCK : MAXIMUM_WIDE_BLOCK;
  const entries: string[] = [];
  for (let units = 0; units < most; ) {
    const entry = form.read(call, address + units * form.unit, most - units);
    if (entry === '') return entries;
    entries.push(entry);
    units += form.encode(entry).length / form.unit + 1;
  }
  return null;
}

function readStartup(call: ServiceCall, form: TextForm, at: number): StartupSettings {
  const { memory } = call;
  const reserved = memory.readPointer(at + RESERVED);
  return {
    title: textAt(call, form, memory.readPointer(at + TITLE)),
    desktop: textAt(call, form, memory.readPointer(at + DESKTOP)),
    position: Array.from({ length: POSITION_NUMBERS }, (_, index) =>
      memory.readU32(at + POSITION + 4 * index),
    ),
    flags: memory.readU32(at + FLAGS),
    showWindow: memory.readU16(at + SHOW_WINDOW),
    runtimeData:
      reserved === 0 ? new Uint8Array(0) : memory.readBytes(reserved, memory.readU16(at + RESERVED_BYTES)),
  };
}

function handleAt(call: ServiceCall, at: number): number {
  return call.memory.readI32(at + 4) * 2 ** 32 + call.memory.readU32(at);
}

function heritageOf(
  call: ServiceCall,
  startup: StartupSettings,
  startupAt: number,
  { parent, handles, jobs, isChildless }: ProcessAttributes,
): ProcessHeritage {
  const flags = call.u32(5);
  const ownHandles = () => [0, 1, 2].map((index) => standardHandle(call, index)) as [number, number, number];
  const heritage = {
    parent: parent ?? call.process,
    inheritsHandles: call.u32(4) !== 0,
    handles,
    jobs,
    isChildless,
    errorMode: flags & CREATE_DEFAULT_ERROR_MODE ? 0 : call.process.errorMode,
    breaksAway: (flags & CREATE_BREAKAWAY_FROM_JOB) !== 0,
    parentHandles: parent === null ? ownHandles() : parent.standardHandles,
    priorityClass: PRIORITY_FLAGS.find((flag) => (flags & flag) !== 0 && isPriorityClass(flag)) ?? 0,
    startup,
  };
  if (startup.flags & STARTF_USESTDHANDLES) {
    const given = [0, 8, 16].map((offset) => handleAt(call, startupAt + STANDARD_HANDLES + offset));
    return { ...heritage, standardHandles: given as [number, number, number] };
  }
  if (flags & DETACHED_PROCESS) return { ...heritage, standardHandles: 'none' };
  if (flags & CREATE_NEW_CONSOLE) return { ...heritage, standardHandles: 'console' };
  return { ...heritage, standardHandles: flags & CREATE_NO_WINDOW ? 'null-device' : 'parent' };
}

/** The Win32 error of flags that contradict each other or ask for what there is not, 0 for none. */
function refusedFlags(flags: number): number {
  if (flags & DETACHED_PROCESS && flags & CREATE_NEW_CONSOLE) return ERROR_INVALID_PARAMETER;
  return flags & (DEBUG_PROCESS | DEBUG_ONLY_THIS_PROCESS) ? ERROR_NOT_SUPPORTED : 0;
}

/** The attributes of STARTUPINFOEX; a number is the NTSTATUS that refuses them. */
function attributesOf(call: ServiceCall, flags: number, startupAt: number): ProcessAttributes | number {
  if ((flags & EXTENDED_STARTUPINFO_PRESENT) === 0) return NO_ATTRIBUTES;
  if (call.memory.readU32(startupAt) < EXTENDED_BYTES) return STATUS_INVALID_PARAMETER;
  return readAttributes(call, call.memory.readPointer(startupAt + ATTRIBUTE_LIST));
}

/** The NTSTATUS of a list of handles that cannot be inherited: all must be open and inheritable, and inheriting asked for. */
function refusedHandles({ parent, inheritsHandles, handles }: ProcessHeritage): number {
  if (!handles) return STATUS_SUCCESS;
  if (!inheritsHandles) return STATUS_INVALID_PARAMETER;
  const isInheritable = (handle: number) =>
    ((parent.handles.lookup(handle)?.flags ?? 0) & HANDLE_FLAG_INHERIT) !== 0;
  return handles.every(isInheritable) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

/** Full path of the folder in which the new process begins; null when it is none. */
function startDirectory(call: ServiceCall, path: string | null): string | null {
  if (path === null) return currentDirectory(call);
  const ntPath = path === '' ? null : ntPathOf(call, path);
  const information = ntPath === null ? null : queryAttributesFile(call.kernel, ntPath);
  if (typeof information !== 'object' || !information?.directory) return null;
  return fullPathOf(call, information.path);
}

/** Opens the handles of a new process and its thread and tells them; a full table ends the process again. */
function giveInformation(call: ServiceCall, process: Process, thread: Thread, at: number): number {
  const { kernel, memory } = call;
  const [processFlags, threadFlags] = [2, 3].map((index) => inheritanceOf(call, call.address(index)));
  const processHandle = openHandle(call.process, process, PROCESS_ALL_ACCESS, processFlags!);
  const threadHandle = processHandle && openHandle(call.process, thread, THREAD_ALL_ACCESS, threadFlags!);
  if (threadHandle === 0) {
    terminateProcess(kernel, process, 0);
    return call.fail(ERROR_TOO_MANY_OPEN_FILES);
  }
  memory.writeU64(at, processHandle, 0);
  memory.writeU64(at + INFORMATION_THREAD, threadHandle, 0);
  memory.writeU32(at + INFORMATION_PROCESS_ID, process.id);
  memory.writeU32(at + INFORMATION_THREAD_ID, thread.id);
  return TRUE;
}

/**
 * BOOL CreateProcess(application, commandLine, processSecurity, threadSecurity, inherit, flags, environment, directory,
 * startupInfo, information). All that the caller's pointers name is read before anything is made.
 */
const createProcessService =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [flags, environmentAt, startupAt, informationAt] = [
      call.u32(5),
      call.address(6),
      call.address(8),
      call.address(9),
    ];
    const application = textAt(call, form, call.address(0));
    const commandLine = textAt(call, form, call.address(1));
    const startup = readStartup(call, form, startupAt);
    const attributes = attributesOf(call, flags, startupAt);
    if (typeof attributes === 'number') return failStatus(call, attributes);
    const heritage = heritageOf(call, startup, startupAt, attributes);
    const refusedList = refusedHandles(heritage);
    if (refusedList !== STATUS_SUCCESS) return failStatus(call, refusedList);
    for (const index of [2, 3]) inheritanceOf(call, call.address(index));
    const [security, threadSecurity] = [2, 3].map((index) => securityOf(call, call.address(index)));
    if (typeof security === 'number') return failStatus(call, security);
    if (typeof threadSecurity === 'number') return failStatus(call, threadSecurity);
    call.memory.probeWrite(informationAt, INFORMATION_BYTES);
    if (application === null && commandLine === null) return call.fail(ERROR_INVALID_PARAMETER);
    if ((commandLine?.length ?? 0) > MAXIMUM_COMMAND_LINE) return call.fail(ERROR_FILENAME_EXCED_RANGE);
    const refusal = refusedFlags(flags);
    if (refusal !== 0) return call.fail(refusal);
    const blockForm = flags & CREATE_UNICODE_ENVIRONMENT ? WIDE : ANSI;
    const environment =
      environmentAt === 0 ? environmentEntries(call) : environmentBlock(call, blockForm, environmentAt);
    if (environment === null) return call.fail(ERROR_INVALID_PARAMETER);
    const directory = startDirectory(call, textAt(call, form, call.address(7)));
    if (directory === null) return call.fail(ERROR_DIRECTORY);
    const path = application === null ? findProgram(call, commandLine!) : programPath(call, application);
    if (typeof path === 'number') return failStatus(call, path);
    if (call.process.isChildless) return failStatus(call, STATUS_ACCESS_DENIED);
    const made = createProcess(call.kernel, {
      imagePath: path,
      commandLine: commandLine ?? application!,
      environment,
      currentDirectory: directory,
      suspended: (flags & CREATE_SUSPENDED) !== 0,
      heritage,
    });
    if (typeof made === 'number') return failStatus(call, made);
    if (security !== undefined) made.security = security;
    if (threadSecurity !== undefined) made.threads[0]!.security = threadSecurity;
    joinConsole(call, made, flags);
    return giveInformation(call, made, made.threads[0]!, informationAt);
  };

export const createProcessFunctions: Record<string, Service | ServiceFunction> = bothForms(
  'CreateProcess',
  createProcessService,
);
