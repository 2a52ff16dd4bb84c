/*
 * faults: each exception that a program's own instructions can raise, with the record that its handler gets; then what vectored
 * handlers, continue handlers and the unhandled-exception filter may do: their order, removal, another context. The same source is
 * built by clang for Microsoft's ABI and by mingw-w64's gcc (faults-gcc.exe).
 *
 *   faults           all of it
 *   faults fast      RaiseFailFastException asks no handler: the process ends with 0xC0000420
 *   faults last      a breakpoint that nobody handles ends the process with 0x80000003
 *
 * The codes and parameters are those of "EXCEPTION_RECORD structure" and of the processor manual's table of vectors; the text was
 * recorded under Wine and corrected where that disagrees (wine-differs.md).
 */
typedef unsigned char BYTE;
typedef unsigned short WORD;
typedef unsigned long DWORD;
typedef unsigned long long QWORD;

int vsprintf(char *, const char *, __builtin_va_list);
void *memset(void *, int, QWORD);
int strcmp(const char *, const char *);
__declspec(dllimport) void *VirtualAlloc(void *, QWORD, DWORD, DWORD);
__declspec(dllimport) void RaiseException(DWORD, DWORD, DWORD, const QWORD *);
__declspec(dllimport) char *GetCommandLineA(void);
__declspec(dllimport) void ExitProcess(DWORD);
__declspec(dllimport) void *GetStdHandle(DWORD);
__declspec(dllimport) int WriteFile(void *, const void *, DWORD, DWORD *, void *);

struct record {
  DWORD code, flags;
  struct record *next;
  void *address;
  DWORD count;
  QWORD information[15];
};

/* CONTEXT of x64, as far as this program looks into it. */
struct context {
  QWORD homes[6];
  DWORD flags, mxcsr;
  WORD selectors[6];
  DWORD eflags;
  QWORD dr[6];
  QWORD rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r[8];
  QWORD rip;
  BYTE x87[0xa0], xmm[16][16], reserved[96];
  BYTE vectors[26 * 16 + 6 * 8];
};

struct pointers {
  struct record *record;
  struct context *context;
};

typedef long (*Handler)(struct pointers *);
__declspec(dllimport) void *AddVectoredExceptionHandler(DWORD, Handler);
__declspec(dllimport) DWORD RemoveVectoredExceptionHandler(void *);
__declspec(dllimport) void *AddVectoredContinueHandler(DWORD, Handler);
__declspec(dllimport) DWORD RemoveVectoredContinueHandler(void *);
__declspec(dllimport) Handler SetUnhandledExceptionFilter(Handler);
__declspec(dllimport) void RaiseFailFastException(struct record *, struct context *, DWORD);
__declspec(dllimport) void RtlCaptureContext(struct context *);
__declspec(dllimport) void RtlRestoreContext(struct context *, struct record *);
__declspec(dllimport) int SetThreadStackGuarantee(DWORD *);
int _resetstkoflw(void);

#define CONTINUE_EXECUTION (-1)
#define CONTINUE_SEARCH 0

/* Machine code that faults: what its handler does not mend it returns from, as if it had reached its RET. */
struct snippet {
  const char *name;
  BYTE code[40];
};

static const struct snippet snippets[] = {
    {"int3", {0xcc, 0xc3}},
    {"int 2Ch", {0xcd, 0x2c, 0xc3}},
    {"int 80h", {0xcd, 0x80, 0xc3}},
    {"ud2", {0x0f, 0x0b, 0xc3}},
    {"div by 0", {0x31, 0xc9, 0x31, 0xd2, 0x31, 0xc0, 0xf7, 0xf1, 0xc3}},
    {"idiv of the least number by -1", {0xb8, 0, 0, 0, 0x80, 0x99, 0x83, 0xc9, 0xff, 0xf7, 0xf9, 0xc3}},
    {"hlt", {0xf4, 0xc3}},
    {"cli", {0xfa, 0xc3}},
    {"in al, dx", {0xec, 0xc3}},
    {"mov rax, cr0", {0x0f, 0x20, 0xc0, 0xc3}},
    {"rdmsr", {0x0f, 0x32, 0xc3}},
    {"load of 10h", {0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0, 0xc3}},
    {"store to 20h", {0x48, 0x89, 0x04, 0x25, 0x20, 0, 0, 0, 0xc3}},
    {"jump to 30h", {0x6a, 0x30, 0xc3}},
    {"load of an address that is not canonical", {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x48, 0x8b, 0, 0xc3}},
    {"movaps of an odd address", {0x48, 0x8d, 0x44, 0x24, 1, 0x0f, 0x28, 0, 0xc3}},
    {"trap flag", {0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90, 0xc3}},
    {"int1", {0xf1, 0xc3}},
};

static const struct snippet floats[] = {
    {"divsd by 0", {0x0f, 0x57, 0xc9, 0x31, 0xc0, 0xff, 0xc0, 0xf2, 0x0f, 0x2a, 0xc0, 0xf2, 0x0f, 0x5e, 0xc1, 0xc3}},
    {"divsd of 0 by 0", {0x0f, 0x57, 0xc9, 0x0f, 0x57, 0xc0, 0xf2, 0x0f, 0x5e, 0xc1, 0xc3}},
    {"mulsd too large",
     {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0xe0, 0x7f, 0x66, 0x48, 0x0f, 0x6e, 0xc0, 0xf2, 0x0f, 0x59, 0xc0, 0xc3}},
    {"mulsd too small",
     {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0x10, 0, 0x66, 0x48, 0x0f, 0x6e, 0xc0, 0xf2, 0x0f, 0x59, 0xc0, 0xc3}},
    {"addsd of a denormal", {0x31, 0xc0, 0xff, 0xc0, 0x66, 0x48, 0x0f, 0x6e, 0xc0, 0xf2, 0x0f, 0x58, 0xc0, 0xc3}},
    {"cvtsd2si of a fraction",
     {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x66, 0x48, 0x0f, 0x6e, 0xc0, 0xf2, 0x0f, 0x2d, 0xc0, 0xc3}},
    {"fdiv by 0", {0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x9b, 0xdd, 0xd8, 0xc3}},
    {"fsqrt of -1", {0xd9, 0xe8, 0xd9, 0xe0, 0xd9, 0xfa, 0x9b, 0xdd, 0xd8, 0xc3}},
    {"fstp of an empty stack", {0xdb, 0xe3, 0x68, 0, 0, 0, 0, 0xd9, 0x2c, 0x24, 0x58, 0xdd, 0xd8, 0x9b, 0xc3}},
};

/* Unbuffered, so that nothing is lost when the process ends by an exception. */
static void print(const char *format, ...) {
  char text[512];
  DWORD written;
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  WriteFile(GetStdHandle((DWORD)-11), text, (DWORD)vsprintf(text, format, arguments), &written, 0);
  __builtin_va_end(arguments);
}

static BYTE *page;
static QWORD guarded;
/* RSP in the snippet that runs, and where it was called. */
static QWORD depth, home;

static long long relative(QWORD address) {
  return (long long)(address - (QWORD)page);
}

static void print_record(const struct record *record) {
  DWORD index;
  print(" %08lx flags %lx", record->code, record->flags);
  if (relative((QWORD)record->address) >= 0 && relative((QWORD)record->address) < 4096)
    print(" at %+lld", relative((QWORD)record->address));
  print(" (%lu", record->count);
  for (index = 0; index < record->count; index++) {
    QWORD value = record->information[index];
    if (guarded && value >= guarded && value < guarded + 4096) print(" guarded%+lld", (long long)(value - guarded));
    else print(" %llx", value);
  }
  print(")");
}

/* Returns from the snippet, with floating-point exceptions masked again. */
static long leave(struct pointers *info) {
  struct context *context = info->context;
  print_record(info->record);
  print("%s\n", context->rip == (QWORD)info->record->address ? "" : " rip elsewhere");
  context->eflags &= ~0x100;
  context->mxcsr = 0x1f80;
  *(DWORD *)(context->x87 + 0x18) = 0x1f80;
  *(WORD *)context->x87 = 0x37f;
  *(WORD *)(context->x87 + 2) = 0;
  context->x87[4] = 0;
  context->rsp = depth;
  context->rip = home;
  return CONTINUE_EXECUTION;
}

/* Notes RSP and the return address, and jumps to the code behind it: pop rax; mov [depth], rsp after it; push rax; jmp rcx. */
static const BYTE enter_code[] = {
    0x48, 0x8b, 0x04, 0x24,       /* mov rax, [rsp] */
    0x49, 0x89, 0x00,             /* mov [r8], rax */
    0x48, 0x8d, 0x44, 0x24, 0x08, /* lea rax, [rsp+8] */
    0x48, 0x89, 0x02,             /* mov [rdx], rax */
    0xff, 0xe1,                   /* jmp rcx */
};

static void run(const char *name, const BYTE *code, QWORD bytes) {
  QWORD index;
  memset(page, 0xcc, 256);
  for (index = 0; index < sizeof enter_code; index++) page[128 + index] = enter_code[index];
  for (index = 0; index < bytes; index++) page[index] = code[index];
  print("%s:", name);
  ((void (*)(void *, QWORD *, QWORD *))(void *)(page + 128))(page, &depth, &home);
}

/* ldmxcsr and fldcw of what the program wants, in the page so that gcc and clang cannot move it. */
static void unmask(DWORD mxcsr, WORD control) {
  static const BYTE code[] = {0x0f, 0xae, 0x11, 0xd9, 0x2a, 0xc3};
  QWORD index;
  for (index = 0; index < sizeof code; index++) page[256 + index] = code[index];
  ((void (*)(DWORD *, WORD *))(void *)(page + 256))(&mxcsr, &control);
}

static void all_snippets(void) {
  QWORD index;
  void *handler = AddVectoredExceptionHandler(1, leave);
  for (index = 0; index < sizeof snippets / sizeof *snippets; index++)
    run(snippets[index].name, snippets[index].code, sizeof snippets[index].code);
  for (index = 0; index < sizeof floats / sizeof *floats; index++) {
    /* All unmasked but inexact, which only the conversion is to show; denormal only where it is the point. */
    int inexact = index == 5, denormal = index == 4;
    unmask(inexact ? 0xf80 : denormal ? 0x1e80 : 0x1100, 0x360);
    run(floats[index].name, floats[index].code, sizeof floats[index].code);
  }
  unmask(0x1f80, 0x37f);
  {
    BYTE load[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0x8a, 0x00, 0xc3};
    guarded = (QWORD)VirtualAlloc(0, 4096, 0x3000, 0x104);
    *(QWORD *)(load + 2) = guarded + 5;
    run("load from a guard page", load, sizeof load);
    load[10] = 0x88;
    *(QWORD *)(load + 2) = (guarded = (QWORD)VirtualAlloc(0, 4096, 0x3000, 2)) + 6;
    run("store to a read-only page", load, sizeof load);
    load[10] = 0xff;
    load[11] = 0xe0;
    run("jump to a page without execute access", load, sizeof load);
  }
  RemoveVectoredExceptionHandler(handler);
}

static int seen;

static long first(struct pointers *info) {
  print(" first");
  (void)info;
  return CONTINUE_SEARCH;
}

static long second(struct pointers *info) {
  print(" second");
  (void)info;
  return CONTINUE_SEARCH;
}

static void *own;

/* Takes itself out of the list that is being walked. */
static long once(struct pointers *info) {
  print(" once");
  (void)info;
  RemoveVectoredExceptionHandler(own);
  return CONTINUE_SEARCH;
}

static long go_on(struct pointers *info) {
  seen++;
  print(" %lx with %lu parameters, flags %lx: go on", info->record->code, info->record->count, info->record->flags);
  return CONTINUE_EXECUTION;
}

static long continuing(struct pointers *info) {
  print(" [continuing %lx]", info->record->code);
  return CONTINUE_SEARCH;
}

static long last_continuing(struct pointers *info) {
  print(" [last]");
  (void)info;
  return CONTINUE_EXECUTION;
}

static void order(void) {
  static const QWORD information[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  void *handlers[3], *others[2];
  handlers[0] = AddVectoredExceptionHandler(0, go_on);
  handlers[1] = AddVectoredExceptionHandler(1, second);
  own = AddVectoredExceptionHandler(1, once);
  handlers[2] = AddVectoredExceptionHandler(1, first);
  others[0] = AddVectoredContinueHandler(0, last_continuing);
  others[1] = AddVectoredContinueHandler(1, continuing);
  print("order:");
  RaiseException(0x1234, 0, 2, information);
  print("\nagain, bit 28 and 16 parameters:");
  RaiseException(0xf0001234, 0, 16, information);
  print("\nremoved: %lu", RemoveVectoredExceptionHandler(handlers[1]));
  print(", %lu", RemoveVectoredContinueHandler(others[1]));
  print(", a second time %lu\n", RemoveVectoredExceptionHandler(handlers[1]));
  print("what is left:");
  RaiseException(0x1234, 0, 0, information);
  print("\n");
  RemoveVectoredExceptionHandler(handlers[0]);
  RemoveVectoredExceptionHandler(handlers[2]);
  RemoveVectoredContinueHandler(others[0]);
}

/* An exception that may not be continued: going on raises another, from which only the first handler's words come back. */
static long refuse(struct pointers *info) {
  print(" %08lx flags %lx", info->record->code, info->record->flags);
  if (info->record->code == 0xc0000025) {
    info->context->rsp = depth;
    info->context->rip = home;
    info->record->flags = 0;
    print(", caused by %lx\n", info->record->next ? info->record->next->code : 0);
  }
  return CONTINUE_EXECUTION;
}

static void raise_for_good(void) {
  RaiseException(0x77, 1, 0, 0);
}

static void noncontinuable(void) {
  void *handler = AddVectoredExceptionHandler(1, refuse);
  BYTE code[] = {0x48, 0x83, 0xec, 0x28, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xd0, 0x48, 0x83, 0xc4, 0x28, 0xc3};
  *(void **)(code + 6) = (void *)raise_for_good;
  run("going on where it may not be", code, sizeof code);
  RemoveVectoredExceptionHandler(handler);
}

/* A handler that writes every register; code that stores what it finds of them. */
static BYTE stored[0x100 + 16 * 16 + 16];

static long fill(struct pointers *info) {
  struct context *context = info->context;
  int index;
  context->rip += 2;
  context->rax = 0x1111111111111111;
  context->rcx = 0x2222222222222222;
  context->rdx = 0x3333333333333333;
  context->rbx = 0x4444444444444444;
  context->rbp = 0x5555555555555555;
  context->rsi = 0x6666666666666666;
  context->rdi = (QWORD)stored;
  for (index = 0; index < 8; index++) context->r[index] = 0x0101010101010101ull * (8 + index);
  for (index = 0; index < 16; index++) memset(context->xmm[index], 0xa0 + index, 16);
  context->eflags |= 0x8d5; /* CF PF AF ZF SF OF */
  context->mxcsr = 0x3f80;
  *(DWORD *)(context->x87 + 0x18) = 0x3f80;
  *(WORD *)context->x87 = 0x27f;
  return CONTINUE_EXECUTION;
}

static void registers(void) {
  static const BYTE code[] = {
      0x53, 0x55, 0x56, 0x57, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, /* push rbx rbp rsi rdi r12-r15 */
      0x0f, 0x0b,                                                             /* ud2 */
      0x48, 0x89, 0x07, 0x48, 0x89, 0x4f, 0x08, 0x48, 0x89, 0x57, 0x10, 0x48, 0x89, 0x5f, 0x18, /* rax rcx rdx rbx */
      0x48, 0x89, 0x6f, 0x20, 0x48, 0x89, 0x77, 0x28,                                           /* rbp rsi */
      0x4c, 0x89, 0x47, 0x30, 0x4c, 0x89, 0x4f, 0x38, 0x4c, 0x89, 0x57, 0x40, 0x4c, 0x89, 0x5f, 0x48, /* r8-r11 */
      0x4c, 0x89, 0x67, 0x50, 0x4c, 0x89, 0x6f, 0x58, 0x4c, 0x89, 0x77, 0x60, 0x4c, 0x89, 0x7f, 0x68, /* r12-r15 */
      0x9c, 0x58, 0x48, 0x89, 0x47, 0x70,             /* pushf; pop rax; mov [rdi+70h], rax */
      0x0f, 0xae, 0x5f, 0x78, 0xd9, 0x7f, 0x7c,       /* stmxcsr [rdi+78h]; fnstcw [rdi+7ch] */
      0x0f, 0x11, 0x87, 0x80, 0, 0, 0,                /* movups [rdi+80h], xmm0 */
      0x44, 0x0f, 0x11, 0xbf, 0x90, 0, 0, 0,          /* movups [rdi+90h], xmm15 */
      0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5f, 0x5e, 0x5d, 0x5b, /* pop */
      0x31, 0xc0, 0x83, 0xc0, 1, 0xc3,
  };
  void *handler = AddVectoredExceptionHandler(1, fill);
  QWORD *values = (QWORD *)stored;
  int index;
  run("registers", code, sizeof code);
  unmask(0x1f80, 0x37f);
  RemoveVectoredExceptionHandler(handler);
  for (index = 0; index < 14; index++) print("%s%llx", index % 4 ? " " : "\n  ", values[index]);
  print("\n  flags %llx mxcsr %lx control %x xmm0 %llx xmm15 %llx\n", values[14] & 0x8d5, *(DWORD *)(stored + 0x78),
         *(WORD *)(stored + 0x7c), values[16], values[19]);
}

static void capture(void) {
  static struct context context;
  static volatile int times;
  memset(&context, 0, sizeof context);
  times = 0;
  RtlCaptureContext(&context);
  print("captured: time %d, flags %lx\n", ++times, context.flags);
  if (times < 3) RtlRestoreContext(&context, 0);
  print("went on\n");
}

/* Stops at every instruction of a loop for as long as it sets the trap flag again. */
static int steps;
static long step(struct pointers *info) {
  if (info->record->code == 0x80000004 && ++steps < 7) info->context->eflags |= 0x100;
  return CONTINUE_EXECUTION;
}

static void stepping(void) {
  static const BYTE code[] = {0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0xb9, 9, 0, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xc3};
  void *handler = AddVectoredExceptionHandler(1, step);
  run("stepping", code, sizeof code);
  RemoveVectoredExceptionHandler(handler);
  print(" %d steps\n", steps);
}

static volatile int overflows;

static long overflow(struct pointers *info) {
  if (info->record->code != 0xc00000fd) return CONTINUE_SEARCH;
  overflows++;
  print(" %08lx (%lu)", info->record->code, info->record->count);
  info->context->rsp = depth;
  info->context->rip = home;
  return CONTINUE_EXECUTION;
}

static void overflow_twice(void) {
  /* sub rsp, 1000h; mov [rsp], rax; jmp -12 */
  static const BYTE code[] = {0x48, 0x81, 0xec, 0, 0x10, 0, 0, 0x48, 0x89, 0x04, 0x24, 0xeb, 0xf3};
  DWORD guarantee = 0x5000, before = 0;
  void *handler = AddVectoredExceptionHandler(1, overflow);
  int set = SetThreadStackGuarantee(&guarantee);
  SetThreadStackGuarantee(&before);
  print("guarantee: %d, before %lx, now %lx\n", set, guarantee, before);
  run("overflow", code, sizeof code);
  print(" reset %d\n", _resetstkoflw());
  run("and again", code, sizeof code);
  print(" reset %d\n", _resetstkoflw());
  RemoveVectoredExceptionHandler(handler);
}

static long at_last(struct pointers *info) {
  print(" filter %08lx", info->record->code);
  info->context->rip += 1;
  return CONTINUE_EXECUTION;
}

static void unhandled(void) {
  static const BYTE code[] = {0xcc, 0xc3};
  Handler before = SetUnhandledExceptionFilter(at_last), mine;
  run("unhandled", code, sizeof code);
  mine = SetUnhandledExceptionFilter(before);
  print(", and on; the filter was %s\n", mine == at_last ? "ours" : "another");
}

static int has(const char *text, const char *word) {
  QWORD length = 0, index;
  while (text[length]) length++;
  for (index = 0; index < length; index++)
    if (!strcmp(text + index, word)) return 1;
  return 0;
}

static long never(struct pointers *info) {
  print("a handler was asked for %lx\n", info->record->code);
  return CONTINUE_SEARCH;
}

int main(void) {
  const char *line = GetCommandLineA();
  page = VirtualAlloc(0, 4096, 0x3000, 0x40);
  if (!page) return 1;
  if (has(line, " fast")) {
    struct record record;
    memset(&record, 0, sizeof record);
    record.code = 0xc0000420;
    AddVectoredExceptionHandler(1, never);
    RaiseFailFastException(&record, 0, 0);
  }
  if (has(line, " last")) {
    static const BYTE code[] = {0xcc, 0xc3};
    AddVectoredExceptionHandler(1, first);
    run("last", code, sizeof code);
  }
  all_snippets();
  order();
  noncontinuable();
  registers();
  capture();
  stepping();
  overflow_twice();
  unhandled();
  ExitProcess(9);
  return 0;
}

#ifdef __clang__
void mainCRTStartup(void) {
  main();
}
#endif
