/**
 * Carries out the compiled lines of a row from TypeScript: services are called by number with arguments put into registers and
 * stack, memory is touched through UserMemory. No program takes part. Prints what the guest program would print.
 */

import { GuestFault } from '../../src/mm/user-memory.js';
import { verify } from '../../src/mm/verify.js';
import { ServiceCaller } from '../../src/testing/service-caller.js';
import { StringTable } from './expression.js';
import { compileRow } from './guest-script.js';
import type { Row } from './row-file.js';

const SLOTS = 64;
const TEXTS_AT = SLOTS * 8;
const BUFFER_BYTES = 0x10000;
const INFORMATION_BYTES = 0x30;
const CURRENT_PROCESS = -1n;
const MEM_RELEASE = 0x8000n;

/** Rows that need nothing but services and memory. */
export function isForServices(row: Row): boolean {
  if (!row.family.startsWith('Nt')) return false;
  return row.steps.every((step) => {
    if (step.kind === 'call') return /^Nt|^NamedObject$/.test(step.function);
    return step.kind !== 'access' || step.access !== 'run';
  });
}

export class ServiceRunner {
  private readonly caller = new ServiceCaller();
  private readonly buffer: number;
  private readonly query: number;
  private texts: number[] = [];
  private output: string[] = [];

  constructor() {
    this.buffer = this.allocate(BUFFER_BYTES);
    this.query = this.allocate(INFORMATION_BYTES);
  }

  /** The observations of a row. */
  observe(row: Row): string[] {
    this.output = [];
    const strings = new StringTable();
    const lines = compileRow(row, strings);
    const { memory } = this.caller;
    memory.fill(this.buffer, BUFFER_BYTES, 0);
    memory.fill(this.caller.data, 4096, 0);
    this.setSlot(0, BigInt(this.buffer));
    this.placeTexts(strings.lines);
    for (const line of lines) this.carryOut(line[0]!, line.slice(2));
    return this.output;
  }

  /** Proves the invariants of the machine; the number of checks. */
  verify(): number {
    return verify(this.caller.kernel.mm).checks;
  }

  private allocate(bytes: number): number {
    const { caller } = this;
    this.setSlot(1, 0n);
    this.setSlot(2, BigInt(bytes));
    caller.call('NtAllocateVirtualMemory', -1, this.slotAt(1), 0, this.slotAt(2), 0x3000, 4);
    return caller.memory.readPointer(this.slotAt(1));
  }

  private slotAt(slot: number): number {
    return this.caller.data + slot * 8;
  }

  private slot(slot: number): bigint {
    return this.load(this.slotAt(slot), 8);
  }

  private setSlot(slot: number, value: bigint): void {
    this.store(this.slotAt(slot), 8, value);
  }

  private load(address: number, bytes: number): bigint {
    const piece = new Uint8Array(8);
    this.caller.memory.readInto(address, piece.subarray(0, bytes));
    return new DataView(piece.buffer).getBigUint64(0, true);
  }

  private store(address: number, bytes: number, value: bigint): void {
    const piece = new DataView(new ArrayBuffer(8));
    piece.setBigUint64(0, value, true);
    this.caller.memory.writeBytes(address, new Uint8Array(piece.buffer, 0, bytes));
  }

  /** Puts the strings of a row behind the variables. */
  private placeTexts(lines: readonly string[]): void {
    let at = this.caller.data + TEXTS_AT;
    this.texts = lines.map((line) => {
      const place = at;
      const text = `${line.slice(2)}\0`;
      const units = line.startsWith('W') ? Uint16Array.from(text, code) : Uint8Array.from(text, code);
      this.caller.memory.writeBytes(place, new Uint8Array(units.buffer));
      at += Math.ceil(units.byteLength / 8) * 8;
      return place;
    });
  }

  private carryOut(kind: string, rest: string): void {
    switch (kind) {
      case 'L': {
        const [slot, expression] = split(rest);
        this.setSlot(Number.parseInt(slot, 16), this.evaluate(expression));
        break;
      }
      case 'C': {
        const [slot, call] = split(rest);
        this.call(Number.parseInt(slot, 16), ...split(call));
        break;
      }
      case 'D':
        this.undo(...split(rest));
        break;
      case 'E':
        this.say('#', this.evaluate(rest));
        break;
      case 'N':
        break;
      case 'Q':
        this.describe(this.evaluate(rest));
        break;
      default: {
        const [bytes, expressions] = split(rest);
        const [address = 0n, value = 0n] = this.evaluateAll(expressions);
        this.access(kind === 'P', Number(bytes), address, value);
      }
    }
  }

  private call(slot: number, name: string, args: string): void {
    const values = this.evaluateAll(args);
    const result = name === 'NamedObject' ? this.nameObject(values) : BigInt(this.service(name, values));
    if (slot > 0) this.setSlot(slot, result);
    this.say('=', result, 0n);
  }

  private service(name: string, values: readonly bigint[]): number {
    return this.caller.call(name, ...values.map((value) => Number(BigInt.asIntN(64, value))));
  }

  private nameObject([at = 0n, text = 0n]: readonly bigint[]): bigint {
    let units = 0;
    while (this.load(Number(text) + units * 2, 2) !== 0n) units++;
    const address = Number(at);
    this.store(address, 8, 0x30n);
    this.store(address + 0x10, 8, at + 0x30n);
    this.store(address + 0x30, 4, BigInt(units * 2 * 0x10001));
    this.store(address + 0x38, 8, text);
    return at;
  }

  private undo(name: string, args: string): void {
    const [value = 0n] = this.evaluateAll(args);
    if (name === 'CloseHandle') this.service('NtClose', [value]);
    else if (name === 'UnmapViewOfFile') this.service('NtUnmapViewOfSection', [CURRENT_PROCESS, value]);
    else {
      const [base, size] = [SLOTS - 2, SLOTS - 1];
      this.setSlot(base, value);
      this.setSlot(size, 0n);
      const at = [base, size].map((slot) => BigInt(this.slotAt(slot)));
      this.service('NtFreeVirtualMemory', [CURRENT_PROCESS, ...at, MEM_RELEASE]);
    }
  }

  private access(isWrite: boolean, bytes: number, address: bigint, value: bigint): void {
    try {
      if (isWrite) this.store(Number(address), bytes, value);
      this.say('=', isWrite ? 0n : this.load(Number(address), bytes), 0n);
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error;
      this.say('!', BigInt(error.status), error.isWrite ? 1n : 0n, BigInt(error.address));
    }
  }

  private describe(address: bigint): void {
    const at = this.query;
    const length = BigInt(INFORMATION_BYTES);
    this.service('NtQueryVirtualMemory', [CURRENT_PROCESS, address, 0n, BigInt(at), length, 0n]);
    const field = (offset: number, bytes: number) => this.load(at + offset, bytes);
    this.say(
      '?',
      ...[field(0, 8), field(8, 8), field(0x10, 4), field(0x18, 8)],
      ...[field(0x20, 4), field(0x24, 4), field(0x28, 4)],
    );
  }

  private say(sign: string, ...values: bigint[]): void {
    this.output.push([sign, ...values.map((value) => value.toString(16))].join(' '));
  }

  private evaluateAll(text: string): bigint[] {
    return text === '' ? [] : text.split(',').map((expression) => this.evaluate(expression));
  }

  private evaluate(expression: string): bigint {
    const stack: bigint[] = [];
    for (const token of expression.trim().split(' ')) {
      if (/^[-+*/%|]$/.test(token)) {
        const [right, left] = [stack.pop()!, stack.pop()!];
        stack.push(BigInt.asUintN(64, apply(token, left, right)));
      } else stack.push(this.operand(token));
    }
    return stack.pop()!;
  }

  private operand(token: string): bigint {
    const number = Number.parseInt(token.slice(1), 16);
    if (token.startsWith('v')) return this.slot(number);
    if (token.startsWith('&')) return BigInt(this.slotAt(number));
    if (token.startsWith('@')) return BigInt(this.texts[number]!);
    return BigInt(`0x${token}`);
  }
}

function code(letter: string): number {
  return letter.charCodeAt(0);
}

/** The first word and the rest. */
function split(text: string): [string, string] {
  const blank = text.indexOf(' ');
  return blank < 0 ? [text, ''] : [text.slice(0, blank), text.slice(blank + 1)];
}

function apply(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    default:
      return left | right;
  }
}
