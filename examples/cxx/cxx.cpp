/*
 * C++ exceptions as clang compiles them for Microsoft's ABI, without headers or a C runtime of its own: catch by type, base
 * class and pointer, copies of the thrown object, rethrow, nested try, through __CxxFrameHandler3 of vcruntime140.dll.
 * Expected output: the rules of the language, and the same under Wine.
 */
extern "C" {
int printf(const char *, ...);
[[noreturn]] void exit(int);
void *malloc(unsigned long long);
void free(void *);
int __uncaught_exception();
void qsort(void *, unsigned long long, unsigned long long, int (*)(const void *, const void *));
int _fltused = 1;
extern void *const type_info_table[2] __asm__("??_7type_info@@6B@");
void *const type_info_table[2] = {};
}
void *operator new(unsigned long long size) { return malloc(size); }
void operator delete(void *block) noexcept { free(block); }
void operator delete(void *block, unsigned long long) noexcept { free(block); }

struct Noisy {
  const char *name;
  explicit Noisy(const char *n) : name(n) { printf("+%s ", name); }
  ~Noisy() { printf("-%s ", name); }
};

struct Base {
  int number;
  explicit Base(int n) : number(n) {}
  virtual ~Base() {}
  virtual int value() { return number; }
};
struct Other {
  int other = 9;
  virtual ~Other() {}
};
struct Derived : Other, Base {
  Derived() : Base(7) {}
  int value() override { return number + 100; }
};

struct Copied {
  int n;
  explicit Copied(int v) : n(v) { printf("make%d ", n); }
  Copied(const Copied &from) : n(from.n + 1) { printf("copy%d ", n); }
  ~Copied() { printf("drop%d ", n); }
};

struct Shared {
  int shared = 33;
  Shared() {}
  Shared(const Shared &from) : shared(from.shared) { printf("vcopy "); }
};
struct Virtual : virtual Shared {
  int own = 4;
};

struct Member {
  Noisy a{"a"};
  Noisy b;
  Member() : b((throw 6, "b")) {}
};

struct Asking {
  ~Asking() { printf("uncaught %d ", __uncaught_exception()); }
};

struct Catching {
  ~Catching() {
    try {
      throw 'x';
    } catch (char c) {
      printf("destructor %c ", c);
    }
  }
};

#define ALONE __attribute__((noinline)) static

ALONE int depth(int n) {
  Noisy local(n % 2 ? "odd" : "even");
  if (n == 0) throw 42;
  return depth(n - 1) + 1;
}

ALONE void rethrow() {
  try {
    Noisy inner("inner");
    throw Derived();
  } catch (Other &other) {
    printf("other %d ", other.other);
    throw;
  }
}

ALONE void by_value() {
  try {
    throw Copied(1);
  } catch (Copied copied) {
    printf("caught%d ", copied.n);
  }
  printf("\n");
}

ALONE void by_pointer() {
  Derived derived;
  try {
    throw &derived;
  } catch (Base *base) {
    printf("pointer %d\n", base->value());
  }
}

ALONE void virtual_base() {
  try {
    throw Virtual();
  } catch (Shared shared) {
    printf("virtual %d\n", shared.shared);
  }
}

ALONE void nested() {
  try {
    try {
      throw 1;
    } catch (int first) {
      Noisy outer("outer");
      try {
        throw first + 1;
      } catch (int second) {
        printf("nested %d %d ", first, second);
        throw 'c';
      }
    }
  } catch (char c) {
    printf("char %c\n", c);
  }
}

ALONE void replaced() {
  try {
    try {
      throw Copied(10);
    } catch (Copied &copied) {
      printf("ref%d ", copied.n);
      throw 5;
    }
  } catch (int i) {
    printf("replaced %d\n", i);
  }
}

ALONE void throw_again() { throw; }

ALONE void deep() {
  try {
    try {
      throw 3;
    } catch (...) {
      throw_again();
    }
  } catch (int i) {
    printf("deep %d\n", i);
  }
}

ALONE int loop() {
  int sum = 0;
  for (int i = 0; i < 100; i++) {
    try {
      if (i % 3 == 0) throw i;
      sum += i;
    } catch (int value) {
      sum -= value;
      if (value == 90) break;
      continue;
    }
  }
  return sum;
}

ALONE int returning() {
  try {
    throw 1;
  } catch (int i) {
    Noisy local("return");
    return i + 10;
  }
}

static int compare(const void *left, const void *right) {
  if (*(const int *)left == 3) throw 3;
  return *(const int *)left - *(const int *)right;
}

/* Through frames of the C runtime, which called back. */
ALONE void sorting() {
  int numbers[5] = {5, 4, 3, 2, 1};
  Noisy local("sorting");
  qsort(numbers, 5, 4, compare);
}

struct Left : virtual Shared {
  virtual ~Left() {}
  int left = 1;
};
struct Right : virtual Shared {
  virtual ~Right() {}
  int right = 2;
};
struct Both : Left, Right {
  int both = 3;
};

ALONE void cast(Base *base, Other *other, Left *left) {
  Derived *derived = dynamic_cast<Derived *>(base);
  Other *across = dynamic_cast<Other *>(base);
  Right *right = dynamic_cast<Right *>(left);
  Both *both = dynamic_cast<Both *>(left);
  printf("down %d across %d virtual %d %d", derived ? derived->number : -1, across ? across->other : -1,
         right ? right->right : -1, both ? both->both : -1);
  printf(" back %d void %d\n", dynamic_cast<Base *>(other) == base, dynamic_cast<void *>(base) == (void *)derived);
}

ALONE void casts() {
  Derived derived;
  Base base(1);
  Other other;
  Both both;
  Left left;
  cast(&derived, &derived, &both);
  cast(&base, &other, &left);
  try {
    dynamic_cast<Derived &>(base).number++;
  } catch (...) {
    printf("no such cast\n");
  }
}

int program() {
  try {
    depth(3);
  } catch (int i) {
    printf("int %d\n", i);
  }
  try {
    rethrow();
  } catch (Base &base) {
    printf("base %d %d\n", base.number, base.value());
  }
  by_value();
  by_pointer();
  virtual_base();
  nested();
  replaced();
  deep();
  printf("loop %d\n", loop());
  printf("returning %d\n", returning());
  try {
    Member *member = new Member;
    delete member;
  } catch (int i) {
    printf("member %d\n", i);
  }
  try {
    Asking asking;
    throw 1;
  } catch (int) {
    Asking asking;
  }
  printf("\n");
  try {
    Catching catching;
    throw 1;
  } catch (int i) {
    printf("after %d\n", i);
  }
  try {
    throw Copied(20);
  } catch (...) {
    printf("any ");
  }
  printf("\n");
  try {
    sorting();
  } catch (int i) {
    printf("out of qsort %d\n", i);
  }
  casts();
  return 6;
}

extern "C" void mainCRTStartup() { exit(program()); }
