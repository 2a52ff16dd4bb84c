/**
 * Working-set list entries (WSLE): two 32-bit words. The low word has flags and bits 12-31 of the page's address, the high word
 * the bits above; a free entry has 0 and the next free index + 1. Source: published layout of MMWSLE.
 */

/** The entry is in use. */
export const WSLE_VALID = 1;
/** VirtualLock: the page is not trimmed. */
export const WSLE_LOCKED_IN_WS = 2;
/** The system's own: the page is never trimmed nor unlocked. */
export const WSLE_LOCKED_IN_MEMORY = 4;
/** A shared page that the hash knows. */
export const WSLE_HASHED = 0x100;
/** A private page or a page table, whose PFN entry holds the index. */
export const WSLE_DIRECT = 0x200;
/** Looks of the working set manager since the page was last accessed, at most 3. */
export const WSLE_AGE = 0xc00;
export const WSLE_AGE_ONE = 0x400;
