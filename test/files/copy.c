/* CopyFile2 with its messages and the answers to them, and CreateDirectoryEx. */
#include <stdio.h>
#include <windows.h>

#define BYTES 100000

static int answerAt, answer, seen;

static COPYFILE2_MESSAGE_ACTION CALLBACK progress(const COPYFILE2_MESSAGE *message, void *context)
{
  seen++;
  switch (message->Type) {
  case COPYFILE2_CALLBACK_STREAM_STARTED:
    printf("%s: stream %lu begins, %llu of %llu bytes\n", (char *)context, message->Info.StreamStarted.dwStreamNumber,
           message->Info.StreamStarted.uliStreamSize.QuadPart, message->Info.StreamStarted.uliTotalFileSize.QuadPart);
    break;
  case COPYFILE2_CALLBACK_CHUNK_STARTED:
    break;
  case COPYFILE2_CALLBACK_CHUNK_FINISHED:
    if (message->Info.ChunkFinished.uliTotalBytesTransferred.QuadPart == BYTES)
      printf("%s: all bytes of %llu are there\n", (char *)context,
             message->Info.ChunkFinished.uliTotalFileSize.QuadPart);
    break;
  case COPYFILE2_CALLBACK_STREAM_FINISHED:
    printf("%s: the stream ends after %llu bytes\n", (char *)context,
           message->Info.StreamFinished.uliTotalBytesTransferred.QuadPart);
    break;
  default:
    printf("%s: message %d\n", (char *)context, message->Type);
  }
  return seen == answerAt ? answer : COPYFILE2_PROGRESS_CONTINUE;
}

static void copy(const char *what, DWORD flags, BOOL *cancel, int at, int action)
{
  COPYFILE2_EXTENDED_PARAMETERS parameters = {sizeof parameters, flags, cancel, progress, (void *)what};
  seen = 0;
  answerAt = at;
  answer = action;
  HRESULT result = CopyFile2(L"big", L"copy", &parameters);
  WIN32_FILE_ATTRIBUTE_DATA data = {0};
  BOOL there = GetFileAttributesExA("copy", GetFileExInfoStandard, &data);
  printf("%s: %08lx, %s, %lu bytes\n", what, result, there ? "there" : "not there", data.nFileSizeLow);
}

int main(void)
{
  static char bytes[BYTES];
  char path[MAX_PATH];
  DWORD count;
  setvbuf(stdout, NULL, _IONBF, 0);
  GetTempPathA(sizeof path, path);
  SetCurrentDirectoryA(path);
  HANDLE file = CreateFileA("big", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  WriteFile(file, bytes, BYTES, &count, NULL);
  CloseHandle(file);

  copy("whole", 0, NULL, 0, 0);
  copy("not over it", COPY_FILE_FAIL_IF_EXISTS, NULL, 0, 0);
  copy("cancelled", 0, NULL, 2, COPYFILE2_PROGRESS_CANCEL);
  copy("quiet", 0, NULL, 1, COPYFILE2_PROGRESS_QUIET);
  DeleteFileA("copy");
  copy("stopped at once", 0, NULL, 1, COPYFILE2_PROGRESS_STOP);
  BOOL cancel = TRUE;
  copy("cancelled by a flag", 0, &cancel, 0, 0);
  copy("unknown flags", 0x80000000, NULL, 0, 0);
  printf("no parameters: %08lx\n", CopyFile2(L"big", L"copy", NULL));
  printf("no source: %08lx\n", CopyFile2(L"none", L"copy", NULL));
  DeleteFileA("copy");
  DeleteFileA("big");

  CreateDirectoryA("model", NULL);
  SetFileAttributesA("model", FILE_ATTRIBUTE_HIDDEN);
  printf("made: %d", CreateDirectoryExA("model", "made", NULL));
  printf(", attributes %lx\n", GetFileAttributesA("made"));
  BOOL again = CreateDirectoryExW(L"model", L"made", NULL);
  printf("again: %d, error %lu\n", again, GetLastError());
  again = CreateDirectoryExW(L"none", L"other", NULL);
  printf("no model: %d, error %lu\n", again, GetLastError());
  RemoveDirectoryA("made");
  RemoveDirectoryA("model");
  return 0;
}
