/*
 * __try, __except and __finally as clang compiles them for Microsoft's ABI, without a C runtime of its own: table-based
 * handling through __C_specific_handler. Where an exception can occur is a function of its own, as clang guards calls only.
 * The expected output was recorded under Wine and corrected where it contradicts Microsoft's "try-except statement" and
 * "try-finally statement" (wine-differs.md).
 */
typedef unsigned long DWORD;
typedef unsigned long long QWORD;

int printf(const char *, ...);
__declspec(noreturn) void exit(int);
void *VirtualAlloc(void *, QWORD, DWORD, DWORD);
int VirtualProtect(void *, QWORD, DWORD, DWORD *);
void RaiseException(DWORD, DWORD, DWORD, const QWORD *);
struct function {
  DWORD begin, end, unwind;
};
typedef struct function *(*Find)(QWORD, void *);
int RtlAddFunctionTable(struct function *, DWORD, QWORD);
int RtlInstallFunctionTableCallback(QWORD, QWORD, DWORD, Find, void *, const unsigned short *);
int RtlDeleteFunctionTable(struct function *);
unsigned long _exception_code(void);
void *_exception_info(void);
int _abnormal_termination(void);
int _resetstkoflw(void);

struct record {
  DWORD code, flags;
  struct record *next;
  void *address;
  DWORD count;
  QWORD information[15];
};
struct pointers {
  struct record *record;
  void *context;
};

#define ALONE __attribute__((noinline)) static
#define INFO ((struct pointers *)_exception_info())

static volatile int zero, result;
static int times;

ALONE void store(volatile int *at, int value) { *at = value; }
ALONE void divide(int value) { result = value / zero; }

ALONE int filter(struct pointers *info, int answer) {
  printf("[filter %08lx flags %lx]", info->record->code, info->record->flags);
  return answer;
}

ALONE void simple(void) {
  __try {
    store((int *)0x10, 1);
  } __except (1) {
    printf("caught %08lx\n", _exception_code());
  }
}

ALONE void guarded(void) {
  __try {
    divide(5);
  } __finally {
    printf("[finally %d]", _abnormal_termination());
  }
}

ALONE void nested(void) {
  __try {
    __try {
      guarded();
    } __except (filter(INFO, 0)) {
      printf("not here\n");
    }
  } __except (filter(INFO, 1)) {
    printf(" nested %08lx\n", _exception_code());
  }
}

/* An exception in a __finally that an unwinding runs: the second exception takes the unwinding over. */
ALONE void collided(void) {
  __try {
    __try {
      __try {
        RaiseException(0xe0000001, 0, 0, 0);
      } __finally {
        printf("[first]");
        RaiseException(0xe0000002, 0, 0, 0);
      }
    } __finally {
      printf("[second]");
    }
  } __except (filter(INFO, 1)) {
    printf(" collided %08lx\n", _exception_code());
  }
}

ALONE int raising(struct pointers *info) {
  printf("[raising %d flags %lx]", times, info->record->flags);
  if (times++ == 0) RaiseException(0xe0000004, 0, 0, 0);
  return 0;
}

/* An exception in a filter: a nested one, which the same handlers see. */
ALONE void in_filter(void) {
  __try {
    __try {
      RaiseException(0xe0000003, 0, 0, 0);
    } __except (raising(INFO)) {
      printf("not here\n");
    }
  } __except (filter(INFO, 1)) {
    printf(" outer %08lx\n", _exception_code());
  }
}

ALONE int resume(struct pointers *info) {
  DWORD old;
  printf("[resume %08lx]", info->record->code);
  VirtualProtect((void *)info->record->information[1], 1, 4, &old);
  return -1;
}

ALONE void continued(void) {
  volatile int *page = VirtualAlloc(0, 4096, 0x3000, 1);
  __try {
    store(page, 42);
    printf(" page %d\n", *page);
  } __except (resume(INFO)) {
    printf("not here\n");
  }
}

ALONE int leaving(void) {
  int sum = 0;
  for (int i = 0; i < 3; i++) {
    __try {
      if (i == 1) continue;
      sum += 10;
    } __finally {
      sum += _abnormal_termination() ? 100 : 1;
    }
  }
  return sum;
}

ALONE void noncontinuable(void) {
  __try {
    RaiseException(0xe0000005, 1, 0, 0);
  } __except (filter(INFO, _exception_code() == 0xe0000005 ? -1 : 1)) {
    printf(" then %08lx\n", _exception_code());
  }
}

ALONE void recurse(int depth) {
  __try {
    if (depth == 0) RaiseException(0xe0000006, 0, 0, 0);
    recurse(depth - 1);
    result++;
  } __finally {
    times++;
  }
}

ALONE void deep(void) {
  times = 0;
  __try {
    recurse(600);
  } __except (1) {
    printf("left %d\n", times);
  }
}

ALONE int endless(int depth) {
  volatile char room[3000];
  room[0] = (char)depth;
  return depth < 0 ? 0 : endless(depth + 1) + room[0];
}

/* The stack's end is an exception like any other as long as there is room to handle it. */
ALONE void overflow(void) {
  for (int i = 0; i < 2; i++) {
    __try {
      result = endless(0);
    } __except (1) {
      printf("overflow %08lx, guard back %d\n", _exception_code(), _resetstkoflw());
    }
  }
}

ALONE int plain(int depth) {
  if (depth == 0) RaiseException(0xe0000008, 0, 0, 0);
  if (depth < 0) return 0;
  return plain(depth - 1) + 1;
}

ALONE void far(void) {
  __try {
    result = plain(2000);
  } __except (1) {
    printf("from afar %08lx\n", _exception_code());
  }
}

static void raise_seven(void) { RaiseException(0xe0000007, 0, 0, 0); }

/* push rbx; sub rsp, 20h; call rcx; add rsp, 20h; pop rbx; ret, and its unwind information */
static const unsigned char code[] = {0x53, 0x48, 0x83, 0xec, 0x20, 0xff, 0xd1, 0x48, 0x83, 0xc4, 0x20, 0x5b, 0xc3};
static const unsigned char unwind[] = {1, 5, 2, 0, 5, 0x32, 1, 0x30};

ALONE void through(unsigned char *page, const char *how) {
  __try {
    ((void (*)(void (*)(void)))page)(raise_seven);
  } __except (1) {
    printf("through generated code, by %s\n", how);
  }
}

static struct function *find(QWORD pc, void *context) {
  struct function *function = context;
  return (pc & 0xfff) < function->end ? function : 0;
}

ALONE void generated(void) {
  unsigned char *page = VirtualAlloc(0, 4096, 0x3000, 0x40);
  struct function *function = (struct function *)(page + 0x80);
  for (unsigned i = 0; i < sizeof code; i++) page[i] = code[i];
  for (unsigned i = 0; i < sizeof unwind; i++) page[0x40 + i] = unwind[i];
  function->begin = 0;
  function->end = sizeof code;
  function->unwind = 0x40;
  RtlAddFunctionTable(function, 1, (QWORD)page);
  through(page, "a table");
  RtlDeleteFunctionTable(function);
  RtlInstallFunctionTableCallback((QWORD)page | 3, (QWORD)page, 4096, find, function, 0);
  through(page, "a callback");
}

void mainCRTStartup(void) {
  simple();
  nested();
  collided();
  in_filter();
  continued();
  printf("leaving %d\n", leaving());
  noncontinuable();
  deep();
  far();
  generated();
  overflow();
  exit(5);
}
