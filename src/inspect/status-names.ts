/** Names of NTSTATUS values, for people. */
import * as statuses from '../base/ntstatus.js';
import { hex32 } from './text.js';

const NAMES = new Map<number, string>();
for (const [name, value] of Object.entries(statuses))
  if (typeof value === 'number' && name.startsWith('STATUS_') && !NAMES.has(value)) NAMES.set(value, name);

/** 0xC0000005 (STATUS_ACCESS_VIOLATION); the number alone when it has no name here. */
export function statusText(status: number): string {
  const name = NAMES.get(status >>> 0);
  return name === undefined ? hex32(status) : `${hex32(status)} (${name})`;
}
