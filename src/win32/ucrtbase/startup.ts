/**
 * What the start code of a program asks of the Universal C Runtime: arguments, environment, modes. Source: Microsoft, "CRT
 * initialization", "Customizing C++ command-line processing"; names and arguments are those of the published
 * <corecrt_startup.h> and <stdlib.h>.
 */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { splitCommandLine } from '../msvcrt/command-line.js';
import { environmentArray, makeStringArray } from '../msvcrt/environment.js';
import { EINVAL, ENOMEM } from '../msvcrt/errno.js';
import { commandLine } from '../msvcrt/parameters.js';
import { crtState, failWith, variable } from '../msvcrt/state.js';
import { expandWildcards } from '../msvcrt/wildcards.js';

/** _crt_argv_mode. */
const NO_ARGUMENTS = 0;
const EXPANDED_ARGUMENTS = 2;
/** _configthreadlocale: one locale for all threads. */
const DISABLE_PER_THREAD_LOCALE = 2;
const O_TEXT = 0x4000;
const O_BINARY = 0x8000;

/** errno_t _configure_narrow_argv(mode) and _configure_wide_argv: __argc and __argv. */
const configureArguments =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const mode = call.u32(0);
    if (mode > EXPANDED_ARGUMENTS) return failWith(call, EINVAL, EINVAL);
    if (mode === NO_ARGUMENTS) return 0;
    const parsed = splitCommandLine(commandLine(call));
    const texts =
      mode === EXPANDED_ARGUMENTS
        ? parsed.flatMap((argument) => expandWildcards(call, argument))
        : parsed.map(({ text }) => text);
    const array = makeStringArray(call, texts, wide);
    if (array === 0) return ENOMEM;
    call.memory.writeU32(variable(call, '__argc'), texts.length);
    call.memory.writePointer(variable(call, wide ? '__wargv' : '__argv'), array);
    return 0;
  };

/** int _initialize_narrow_environment() and _initialize_wide_environment(). */
const initializeEnvironment =
  (wide: boolean): ServiceFunction =>
  (call) =>
    environmentArray(call, wide) === 0 ? -1 : 0;

/** char **_get_initial_narrow_environment(), and _wide_. */
const initialEnvironment =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const { memory } = call;
    const at = variable(call, wide ? '__winitenv' : '__initenv');
    const known = memory.readPointer(at);
    if (known !== 0) return known;
    const array = environmentArray(call, wide);
    memory.writePointer(at, array);
    return array;
  };

/** Variables whose address a function of the name __p_ and theirs gives. */
const VARIABLES = [
  '__argc',
  '__argv',
  '__wargv',
  '_acmdln',
  '_commode',
  '_environ',
  '_fmode',
  '_pgmptr',
  '_wcmdln',
  '_wenviron',
  '_wpgmptr',
] as const;

/** Variables whose address a function of the same name but for one underscore more gives. */
const TIME_VARIABLES = ['_daylight', '_dstbias', '_timezone', '_tzname'] as const;

function addressFunctions(): Record<string, ServiceFunction> {
  const functions: Record<string, ServiceFunction> = {};
  for (const name of VARIABLES) functions[`__p_${name}`] = (call) => variable(call, name);
  for (const name of TIME_VARIABLES) functions[`_${name}`] = (call) => variable(call, name);
  return functions;
}

/** errno_t _get_…(value at): the variable's value, stored. */
const storing =
  (name: string, bytes: 4 | 8): ServiceFunction =>
  (call) => {
    const to = call.address(0);
    if (to === 0) return failWith(call, EINVAL, EINVAL);
    const at = variable(call, name);
    if (bytes === 4) call.memory.writeU32(to, call.memory.readU32(at));
    else call.memory.writePointer(to, call.memory.readPointer(at));
    return 0;
  };

/** What stands behind the program's name in the command line, as WinMain gets it. */
function behindProgramName(line: string): number {
  let quoted = false;
  let at = 0;
  for (; at < line.length && (quoted || line.charCodeAt(at) > 32); at++)
    if (line[at] === '"') quoted = !quoted;
  while (at < line.length && line.charCodeAt(at) <= 32) at++;
  return at;
}

const mainCommandLine =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const text = call.memory.readPointer(variable(call, wide ? '_wcmdln' : '_acmdln'));
    return text + behindProgramName(commandLine(call)) * (wide ? 2 : 1);
  };

const setFileMode: ServiceFunction = (call) => {
  const mode = call.u32(0);
  if (mode !== O_TEXT && mode !== O_BINARY) return failWith(call, EINVAL, EINVAL);
  call.memory.writeU32(variable(call, '_fmode'), mode);
  return 0;
};

/** int _configthreadlocale(mode): the mode before. There is one locale, "C", for each thread. */
const configureThreadLocale: ServiceFunction = (call) => {
  const mode = call.i32(0);
  return mode >= -1 && mode <= DISABLE_PER_THREAD_LOCALE ? DISABLE_PER_THREAD_LOCALE : failWith(call, EINVAL);
};

function setAppType(call: ServiceCall): void {
  call.memory.commit();
  crtState(call).appType = call.u32(0);
}

export const startupFunctions: Record<string, ServiceFunction> = {
  ...addressFunctions(),
  _configure_narrow_argv: configureArguments(false),
  _configure_wide_argv: configureArguments(true),
  _initialize_narrow_environment: initializeEnvironment(false),
  _initialize_wide_environment: initializeEnvironment(true),
  _get_initial_narrow_environment: initialEnvironment(false),
  _get_initial_wide_environment: initialEnvironment(true),
  _get_narrow_winmain_command_line: mainCommandLine(false),
  _get_wide_winmain_command_line: mainCommandLine(true),
  _get_pgmptr: storing('_pgmptr', 8),
  _get_wpgmptr: storing('_wpgmptr', 8),
  _get_fmode: storing('_fmode', 4),
  _get_timezone: storing('_timezone', 4),
  _get_daylight: storing('_daylight', 4),
  _get_dstbias: storing('_dstbias', 4),
  _set_fmode: setFileMode,
  _set_app_type: setAppType,
  _query_app_type: (call) => crtState(call).appType,
  _configthreadlocale: configureThreadLocale,
};
