/* Deterministic random values, rich in the ones that break arithmetic. */
#ifndef RANDOM_H
#define RANDOM_H

#include <string.h>
#include "state.h"

static u64 random_state;

/* splitmix64 */
static u64 rnd(void) {
  u64 z = random_state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static u32 below(u32 n) { return (u32)(rnd() >> 32) % n; }
static int one_in(u32 n) { return below(n) == 0; }

static u64 rnd_integer(void) {
  switch (below(9)) {
    case 0: return (u64)(int64_t)(int)(below(512) - 256);
    case 1: return (1ull << below(64)) + below(3) - 1;
    case 2: return one_in(2) ? 0 : ~0ull;
    case 3: return rnd() >> below(64);
    case 4: {
      static const u8 edges[] = {0, 1, 0x7F, 0x80, 0xFF, 0xFE};
      u64 value = 0;
      for (int i = 0; i < 8; i++) value = value << 8 | edges[below(6)];
      return value;
    }
    case 5: return (u64)((int64_t)rnd() >> below(64));
    default: return rnd();
  }
}

/* A floating-point value of the given format as sign, biased exponent and fraction (without the leading one). */
static void rnd_float(unsigned exponent_bits, unsigned fraction_bits, u32 *exponent, u64 *fraction) {
  u32 top = (1u << exponent_bits) - 1, bias = top >> 1;
  u64 mask = (1ull << fraction_bits) - 1;
  u64 noise = rnd() & mask;
  if (one_in(3)) noise &= ~(mask >> below(fraction_bits)); /* short fractions give exact results */
  *fraction = noise;
  switch (below(16)) {
    case 0: *exponent = 0; *fraction = 0; break;
    case 1: *exponent = top; *fraction = 0; break;
    case 2: *exponent = top; *fraction = noise | 1ull << (fraction_bits - 1); break;
    case 3: *exponent = top; *fraction = (noise & (mask >> 1)) | 1; break;
    case 4: *exponent = 0; break;
    case 5: *exponent = 0; *fraction = one_in(2) ? mask : 1; break;
    case 6: *exponent = 1 + below(3); break;
    case 7: *exponent = top - 1 - below(3); break;
    case 8: *exponent = top - 1; *fraction = mask; break;
    case 9: *exponent = bias + below(70); break;
    case 10: *exponent = bias + below(34); *fraction &= ~(mask >> (1 + below(32) % fraction_bits)); break;
    case 11: *exponent = bias / 2 + below(20); break;
    case 12: *exponent = bias + bias / 2 + below(20); break;
    case 13: *exponent = 1 + below(top - 1); break;
    default: *exponent = bias - 3 + below(7); break;
  }
}

static u32 rnd_float32(void) {
  u32 exponent;
  u64 fraction;
  rnd_float(8, 23, &exponent, &fraction);
  return (u32)(rnd() & 1) << 31 | exponent << 23 | (u32)fraction;
}

static u64 rnd_float64(void) {
  u32 exponent;
  u64 fraction;
  rnd_float(11, 52, &exponent, &fraction);
  return rnd() << 63 | (u64)exponent << 52 | fraction;
}

static void put_float80(u8 *to, int negative, u32 exponent, u64 mantissa) {
  u16 high = (u16)(exponent | (negative ? 0x8000 : 0));
  memcpy(to, &mantissa, 8);
  memcpy(to + 8, &high, 2);
}

static void rnd_float80(u8 *to) {
  u32 exponent;
  u64 fraction;
  rnd_float(15, 63, &exponent, &fraction);
  if (one_in(3)) { /* what a 32-bit or a 64-bit value becomes */
    u64 keep = one_in(2) ? ~0ull << 40 : ~0ull << 11;
    fraction &= keep;
    if (one_in(2) && exponent > 0 && exponent < 0x7FFF) exponent = 0x3FFF - 1100 + below(2200);
  }
  u64 leading = exponent != 0;
  if (one_in(40)) leading = !leading; /* unnormal, pseudo-denormal, pseudo-infinity, pseudo-NaN */
  put_float80(to, (int)(rnd() & 1), exponent, leading << 63 | fraction);
}

#endif
