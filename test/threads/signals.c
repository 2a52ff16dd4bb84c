/* Ctrl+C and Ctrl+Break: handlers, their order, the end without them, groups of processes. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static HANDLE handled;
static DWORD mainId;

static BOOL WINAPI first(DWORD event)
{
  printf("first: event %lu, %s\n", event, GetCurrentThreadId() == mainId ? "main thread" : "own thread");
  SetEvent(handled);
  return TRUE;
}

static BOOL WINAPI last(DWORD event)
{
  printf("last: event %lu\n", event);
  return FALSE;
}

static HANDLE start(DWORD flags, DWORD *id)
{
  char path[MAX_PATH], line[MAX_PATH + 16];
  STARTUPINFOA startup = {.cb = sizeof startup};
  PROCESS_INFORMATION information = {0};
  HANDLE ready = CreateEventA(NULL, FALSE, FALSE, "signals-ready");
  GetModuleFileNameA(NULL, path, sizeof path);
  sprintf(line, "\"%s\" child", path);
  if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, flags, NULL, NULL, &startup, &information))
    printf("no child, error %lu\n", GetLastError());
  WaitForSingleObject(ready, INFINITE);
  CloseHandle(information.hThread);
  *id = information.dwProcessId;
  return information.hProcess;
}

static void ended(const char *what, HANDLE process, DWORD wait)
{
  DWORD code = 0;
  DWORD answer = WaitForSingleObject(process, wait);
  GetExitCodeProcess(process, &code);
  printf("%s: %s, %lx\n", what, answer == WAIT_OBJECT_0 ? "ended" : "runs", code);
}

int main(int count, char **arguments)
{
  (void)arguments;
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count > 1) {
    SetEvent(OpenEventA(EVENT_MODIFY_STATE, FALSE, "signals-ready"));
    Sleep(INFINITE);
  }
  mainId = GetCurrentThreadId();
  handled = CreateEventA(NULL, FALSE, FALSE, NULL);
  SetConsoleCtrlHandler(first, TRUE);
  SetConsoleCtrlHandler(last, TRUE);
  BOOL ok = GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, 0);
  WaitForSingleObject(handled, INFINITE);
  printf("break: %d\n", ok);
  SetLastError(0);
  ok = GenerateConsoleCtrlEvent(2, 0);
  printf("close: %d, error %lu\n", ok, GetLastError());

  DWORD id, leader;
  HANDLE child = start(0, &id), group = start(CREATE_NEW_PROCESS_GROUP, &leader);
  ok = GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
  WaitForSingleObject(handled, INFINITE);
  printf("to all: %d\n", ok);
  ended("child of the group", child, INFINITE);
  ended("leader of its own", group, 50);
  printf("to the leader: %d\n", GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, leader));
  ended("leader of its own", group, INFINITE);

  SetConsoleCtrlHandler(NULL, TRUE);
  GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
  printf("ignored: %s\n", WaitForSingleObject(handled, 50) == WAIT_TIMEOUT ? "yes" : "no");
  SetConsoleCtrlHandler(last, FALSE);
  SetConsoleCtrlHandler(first, FALSE);
  GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
  Sleep(50);
  printf("the end\n");
  return 0;
}
