/*
 * Pipes and overlapped I/O: a child's standard output read through a pipe, a named pipe of messages between two threads,
 * and reads that end by event, by APC and at a completion port. The expected output was recorded under Wine and read against
 * Microsoft's documentation ("Named Pipes", "Synchronous and Asynchronous I/O").
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <stdio.h>
#include <string.h>

#define PIPE_NAME "\\\\.\\pipe\\ntmm-example"

static void say(const char *what, BOOL ok) {
  if (ok) printf("%s: yes\n", what);
  else printf("%s: no, error %lu\n", what, GetLastError());
}

static int child(const char *kind) {
  HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
  if (!strcmp(kind, "lines")) {
    DWORD n;
    for (int i = 0; i < 2000; i++) {
      char line[32];
      int length = sprintf(line, "line %d\n", i);
      if (!WriteFile(out, line, length, &n, NULL)) return (int)GetLastError();
    }
    return 7;
  }
  if (!strcmp(kind, "copy")) {
    char buffer[256];
    DWORD n, m;
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
    while (ReadFile(in, buffer, sizeof buffer, &n, NULL) && n > 0) {
      for (DWORD i = 0; i < n; i++) buffer[i] = (char)(buffer[i] ^ 0x20);
      WriteFile(out, buffer, n, &m, NULL);
    }
    return GetLastError() == ERROR_BROKEN_PIPE ? 3 : 4;
  }
  printf("printed by %s\n", kind);
  return 5;
}

static HANDLE start(const char *kind, HANDLE in, HANDLE out) {
  char path[MAX_PATH], line[MAX_PATH + 40];
  STARTUPINFOA startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
  PROCESS_INFORMATION made;
  startup.hStdInput = in;
  startup.hStdOutput = out;
  startup.hStdError = out;
  GetModuleFileNameA(NULL, path, sizeof path);
  sprintf(line, "\"%s\" child %s", path, kind);
  if (!CreateProcessA(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &made)) return NULL;
  CloseHandle(made.hThread);
  return made.hProcess;
}

static void children(void) {
  SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
  HANDLE read, write, read2, write2, process;
  DWORD n, code, total = 0, lines = 0;
  char buffer[300];
  CreatePipe(&read, &write, &inherit, 0);
  SetHandleInformation(read, HANDLE_FLAG_INHERIT, 0);
  printf("type of a pipe: %lu\n", GetFileType(read));
  process = start("lines", NULL, write);
  CloseHandle(write);
  while (ReadFile(read, buffer, sizeof buffer, &n, NULL)) {
    total += n;
    for (DWORD i = 0; i < n; i++) lines += buffer[i] == '\n';
  }
  printf("end of the pipe: error %lu\n", GetLastError());
  WaitForSingleObject(process, INFINITE);
  GetExitCodeProcess(process, &code);
  printf("%lu bytes, %lu lines, exit code %lu\n", total, lines, code);
  CloseHandle(process);
  CloseHandle(read);

  CreatePipe(&read, &write, &inherit, 0);
  CreatePipe(&read2, &write2, &inherit, 100);
  SetHandleInformation(read, HANDLE_FLAG_INHERIT, 0);
  SetHandleInformation(write2, HANDLE_FLAG_INHERIT, 0);
  process = start("copy", read2, write);
  CloseHandle(write);
  CloseHandle(read2);
  say("wrote to the child", WriteFile(write2, "HelloPipe", 9, &n, NULL));
  total = 0;
  while (total < 9 && ReadFile(read, buffer + total, sizeof buffer - total, &n, NULL)) total += n;
  printf("came back: %.*s\n", (int)total, buffer);
  CloseHandle(write2);
  WaitForSingleObject(process, INFINITE);
  GetExitCodeProcess(process, &code);
  printf("exit code %lu\n", code);
  say("read more", ReadFile(read, buffer, 1, &n, NULL));
  CloseHandle(read);
  CloseHandle(process);

  CreatePipe(&read, &write, &inherit, 0);
  process = start("printf", NULL, write);
  CloseHandle(write);
  WaitForSingleObject(process, INFINITE);
  DWORD available = 0, left = 0;
  say("peek", PeekNamedPipe(read, buffer, 7, &n, &available, &left));
  printf("%.*s, %lu of %lu\n", (int)n, buffer, n, available);
  ReadFile(read, buffer, sizeof buffer, &n, NULL);
  printf("child said: %.*s", (int)n, buffer);
  CloseHandle(read);
  CloseHandle(process);
}

static DWORD WINAPI client(void *unused) {
  DWORD n, mode = PIPE_READMODE_MESSAGE;
  char buffer[64];
  HANDLE pipe;
  (void)unused;
  while ((pipe = CreateFileA(PIPE_NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL)) ==
         INVALID_HANDLE_VALUE)
    WaitNamedPipeA(PIPE_NAME, NMPWAIT_WAIT_FOREVER);
  SetNamedPipeHandleState(pipe, &mode, NULL, NULL);
  WriteFile(pipe, "one", 3, &n, NULL);
  WriteFile(pipe, "two and more", 12, &n, NULL);
  say("client: transact", TransactNamedPipe(pipe, "ask", 3, buffer, sizeof buffer, &n, NULL));
  printf("client: %.*s\n", (int)n, buffer);
  CloseHandle(pipe);
  return 0;
}

static void messages(void) {
  DWORD n, left, id;
  char buffer[64];
  HANDLE pipe = CreateNamedPipeA(PIPE_NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                 PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT, 1, 0, 0, 0, NULL);
  say("made", pipe != INVALID_HANDLE_VALUE);
  say("second instance", CreateNamedPipeA(PIPE_NAME, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE, 1, 0, 0, 0, NULL) !=
                             INVALID_HANDLE_VALUE);
  say("read before a client", ReadFile(pipe, buffer, 1, &n, NULL));
  HANDLE thread = CreateThread(NULL, 0, client, NULL, 0, &id);
  BOOL connected = ConnectNamedPipe(pipe, NULL);
  printf("connected: %d\n", connected || GetLastError() == ERROR_PIPE_CONNECTED);
  say("message", ReadFile(pipe, buffer, sizeof buffer, &n, NULL));
  printf("%.*s\n", (int)n, buffer);
  say("part of a message", ReadFile(pipe, buffer, 4, &n, NULL));
  printf("%.*s\n", (int)n, buffer);
  PeekNamedPipe(pipe, NULL, 0, NULL, NULL, &left);
  printf("left of it: %lu\n", left);
  say("rest of it", ReadFile(pipe, buffer, sizeof buffer, &n, NULL));
  printf("%.*s\n", (int)n, buffer);
  say("question", ReadFile(pipe, buffer, sizeof buffer, &n, NULL));
  WriteFile(pipe, "answer", 6, &n, NULL);
  WaitForSingleObject(thread, INFINITE);
  say("after the client", ReadFile(pipe, buffer, 1, &n, NULL));
  say("write after the client", WriteFile(pipe, "x", 1, &n, NULL));
  say("connect without disconnecting", ConnectNamedPipe(pipe, NULL));
  say("disconnect", DisconnectNamedPipe(pipe));
  say("read when disconnected", ReadFile(pipe, buffer, 1, &n, NULL));
  CloseHandle(pipe);
  CloseHandle(thread);
  say("open what is gone", CreateFileA(PIPE_NAME, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE);
  say("wait for what is gone", WaitNamedPipeA(PIPE_NAME, 10));
}

static void WINAPI routine(DWORD error, DWORD bytes, OVERLAPPED *overlapped) {
  printf("routine: error %lu, %lu bytes, offset %lu\n", error, bytes, overlapped->Offset);
}

static void overlapped(void) {
  HANDLE server = CreateNamedPipeA(PIPE_NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 2, 512, 512, 0, NULL);
  OVERLAPPED o = {0}, p = {0};
  DWORD n = 0;
  char buffer[64], other[64];
  o.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
  say("connect", ConnectNamedPipe(server, &o));
  say("done", GetOverlappedResult(server, &o, &n, FALSE));
  HANDLE peer = CreateFileA(PIPE_NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
  printf("event: %lu\n", WaitForSingleObject(o.hEvent, 0));
  say("done", GetOverlappedResult(server, &o, &n, FALSE));
  say("read", ReadFile(server, buffer, sizeof buffer, NULL, &o));
  printf("event: %lu\n", WaitForSingleObject(o.hEvent, 0));
  WriteFile(peer, "12345", 5, &n, NULL);
  say("result", GetOverlappedResult(server, &o, &n, TRUE));
  printf("%lu bytes: %.*s\n", n, (int)n, buffer);
  say("read again", ReadFile(server, buffer, sizeof buffer, NULL, &o));
  say("cancel another", CancelIoEx(server, &p));
  say("cancel", CancelIoEx(server, &o));
  say("result", GetOverlappedResult(server, &o, &n, TRUE));
  CloseHandle(o.hEvent);

  memset(&p, 0, sizeof p);
  p.Offset = 0;
  say("ReadFileEx", ReadFileEx(server, other, sizeof other, &p, routine));
  WriteFile(peer, "APC", 3, &n, NULL);
  printf("not alertable: %d\n", WaitForSingleObject(server, 0) == WAIT_IO_COMPLETION);
  printf("alertable: %lx\n", SleepEx(INFINITE, TRUE));
  printf("%.3s\n", other);

  HANDLE port = CreateIoCompletionPort(server, NULL, 77, 0);
  ULONG_PTR key = 0;
  OVERLAPPED *which = NULL;
  memset(&o, 0, sizeof o);
  memset(&p, 0, sizeof p);
  say("first", ReadFile(server, buffer, 2, NULL, &o));
  say("second", ReadFile(server, other, 20, NULL, &p));
  WriteFile(peer, "abcdef", 6, &n, NULL);
  say("packet", GetQueuedCompletionStatus(port, &n, &key, &which, INFINITE));
  printf("%lu bytes, key %lu, %s: %.*s\n", n, (unsigned long)key, which == &o ? "first" : "second", (int)n, buffer);
  say("packet", GetQueuedCompletionStatus(port, &n, &key, &which, INFINITE));
  printf("%lu bytes, key %lu, %s: %.*s\n", n, (unsigned long)key, which == &o ? "first" : "second", (int)n, other);
  say("read", ReadFile(server, buffer, 2, NULL, &o));
  CloseHandle(peer);
  say("packet", GetQueuedCompletionStatus(port, &n, &key, &which, INFINITE));
  CloseHandle(server);
  CloseHandle(port);
}

static void files(void) {
  HANDLE file = CreateFileA("overlapped.txt", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_OVERLAPPED, NULL);
  OVERLAPPED o = {0};
  DWORD n = 0;
  char buffer[16] = {0};
  o.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
  o.Offset = 5;
  BOOL ok = WriteFile(file, "world", 5, NULL, &o);
  printf("written: %d\n", ok || GetLastError() == ERROR_IO_PENDING);
  say("result", GetOverlappedResult(file, &o, &n, TRUE));
  o.Offset = 0;
  ok = WriteFile(file, "hello", 5, NULL, &o);
  say("result", GetOverlappedResult(file, &o, &n, TRUE));
  ok = ReadFile(file, buffer, 10, NULL, &o);
  say("result", GetOverlappedResult(file, &o, &n, TRUE));
  printf("%lu: %s\n", n, buffer);
  o.Offset = 100;
  ok = ReadFile(file, buffer, 10, NULL, &o);
  if (ok || GetLastError() == ERROR_IO_PENDING) ok = GetOverlappedResult(file, &o, &n, TRUE);
  say("past the end", ok);
  o.Offset = 0;
  o.hEvent = NULL;
  say("ReadFileEx", ReadFileEx(file, buffer, 4, &o, routine));
  printf("alertable: %lx\n", SleepEx(INFINITE, TRUE));
  CloseHandle(file);
  DeleteFileA("overlapped.txt");
}

int main(int argc, char **argv) {
  if (argc > 2) return child(argv[2]);
  setvbuf(stdout, NULL, _IONBF, 0);
  children();
  messages();
  overlapped();
  files();
  return 0;
}
