/*
 * longjmp through frames with __finally blocks: it unwinds to the frame that setjmp noted, so the blocks run. Compiled by
 * clang for Microsoft's ABI.
 */
int printf(const char *, ...);
__declspec(noreturn) void exit(int);
typedef __declspec(align(16)) struct {
  unsigned long long part[32];
} jmp_buf[1];
int _setjmpex(jmp_buf, void *) __attribute__((returns_twice));
__declspec(noreturn) void longjmp(jmp_buf, int);

#define ALONE __attribute__((noinline)) static

static jmp_buf there;
static volatile int result;

ALONE void jump(int value) { longjmp(there, value); }

ALONE void down(int depth) {
  __try {
    if (depth == 0) jump(9);
    down(depth - 1);
    result++;
  } __finally {
    printf("[finally %d]", depth);
  }
}

ALONE void run(void) {
  int value = _setjmpex(there, __builtin_frame_address(0));
  printf("setjmp %d frame %d\n", value, there[0].part[0] != 0);
  if (value == 0) down(2);
  if (value == 9) jump(0);
}

ALONE void registers(void) {
  int value = _setjmpex(there, 0);
  printf("setjmp %d frame %d\n", value, there[0].part[0] != 0);
  if (value < 2) jump(value + 1);
}

void mainCRTStartup(void) {
  run();
  registers();
  exit(7);
}
