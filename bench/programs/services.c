/*
 * services SCALE: memory services as a program calls them, with a mark between the jobs, of which each is done SCALE times
 * its base count; all of it twice, so that the second pass finds everything warm, and each frame of a small machine used:
 *   1. 1,000 x reserve, commit, store into one page, release, of 64 KB regions
 *   2. 1,000 x VirtualProtect of a touched page to read-only and back
 *   3. 1,000 x VirtualQuery
 *   4. 20 x map a view of a 1 MB section, store into each 4 KB page, unmap
 *   5. first touches of 128 MB, released again (once, whatever SCALE is)
 *   6. 10,000 x HeapAlloc of 16 to 1,024 bytes, a store, HeapFree
 */
#include "bench.h"

#define REGION (64 << 10)
#define SECTION (1 << 20)
#define SWEEP (128 << 20)

static void fail_if(BOOL failed) {
  if (failed) ExitProcess(GetLastError() ? GetLastError() : 1);
}

static void cycles(SIZE_T count) {
  while (count-- > 0) {
    volatile char *p = commit(REGION);
    *p = 1;
    fail_if(!VirtualFree((void *)p, 0, MEM_RELEASE));
  }
}

static void protect_pairs(SIZE_T count) {
  volatile char *p = commit(REGION);
  DWORD old;
  *p = 1;
  while (count-- > 0) {
    fail_if(!VirtualProtect((void *)p, 4096, PAGE_READONLY, &old));
    fail_if(!VirtualProtect((void *)p, 4096, PAGE_READWRITE, &old));
  }
  VirtualFree((void *)p, 0, MEM_RELEASE);
}

static void queries(SIZE_T count) {
  volatile char *p = commit(REGION);
  MEMORY_BASIC_INFORMATION info;
  while (count-- > 0) fail_if(!VirtualQuery((void *)p, &info, sizeof info));
  VirtualFree((void *)p, 0, MEM_RELEASE);
}

static void views(SIZE_T count) {
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, SECTION, NULL);
  SIZE_T offset;
  fail_if(!section);
  while (count-- > 0) {
    volatile char *p = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
    fail_if(!p);
    for (offset = 0; offset < SECTION; offset += 4096) p[offset] = 1;
    fail_if(!UnmapViewOfFile((void *)p));
  }
  CloseHandle(section);
}

static void heap_pairs(SIZE_T count) {
  HANDLE heap = GetProcessHeap();
  SIZE_T bytes = 16;
  while (count-- > 0) {
    volatile char *p = HeapAlloc(heap, 0, bytes);
    fail_if(!p);
    *p = 1;
    fail_if(!HeapFree(heap, 0, (void *)p));
    bytes = bytes < 1024 ? bytes + 16 : 16;
  }
}

static void all_jobs(SIZE_T scale) {
  cycles(scale * 1000);
  mark();
  protect_pairs(scale * 1000);
  mark();
  queries(scale * 1000);
  mark();
  views(scale * 20);
  mark();
  touch_once(SWEEP);
  mark();
  heap_pairs(scale * 10000);
  mark();
}

int main(void) {
  SIZE_T scale = next_number();
  mark();
  all_jobs(scale);
  all_jobs(scale);
  return 0;
}
