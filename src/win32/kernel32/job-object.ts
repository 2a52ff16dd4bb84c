/** Job objects (jobapi2.h). Sources: Microsoft, "CreateJobObjectW function", "OpenJobObjectW function", "IsProcessInJob function", "TerminateJobObject function". */
import { ntSuccess, STATUS_PROCESS_IN_JOB } from '../../base/ntstatus.js';
import { JOB_OBJECT_ALL_ACCESS } from '../../nt/access.js';
import { HANDLE_FLAG_INHERIT } from '../../nt/handle-table.js';
import { baseNamedObjectPath } from '../../nt/object-directory.js';
import { openNamedObject } from '../../nt/object-manager.js';
import { PENDING, type Service, type ServiceFunction } from '../../nt/service.js';
import { ERROR_INVALID_PARAMETER } from '../ntdll/dos-error.js';
import {
  assignProcessToJob,
  createJob,
  isProcessInJob,
  queryInformationJob,
  setInformationJob,
  terminateJobService,
} from '../ntdll/job-services.js';
import { failStatus, TRUE, truth } from './results.js';
import { createHandle, creationOf } from './sync.js';
import { bothForms, type TextForm } from './text-form.js';

/** HANDLE CreateJobObject(security, name). */
const create =
  (form: TextForm): ServiceFunction =>
  (call) =>
    createHandle(call, creationOf(call, form, call.address(1), JOB_OBJECT_ALL_ACCESS), (creation, out) =>
      createJob(call, creation, out),
    );

/** HANDLE OpenJobObject(access, inherit, name). */
const open =
  (form: TextForm): ServiceFunction =>
  (call) => {
    if (call.address(2) === 0) return call.fail(ERROR_INVALID_PARAMETER);
    const path = baseNamedObjectPath(form.read(call, call.address(2)));
    const flags = call.u32(1) ? HANDLE_FLAG_INHERIT : 0;
    const out = { handle: 0 };
    const status = openNamedObject(call.kernel, call.process, path, 'job', call.u32(0), flags, out);
    return ntSuccess(status) ? out.handle : failStatus(call, status);
  };

/** BOOL in place of the NTSTATUS of a native service with the same arguments. */
const asBool =
  (service: ServiceFunction): ServiceFunction =>
  (call) => {
    const status = service(call);
    return status === PENDING ? PENDING : truth(call, status as number);
  };

/** BOOL IsProcessInJob(process, job, *answer). */
const isInJob: ServiceFunction = (call) => {
  const status = isProcessInJob(call) as number;
  if (!ntSuccess(status)) return failStatus(call, status);
  call.memory.writeU32(call.address(2), status === STATUS_PROCESS_IN_JOB ? 1 : 0);
  return TRUE;
};

export const jobFunctions: Record<string, Service | ServiceFunction> = {
  ...bothForms('CreateJobObject', create),
  ...bothForms('OpenJobObject', open),
  AssignProcessToJobObject: asBool(assignProcessToJob),
  TerminateJobObject: asBool(terminateJobService),
  IsProcessInJob: isInJob,
  SetInformationJobObject: asBool(setInformationJob),
  QueryInformationJobObject: asBool(queryInformationJob),
};
