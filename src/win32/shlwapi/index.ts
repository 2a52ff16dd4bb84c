/**
 * shlwapi.dll: the functions that look at paths as text. Sources: Microsoft, "PathFindFileNameW function",
 * "PathFindExtensionW function", "PathIsRelativeW function", "PathRemoveFileSpecW function".
 */
import { restartable, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { FALSE, TRUE } from '../kernel32/results.js';
import { bothForms, type TextForm, writeText } from '../kernel32/text-form.js';

const MAX_PATH = 260;

/** Index of the last component; the whole when it ends in a separator. */
function fileNameAt(path: string): number {
  const found = /[\\/:](?=[^\\/:]*$)/.exec(path.slice(0, -1));
  return found === null ? 0 : found.index + 1;
}

const findFileName =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const at = call.address(0);
    return at === 0 ? 0 : at + fileNameAt(form.read(call, at)) * form.unit;
  };

/** The last dot behind the last separator and blank, or the end. */
const findExtension =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const at = call.address(0);
    if (at === 0) return 0;
    const path = form.read(call, at, MAX_PATH);
    const found = /\.[^.\\ ]*$/.exec(path);
    return at + (found?.index ?? path.length) * form.unit;
  };

const isRelative =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(0) === 0) return TRUE;
    return /^([\\]|.:)/.test(form.read(call, call.address(0), MAX_PATH)) ? FALSE : TRUE;
  };

/** BOOL PathRemoveFileSpec(path): the last component and the separator before it, but never the root. */
const removeFileSpec =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const at = call.address(0);
    if (at === 0) return FALSE;
    const path = form.read(call, at, MAX_PATH);
    const root = /^(\\\\|.:\\|.:|\\)?/.exec(path)![0].length;
    const separator = path.lastIndexOf('\\');
    const kept = path.slice(0, Math.max(separator, root));
    if (kept.length === path.length) return FALSE;
    writeText(call, form, at, kept);
    return TRUE;
  };

export const shlwapi: SystemModule = {
  name: 'shlwapi.dll',
  functions: restartable({
    ...bothForms('PathFindFileName', findFileName),
    ...bothForms('PathFindExtension', findExtension),
    ...bothForms('PathIsRelative', isRelative),
    ...bothForms('PathRemoveFileSpec', removeFileSpec),
  }),
  dependencies: ['kernel32.dll'],
  description: 'Shell Light-weight Utility Library',
  version: '10.0.19045.1',
};
