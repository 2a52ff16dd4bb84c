/** The scanf family. Source: "Formatted input functions", "sscanf", "_snscanf", Microsoft. */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { wideBytes } from '../wide-bytes.js';
import { EINVAL } from './errno.js';
import { type CharacterSource, StreamReader, StringReader, waiting } from './reader.js';
import { type ScanTarget, scanText } from './scanf-format.js';
import { failWith } from './state.js';
import { EOF, Stream, standardStream } from './stream.js';
import { bytesOf, readNarrow, readWide } from './text.js';

/** The pointer arguments of one call. */
export class GuestTarget implements ScanTarget {
  address = 0;
  value = 0;
  protected readonly call: ServiceCall;
  private index: number;

  constructor(call: ServiceCall, first: number) {
    this.call = call;
    this.index = first - 1;
  }

  next(): void {
    this.index++;
    this.address = this.call.address(this.index);
    this.value = this.call.size(this.index);
  }

  storeInteger(address: number, bytes: number, value: bigint): void {
    const { memory } = this.call;
    const bits = BigInt.asUintN(64, value);
    const lo = Number(bits & 0xffffffffn);
    if (bytes === 8) memory.writeU64(address, lo, Number(bits >> 32n));
    else if (bytes === 4) memory.writeU32(address, lo);
    else if (bytes === 2) memory.writeU16(address, lo & 0xffff);
    else memory.writeU8(address, lo & 0xff);
  }

  storeDouble(address: number, value: number): void {
    this.call.memory.writeDouble(address, value);
  }

  storeFloat(address: number, value: number): void {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    this.call.memory.writeU32(address, view.getUint32(0));
  }

  storeText(address: number, text: string, wide: boolean, terminated: boolean): void {
    const whole = terminated ? `${text}\0` : text;
    this.call.memory.writeBytes(address, wide ? wideBytes(whole) : bytesOf(whole));
  }
}

interface Form {
  readonly wide: boolean;
  readonly secure: boolean;
}

function scan(call: ServiceCall, source: CharacterSource, formatIndex: number, form: Form): number {
  const address = call.address(formatIndex);
  if (address === 0) return failWith(call, EINVAL);
  const format = form.wide ? readWide(call.memory, address) : readNarrow(call.memory, address);
  return scanText(format, source, new GuestTarget(call, formatIndex + 1), form);
}

function scanStream(call: ServiceCall, stream: Stream, formatIndex: number, form: Form): number {
  const reader = new StreamReader(stream);
  const result = scan(call, reader, formatIndex, form);
  reader.finish();
  return result;
}

const fromInput = (form: Form): ServiceFunction =>
  waiting((call) => scanStream(call, standardStream(call, 0), 0, form));

const fromStream = (form: Form): ServiceFunction =>
  waiting((call) => scanStream(call, new Stream(call, call.address(0)), 1, form));

const fromString =
  (form: Form): ServiceFunction =>
  (call) => {
    const address = call.address(0);
    if (address === 0) return failWith(call, EINVAL);
    const text = form.wide ? readWide(call.memory, address) : readNarrow(call.memory, address);
    return text === '' ? EOF : scan(call, new StringReader(text), 1, form);
  };

const fromBoundedString =
  (form: Form): ServiceFunction =>
  (call) => {
    const address = call.address(0);
    const limit = Math.min(call.size(1), Number.MAX_SAFE_INTEGER);
    const text = form.wide ? readWide(call.memory, address, limit) : readNarrow(call.memory, address, limit);
    return text === '' ? EOF : scan(call, new StringReader(text), 2, form);
  };

const NARROW: Form = { wide: false, secure: false };
const WIDE: Form = { wide: true, secure: false };
const NARROW_SECURE: Form = { wide: false, secure: true };
const WIDE_SECURE: Form = { wide: true, secure: true };

export const scanfFunctions: Record<string, ServiceFunction> = {
  scanf: fromInput(NARROW),
  wscanf: fromInput(WIDE),
  scanf_s: fromInput(NARROW_SECURE),
  wscanf_s: fromInput(WIDE_SECURE),
  fscanf: fromStream(NARROW),
  fwscanf: fromStream(WIDE),
  fscanf_s: fromStream(NARROW_SECURE),
  fwscanf_s: fromStream(WIDE_SECURE),
  sscanf: fromString(NARROW),
  swscanf: fromString(WIDE),
  sscanf_s: fromString(NARROW_SECURE),
  swscanf_s: fromString(WIDE_SECURE),
  _snscanf: fromBoundedString(NARROW),
  _snwscanf: fromBoundedString(WIDE),
};
