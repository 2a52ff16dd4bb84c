/*
 * sweep N: fills N MB (48 when left out) with a pattern and checks it twice: every word in the order of the pages, then
 * some words of each page in an order that jumps about. With less RAM than that, every page goes to a paging file and comes back.
 * sweep N P: the same with a working set of at most P pages, whatever RAM there is.
 *
 * Where the expectation comes from: word w of page p holds (p * 512 + w) * 0x9E3779B97F4A7C15 (mod 2^64), and the
 * checksum is the sum of (word ^ (sum >> 7)) over what was read, so it depends on values and order. It was computed
 * apart from the program.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_WORDS 512
#define PAGE_BYTES 4096
#define PAGES_PER_MB 256
#define LEAST_PAGES 20
/* Odd, and so prime to the power of two that the number of pages is rounded up to: every page is met once. */
#define JUMP 40503

typedef unsigned long long word;

static word pattern(word index) {
  return index * 0x9E3779B97F4A7C15ull;
}

static void fill(word *memory, word pages) {
  for (word index = 0; index < pages * PAGE_WORDS; index++) memory[index] = pattern(index);
}

/* Adds words of one page, every step-th; counts those that are not what was written. */
static word check_page(const word *memory, word page, word step, word *sum) {
  word wrong = 0;
  for (word index = page * PAGE_WORDS; index < (page + 1) * PAGE_WORDS; index += step) {
    word value = memory[index];
    *sum += value ^ (*sum >> 7);
    if (value != pattern(index)) wrong++;
  }
  return wrong;
}

/* A hard limit on the working set: a page that comes beyond it takes the place of another one. */
static int limit_working_set(SIZE_T pages) {
  DWORD flags = QUOTA_LIMITS_HARDWS_MAX_ENABLE | QUOTA_LIMITS_HARDWS_MIN_DISABLE;
  return SetProcessWorkingSetSizeEx(GetCurrentProcess(), LEAST_PAGES * PAGE_BYTES, pages * PAGE_BYTES, flags);
}

int main(int argc, char **argv) {
  word pages = (word)(argc > 1 ? atoi(argv[1]) : 48) * PAGES_PER_MB;
  if (argc > 2 && !limit_working_set(atoi(argv[2]))) {
    printf("a working set of %s pages: error %lu\n", argv[2], GetLastError());
    return 1;
  }
  word *memory = VirtualAlloc(NULL, pages * PAGE_BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (memory == NULL) {
    printf("%d MB: error %lu\n", (int)(pages / PAGES_PER_MB), GetLastError());
    return 1;
  }
  word sum = 0, wrong = 0;
  fill(memory, pages);
  for (word page = 0; page < pages; page++) wrong += check_page(memory, page, 1, &sum);
  printf("in order:  %016llX, %llu wrong\n", sum, wrong);
  word slots = 1;
  while (slots < pages) slots *= 2;
  wrong = 0;
  for (word turn = 0; turn < slots; turn++) {
    word page = turn * JUMP % slots;
    if (page < pages) wrong += check_page(memory, page, 64, &sum);
  }
  printf("jumping:   %016llX, %llu wrong\n", sum, wrong);
  VirtualFree(memory, 0, MEM_RELEASE);
  return 0;
}
