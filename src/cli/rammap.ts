/** ntmm rammap: the pages of RAM by use and list at a program's end, or after so many instructions. */
import { formatPhysicalMemory, mapPhysicalMemory, type PhysicalMemoryMap } from '../inspect/rammap.js';
import type { View } from './observe.js';

const HELP = `
The rows are those of RAMMap's Use Counts, the columns the page lists; every page of RAM is counted once. Then the
standby pages by priority with those that got another use, the pages that each process has for itself, and those of each
mapped file.

What the program prints goes to stderr. Exit status: 0 with --at, else the program's own.

Examples:
  ntmm rammap sort.exe words.txt                as the program ends
  ntmm rammap --at 5M sort.exe words.txt        after five million instructions
  ntmm rammap --json --at 5M sort.exe words.txt | jq '.uses'
`;

export const RAMMAP: View<PhysicalMemoryMap> = {
  name: 'rammap',
  summary: 'the pages of RAM by use and list',
  description: 'Runs a Windows program and shows the pages of RAM by use and list.',
  jsonHelp: 'as JSON, in pages of 4096 bytes',
  help: HELP,
  look: mapPhysicalMemory,
  format: formatPhysicalMemory,
  toJson: (map) => map,
};
