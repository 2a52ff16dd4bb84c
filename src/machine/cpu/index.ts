/** What the compiled processor exports. */
import * as at from './layout';

export { execute } from './execute';
export { translate, invalidatePage, flush, setDirectory } from './paging';
export { addBlock, dropAll, dropFrame } from './code-cache';

/** Brings the header to its state at power-on. */
export function reset(ramBase: u32, frameCount: u32, frameBlocks: u32, codeStart: u32, codeEnd: u32): void {
  store<u32>(at.RAM_BASE, ramBase);
  store<u32>(at.FRAME_COUNT, frameCount);
  store<u32>(at.FRAME_BLOCKS, frameBlocks);
  store<u32>(at.CODE_START, codeStart);
  store<u32>(at.CODE_END, codeEnd);
  store<u32>(at.CODE_NEXT, codeStart);
  store<u64>(at.PAGE_BYTES, 4096);
  store<u32>(at.RFLAGS, 0x202);
  store<u32>(at.MXCSR, 0x1f80);
  store<u32>(at.FPU_CONTROL, 0x37f);
  store<u32>(at.FPU_TAG, 0xffff);
  for (let word: i32 = 0; word < at.TLB_ENTRIES * 4; word++) store<u64>(at.TLB + (word << 3), 1);
  memory.fill(at.TLB_SUPERVISOR, 0, at.TLB_ENTRIES * 8);
}
