/*
 * share: a section of 4 pages backed by the paging file is seen through two read/write views, one through the handle
 * that created it and one through OpenFileMapping, and through a copy-on-write view. A store through a shared view is
 * seen by both; a store through the copy-on-write view is seen by it alone ("Unit OS5: Memory Management 5.2", shared
 * memory and copy-on-write pages).
 *
 * Where the expectation comes from ("CreateFileMappingA", "OpenFileMappingA", "MapViewOfFile", "Memory Protection
 * Constants", Microsoft): a section of the paging file begins as zeroes; a FILE_MAP_COPY view begins as PAGE_WRITECOPY,
 * a page that was written through it is private and PAGE_READWRITE from then on, and its other pages go on showing the
 * section; an existing name gives ERROR_ALREADY_EXISTS (183) and the same section, an unknown one ERROR_FILE_NOT_FOUND
 * (2).
 */
#include <windows.h>
#include <stdio.h>
#include <string.h>

#define PAGE 4096
#define PAGES 4
#define NAME "Local\\ntmm-share-example"

static char *one, *two, *copy;

static const char *protection_name(DWORD protection) {
  switch (protection) {
    case PAGE_READONLY: return "read only";
    case PAGE_READWRITE: return "read/write";
    case PAGE_WRITECOPY: return "copy on write";
    default: return "?";
  }
}

static void print_view(const char *name, char *view) {
  MEMORY_BASIC_INFORMATION block;
  char *address = view;
  printf("  %s:", name);
  while (address < view + PAGES * PAGE && VirtualQuery(address, &block, sizeof block) == sizeof block) {
    printf(" [%d page%s %s, %s]", (int)(block.RegionSize / PAGE), block.RegionSize == PAGE ? "" : "s",
           protection_name(block.Protect), block.Type == MEM_MAPPED ? "mapped" : "not mapped");
    address = (char *)block.BaseAddress + block.RegionSize;
  }
  printf("\n");
}

static void print_views(const char *title) {
  printf("%s\n", title);
  print_view("one ", one);
  print_view("two ", two);
  print_view("copy", copy);
}

static void print_text(int page) {
  printf("  page %d: one \"%s\", two \"%s\", copy \"%s\"\n", page, one + page * PAGE, two + page * PAGE,
         copy + page * PAGE);
}

static unsigned nonzero(const char *from, size_t bytes) {
  unsigned count = 0;
  for (size_t i = 0; i < bytes; i++) count += from[i] != 0;
  return count;
}

int main(void) {
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGES * PAGE, NAME);
  HANDLE opened = OpenFileMappingA(FILE_MAP_READ | FILE_MAP_WRITE, FALSE, NAME);
  if (section == NULL || opened == NULL) {
    printf("no section: error %lu\n", GetLastError());
    return 2;
  }
  one = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
  two = MapViewOfFile(opened, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
  copy = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
  if (one == NULL || two == NULL || copy == NULL) {
    printf("no view: error %lu\n", GetLastError());
    return 2;
  }
  printf("three views at three addresses: %s\n", one != two && two != copy && one != copy ? "yes" : "no");
  printf("bytes that are not zero: %u\n", nonzero(one, PAGES * PAGE));
  print_views("fresh");

  strcpy(one, "written through one");
  strcpy(two + PAGE, "written through two");
  printf("after a store through each shared view\n");
  print_text(0);
  print_text(1);

  copy[0] = 'W';
  strcpy(copy + 2 * PAGE, "private to copy");
  printf("after stores through the copy-on-write view\n");
  for (int page = 0; page < 3; page++) print_text(page);
  print_views("and the protections are");

  strcpy(two, "changed again");
  strcpy(one + PAGE, "this page is still shared");
  printf("after more stores through the shared views\n");
  print_text(0);
  print_text(1);

  HANDLE same = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGES * PAGE, NAME);
  printf("created once more under its name: error %lu\n", GetLastError());
  HANDLE unknown = OpenFileMappingA(FILE_MAP_READ, FALSE, NAME "-unknown");
  printf("opened under another name: error %lu\n", unknown == NULL ? GetLastError() : 0);

  CloseHandle(section);
  CloseHandle(opened);
  CloseHandle(same);
  printf("handles closed, the views stay: \"%s\"\n", one + PAGE);
  printf("unmapped: %d %d %d\n", UnmapViewOfFile(one), UnmapViewOfFile(copy), UnmapViewOfFile(two));
  BOOL twice = UnmapViewOfFile(two);
  printf("unmapped twice: %d, error %lu\n", twice, GetLastError());
  unknown = OpenFileMappingA(FILE_MAP_READ, FALSE, NAME);
  printf("opened after the last handle and view are gone: error %lu\n", unknown == NULL ? GetLastError() : 0);
  return 0;
}
