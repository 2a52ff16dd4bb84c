/** ntmm vmmap: a program's address space at its end, or after so many instructions. */
import { type AddressSpaceMap, formatMap, mapAddressSpace, mapToJson } from '../inspect/vmmap.js';
import type { View } from './observe.js';

const HELP = `
The columns are those of VMMap. Committed is what RAM, a paging file or a mapped file stands behind; Private is
committed for this process alone; Total WS is in RAM and mapped now; Shareable of it can be shared with other
processes, Shared is. Unusable is what is left of a 64 KB block, where nothing else can begin.

What the program prints goes to stderr. Exit status: 0 with --at, else the program's own.

Examples:
  ntmm vmmap sort.exe words.txt                as the program ends
  ntmm vmmap --at 5M sort.exe words.txt        after five million instructions
  ntmm vmmap --json --at 5M sort.exe words.txt | jq '.types'
`;

export const VMMAP: View<AddressSpaceMap> = {
  name: 'vmmap',
  summary: "a program's address space by type and by range",
  description: 'Runs a Windows program and shows its address space by type and by range.',
  jsonHelp: 'as JSON, sizes in bytes',
  help: HELP,
  look: mapAddressSpace,
  format: formatMap,
  toJson: mapToJson,
};
