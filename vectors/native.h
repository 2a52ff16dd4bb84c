/*
 * Runs code on this processor. A breakpoint enters a signal handler, which swaps the whole user context for the wanted one and
 * returns into the code under test; the next exception (the breakpoint after the code, at the latest) comes back the same way.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include <asm/prctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "state.h"

#define XSAVE_HEADER 512 /* byte offset of XSTATE_BV after the FXSAVE area */
#define FLAGS_MASK 0xDD5u /* FLAG_BITS and TF */

static struct state *native_state;
static struct outcome native_outcome;
static int native_inside;
static gregset_t native_saved;
static u8 native_saved_fx[512];

/* ucontext slots in the order of the machine's register numbers */
static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void load_fx(u8 *fx, const struct state *s) {
  unsigned top = s->fsw >> 11 & 7;
  memset(fx, 0, 24);
  memcpy(fx, &s->fcw, 2);
  memcpy(fx + 2, &s->fsw, 2);
  fx[4] = s->valid;
  memcpy(fx + 24, &s->mxcsr, 4);
  for (unsigned i = 0; i < 8; i++) {
    memset(fx + 32 + 16 * i, 0, 16);
    memcpy(fx + 32 + 16 * i, s->st[(top + i) & 7], 10);
  }
  memcpy(fx + 160, s->xmm, 256);
}

static void save_fx(struct state *s, const u8 *fx) {
  memcpy(&s->fcw, fx, 2);
  memcpy(&s->fsw, fx + 2, 2);
  s->valid = fx[4];
  memcpy(&s->mxcsr, fx + 24, 4);
  unsigned top = s->fsw >> 11 & 7;
  for (unsigned i = 0; i < 8; i++) memcpy(s->st[(top + i) & 7], fx + 32 + 16 * i, 10);
  memcpy(s->xmm, fx + 160, 256);
}

/* NT and ID, which a signal handler cannot set back, and AC, with which it begins when the code set it. */
static void clear_other_flags(void) {
  __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x244000, (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::: "memory", "cc");
}

static void on_exception(int signal, siginfo_t *info, void *context) {
  (void)info;
  clear_other_flags();
  ucontext_t *uc = context;
  greg_t *g = uc->uc_mcontext.gregs;
  u8 *fx = (u8 *)uc->uc_mcontext.fpregs;
  struct state *s = native_state;
  if (!s) {
    fprintf(stderr, "unexpected signal %d at %llx\n", signal, (unsigned long long)g[REG_RIP]);
    _exit(1);
  }
  if (!native_inside) {
    native_inside = 1;
    memcpy(native_saved, g, sizeof native_saved);
    memcpy(native_saved_fx, fx, 512);
    for (int i = 0; i < 16; i++) g[greg_of[i]] = (greg_t)s->gpr[i];
    g[REG_RIP] = CODE_PAGE;
    g[REG_EFL] = (g[REG_EFL] & ~(greg_t)FLAGS_MASK) | s->flags;
    load_fx(fx, s);
    *(u64 *)(fx + XSAVE_HEADER) |= 3;
    return;
  }
  native_inside = 0;
  for (int i = 0; i < 16; i++) s->gpr[i] = (u64)g[greg_of[i]];
  s->flags = (u32)g[REG_EFL] & FLAG_BITS;
  save_fx(s, fx);
  native_outcome.vector = (int)g[REG_TRAPNO];
  native_outcome.rip = (u64)g[REG_RIP] - (native_outcome.vector == 3);
  native_outcome.error = (u32)g[REG_ERR];
  native_outcome.address = (u64)g[REG_CR2];
  native_state = 0;
  memcpy(g, native_saved, sizeof native_saved);
  memcpy(fx, native_saved_fx, 512);
  *(u64 *)(fx + XSAVE_HEADER) |= 3;
}

static void map_pages(u64 address, size_t bytes, int protection) {
  void *at = mmap((void *)address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != (void *)address) {
    perror("mmap");
    exit(1);
  }
}

static void native_start(void) {
  map_pages(DATA_PAGES, 8192, PROT_READ | PROT_WRITE);
  map_pages(STACK_PAGES, 8192, PROT_READ | PROT_WRITE);
  map_pages(SCRATCH_PAGE, 4096, PROT_READ | PROT_WRITE);
  map_pages(CODE_PAGE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  syscall(SYS_arch_prctl, ARCH_SET_GS, DATA_WINDOW);
  stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
  sigaltstack(&stack, 0);
  struct sigaction action = {.sa_sigaction = on_exception, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  static const int signals[] = {SIGTRAP, SIGFPE, SIGSEGV, SIGBUS, SIGILL};
  for (unsigned i = 0; i < 5; i++) sigaction(signals[i], &action, 0);
}

static void native_code(const u8 *code, size_t bytes) {
  memset((void *)CODE_PAGE, 0xCC, 4096);
  memcpy((void *)CODE_PAGE, code, bytes);
}

/* Takes a window out of zeroed pages again; 0 when something was written beside it. */
static int take_window(u8 *to, u64 window, size_t bytes, u64 pages) {
  static const u8 zeros[8192];
  memcpy(to, (void *)window, bytes);
  memset((void *)window, 0, bytes);
  if (!memcmp((void *)pages, zeros, 8192)) return 1;
  memset((void *)pages, 0, 8192);
  return 0;
}

/*
 * Runs the code from state *s, with the given protection of the second data page, and leaves the state after it there.
 * Returns 0 when the run must not be recorded: it left its windows.
 */
static int native_run(struct state *s, struct outcome *outcome, int protection) {
  memcpy((void *)DATA_WINDOW, s->data, DATA_BYTES);
  memcpy((void *)STACK_WINDOW, s->stack, STACK_BYTES);
  memset((void *)SCRATCH_PAGE, 0, 4096);
  if (protection != (PROT_READ | PROT_WRITE)) mprotect((void *)(DATA_PAGES + 4096ull), 4096, protection);
  native_state = s;
  __asm__ volatile("int3" ::: "memory");
  clear_other_flags();
  *outcome = native_outcome;
  if (protection != (PROT_READ | PROT_WRITE)) mprotect((void *)(DATA_PAGES + 4096ull), 4096, PROT_READ | PROT_WRITE);
  int clean = take_window(s->data, DATA_WINDOW, DATA_BYTES, DATA_PAGES);
  clean &= take_window(s->stack, STACK_WINDOW, STACK_BYTES, STACK_PAGES);
  if (outcome->vector != 14) return clean && outcome->rip - CODE_PAGE < 4096;
  return clean && outcome->rip - CODE_PAGE < 4096 && outcome->address - DATA_PAGES - 4096 < 4096;
}

#endif
