/*
 * spawn: a program that starts itself twice more. Parent and children share a section of the paging file by name
 * ("Unit OS5: Memory Management 5.2", shared memory), each adds to the numbers in it in turn, an event by name tells
 * when to begin, an inherited handle to another one says that a child is done. The parent gives a child its priority
 * class, reads the other one's memory, and ends that from outside.
 *
 *   spawn              the parent
 *   spawn child N      a child that it starts
 *
 * Where the expectation comes from ("CreateProcessW", "CreateFileMappingA", "OpenFileMappingA", "OpenEventA",
 * "GetExitCodeProcess", "Inheritance", "ReadProcessMemory", "Creating Processes", Microsoft): the child's handles are
 * those that it was to inherit, at the same values; its exit code is STILL_ACTIVE (259) until it has ended; a process
 * and its thread are signalled when they end; a program that is not there gives ERROR_FILE_NOT_FOUND (2); a variable in
 * the image that one process writes is not changed in another; without the right to it an access is refused with
 * ERROR_ACCESS_DENIED (5). A child created with CREATE_SUSPENDED does nothing until its thread is resumed.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION "Local\\ntmm-spawn-example"
#define BEGIN "Local\\ntmm-spawn-begin"
#define ROUNDS 1000
#define CHILDREN 2

struct shared {
  volatile LONG turn;
  volatile LONG count[CHILDREN + 1];
  volatile LONG total;
  void *variable;
  HANDLE done;
};

/* In a page of the image's own data: every process has its own copy once it has written to it. */
static volatile int mine = 7;

/* Who has the turn adds one and hands it on; the others let go of the processor meanwhile. */
static void count(struct shared *shared, int self) {
  for (int round = 0; round < ROUNDS; round++) {
    while (shared->turn != self) Sleep(0);
    shared->count[self]++;
    shared->total = shared->total + 1;
    shared->turn = (self + 1) % CHILDREN;
  }
}

static int child(int number) {
  HANDLE section = OpenFileMappingA(FILE_MAP_WRITE, FALSE, SECTION);
  HANDLE begin = OpenEventA(SYNCHRONIZE, FALSE, BEGIN);
  if (!section || !begin) return 100;
  struct shared *shared = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (!shared) return 101;
  mine = 40 + number;
  shared->variable = (void *)&mine;
  WaitForSingleObject(begin, INFINITE);
  count(shared, number);
  /* A handle that was not inherited would be none here. */
  if (!SetEvent(shared->done)) return 102;
  WaitForSingleObject(GetCurrentProcess(), number == 1 ? INFINITE : 0);
  return 30 + number;
}

static PROCESS_INFORMATION start(const char *arguments, DWORD flags) {
  char path[MAX_PATH], line[MAX_PATH + 40];
  STARTUPINFOA startup = {.cb = sizeof startup};
  PROCESS_INFORMATION made = {0};
  GetModuleFileNameA(NULL, path, sizeof path);
  snprintf(line, sizeof line, "\"%s\" %s", path, arguments);
  if (!CreateProcessA(path, line, NULL, NULL, TRUE, flags, NULL, NULL, &startup, &made)) {
    printf("CreateProcess: error %lu\n", GetLastError());
    exit(1);
  }
  return made;
}

static const char *state(HANDLE process) {
  DWORD code = 0;
  static char text[20];
  GetExitCodeProcess(process, &code);
  if (code == STILL_ACTIVE) return "still active";
  snprintf(text, sizeof text, "exit code %lu", code);
  return text;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "child") == 0) return child(atoi(argv[2]));

  SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(struct shared), SECTION);
  HANDLE begin = CreateEventA(NULL, TRUE, FALSE, BEGIN);
  HANDLE done = CreateEventA(&inherited, FALSE, FALSE, NULL);
  struct shared *shared = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  shared->done = done;

  PROCESS_INFORMATION first = start("child 0", CREATE_SUSPENDED);
  PROCESS_INFORMATION second = start("child 1", 0);
  SetPriorityClass(first.hProcess, BELOW_NORMAL_PRIORITY_CLASS);
  printf("first child: %s, priority class %lx, ", state(first.hProcess), GetPriorityClass(first.hProcess));
  SetPriorityClass(first.hProcess, NORMAL_PRIORITY_CLASS);
  printf("suspended: %lu\n", ResumeThread(first.hThread));
  printf("different ids: %d, the handle means the id: %d\n", first.dwProcessId != second.dwProcessId,
         GetProcessId(second.hProcess) == second.dwProcessId);

  SetEvent(begin);
  WaitForSingleObject(done, INFINITE);
  WaitForSingleObject(done, INFINITE);
  printf("counted: %ld and %ld, together %ld\n", shared->count[0], shared->count[1], shared->total);

  int theirs = 0;
  SIZE_T read = 0;
  ReadProcessMemory(second.hProcess, shared->variable, &theirs, sizeof theirs, &read);
  printf("a variable of the program: %d there, %d here, %d bytes read\n", theirs, mine, (int)read);
  HANDLE weak = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, second.dwProcessId);
  BOOL allowed = ReadProcessMemory(weak, shared->variable, &theirs, sizeof theirs, &read);
  printf("with another right: %d, error %lu\n", allowed, GetLastError());

  printf("first child ended: %d, ", WaitForSingleObject(first.hProcess, INFINITE) == WAIT_OBJECT_0);
  printf("%s\n", state(first.hProcess));
  printf("second child: %s\n", state(second.hProcess));
  TerminateProcess(second.hProcess, 77);
  printf("its thread ended: %d, ", WaitForSingleObject(second.hThread, INFINITE) == WAIT_OBJECT_0);
  printf("%s\n", state(second.hProcess));

  STARTUPINFOA startup = {.cb = sizeof startup};
  PROCESS_INFORMATION none;
  BOOL made = CreateProcessA("no such program.exe", NULL, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &none);
  printf("a program that is not there: %d, error %lu\n", made, GetLastError());
  return 0;
}
