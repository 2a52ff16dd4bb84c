/*
 * touch BYTES SWEEPS [FIRST]: each sweep reserves and commits BYTES, stores once into each 4 KB page and releases them; a mark
 * follows each sweep. Before, the same with FIRST bytes, so that frames are not fresh any more, and a mark.
 */
#include "bench.h"

int main(void) {
  SIZE_T bytes = next_number(), sweeps = next_number(), first = next_number();
  if (first) {
    touch_once(first);
    mark();
  }
  while (sweeps-- > 0) {
    touch_once(bytes);
    mark();
  }
  return 0;
}
