/*
 * family: what a new process gets from whom. The program starts itself as a child whose exit code tells what it found: once with
 * a list of the handles that it may inherit, once as the child of another process, once inside two jobs, once with
 * the error mode of its parent and once without. Then what a process is asked about itself and its child, and a thread that
 * impersonates.
 *
 * Where the expectation comes from: "UpdateProcThreadAttribute function" (PROC_THREAD_ATTRIBUTE_HANDLE_LIST, _PARENT_PROCESS,
 * _JOB_LIST), "SetErrorMode function", "GetProcessHandleCount function", "GetProcessTimes function", "ImpersonateSelf function",
 * "OpenThreadToken function" in Microsoft's documentation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#define PSAPI_VERSION 2
#include <psapi.h>
#include <tlhelp32.h>

#ifndef PROC_THREAD_ATTRIBUTE_JOB_LIST
#define PROC_THREAD_ATTRIBUTE_JOB_LIST 0x2000d
#endif

static char path[MAX_PATH];

static DWORD parent_of(DWORD id) {
  PROCESSENTRY32 entry = {.dwSize = sizeof entry};
  HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
  DWORD parent = 0;
  for (BOOL more = Process32First(snapshot, &entry); more; more = Process32Next(snapshot, &entry))
    if (entry.th32ProcessID == id) parent = entry.th32ParentProcessID;
  CloseHandle(snapshot);
  return parent;
}

static BOOL is_event(HANDLE handle) { return WaitForSingleObject(handle, 0) != WAIT_FAILED; }

/* The child's exit code says what it found. */
static int child(int argc, char **argv) {
  if (!strcmp(argv[1], "sleep")) Sleep(INFINITE);
  if (!strcmp(argv[1], "handles"))
    return is_event((HANDLE)(ULONG_PTR)strtoul(argv[2], NULL, 10)) | is_event((HANDLE)(ULONG_PTR)strtoul(argv[3], NULL, 10)) << 1;
  if (!strcmp(argv[1], "parent")) return parent_of(GetCurrentProcessId()) == strtoul(argv[2], NULL, 10);
  if (!strcmp(argv[1], "mode")) return (int)GetErrorMode();
  if (!strcmp(argv[1], "job")) {
    BOOL inside = FALSE;
    IsProcessInJob(GetCurrentProcess(), NULL, &inside);
    return inside;
  }
  return argc;
}

static LPPROC_THREAD_ATTRIBUTE_LIST attribute(DWORD_PTR which, void *value, SIZE_T bytes) {
  SIZE_T size = 0;
  InitializeProcThreadAttributeList(NULL, 1, 0, &size);
  LPPROC_THREAD_ATTRIBUTE_LIST list = malloc(size);
  InitializeProcThreadAttributeList(list, 1, 0, &size);
  if (!UpdateProcThreadAttribute(list, 0, which, value, bytes, NULL, NULL)) printf("attribute: error %lu\n", GetLastError());
  return list;
}

static HANDLE start(const char *arguments, LPPROC_THREAD_ATTRIBUTE_LIST list, BOOL inherit, DWORD flags) {
  STARTUPINFOEXA startup = {.StartupInfo.cb = sizeof startup, .lpAttributeList = list};
  PROCESS_INFORMATION information;
  char line[MAX_PATH];
  snprintf(line, sizeof line, "family.exe %s", arguments);
  if (!CreateProcessA(path, line, NULL, NULL, inherit, flags | EXTENDED_STARTUPINFO_PRESENT, NULL, NULL,
                      &startup.StartupInfo, &information))
    return NULL;
  CloseHandle(information.hThread);
  return information.hProcess;
}

static int end_of(HANDLE process) {
  DWORD code = 0;
  if (process == NULL) return -(int)GetLastError();
  WaitForSingleObject(process, INFINITE);
  GetExitCodeProcess(process, &code);
  CloseHandle(process);
  return (int)code;
}

static HANDLE inheritable_event(void) {
  SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
  return CreateEventA(&inherit, TRUE, FALSE, NULL);
}

static void handles(void) {
  HANDLE listed = inheritable_event(), other = inheritable_event();
  char line[64];
  snprintf(line, sizeof line, "handles %lu %lu", (DWORD)(ULONG_PTR)listed, (DWORD)(ULONG_PTR)other);
  printf("inherits all: %d\n", end_of(start(line, NULL, TRUE, 0)));
  LPPROC_THREAD_ATTRIBUTE_LIST list = attribute(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &listed, sizeof listed);
  printf("inherits the listed one: %d\n", end_of(start(line, list, TRUE, 0)));
  printf("inherits none: %d\n", end_of(start(line, NULL, FALSE, 0)));
  DeleteProcThreadAttributeList(list);
}

static void parent(void) {
  char line[64];
  HANDLE other = start("sleep", NULL, FALSE, 0);
  snprintf(line, sizeof line, "parent %lu", GetProcessId(other));
  printf("child of another: %d\n", end_of(start(line, attribute(PROC_THREAD_ATTRIBUTE_PARENT_PROCESS, &other, sizeof other), FALSE, 0)));
  snprintf(line, sizeof line, "parent %lu", GetCurrentProcessId());
  printf("child of this one: %d\n", end_of(start(line, NULL, FALSE, 0)));
  TerminateProcess(other, 9);
  printf("the other ended with %d\n", end_of(other));
}

static void jobs(void) {
  HANDLE both[] = {CreateJobObjectA(NULL, NULL), CreateJobObjectA(NULL, NULL)};
  printf("in jobs from the start: %d\n", end_of(start("job", attribute(PROC_THREAD_ATTRIBUTE_JOB_LIST, both, sizeof both), FALSE, 0)));
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION counts;
  for (int index = 0; index < 2; index++) {
    QueryInformationJobObject(both[index], JobObjectBasicAccountingInformation, &counts, sizeof counts, NULL);
    printf("job %d has had %lu\n", index, counts.TotalProcesses);
  }
}

static void modes(void) {
  SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOOPENFILEERRORBOX);
  printf("error mode handed on: %#x\n", end_of(start("mode", NULL, FALSE, 0)));
  printf("error mode of its own: %#x\n", end_of(start("mode", NULL, FALSE, CREATE_DEFAULT_ERROR_MODE)));
}

static ULONGLONG number(FILETIME time) { return (ULONGLONG)time.dwHighDateTime << 32 | time.dwLowDateTime; }

static void questions(void) {
  DWORD before, after, code, ids[256], bytes, size = MAX_PATH;
  FILETIME created, ended, kernel, user, mine, unused;
  char image[MAX_PATH];
  GetProcessHandleCount(GetCurrentProcess(), &before);
  HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
  GetProcessHandleCount(GetCurrentProcess(), &after);
  printf("an event is a handle more: %d\n", after == before + 1);
  CloseHandle(event);

  HANDLE process = start("sleep", NULL, FALSE, 0);
  GetExitCodeProcess(process, &code);
  printf("still active: %d\n", code == STILL_ACTIVE);
  QueryFullProcessImageNameA(process, 0, image, &size);
  printf("same image: %d\n", !_stricmp(image, path));
  EnumProcesses(ids, sizeof ids, &bytes);
  int found = 0;
  for (DWORD index = 0; index < bytes / sizeof *ids; index++)
    found += ids[index] == GetProcessId(process) || ids[index] == GetCurrentProcessId();
  printf("on the list: %d\n", found);
  TerminateProcess(process, 3);
  WaitForSingleObject(process, INFINITE);
  GetProcessTimes(process, &created, &ended, &kernel, &user);
  GetProcessTimes(GetCurrentProcess(), &mine, &unused, &kernel, &user);
  printf("born after its parent, ended after that: %d %d\n", number(created) >= number(mine), number(ended) >= number(created));
  BOOL again = TerminateProcess(process, 4);
  printf("terminated twice: %d, error %lu\n", again, again ? 0 : GetLastError());
  printf("exit code: %d\n", end_of(process));
}

static DWORD level(void) {
  HANDLE token;
  DWORD value = 99, bytes;
  if (!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token)) return GetLastError();
  GetTokenInformation(token, TokenImpersonationLevel, &value, sizeof value, &bytes);
  CloseHandle(token);
  return value;
}

static void impersonation(void) {
  printf("no token: error %lu\n", level());
  ImpersonateSelf(SecurityIdentification);
  printf("impersonates at level %lu\n", level());
  RevertToSelf();
  printf("no token again: error %lu\n", level());
}

int main(int argc, char **argv) {
  GetModuleFileNameA(NULL, path, sizeof path);
  if (argc > 1) return child(argc, argv);
  handles();
  parent();
  jobs();
  modes();
  questions();
  impersonation();
  return 0;
}
