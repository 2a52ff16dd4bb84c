/** What a runner must know of the functions that rows call: how wide their results are, and how what they make is undone. */

/** Functions with a result of pointer size; the others give 32 bits. */
const WIDE =
  /^(VirtualAlloc|VirtualQuery|MapViewOfFile|HeapAlloc|HeapReAlloc|HeapSize|HeapCreate|HeapCompact|GetProcessHeap$|(Local|Global)(Alloc|ReAlloc|Free|Size|Lock|Handle|Discard|Compact)|CreateFile|OpenFile|OpenProcess$|GetLargePageMinimum|MakeFile|Child|CountBytes|EnablePrivilege|FillBytes|NamedObject|GetCurrentProcess$|Rtl(Allocate|ReAllocate|Size|Create|Destroy)Heap|GetModuleHandle|GetProcAddress|LoadLibrary)/;

export function resultBits(name: string): 32 | 64 {
  return WIDE.test(name) ? 64 : 32;
}

/** Whether a result says that a call succeeded. */
export function isSuccess(name: string, result: bigint): boolean {
  if (name.startsWith('Nt')) return result < 0x80000000n;
  if (name === 'MakeFile' || name.startsWith('CreateFileA'))
    return result !== 0n && result !== 0xffffffffffffffffn;
  return result !== 0n;
}

/** The call that undoes what a call's result, or a variable whose address it got, stands for; $ is the variable's value. */
export function undoing(name: string): string | null {
  if (/^VirtualAlloc(2|ExNuma)?$/.test(name)) return 'VirtualFree $,0,8000';
  if (/^NtAllocateVirtualMemory/.test(name)) return 'VirtualFree $,0,8000';
  if (/^(MapViewOfFile|NtMapViewOfSection)/.test(name)) return 'UnmapViewOfFile $';
  if (name === 'Child') return 'TerminateProcess $,0';
  if (name === 'HeapCreate') return 'HeapDestroy $';
  if (/^(CreateFile|OpenFile|OpenProcess$|MakeFile|NtCreateSection|NtOpenSection)/.test(name))
    return 'CloseHandle $';
  return null;
}

/** For the calls that give what they make through a variable's address: which argument that is. */
export function madeThrough(name: string): number | null {
  if (/^NtAllocateVirtualMemory/.test(name)) return 1;
  if (/^NtMapViewOfSectionEx/.test(name)) return 2;
  if (/^NtMapViewOfSection/.test(name)) return 2;
  if (/^(NtCreateSection|NtOpenSection)/.test(name)) return 0;
  return null;
}
