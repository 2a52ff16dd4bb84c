/*
 * heaps: threads that allocate, resize, hand over and free blocks of one heap, while another locks it, walks it and unlocks it
 * again. While a thread has the lock no other gets or gives a block; a heap that is not serialized has no lock to hold.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS 3
#define ROUNDS 1500
#define SHELF 64

static HANDLE heap;
static BYTE *volatile shelf[SHELF];
static volatile LONG done, broken, calls;

static unsigned next(unsigned *state) {
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

/* A block begins with its size; the rest is the size's low byte. */
static BYTE *make(unsigned *state) {
  static const SIZE_T sizes[] = {8, 24, 24, 40, 100, 600, 3000, 20000};
  SIZE_T bytes = sizes[next(state) % 8], index;
  BYTE *block = HeapAlloc(heap, next(state) & 1 ? HEAP_ZERO_MEMORY : 0, bytes);
  if (!block) return NULL;
  *(SIZE_T *)block = bytes;
  for (index = sizeof bytes; index < bytes; index++) block[index] = (BYTE)bytes;
  return block;
}

static int sound(const BYTE *block) {
  SIZE_T bytes = *(const SIZE_T *)block, index;
  if (HeapSize(heap, 0, block) != bytes) return 0;
  for (index = sizeof bytes; index < bytes; index++)
    if (block[index] != (BYTE)bytes) return 0;
  return 1;
}

static DWORD WINAPI work(void *seed) {
  unsigned state = (unsigned)(ULONG_PTR)seed;
  int round;
  for (round = 0; round < ROUNDS; round++) {
    BYTE *mine = make(&state), *other;
    InterlockedIncrement(&calls);
    other = InterlockedExchangePointer((void *volatile *)&shelf[next(&state) % SHELF], mine);
    if (!mine || (other && !sound(other))) InterlockedIncrement(&broken);
    if (other && next(&state) % 4 == 0) {
      SIZE_T before = *(SIZE_T *)other, after = before + next(&state) % 50, index;
      BYTE *moved = HeapReAlloc(heap, HEAP_ZERO_MEMORY, other, after);
      for (index = before; index < after; index++)
        if (!moved || moved[index] != 0) InterlockedIncrement(&broken);
      other = moved;
    }
    if (other && !HeapFree(heap, 0, other)) InterlockedIncrement(&broken);
  }
  InterlockedIncrement(&done);
  return 0;
}

/* Blocks that a walk finds busy; -1 when it does not come to its end. */
static int walk(void) {
  PROCESS_HEAP_ENTRY entry;
  int busy = 0;
  entry.lpData = NULL;
  while (HeapWalk(heap, &entry)) busy += (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0;
  return GetLastError() == ERROR_NO_MORE_ITEMS ? busy : -1;
}

static volatile LONG locked_by_other;
static DWORD WINAPI lock_and_wait(void *event) {
  HANDLE *events = event;
  HeapLock(heap);
  HeapLock(heap);
  SetEvent(events[0]);
  WaitForSingleObject(events[1], INFINITE);
  HeapUnlock(heap);
  locked_by_other = 0;
  HeapUnlock(heap);
  return 0;
}

static DWORD WINAPI allocate_one(void *size) {
  void *block = HeapAlloc(heap, 0, (SIZE_T)size);
  locked_by_other += 10;
  HeapFree(heap, 0, block);
  return 0;
}

static DWORD WINAPI malloc_one(void *size) {
  void *block = malloc((SIZE_T)size);
  locked_by_other += 10;
  free(block);
  return 0;
}

static DWORD WINAPI local_one(void *size) {
  HLOCAL block = LocalAlloc(LMEM_MOVEABLE, (SIZE_T)size);
  locked_by_other += 10;
  LocalFree(block);
  return 0;
}

/* A thread that wants a block of a heap that another has locked waits until it is unlocked as often. */
static void waits(LPTHREAD_START_ROUTINE function, SIZE_T size) {
  HANDLE events[2] = {CreateEventW(NULL, 0, 0, NULL), CreateEventW(NULL, 0, 0, NULL)};
  HANDLE owner = CreateThread(NULL, 0, lock_and_wait, events, 0, NULL), user;
  WaitForSingleObject(events[0], INFINITE);
  locked_by_other = 1;
  user = CreateThread(NULL, 0, function, (void *)size, 0, NULL);
  printf("locked: %s, ", WaitForSingleObject(user, 50) == WAIT_TIMEOUT ? "waits" : "goes on");
  SetEvent(events[1]);
  WaitForSingleObject(user, INFINITE);
  WaitForSingleObject(owner, INFINITE);
  printf("unlocked: %s\n", locked_by_other == 10 ? "goes on" : "was before");
}

int main(void) {
  HANDLE threads[WORKERS];
  int index, walks = 0, bad = 0, own = 0;
  heap = HeapCreate(0, 0, 0);
  for (index = 0; index < 40; index++) HeapFree(heap, 0, HeapAlloc(heap, 0, 24));
  for (index = 0; index < WORKERS; index++)
    threads[index] = CreateThread(NULL, 0, work, (void *)(ULONG_PTR)(index + 1), 0, NULL);
  while (done < WORKERS) {
    LONG before;
    if (!HeapLock(heap)) bad++;
    /* Who was in the middle of something comes to its end, then nobody does anything. */
    Sleep(30);
    before = calls;
    if (walk() < 0 || !HeapValidate(heap, 0, NULL)) bad++;
    Sleep(30);
    if (calls != before) bad++;
    HeapFree(heap, 0, HeapAlloc(heap, 0, 24));
    if (!HeapUnlock(heap)) bad++;
    walks++;
    Sleep(1);
  }
  WaitForMultipleObjects(WORKERS, threads, TRUE, INFINITE);
  for (index = 0; index < SHELF; index++) own += shelf[index] != NULL;
  printf("workers done: %ld, broken blocks %ld, walked %s, bad walks %d\n", done, broken, walks > 0 ? "yes" : "no", bad);
  printf("busy blocks are those on the shelf: %s\n", walk() == own ? "yes" : "no");
  for (index = 0; index < SHELF; index++)
    if (shelf[index]) HeapFree(heap, 0, shelf[index]);
  printf("busy blocks in the end: %d\n", walk());
  waits(allocate_one, 24);
  waits(allocate_one, 0x200000);
  printf("not locked: %d\n", HeapUnlock(heap));
  HeapDestroy(heap);
  heap = GetProcessHeap();
  waits(malloc_one, 24);
  waits(local_one, 24);
  heap = HeapCreate(HEAP_NO_SERIALIZE, 0, 0);
  printf("not serialized: %d %d\n", HeapLock(heap), HeapUnlock(heap));
  HeapDestroy(heap);
  return 0;
}
