/**
 * Where the areas of system space lie on x64. Addresses are the low 48 bits. Source: Windows Internals, "x64 virtual address
 * space layouts"; Unit OS5: Memory Management 5.2, "MM: Process Support".
 */

/** FFFFF700_00000000: hyperspace; the working-set list of the process. */
export const HYPERSPACE = 0xf700_0000_0000;
export const HYPERSPACE_INDEX = 0x1ee;
/** FFFFF780_00000000: KUSER_SHARED_DATA as the system writes it. */
export const SYSTEM_SHARED_DATA = 0xf780_0000_0000;
/** FFFFF780_00001000: the system working set list. */
export const SYSTEM_WORKING_SET_LIST = 0xf780_0000_1000;
export const SYSTEM_PTE_SPACE = 0xf880_0000_0000;
export const PAGED_POOL = 0xf8a0_0000_0000;
/** Nonpaged pool, 512 GB above the place of the PFN database. */
export const NONPAGED_POOL = 0xfb00_0000_0000;
/** Address of the first byte after an area, by area, in bytes. */
export const PAGED_POOL_END = 0xf8c0_0000_0000;
export const SYSTEM_PTE_END = 0xf8a0_0000_0000;
export const NONPAGED_POOL_END = 0xfb80_0000_0000;
