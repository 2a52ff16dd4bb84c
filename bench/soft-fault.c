/*
 * The peer of the soft-fault benchmark: pages that are in memory, but not mapped, on the host's own kernel. A shared mapping of
 * a memory file is filled; each sweep drops its page table entries (the pages stay in the file) and stores once into each
 * 4 KB page. Since the kernel maps neighbours of a touched page too, there are two ways: one mapping, or (with ONE_BY_ONE)
 * one for each page, in descending order, so that every page needs a fault of its own.
 * usage: soft-fault BYTES SWEEPS; prints one line a sweep: page faults, nanoseconds of
 * CPU time.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static long faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

int main(int argc, char **argv) {
  size_t bytes = argc > 1 ? strtoull(argv[1], 0, 10) : 64u << 20;
  int sweeps = argc > 2 ? atoi(argv[2]) : 5;
  int file = memfd_create("soft-fault", 0);
  if (file < 0 || ftruncate(file, bytes) != 0) return 1;
  char *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (p == MAP_FAILED) return 1;
#ifdef ONE_BY_ONE
  for (size_t at = 0; at < bytes; at += 4096) {
    void *page = mmap(p + at, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, bytes - 4096 - at);
    if (page == MAP_FAILED) return 1;
  }
#endif
  madvise(p, bytes, MADV_NOHUGEPAGE);
  for (size_t at = 0; at < bytes; at += 4096) *(volatile char *)(p + at) = 1;
  for (int i = 0; i < sweeps; i++) {
    if (madvise(p, bytes, MADV_DONTNEED) != 0) return 1;
    long before = faults();
    double start = now();
    for (size_t at = 0; at < bytes; at += 4096) ++*(volatile char *)(p + at);
    double end = now();
    printf("%ld %.0f\n", faults() - before, end - start);
  }
  return 0;
}
