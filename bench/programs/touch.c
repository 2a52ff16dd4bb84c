/*
 * touch BYTES SWEEPS: each sweep reserves and commits BYTES, stores once into each 4 KB page and releases them.
 * A line on standard output ends each sweep, so that the host can take the time.
 */
#include <windows.h>

static const char line[] = "sweep\r\n";

static SIZE_T number(const char **at) {
  SIZE_T value = 0;
  while (**at == ' ') ++*at;
  for (; **at >= '0' && **at <= '9'; ++*at) value = value * 10 + (SIZE_T)(**at - '0');
  return value;
}

int main(void) {
  const char *at = GetCommandLineA();
  HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
  DWORD written;
  SIZE_T bytes, sweeps, i, offset;
  while (*at && *at != ' ') ++at;
  bytes = number(&at);
  sweeps = number(&at);
  for (i = 0; i < sweeps; i++) {
    volatile char *p = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!p) return 1;
    for (offset = 0; offset < bytes; offset += 4096) p[offset] = 1;
    VirtualFree((void *)p, 0, MEM_RELEASE);
    WriteFile(out, line, sizeof line - 1, &written, NULL);
  }
  return 0;
}
