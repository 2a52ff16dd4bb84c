/*
 * reserve: 120,000 bytes are reserved, then 7 KB of them, 6 KB into the region, are committed ("Unit OS5: Memory
 * Management 5.2", reserving and committing address space). VirtualQuery shows what each call did. Addresses are
 * printed as offsets from the region's base.
 *
 * Where the expectation comes from ("VirtualAlloc", "VirtualFree", "VirtualQuery" and "MEMORY_BASIC_INFORMATION",
 * Microsoft):
 *  - a reservation begins at a multiple of the allocation granularity (64 KB) and ends at a page end: 120,000 bytes are
 *    30 pages;
 *  - a commitment takes every page that holds a byte of the range: bytes 6,144 to 13,311 lie in pages 1, 2 and 3, and
 *    the answer is the first page's address;
 *  - so the next region cannot begin in the rest of the second 64 KB, but 128 KB after this one;
 *  - committed pages are zero; decommitted ones are reserved again and come back zeroed;
 *  - MEM_RELEASE wants size 0 and the base address; wrong calls give ERROR_INVALID_PARAMETER (87) and
 *    ERROR_INVALID_ADDRESS (487).
 */
#include <windows.h>
#include <stdio.h>

#define REGION_BYTES 120000

static char *base;

static const char *state_name(DWORD state) {
  return state == MEM_COMMIT ? "commit" : state == MEM_RESERVE ? "reserve" : state == MEM_FREE ? "free" : "?";
}

static const char *protection_name(DWORD protection) {
  switch (protection) {
    case PAGE_NOACCESS: return "no access";
    case PAGE_READONLY: return "read only";
    case PAGE_READWRITE: return "read/write";
    default: return "?";
  }
}

/* One line for each block of the region, until an address that is not of it. */
static void print_blocks(const char *title) {
  MEMORY_BASIC_INFORMATION block;
  char *address = base;
  printf("%s\n", title);
  while (VirtualQuery(address, &block, sizeof block) == sizeof block) {
    if (block.State == MEM_FREE || block.AllocationBase != base) break;
    printf("  +%05X  %2d pages  %-7s  %s\n", (unsigned)((char *)block.BaseAddress - base),
           (int)(block.RegionSize / 4096), state_name(block.State),
           block.State == MEM_COMMIT ? protection_name(block.Protect) : "-");
    address = (char *)block.BaseAddress + block.RegionSize;
  }
  if (address == base) printf("  %s\n", state_name(block.State));
}

static unsigned nonzero(const char *from, size_t bytes) {
  unsigned count = 0;
  for (size_t i = 0; i < bytes; i++) count += from[i] != 0;
  return count;
}

static void print_failure(const char *what, BOOL worked) {
  DWORD error = GetLastError();
  if (worked)
    printf("%s: worked\n", what);
  else
    printf("%s: refused, error %lu\n", what, error);
}

/* A place with a free megabyte, so that what follows does not depend on what lies beside the region. */
static void *find_room(void) {
  void *room = VirtualAlloc(NULL, 1 << 20, MEM_RESERVE, PAGE_NOACCESS);
  VirtualFree(room, 0, MEM_RELEASE);
  return room;
}

int main(void) {
  SYSTEM_INFO system;
  MEMORY_BASIC_INFORMATION block;

  GetSystemInfo(&system);
  printf("page %lu bytes, allocation granularity %lu bytes\n", system.dwPageSize, system.dwAllocationGranularity);

  char *anywhere = VirtualAlloc(NULL, REGION_BYTES, MEM_RESERVE, PAGE_READWRITE);
  VirtualQuery(anywhere, &block, sizeof block);
  printf("reserved anywhere: %s, %d pages, %s, %s\n", (size_t)anywhere % 0x10000 ? "not aligned" : "64 KB aligned",
         (int)(block.RegionSize / 4096), state_name(block.State), block.Type == MEM_PRIVATE ? "private" : "?");
  VirtualFree(anywhere, 0, MEM_RELEASE);

  base = VirtualAlloc(find_room(), REGION_BYTES, MEM_RESERVE, PAGE_READWRITE);
  print_blocks("120,000 bytes reserved");
  char *committed = VirtualAlloc(base + 6 * 1024, 7 * 1024, MEM_COMMIT, PAGE_READWRITE);
  printf("committed 7 KB at +01800: the answer is +%05X\n", (unsigned)(committed - base));
  print_blocks("then");
  printf("allocation protection of the region: ");
  VirtualQuery(base + 0x1000, &block, sizeof block);
  printf("%s\n", protection_name(block.AllocationProtect));

  char *next = VirtualAlloc(base + 30 * 4096, 4096, MEM_RESERVE, PAGE_READWRITE);
  print_failure("a region right behind page 29", next != NULL);
  next = VirtualAlloc(base + 0x20000, 4096, MEM_RESERVE, PAGE_READWRITE);
  printf("a region 128 KB on: +%05X\n", (unsigned)(next - base));

  printf("committed bytes that are not zero: %u\n", nonzero(committed, 3 * 4096));
  memset(committed, 0x55, 3 * 4096);
  VirtualFree(base + 2 * 4096, 4096, MEM_DECOMMIT);
  print_blocks("page 2 decommitted");
  VirtualAlloc(base + 2 * 4096, 4096, MEM_COMMIT, PAGE_READONLY);
  print_blocks("and committed again, read only");
  printf("bytes that are not zero: page 1 %u, page 2 %u, page 3 %u\n", nonzero(base + 0x1000, 4096),
         nonzero(base + 0x2000, 4096), nonzero(base + 0x3000, 4096));

  SetLastError(0);
  print_failure("release with a size", VirtualFree(base, REGION_BYTES, MEM_RELEASE));
  print_failure("release from the middle", VirtualFree(base + 0x1000, 0, MEM_RELEASE));
  print_failure("commit across the region's end", VirtualAlloc(base + 29 * 4096, 8192, MEM_COMMIT, PAGE_READWRITE) != NULL);
  print_failure("release", VirtualFree(base, 0, MEM_RELEASE));
  VirtualFree(next, 0, MEM_RELEASE);
  print_blocks("at last");
  return 0;
}
