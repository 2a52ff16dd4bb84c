/*
 * C++ exceptions as mingw-w64's g++ compiles them: table-based unwinding through RtlUnwindEx with a personality routine of
 * the program's own. Expected output written by hand from the rules of the language.
 */
#include <windows.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

struct Noisy {
  const char *name;
  explicit Noisy(const char *n) : name(n) { std::printf("+%s ", name); }
  ~Noisy() { std::printf("-%s ", name); }
};

struct Base {
  virtual ~Base() {}
  int number = 7;
};
struct Other {
  virtual ~Other() {}
  int other = 9;
};
struct Derived : Other, Base {};

struct Member {
  Noisy first{"m1"};
  Noisy second;
  explicit Member(bool fail) : second(fail ? throw std::runtime_error("member") : "m2") {}
};

static int depth(int n) {
  Noisy local(n % 2 ? "odd" : "even");
  if (n == 0) throw std::out_of_range("bottom");
  return depth(n - 1) + 1;
}

static void rethrow() {
  try {
    Noisy inner("inner");
    throw Derived();
  } catch (Other &other) {
    std::printf("other %d ", other.other);
    throw;
  }
}

static void guarded() noexcept(false) {
  Noisy g("guard");
  std::vector<std::string> names(3, std::string(40, 'x'));
  throw std::string(names[1].begin(), names[1].begin() + 5);
}

static int frames(int n) {
  volatile int kept = n;
  if (n > 0) return frames(n - 1) + (kept < 0);
  void *addresses[100];
  return CaptureStackBackTrace(0, 100, addresses, nullptr);
}

int main() {
  try {
    depth(3);
  } catch (const std::logic_error &error) {
    std::printf("logic_error %s\n", error.what());
  }
  try {
    rethrow();
  } catch (Base &base) {
    std::printf("base %d\n", base.number);
  }
  try {
    Member member(true);
  } catch (const std::exception &error) {
    std::printf("exception %s\n", error.what());
  }
  try {
    guarded();
  } catch (const std::string &text) {
    std::printf("string %s\n", text.c_str());
  }
  try {
    try {
      throw 1;
    } catch (int first) {
      Noisy outer("outer");
      try {
        throw first + 1;
      } catch (int second) {
        std::printf("nested %d %d ", first, second);
        throw 'c';
      }
    }
  } catch (char c) {
    std::printf("char %c\n", c);
  }
  try {
    throw 2.5;
  } catch (...) {
    std::printf("anything\n");
  }
  int sum = 0;
  for (int i = 0; i < 200; i++) {
    try {
      if (i % 3 == 0) throw i;
      sum += i;
    } catch (int value) {
      sum -= value;
    }
  }
  std::printf("sum %d\n", sum);
  try {
    std::vector<int>().at(5);
  } catch (const std::exception &) {
    std::printf("at\n");
  }
  int base = frames(0);
  std::printf("frames %d\n", frames(10) - base);
  return 3;
}
