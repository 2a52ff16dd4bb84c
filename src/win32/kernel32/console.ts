/** The console (consoleapi.h and its siblings). Sources: Microsoft, "GetConsoleMode function", "WriteConsole function", "ReadConsole function", "CONSOLE_SCREEN_BUFFER_INFO structure". */
import { STATUS_ACCESS_DENIED, STATUS_INVALID_HANDLE } from '../../base/ntstatus.js';
import { FILE_READ_DATA, FILE_WRITE_DATA } from '../../nt/access.js';
import type { FileObject } from '../../nt/file-object.js';
import { fileOfHandle } from '../../nt/io.js';
import type { Service, ServiceCall, ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { CP_UTF8, decode, encode, resolveCodePage } from './code-page.js';
import { stateOf } from './library-state.js';
import { failStatus, TRUE } from './results.js';
import { ANSI, bothForms, giveText, type TextForm } from './text-form.js';

/** Fixed size of the window, and of the buffer behind it, in characters. */
const WINDOW_WIDTH = 120;
const WINDOW_HEIGHT = 30;
const BUFFER_HEIGHT = 9001;
const SCREEN_INFO_BYTES = 22;

/** The console's file object of a handle; a number is the NTSTATUS that refuses it. */
function consoleOf(call: ServiceCall, handle: number, access: number): FileObject | number {
  const file = fileOfHandle(call.kernel, call.process, handle, access);
  if (typeof file === 'number') return file === STATUS_ACCESS_DENIED ? file : STATUS_INVALID_HANDLE;
  return file.device === 'console-input' || file.device === 'console-output' ? file : STATUS_INVALID_HANDLE;
}

/** Runs a function on the console of the first argument, or fails as that handle does. */
function withConsole(
  access: number,
  run: (call: ServiceCall, file: FileObject) => ReturnType<ServiceFunction>,
): ServiceFunction {
  return (call) => {
    const file = consoleOf(call, call.handle(0), access);
    return typeof file === 'number' ? failStatus(call, file) : run(call, file);
  };
}

/** BOOL GetConsoleMode(console, mode). */
const getMode = withConsole(0, (call, file) => {
  const { console } = call.kernel;
  call.memory.writeU32(
    call.address(1),
    file.device === 'console-input' ? console.inputMode : console.outputMode,
  );
  return TRUE;
});

const INPUT_MODES = 0x3ff;
const OUTPUT_MODES = 0x1f;

/** BOOL SetConsoleMode(console, mode). */
const setMode = withConsole(0, (call, file) => {
  const { console } = call.kernel;
  const input = file.device === 'console-input';
  if (call.u32(1) & ~(input ? INPUT_MODES : OUTPUT_MODES)) return call.fail(ERROR_INVALID_PARAMETER);
  if (input) console.inputMode = call.u32(1);
  else console.outputMode = call.u32(1);
  return TRUE;
});

/** BOOL WriteConsole(console, buffer, units, written, reserved): the host's console takes UTF-8; bytes go as they are. */
const writeConsole = (form: TextForm) =>
  withConsole(FILE_WRITE_DATA, (call, file) => {
    if (file.device !== 'console-output') return failStatus(call, STATUS_INVALID_HANDLE);
    const units = call.u32(2);
    if (call.address(3) !== 0) call.memory.probeWrite(call.address(3), 4);
    const bytes = call.memory.readBytes(call.address(1), units * form.unit);
    call.memory.commit();
    call.kernel.console.write(file.stream, form === ANSI ? bytes : encode(CP_UTF8, form.decode(bytes)).bytes);
    if (call.address(3) !== 0) call.memory.writeU32(call.address(3), units);
    return TRUE;
  });

/** BOOL ReadConsole(console, buffer, units, read, control): a line or the rest of one. */
const readConsole = (form: TextForm) =>
  withConsole(FILE_READ_DATA, (call, file) => {
    if (file.device !== 'console-input') return failStatus(call, STATUS_INVALID_HANDLE);
    const { console } = call.kernel;
    const units = call.u32(2);
    call.memory.probeWrite(call.address(3), 4);
    if (!console.isReadable) return call.wait({ kind: 'console', deadline: null });
    call.memory.probeWrite(call.address(1), Math.min(units, console.pendingBytes) * form.unit);
    call.memory.commit();
    const bytes = console.read(units);
    const output = form === ANSI ? bytes : form.encode(decode(CP_UTF8, bytes)!);
    call.memory.writeBytes(call.address(1), output);
    call.memory.writeU32(call.address(3), output.length / form.unit);
    return TRUE;
  });

function setCodePage(call: ServiceCall, set: (codePage: number) => void): number {
  const codePage = resolveCodePage(call.u32(0));
  if (codePage === 0) return call.fail(ERROR_INVALID_PARAMETER);
  set(codePage);
  return TRUE;
}

/** BOOL GetConsoleScreenBufferInfo(console, information): size, cursor, attributes, window, largest window. */
const screenBufferInfo = withConsole(0, (call, file) => {
  if (file.device !== 'console-output') return failStatus(call, STATUS_INVALID_HANDLE);
  const at = call.address(1);
  call.memory.probeWrite(at, SCREEN_INFO_BYTES);
  [
    WINDOW_WIDTH,
    BUFFER_HEIGHT,
    0,
    0,
    stateOf(call).textAttribute,
    0,
    0,
    WINDOW_WIDTH - 1,
    WINDOW_HEIGHT - 1,
    WINDOW_WIDTH,
    WINDOW_HEIGHT,
  ].forEach((value, index) => {
    call.memory.writeU16(at + 2 * index, value);
  });
  return TRUE;
});

const setTextAttribute = withConsole(FILE_WRITE_DATA, (call) => {
  stateOf(call).textAttribute = call.u32(1) & 0xffff;
  return TRUE;
});

const flushInput = withConsole(FILE_READ_DATA, (call, file) => {
  if (file.device !== 'console-input') return failStatus(call, STATUS_INVALID_HANDLE);
  call.kernel.console.flushInput();
  return TRUE;
});

/** BOOL SetConsoleCtrlHandler(handler, add): a null handler sets whether Ctrl+C is ignored. */
const setControlHandler: ServiceFunction = (call) => {
  const state = stateOf(call);
  const [handler, add] = [call.address(0), call.u32(1) !== 0];
  if (handler === 0) state.ignoreControlC = add;
  else if (add) state.controlHandlers.push(handler);
  else {
    const index = state.controlHandlers.lastIndexOf(handler);
    if (index < 0) return call.fail(ERROR_INVALID_PARAMETER);
    state.controlHandlers.splice(index, 1);
  }
  return TRUE;
};

const MAXIMUM_TITLE = 0x10000;

const getTitle =
  (form: TextForm): ServiceFunction =>
  (call) =>
    giveText(call, form, call.kernel.console.title, call.address(0), call.u32(1));

const setTitle =
  (form: TextForm): ServiceFunction =>
  (call) => {
    call.kernel.console.title = form.read(call, call.address(0), MAXIMUM_TITLE);
    return TRUE;
  };

export const consoleFunctions: Record<string, Service | ServiceFunction> = {
  GetConsoleMode: getMode,
  SetConsoleMode: setMode,
  ...bothForms('WriteConsole', writeConsole),
  ...bothForms('ReadConsole', readConsole),
  GetConsoleCP: (call) => call.kernel.console.inputCodePage,
  GetConsoleOutputCP: (call) => call.kernel.console.outputCodePage,
  SetConsoleCP: (call) =>
    setCodePage(call, (codePage) => {
      call.kernel.console.inputCodePage = codePage;
    }),
  SetConsoleOutputCP: (call) =>
    setCodePage(call, (codePage) => {
      call.kernel.console.outputCodePage = codePage;
    }),
  GetConsoleScreenBufferInfo: screenBufferInfo,
  SetConsoleTextAttribute: setTextAttribute,
  FlushConsoleInputBuffer: flushInput,
  SetConsoleCtrlHandler: setControlHandler,
  ...bothForms('GetConsoleTitle', getTitle),
  ...bothForms('SetConsoleTitle', setTitle),
};
