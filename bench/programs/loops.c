/*
 * Three loops for measuring the processor: integers in registers, memory with TLB misses, SSE2. A line on standard output
 * ends each (the first one ends the start-up), so that the host can take time and instruction counts.
 */
#include <emmintrin.h>
#include <windows.h>

static HANDLE out;

static void mark(const char *text) {
  DWORD written;
  WriteFile(out, text, (DWORD)lstrlenA(text), &written, NULL);
}

static unsigned integers(unsigned rounds) {
  unsigned a = 1, b = 2, c = 3;
  unsigned i;
  for (i = 0; i < rounds; i++) {
    a += b ^ (c >> 3);
    b = (b << 5) - b + a;
    if (a & 0x40) c += i;
    c ^= a;
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c));
  }
  return a ^ b ^ c;
}

/* One load and one store in each of many pages, again and again: more pages than a TLB has entries. */
static unsigned memory(volatile unsigned *words, unsigned pages, unsigned rounds) {
  unsigned sum = 0, round, page;
  for (round = 0; round < rounds; round++)
    for (page = 0; page < pages; page++) {
      volatile unsigned *word = words + (SIZE_T)page * 1024 + (round & 1023);
      sum += *word;
      *word = sum;
    }
  return sum;
}

static double vectors(double *data, unsigned count, unsigned rounds) {
  __m128d a = _mm_set1_pd(1.0), b = _mm_set1_pd(0.5);
  double result[2];
  unsigned round, i;
  for (round = 0; round < rounds; round++)
    for (i = 0; i < count; i += 2) {
      __m128d x = _mm_loadu_pd(data + i);
      a = _mm_add_pd(_mm_mul_pd(x, b), a);
      b = _mm_sub_pd(b, _mm_mul_pd(a, _mm_set1_pd(1e-9)));
      _mm_storeu_pd(data + i, _mm_max_pd(x, b));
    }
  _mm_storeu_pd(result, a);
  return result[0] + result[1];
}

static double data[4096];

int main(void) {
  unsigned pages = 4096;
  unsigned *words = VirtualAlloc(NULL, (SIZE_T)pages * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  unsigned i, sum;
  out = GetStdHandle(STD_OUTPUT_HANDLE);
  if (!words) return 1;
  for (i = 0; i < pages; i++) words[(SIZE_T)i * 1024] = i;
  for (i = 0; i < 4096; i++) data[i] = i;
  mark("start\r\n");
  sum = integers(20000000);
  mark("integer\r\n");
  sum += memory(words, pages, 600);
  mark("memory\r\n");
  sum += (unsigned)(vectors(data, 4096, 600) > 0);
  mark("sse2\r\n");
  return sum == 42;
}
