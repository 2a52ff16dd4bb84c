/*
 * What the C++ runtime throws itself, and what a translator makes of an exception of the processor's: dynamic_cast of a
 * reference that fails throws std::bad_cast, typeid of a null pointer std::bad_typeid; _set_se_translator's function throws for
 * a violation and a division, and one that throws nothing leaves them to catch (...). What -EHa of Microsoft's compiler does is one
 * bit of a function's table: the build clears it, as clang 14 does not. Expected output: the rules of the language and Microsoft's
 * "_set_se_translator", "bad_cast exception", "bad_typeid exception".
 */
extern "C" {
int printf(const char *, ...);
[[noreturn]] void exit(int);
void *malloc(unsigned long long);
void free(void *);
int _fltused = 1;
extern void *const type_info_table[2] __asm__("??_7type_info@@6B@");
void *const type_info_table[2] = {};

struct Record {
  unsigned code, flags;
  void *next, *address;
  unsigned count;
  unsigned long long information[15];
};
struct Pointers {
  Record *record;
  void *context;
};
typedef void (*Translator)(unsigned, Pointers *);
Translator _set_se_translator(Translator);
}
void operator delete(void *block) noexcept { free(block); }
void operator delete(void *block, unsigned long long) noexcept { free(block); }

namespace std {
class type_info {
public:
  virtual ~type_info();
  void *data;
  char decorated[1];
};
class exception {
public:
  virtual ~exception() {}
  virtual const char *what() const { return text ? text : "no text"; }
  const char *text = nullptr;
  bool owned = false;
};
class bad_cast : public exception {};
class bad_typeid : public exception {};
class __non_rtti_object : public bad_typeid {};
} // namespace std

struct Base {
  virtual ~Base() {}
  int base = 1;
};
struct Derived : Base {
  int derived = 2;
};

#define ALONE __attribute__((noinline)) static

ALONE int cast(Base &base) { return dynamic_cast<Derived &>(base).derived; }
ALONE const char *name(Base *base) { return typeid(*base).decorated; }

struct Noisy {
  const char *text;
  ~Noisy() { printf("~%s ", text); }
};

struct Violation {
  unsigned code;
  unsigned long long address;
};

static volatile int zero, result;
/* Both could throw, so that calls of them are guarded. */
ALONE void store(volatile int *at) {
  if (result) throw 1;
  *at = 1;
}
ALONE void divide(int value) {
  if (result) throw 2;
  result = value / zero;
}

static void translate(unsigned code, Pointers *info) {
  printf("[translate %08x %u] ", code, info->record->code == code);
  throw Violation{code, info->record->count > 1 ? info->record->information[1] : 0};
}

static int seen;
static void look(unsigned code, Pointers *) {
  seen++;
  printf("[look %08x] ", code);
}

ALONE void casts() {
  Base base;
  Derived derived;
  printf("cast: %d ", cast(derived));
  try {
    Noisy noisy{"cast"};
    cast(base);
  } catch (std::bad_cast &error) {
    printf("bad_cast: %s\n", error.what());
  }
  try {
    cast(base);
  } catch (std::exception &error) {
    printf("exception: %s\n", error.what());
  }
  try {
    cast(base);
  } catch (std::bad_typeid &) {
    printf("not this one\n");
  } catch (std::bad_cast error) {
    printf("by value: %s\n", error.what());
  }
  printf("typeid: %s ", name(&derived));
  try {
    name(nullptr);
  } catch (std::bad_typeid &error) {
    printf("bad_typeid: %s\n", error.what());
  }
}

ALONE void translated() {
  try {
    Noisy noisy{"store"};
    store((int *)0x70);
  } catch (Violation &violation) {
    printf("caught %08x of %llx\n", violation.code, violation.address);
  }
  try {
    try {
      divide(1);
    } catch (int) {
      printf("not this one\n");
    }
  } catch (Violation &violation) {
    printf("caught %08x outside\n", violation.code);
  }
}

int run() {
  casts();
  Translator before = _set_se_translator(translate);
  translated();
  translated();
  printf("before: %d, now ours: %d\n", before != nullptr, _set_se_translator(look) == translate);
  try {
    Noisy noisy{"look"};
    store((int *)0x80);
  } catch (...) {
    printf("by catch (...), looked at %d times\n", seen);
  }
  _set_se_translator(nullptr);
  try {
    divide(2);
  } catch (...) {
    printf("without a translator\n");
  }
  return 8;
}

extern "C" void mainCRTStartup() { exit(run()); }
