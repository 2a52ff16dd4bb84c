/** userenv.dll: the user's profile folder. Source: Microsoft, "GetUserProfileDirectoryW function". */
import { restartable, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { FALSE, TRUE } from '../kernel32/results.js';
import { bothForms, type TextForm } from '../kernel32/text-form.js';
import { ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import { environmentVariable } from '../shell32/known-folders.js';

/** BOOL GetUserProfileDirectory(token, folder, units): `units` becomes what is needed, with the terminator. */
const getProfileDirectory =
  (form: TextForm): ServiceFunction =>
  (call) => {
    const [to, unitsAt] = [call.address(1), call.address(2)];
    if (unitsAt === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const bytes = form.encode(`${environmentVariable(call, 'USERPROFILE') ?? ''}\0`);
    const room = call.memory.readU32(unitsAt);
    const needed = bytes.length / form.unit;
    call.memory.writeU32(unitsAt, needed);
    if (to === 0 || room < needed) return call.fail(ERROR_INSUFFICIENT_BUFFER, FALSE);
    call.memory.writeBytes(to, bytes);
    return TRUE;
  };

export const userenv: SystemModule = {
  name: 'userenv.dll',
  functions: restartable({ ...bothForms('GetUserProfileDirectory', getProfileDirectory) }),
  dependencies: ['kernel32.dll'],
  description: 'Userenv',
  version: '10.0.19045.1',
};
