/*
 * The peer of the first-touch benchmark: sweeps over fresh anonymous memory on the host's own kernel.
 * One store into each 4 KB page of a new mapping (no huge pages), then the mapping is dropped.
 * usage: first-touch BYTES SWEEPS; prints one line a sweep: pages, nanoseconds. With FIRST_PAGE_ONLY one store a mapping.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
  size_t bytes = argc > 1 ? strtoull(argv[1], 0, 10) : 256u << 20;
  int sweeps = argc > 2 ? atoi(argv[2]) : 5;
  for (int i = 0; i < sweeps; i++) {
    double start = now();
    volatile char *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return 1;
    madvise((void *)p, bytes, MADV_NOHUGEPAGE);
#ifdef FIRST_PAGE_ONLY
    p[0] = 1;
#else
    for (size_t at = 0; at < bytes; at += 4096) p[at] = 1;
#endif
    munmap((void *)p, bytes);
    printf("%zu %.0f\n", bytes / 4096, now() - start);
  }
  return 0;
}
