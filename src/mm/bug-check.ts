/**
 * A stop of the whole machine, as KeBugCheckEx makes it: the memory manager found its own state or a driver's call wrong.
 * Source: Microsoft, "Bug Check Code Reference".
 */
export const PFN_LIST_CORRUPT = 0x4e;
export const BAD_POOL_HEADER = 0x19;
export const MEMORY_MANAGEMENT = 0x1a;
/** Parameters: modified pages, those of them that belong into a paging file, pages that nonpaged pool may still take. */
export const NO_PAGES_AVAILABLE = 0x4d;
export const PAGE_FAULT_IN_NONPAGED_AREA = 0x50;
/** Parameters: Microsoft, "Bug Check 0x77: KERNEL_STACK_INPAGE_ERROR". */
export const KERNEL_STACK_INPAGE_ERROR = 0x77;
/** Parameters: address of the PTE, NTSTATUS of the read, contents of the PTE, the address. */
export const KERNEL_DATA_INPAGE_ERROR = 0x7a;
export const BAD_POOL_CALLER = 0xc2;

export class BugCheck extends Error {
  constructor(
    readonly code: number,
    readonly parameters: readonly number[],
    text: string,
  ) {
    super(
      `bug check 0x${code.toString(16)}: ${text} (${parameters.map((value) => value.toString(16)).join(', ')})`,
    );
    this.name = 'BugCheck';
  }
}
