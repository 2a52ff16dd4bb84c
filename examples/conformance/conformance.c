/*
 * Runs a compiled script of test/conformance: makes the calls it names, through GetProcAddress, with the arguments it gives,
 * and prints what it saw, one line for each observation, in hexadecimal. What the values should be it does not know.
 * conformance SCRIPT [FIRST] [PAST] reads the script from the current folder and runs the rows from FIRST up to PAST.
 *
 *   R row                     a row begins: variables are 0, the scratch buffer is zeroed
 *   L slot expression         a variable gets a value
 *   C slot function exprs     a call; its result goes to a variable; prints "= result lasterror"
 *   N slot                    leaves out the rest of the row when the variable is 0
 *   D function exprs          the same without a word, for what a row leaves behind
 *   E expression              prints "# value"
 *   G bytes address           reads; prints "= value 0"
 *   P bytes address value     writes; prints "= 0 0"
 *   X address                 calls the address without arguments; prints "= 0 0"
 *   Q address                 VirtualQuery; prints "? base allocation allocationProtect size state protect type"
 *
 * Expressions are in reverse Polish form: numbers in hexadecimal, v3 a variable, &3 its address, @5 the string in line 5 of the
 * string table, + - * / | %. Expressions of a line are separated by commas. An exception prints "! code information0 information1",
 * a function that does not exist "missing". Lines "S text" and "W text" at the head are the string table (narrow and wide).
 */
typedef unsigned char BYTE;
typedef unsigned short WORD;
typedef unsigned long DWORD;
typedef unsigned long long QWORD;
typedef void *HANDLE;

HANDLE CreateFileA(const char *, DWORD, DWORD, void *, DWORD, DWORD, HANDLE);
int ReadFile(HANDLE, void *, DWORD, DWORD *, void *);
int WriteFile(HANDLE, const void *, DWORD, DWORD *, void *);
int CloseHandle(HANDLE);
DWORD GetFileSize(HANDLE, DWORD *);
HANDLE GetStdHandle(DWORD);
char *GetCommandLineA(void);
DWORD GetModuleFileNameA(HANDLE, char *, DWORD);
HANDLE LoadLibraryA(const char *);
void *GetProcAddress(HANDLE, const char *);
DWORD GetLastError(void);
void SetLastError(DWORD);
QWORD VirtualQuery(const void *, void *, QWORD);
void *VirtualAlloc(void *, QWORD, DWORD, DWORD);
int CreateProcessA(const char *, char *, void *, void *, int, DWORD, void *, const char *, void *, void *);
__declspec(noreturn) void ExitProcess(DWORD);
void *_exception_info(void);

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
#define MOST_SLOTS 64
#define MOST_ARGUMENTS 14
#define MOST_STRINGS 512
#define BUFFER_BYTES 0x10000
#define CALL_LAST_ERROR 0xdead

static BYTE buffer[BUFFER_BYTES] __attribute__((aligned(4096)));
static QWORD slots[MOST_SLOTS];
static void *strings[MOST_STRINGS];
static WORD wide[0x8000];
static int string_count, wide_count;
static char out[0x2000];
static DWORD out_count;
static DWORD seen_code;
static QWORD seen_information[2];

void *memset(void *at, int value, QWORD bytes) {
  for (volatile BYTE *to = at; bytes; bytes--) *to++ = (BYTE)value;
  return at;
}

static void flush(void) {
  DWORD written;
  WriteFile(GetStdHandle((DWORD)-11), out, out_count, &written, 0);
  out_count = 0;
}

static void put(char letter) {
  if (out_count == sizeof out) flush();
  out[out_count++] = letter;
}

static void say(const char *text) {
  while (*text) put(*text++);
}

static void say_number(QWORD value) {
  int shift = 60;
  while (shift && !(value >> shift)) shift -= 4;
  put(' ');
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}

static int equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* What the script has: fields separated by blanks, lines by line feeds. */
static char *at;

static void skip_line(void) {
  while (*at && *at != '\n') at++;
  if (*at) at++;
}

static QWORD hexadecimal(void) {
  QWORD value = 0;
  for (;; at++) {
    if (*at >= '0' && *at <= '9') value = value * 16 + (QWORD)(*at - '0');
    else if (*at >= 'a' && *at <= 'f') value = value * 16 + (QWORD)(*at - 'a' + 10);
    else return value;
  }
}

static QWORD apply(char operation, QWORD a, QWORD b) {
  switch (operation) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return b ? a / b : 0;
    case '%': return b ? a % b : 0;
    default: return a | b;
  }
}

static QWORD primary(void) {
  switch (*at) {
    case 'v': at++; return slots[hexadecimal() % MOST_SLOTS];
    case '&': at++; return (QWORD)&slots[hexadecimal() % MOST_SLOTS];
    case '@': at++; return (QWORD)strings[hexadecimal() % MOST_STRINGS];
    default: return hexadecimal();
  }
}

/* An expression up to a comma or the end of its line. */
static QWORD expression(void) {
  QWORD stack[16];
  int depth = 0;
  for (;;) {
    while (*at == ' ') at++;
    if (*at == 0 || *at == '\n' || *at == ',') break;
    if (depth >= 2 && (*at == '+' || *at == '-' || *at == '*' || *at == '/' || *at == '|' || *at == '%')) {
      stack[depth - 2] = apply(*at++, stack[depth - 2], stack[depth - 1]);
      depth--;
    } else if (depth < 16) stack[depth++] = primary();
    else at++;
  }
  if (*at == ',') at++;
  return depth ? stack[depth - 1] : 0;
}

static int more(void) {
  while (*at == ' ') at++;
  return *at && *at != '\n';
}

/* Functions that the calls of a script may name besides those of Windows. */

/* A file of so many bytes, byte i being i % 251; opened again with the access and sharing asked for. */
static QWORD make_file(const char *name, QWORD bytes, DWORD access, DWORD share) {
  HANDLE file = CreateFileA(name, 0x40000000, 0, 0, 2, 0x80, 0);
  QWORD done = 0;
  DWORD written = 1;
  if (file == (HANDLE)-1) return (QWORD)-1;
  while (done < bytes && written) {
    DWORD part = bytes - done < BUFFER_BYTES ? (DWORD)(bytes - done) : BUFFER_BYTES;
    for (DWORD i = 0; i < part; i++) buffer[i] = (BYTE)((done + i) % 251);
    WriteFile(file, buffer, part, &written, 0);
    done += written;
  }
  CloseHandle(file);
  memset(buffer, 0, BUFFER_BYTES);
  return (QWORD)CreateFileA(name, access, share, 0, 3, 0, 0);
}

/* Another process of this program, suspended before its first instruction; its handle. */
static QWORD child(void) {
  static char path[600];
  static BYTE startup[104];
  static HANDLE information[3];
  GetModuleFileNameA(0, path, sizeof path);
  *(DWORD *)startup = sizeof startup;
  if (!CreateProcessA(path, 0, 0, 0, 0, 4, 0, 0, startup, information)) return 0;
  CloseHandle(information[1]);
  return (QWORD)information[0];
}

/* How many of these bytes in a row are the given one. */
static QWORD count_bytes(const BYTE *from, QWORD bytes, QWORD value) {
  QWORD count = 0;
  while (count < bytes && from[count] == (BYTE)value) count++;
  return count;
}

/* Enables a privilege that the account holds; 0 when it does not. */
static QWORD enable_privilege(const char *name) {
  struct {
    DWORD count, low, high, attributes;
  } privileges = {1, 0, 0, 2};
  HANDLE token = 0, module = LoadLibraryA("advapi32.dll");
  int (*open)(HANDLE, DWORD, HANDLE *) = GetProcAddress(module, "OpenProcessToken");
  int (*look_up)(const char *, const char *, DWORD *) = GetProcAddress(module, "LookupPrivilegeValueA");
  int (*adjust)(HANDLE, int, void *, DWORD, void *, void *) = GetProcAddress(module, "AdjustTokenPrivileges");
  if (!open((HANDLE)-1, 0x28, &token) || !look_up(0, name, &privileges.low)) return 0;
  SetLastError(0);
  int adjusted = adjust(token, 0, &privileges, 0, 0, 0);
  DWORD error = GetLastError();
  CloseHandle(token);
  return adjusted && error == 0;
}

static QWORD fill_bytes(BYTE *to, QWORD bytes, QWORD value) {
  memset(to, (int)value, bytes);
  return bytes;
}

/* OBJECT_ATTRIBUTES with a UNICODE_STRING behind them; the address again. */
static QWORD named_object(QWORD *attributes, const WORD *name) {
  WORD length = 0;
  while (name[length]) length++;
  memset(attributes, 0, 0x40);
  attributes[0] = 0x30;
  attributes[2] = (QWORD)&attributes[6];
  *(WORD *)&attributes[6] = (WORD)(length * 2);
  *((WORD *)&attributes[6] + 1) = (WORD)(length * 2);
  attributes[7] = (QWORD)name;
  return (QWORD)attributes;
}

static void *own(const char *name) {
  if (equal(name, "NamedObject")) return (void *)named_object;
  if (equal(name, "MakeFile")) return (void *)make_file;
  if (equal(name, "Child")) return (void *)child;
  if (equal(name, "EnablePrivilege")) return (void *)enable_privilege;
  if (equal(name, "CountBytes")) return (void *)count_bytes;
  if (equal(name, "FillBytes")) return (void *)fill_bytes;
  return 0;
}

static void *find(const char *name) {
  static const char *const modules[] = {"kernel32.dll", "ntdll.dll", "kernelbase.dll", "advapi32.dll", "psapi.dll"};
  void *function = own(name);
  for (int i = 0; !function && i < 5; i++) {
    HANDLE module = LoadLibraryA(modules[i]);
    if (module) function = GetProcAddress(module, name);
  }
  return function;
}

static int note(struct pointers *seen) {
  seen_code = seen->record->code;
  for (DWORD i = 0; i < 2; i++) seen_information[i] = i < seen->record->count ? seen->record->information[i] : 0;
  return 1;
}

typedef QWORD (*Function)(QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD, QWORD);

ALONE QWORD call(Function function, const QWORD *a) {
  return function(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13]);
}

ALONE QWORD load(QWORD address, QWORD bytes) {
  switch (bytes) {
    case 1: return *(volatile BYTE *)address;
    case 2: return *(volatile WORD *)address;
    case 4: return *(volatile DWORD *)address;
    default: return *(volatile QWORD *)address;
  }
}

ALONE QWORD store(QWORD address, QWORD bytes, QWORD value) {
  switch (bytes) {
    case 1: *(volatile BYTE *)address = (BYTE)value; break;
    case 2: *(volatile WORD *)address = (WORD)value; break;
    case 4: *(volatile DWORD *)address = (DWORD)value; break;
    default: *(volatile QWORD *)address = value;
  }
  return 0;
}

/* Does one thing under a handler; false when it raised an exception. */
ALONE int guarded(char kind, Function function, const QWORD *a, QWORD *result) {
  seen_code = 0;
  __try {
    switch (kind) {
      case 'G': *result = load(a[1], a[0]); break;
      case 'P': *result = store(a[1], a[0], a[2]); break;
      case 'X': *result = 0; function(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0); break;
      default: *result = call(function, a);
    }
  } __except (note(_exception_info())) {
    return 0;
  }
  return 1;
}

static void say_exception(void) {
  say("!");
  say_number(seen_code);
  say_number(seen_information[0]);
  say_number(seen_information[1]);
  put('\n');
}

static void do_call(int quiet) {
  char name[64];
  QWORD a[MOST_ARGUMENTS] = {0}, result = 0;
  int slot = quiet ? -1 : (int)hexadecimal(), length = 0, count = 0;
  while (*at == ' ') at++;
  while (*at > ' ') {
    if (length < 63) name[length++] = *at;
    at++;
  }
  name[length] = 0;
  while (more() && count < MOST_ARGUMENTS) a[count++] = expression();
  Function function = (Function)find(name);
  if (!function) {
    if (!quiet) say("missing\n");
    return;
  }
  SetLastError(CALL_LAST_ERROR);
  int fine = guarded('C', function, a, &result);
  DWORD error = GetLastError();
  if (quiet) return;
  if (!fine) {
    say_exception();
    return;
  }
  if (slot > 0) slots[slot % MOST_SLOTS] = result;
  say("=");
  say_number(result);
  say_number(error);
  put('\n');
}

static void do_access(char kind) {
  QWORD a[3] = {0}, result = 0;
  int count = 0;
  if (kind != 'X') a[count++] = hexadecimal();
  while (more() && count < 3) a[count++] = expression();
  if (guarded(kind, (Function)a[0], a, &result)) {
    say("=");
    say_number(result);
    say_number(0);
    put('\n');
  } else say_exception();
}

static void do_query(void) {
  struct {
    QWORD base, allocation;
    DWORD allocation_protect, partition;
    QWORD size;
    DWORD state, protect, type, padding;
  } seen;
  memset(&seen, 0, sizeof seen);
  VirtualQuery((void *)expression(), &seen, sizeof seen);
  say("?");
  say_number(seen.base);
  say_number(seen.allocation);
  say_number(seen.allocation_protect);
  say_number(seen.size);
  say_number(seen.state);
  say_number(seen.protect);
  say_number(seen.type);
  put('\n');
}

static void begin_row(void) {
  memset(buffer, 0, BUFFER_BYTES);
  memset(slots, 0, sizeof slots);
  slots[0] = (QWORD)buffer;
  say("R");
  say_number(hexadecimal());
  put('\n');
  flush();
}

static void do_line(char kind) {
  switch (kind) {
    case 'R': begin_row(); break;
    case 'L': {
      QWORD slot = hexadecimal();
      slots[slot % MOST_SLOTS] = expression();
      break;
    }
    case 'C': do_call(0); break;
    case 'D': do_call(1); break;
    case 'E':
      say("#");
      say_number(expression());
      put('\n');
      break;
    case 'Q': do_query(); break;
    default: do_access(kind);
  }
}

/* The rest of a line becomes a string of the table; the script's own text serves for the narrow ones. */
static void add_string(char kind) {
  char *start = at;
  while (*at && *at != '\n') at++;
  if (*at) *at++ = 0;
  if (string_count == MOST_STRINGS) return;
  if (kind == 'S') {
    strings[string_count++] = start;
    return;
  }
  strings[string_count++] = &wide[wide_count];
  do wide[wide_count++] = (BYTE)*start;
  while (*start++ && wide_count < 0x8000);
}

static char *read_script(const char *name) {
  DWORD read = 0;
  HANDLE file = CreateFileA(name, 0x80000000, 1, 0, 3, 0, 0);
  if (file == (HANDLE)-1) return 0;
  DWORD size = GetFileSize(file, 0);
  char *text = VirtualAlloc(0, size + 1, 0x3000, 4);
  if (text) ReadFile(file, text, size, &read, 0);
  CloseHandle(file);
  return text;
}

/* The arguments of the command line, which the tests write without quotes in them. */
static char *argument(char **line) {
  char *start;
  while (**line == ' ') ++*line;
  char end = **line == '"' ? *(*line)++ : ' ';
  start = *line;
  while (**line && **line != end) ++*line;
  if (**line) *(*line)++ = 0;
  return start;
}

void mainCRTStartup(void) {
  char *line = GetCommandLineA();
  argument(&line);
  char *name = argument(&line);
  at = argument(&line);
  QWORD first = hexadecimal();
  at = argument(&line);
  QWORD past = hexadecimal();
  char *script = read_script(name);
  if (!script) ExitProcess(1);
  int skip = 0, left = 0;
  for (at = script; *at; skip_line()) {
    while (*at == 'S' || *at == 'W') {
      char kind = *at;
      at += 2;
      add_string(kind);
    }
    char kind = *at;
    if (!kind) break;
    at++;
    while (*at == ' ') at++;
    if (kind == 'R') {
      char *here = at;
      QWORD row = hexadecimal();
      skip = row < first || (past && row >= past);
      left = 0;
      at = here;
    }
    if (skip || (left && kind != 'D')) continue;
    if (kind == 'N') left = !slots[hexadecimal() % MOST_SLOTS];
    else do_line(kind);
  }
  say("done\n");
  flush();
  ExitProcess(0);
}
