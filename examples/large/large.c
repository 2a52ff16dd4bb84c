/*
 * large: large pages. Allocates 4 MB of them, touches every small page of it, and shows that nothing of it came by a page fault or
 * entered the working set. Needs the right to lock pages in memory (--privilege lock-memory), which the program enables; an
 * ordinary account is refused.
 *
 * Where the expectation comes from ("Large-Page Support", "VirtualAlloc", "GetLargePageMinimum", "QueryWorkingSetEx", Microsoft):
 *  - the minimum is 2 MB on x64; size and alignment are its multiples, MEM_RESERVE and MEM_COMMIT go together with
 *    MEM_LARGE_PAGES; without the privilege the error is ERROR_PRIVILEGE_NOT_HELD (1314);
 *  - the memory is always resident, part of the private bytes, not of the working set, and zero at first;
 *  - QueryWorkingSetEx says LargePage and Locked.
 */
#define PSAPI_VERSION 2
#include <windows.h>
#include <psapi.h>
#include <stdio.h>

#define PAGE 4096

static BOOL enable_privilege(void) {
  HANDLE token;
  TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
  state.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token)) return FALSE;
  if (!LookupPrivilegeValueA(NULL, "SeLockMemoryPrivilege", &state.Privileges[0].Luid)) return FALSE;
  if (!AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL)) return FALSE;
  return GetLastError() == ERROR_SUCCESS;
}

static void print_counters(const char *when, const PROCESS_MEMORY_COUNTERS_EX *before) {
  PROCESS_MEMORY_COUNTERS_EX now;
  K32GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&now, sizeof now);
  printf("%s: private bytes +%d KB\n", when, (int)(((LONG_PTR)now.PrivateUsage - (LONG_PTR)before->PrivateUsage) / 1024));
}

int main(void) {
  SIZE_T minimum = GetLargePageMinimum();
  SIZE_T size = 2 * minimum;
  printf("large page minimum: %d KB\n", (int)(minimum / 1024));
  printf("may lock pages in memory: %s\n", enable_privilege() ? "yes" : "no");
  PROCESS_MEMORY_COUNTERS_EX before;
  K32GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&before, sizeof before);
  volatile char *memory = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE);
  if (memory == NULL) {
    printf("large pages: error %lu\n", GetLastError());
    return 1;
  }
  printf("aligned: %s\n", (ULONG_PTR)memory % minimum == 0 ? "yes" : "no");
  print_counters("allocated", &before);

  PROCESS_MEMORY_COUNTERS first, last;
  K32GetProcessMemoryInfo(GetCurrentProcess(), &first, sizeof first);
  unsigned nonzero = 0;
  for (SIZE_T at = 0; at < size; at += PAGE) {
    nonzero += memory[at] != 0;
    memory[at] = (char)(at / PAGE);
  }
  unsigned wrong = 0;
  for (SIZE_T at = 0; at < size; at += PAGE) wrong += memory[at] != (char)(at / PAGE);
  K32GetProcessMemoryInfo(GetCurrentProcess(), &last, sizeof last);
  printf("small pages touched: %d, not zero: %u, wrong: %u, page faults: %d\n", (int)(size / PAGE), nonzero, wrong,
         (int)(last.PageFaultCount - first.PageFaultCount));

  PSAPI_WORKING_SET_EX_INFORMATION page = {.VirtualAddress = (char *)memory + 5 * PAGE};
  K32QueryWorkingSetEx(GetCurrentProcess(), &page, sizeof page);
  printf("valid %d, locked %d, large page %d\n", (int)page.VirtualAttributes.Valid, (int)page.VirtualAttributes.Locked,
         (int)page.VirtualAttributes.LargePage);

  MEMORY_BASIC_INFORMATION block;
  VirtualQuery((char *)memory + PAGE, &block, sizeof block);
  printf("block: %d KB from the second page on\n", (int)(block.RegionSize / 1024));
  printf("released: %s\n", VirtualFree((void *)memory, 0, MEM_RELEASE) ? "yes" : "no");
  print_counters("released", &before);
  printf("one small page too many: %s\n",
         VirtualAlloc(NULL, minimum + PAGE, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE) ? "allocated"
                                                                                                        : "refused");
  return 0;
}
