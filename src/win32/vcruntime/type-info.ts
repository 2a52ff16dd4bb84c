/** type_info, as typeid and catch use it. Source: Microsoft, "type_info class"; decorated names of the C++ compiler. */

import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import type { DataExport } from '../../nt/system-module.js';
import { allocate } from '../msvcrt/crt-heap.js';
import { undecorateType } from './undecorate-type.js';

const NAME = 16;
const MAXIMUM_NAME = 4096;

const nameOf = (call: ServiceCall, type: number) => call.memory.readAnsi(type + NAME, MAXIMUM_NAME);

/** FNV-1a of the name behind its first character, as 64 bits of which the high and low words are mixed. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 1; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return value;
}

/** Address of the undecorated name, which the type_info keeps from then on; `data` is what follows its virtual table. */
function undecoratedName(call: ServiceCall, data: number): number {
  const { memory } = call;
  const known = memory.readPointer(data);
  if (known !== 0) return known;
  const name = undecorateType(memory.readAnsi(data + 8, MAXIMUM_NAME));
  memory.probeWrite(data, 8);
  const copy = allocate(call, name.length + 1, false);
  if (copy === 0) return 0;
  memory.writeAnsi(copy, `${name}\0`);
  memory.writePointer(data, copy);
  return copy;
}

const destroyTypeInfo: ServiceFunction = (call) => call.address(0);
const compare = (call: ServiceCall, left: number, right: number) => {
  const [first, second] = [nameOf(call, left), nameOf(call, right)];
  return first === second ? 0 : first < second ? -1 : 1;
};

export const typeInfoFunctions: Readonly<Record<string, ServiceFunction>> = {
  '??1type_info@@UEAA@XZ': destroyTypeInfo,
  '??_Gtype_info@@UEAAPEAXI@Z': destroyTypeInfo,
  '??8type_info@@QEBAHAEBV0@@Z': (call) => (compare(call, call.address(0), call.address(1)) === 0 ? 1 : 0),
  '??9type_info@@QEBAHAEBV0@@Z': (call) => (compare(call, call.address(0), call.address(1)) === 0 ? 0 : 1),
  '?name@type_info@@QEBAPEBDXZ': (call) => undecoratedName(call, call.address(0) + 8),
  __std_type_info_name: (call) => undecoratedName(call, call.address(0)),
  '?raw_name@type_info@@QEBAPEBDXZ': (call) => call.address(0) + NAME,
  '?before@type_info@@QEBAHAEBV1@@Z': (call) => (compare(call, call.address(0), call.address(1)) < 0 ? 1 : 0),
  /** Both take the part of a type_info behind its virtual table and the undecorated name: the decorated name. */
  __std_type_info_compare: (call) => {
    const [left, right] = [call.address(0), call.address(1)];
    if (left === right) return 0;
    const [first, second] = [left, right].map((at) => call.memory.readAnsi(at + 8, MAXIMUM_NAME));
    return first === second ? 0 : first! < second! ? -1 : 1;
  },
  __std_type_info_hash: (call) => hash(call.memory.readAnsi(call.address(0) + 8, MAXIMUM_NAME)),
  __std_type_info_destroy_list: () => undefined,
};

export const typeInfoData: Readonly<Record<string, DataExport>> = {
  '??_7type_info@@6B@': { size: 16, pointers: { 0: '??_Gtype_info@@UEAAPEAXI@Z' }, writable: true },
};
