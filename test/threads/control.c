/* Threads seen and changed by others: suspension, contexts, priorities, names, times, and the native calls beneath. */
#include <stdio.h>
#include <windows.h>
#include <winternl.h>

#define NATIVE(result, name, ...) static result (NTAPI *name)(__VA_ARGS__)
NATIVE(NTSTATUS, pNtTestAlert, void);
NATIVE(NTSTATUS, pNtAlertThread, HANDLE);
NATIVE(NTSTATUS, pNtAlertThreadByThreadId, HANDLE);
NATIVE(NTSTATUS, pNtWaitForAlertByThreadId, void *, LARGE_INTEGER *);
NATIVE(NTSTATUS, pNtDelayExecution, BOOLEAN, LARGE_INTEGER *);
NATIVE(NTSTATUS, pNtQueueApcThread, HANDLE, void *, void *, void *, void *);
NATIVE(NTSTATUS, pNtCreateKeyedEvent, HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, ULONG);
NATIVE(NTSTATUS, pNtWaitForKeyedEvent, HANDLE, void *, BOOLEAN, LARGE_INTEGER *);
NATIVE(NTSTATUS, pNtReleaseKeyedEvent, HANDLE, void *, BOOLEAN, LARGE_INTEGER *);
NATIVE(NTSTATUS, pNtQueryEvent, HANDLE, int, void *, ULONG, ULONG *);
NATIVE(NTSTATUS, pNtQueryMutant, HANDLE, int, void *, ULONG, ULONG *);
NATIVE(NTSTATUS, pNtQuerySemaphore, HANDLE, int, void *, ULONG, ULONG *);
NATIVE(NTSTATUS, pNtQueryInformationThread, HANDLE, int, void *, ULONG, ULONG *);
NATIVE(NTSTATUS, pNtSetInformationThread, HANDLE, int, void *, ULONG);
NATIVE(NTSTATUS, pNtCreateThreadEx, HANDLE *, ACCESS_MASK, void *, HANDLE, void *, void *, ULONG, SIZE_T, SIZE_T, SIZE_T, void *);

static void load(void)
{
  HMODULE ntdll = GetModuleHandleA("ntdll.dll");
#define LOAD(name) p##name = (void *)GetProcAddress(ntdll, #name)
  LOAD(NtTestAlert); LOAD(NtAlertThread); LOAD(NtAlertThreadByThreadId); LOAD(NtWaitForAlertByThreadId);
  LOAD(NtDelayExecution); LOAD(NtQueueApcThread); LOAD(NtCreateKeyedEvent); LOAD(NtWaitForKeyedEvent);
  LOAD(NtReleaseKeyedEvent); LOAD(NtQueryEvent); LOAD(NtQueryMutant); LOAD(NtQuerySemaphore);
  LOAD(NtQueryInformationThread); LOAD(NtSetInformationThread); LOAD(NtCreateThreadEx);
}

static volatile LONG counter, escaped, stop;

static DWORD WINAPI count(void *unused)
{
  (void)unused;
  while (!stop)
    counter++;
  return (DWORD)escaped;
}

static DWORD WINAPI landing(void *value)
{
  (void)value;
  escaped = 77;
  ExitThread(78);
}

static void suspension(void)
{
  HANDLE thread = CreateThread(NULL, 0, count, NULL, CREATE_SUSPENDED, NULL);
  Sleep(20);
  printf("made suspended: %ld\n", counter);
  printf("resume: %lu", ResumeThread(thread));
  Sleep(20);
  printf(", runs: %d, again: %lu\n", counter > 0, ResumeThread(thread));
  DWORD first = SuspendThread(thread), second = SuspendThread(thread);
  LONG before = counter;
  Sleep(20);
  printf("suspend: %lu %lu, stands still: %d\n", first, second, counter == before);
  CONTEXT context = {.ContextFlags = CONTEXT_CONTROL};
  BOOL got = GetThreadContext(thread, &context);
  printf("context: %d, flags %lx, in the loop: %d, nothing else: %d\n", got, context.ContextFlags,
         context.Rip != 0 && context.Rsp != 0, context.Rax == 0 && context.Rcx == 0);
  context.Rip = (DWORD64)landing;
  context.Rsp = (context.Rsp & ~15ull) - 0x108;
  printf("set: %d\n", SetThreadContext(thread, &context));
  CONTEXT seen = {.ContextFlags = CONTEXT_CONTROL};
  GetThreadContext(thread, &seen);
  printf("seen: %d\n", seen.Rip == context.Rip && seen.Rsp == context.Rsp);
  first = ResumeThread(thread);
  second = ResumeThread(thread);
  printf("resume: %lu %lu", first, second);
  WaitForSingleObject(thread, INFINITE);
  DWORD code;
  GetExitCodeThread(thread, &code);
  printf(", ended with %lu, escaped %ld\n", code, escaped);
  SetLastError(0);
  printf("suspend what ended: %ld", (LONG)SuspendThread(thread));
  printf(", %lu\n", GetLastError());
  CloseHandle(thread);
  thread = CreateThread(NULL, 0, count, NULL, CREATE_SUSPENDED, NULL);
  for (int times = 0; times < 126; times++)
    SuspendThread(thread);
  SetLastError(0);
  printf("too often: %ld", (LONG)SuspendThread(thread));
  printf(", %lu\n", GetLastError());
  TerminateThread(thread, 9);
  WaitForSingleObject(thread, INFINITE);
  GetExitCodeThread(thread, &code);
  printf("terminated: %lu\n", code);
  CloseHandle(thread);
}

static DWORD sum;

static DWORD WINAPI greedy(void *mark)
{
  for (volatile int turns = 0; turns < 100000; turns++)
    ;
  sum = sum * 10 + (DWORD)(ULONG_PTR)mark;
  return 0;
}

static void priorities(void)
{
  HANDLE me = GetCurrentThread();
  SetThreadPriority(me, THREAD_PRIORITY_HIGHEST);
  HANDLE threads[3];
  int levels[3] = {THREAD_PRIORITY_LOWEST, THREAD_PRIORITY_ABOVE_NORMAL, THREAD_PRIORITY_NORMAL};
  for (int index = 0; index < 3; index++) {
    threads[index] = CreateThread(NULL, 0, greedy, (void *)(ULONG_PTR)(index + 1), CREATE_SUSPENDED, NULL);
    SetThreadPriority(threads[index], levels[index]);
  }
  printf("levels: %d %d %d\n", GetThreadPriority(threads[0]), GetThreadPriority(threads[1]), GetThreadPriority(me));
  for (int index = 0; index < 3; index++)
    ResumeThread(threads[index]);
  WaitForMultipleObjects(3, threads, TRUE, INFINITE);
  SetThreadPriority(me, THREAD_PRIORITY_NORMAL);
  BOOL disabled = 5;
  BOOL got = GetThreadPriorityBoost(me, &disabled);
  printf("boost: %d %d", got, disabled);
  SetThreadPriorityBoost(me, TRUE);
  GetThreadPriorityBoost(me, &disabled);
  printf(" %d\n", disabled);
  SetThreadPriorityBoost(me, FALSE);
  SetLastError(0);
  printf("no such level: %d", SetThreadPriority(me, 9));
  printf(", %lu\n", GetLastError());
  printf("the higher came first: %d\n", sum == 231);
}

static void names(void)
{
  HRESULT (WINAPI *set)(HANDLE, PCWSTR) = (void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "SetThreadDescription");
  HRESULT (WINAPI *get)(HANDLE, PWSTR *) = (void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "GetThreadDescription");
  PWSTR text = NULL;
  HRESULT result = get(GetCurrentThread(), &text);
  printf("no name: %lx '%ls'\n", result, text);
  LocalFree(text);
  set(GetCurrentThread(), L"the first");
  get(GetCurrentThread(), &text);
  printf("name: '%ls'\n", text);
  LocalFree(text);
  FILETIME created, exited, kernel, user;
  BOOL done = GetThreadTimes(GetCurrentThread(), &created, &exited, &kernel, &user);
  printf("times: %d, created: %d\n", done, created.dwHighDateTime != 0);
}

static HANDLE keyed, waiter;

static DWORD WINAPI keyWaiter(void *key)
{
  NTSTATUS status = pNtWaitForKeyedEvent(keyed, key, FALSE, NULL);
  printf("key waiter: %lx\n", status);
  status = pNtWaitForAlertByThreadId(NULL, NULL);
  printf("alerted by id: %lx\n", status);
  LARGE_INTEGER time = {.QuadPart = -10000000};
  status = pNtDelayExecution(TRUE, &time);
  printf("alerted: %lx\n", status);
  return 0;
}

static ULONG_PTR given[3];

static void NTAPI three(void *first, void *second, void *third)
{
  given[0] = (ULONG_PTR)first;
  given[1] = (ULONG_PTR)second;
  given[2] = (ULONG_PTR)third;
}

static DWORD WINAPI returns(void *value)
{
  return (DWORD)(ULONG_PTR)value;
}

static void natives(void)
{
  LARGE_INTEGER soon = {.QuadPart = -10000};
  printf("keyed event: %lx\n", pNtCreateKeyedEvent(&keyed, 3, NULL, 0));
  printf("nobody: %lx %lx, odd: %lx\n", pNtWaitForKeyedEvent(keyed, (void *)8, FALSE, &soon),
         pNtReleaseKeyedEvent(keyed, (void *)8, FALSE, &soon), pNtWaitForKeyedEvent(keyed, (void *)9, FALSE, &soon));
  DWORD id;
  waiter = CreateThread(NULL, 0, keyWaiter, (void *)16, 0, &id);
  Sleep(10);
  printf("another key: %lx\n", pNtReleaseKeyedEvent(keyed, (void *)32, FALSE, &soon));
  NTSTATUS status = pNtReleaseKeyedEvent(keyed, (void *)16, FALSE, NULL);
  Sleep(10);
  printf("its key: %lx\n", status);
  status = pNtAlertThreadByThreadId((HANDLE)(ULONG_PTR)id);
  Sleep(10);
  printf("by id: %lx\n", status);
  status = pNtAlertThread(waiter);
  WaitForSingleObject(waiter, INFINITE);
  printf("thread: %lx\n", status);

  pNtQueueApcThread(GetCurrentThread(), three, (void *)1, (void *)~0ull, (void *)3);
  printf("before: %d", (int)given[0]);
  status = pNtTestAlert();
  printf(", test alert: %lx, %d %d %d\n", status, given[0] == 1, given[1] == ~0ull, given[2] == 3);

  LONG info[2];
  HANDLE event = CreateEventA(NULL, FALSE, TRUE, NULL);
  status = pNtQueryEvent(event, 0, info, 8, NULL);
  printf("event: %lx %ld %ld", status, info[0], info[1]);
  printf(", too short: %lx, class: %lx\n", pNtQueryEvent(event, 0, info, 4, NULL), pNtQueryEvent(event, 1, info, 8, NULL));
  HANDLE mutant = CreateMutexA(NULL, TRUE, NULL);
  WaitForSingleObject(mutant, 0);
  BYTE *bytes = (BYTE *)info;
  status = pNtQueryMutant(mutant, 0, info, 8, NULL);
  printf("mutant: %lx %ld %d %d\n", status, info[0], bytes[4], bytes[5]);
  HANDLE semaphore = CreateSemaphoreA(NULL, 3, 9, NULL);
  status = pNtQuerySemaphore(semaphore, 0, info, 8, NULL);
  printf("semaphore: %lx %ld %ld\n", status, info[0], info[1]);

  HANDLE thread = NULL;
  status = pNtCreateThreadEx(&thread, THREAD_ALL_ACCESS, NULL, GetCurrentProcess(), returns, (void *)55, 1, 0, 0, 0, NULL);
  ULONG suspended = 0, length = 0;
  NTSTATUS asked = pNtQueryInformationThread(thread, 35, &suspended, 4, &length);
  printf("create: %lx, suspended: %lx %lu %lu\n", status, asked, suspended, length);
  struct {
    NTSTATUS exit;
    void *teb;
    HANDLE process, thread;
    ULONG_PTR affinity;
    LONG priority, base;
  } basic;
  ResumeThread(thread);
  WaitForSingleObject(thread, INFINITE);
  status = pNtQueryInformationThread(thread, 0, &basic, sizeof basic, NULL);
  printf("basic: %lx, %ld, ids: %d %d, base %ld\n", status, basic.exit,
         basic.process == (HANDLE)(ULONG_PTR)GetCurrentProcessId(), basic.thread == (HANDLE)(ULONG_PTR)GetThreadId(thread),
         basic.base);
  printf("a class that is not: %lx, too short: %lx\n", pNtQueryInformationThread(thread, 999, &basic, 8, NULL),
         pNtQueryInformationThread(thread, 0, &basic, 8, NULL));
}

static HANDLE left;

static DWORD WINAPI leaver(void *unused)
{
  (void)unused;
  left = CreateMutexA(NULL, TRUE, NULL);
  return 0;
}

static void abandonment(void)
{
  HANDLE thread = CreateThread(NULL, 0, leaver, NULL, 0, NULL);
  WaitForSingleObject(thread, INFINITE);
  printf("abandoned: %lx", WaitForSingleObject(left, 0));
  printf(", then: %lx", WaitForSingleObject(left, 0));
  printf(", release: %d", ReleaseMutex(left));
  printf(" %d", ReleaseMutex(left));
  SetLastError(0);
  printf(" %d", ReleaseMutex(left));
  printf(", %lu\n", GetLastError());
  HANDLE handles[2] = {left, left};
  SetLastError(0);
  printf("the same twice: %lx", WaitForMultipleObjects(2, handles, TRUE, 0));
  printf(", %lu\n", GetLastError());
  handles[0] = CreateEventA(NULL, TRUE, FALSE, NULL);
  printf("any: %lx", WaitForMultipleObjects(2, handles, FALSE, 0));
  printf(", all: %lx\n", WaitForMultipleObjects(2, handles, TRUE, 0));
}

int main(void)
{
  setvbuf(stdout, NULL, _IONBF, 0);
  load();
  suspension();
  priorities();
  names();
  natives();
  abandonment();
  return 0;
}
