/*
 * six: work for each of the memory manager's six threads, best on a small machine with a paging file that can grow
 * (--ram 8M --pagefile 8M:32M):
 *   - a second thread sleeps for 30 seconds, with something on its stack   -> process/stack swapper
 *   - a mapped file of 2 MB is written                                     -> mapped page writer
 *   - 12 MB of data are filled and checked                                 -> modified page writer, balance set manager
 *   - 16 MB more are committed, but not touched, and given back            -> dereference segment thread
 *   - the data is freed, and nothing runs until the sleeper wakes          -> zero page thread
 * Nothing of that shows in the results. The expected text is what the source says.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_BYTES 4096
#define PAGES_PER_MB 256
#define DATA_PAGES (12 * PAGES_PER_MB)
#define PROMISED_PAGES (16 * PAGES_PER_MB)
#define FILE_PAGES (2 * PAGES_PER_MB)
#define SLEEP_MS 30000
/* Words from one store to the next, and how many of them a page has. */
#define STEP 8
#define STORES (PAGE_BYTES / 8 / STEP)

typedef unsigned long long word;

static void stop(const char *what) {
  printf("six: cannot %s: error %lu\n", what, GetLastError());
  exit(1);
}

static word pattern(unsigned page, unsigned store, word key) {
  return ((word)page * STORES + store + key) * 0x9E3779B97F4A7C15ull;
}

static void fill(volatile word *memory, unsigned pages, word key) {
  for (unsigned page = 0; page < pages; page++)
    for (unsigned store = 0; store < STORES; store++)
      memory[(page * STORES + store) * STEP] = pattern(page, store, key);
}

/* Counts the words that are not what fill has stored. */
static unsigned wrong_words(const volatile word *memory, unsigned pages, word key) {
  unsigned wrong = 0;
  for (unsigned page = 0; page < pages; page++)
    for (unsigned store = 0; store < STORES; store++)
      wrong += memory[(page * STORES + store) * STEP] != pattern(page, store, key);
  return wrong;
}

static word *commit(unsigned pages, const char *what) {
  word *memory = VirtualAlloc(NULL, (SIZE_T)pages * PAGE_BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (memory == NULL) stop(what);
  return memory;
}

/* The sleeper: returns the number of words on its stack that have changed meanwhile. */
static DWORD WINAPI sleep_long(void *unused) {
  volatile word kept[STORES * STEP];
  (void)unused;
  fill(kept, 1, 3);
  Sleep(SLEEP_MS);
  return wrong_words(kept, 1, 3);
}

static HANDLE open_file(const char *name, DWORD access, DWORD disposition) {
  HANDLE file = CreateFileA(name, access, 0, NULL, disposition, FILE_ATTRIBUTE_TEMPORARY, NULL);
  if (file == INVALID_HANDLE_VALUE) stop("open the file");
  return file;
}

static volatile word *map_file(HANDLE file) {
  HANDLE section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, FILE_PAGES * PAGE_BYTES, NULL);
  if (section == NULL) stop("make a section of the file");
  volatile word *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (view == NULL) stop("map the file");
  CloseHandle(section);
  return view;
}

/* Reads the file as a file, page by page. */
static unsigned wrong_in_file(const char *name) {
  HANDLE file = open_file(name, GENERIC_READ, OPEN_EXISTING);
  word page[PAGE_BYTES / sizeof(word)];
  unsigned wrong = 0;
  for (unsigned number = 0; number < FILE_PAGES; number++) {
    DWORD read = 0;
    if (!ReadFile(file, page, PAGE_BYTES, &read, NULL) || read != PAGE_BYTES) stop("read the file");
    for (unsigned store = 0; store < STORES; store++) wrong += page[store * STEP] != pattern(number, store, 1);
  }
  CloseHandle(file);
  return wrong;
}

int main(void) {
  char name[MAX_PATH];
  const char *folder = getenv("TEMP");
  if (folder == NULL || strlen(folder) > MAX_PATH - 16) folder = ".";
  sprintf(name, "%s\\six.dat", folder);

  HANDLE sleeper = CreateThread(NULL, 0, sleep_long, NULL, 0, NULL);
  if (sleeper == NULL) stop("make a thread");
  /* The sleeper goes to sleep before memory becomes short. */
  Sleep(10);

  HANDLE file = open_file(name, GENERIC_READ | GENERIC_WRITE, CREATE_ALWAYS);
  volatile word *view = map_file(file);
  fill(view, FILE_PAGES, 1);

  word *data = commit(DATA_PAGES, "commit the data");
  fill(data, DATA_PAGES, 2);
  unsigned wrong = wrong_words(data, DATA_PAGES, 2);
  printf("data:    %d MB, %u wrong\n", DATA_PAGES / PAGES_PER_MB, wrong);

  word *promised = commit(PROMISED_PAGES, "commit what is not used");
  printf("promise: %d MB committed\n", PROMISED_PAGES / PAGES_PER_MB);
  VirtualFree(promised, 0, MEM_RELEASE);
  VirtualFree(data, 0, MEM_RELEASE);

  DWORD stack = 0;
  if (WaitForSingleObject(sleeper, INFINITE) != WAIT_OBJECT_0) stop("wait for the sleeper");
  GetExitCodeThread(sleeper, &stack);
  printf("sleeper: its stack has %lu wrong\n", stack);

  unsigned mapped = wrong_words(view, FILE_PAGES, 1);
  UnmapViewOfFile((const void *)view);
  CloseHandle(file);
  unsigned read = wrong_in_file(name);
  printf("file:    %d MB, %u wrong in the view, %u wrong in the file\n", FILE_PAGES / PAGES_PER_MB, mapped, read);
  return wrong + stack + mapped + read != 0;
}
