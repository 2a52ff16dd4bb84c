/** An exception that nobody handled, as text. */
import {
  STATUS_ACCESS_VIOLATION,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_IN_PAGE_ERROR,
  STATUS_NO_MEMORY,
  STATUS_STACK_OVERFLOW,
} from '../base/ntstatus.js';
import type { CrashReport } from '../nt/process.js';
import { statusText } from './status-names.js';
import { splitAddress } from './text.js';

/** Gives the instruction at the start of some bytes in assembly language. */
export type Disassembler = (bytes: Uint8Array, address: number) => { text: string; length: number };

/** Codes whose parameters are the kind of access and the address. */
const ACCESS_CODES: readonly number[] = [
  STATUS_ACCESS_VIOLATION,
  STATUS_IN_PAGE_ERROR,
  STATUS_GUARD_PAGE_VIOLATION,
  STATUS_STACK_OVERFLOW,
  STATUS_NO_MEMORY,
];
/** Why memory that is committed could not be had, and the way out. */
const NO_FREE_FRAME =
  'no frame of RAM is free, and no paging file takes more pages: a larger --pagefile or --ram helps, or room on the disk where it lies';
const REGISTERS_IN_A_ROW = 3;
const ACCESS_WRITE = 1;
const ACCESS_EXECUTE = 8;

const hexByte = (byte: number) => byte.toString(16).padStart(2, '0').toUpperCase();

function hex64(lo: number, hi: number): string {
  const digits = (word: number) => (word >>> 0).toString(16).toUpperCase().padStart(8, '0');
  return `${digits(hi)}\`${digits(lo)}`;
}

/** An address that is not canonical has lost its upper bits on the way. */
function addressText(address: number): string {
  return address < 0 ? 'an address that is not canonical' : splitAddress(address);
}

function accessText({ code, parameters, target }: CrashReport): string | null {
  if (!ACCESS_CODES.includes(code) || parameters.length < 2) return null;
  const [access, address] = parameters as [number, number];
  const doing = access === ACCESS_WRITE ? 'writing' : access === ACCESS_EXECUTE ? 'executing' : 'reading';
  const place = code === STATUS_STACK_OVERFLOW ? 'below the last page of the stack' : target;
  const what = place === null ? '' : `: ${place}`;
  const status = parameters.length > 2 ? `, because of ${statusText(parameters[2]!)}` : '';
  return `${doing} ${addressText(address)}${what}${status}`;
}

function placeText({ address, module, offset }: CrashReport): string {
  const place = module === null ? 'outside of every module' : `${module}+0x${offset.toString(16)}`;
  return `${addressText(address)}  ${place}`;
}

function instructionText({ address, code16 }: CrashReport, disassemble: Disassembler): string {
  if (code16.length === 0) return 'cannot be read';
  const { text, length } = disassemble(Uint8Array.from(code16), address);
  const bytes = code16.slice(0, Math.min(length, code16.length)).map(hexByte).join(' ');
  return `${bytes}  ${text}`;
}

function registerRows(registers: CrashReport['registers']): string[] {
  const rows: string[] = [];
  const cells = registers.map(({ name, lo, hi }) => `${name.padEnd(6)} ${hex64(lo, hi)}`);
  for (let at = 0; at < cells.length; at += REGISTERS_IN_A_ROW)
    rows.push(`  ${cells.slice(at, at + REGISTERS_IN_A_ROW).join('   ')}`);
  return rows;
}

/** What the loader or the runtime said; when RAM ran out under an access, that. */
function reasonText({ code, parameters, message }: CrashReport): string | null {
  return message ?? (code === STATUS_NO_MEMORY && parameters.length >= 2 ? NO_FREE_FRAME : null);
}

/** Several lines: code, what was accessed and what that is, where, the instruction, the registers. */
export function formatCrash(program: string, crash: CrashReport, disassemble: Disassembler): string {
  const lines = [`${program}: unhandled exception ${statusText(crash.code)}`];
  const access = accessText(crash);
  if (access !== null) lines.push(`  access       ${access}`);
  else if (crash.parameters.length > 0)
    lines.push(`  parameters   ${crash.parameters.map(addressText).join(' ')}`);
  lines.push(`  at           ${placeText(crash)}`);
  lines.push(`  instruction  ${instructionText(crash, disassemble)}`);
  const reason = reasonText(crash);
  if (reason !== null) lines.push(`  because      ${reason}`);
  lines.push(`  thread       ${crash.threadId}`, '', ...registerRows(crash.registers));
  return `${lines.join('\n')}\n`;
}
