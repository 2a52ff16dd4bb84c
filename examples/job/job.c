/*
 * A job that limits memory: the parent makes a job, allows each of its processes 4 MB and all of them together 6 MB, and starts itself twice in
 * it as a child that commits 256 KB at a time until Windows refuses. Then the counts, and the end of what is left.
 * Expected output: JOBOBJECT_EXTENDED_LIMIT_INFORMATION, AssignProcessToJobObject, TerminateJobObject in Microsoft's
 * documentation. How much a child gets beside what its start took is printed as a range.
 */
#include <stdio.h>
#include <windows.h>

#define STEP (256 << 10)
#define PROCESS_LIMIT (4u << 20)
#define JOB_LIMIT (6u << 20)

static HANDLE job;

/* Commits until it is refused; the exit code is the number of steps. With a name it waits for that event before it ends. */
static int child(const char *event) {
  int steps = 0;
  while (steps < 100 && VirtualAlloc(NULL, STEP, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)) steps++;
  printf("  refused: %s\n", GetLastError() == ERROR_COMMITMENT_LIMIT ? "ERROR_COMMITMENT_LIMIT" : "another error");
  fflush(stdout);
  if (event) {
    HANDLE full = OpenEventA(EVENT_MODIFY_STATE, FALSE, event);
    SetEvent(full);
    Sleep(INFINITE);
  }
  return steps;
}

static PROCESS_INFORMATION start(const char *arguments, DWORD flags) {
  STARTUPINFOA startup = {.cb = sizeof startup};
  PROCESS_INFORMATION information = {0};
  char path[MAX_PATH], line[MAX_PATH + 32];
  GetModuleFileNameA(NULL, path, sizeof path);
  snprintf(line, sizeof line, "job.exe %s", arguments);
  if (!CreateProcessA(path, line, NULL, NULL, FALSE, flags, NULL, NULL, &startup, &information))
    printf("CreateProcess: error %lu\n", GetLastError());
  return information;
}

static void put_in_job(PROCESS_INFORMATION *information) {
  BOOL inside = FALSE;
  printf("assigned: %d", AssignProcessToJobObject(job, information->hProcess));
  IsProcessInJob(information->hProcess, job, &inside);
  printf(", in the job: %d\n", inside);
  fflush(stdout);
  ResumeThread(information->hThread);
}

static int wait_for(PROCESS_INFORMATION *information) {
  DWORD code = 0;
  WaitForSingleObject(information->hProcess, INFINITE);
  GetExitCodeProcess(information->hProcess, &code);
  CloseHandle(information->hThread);
  CloseHandle(information->hProcess);
  return (int)code;
}

static void show_counts(void) {
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION counts;
  QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &counts, sizeof counts, NULL);
  printf("processes: %lu in all, %lu running\n", counts.TotalProcesses, counts.ActiveProcesses);
}

int main(int argc, char **argv) {
  if (argc > 1) return child(argc > 2 ? argv[2] : NULL);

  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
  job = CreateJobObjectA(NULL, NULL);
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY | JOB_OBJECT_LIMIT_JOB_MEMORY;
  limits.ProcessMemoryLimit = PROCESS_LIMIT;
  limits.JobMemoryLimit = JOB_LIMIT;
  printf("limits set: %d\n", SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits));

  HANDLE full = CreateEventA(NULL, TRUE, FALSE, "job example");
  PROCESS_INFORMATION first = start("child \"job example\"", CREATE_SUSPENDED);
  put_in_job(&first);
  WaitForSingleObject(full, INFINITE);
  PROCESS_INFORMATION second = start("child", CREATE_SUSPENDED);
  put_in_job(&second);
  int steps = wait_for(&second);
  printf("the second got less than 2 MB more: %s\n", steps < 8 ? "yes" : "no");
  show_counts();

  QueryInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits, NULL);
  printf("peak of a process within 3 to 4 MB: %s\n",
         limits.PeakProcessMemoryUsed > PROCESS_LIMIT / 4 * 3 && limits.PeakProcessMemoryUsed <= PROCESS_LIMIT ? "yes" : "no");
  printf("peak of the job within 5 to 6 MB: %s\n",
         limits.PeakJobMemoryUsed > JOB_LIMIT / 6 * 5 && limits.PeakJobMemoryUsed <= JOB_LIMIT ? "yes" : "no");

  printf("terminated: %d\n", TerminateJobObject(job, 77));
  printf("exit code of the first: %d\n", wait_for(&first));
  show_counts();
  return 0;
}
