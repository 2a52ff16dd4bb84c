/**
 * Instructions that cross a page. Their decoded form belongs to no frame: it is kept by content, and the bytes are read from
 * both pages each time.
 */
import * as at from './layout';
import * as uop from './uops';
import { touch } from './paging';

/** The longest instruction. */
const LONGEST: u32 = 15;

/** The block of the instruction at a page's end. 0: a fault in the header, or (EXCEPTION_VECTOR 0) a request to decode. */
export function crossing(u: usize): usize {
  const offset = <u32>load<u16>(u, uop.NEXT);
  const address = load<u64>(at.CODE_PAGE) + offset;
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) + 2);
  const first = touch(address, at.ACCESS_USER | at.ACCESS_EXECUTE);
  if (!first) return 0;
  const second = touch((address | 0xfff) + 1, at.ACCESS_USER | at.ACCESS_EXECUTE);
  if (!second) return 0;
  const inPage = 4096 - offset;
  v128.store(at.SCRATCH, i64x2.splat(0));
  memory.copy(at.SCRATCH, first, inPage);
  memory.copy(at.SCRATCH + inPage, second, LONGEST - inPage);
  const entry: usize =
    at.CROSSING + ((offset ^ load<u8>(at.SCRATCH) ^ load<u8>(at.SCRATCH + 2)) & (at.CROSSING_ENTRIES - 1)) * uop.CROSSING_SIZE;
  if (
    load<u32>(entry, uop.CROSSING_OFFSET) == offset &&
    load<u64>(entry) == load<u64>(at.SCRATCH) &&
    load<u64>(entry, 8) == load<u64>(at.SCRATCH + 8)
  ) {
    return entry + uop.CROSSING_BLOCK;
  }
  // The look-ups come again when the instruction is decoded: they count once.
  store<u64>(at.TLB_ACCESSES, load<u64>(at.TLB_ACCESSES) - 2);
  memory.copy(entry, at.SCRATCH, 16);
  store<u32>(entry, offset, uop.CROSSING_OFFSET);
  store<u32>(at.DECODE_TO, entry + uop.CROSSING_BLOCK);
  store<u32>(at.EXCEPTION_VECTOR, 0);
  return 0;
}
