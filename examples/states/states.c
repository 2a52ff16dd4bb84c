/*
 * states: touches a page in each of the states that an address can be in, and prints what Windows reports to a vectored
 * exception handler. The handler makes the touch give up by continuing with a changed context.
 *
 *   states           prints the table and ends with 0
 *   states crash     then stores into a reserved page with nobody to handle it: the process ends with 0xC0000005
 *
 * Where the expectation comes from: "EXCEPTION_RECORD" (Microsoft): ExceptionInformation[0] of an access violation is 0
 * for a read, 1 for a write and 8 for an execution, [1] is the address; "Creating Guard Pages": a guard page raises
 * STATUS_GUARD_PAGE_VIOLATION (80000001) once and is an ordinary page from then on; "Memory Protection Constants" says
 * what each protection allows; "MEMORY_BASIC_INFORMATION" names the states. "Unit OS5: Memory Management 5.2" tells the
 * same story on its pages about protection and about reserving and committing.
 */
#include <windows.h>
#include <stdio.h>

#define PAGE 4096

/* Each faults on its first instruction, before anything is pushed; touch_failed returns in its place. */
int touch_read(const void *address);
int touch_write(void *address);
int touch_failed(void);
__asm__(
    ".text\n"
    ".globl touch_read\n"
    "touch_read:\n\tmovzbl (%rcx), %eax\n\tret\n"
    ".globl touch_write\n"
    "touch_write:\n\tmovb $0x2A, (%rcx)\n\txorl %eax, %eax\n\tret\n"
    ".globl touch_failed\n"
    "touch_failed:\n\tmovl $-1, %eax\n\tret\n");

static EXCEPTION_RECORD last;
static char *base;

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *exception) {
  CONTEXT *context = exception->ContextRecord;
  last = *exception->ExceptionRecord;
  if (context->Rip == (DWORD64)touch_read || context->Rip == (DWORD64)touch_write) {
    context->Rip = (DWORD64)touch_failed;
    return EXCEPTION_CONTINUE_EXECUTION;
  }
  if (context->Rip == last.ExceptionInformation[1]) {
    context->Rip = *(DWORD64 *)context->Rsp;
    context->Rsp += 8;
    context->Rax = (DWORD64)-1;
    return EXCEPTION_CONTINUE_EXECUTION;
  }
  return EXCEPTION_CONTINUE_SEARCH;
}

static const char *state_of(void *address) {
  MEMORY_BASIC_INFORMATION block;
  if (VirtualQuery(address, &block, sizeof block) != sizeof block) return "?";
  return block.State == MEM_COMMIT ? "committed" : block.State == MEM_RESERVE ? "reserved" : "free";
}

static void print_outcome(const char *verb, char *from, int result) {
  if (result >= 0) {
    printf(", %s ok", verb);
    return;
  }
  printf(", %s %08lX kind %d at +%X", verb, last.ExceptionCode, (int)last.ExceptionInformation[0],
         (unsigned)((char *)last.ExceptionInformation[1] - from));
}

static void touch(const char *name, char *address, char *from) {
  printf("%-22s %-9s", name, state_of(address));
  print_outcome("read", from, touch_read(address));
  print_outcome("write", from, touch_write(address));
  printf("\n");
}

static void touch_page(const char *name, int page, DWORD protection) {
  if (protection != 0) VirtualAlloc(base + page * PAGE, PAGE, MEM_COMMIT, protection);
  touch(name, base + page * PAGE + 0x123, base);
}

static void execute(const char *name, int page) {
  int (*code)(void) = (int (*)(void))(void *)(base + page * PAGE);
  printf("%-22s %-9s", name, state_of((void *)code));
  print_outcome("execute", base, code());
  printf("\n");
}

int main(int argc, char **argv) {
  static const unsigned char return_7[] = {0xB8, 7, 0, 0, 0, 0xC3}; /* mov eax, 7; ret */
  DWORD old;

  base = VirtualAlloc(NULL, 16 * PAGE, MEM_RESERVE, PAGE_NOACCESS);
  void *handler = AddVectoredExceptionHandler(1, on_exception);

  touch("first 64 KB", (char *)0x10, NULL);
  touch_page("reserved", 0, 0);
  touch_page("read/write", 1, PAGE_READWRITE);
  touch_page("read only", 2, PAGE_READONLY);
  touch_page("no access", 3, PAGE_NOACCESS);
  touch_page("guard", 4, PAGE_READWRITE | PAGE_GUARD);
  touch_page("guard, next time", 4, 0);
  touch_page("guard on read only", 5, PAGE_READONLY | PAGE_GUARD);
  execute("run a data page", 1);
  memcpy(base + PAGE, return_7, sizeof return_7);
  VirtualProtect(base + PAGE, PAGE, PAGE_EXECUTE_READ, &old);
  printf("protection was %02lX; ", old);
  printf("code in it gives %d\n", ((int (*)(void))(void *)(base + PAGE))());
  touch_page("execute/read", 1, 0);
  VirtualFree(base + PAGE, PAGE, MEM_DECOMMIT);
  touch_page("decommitted", 1, 0);
  execute("run a reserved page", 1);
  VirtualFree(base, 0, MEM_RELEASE);
  touch_page("released", 2, 0);

  char *system = (char *)0xFFFFF80000000000ull;
  int result = touch_read(system);
  printf("system address: read %s, code %08lX kind %d\n", result < 0 ? "refused" : "ok", last.ExceptionCode,
         (int)last.ExceptionInformation[0]);
  printf("handler removed: %lu\n", RemoveVectoredExceptionHandler(handler));
  fflush(stdout);
  if (argc > 1 && argv[1][0] == 'c') {
    base = VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE);
    touch_write(base);
    printf("not reached\n");
  }
  return 0;
}
