/*
 * widen in out: turns an ASCII file into UTF-16 by mapping both files and storing one 16-bit character for each byte:
 * no read, no write, no buffer ("Unit OS5: Memory Management 5.2", file conversion with memory mapping).
 *
 * The program checks itself: it unmaps everything, maps the new file again read-only and compares it with the input.
 * Sizes and errors are as "CreateFileMappingA", "MapViewOfFile" and "UnmapViewOfFile" (Microsoft) say; among them, that
 * mapping a file of 0 bytes fails with ERROR_FILE_INVALID (1006), so an empty input makes an empty output without one.
 */
#include <windows.h>
#include <stdio.h>

typedef struct Mapped {
  HANDLE file, section;
  void *view;
  DWORD bytes;
} Mapped;

static void stop(const char *what, const char *name) {
  printf("widen: cannot %s %s: error %lu\n", what, name, GetLastError());
  exit(2);
}

static Mapped open_input(const char *name) {
  Mapped in = {0};
  in.file = CreateFileA(name, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
  if (in.file == INVALID_HANDLE_VALUE) stop("open", name);
  in.bytes = GetFileSize(in.file, NULL);
  if (in.bytes == 0) return in;
  in.section = CreateFileMappingA(in.file, NULL, PAGE_READONLY, 0, 0, NULL);
  if (in.section == NULL) stop("make a section of", name);
  in.view = MapViewOfFile(in.section, FILE_MAP_READ, 0, 0, 0);
  if (in.view == NULL) stop("map", name);
  return in;
}

/* The section is larger than the new file, so creating it makes the file that long. */
static Mapped create_output(const char *name, DWORD bytes) {
  Mapped out = {0};
  out.file = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
  if (out.file == INVALID_HANDLE_VALUE) stop("create", name);
  out.bytes = bytes;
  if (bytes == 0) return out;
  out.section = CreateFileMappingA(out.file, NULL, PAGE_READWRITE, 0, bytes, NULL);
  if (out.section == NULL) stop("make a section of", name);
  out.view = MapViewOfFile(out.section, FILE_MAP_WRITE, 0, 0, bytes);
  if (out.view == NULL) stop("map", name);
  return out;
}

static void close_mapped(Mapped *mapped) {
  if (mapped->view != NULL && !UnmapViewOfFile(mapped->view)) stop("unmap", "a view");
  if (mapped->section != NULL) CloseHandle(mapped->section);
  CloseHandle(mapped->file);
}

static unsigned differences(const Mapped *narrow, const Mapped *wide) {
  const unsigned char *from = narrow->view;
  const WCHAR *to = wide->view;
  unsigned wrong = wide->bytes != 2 * narrow->bytes;
  for (DWORD i = 0; i < narrow->bytes && !wrong; i++) wrong += to[i] != from[i];
  return wrong;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    printf("usage: widen in out\n");
    return 1;
  }
  Mapped in = open_input(argv[1]);
  Mapped out = create_output(argv[2], 2 * in.bytes);
  const unsigned char *from = in.view;
  WCHAR *to = out.view;
  for (DWORD i = 0; i < in.bytes; i++) to[i] = from[i];
  printf("%s: %lu bytes read through a view\n", argv[1], in.bytes);
  printf("%s: %lu bytes written through a view\n", argv[2], out.bytes);
  if (out.view != NULL) printf("FlushViewOfFile: %s\n", FlushViewOfFile(out.view, 0) ? "done" : "failed");
  close_mapped(&out);

  Mapped again = open_input(argv[2]);
  unsigned wrong = differences(&in, &again);
  printf("mapped again: %lu bytes, %s\n", again.bytes, wrong ? "DIFFERENT" : "as they should be");
  close_mapped(&again);
  close_mapped(&in);
  return wrong ? 3 : 0;
}
