/**
 * Flags of the Windows memory API. Source: Microsoft, "Memory Protection Constants", "VirtualAlloc function",
 * "CreateFileMappingA function", "MEMORY_BASIC_INFORMATION structure".
 */
export const PAGE_NOACCESS = 0x01;
export const PAGE_READONLY = 0x02;
export const PAGE_READWRITE = 0x04;
export const PAGE_WRITECOPY = 0x08;
export const PAGE_EXECUTE = 0x10;
export const PAGE_EXECUTE_READ = 0x20;
export const PAGE_EXECUTE_READWRITE = 0x40;
export const PAGE_EXECUTE_WRITECOPY = 0x80;
export const PAGE_GUARD = 0x100;
export const PAGE_NOCACHE = 0x200;
export const PAGE_WRITECOMBINE = 0x400;

/** With MEM_RELEASE. */
export const MEM_COALESCE_PLACEHOLDERS = 0x01;
/** With MEM_RELEASE, or at unmapping. */
export const MEM_PRESERVE_PLACEHOLDER = 0x02;
/** At unmapping. */
export const MEM_UNMAP_WITH_TRANSIENT_BOOST = 0x01;
export const MEM_COMMIT = 0x1000;
export const MEM_RESERVE = 0x2000;
export const MEM_DECOMMIT = 0x4000;
/** At allocation and mapping. */
export const MEM_REPLACE_PLACEHOLDER = 0x4000;
export const MEM_RELEASE = 0x8000;
export const MEM_FREE = 0x10000;
export const MEM_PRIVATE = 0x20000;
export const MEM_MAPPED = 0x40000;
export const MEM_RESERVE_PLACEHOLDER = 0x40000;
export const MEM_RESET = 0x80000;
export const MEM_TOP_DOWN = 0x100000;
export const MEM_WRITE_WATCH = 0x200000;
export const MEM_PHYSICAL = 0x400000;
export const MEM_IMAGE = 0x1000000;
export const MEM_RESET_UNDO = 0x1000000;
export const MEM_LARGE_PAGES = 0x20000000;

export const SEC_FILE = 0x800000;
export const SEC_IMAGE = 0x1000000;
export const SEC_NO_CHANGE = 0x400000;
export const SEC_RESERVE = 0x4000000;
export const SEC_COMMIT = 0x8000000;
export const SEC_NOCACHE = 0x10000000;
export const SEC_IMAGE_NO_EXECUTE = SEC_IMAGE | SEC_NOCACHE;
export const SEC_WRITECOMBINE = 0x40000000;
export const SEC_LARGE_PAGES = 0x80000000;

/** Access rights of a section object; FILE_MAP_* have the same values. */
export const SECTION_QUERY = 0x01;
export const SECTION_MAP_WRITE = 0x02;
export const SECTION_MAP_READ = 0x04;
export const SECTION_MAP_EXECUTE = 0x08;
export const SECTION_EXTEND_SIZE = 0x10;
export const SECTION_ALL_ACCESS = 0xf001f;

/** Bytes: reservations start at multiples of this ("SYSTEM_INFO structure", dwAllocationGranularity). */
export const ALLOCATION_GRANULARITY = 0x10000;
