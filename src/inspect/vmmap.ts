/** The address space of a process as VMMap shows it: a summary by type, and every range with its blocks. */
import type { Kernel } from '../nt/kernel.js';
import type { Process } from '../nt/process.js';
import {
  describeAddressSpace,
  type MemoryBlock,
  type MemoryFigures,
  type MemoryRange,
  summarizeTypes,
  type TypeFigures,
} from './address-map.js';
import { protectionText } from './protection-text.js';
import { canonicalAddress, counted, grouped, splitAddress, table } from './text.js';

/** Sizes in bytes. */
export interface AddressSpaceMap {
  readonly pid: number;
  /** Guest path. */
  readonly image: string;
  /** Instructions that the machine had retired. */
  readonly instructions: number;
  readonly types: TypeFigures[];
  readonly ranges: MemoryRange[];
}

const KIB = 1024;

/** How a process's address space is now. */
export function mapAddressSpace(kernel: Kernel, process: Process): AddressSpaceMap {
  const ranges = describeAddressSpace(kernel, process);
  return {
    pid: process.id,
    image: process.imagePath,
    instructions: kernel.processor.instructions,
    types: summarizeTypes(kernel, process, ranges),
    ranges,
  };
}

const kilobytes = (bytes: number) => (bytes === 0 ? '' : grouped(bytes / KIB));

function figureCells(figures: MemoryFigures): string[] {
  const { committed, private: own, workingSet, shareable, shared } = figures;
  return [committed, own, workingSet, shareable, shared].map(kilobytes);
}

/** A row of the summary. */
type SummaryRow = Omit<TypeFigures, 'type'> & { readonly type: string };

/** Everything but what is free. */
function totalOf(types: readonly TypeFigures[]): SummaryRow {
  const used = types.filter(({ type }) => type !== 'Free');
  const sum = (key: keyof MemoryFigures | 'blocks') =>
    used.reduce((total, figures) => total + figures[key], 0);
  return {
    type: 'Total',
    size: sum('size'),
    committed: sum('committed'),
    private: sum('private'),
    workingSet: sum('workingSet'),
    shareable: sum('shareable'),
    shared: sum('shared'),
    blocks: sum('blocks'),
    largest: 0,
  };
}

function summaryLines(types: readonly TypeFigures[]): string[] {
  const head = [
    'Type',
    'Size',
    'Committed',
    'Private',
    'Total WS',
    'Shareable',
    'Shared',
    'Blocks',
    'Largest',
  ];
  const rows = [totalOf(types), ...types].map((figures: SummaryRow) => [
    figures.type,
    kilobytes(figures.size),
    ...figureCells(figures),
    figures.blocks === 0 ? '' : grouped(figures.blocks),
    kilobytes(figures.largest),
  ]);
  return table([head, ...rows], new Set([1, 2, 3, 4, 5, 6, 7, 8]));
}

/** The protection that all blocks share, or none. */
function rangeProtection({ blocks }: MemoryRange): string {
  const words = new Set(blocks.map(({ protection }) => protectionText(protection)));
  return words.size === 1 ? [...words][0]! : '';
}

function blockRow(block: MemoryBlock): string[] {
  return [
    `  ${splitAddress(block.address)}`,
    '',
    kilobytes(block.size),
    ...figureCells(block),
    protectionText(block.protection),
    '',
  ];
}

function rangeRows(range: MemoryRange): string[][] {
  const row = [
    splitAddress(range.address),
    range.type,
    kilobytes(range.size),
    ...figureCells(range),
    rangeProtection(range),
    range.details,
  ];
  return range.blocks.length > 1 ? [row, ...range.blocks.map(blockRow)] : [row];
}

function rangeLines(ranges: readonly MemoryRange[]): string[] {
  const head = ['Address', 'Type', 'Size', 'Committed', 'Private', 'Total WS', 'Shareable', 'Shared'];
  const shown = ranges.filter(({ type }) => type !== 'Free');
  const rows = [[...head, 'Protection', 'Details'], ...shown.flatMap(rangeRows)];
  return table(rows, new Set([2, 3, 4, 5, 6, 7]));
}

/** Both parts as text; sizes in KB. */
export function formatMap(map: AddressSpaceMap): string {
  const lines = [
    `${map.image}, process ${map.pid}, after ${counted(map.instructions, 'instruction')}; sizes in KB`,
    '',
    ...summaryLines(map.types),
    '',
    ...rangeLines(map.ranges),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same for programs: addresses as hexadecimal text, sizes in bytes. */
export function mapToJson(map: AddressSpaceMap): unknown {
  const { ranges, ...rest } = map;
  const addressed = ranges.map(({ address, protection, blocks, ...range }) => ({
    address: canonicalAddress(address),
    ...range,
    protection: protectionText(protection),
    blocks: blocks.map((block) => ({
      ...block,
      address: canonicalAddress(block.address),
      protection: protectionText(block.protection),
    })),
  }));
  return { ...rest, ranges: addressed };
}
