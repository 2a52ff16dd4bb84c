/*
 * awe: Address Windowing Extensions. A window of 16 pages shows 8 banks of physical memory by turns: 128 pages, eight times
 * as much as the window. Needs the right to lock pages in memory (--privilege lock-memory), which the program enables; an
 * ordinary account is refused.
 *
 * Where the expectation comes from ("Address Windowing Extensions", "AllocateUserPhysicalPages", "MapUserPhysicalPages",
 * "MapUserPhysicalPagesScatter", "FreeUserPhysicalPages" and "AdjustTokenPrivileges", Microsoft):
 *  - AdjustTokenPrivileges succeeds with ERROR_NOT_ALL_ASSIGNED (1300) when the account does not hold the privilege, and
 *    AllocateUserPhysicalPages fails then with ERROR_PRIVILEGE_NOT_HELD (1314);
 *  - a window is reserved with MEM_RESERVE | MEM_PHYSICAL and PAGE_READWRITE, and cannot be protected otherwise;
 *  - mapping overlays what the window showed; the pages keep their contents while they are not shown;
 *  - a page is shown at one address only; in MapUserPhysicalPagesScatter a frame number of 0 shows nothing;
 *  - pages that are freed leave their window.
 */
#include <windows.h>
#include <stdio.h>

#define BANKS 8
#define WINDOW_PAGES 16
#define PAGE 4096

static ULONG_PTR frames[BANKS * WINDOW_PAGES];
static volatile unsigned *window;

static BOOL enable_privilege(void) {
  HANDLE token;
  TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
  state.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token)) return FALSE;
  if (!LookupPrivilegeValueA(NULL, "SeLockMemoryPrivilege", &state.Privileges[0].Luid)) return FALSE;
  if (!AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL)) return FALSE;
  return GetLastError() == ERROR_SUCCESS;
}

static const char *state_at(int page) {
  MEMORY_BASIC_INFORMATION block;
  VirtualQuery((char *)window + page * PAGE, &block, sizeof block);
  return block.State == MEM_COMMIT ? "a page" : block.State == MEM_RESERVE ? "nothing" : "?";
}

static unsigned word(int bank, int page) { return bank * 1000u + page + 1; }

static unsigned first_word(int page) { return window[page * PAGE / sizeof *window]; }

static void print_result(const char *what, BOOL worked) {
  DWORD error = GetLastError();
  if (worked) printf("%s: yes\n", what);
  else printf("%s: no, error %lu\n", what, error);
}

int main(void) {
  ULONG_PTR count = BANKS * WINDOW_PAGES;
  BOOL may = enable_privilege();
  print_result("may lock pages in memory", may);
  if (!AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames)) {
    print_result("allocate physical pages", FALSE);
    return 1;
  }
  printf("physical pages: %d\n", (int)count);
  window = VirtualAlloc(NULL, WINDOW_PAGES * PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
  printf("window: %d pages, shows %s\n", WINDOW_PAGES, state_at(0));

  for (int bank = 0; bank < BANKS; bank++) {
    if (!MapUserPhysicalPages((void *)window, WINDOW_PAGES, frames + bank * WINDOW_PAGES)) return 2;
    for (int page = 0; page < WINDOW_PAGES; page++) window[page * PAGE / sizeof *window] = word(bank, page);
  }
  int wrong = 0;
  for (int bank = BANKS - 1; bank >= 0; bank--) {
    if (!MapUserPhysicalPages((void *)window, WINDOW_PAGES, frames + bank * WINDOW_PAGES)) return 2;
    for (int page = 0; page < WINDOW_PAGES; page++) wrong += first_word(page) != word(bank, page);
  }
  printf("banks filled and read back: %d, wrong words: %d, shows %s\n", BANKS, wrong, state_at(0));

  void *places[3] = {(char *)window, (char *)window + PAGE, (char *)window + 2 * PAGE};
  ULONG_PTR chosen[3] = {frames[7 * WINDOW_PAGES], 0, frames[3 * WINDOW_PAGES + 5]};
  print_result("scattered", MapUserPhysicalPagesScatter(places, 3, chosen));
  printf("page 0: %u, page 1: %s, page 2: %u\n", first_word(0), state_at(1), first_word(2));
  DWORD old;
  print_result("shown twice", MapUserPhysicalPages((char *)window + PAGE, 1, frames + 7 * WINDOW_PAGES));
  print_result("protected", VirtualProtect((void *)window, PAGE, PAGE_READONLY, &old));

  ULONG_PTR freed = 1;
  print_result("freed", FreeUserPhysicalPages(GetCurrentProcess(), &freed, frames + 7 * WINDOW_PAGES));
  printf("page 0: %s\n", state_at(0));
  print_result("window released", VirtualFree((void *)window, 0, MEM_RELEASE));
  return 0;
}
