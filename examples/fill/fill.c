/*
 * fill: private memory on its way from the working set to the paging file and back, in five steps. The block under study lies
 * at 10000000 and has 64 pages; page n holds n + 1 in every eighth word.
 *
 * After each step it sleeps a moment, so that the system's threads finish what they do. `fill N` then asks VirtualQuery
 * about the block after step N, which touches nothing: a debugger that stops there sees what has become of the block.
 *
 * The expected text is what the source says.
 */
#include <windows.h>
#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK ((volatile unsigned long long *)0x10000000)
#define PAGE_WORDS 512
#define STEP 8
#define BLOCK_PAGES 64
#define PAGE_BYTES 4096
#define PAGES_PER_MB 256
#define SOME_MB 2
#define MANY_MB 16

static int stop_after;

static void done(int step, const char *what) {
  MEMORY_BASIC_INFORMATION information;
  printf("%d. %s\n", step, what);
  fflush(stdout);
  Sleep(100);
  if (step == stop_after) VirtualQuery((const void *)BLOCK, &information, sizeof information);
}

static void fill(volatile unsigned long long *memory, unsigned pages) {
  for (unsigned index = 0; index < pages * PAGE_WORDS; index += STEP) memory[index] = index / PAGE_WORDS + 1;
}

/* Reads a page of the block; 1 when it holds what was written. */
static int check(unsigned page) {
  int right = 1;
  for (unsigned word = 0; word < PAGE_WORDS; word += STEP) right &= BLOCK[page * PAGE_WORDS + word] == page + 1;
  return right;
}

static void empty(void) {
  if (!K32EmptyWorkingSet(GetCurrentProcess())) printf("EmptyWorkingSet: error %lu\n", GetLastError());
}

/* Fills so many MB more and empties the working set again. */
static void press(unsigned megabytes) {
  volatile unsigned long long *memory =
      VirtualAlloc(NULL, (SIZE_T)megabytes * PAGES_PER_MB * PAGE_BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (memory == NULL) {
    printf("%u MB: error %lu\n", megabytes, GetLastError());
    exit(1);
  }
  fill(memory, megabytes * PAGES_PER_MB);
  empty();
}

int main(int argc, char **argv) {
  if (argc > 1) stop_after = atoi(argv[1]);
  if (VirtualAlloc((void *)BLOCK, BLOCK_PAGES * PAGE_BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) != BLOCK) {
    printf("the block: error %lu\n", GetLastError());
    return 1;
  }
  done(1, "committed");
  fill(BLOCK, BLOCK_PAGES);
  done(2, "filled");
  empty();
  done(3, "the working set is empty");
  int right = check(0);
  done(4, "page 0 was read");
  press(SOME_MB);
  done(5, "some more memory was filled and given up");
  right &= check(1);
  done(6, "page 1 was read");
  press(MANY_MB);
  done(7, "more memory than there is RAM was filled");
  right &= check(2);
  done(8, "page 2 was read");
  for (unsigned page = 0; page < BLOCK_PAGES; page++) right &= check(page);
  printf("every page holds what was written: %s\n", right ? "yes" : "no");
  return !right;
}
