/**
 * Address-space layout randomization: where an image section is based. Chosen once, when the section is first created, from
 * the machine's seed, and the same in every process. Source: Windows Internals, "Address space layout randomization";
 * Microsoft, "/DYNAMICBASE", "/HIGHENTROPYVA".
 */
import {
  IMAGE_DIRECTORY_ENTRY_BASERELOC,
  IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE,
  IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
} from '../pe/pe-constants.js';
import type { PeHeaders } from '../pe/pe-headers.js';
import { isRelocatable } from '../pe/pe-relocations.js';
import type { SectionTable } from './control-area.js';

const GRANULARITY = 0x10000;
const FOUR_GIB = 0x1_0000_0000;
/** Programs based above 4 GB: 7FF6_00000000 to 7FF7_FFFFFFFF, 17 bits of choice. */
const PROGRAM_REGION = 0x7ff6_0000_0000;
const PROGRAM_SLOTS = 0x20000;
/** DLLs go down from a place chosen with 14 bits (19 with high entropy) below 7FFF_FFFF0000, one after the other. */
const DLL_TOP = 0x7fff_fffe_0000;
const DLL_BOTTOM = 0x7ff8_0000_0000;
const DLL_SLOTS = 0x4000;
const DLL_HIGH_ENTROPY_SLOTS = 0x80000;
/** Images based below 4 GB stay there: 8 bits of choice from 0040_0000 for programs, below 7800_0000 for DLLs. */
const LOW_PROGRAM_REGION = 0x40_0000;
const LOW_DLL_REGION = 0x5000_0000;
const LOW_SLOTS = 0x100;

/** The mulberry32 generator over the table's state: an unsigned 32-bit number. */
function nextRandom(sections: SectionTable): number {
  sections.randomState = (sections.randomState + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(sections.randomState ^ (sections.randomState >>> 15), sections.randomState | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}

/** True when the image asks to be moved and can be. */
function isRandomized(headers: PeHeaders): boolean {
  return (
    (headers.dllCharacteristics & IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE) !== 0 &&
    isRelocatable(headers) &&
    headers.directories[IMAGE_DIRECTORY_ENTRY_BASERELOC]!.size !== 0
  );
}

/** The base (a multiple of 64 KB) for a new image section: the preferred one, or one chosen from the seed. */
export function chooseImageBase(sections: SectionTable, headers: PeHeaders): number {
  if (!isRandomized(headers)) return headers.imageBase;
  const size = Math.ceil(headers.sizeOfImage / GRANULARITY) * GRANULARITY;
  if (headers.imageBase >= FOUR_GIB && headers.isDll) return nextDllBase(sections, headers, size);
  const [region, slots] =
    headers.imageBase >= FOUR_GIB
      ? [PROGRAM_REGION, PROGRAM_SLOTS]
      : [headers.isDll ? LOW_DLL_REGION : LOW_PROGRAM_REGION, LOW_SLOTS];
  for (let attempt = 0; attempt < 64; attempt++) {
    const base = region + (nextRandom(sections) % slots) * GRANULARITY;
    if (isFree(sections, base, size)) return base;
  }
  return headers.imageBase;
}

/** DLLs lie directly below one another, so that the random start is the only choice. */
function nextDllBase(sections: SectionTable, headers: PeHeaders, size: number): number {
  if (sections.nextDllBase === 0) {
    const highEntropy = (headers.dllCharacteristics & IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA) !== 0;
    const slots = highEntropy ? DLL_HIGH_ENTROPY_SLOTS : DLL_SLOTS;
    sections.nextDllBase = DLL_TOP - (nextRandom(sections) % slots) * GRANULARITY;
  }
  let base = sections.nextDllBase - size;
  while (base >= DLL_BOTTOM && !isFree(sections, base, size)) base -= GRANULARITY;
  if (base < DLL_BOTTOM) {
    base = DLL_TOP - size;
    while (base >= DLL_BOTTOM && !isFree(sections, base, size)) base -= GRANULARITY;
  }
  if (base < DLL_BOTTOM) return headers.imageBase;
  sections.nextDllBase = base;
  return base;
}

/** True when no existing image section is based in the range. */
function isFree(sections: SectionTable, base: number, size: number): boolean {
  return sections.controlAreas.every(({ segment: { image } }) => {
    if (image === null) return true;
    return base + size <= image.base || image.base + image.headers.sizeOfImage <= base;
  });
}
