/* Asynchronous procedure calls, alertable waits, waitable timers and completion ports: what each answers, line by line. */
#include <stdio.h>
#include <windows.h>

static int ran;
static ULONG_PTR order[16];

static void CALLBACK note(ULONG_PTR value)
{
  order[ran++ & 15] = value;
}

static void CALLBACK again(ULONG_PTR left)
{
  ran++;
  if (left > 0)
    QueueUserAPC(again, GetCurrentThread(), left - 1);
}

static DWORD WINAPI sleeper(void *event)
{
  DWORD answer = WaitForSingleObjectEx(event, INFINITE, TRUE);
  printf("sleeper: %lx after %d calls\n", answer, ran);
  answer = SleepEx(INFINITE, TRUE);
  printf("sleeper: %lx after %d calls\n", answer, ran);
  return 5;
}

static DWORD WINAPI early(void *unused)
{
  (void)unused;
  printf("early: %d calls before the thread's function\n", ran);
  return 0;
}

static volatile LONG spins;
static volatile LONG special;

static void CALLBACK interrupt(ULONG_PTR value)
{
  special = (LONG)value;
}

static DWORD WINAPI spinner(void *unused)
{
  (void)unused;
  while (special == 0)
    spins++;
  return (DWORD)special;
}

static void calls(void)
{
  printf("SleepEx with nothing queued: %lx\n", SleepEx(0, TRUE));
  for (ULONG_PTR value = 1; value <= 3; value++)
    QueueUserAPC(note, GetCurrentThread(), value);
  printf("SleepEx that is not alertable: %lx, %d calls\n", SleepEx(0, FALSE), ran);
  DWORD answer = SleepEx(0, TRUE);
  printf("SleepEx: %lx, %d calls: %d %d %d\n", answer, ran, (int)order[0], (int)order[1], (int)order[2]);
  HANDLE event = CreateEventA(NULL, TRUE, TRUE, NULL);
  QueueUserAPC(note, GetCurrentThread(), 9);
  printf("a signalled object: %lx", WaitForSingleObjectEx(event, 0, TRUE));
  printf(", %d calls\n", ran);
  ResetEvent(event);
  printf("one that is not: %lx", WaitForSingleObjectEx(event, 0, TRUE));
  printf(", %d calls\n", ran);
  printf("and again: %lx\n", WaitForSingleObjectEx(event, 0, TRUE));
  ran = 0;
  QueueUserAPC(again, GetCurrentThread(), 3);
  answer = SleepEx(INFINITE, TRUE);
  printf("a call that queues itself: %lx, %d calls\n", answer, ran);

  HANDLE thread = CreateThread(NULL, 0, sleeper, event, 0, NULL);
  Sleep(10);
  QueueUserAPC(note, thread, 1);
  Sleep(10);
  QueueUserAPC(note, thread, 1);
  WaitForSingleObject(thread, INFINITE);
  DWORD code;
  GetExitCodeThread(thread, &code);
  printf("sleeper ended with %lu\n", code);
  SetLastError(0);
  printf("a thread that ended: %d\n", QueueUserAPC(note, thread, 1) != 0);
  CloseHandle(thread);
  ran = 0;
  thread = CreateThread(NULL, 0, early, NULL, CREATE_SUSPENDED, NULL);
  QueueUserAPC(note, thread, 1);
  QueueUserAPC(note, thread, 2);
  ResumeThread(thread);
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
  CloseHandle(event);
}

static DWORD timerLow;

static void CALLBACK onTimer(void *argument, DWORD low, DWORD high)
{
  timerLow = low;
  ran += *(int *)argument;
  (void)high;
}

static void timers(void)
{
  HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
  LARGE_INTEGER due = {.QuadPart = -20 * 10000LL};
  printf("set: %d\n", SetWaitableTimer(timer, &due, 30, NULL, NULL, FALSE));
  DWORD start = GetTickCount();
  for (int count = 0; count < 3; count++)
    printf("timer: %lx", WaitForSingleObject(timer, INFINITE));
  DWORD took = GetTickCount() - start;
  printf("\nthree signals took as long as they should: %d\n", took >= 60 && took < 200);
  printf("cancel: %d", CancelWaitableTimer(timer));
  printf(", then %lx\n", WaitForSingleObject(timer, 50));
  int add = 100;
  ran = 0;
  due.QuadPart = -1000;
  SetWaitableTimer(timer, &due, 0, onTimer, &add, FALSE);
  DWORD answer = SleepEx(INFINITE, TRUE);
  printf("timer's call: %lx, %d, with a time: %d\n", answer, ran, timerLow != 0);
  due.QuadPart = -1000;
  SetWaitableTimer(timer, &due, 0, onTimer, &add, FALSE);
  Sleep(20);
  CancelWaitableTimer(timer);
  printf("cancelled before it ran: %lx", SleepEx(0, TRUE));
  printf(", %d\n", ran);
  due.QuadPart = 0;
  SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE);
  printf("due at once: %lx\n", WaitForSingleObject(timer, 0));
  SetLastError(0);
  BOOL done = SetWaitableTimer(timer, &due, -1, NULL, NULL, FALSE);
  printf("a negative period: %d, %lu\n", done, GetLastError());
  CloseHandle(timer);
  timer = CreateWaitableTimerA(NULL, TRUE, NULL);
  SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE);
  printf("manual reset:");
  for (int count = 0; count < 2; count++)
    printf(" %lx", WaitForSingleObject(timer, 100));
  printf("\n");
  CloseHandle(timer);
}

static HANDLE port;

static DWORD WINAPI worker(void *total)
{
  for (;;) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    if (!GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE) || key == 0)
      return 0;
    InterlockedExchangeAdd((LONG *)total, (LONG)(bytes * key));
  }
}

static void ports(void)
{
  DWORD bytes = 77;
  ULONG_PTR key = 77;
  OVERLAPPED *overlapped = (OVERLAPPED *)77, mine;
  port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
  SetLastError(0);
  BOOL got = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 10);
  printf("nothing: %d, error %lu, overlapped %p\n", got, GetLastError(), (void *)overlapped);
  printf("post: %d\n", PostQueuedCompletionStatus(port, 11, 22, &mine));
  got = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 0);
  printf("got: %d, %lu bytes, key %d, the overlapped: %d\n", got, bytes, (int)key, overlapped == &mine);
  for (int count = 0; count < 5; count++)
    PostQueuedCompletionStatus(port, count, 100 + count, NULL);
  OVERLAPPED_ENTRY entries[8];
  ULONG removed = 0;
  got = GetQueuedCompletionStatusEx(port, entries, 3, &removed, 0, FALSE);
  printf("three at most: %d, %lu, keys %d %d %d\n", got, removed, (int)entries[0].lpCompletionKey,
         (int)entries[1].lpCompletionKey, (int)entries[2].lpCompletionKey);
  got = GetQueuedCompletionStatusEx(port, entries, 8, &removed, 0, FALSE);
  printf("the rest: %d, %lu, last %lu bytes\n", got, removed, entries[1].dwNumberOfBytesTransferred);
  SetLastError(0);
  got = GetQueuedCompletionStatusEx(port, entries, 8, &removed, 5, FALSE);
  printf("none left: %d, error %lu\n", got, GetLastError());
  QueueUserAPC(note, GetCurrentThread(), 1);
  SetLastError(0);
  got = GetQueuedCompletionStatusEx(port, entries, 8, &removed, 1000, TRUE);
  printf("alertable: %d, error %lu\n", got, GetLastError());
  SetLastError(0);
  printf("bad port: %d, error", PostQueuedCompletionStatus((HANDLE)0x1234, 1, 1, NULL));
  printf(" %lu\n", GetLastError());
  LONG total = 0;
  HANDLE threads[4];
  for (int index = 0; index < 4; index++)
    threads[index] = CreateThread(NULL, 0, worker, &total, 0, NULL);
  LONG expected = 0;
  for (int count = 1; count <= 200; count++) {
    PostQueuedCompletionStatus(port, count, 1 + count % 7, NULL);
    expected += count * (1 + count % 7);
  }
  for (int index = 0; index < 4; index++)
    PostQueuedCompletionStatus(port, 0, 0, NULL);
  printf("workers: %lx", WaitForMultipleObjects(4, threads, TRUE, INFINITE));
  printf(", as expected: %d\n", total == expected);
  CloseHandle(port);
}

int main(void)
{
  setvbuf(stdout, NULL, _IONBF, 0);
  calls();
  timers();
  ports();
  HANDLE first = CreateEventA(NULL, FALSE, FALSE, NULL), second = CreateEventA(NULL, FALSE, TRUE, NULL);
  printf("signal and wait: %lx", SignalObjectAndWait(first, second, INFINITE, FALSE));
  printf(", signalled: %lx\n", WaitForSingleObject(first, 0));
  HANDLE semaphore = CreateSemaphoreA(NULL, 1, 1, NULL);
  SetLastError(0);
  printf("a full semaphore: %lx", SignalObjectAndWait(semaphore, second, 0, FALSE));
  printf(", error %lu\n", GetLastError());
  BOOL (WINAPI *queue2)(PAPCFUNC, HANDLE, ULONG_PTR, int) =
    (void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "QueueUserAPC2");
  if (queue2) {
    HANDLE thread = CreateThread(NULL, 0, spinner, NULL, 0, NULL);
    Sleep(20);
    queue2(interrupt, thread, 42, 1);
    WaitForSingleObject(thread, INFINITE);
    DWORD code;
    GetExitCodeThread(thread, &code);
    printf("a special call stopped the loop with %lu\n", code);
  }
  return 0;
}
