/* What the benchmark programs share: numbers from the command line, and a line at which the host takes the time. */
#include <windows.h>

static const char *arguments;

/* The next number of the command line; 0 when there is none. */
static inline SIZE_T next_number(void) {
  SIZE_T value = 0;
  if (!arguments) {
    arguments = GetCommandLineA();
    while (*arguments && *arguments != ' ') ++arguments;
  }
  while (*arguments == ' ') ++arguments;
  for (; *arguments >= '0' && *arguments <= '9'; ++arguments) value = value * 10 + (SIZE_T)(*arguments - '0');
  return value;
}

static inline void mark(void) {
  static const char line[] = "mark\r\n";
  DWORD written;
  WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), line, sizeof line - 1, &written, NULL);
}

static inline volatile char *commit(SIZE_T bytes) {
  volatile char *p = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (!p) ExitProcess(1);
  return p;
}

/* Stores once into each 4 KB page and gives the memory back. */
static inline void touch_once(SIZE_T bytes) {
  volatile char *p = commit(bytes);
  SIZE_T offset;
  for (offset = 0; offset < bytes; offset += 4096) p[offset] = 1;
  VirtualFree((void *)p, 0, MEM_RELEASE);
}
