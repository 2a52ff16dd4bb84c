/*
 * pages BYTES PASSES: commits BYTES and stores once into each 4 KB page, PASSES times in the order of the pages; with less RAM
 * than that, each store of a later pass needs its page read from the paging file and another one written to it.
 * A mark follows each pass.
 */
#include "bench.h"

int main(void) {
  SIZE_T bytes = next_number(), passes = next_number(), offset;
  volatile char *p = commit(bytes);
  while (passes-- > 0) {
    for (offset = 0; offset < bytes; offset += 4096) p[offset]++;
    mark();
  }
  return 0;
}
