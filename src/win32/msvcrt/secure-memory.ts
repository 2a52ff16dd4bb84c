/** Memory and numbers with checks. Source: Microsoft, "memcpy_s, wmemcpy_s", "memmove_s, wmemmove_s", "rand_s". */
import type { ServiceFunction } from '../../nt/service.js';
import { fillRandom } from '../advapi32/random.js';
import { EINVAL, ERANGE } from './errno.js';
import { failWith } from './state.js';

/** errno_t memcpy_s(to, size, from, count), in units of `width` bytes; what does not fit clears the target. */
const copy =
  (width: 1 | 2, clears: boolean): ServiceFunction =>
  (call) => {
    const [to, size, from, count] = [
      call.address(0),
      call.size(1) * width,
      call.address(2),
      call.size(3) * width,
    ];
    if (count === 0) return 0;
    if (to === 0) return failWith(call, EINVAL, EINVAL);
    if (from !== 0 && size >= count) {
      call.memory.copy(to, from, count);
      return 0;
    }
    if (clears) call.memory.fill(to, size, 0);
    const error = from === 0 ? EINVAL : ERANGE;
    return failWith(call, error, error);
  };

/** errno_t rand_s(value): 32 random bits. */
const random: ServiceFunction = (call) => {
  if (call.address(0) === 0) return failWith(call, EINVAL, EINVAL);
  fillRandom(call, call.address(0), 4);
  return 0;
};

export const secureMemoryFunctions: Record<string, ServiceFunction> = {
  memcpy_s: copy(1, true),
  memmove_s: copy(1, false),
  wmemcpy_s: copy(2, true),
  wmemmove_s: copy(2, false),
  rand_s: random,
};
