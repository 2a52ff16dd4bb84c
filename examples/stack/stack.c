/*
 * stack: a recursion touches page after page of the thread's stack; each guard page that is touched becomes committed
 * stack and the page below it becomes the new guard ("Unit OS5: Memory Management 5.2"; "Thread Stack Size" and
 * "Creating Guard Pages", Microsoft). VirtualQuery shows the stack before and after.
 *
 *   stack            grows by 64 frames of more than 4 KB
 *   stack overflow   recurses for ever: a vectored handler sees EXCEPTION_STACK_OVERFLOW once, and as nobody handles
 *                    it the process ends with 0xC00000FD
 *
 * The reservation is what the executable's header asks for: 2 MB (the linker's default in mingw-w64), fixed for the
 * life of the thread. How many guard pages there are differs between Windows versions, so that is not printed.
 */
#include <windows.h>
#include <stdio.h>

#define FRAME_BYTES 5000
#define DEPTH 64

typedef struct StackPicture {
  char *base;
  size_t reserved, guard, committed, size;
  int in_order;
} StackPicture;

static HANDLE console;

/* Reserved pages lie lowest, then the guard, then what is committed up to the stack's top. */
static StackPicture look(void) {
  MEMORY_BASIC_INFORMATION block;
  StackPicture stack = {0};
  int stage = 0;
  VirtualQuery(&stack, &block, sizeof block);
  stack.base = block.AllocationBase;
  stack.in_order = 1;
  for (char *at = stack.base; VirtualQuery(at, &block, sizeof block) && block.AllocationBase == stack.base;) {
    int kind = block.State == MEM_RESERVE ? 0 : block.Protect & PAGE_GUARD ? 1 : 2;
    if (kind < stage) stack.in_order = 0;
    stage = kind;
    *(kind == 0 ? &stack.reserved : kind == 1 ? &stack.guard : &stack.committed) += block.RegionSize;
    stack.size += block.RegionSize;
    at = (char *)block.BaseAddress + block.RegionSize;
  }
  return stack;
}

static const char *yes(int condition) {
  return condition ? "yes" : "no";
}

static void print_stack(const char *title, const StackPicture *stack) {
  printf("%s: %d KB in all; reserved, guard and committed pages in this order: %s\n", title, (int)(stack->size / 1024),
         yes(stack->in_order && stack->reserved > 0 && stack->guard > 0 && stack->committed > 0));
}

/* Fills its frame and reads it again when the calls below it are done. */
static __attribute__((noinline)) unsigned grow(unsigned depth) {
  volatile unsigned char frame[FRAME_BYTES];
  unsigned sum = 0;
  for (int i = 0; i < FRAME_BYTES; i += 100) frame[i] = (unsigned char)(depth + i);
  if (depth > 1) sum = grow(depth - 1);
  for (int i = 0; i < FRAME_BYTES; i += 100) sum += frame[i] == (unsigned char)(depth + i);
  return sum;
}

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *exception) {
  static const char text[] = "stack overflow: exception C00000FD\r\n";
  DWORD written;
  if (exception->ExceptionRecord->ExceptionCode == EXCEPTION_STACK_OVERFLOW)
    WriteFile(console, text, sizeof text - 1, &written, NULL);
  return EXCEPTION_CONTINUE_SEARCH;
}

int main(int argc, char **argv) {
  StackPicture before = look();
  print_stack("before", &before);
  if (argc > 1 && argv[1][0] == 'o') {
    fflush(stdout);
    console = GetStdHandle(STD_OUTPUT_HANDLE);
    AddVectoredExceptionHandler(1, on_exception);
    return (int)grow(0x7FFFFFFF);
  }
  unsigned sum = grow(DEPTH);
  printf("%d frames of %d bytes: %u of %d marks found again\n", DEPTH, FRAME_BYTES, sum, DEPTH * FRAME_BYTES / 100);
  StackPicture after = look();
  print_stack("after", &after);
  printf("same reservation: %s\n", yes(before.base == after.base && before.size == after.size));
  printf("committed grew, reserved shrank: %s\n",
         yes(after.committed > before.committed && after.reserved < before.reserved));
  printf("committed holds all the frames: %s\n", yes(after.committed >= (size_t)DEPTH * FRAME_BYTES));
  grow(DEPTH);
  StackPicture again = look();
  printf("the same recursion again commits nothing more: %s\n", yes(again.committed == after.committed));
  return 0;
}
