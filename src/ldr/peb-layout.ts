/**
 * Byte offsets in the structures of user mode that the loader fills, on x64. Sources: Microsoft, "PEB structure", "TEB
 * structure", "PEB_LDR_DATA structure", "RTL_USER_PROCESS_PARAMETERS structure", and the public symbols of Windows 10 19041.
 */

/** PEB. */
export const PEB_MUTANT = 0x08;
export const PEB_IMAGE_BASE_ADDRESS = 0x10;
export const PEB_LDR = 0x18;
export const PEB_PROCESS_PARAMETERS = 0x20;
export const PEB_PROCESS_HEAP = 0x30;
export const PEB_FAST_PEB_LOCK = 0x38;
export const PEB_TLS_BITMAP = 0x78;
export const PEB_TLS_BITMAP_BITS = 0x80;
export const PEB_NUMBER_OF_PROCESSORS = 0xb8;
export const PEB_CRITICAL_SECTION_TIMEOUT = 0xc0;
export const PEB_HEAP_SEGMENT_RESERVE = 0xc8;
export const PEB_HEAP_SEGMENT_COMMIT = 0xd0;
export const PEB_HEAP_DECOMMIT_TOTAL_FREE_THRESHOLD = 0xd8;
export const PEB_HEAP_DECOMMIT_FREE_BLOCK_THRESHOLD = 0xe0;
export const PEB_NUMBER_OF_HEAPS = 0xe8;
export const PEB_MAXIMUM_NUMBER_OF_HEAPS = 0xec;
export const PEB_PROCESS_HEAPS = 0xf0;
export const PEB_LOADER_LOCK = 0x110;
export const PEB_OS_MAJOR_VERSION = 0x118;
export const PEB_OS_MINOR_VERSION = 0x11c;
export const PEB_OS_BUILD_NUMBER = 0x120;
export const PEB_OS_PLATFORM_ID = 0x124;
export const PEB_IMAGE_SUBSYSTEM = 0x128;
export const PEB_IMAGE_SUBSYSTEM_MAJOR = 0x12c;
export const PEB_IMAGE_SUBSYSTEM_MINOR = 0x130;
export const PEB_ACTIVE_PROCESS_AFFINITY_MASK = 0x138;
export const PEB_TLS_EXPANSION_BITMAP = 0x238;
export const PEB_TLS_EXPANSION_BITMAP_BITS = 0x240;
export const PEB_FLS_BITMAP_BITS = 0x340;
export const PEB_SESSION_ID = 0x2c0;

/** TEB. */
export const TEB_THREAD_LOCAL_STORAGE_POINTER = 0x58;
export const TEB_PEB = 0x60;
export const TEB_LAST_ERROR = 0x68;
export const TEB_CURRENT_LOCALE = 0x108;
export const TEB_STATIC_UNICODE_STRING = 0x1258;
export const TEB_STATIC_UNICODE_BUFFER = 0x1268;
export const TEB_TLS_SLOTS = 0x1480;
export const TEB_TLS_EXPANSION_SLOTS = 0x1780;
export const TEB_FLS_DATA = 0x17c8;
export const TEB_FIBER_DATA = 0x20;
/** Bytes of TEB.StaticUnicodeBuffer. */
export const STATIC_UNICODE_BYTES = 522;

/** _FIBER: the block of fiber-local values while the fiber does not run. */
export const FIBER_FLS_DATA = 0x510;

/** PEB_LDR_DATA. */
export const LDR_DATA_SIZE = 0x58;
export const LDR_DATA_LENGTH = 0x00;
export const LDR_DATA_INITIALIZED = 0x04;
export const LDR_DATA_LOAD_ORDER_LIST = 0x10;
export const LDR_DATA_MEMORY_ORDER_LIST = 0x20;
export const LDR_DATA_INITIALIZATION_ORDER_LIST = 0x30;
export const LDR_DATA_SHUTDOWN_IN_PROGRESS = 0x48;
export const LDR_DATA_SHUTDOWN_THREAD_ID = 0x50;

/** LDR_DATA_TABLE_ENTRY. */
export const ENTRY_SIZE = 0x120;
export const ENTRY_LOAD_ORDER_LINKS = 0x00;
export const ENTRY_MEMORY_ORDER_LINKS = 0x10;
export const ENTRY_INITIALIZATION_ORDER_LINKS = 0x20;
export const ENTRY_DLL_BASE = 0x30;
export const ENTRY_ENTRY_POINT = 0x38;
export const ENTRY_SIZE_OF_IMAGE = 0x40;
export const ENTRY_FULL_DLL_NAME = 0x48;
export const ENTRY_BASE_DLL_NAME = 0x58;
export const ENTRY_FLAGS = 0x68;
export const ENTRY_LOAD_COUNT = 0x6c;
export const ENTRY_TLS_INDEX = 0x6e;
export const ENTRY_HASH_LINKS = 0x70;
export const ENTRY_TIME_DATE_STAMP = 0x80;
export const ENTRY_ORIGINAL_BASE = 0xf8;
export const ENTRY_REFERENCE_COUNT = 0x114;

/** Bits of LDR_DATA_TABLE_ENTRY.Flags. */
export const LDRP_IMAGE_DLL = 0x00000004;
export const LDRP_ENTRY_PROCESSED = 0x00004000;
export const LDRP_PROCESS_ATTACH_CALLED = 0x00080000;
export const LDRP_IMAGE_NOT_AT_BASE = 0x00200000;

/** RTL_USER_PROCESS_PARAMETERS; strings follow it. */
export const PARAMETERS_SIZE = 0x440;
export const PARAMETERS_MAXIMUM_LENGTH = 0x00;
export const PARAMETERS_LENGTH = 0x04;
export const PARAMETERS_FLAGS = 0x08;
export const PARAMETERS_STANDARD_INPUT = 0x20;
export const PARAMETERS_CURRENT_DIRECTORY = 0x38;
export const PARAMETERS_DLL_PATH = 0x50;
export const PARAMETERS_IMAGE_PATH = 0x60;
export const PARAMETERS_COMMAND_LINE = 0x70;
export const PARAMETERS_ENVIRONMENT = 0x80;
/** StartingX to FillAttribute: seven 32-bit numbers. */
export const PARAMETERS_STARTING_X = 0x88;
export const PARAMETERS_WINDOW_FLAGS = 0xa4;
export const PARAMETERS_SHOW_WINDOW = 0xa8;
export const PARAMETERS_WINDOW_TITLE = 0xb0;
export const PARAMETERS_DESKTOP_INFO = 0xc0;
export const PARAMETERS_SHELL_INFO = 0xd0;
export const PARAMETERS_RUNTIME_DATA = 0xe0;
export const PARAMETERS_ENVIRONMENT_SIZE = 0x3f0;
/** RTL_USER_PROC_PARAMS_NORMALIZED: the strings are addresses, not offsets. */
export const PARAMETERS_NORMALIZED = 1;

/** RTL_CRITICAL_SECTION, 40 bytes. */
export const CRITICAL_SECTION_SIZE = 0x28;
export const CRITICAL_SECTION_DEBUG_INFO = 0x00;
export const CRITICAL_SECTION_LOCK_COUNT = 0x08;
export const CRITICAL_SECTION_RECURSION_COUNT = 0x0c;
export const CRITICAL_SECTION_OWNING_THREAD = 0x10;
export const CRITICAL_SECTION_LOCK_SEMAPHORE = 0x18;
export const CRITICAL_SECTION_SPIN_COUNT = 0x20;
