/*
 * Records what this host's processor does: runs every form of forms-*.S, and random sequences of them, from random states and writes
 * the vector file that README.md describes to standard output. The same host writes the same file every time.
 *   record [seed [sequences]]
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "native.h"
#include "random.h"

extern const struct form __start_forms[], __stop_forms[];

#define BASES_PER_POOL 160
#define POOLS 4
#define STATES_PER_FORM 30
#define STATES_PER_CODE 10
#define MAX_CODES 64
#define MAX_FORMS 8192

static u64 seed = 0x6E746D6D5EED;
static struct state bases[POOLS * BASES_PER_POOL];

/* ---- file ---- */

static void put8(u32 value) { putchar((int)(value & 255)); }

static void put32(u32 value) {
  for (int i = 0; i < 4; i++) put8(value >> 8 * i);
}

static void put_varint(u32 value) {
  for (; value >= 128; value >>= 7) put8(value | 128);
  put8(value);
}

/* The bytes in which `to` differs from `from`, as runs of (bytes skipped, length, new bytes); gaps of up to two equal bytes are kept. */
static void put_delta(const struct state *from, const struct state *to) {
  const u8 *a = (const u8 *)from, *b = (const u8 *)to;
  struct { u16 start, end; } runs[sizeof *from];
  u32 count = 0;
  for (u32 i = 0; i < sizeof *from; i++) {
    if (a[i] == b[i]) continue;
    if (count && i - runs[count - 1].end <= 2) runs[count - 1].end = (u16)(i + 1);
    else runs[count].start = (u16)i, runs[count++].end = (u16)(i + 1);
  }
  put_varint(count);
  u32 at = 0;
  for (u32 i = 0; i < count; i++) {
    put_varint(runs[i].start - at);
    put_varint((u32)runs[i].end - runs[i].start);
    fwrite(b + runs[i].start, 1, (size_t)(runs[i].end - runs[i].start), stdout);
    at = runs[i].end;
  }
}

/* ---- states ---- */

static void fill(u8 *to, size_t bytes, u32 pool) {
  for (size_t i = 0; i < bytes; i += 8) {
    u64 value = pool == G_F64 ? rnd_float64() : pool == G_F32 ? rnd_float32() | (u64)rnd_float32() << 32 : rnd_integer();
    if (i >= 16 && one_in(12)) memcpy(&value, to + below((u32)i / 8) * 8, 8);
    memcpy(to + i, &value, 8);
  }
}

static u16 rnd_control_word(void) {
  static const u16 precision[] = {0, 2, 3, 3, 3, 2};
  u16 masks = one_in(8) ? (u16)below(64) : 63;
  return (u16)(0x40 | masks | precision[below(6)] << 8 | below(4) << 10);
}

static void make_x87(struct state *s) {
  u32 top = below(8), count = one_in(8) ? below(9) : 2 + below(5);
  s->fcw = rnd_control_word();
  s->fsw = (u16)(top << 11 | (rnd() & 0x4700));
  if (one_in(2)) s->fsw |= (u16)(below(128) & s->fcw & 63);
  s->valid = 0;
  for (u32 i = 0; i < 8; i++) {
    rnd_float80(s->st[(top + i) & 7]);
    if (i < count) s->valid |= (u8)(1 << ((top + i) & 7));
  }
}

static u32 rnd_mxcsr(void) {
  u32 value = 0x1F80 | below(4) << 13;
  if (one_in(8)) value = (value & ~0x1F80u) | below(64) << 7;
  if (one_in(4)) value |= 0x8000;
  if (one_in(4)) value |= 0x40;
  if (one_in(2)) value |= below(64);
  return value;
}

static void make_base(struct state *s, u32 pool) {
  memset(s, 0, sizeof *s);
  for (int i = 0; i < 16; i++) s->gpr[i] = i > 1 && one_in(10) ? s->gpr[below((u32)i)] : rnd_integer();
  s->gpr[RSP] = STACK_WINDOW + 56 + 8 * below(3) + (one_in(8) ? 5 : 0);
  static const int pointers[] = {RSI, RDI, RBP, R13};
  for (int i = 0; i < 4; i++) s->gpr[pointers[i]] = DATA_WINDOW + 64 + below(72);
  s->gpr[R12] = below(8);
  s->gpr[R14] = below(8);
  s->flags = (u32)rnd() & FLAG_BITS;
  s->mxcsr = 0x1F80;
  s->fcw = 0x37F;
  fill(&s->xmm[0][0], sizeof s->xmm, pool);
  fill(s->data, DATA_BYTES, pool);
  fill(s->stack, STACK_BYTES, G_INT);
  if (pool == G_X87) make_x87(s);
}

static u8 *data_at(struct state *s, int reg, int offset) { return s->data + (s->gpr[reg] - DATA_WINDOW) + offset; }
static u8 *st_at(struct state *s, u32 i) { return s->st[((s->fsw >> 11) + i) & 7]; }

static void shape_pointers(struct state *s, u32 gen) {
  if (gen & (G_ABSENT | G_READONLY)) {
    s->gpr[RSI] = DATA_WINDOW + 112 + below(20);
    if (gen & G_ONE_NEAR || one_in(2)) s->gpr[RDI] = DATA_WINDOW + 112 + below(20);
    if (gen & G_ONE_NEAR) s->gpr[one_in(2) ? RSI : RDI] = DATA_WINDOW + 64 + below(20);
  }
  if (gen & G_ALIGN && !one_in(10)) {
    s->gpr[RSI] &= ~15ull;
    s->gpr[RDI] &= ~15ull;
  }
  if (gen & G_REP) s->gpr[RCX] = below(9);
  if (gen & G_BIT) s->gpr[RCX] = (u64)(int64_t)((int)below(1001) - 500);
  if (gen & G_FLAGS) {
    u64 image = (rnd() & FLAG_BITS) | 0x202;
    memcpy(s->stack + (s->gpr[RSP] - STACK_WINDOW), &image, 8);
  }
}

static void shape_integers(struct state *s, u32 gen, u32 width) {
  if (gen & G_COUNT) s->gpr[RCX] = (s->gpr[RCX] & ~255ull) | (one_in(3) ? rnd() & 255 : below(width + 3));
  if (gen & G_SAME) {
    memset(s->data, 0x41, DATA_BYTES);
    for (u32 n = below(40); n; n--) s->data[below(DATA_BYTES)] = (u8)(one_in(2) ? 0x40 : 0xC1);
    s->gpr[RAX] = 0x4141414141414141ull + one_in(4);
  }
  if (gen & G_DIV) {
    switch (below(4)) {
      case 0: s->gpr[RDX] = 0; s->gpr[RAX] &= ~0xFF00ull; break;
      case 1: s->gpr[RDX] = (u64)((int64_t)s->gpr[RAX] >> 63); break;
      case 2: s->gpr[RDX] = rnd() >> below(64); break;
      default: break;
    }
  }
  if (gen & G_EQUAL && !one_in(3)) {
    u8 *operand = data_at(s, RSI, 16);
    s->gpr[RCX] = s->gpr[RAX];
    memcpy(operand, &s->gpr[RAX], 8);
    if (width == 8) memcpy(operand + 4, &s->gpr[RDX], 4);
    if (width == 16) memcpy(operand + 8, &s->gpr[RDX], 8);
  }
  if (gen & G_LOW_RCX) s->gpr[RCX] = (u32)s->gpr[RCX];
}

static void shape_vectors(struct state *s, u32 gen) {
  u32 pool = gen & POOL;
  if (pool == G_F32 || pool == G_F64) s->mxcsr = rnd_mxcsr();
  if (gen & G_SHIFT_XMM) {
    u64 counts[3];
    for (int i = 0; i < 3; i++) counts[i] = one_in(6) ? rnd_integer() : below(70);
    memcpy(s->xmm[2], &counts[0], 8);
    memcpy(s->xmm[12], &counts[1], 8);
    memcpy(data_at(s, RSI, 16), &counts[2], 8);
  }
}

/* A finite 80-bit value with an exponent in the given range (powers of two). */
static void shape_float80(u8 *to, int lowest, int highest) {
  u32 exponent = (u32)(0x3FFF + lowest + (int)below((u32)(highest - lowest + 1)));
  put_float80(to, (int)(rnd() & 1), exponent, 1ull << 63 | rnd() >> 1);
}

/* The argument of a transcendental function: in the given range or, now and then, below it, from 2^63 up if `large`, or not finite. */
static void shape_argument(u8 *to, int lowest, int highest, int large) {
  shape_float80(to, lowest, highest);
  if (!one_in(6)) return;
  u32 exponent;
  do {
    rnd_float80(to);
    exponent = (to[8] | to[9] << 8) & 0x7FFF;
  } while (exponent >= (u32)(0x3FFF + lowest) && exponent < (large ? 0x3FFF + 63 : 0x7FFF));
}

static void shape_x87(struct state *s, u32 gen) {
  u8 *operand = data_at(s, RSI, 8);
  if (gen & G_M32) { u32 value = rnd_float32(); memcpy(operand, &value, 4); }
  if (gen & G_M64) { u64 value = rnd_float64(); memcpy(operand, &value, 8); }
  if (gen & G_M80) rnd_float80(operand);
  if (gen & G_CW) { u16 value = rnd_control_word(); memcpy(operand, &value, 2); }
  if (gen & G_BCD) {
    for (int i = 0; i < 9; i++) operand[i] = (u8)(below(10) << 4 | below(10));
    operand[9] = one_in(2) ? 0x80 : 0;
  }
  if (gen & G_TRIG) shape_argument(st_at(s, 0), -20, 2, 1);
  if (gen & G_UNIT) shape_argument(st_at(s, 0), -30, -1, 0);
  if (gen & G_LOG1P) shape_argument(st_at(s, 0), -30, -3, 0);
  if (gen & G_SMALL_SCALE && !one_in(6)) shape_float80(st_at(s, 1), -3, 14);
  if (gen & G_NEAR && !one_in(6)) {
    int exponent = (int)below(2000) - 1000;
    shape_float80(st_at(s, 1), exponent, exponent);
    shape_float80(st_at(s, 0), exponent - 5, exponent + 62);
  }
}

static const struct state *make_state(struct state *s, u32 gen, u32 width) {
  const struct state *base = &bases[(gen & POOL) * BASES_PER_POOL + below(BASES_PER_POOL)];
  *s = *base;
  shape_pointers(s, gen);
  shape_integers(s, gen, width);
  shape_vectors(s, gen);
  shape_x87(s, gen);
  return base;
}

/* ---- undefined flags that depend on the count in CL ---- */

static u32 undefined_flags(const struct state *before, u32 undefined, u32 gen, u32 width) {
  if (!(gen & (G_SHIFT_CL | G_ROTATE_CL | G_DOUBLE_CL))) return undefined;
  u32 count = before->gpr[RCX] & (width == 64 ? 63 : 31);
  if (!count) return U_NONE;
  if (count > 1) undefined |= U_OF;
  if (gen & G_SHIFT_CL && count >= width) undefined |= U_CF;
  return undefined;
}

/* 0 when the manual leaves the result itself undefined. */
static int result_defined(const struct state *before, const struct state *after, u32 gen, u32 width) {
  if (gen & G_DOUBLE_CL && (before->gpr[RCX] & (width == 64 ? 63 : 31)) > width) return 0;
  return !(gen & G_NONZERO && after->flags & U_ZF);
}

/* ---- forms ---- */

struct code {
  const u8 *bytes;
  u32 length, undefined, gen, width;
};

static u64 hash(const char *text) {
  u64 value = 0xCBF29CE484222325u;
  while (*text) value = (value ^ (u8)*text++) * 0x100000001B3u;
  return value;
}

static void record_vector(const struct code *code, u32 index) {
  int protection = code->gen & G_ABSENT ? PROT_NONE : code->gen & G_READONLY ? PROT_READ : PROT_READ | PROT_WRITE;
  for (int tries = 0; tries < 1000; tries++) {
    struct state before, after;
    struct outcome outcome;
    const struct state *base = make_state(&before, code->gen, code->width);
    after = before;
    if (!native_run(&after, &outcome, protection)) continue;
    if (protection == (PROT_READ | PROT_WRITE) && outcome.vector == 14) continue;
    if (!result_defined(&before, &after, code->gen, code->width)) continue;
    if (code->gen & G_DIV && outcome.vector == 0 && !one_in(8)) continue;
    put8(index);
    put_varint((u32)(base - bases));
    put_varint(undefined_flags(&before, code->undefined, code->gen, code->width));
    put8((u32)outcome.vector);
    put_varint((u32)(outcome.rip - CODE_PAGE));
    if (outcome.vector == 14) {
      put8(outcome.error);
      put_varint((u32)(outcome.address - DATA_PAGES));
    }
    put_delta(base, &before);
    put_delta(&before, &after);
    return;
  }
  fprintf(stderr, "no state that stays in its windows\n");
  exit(1);
}

static void record_form(const char *name, u32 check, const struct code *codes, u32 count) {
  u32 states = count * STATES_PER_CODE > STATES_PER_FORM ? count * STATES_PER_CODE : STATES_PER_FORM;
  random_state = seed ^ hash(name);
  put8((u32)strlen(name));
  fwrite(name, 1, strlen(name), stdout);
  put8(check);
  put8(codes[0].gen & G_ABSENT ? 1 : codes[0].gen & G_READONLY ? 2 : 0);
  put8(count);
  for (u32 i = 0; i < count; i++) {
    put8(codes[i].length);
    fwrite(codes[i].bytes, 1, codes[i].length, stdout);
  }
  put_varint(states);
  for (u32 i = 0; i < count; i++) {
    native_code(codes[i].bytes, codes[i].length);
    for (u32 n = states * i / count; n < states * (i + 1) / count; n++) record_vector(&codes[i], i);
  }
}

/* ---- random sequences ---- */

#define NOT_CHAINED                                                                                                     \
  (G_ALONE | G_REP | G_SAME | G_DIV | G_BIT | G_FLAGS | G_SHIFT_CL | G_ROTATE_CL | G_DOUBLE_CL | G_EQUAL | G_NONZERO)

static const struct form *pick(u32 pools, int needs_setter) {
  for (;;) {
    const struct form *form = &__start_forms[below((u32)(__stop_forms - __start_forms))];
    if (form->gen & NOT_CHAINED || form->check != C_EXACT || !(pools >> (form->gen & POOL) & 1)) continue;
    if (!needs_setter || form->gen & G_SETS) return form;
  }
}

/* Ten to twenty forms in a row; after one that leaves a flag undefined comes one that defines all. AF is read by none of them. */
static u32 make_sequence(u8 *to, u32 pools) {
  u32 wanted = 10 + below(11), length = 0;
  int undefined = 0;
  for (u32 n = 0; n < wanted || undefined; n++) {
    const struct form *form = pick(undefined ? pools | 1 << G_INT : pools, undefined);
    u32 bytes = (u32)(form->end - form->start);
    if (length + bytes > 200 && !undefined) break;
    memcpy(to + length, form->start, bytes);
    length += bytes;
    undefined = (form->undefined & U_ALL & ~U_AF) != 0;
  }
  return length;
}

static void record_sequence(u32 number) {
  static const struct { u32 pools, gen; const char *name; } kinds[4] = {
      {1 << G_INT, G_INT | G_ALIGN, "integer"},
      {1 << G_INT | 1 << G_F64, G_F64 | G_ALIGN, "integer and double"},
      {1 << G_INT | 1 << G_F32, G_F32 | G_ALIGN, "integer and single"},
      {1 << G_X87, G_X87, "x87"},
  };
  u32 kind = number % 5 ? number % 5 - 1 : 0;
  char name[64];
  u8 bytes[256];
  snprintf(name, sizeof name, "sequence %u (%s)", number + 1, kinds[kind].name);
  random_state = seed ^ hash(name) * 3;
  struct code code = {.bytes = bytes, .gen = kinds[kind].gen, .undefined = U_AF | U_C0123};
  code.length = make_sequence(bytes, kinds[kind].pools);
  record_form(name, C_EXACT, &code, 1);
}

int main(int argc, char **argv) {
  u32 sequences = argc > 2 ? (u32)strtoul(argv[2], 0, 0) : 80;
  if (argc > 1) seed = strtoull(argv[1], 0, 0);
  native_start();
  static struct { const struct form *first; struct code codes[MAX_CODES]; u32 count; } groups[MAX_FORMS];
  u32 count = 0;
  for (const struct form *form = __start_forms; form < __stop_forms; form++) {
    u32 at = 0;
    while (at < count && strcmp(groups[at].first->name, form->name)) at++;
    if (at == count) groups[count++].first = form;
    groups[at].codes[groups[at].count++] = (struct code){
        form->start, (u32)(form->end - form->start), form->undefined, form->gen, form->width};
  }
  random_state = seed;
  for (u32 i = 0; i < POOLS * BASES_PER_POOL; i++) make_base(&bases[i], i / BASES_PER_POOL);
  fwrite("NTMMVEC2", 1, 8, stdout);
  put32(sizeof(struct state));
  put32(POOLS * BASES_PER_POOL);
  put32(count + sequences);
  fwrite(bases, sizeof bases[0], POOLS * BASES_PER_POOL, stdout);
  for (u32 i = 0; i < count; i++) record_form(groups[i].first->name, groups[i].first->check, groups[i].codes, groups[i].count);
  for (u32 i = 0; i < sequences; i++) record_sequence(i);
  fprintf(stderr, "%u forms and %u sequences\n", count, sequences);
  return 0;
}
