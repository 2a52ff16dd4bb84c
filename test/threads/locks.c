/* Locks that threads hammer: what each must keep is checked while they do it, and what they answer when they cannot. */
#include <stdio.h>
#include <windows.h>

#define THREADS 6
#define ROUNDS 4000

static CRITICAL_SECTION section;
static SRWLOCK slim = SRWLOCK_INIT;
static CONDITION_VARIABLE filled = CONDITION_VARIABLE_INIT, drained = CONDITION_VARIABLE_INIT;
static volatile LONG inside, broken, readers, most;
static LONG plain;

static unsigned next(unsigned *seed)
{
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 16;
}

static void wasteTime(unsigned *seed)
{
  unsigned turns = next(seed) % 200;
  if (turns > 190)
    SwitchToThread();
  if (turns == 77)
    Sleep(1);
  for (volatile unsigned index = 0; index < turns; index++)
    ;
}

static void alone(unsigned *seed)
{
  if (InterlockedIncrement((LONG *)&inside) != 1)
    broken++;
  plain++;
  wasteTime(seed);
  if (InterlockedDecrement((LONG *)&inside) != 0)
    broken++;
}

static DWORD WINAPI sections(void *index)
{
  unsigned seed = (unsigned)(ULONG_PTR)index;
  for (int round = 0; round < ROUNDS; round++) {
    if (next(&seed) % 8 || !TryEnterCriticalSection(&section))
      EnterCriticalSection(&section);
    EnterCriticalSection(&section);
    alone(&seed);
    LeaveCriticalSection(&section);
    LeaveCriticalSection(&section);
  }
  return 0;
}

static DWORD WINAPI slims(void *index)
{
  unsigned seed = (unsigned)(ULONG_PTR)index;
  for (int round = 0; round < ROUNDS; round++) {
    if (next(&seed) % 3 == 0) {
      if (next(&seed) % 4 || !TryAcquireSRWLockExclusive(&slim))
        AcquireSRWLockExclusive(&slim);
      if (readers != 0)
        broken++;
      alone(&seed);
      ReleaseSRWLockExclusive(&slim);
    } else {
      if (next(&seed) % 4 || !TryAcquireSRWLockShared(&slim))
        AcquireSRWLockShared(&slim);
      LONG count = InterlockedIncrement((LONG *)&readers);
      if (count > most)
        most = count;
      if (inside != 0)
        broken++;
      wasteTime(&seed);
      InterlockedDecrement((LONG *)&readers);
      ReleaseSRWLockShared(&slim);
    }
  }
  return 0;
}

#define SLOTS 4
static int ring[SLOTS], used, taken, produced;
static LONGLONG sum;

static DWORD WINAPI producer(void *useSection)
{
  for (int round = 0; round < ROUNDS; round++) {
    if (useSection) {
      EnterCriticalSection(&section);
      while (used == SLOTS)
        SleepConditionVariableCS(&drained, &section, INFINITE);
    } else {
      AcquireSRWLockExclusive(&slim);
      while (used == SLOTS)
        SleepConditionVariableSRW(&drained, &slim, INFINITE, 0);
    }
    if (used < 0 || used >= SLOTS)
      broken++;
    ring[(taken + used++) % SLOTS] = ++produced;
    WakeConditionVariable(&filled);
    if (useSection)
      LeaveCriticalSection(&section);
    else
      ReleaseSRWLockExclusive(&slim);
  }
  return 0;
}

static DWORD WINAPI consumer(void *useSection)
{
  for (int round = 0; round < ROUNDS; round++) {
    if (useSection) {
      EnterCriticalSection(&section);
      while (used == 0)
        SleepConditionVariableCS(&filled, &section, round % 5 ? INFINITE : 1);
    } else {
      AcquireSRWLockExclusive(&slim);
      while (used == 0)
        SleepConditionVariableSRW(&filled, &slim, round % 5 ? INFINITE : 1, 0);
    }
    sum += ring[taken % SLOTS];
    taken++;
    used--;
    WakeAllConditionVariable(&drained);
    if (useSection)
      LeaveCriticalSection(&section);
    else
      ReleaseSRWLockExclusive(&slim);
  }
  return 0;
}

static void together(const char *name, LPTHREAD_START_ROUTINE *functions, int count, void *(*argument)(int))
{
  HANDLE threads[THREADS];
  broken = 0;
  plain = 0;
  for (int index = 0; index < count; index++)
    threads[index] = CreateThread(NULL, 0, functions[index], argument(index), 0, NULL);
  DWORD answer = WaitForMultipleObjects(count, threads, TRUE, INFINITE);
  printf("%s: %lx, broken %ld", name, answer, broken);
  for (int index = 0; index < count; index++)
    CloseHandle(threads[index]);
}

static void *byIndex(int index)
{
  return (void *)(ULONG_PTR)(index + 1);
}

static void *withSection(int index)
{
  (void)index;
  return (void *)1;
}

static void *withSlim(int index)
{
  (void)index;
  return NULL;
}

static volatile LONG initializations;

static BOOL CALLBACK initialize(INIT_ONCE *once, void *parameter, void **context)
{
  (void)once;
  initializations++;
  Sleep(5);
  if (initializations == 1)
    return FALSE;
  *context = parameter;
  return TRUE;
}

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static volatile LONG failed, wrong;

static DWORD WINAPI onces(void *unused)
{
  (void)unused;
  void *context = NULL;
  while (!InitOnceExecuteOnce(&once, initialize, (void *)&initializations, &context))
    InterlockedIncrement((LONG *)&failed);
  if (context != (void *)&initializations)
    wrong++;
  return 0;
}

static SLIST_HEADER list;
typedef struct {
  SLIST_ENTRY entry;
  LONG owner;
} NODE;
static NODE nodes[64] __attribute__((aligned(16)));

static DWORD WINAPI lists(void *index)
{
  unsigned seed = (unsigned)(ULONG_PTR)index;
  for (int round = 0; round < ROUNDS * 4; round++) {
    NODE *node = (NODE *)InterlockedPopEntrySList(&list);
    if (node == NULL)
      continue;
    if (InterlockedExchange(&node->owner, 1) != 0)
      broken++;
    wasteTime(&seed);
    InterlockedExchange(&node->owner, 0);
    InterlockedPushEntrySList(&list, &node->entry);
  }
  return 0;
}

static BOOL (WINAPI *waitOn)(volatile void *, void *, SIZE_T, DWORD);
static void (WINAPI *wakeOne)(void *);
static volatile LONG turn;

static DWORD WINAPI turns(void *index)
{
  LONG mine = (LONG)(ULONG_PTR)index - 1;
  for (int round = 0; round < ROUNDS / 4; round++) {
    for (LONG seen = turn; seen % 2 != mine; seen = turn)
      waitOn(&turn, &seen, sizeof seen, INFINITE);
    plain++;
    InterlockedIncrement((LONG *)&turn);
    wakeOne((void *)&turn);
  }
  return 0;
}

static SYNCHRONIZATION_BARRIER barrier;
static volatile LONG arrived, lasts;

static DWORD WINAPI barriers(void *unused)
{
  (void)unused;
  for (int round = 1; round <= 200; round++) {
    InterlockedIncrement((LONG *)&arrived);
    if (EnterSynchronizationBarrier(&barrier, 0))
      InterlockedIncrement((LONG *)&lasts);
    if (arrived < round * THREADS)
      broken++;
    EnterSynchronizationBarrier(&barrier, 0);
  }
  return 0;
}

static DWORD WINAPI tries(void *unused)
{
  (void)unused;
  printf("another thread: %d %d %d", TryEnterCriticalSection(&section), TryAcquireSRWLockExclusive(&slim),
         TryAcquireSRWLockShared(&slim));
  return 0;
}

static void run(const char *name, LPTHREAD_START_ROUTINE function, int count)
{
  LPTHREAD_START_ROUTINE functions[THREADS];
  for (int index = 0; index < THREADS; index++)
    functions[index] = function;
  together(name, functions, count, byIndex);
}

int main(void)
{
  setvbuf(stdout, NULL, _IONBF, 0);
  InitializeCriticalSection(&section);
  printf("a free section: %ld %ld %p\n", section.LockCount, section.RecursionCount, (void *)section.OwningThread);
  EnterCriticalSection(&section);
  EnterCriticalSection(&section);
  printf("entered twice: %ld %ld %d\n", section.LockCount, section.RecursionCount,
         section.OwningThread == (HANDLE)(ULONG_PTR)GetCurrentThreadId());
  AcquireSRWLockExclusive(&slim);
  run("tries", tries, 1);
  printf("\n");
  ReleaseSRWLockExclusive(&slim);
  LeaveCriticalSection(&section);
  LeaveCriticalSection(&section);
  printf("a free lock: %p\n", slim.Ptr);
  CONDITION_VARIABLE nobody = CONDITION_VARIABLE_INIT;
  AcquireSRWLockExclusive(&slim);
  SetLastError(0);
  printf("nobody wakes it: %d", SleepConditionVariableSRW(&nobody, &slim, 5, 0));
  printf(", error %lu, locked again: %d\n", GetLastError(), !TryAcquireSRWLockShared(&slim));
  ReleaseSRWLockExclusive(&slim);
  printf("left as it was: %p %p\n", nobody.Ptr, slim.Ptr);

  run("critical section", sections, THREADS);
  printf(", %ld, free again: %ld\n", plain, section.LockCount);
  run("slim lock", slims, THREADS);
  printf(", free again: %p, readers together: %d\n", slim.Ptr, most > 1);
  LPTHREAD_START_ROUTINE both[4] = {producer, consumer, producer, consumer};
  together("section's condition", both, 4, withSection);
  printf(", %lld\n", sum);
  sum = 0;
  together("slim lock's condition", both, 4, withSlim);
  printf(", %lld, free again: %p\n", sum, slim.Ptr);
  run("once", onces, THREADS);
  printf(", %ld initializations, %ld failed, %ld wrong\n", initializations, failed, wrong);

  InitializeSListHead(&list);
  for (int index = 0; index < 4; index++)
    InterlockedPushEntrySList(&list, &nodes[index].entry);
  printf("depth %d, the last is first: %d\n", QueryDepthSList(&list),
         InterlockedPopEntrySList(&list) == &nodes[3].entry);
  InterlockedPushEntrySList(&list, &nodes[3].entry);
  run("list", lists, THREADS);
  printf(", depth %d", QueryDepthSList(&list));
  int count = 0;
  for (SLIST_ENTRY *entry = InterlockedFlushSList(&list); entry; entry = entry->Next)
    count++;
  printf(", flushed %d, left %d, pop gives %p\n", count, QueryDepthSList(&list), (void *)InterlockedPopEntrySList(&list));

  HMODULE base = GetModuleHandleA("kernelbase.dll");
  waitOn = (void *)GetProcAddress(base ? base : GetModuleHandleA("kernel32.dll"), "WaitOnAddress");
  wakeOne = (void *)GetProcAddress(base ? base : GetModuleHandleA("kernel32.dll"), "WakeByAddressSingle");
  LONG same = 7, seven = 7;
  SetLastError(0);
  printf("wait on address: %d", waitOn(&same, &seven, 4, 5));
  printf(", error %lu\n", GetLastError());
  SetLastError(0);
  printf("three bytes: %d", waitOn(&same, &seven, 3, 5));
  printf(", error %lu\n", GetLastError());
  run("turns", turns, 2);
  printf(", %ld, %ld\n", plain, turn);
  InitializeSynchronizationBarrier(&barrier, THREADS, -1);
  run("barrier", barriers, THREADS);
  printf(", %ld\n", lasts);
  return 0;
}
