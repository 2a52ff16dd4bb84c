/*
 * soft BYTES ROUNDS: commits BYTES and stores once into each 4 KB page. Then, ROUNDS times: empties its working set, mark,
 * loads once from each page, mark. Every load after a mark is a soft fault, the page being on a list.
 */
#include "bench.h"
#include <psapi.h>

int main(void) {
  SIZE_T bytes = next_number(), rounds = next_number(), offset;
  volatile char *p = commit(bytes);
  char sum = 0;
  for (offset = 0; offset < bytes; offset += 4096) p[offset] = 1;
  while (rounds-- > 0) {
    if (!K32EmptyWorkingSet(GetCurrentProcess())) return 2;
    mark();
    for (offset = 0; offset < bytes; offset += 4096) sum += p[offset];
    mark();
  }
  return sum == 99;
}
