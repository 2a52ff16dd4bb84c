/* Thread pools: work, timers, waits, cleanup groups, what a callback asks for, registered waits and timer queues. */
#include <stdio.h>
#include <windows.h>

static volatile LONG calls, threadsSeen, most, inside;
static LONG perThread;
static DWORD mainId;

static void enterCallback(void)
{
  LONG now = InterlockedIncrement((LONG *)&inside);
  if (now > most)
    most = now;
  if (GetCurrentThreadId() == mainId)
    printf("a callback in the main thread\n");
  if (TlsGetValue(perThread) == NULL) {
    TlsSetValue(perThread, (void *)1);
    InterlockedIncrement((LONG *)&threadsSeen);
  }
}

static void CALLBACK work(TP_CALLBACK_INSTANCE *instance, void *context, TP_WORK *object)
{
  (void)instance;
  (void)object;
  enterCallback();
  InterlockedExchangeAdd((LONG *)&calls, *(LONG *)context);
  InterlockedDecrement((LONG *)&inside);
}

static void CALLBACK slowWork(TP_CALLBACK_INSTANCE *instance, void *context, TP_WORK *object)
{
  (void)instance;
  (void)object;
  enterCallback();
  Sleep(10);
  InterlockedExchangeAdd((LONG *)&calls, *(LONG *)context);
  InterlockedDecrement((LONG *)&inside);
}

static void CALLBACK simple(TP_CALLBACK_INSTANCE *instance, void *context)
{
  SetEventWhenCallbackReturns(instance, context);
  InterlockedIncrement((LONG *)&calls);
}

static DWORD WINAPI item(void *event)
{
  InterlockedIncrement((LONG *)&calls);
  SetEvent(event);
  return 0;
}

static volatile LONG met;

static void CALLBACK rendezvous(TP_CALLBACK_INSTANCE *instance, void *context, TP_WORK *object)
{
  (void)instance;
  (void)object;
  HANDLE *events = context;
  if (InterlockedIncrement((LONG *)&met) == 1)
    WaitForSingleObject(events[0], INFINITE);
  else
    SetEvent(events[0]);
}

static void works(void)
{
  LONG three = 3;
  TP_WORK *object = CreateThreadpoolWork(work, &three, NULL);
  for (int count = 0; count < 100; count++)
    SubmitThreadpoolWork(object);
  WaitForThreadpoolWorkCallbacks(object, FALSE);
  printf("100 works: %ld\n", calls);
  CloseThreadpoolWork(object);
  HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
  calls = 0;
  printf("try submit: %d, ", TrySubmitThreadpoolCallback(simple, event, NULL));
  printf("event: %lx", WaitForSingleObject(event, 1000));
  printf(", %ld\n", calls);
  printf("item: %d, ", QueueUserWorkItem(item, event, WT_EXECUTEDEFAULT));
  printf("event: %lx", WaitForSingleObject(event, 1000));
  printf(", %ld\n", calls);
  object = CreateThreadpoolWork(rendezvous, &event, NULL);
  SubmitThreadpoolWork(object);
  SubmitThreadpoolWork(object);
  WaitForThreadpoolWorkCallbacks(object, FALSE);
  printf("one waited for the other: %ld\n", met);
  CloseThreadpoolWork(object);

  TP_POOL *pool = CreateThreadpool(NULL);
  SetThreadpoolThreadMaximum(pool, 2);
  printf("minimum: %d\n", SetThreadpoolThreadMinimum(pool, 1));
  TP_CALLBACK_ENVIRON environment;
  InitializeThreadpoolEnvironment(&environment);
  SetThreadpoolCallbackPool(&environment, pool);
  object = CreateThreadpoolWork(slowWork, &three, &environment);
  calls = most = threadsSeen = 0;
  for (int count = 0; count < 12; count++)
    SubmitThreadpoolWork(object);
  WaitForThreadpoolWorkCallbacks(object, FALSE);
  printf("at most two threads: %ld, at once %ld, in all %ld\n", calls, most, threadsSeen);
  calls = 0;
  for (int count = 0; count < 12; count++)
    SubmitThreadpoolWork(object);
  WaitForThreadpoolWorkCallbacks(object, TRUE);
  printf("cancelled: fewer ran: %d\n", calls < 36);
  CloseThreadpoolWork(object);
  CloseThreadpool(pool);
  CloseHandle(event);
}

static void CALLBACK onTimer(TP_CALLBACK_INSTANCE *instance, void *context, TP_TIMER *timer)
{
  (void)instance;
  (void)timer;
  InterlockedIncrement((LONG *)context);
}

static void timers(void)
{
  LONG fired = 0;
  TP_TIMER *timer = CreateThreadpoolTimer(onTimer, &fired, NULL);
  printf("set: %d", IsThreadpoolTimerSet(timer));
  LARGE_INTEGER due = {.QuadPart = -50000};
  FILETIME time = {due.LowPart, due.HighPart};
  SetThreadpoolTimer(timer, &time, 0, 0);
  printf(" %d", IsThreadpoolTimerSet(timer));
  Sleep(50);
  printf(", once: %ld\n", fired);
  SetThreadpoolTimer(timer, &time, 20, 0);
  Sleep(100);
  SetThreadpoolTimer(timer, NULL, 0, 0);
  WaitForThreadpoolTimerCallbacks(timer, TRUE);
  LONG seen = fired;
  Sleep(60);
  printf("again and again: %d, stopped: %d\n", seen >= 3, fired == seen);
  CloseThreadpoolTimer(timer);
}

static volatile LONG results[4], resultCount;

static void CALLBACK onWait(TP_CALLBACK_INSTANCE *instance, void *context, TP_WAIT *wait, TP_WAIT_RESULT result)
{
  (void)instance;
  (void)wait;
  results[resultCount++ & 3] = (LONG)result;
  SetEvent(context);
}

static void CALLBACK onRegistered(void *context, BOOLEAN timedOut)
{
  InterlockedIncrement((LONG *)context);
  results[0] = timedOut;
}

static void waits(void)
{
  HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), done = CreateEventA(NULL, FALSE, FALSE, NULL);
  TP_WAIT *wait = CreateThreadpoolWait(onWait, done, NULL);
  SetThreadpoolWait(wait, event, NULL);
  SetEvent(event);
  WaitForSingleObject(done, INFINITE);
  printf("signalled: %ld %lx\n", resultCount, results[0]);
  SetEvent(event);
  printf("not set again: %lx\n", WaitForSingleObject(done, 20));
  SetThreadpoolWait(wait, event, NULL);
  WaitForSingleObject(done, INFINITE);
  printf("set again: %ld\n", resultCount);
  LARGE_INTEGER due = {.QuadPart = -50000};
  FILETIME time = {due.LowPart, due.HighPart};
  SetThreadpoolWait(wait, event, &time);
  WaitForSingleObject(done, INFINITE);
  printf("timed out: %ld %lx\n", resultCount, results[2]);
  WaitForThreadpoolWaitCallbacks(wait, FALSE);
  CloseThreadpoolWait(wait);

  LONG count = 0;
  HANDLE registered;
  printf("register: %d\n", RegisterWaitForSingleObject(&registered, event, onRegistered, &count, INFINITE, 0));
  for (int times = 0; times < 5; times++) {
    SetEvent(event);
    Sleep(5);
  }
  printf("calls: %ld, timed out: %ld\n", count, results[0]);
  printf("unregister: %d\n", UnregisterWaitEx(registered, INVALID_HANDLE_VALUE));
  SetEvent(event);
  Sleep(10);
  printf("calls: %ld\n", count);
  ResetEvent(event);
  RegisterWaitForSingleObject(&registered, event, onRegistered, &count, 5, WT_EXECUTEONLYONCE);
  Sleep(60);
  printf("calls: %ld, timed out: %ld\n", count, results[0]);
  printf("unregister: %d\n", UnregisterWaitEx(registered, INVALID_HANDLE_VALUE));
}

static void CALLBACK onQueueTimer(void *context, BOOLEAN fired)
{
  (void)fired;
  InterlockedIncrement((LONG *)context);
}

static void queues(void)
{
  LONG once = 0, often = 0;
  HANDLE queue = CreateTimerQueue(), first, second;
  printf("timer: %d\n", CreateTimerQueueTimer(&first, queue, onQueueTimer, &once, 5, 0, 0));
  CreateTimerQueueTimer(&second, queue, onQueueTimer, &often, 5, 20, 0);
  Sleep(110);
  printf("once %ld, often: %d\n", once, often >= 3);
  printf("change: %d\n", ChangeTimerQueueTimer(queue, first, 5, 0));
  Sleep(40);
  printf("not again: %ld\n", once);
  printf("delete: %d\n", DeleteTimerQueueTimer(queue, second, INVALID_HANDLE_VALUE));
  LONG seen = often;
  Sleep(50);
  printf("gone: %d\n", often == seen);
  printf("queue: %d\n", DeleteTimerQueueEx(queue, INVALID_HANDLE_VALUE));
}

static volatile LONG cancelled;

static void CALLBACK onCancel(void *context, void *cleanup)
{
  (void)cleanup;
  InterlockedExchangeAdd((LONG *)&cancelled, *(LONG *)context);
}

static void groups(void)
{
  LONG one = 1;
  TP_CLEANUP_GROUP *group = CreateThreadpoolCleanupGroup();
  TP_POOL *pool = CreateThreadpool(NULL);
  SetThreadpoolThreadMaximum(pool, 1);
  TP_CALLBACK_ENVIRON environment;
  InitializeThreadpoolEnvironment(&environment);
  SetThreadpoolCallbackPool(&environment, pool);
  SetThreadpoolCallbackCleanupGroup(&environment, group, onCancel);
  TP_WORK *object = CreateThreadpoolWork(slowWork, &one, &environment);
  TP_WORK *second = CreateThreadpoolWork(slowWork, &one, &environment);
  calls = 0;
  SubmitThreadpoolWork(object);
  Sleep(2);
  SubmitThreadpoolWork(second);
  CloseThreadpoolCleanupGroupMembers(group, TRUE, NULL);
  printf("group: %ld ran, %ld cancelled\n", calls, cancelled);
  CloseThreadpoolCleanupGroup(group);
  CloseThreadpool(pool);
}

int main(void)
{
  setvbuf(stdout, NULL, _IONBF, 0);
  mainId = GetCurrentThreadId();
  perThread = TlsAlloc();
  works();
  timers();
  waits();
  queues();
  groups();
  return 0;
}
