/* Thread pools and I/O: CreateThreadpoolIo and what belongs to it, BindIoCompletionCallback. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static HANDLE done;
static volatile LONG calls;
static volatile ULONG lastError, lastBytes;
static void *volatile lastOverlapped;

static void CALLBACK ended(TP_CALLBACK_INSTANCE *instance, void *context, void *overlapped, ULONG error,
                           ULONG_PTR bytes, TP_IO *io)
{
  (void)instance;
  (void)io;
  lastError = error;
  lastBytes = (ULONG)bytes;
  lastOverlapped = overlapped;
  InterlockedExchangeAdd((LONG *)&calls, *(LONG *)context);
}

static void CALLBACK bound(DWORD error, DWORD bytes, OVERLAPPED *overlapped)
{
  lastError = error;
  lastBytes = bytes;
  lastOverlapped = overlapped;
  InterlockedIncrement((LONG *)&calls);
  SetEvent(done);
}

static HANDLE server(const char *name)
{
  return CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 2, 4096, 4096, 0, NULL);
}

static HANDLE client(const char *name)
{
  return CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
}

static void show(const char *what, void *overlapped)
{
  printf("%s: %ld calls, error %lu, %lu bytes, %s\n", what, calls, lastError, lastBytes,
         overlapped == lastOverlapped ? "its own" : "another's");
}

static void files(void)
{
  LONG one = 1;
  OVERLAPPED overlapped = {0};
  char path[MAX_PATH];
  GetTempPathA(sizeof path, path);
  strcat(path, "pool-io.tmp");
  HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                            FILE_FLAG_OVERLAPPED | FILE_FLAG_DELETE_ON_CLOSE, NULL);
  TP_IO *io = CreateThreadpoolIo(file, ended, &one, NULL);
  StartThreadpoolIo(io);
  BOOL ok = WriteFile(file, "0123456789", 10, NULL, &overlapped);
  printf("write: %s\n", ok || GetLastError() == ERROR_IO_PENDING ? "begun" : "refused");
  WaitForThreadpoolIoCallbacks(io, FALSE);
  show("written", &overlapped);
  SetLastError(0);
  TP_IO *second = CreateThreadpoolIo(file, ended, &one, NULL);
  printf("a second: %s, error %lu\n", second ? "made" : "refused", GetLastError());
  CloseHandle(file);
  CloseThreadpoolIo(io);
  HANDLE plain = CreateFileA(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
  printf("not overlapped: %s", CreateThreadpoolIo(plain, ended, &one, NULL) ? "made" : "refused");
  printf(", error %lu\n", GetLastError());
  CloseHandle(plain);
  printf("no file: %s", CreateThreadpoolIo(plain, ended, &one, NULL) ? "made" : "refused");
  printf(", error %lu\n", GetLastError());
}

static void pending(void)
{
  LONG one = 1;
  char text[8];
  OVERLAPPED overlapped = {0};
  TP_POOL *pool = CreateThreadpool(NULL);
  TP_CALLBACK_ENVIRON environment;
  InitializeThreadpoolEnvironment(&environment);
  SetThreadpoolCallbackPool(&environment, pool);
  HANDLE end = server("\\\\.\\pipe\\pool-io"), other = client("\\\\.\\pipe\\pool-io");
  TP_IO *io = CreateThreadpoolIo(end, ended, &one, &environment);
  calls = 0;
  StartThreadpoolIo(io);
  BOOL ok = ReadFile(end, text, 8, NULL, &overlapped);
  printf("read: %d, error %lu\n", ok, GetLastError());
  WaitForThreadpoolIoCallbacks(io, TRUE);
  printf("waited for callbacks alone: %ld calls\n", calls);
  DWORD count;
  WriteFile(other, "abc", 3, &count, NULL);
  WaitForThreadpoolIoCallbacks(io, FALSE);
  show("read", &overlapped);

  StartThreadpoolIo(io);
  ReadFile(end, text, 8, NULL, &overlapped);
  printf("cancelled: %d\n", CancelIoEx(end, &overlapped));
  WaitForThreadpoolIoCallbacks(io, FALSE);
  show("read", &overlapped);

  StartThreadpoolIo(io);
  CancelThreadpoolIo(io);
  WaitForThreadpoolIoCallbacks(io, FALSE);
  printf("begun and taken back: %ld calls\n", calls);

  /* Closed while its I/O goes on: the callback still comes. */
  StartThreadpoolIo(io);
  ReadFile(end, text, 8, NULL, &overlapped);
  CloseThreadpoolIo(io);
  CloseHandle(other);
  while (calls < 3)
    Sleep(1);
  show("broken", &overlapped);
  CloseHandle(end);
  CloseThreadpool(pool);
}

static void bindings(void)
{
  char text[8];
  OVERLAPPED overlapped = {0};
  HANDLE end = server("\\\\.\\pipe\\bound"), other = client("\\\\.\\pipe\\bound");
  done = CreateEventA(NULL, FALSE, FALSE, NULL);
  calls = 0;
  printf("bound: %d\n", BindIoCompletionCallback(end, bound, 0));
  printf("bound again: %d\n", BindIoCompletionCallback(end, bound, 0));
  ReadFile(end, text, 8, NULL, &overlapped);
  DWORD count;
  WriteFile(other, "abcde", 5, &count, NULL);
  WaitForSingleObject(done, INFINITE);
  show("read", &overlapped);
  CloseHandle(end);
  CloseHandle(other);
}

int main(void)
{
  setvbuf(stdout, NULL, _IONBF, 0);
  files();
  pending();
  bindings();
  return 0;
}
