/**
 * Base relocations as the section code applies them: to each page when it is read in, so that all processes share the
 * relocated page. A fix-up may cross into the next page; each page gets its own part.
 * Source: Microsoft, "PE Format", "The .reloc Section"; Windows Internals, "Address space layout randomization".
 */
import type { Relocations } from '../pe/pe-relocations.js';
import type { ControlArea, ImageInformation } from './control-area.js';
import { readFilePage } from './section-page.js';

const PAGE_SIZE = 4096;

/** Index of the first fix-up that reaches past an RVA, with fix-ups of `width` bytes. */
function firstReaching(targets: Uint32Array, rva: number, width: number): number {
  let low = 0;
  let high = targets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (targets[middle]! + width <= rva) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** True when a page (number in the image) has fix-ups, so that it is not all zeros even where the file has no bytes. */
export function hasFixups(fixups: Relocations, page: number): boolean {
  return reaches(fixups.dir64, page, 8) || reaches(fixups.highLow, page, 4);
}

function reaches(targets: Uint32Array, page: number, width: number): boolean {
  const index = firstReaching(targets, page * PAGE_SIZE, width);
  return index < targets.length && targets[index]! < (page + 1) * PAGE_SIZE;
}

/** Adds the distance from the preferred to the actual base at every fix-up of a page. Throws HostIoError. */
export function applyFixups(
  controlArea: ControlArea,
  image: ImageInformation,
  page: number,
  bytes: Uint8Array,
): void {
  applyWidth(controlArea, image, page, bytes, image.fixups!.dir64, 8);
  applyWidth(controlArea, image, page, bytes, image.fixups!.highLow, 4);
}

function applyWidth(
  controlArea: ControlArea,
  image: ImageInformation,
  page: number,
  bytes: Uint8Array,
  targets: Uint32Array,
  width: number,
): void {
  const start = page * PAGE_SIZE;
  const distance = image.base - image.headers.imageBase;
  for (let index = firstReaching(targets, start, width); index < targets.length; index++) {
    const at = targets[index]! - start;
    if (at >= PAGE_SIZE) return;
    if (at >= 0 && at + width <= PAGE_SIZE) addInPlace(bytes, at, width, distance);
    else addAcrossPages(controlArea, page, bytes, at, width, distance);
  }
}

/** Adds a distance, byte by byte, to a little-endian value of `width` bytes. */
function addInPlace(bytes: Uint8Array, at: number, width: number, distance: number): void {
  let rest = distance;
  let carry = 0;
  for (let index = at; index < at + width; index++) {
    const low = rest - Math.floor(rest / 256) * 256;
    const sum = bytes[index]! + low + carry;
    bytes[index] = sum;
    carry = sum >> 8;
    rest = Math.floor(rest / 256);
  }
}

function addAcrossPages(
  controlArea: ControlArea,
  page: number,
  bytes: Uint8Array,
  at: number,
  width: number,
  distance: number,
): void {
  const other = at < 0 ? page - 1 : page + 1;
  const neighbour = new Uint8Array(PAGE_SIZE);
  const subsection = controlArea.subsectionOf(other);
  if (subsection !== undefined) readFilePage(subsection, other, neighbour);
  const value = new Uint8Array(width);
  for (let index = 0; index < width; index++) {
    const place = at + index;
    value[index] =
      place < 0
        ? neighbour[PAGE_SIZE + place]!
        : place < PAGE_SIZE
          ? bytes[place]!
          : neighbour[place - PAGE_SIZE]!;
  }
  addInPlace(value, 0, width, distance);
  for (let index = 0; index < width; index++) {
    const place = at + index;
    if (place >= 0 && place < PAGE_SIZE) bytes[place] = value[index]!;
  }
}
