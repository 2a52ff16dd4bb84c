/* Fibers, fiber-local values and their callbacks, thread-local values beyond the first 64. */
#pragma GCC diagnostic ignored "-Warray-bounds"
#include <stdio.h>
#include <windows.h>

static void *mainFiber, *other, *deep;
static int steps;
static DWORD slot, quiet;
static volatile LONG callbacks;

static void WINAPI gone(void *value)
{
  printf("callback for %s\n", (const char *)value);
  callbacks++;
}

static int dig(int depth)
{
  volatile char space[2000];
  space[depth % 2000] = (char)depth;
  return depth == 0 ? 0 : space[depth % 2000] - (char)depth + dig(depth - 1) + 1;
}

static void CALLBACK first(void *data)
{
  printf("first: data %s, is fiber %d, own data %d\n", (char *)data, IsThreadAFiber(), GetFiberData() == data);
  printf("first: value %d\n", FlsGetValue(slot) == NULL);
  FlsSetValue(slot, "first");
  double kept = 1.5;
  for (;;) {
    steps++;
    kept *= 2;
    SwitchToFiber(mainFiber);
    if (kept != 1.5 * (1 << steps))
      printf("lost %g\n", kept);
  }
}

static void CALLBACK second(void *data)
{
  (void)data;
  printf("deep: %d\n", dig(200));
  FlsSetValue(slot, "deep");
  SwitchToFiber(mainFiber);
}

static DWORD WINAPI thread(void *unused)
{
  (void)unused;
  FlsSetValue(slot, "thread");
  FlsSetValue(quiet, "quiet");
  printf("thread: %s, is fiber %d\n", (char *)FlsGetValue(slot), IsThreadAFiber());
  return 3;
}

static DWORD WINAPI leaves(void *unused)
{
  (void)unused;
  FlsSetValue(slot, "leaving thread");
  ExitThread(4);
}

static void CALLBACK returning(void *unused)
{
  (void)unused;
  printf("a fiber's function returns: its thread ends\n");
}

static DWORD WINAPI fiberThread(void *unused)
{
  (void)unused;
  ConvertThreadToFiber(NULL);
  SwitchToFiber(CreateFiber(0, returning, NULL));
  return 99;
}

static DWORD WINAPI slots(void *indexes)
{
  DWORD *index = indexes;
  int wrong = 0;
  for (int count = 0; count < 200; count++)
    wrong += TlsGetValue(index[count]) != NULL;
  for (int count = 0; count < 200; count++)
    TlsSetValue(index[count], (void *)(ULONG_PTR)(count + 1000));
  for (int count = 0; count < 200; count++)
    wrong += TlsGetValue(index[count]) != (void *)(ULONG_PTR)(count + 1000);
  return (DWORD)wrong;
}

static DWORD run(LPTHREAD_START_ROUTINE function, void *argument)
{
  DWORD code;
  HANDLE handle = CreateThread(NULL, 0, function, argument, 0, NULL);
  WaitForSingleObject(handle, INFINITE);
  GetExitCodeThread(handle, &code);
  CloseHandle(handle);
  return code;
}

int main(void)
{
  setvbuf(stdout, NULL, _IONBF, 0);
  slot = FlsAlloc(gone);
  quiet = FlsAlloc(NULL);
  printf("is fiber: %d\n", IsThreadAFiber());
  SetLastError(0);
  printf("back to a thread: %d", ConvertFiberToThread());
  printf(", %lu\n", GetLastError());
  FlsSetValue(slot, "main");
  mainFiber = ConvertThreadToFiber("main's data");
  printf("is fiber: %d, %s\n", IsThreadAFiber(), (char *)GetFiberData());
  SetLastError(0);
  printf("again: %d", ConvertThreadToFiber(NULL) != NULL);
  printf(", %lu\n", GetLastError());
  other = CreateFiberEx(0, 0x20000, FIBER_FLAG_FLOAT_SWITCH, first, "first's data");
  deep = CreateFiber(0, second, NULL);
  for (int turn = 0; turn < 5; turn++)
    SwitchToFiber(other);
  SwitchToFiber(deep);
  printf("steps %d, current %d, value %s\n", steps, GetCurrentFiber() == mainFiber, (char *)FlsGetValue(slot));
  DeleteFiber(other);
  printf("callbacks: %ld\n", callbacks);
  DeleteFiber(deep);
  printf("callbacks: %ld, main's value %s\n", callbacks, (char *)FlsGetValue(slot));
  printf("thread ended with %lu\n", run(thread, NULL));
  printf("thread ended with %lu\n", run(leaves, NULL));
  printf("thread ended with %lu\n", run(fiberThread, NULL));
  printf("back to a thread: %d", ConvertFiberToThread());
  printf(", %d\n", IsThreadAFiber());
  printf("main's value %s\n", (char *)FlsGetValue(slot));
  printf("free: %d\n", FlsFree(slot));
  SetLastError(0);
  printf("after: %d", FlsGetValue(slot) == NULL);
  printf(", %lu, set %d", GetLastError(), FlsSetValue(slot, NULL));
  printf(", free %d\n", FlsFree(slot));
  DWORD indexes[200];
  for (int count = 0; count < 200; count++) {
    indexes[count] = TlsAlloc();
    TlsSetValue(indexes[count], (void *)(ULONG_PTR)(count + 1));
  }
  int wrong = (int)run(slots, indexes);
  for (int count = 0; count < 200; count++)
    wrong += TlsGetValue(indexes[count]) != (void *)(ULONG_PTR)(count + 1);
  for (int count = 0; count < 200; count++)
    wrong += !TlsFree(indexes[count]);
  SetLastError(0);
  printf("200 slots: %d wrong, freed twice: %d", wrong, TlsFree(indexes[0]));
  printf(", %lu\n", GetLastError());
  slot = FlsAlloc(gone);
  FlsSetValue(slot, "the process");
  return 0;
}
