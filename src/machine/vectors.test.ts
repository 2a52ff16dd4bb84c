import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import {
  CHECK_APPROXIMATE,
  CHECK_ULP,
  CODE_PAGE,
  DATA_BYTES,
  DATA_PAGES,
  DATA_WINDOW,
  IMAGE_BYTES,
  IMAGE_DATA,
  IMAGE_FLAGS,
  IMAGE_FPU_CONTROL,
  IMAGE_FPU_REGISTERS,
  IMAGE_FPU_STATUS,
  IMAGE_FPU_VALID,
  IMAGE_MXCSR,
  IMAGE_STACK,
  IMAGE_XMM,
  type InstructionForm,
  type InstructionVector,
  PAGE_FAULT,
  RAN_TO_END,
  SCRATCH_PAGE,
  SECOND_PAGE_ABSENT,
  SECOND_PAGE_WRITABLE,
  STACK_BYTES,
  STACK_WINDOW,
  VectorFile,
} from '../testing/vector-file.js';
import { FPU_CONTROL, FPU_IP, FPU_OPCODE, FPU_REGISTERS, FPU_STATUS, FPU_TAG, XMM } from './cpu/layout.js';
import { PhysicalMemory } from './physical-memory.js';
import { EXIT_EXCEPTION, EXIT_PAGE_FAULT, Processor } from './processor.js';

const REGISTERS = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
const FLAG_NAMES: readonly [string, number][] = [
  ['CF', 1],
  ['PF', 4],
  ['AF', 0x10],
  ['ZF', 0x40],
  ['SF', 0x80],
  ['DF', 0x400],
  ['OF', 0x800],
];
const FLAG_BITS = 0xcd5;
const BREAKPOINT = 0xcc;
/** More than any recorded run executes. */
const BUDGET = 1000;
/** Present, writable, user. */
const ENTRY = 7;
const READ_ONLY_ENTRY = 5;
const DIRECTORY_FRAME = 1;
const TABLE_FRAME = 4;
const FIRST_PAGE_FRAME = 0x20;
/** 1.5 * 2^-12, Intel's and AMD's bound of the relative error of RCPPS and RSQRTPS; the recorded value may err as much. */
const APPROXIMATE_ERROR = 2 * 1.5 * 2 ** -12;
const SHOWN_STATES = 2;

/** NTMM_VECTORS names another file, recorded with another seed (vectors/README.md). */
const source = process.env['NTMM_VECTORS'] ?? new URL('../../vectors/x64.bin.gz', import.meta.url);
const file = new VectorFile(gunzipSync(readFileSync(source)));

const ram = new PhysicalMemory(0x100000);
const cpu = new Processor(ram);
const before = new Uint8Array(IMAGE_BYTES);
const after = new Uint8Array(IMAGE_BYTES);
const actual = new Uint8Array(IMAGE_BYTES);
const beforeView = new DataView(before.buffer);
const afterView = new DataView(after.buffer);
const actualView = new DataView(actual.buffer);
const ramView = new DataView(ram.memory.buffer);
let formsChecked = 0;
let statesChecked = 0;

const frameOf = (address: number) => FIRST_PAGE_FRAME + ((address >>> 12) & 511);
const offsetOf = (address: number) => ram.offsetOf(frameOf(address)) + (address & 4095);

/** Four levels by hand; every page used by the vectors lies in one page table. */
function buildPageTables(): void {
  const level = (frame: number, index: number, target: number) =>
    ramView.setUint32(ram.offsetOf(frame) + index * 8, target * 4096 + ENTRY, true);
  level(DIRECTORY_FRAME, 0, 2);
  level(2, 0, 3);
  level(3, CODE_PAGE >>> 21, TABLE_FRAME);
  for (const page of [
    DATA_WINDOW,
    DATA_WINDOW + 4096,
    STACK_WINDOW,
    STACK_WINDOW + 4096,
    SCRATCH_PAGE,
    CODE_PAGE,
  ]) {
    level(TABLE_FRAME, (page >>> 12) & 511, frameOf(page));
  }
  cpu.setDirectory(DIRECTORY_FRAME);
  cpu.gsBase = DATA_WINDOW;
}

/** Makes the second page of the data window writable, absent or read-only. */
function setSecondPage(kind: number): void {
  const address = DATA_PAGES + 4096;
  const rights = kind === SECOND_PAGE_WRITABLE ? ENTRY : READ_ONLY_ENTRY;
  const entry = kind === SECOND_PAGE_ABSENT ? 0 : frameOf(address) * 4096 + rights;
  ramView.setUint32(ram.offsetOf(TABLE_FRAME) + ((address >>> 12) & 511) * 8, entry, true);
  cpu.invalidatePage(address);
}

function loadCode(code: Uint8Array): void {
  ram.bytes.fill(BREAKPOINT, offsetOf(CODE_PAGE), offsetOf(CODE_PAGE) + 4096);
  ram.bytes.set(code, offsetOf(CODE_PAGE));
  cpu.frameChanged(frameOf(CODE_PAGE));
}

/** Copies between an image and a window in RAM; the window straddles two pages. */
function eachPart(
  window: number,
  bytes: number,
  use: (from: number, to: number, length: number) => void,
): void {
  const first = 4096 - (window & 4095);
  use(0, offsetOf(window), first);
  use(first, offsetOf(window + first), bytes - first);
}

function putWindow(image: number, window: number, bytes: number): void {
  eachPart(window, bytes, (from, to, length) =>
    ram.bytes.set(before.subarray(image + from, image + from + length), to),
  );
}

function takeWindow(image: number, window: number, bytes: number): void {
  eachPart(window, bytes, (from, to, length) => {
    actual.set(ram.bytes.subarray(to, to + length), image + from);
    ram.bytes.fill(0, to, to + length);
  });
}

/** The two tag bits of a physical x87 register: 0 valid, 1 zero, 2 special, 3 empty. */
function tagOf(image: DataView, register: number): number {
  if (!((image.getUint8(IMAGE_FPU_VALID) >> register) & 1)) return 3;
  const at = IMAGE_FPU_REGISTERS + register * 10;
  const exponent = image.getUint16(at + 8, true) & 0x7fff;
  const high = image.getUint32(at + 4, true);
  if (exponent === 0) return high === 0 && image.getUint32(at, true) === 0 ? 1 : 2;
  return exponent === 0x7fff || high >>> 31 === 0 ? 2 : 0;
}

function loadState(): void {
  for (let i = 0; i < 16; i++) {
    cpu.set(i, beforeView.getUint32(i * 8, true), beforeView.getUint32(i * 8 + 4, true));
  }
  cpu.flags = beforeView.getUint32(IMAGE_FLAGS, true) | 0x202;
  cpu.mxcsr = beforeView.getUint32(IMAGE_MXCSR, true);
  cpu.rip = CODE_PAGE;
  ram.bytes.set(before.subarray(IMAGE_XMM, IMAGE_XMM + 256), XMM);
  ramView.setUint32(FPU_CONTROL, beforeView.getUint16(IMAGE_FPU_CONTROL, true), true);
  ramView.setUint32(FPU_STATUS, beforeView.getUint16(IMAGE_FPU_STATUS, true), true);
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const from = IMAGE_FPU_REGISTERS + i * 10;
    ram.bytes.set(before.subarray(from, from + 10), FPU_REGISTERS + i * 16);
    tags |= tagOf(beforeView, i) << (2 * i);
  }
  ramView.setUint32(FPU_TAG, tags, true);
  ramView.setUint32(FPU_OPCODE, 0, true);
  ram.bytes.fill(0, FPU_IP, FPU_IP + 16);
  putWindow(IMAGE_DATA, DATA_WINDOW, DATA_BYTES);
  putWindow(IMAGE_STACK, STACK_WINDOW, STACK_BYTES);
  ram.bytes.fill(0, offsetOf(SCRATCH_PAGE), offsetOf(SCRATCH_PAGE) + 4096);
}

function takeState(): void {
  for (let i = 0; i < 16; i++) {
    actualView.setUint32(i * 8, cpu.getLo(i), true);
    actualView.setUint32(i * 8 + 4, cpu.getHi(i), true);
  }
  actualView.setUint32(IMAGE_FLAGS, cpu.flags & FLAG_BITS, true);
  actualView.setUint32(IMAGE_MXCSR, cpu.mxcsr, true);
  actual.set(ram.bytes.subarray(XMM, XMM + 256), IMAGE_XMM);
  actualView.setUint16(IMAGE_FPU_CONTROL, ramView.getUint32(FPU_CONTROL, true), true);
  actualView.setUint16(IMAGE_FPU_STATUS, ramView.getUint32(FPU_STATUS, true), true);
  const tags = ramView.getUint32(FPU_TAG, true);
  let valid = 0;
  for (let i = 0; i < 8; i++) {
    if (((tags >> (2 * i)) & 3) !== 3) valid |= 1 << i;
    const from = FPU_REGISTERS + i * 16;
    actual.set(ram.bytes.subarray(from, from + 10), IMAGE_FPU_REGISTERS + i * 10);
  }
  actualView.setUint8(IMAGE_FPU_VALID, valid);
  takeWindow(IMAGE_DATA, DATA_WINDOW, DATA_BYTES);
  takeWindow(IMAGE_STACK, STACK_WINDOW, STACK_BYTES);
}

/** Bytes of an image as one hexadecimal number. */
function hex(image: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = length - 1; i >= 0; i--) text += image[at + i].toString(16).padStart(2, '0');
  return text;
}

function equalBytes(at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (after[at + i] !== actual[at + i]) return false;
  return true;
}

function describeField(differences: string[], name: string, at: number, length: number): void {
  differences.push(
    `${name} ${hex(after, at, length)}, got ${hex(actual, at, length)} (was ${hex(before, at, length)})`,
  );
}

/** Both within the bound of one true value; zeros, infinities and NaN must be the same. */
function approximatelyEqual(at: number): boolean {
  const expected = afterView.getFloat32(at, true);
  const got = actualView.getFloat32(at, true);
  if (equalBytes(at, 4)) return true;
  return Number.isFinite(expected) && Math.abs(got - expected) <= Math.abs(expected) * APPROXIMATE_ERROR;
}

/** The 80-bit values are the same or at most two units in the last place apart. */
function withinTwoUlp(at: number): boolean {
  const number = (view: DataView) =>
    (BigInt(view.getUint16(at + 8, true) & 0x7fff) << 63n) |
    (view.getBigUint64(at, true) & ((1n << 63n) - 1n));
  if (((after[at + 9] ^ actual[at + 9]) & 0x80) !== 0) return false;
  const distance = number(afterView) - number(actualView);
  return distance >= -2n && distance <= 2n;
}

function compareFlags(undefinedBits: number, differences: string[]): void {
  const expected = afterView.getUint32(IMAGE_FLAGS, true);
  const got = actualView.getUint32(IMAGE_FLAGS, true);
  const wrong = (expected ^ got) & ~(undefinedBits & 0xffff);
  for (const [name, bit] of FLAG_NAMES) {
    if (wrong & bit) differences.push(`${name} ${expected & bit ? 1 : 0}, got ${got & bit ? 1 : 0}`);
  }
}

function compareFpu(form: InstructionForm, undefinedBits: number, differences: string[]): void {
  if (!equalBytes(IMAGE_FPU_CONTROL, 2)) describeField(differences, 'x87 control', IMAGE_FPU_CONTROL, 2);
  const status = afterView.getUint16(IMAGE_FPU_STATUS, true) ^ actualView.getUint16(IMAGE_FPU_STATUS, true);
  if (status & ~(undefinedBits >>> 16)) describeField(differences, 'x87 status', IMAGE_FPU_STATUS, 2);
  if (!equalBytes(IMAGE_FPU_VALID, 1)) describeField(differences, 'x87 valid', IMAGE_FPU_VALID, 1);
  for (let i = 0; i < 8; i++) {
    const at = IMAGE_FPU_REGISTERS + i * 10;
    if (!((after[IMAGE_FPU_VALID] >> i) & 1) || equalBytes(at, 10)) continue;
    if (form.check !== CHECK_ULP || !withinTwoUlp(at)) describeField(differences, `x87 r${i}`, at, 10);
  }
}

function compareXmm(form: InstructionForm, differences: string[]): void {
  for (let i = 0; i < 16; i++) {
    const at = IMAGE_XMM + i * 16;
    if (equalBytes(at, 16)) continue;
    const close = [0, 4, 8, 12].every((lane) => approximatelyEqual(at + lane));
    if (form.check !== CHECK_APPROXIMATE || !close) describeField(differences, `xmm${i}`, at, 16);
  }
}

function compareMemory(name: string, image: number, bytes: number, differences: string[]): void {
  for (let i = 0; i < bytes; i += 8) {
    if (!equalBytes(image + i, 8)) describeField(differences, `${name}+${i}`, image + i, 8);
  }
}

function compareStates(form: InstructionForm, vector: InstructionVector): string[] {
  const differences: string[] = [];
  for (let i = 0; i < 16; i++) if (!equalBytes(i * 8, 8)) describeField(differences, REGISTERS[i], i * 8, 8);
  compareFlags(vector.undefinedBits, differences);
  compareXmm(form, differences);
  if (!equalBytes(IMAGE_MXCSR, 4)) describeField(differences, 'mxcsr', IMAGE_MXCSR, 4);
  compareFpu(form, vector.undefinedBits, differences);
  compareMemory('data', IMAGE_DATA, DATA_BYTES, differences);
  compareMemory('stack', IMAGE_STACK, STACK_BYTES, differences);
  return differences;
}

function exitText(exception: number, offset: number, error: number, address: number): string {
  const fault = exception === PAGE_FAULT ? ` error ${error} address ${address.toString(16)}` : '';
  return `exception ${exception}${fault} at +${offset}`;
}

/** A run that reached its end stops at the breakpoint, before or after it. */
function compareExit(vector: InstructionVector, exit: number): string[] {
  const exception =
    exit === EXIT_PAGE_FAULT ? PAGE_FAULT : exit === EXIT_EXCEPTION ? cpu.exceptionVector : -1;
  const past = exception === RAN_TO_END && cpu.rip - CODE_PAGE === vector.stop + 1 ? 1 : 0;
  const got = exitText(exception, cpu.rip - CODE_PAGE - past, cpu.faultError, cpu.faultAddress);
  const expected = exitText(vector.exception, vector.stop, vector.faultError, vector.faultAddress);
  return got === expected ? [] : [`${expected}, got ${got}`];
}

function replay(form: InstructionForm, vector: InstructionVector): string[] {
  file.images(vector, before, after);
  loadState();
  const exit = cpu.run(BUDGET);
  takeState();
  return compareExit(vector, exit).concat(compareStates(form, vector));
}

/** Lines about the states of a form that disagree, with the bytes of the code. */
function failuresOf(form: InstructionForm): string[] {
  const failures: string[] = [];
  setSecondPage(form.secondPage);
  let loaded = -1;
  let failed = 0;
  form.vectors.forEach((vector, number) => {
    if (vector.code !== loaded) loadCode(form.codes[(loaded = vector.code)]);
    const differences = replay(form, vector);
    statesChecked++;
    if (differences.length === 0 || ++failed > SHOWN_STATES) return;
    const bytes = Array.from(form.codes[vector.code], (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    failures.push(`${form.name} [${bytes}] state ${number}: ${differences.join('; ')}`);
  });
  if (failed > SHOWN_STATES) failures.push(`${form.name}: ${failed} of ${form.vectors.length} states differ`);
  formsChecked++;
  return failures;
}

/** Whatever an instruction writes must lie in the windows, which takeState leaves empty. */
function strayBytes(): number {
  let count = 0;
  for (const window of [DATA_WINDOW, DATA_WINDOW + 4096, STACK_WINDOW, STACK_WINDOW + 4096]) {
    const page = offsetOf(window) & ~4095;
    for (let i = 0; i < 4096; i += 4) if (ramView.getUint32(page + i, true) !== 0) count++;
    ram.bytes.fill(0, page, page + 4096);
  }
  return count;
}

buildPageTables();
const mnemonics = new Map<string, InstructionForm[]>();
for (const form of file.forms) {
  const mnemonic = form.name.replace(/^lock |[ ,+].*/g, '').replace(/^j$/, form.name);
  mnemonics.set(mnemonic, [...(mnemonics.get(mnemonic) ?? []), form]);
}

describe('instructions do what the recorded processor did', () => {
  test.each([...mnemonics])('%s', (_mnemonic, forms) => {
    expect(forms.flatMap(failuresOf)).toEqual([]);
    expect(strayBytes()).toBe(0);
  });

  afterAll(() => {
    console.log(`${formsChecked} forms and sequences, ${statesChecked} states replayed`);
  });
});

test('the vectors cover at least 300 instruction forms with 30 states each', () => {
  const forms = file.forms.filter((form) => !form.name.startsWith('sequence'));
  expect(forms.length).toBeGreaterThanOrEqual(300);
  expect(file.forms.every((form) => form.vectors.length >= 30)).toBe(true);
});
