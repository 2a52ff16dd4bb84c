/*
 * ranges COUNT ROUNDS FIRST: touches FIRST bytes, so that frames are not fresh any more; mark. Reserves COUNT ranges of 1 MB,
 * each a VAD of its own; mark. Uses five of them, spread evenly; ROUNDS times: releases each of the five, reserves and
 * commits it again; mark; stores once into each 4 KB page, going from range to range at every store, so that each fault
 * has another VAD to find; mark.
 */
#include "bench.h"

#define USED 5
#define BYTES (1 << 20)

static volatile char *used[USED];

int main(void) {
  SIZE_T count = next_number(), rounds = next_number(), first = next_number(), index, offset;
  touch_once(first);
  mark();
  for (index = 0; index < count; index++) {
    volatile char *p = VirtualAlloc(NULL, BYTES, MEM_RESERVE, PAGE_NOACCESS);
    if (!p) return 1;
    if (index % (count / USED) == count / USED / 2) used[index / (count / USED)] = p;
  }
  mark();
  while (rounds-- > 0) {
    for (index = 0; index < USED; index++) {
      void *range = (void *)used[index];
      if (!VirtualFree(range, 0, MEM_RELEASE)) return 2;
      if (VirtualAlloc(range, BYTES, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) != range) return 3;
    }
    mark();
    for (offset = 0; offset < BYTES; offset += 4096)
      for (index = 0; index < USED; index++) used[index][offset] = 1;
    mark();
  }
  return 0;
}
