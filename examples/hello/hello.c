/*
 * hello: the smallest whole trip. A console program starts, asks the C runtime for its arguments, computes a little
 * in integers and in floating point, and prints. The same source is built as hello.exe (-Os), hello-O0.exe and
 * hello-O2.exe: all three must print the same text.
 *
 * Where the expectation comes from:
 *  - 64-bit Windows is LLP64: long is 4 bytes, pointers and size_t are 8 ("Data Type Ranges" and
 *    "Abstract Data Models", Microsoft).
 *  - printf is mingw-w64's own, linked into the program, which follows the C standard: %llu is 64 bits wide and an
 *    exponent has at least two digits (ISO C, "The fprintf function").
 *  - The numbers are checked by arithmetic: 1 + ... + 1000 = 500500; 20! = 2432902008176640000; Fibonacci(50) =
 *    12586269025; the sum of 1/n^2 for n = 1..1000 lies below pi^2/6 = 1.644934 by about 1/1000.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long factorial(unsigned n) {
  return n < 2 ? 1 : n * factorial(n - 1);
}

static unsigned long long fibonacci(unsigned n) {
  unsigned long long a = 0, b = 1;
  while (n-- > 0) {
    unsigned long long next = a + b;
    a = b;
    b = next;
  }
  return a;
}

static double basel(int terms) {
  double sum = 0;
  for (int n = terms; n >= 1; n--) sum += 1.0 / ((double)n * n);
  return sum;
}

static int ascending(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int numbers[] = {31, -4, 15, 92, 65, -35, 8};
  char text[64];
  int sum = 0;

  printf("Hello from a 64-bit Windows program.\n");
  printf("sizes: int %d, long %d, long long %d, pointer %d\n", (int)sizeof(int), (int)sizeof(long),
         (int)sizeof(long long), (int)sizeof(void *));
  for (int i = 1; i <= 1000; i++) sum += i;
  printf("1 + ... + 1000 = %d\n", sum);
  printf("20! = %llu, Fibonacci(50) = %llu\n", factorial(20), fibonacci(50));
  printf("sum of 1/n^2 to 1000 = %.6f = %.4e\n", basel(1000), basel(1000));

  qsort(numbers, sizeof numbers / sizeof numbers[0], sizeof numbers[0], ascending);
  printf("sorted:");
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) printf(" %d", numbers[i]);
  strcpy(text, "memory");
  strcat(text, " manager");
  printf("\n%s has %d letters, [%-10s] [%10s]\n", text, (int)strlen(text), "left", "right");
  for (int i = 1; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
  return 0;
}
