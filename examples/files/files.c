/*
 * Files as console programs use them: wildcards, times, locks, copies with progress, moves, replacement, deletion of open files
 * and what handles tell. The expected output was recorded under Wine and read against Microsoft's documentation
 * ("File Management Functions").
 */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0600
#include <windows.h>
#include <stdio.h>
#include <string.h>

static void say(const char *what, BOOL ok) {
  if (ok) printf("%s: yes\n", what);
  else printf("%s: no, error %lu\n", what, GetLastError());
}

static HANDLE make(const char *name, DWORD share, DWORD flags) {
  return CreateFileA(name, GENERIC_READ | GENERIC_WRITE | DELETE, share, NULL, CREATE_ALWAYS, flags, NULL);
}

static void write_file(const char *name, const char *text) {
  DWORD n;
  HANDLE file = make(name, 0, 0);
  WriteFile(file, text, (DWORD)strlen(text), &n, NULL);
  CloseHandle(file);
}

static void show(const char *name) {
  char buffer[64];
  DWORD n = 0;
  HANDLE file = CreateFileA(name, GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL);
  if (file == INVALID_HANDLE_VALUE) {
    printf("%s: error %lu\n", name, GetLastError());
    return;
  }
  ReadFile(file, buffer, sizeof buffer, &n, NULL);
  CloseHandle(file);
  printf("%s: %.*s\n", name, (int)n, buffer);
}

static void list(const char *pattern) {
  WIN32_FIND_DATAA data;
  HANDLE find = FindFirstFileA(pattern, &data);
  printf("%s:", pattern);
  if (find == INVALID_HANDLE_VALUE) {
    printf(" error %lu\n", GetLastError());
    return;
  }
  do
    if (data.cFileName[0] != '.') printf(" %s", data.cFileName);
  while (FindNextFileA(find, &data));
  printf(", error %lu\n", GetLastError());
  FindClose(find);
}

static void wildcards(void) {
  const char *names[] = {"a", "a.txt", "ab.txt", "abc.t", "a.tar.gz", "readme", "b.txt.bak"};
  const char *patterns[] = {"w\\*", "w\\*.*", "w\\*.", "w\\*.txt", "w\\?.txt", "w\\??.txt", "w\\a*", "w\\*.gz",
                            "w\\a.???", "w\\readme.*", "w\\A.TXT", "w\\*.t?t", "w\\none", "none\\*", "w\\a?????"};
  char path[64];
  CreateDirectoryA("w", NULL);
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    sprintf(path, "w\\%s", names[i]);
    write_file(path, names[i]);
  }
  for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++) list(patterns[i]);
  say("remove a folder with files", RemoveDirectoryA("w"));
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    sprintf(path, "w\\%s", names[i]);
    DeleteFileA(path);
  }
  say("remove it empty", RemoveDirectoryA("w"));
}

static void times(void) {
  FILETIME set[3] = {{0xcac96800, 0x1d5c03e}, {0x2c8dd000, 0x1d5c047}, {0x51db0800, 0x1d5c060}}, got[3];
  WIN32_FILE_ATTRIBUTE_DATA data;
  HANDLE file = make("times", 7, 0);
  say("set times", SetFileTime(file, &set[0], &set[1], &set[2]));
  GetFileTime(file, &got[0], &got[1], &got[2]);
  printf("created %ld, accessed %ld, written %ld\n", CompareFileTime(&got[0], &set[0]), CompareFileTime(&got[1], &set[1]),
         CompareFileTime(&got[2], &set[2]));
  say("set one", SetFileTime(file, NULL, NULL, &set[0]));
  CloseHandle(file);
  GetFileAttributesExA("times", GetFileExInfoStandard, &data);
  printf("created %ld, written %ld\n", CompareFileTime(&data.ftCreationTime, &set[0]),
         CompareFileTime(&data.ftLastWriteTime, &set[0]));
  say("copy", CopyFileA("times", "times2", TRUE));
  say("copy again", CopyFileA("times", "times2", TRUE));
  GetFileAttributesExA("times2", GetFileExInfoStandard, &data);
  printf("a copy is written %ld\n", CompareFileTime(&data.ftLastWriteTime, &set[0]));
  DeleteFileA("times");
  DeleteFileA("times2");
}

static void locks(void) {
  char buffer[8];
  DWORD n;
  OVERLAPPED at = {0};
  HANDLE one = make("locked", 7, 0);
  WriteFile(one, "0123456789", 10, &n, NULL);
  HANDLE two = CreateFileA("locked", GENERIC_READ | GENERIC_WRITE, 7, NULL, OPEN_EXISTING, 0, NULL);
  say("lock 2..5", LockFile(one, 2, 0, 4, 0));
  say("lock it again", LockFile(two, 3, 0, 1, 0));
  say("the other reads 0..1", ReadFile(two, buffer, 2, &n, NULL));
  say("the other reads 2", ReadFile(two, buffer, 1, &n, NULL));
  say("the other writes 2", WriteFile(two, "x", 1, &n, NULL));
  SetFilePointer(one, 2, NULL, FILE_BEGIN);
  say("the owner writes 2", WriteFile(one, "x", 1, &n, NULL));
  at.Offset = 8;
  say("share 8", LockFileEx(one, LOCKFILE_FAIL_IMMEDIATELY, 0, 2, 0, &at));
  say("the other shares 8", LockFileEx(two, LOCKFILE_FAIL_IMMEDIATELY, 0, 2, 0, &at));
  SetFilePointer(two, 8, NULL, FILE_BEGIN);
  say("the other reads 8", ReadFile(two, buffer, 1, &n, NULL));
  say("the other writes 9", WriteFile(two, "x", 1, &n, NULL));
  say("exclusive 9", LockFileEx(two, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &(OVERLAPPED){.Offset = 9}));
  say("unlock another range", UnlockFile(one, 2, 0, 3, 0));
  say("unlock 2..5", UnlockFile(one, 2, 0, 4, 0));
  SetFilePointer(two, 2, NULL, FILE_BEGIN);
  say("the other reads 2", ReadFile(two, buffer, 1, &n, NULL));
  CloseHandle(one);
  at.Offset = 8;
  say("unlock 8", UnlockFileEx(two, 0, 2, 0, &at));
  say("exclusive 9", LockFile(two, 9, 0, 1, 0));
  CloseHandle(two);
  DeleteFileA("locked");
}

static int calls, stop_at;

static DWORD CALLBACK progress(LARGE_INTEGER total, LARGE_INTEGER done, LARGE_INTEGER size, LARGE_INTEGER part, DWORD stream,
                               DWORD reason, HANDLE from, HANDLE to, void *data) {
  (void)size, (void)part, (void)from, (void)to;
  if (calls == 0)
    printf("first: %ld of %ld, stream %lu, reason %lu, data %s\n", (long)done.QuadPart, (long)total.QuadPart, stream, reason,
           (char *)data);
  calls++;
  if (stop_at && done.QuadPart >= stop_at) return PROGRESS_CANCEL;
  return PROGRESS_CONTINUE;
}

static void copies(void) {
  static char block[300000];
  DWORD n;
  HANDLE file = make("big", 0, 0);
  for (unsigned i = 0; i < sizeof block; i++) block[i] = (char)(i * 7);
  WriteFile(file, block, sizeof block, &n, NULL);
  CloseHandle(file);
  say("copy", CopyFileExA("big", "copy", progress, "mine", NULL, 0));
  printf("told more than once: %d\n", calls > 1);
  file = CreateFileA("copy", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
  static char back[sizeof block];
  ReadFile(file, back, sizeof back, &n, NULL);
  CloseHandle(file);
  printf("%lu bytes, equal: %d\n", n, memcmp(block, back, sizeof block) == 0);
  say("not over it", CopyFileExA("big", "copy", NULL, NULL, NULL, COPY_FILE_FAIL_IF_EXISTS));
  stop_at = 1;
  say("cancelled", CopyFileExA("big", "part", progress, "mine", NULL, 0));
  printf("is there: %d\n", GetFileAttributesA("part") != INVALID_FILE_ATTRIBUTES);
  say("copy what is not there", CopyFileA("none", "part", FALSE));
  DeleteFileA("big");
  DeleteFileA("copy");
  DeleteFileA("part");
}

static void moves(void) {
  write_file("m1", "one");
  write_file("m2", "two");
  say("move over a file", MoveFileA("m1", "m2"));
  say("move and replace", MoveFileExA("m1", "m2", MOVEFILE_REPLACE_EXISTING));
  show("m2");
  show("m1");
  write_file("m1", "new");
  say("replace", ReplaceFileA("m2", "m1", "m3", 0, NULL, NULL));
  show("m2");
  show("m3");
  show("m1");
  say("replace what is not there", ReplaceFileA("m9", "m2", NULL, 0, NULL, NULL));
  DeleteFileA("m2");
  DeleteFileA("m3");
}

static void deletion(void) {
  char buffer[4];
  DWORD n;
  HANDLE file = make("d", FILE_SHARE_READ, 0);
  say("delete an open file", DeleteFileA("d"));
  CloseHandle(file);
  file = make("d", 7, 0);
  WriteFile(file, "data", 4, &n, NULL);
  say("delete a shared file", DeleteFileA("d"));
  SetFilePointer(file, 0, NULL, FILE_BEGIN);
  say("read on", ReadFile(file, buffer, 4, &n, NULL) && n == 4);
  CloseHandle(file);
  show("d");
  file = make("d", 0, FILE_FLAG_DELETE_ON_CLOSE);
  CloseHandle(file);
  show("d");
  write_file("d", "x");
  SetFileAttributesA("d", FILE_ATTRIBUTE_READONLY);
  say("delete a read-only file", DeleteFileA("d"));
  say("write it", CreateFileA("d", GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE);
  SetFileAttributesA("d", FILE_ATTRIBUTE_NORMAL);
  say("delete it then", DeleteFileA("d"));
}

static void handles(void) {
  FILE_STANDARD_INFO standard;
  union {
    FILE_NAME_INFO name;
    FILE_ID_BOTH_DIR_INFO entry;
    char bytes[2048];
  } u;
  HANDLE file = make("handle.txt", 7, 0);
  DWORD n;
  WriteFile(file, "12345", 5, &n, NULL);
  say("standard", GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard));
  printf("%ld bytes, links %lu, deleted %d, folder %d\n", (long)standard.EndOfFile.QuadPart, standard.NumberOfLinks,
         standard.DeletePending, standard.Directory);
  say("name", GetFileInformationByHandleEx(file, FileNameInfo, &u, sizeof u));
  printf("ends in handle.txt: %d\n",
         wcsncmp(u.name.FileName + u.name.FileNameLength / 2 - 10, L"handle.txt", 10) == 0);
  say("too small", GetFileInformationByHandleEx(file, FileStandardInfo, &standard, 4));
  SetFilePointer(file, 100, NULL, FILE_BEGIN);
  SetEndOfFile(file);
  printf("longer: %lu\n", GetFileSize(file, NULL));
  CloseHandle(file);
  CreateDirectoryA("h", NULL);
  write_file("h\\x", "x");
  write_file("h\\y", "yy");
  file = CreateFileA("h", GENERIC_READ, 7, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
  say("list", GetFileInformationByHandleEx(file, FileIdBothDirectoryInfo, &u, sizeof u));
  for (FILE_ID_BOTH_DIR_INFO *e = &u.entry;; e = (void *)((char *)e + e->NextEntryOffset)) {
    if (e->FileName[0] != '.') printf("%.*ls %ld\n", (int)e->FileNameLength / 2, e->FileName, (long)e->EndOfFile.QuadPart);
    if (!e->NextEntryOffset) break;
  }
  say("list on", GetFileInformationByHandleEx(file, FileIdBothDirectoryInfo, &u, sizeof u));
  CloseHandle(file);
  DeleteFileA("h\\x");
  DeleteFileA("h\\y");
  RemoveDirectoryA("h");
  DeleteFileA("handle.txt");
}

int main(void) {
  wildcards();
  times();
  locks();
  copies();
  moves();
  deletion();
  handles();
  return 0;
}
