/** VARIANTs (oaidl.h). Sources: Microsoft, "VARIANT structure", "VARENUM enumeration", "VariantClear function", "VariantCopy function". */
import type { Service, ServiceCall, ServiceFunction, ServiceResult } from '../../nt/service.js';
import { allocateBstr, bstrBytes, freeBstr } from './bstr.js';

/** VARIANT on x64: byte offsets and size. */
const VARIANT_TYPE = 0;
const VARIANT_VALUE = 8;
const VARIANT_BYTES = 24;

const VT_EMPTY = 0;
const VT_BSTR = 8;
const VT_DISPATCH = 9;
const VT_VARIANT = 12;
const VT_UNKNOWN = 13;
const VT_DECIMAL = 14;
const VT_I1 = 16;
const VT_UINT = 23;
const VT_TYPEMASK = 0xfff;
const VT_BYREF = 0x4000;

const S_OK = 0;
const E_INVALIDARG = 0x80070057;
const E_OUTOFMEMORY = 0x8007000e;
const DISP_E_BADVARTYPE = 0x80020008;

/** Byte offsets in the table of functions that every interface begins with. */
const ADD_REF = 0x08;
const RELEASE = 0x10;

/** S_OK for a type that a VARIANT can have by itself; references are always fine, arrays and records are not known here. */
function checkType(type: number): number {
  if (type & VT_BYREF) return (type & VT_TYPEMASK) === VT_EMPTY ? DISP_E_BADVARTYPE : S_OK;
  if (type & ~VT_TYPEMASK) return type & ~(VT_TYPEMASK | 0x2000) ? DISP_E_BADVARTYPE : E_INVALIDARG;
  if (type <= VT_DECIMAL) return type === VT_VARIANT ? DISP_E_BADVARTYPE : S_OK;
  return type >= VT_I1 && type <= VT_UINT ? S_OK : DISP_E_BADVARTYPE;
}

const isInterface = (type: number) => type === VT_UNKNOWN || type === VT_DISPATCH;

/** Calls a function without arguments of the interface at `object`. */
function callMethod(call: ServiceCall, object: number, method: number, step: number): ServiceResult {
  const table = call.memory.readPointer(object);
  return call.callGuest(call.memory.readPointer(table + method), [object], step, []);
}

/** Lets go of what a variant holds and makes it empty; false when a step goes on behind a call of Release. */
function release(call: ServiceCall, at: number, step: number): ServiceResult | false {
  const { memory } = call;
  memory.probeWrite(at, VARIANT_BYTES);
  const type = memory.readU16(at + VARIANT_TYPE);
  const value = memory.readPointer(at + VARIANT_VALUE);
  memory.writeU16(at + VARIANT_TYPE, VT_EMPTY);
  if (type === VT_BSTR) freeBstr(call, value);
  return isInterface(type) && value !== 0 ? callMethod(call, value, RELEASE, step) : false;
}

/** HRESULT VariantClear(variant). */
const variantClear: Service = {
  enter: (call) => {
    const status = checkType(call.memory.readU16(call.address(0)));
    if (status !== S_OK) return status;
    const pending = release(call, call.address(0), 0);
    return pending === false ? S_OK : pending;
  },
  steps: [() => S_OK],
};

/** Puts a copy of the source into the target, which holds nothing. */
function copyInto(call: ServiceCall): ServiceResult {
  const { memory } = call;
  const [target, source] = [call.address(0), call.address(1)];
  const type = memory.readU16(source + VARIANT_TYPE);
  const value = memory.readPointer(source + VARIANT_VALUE);
  memory.probeWrite(target, VARIANT_BYTES);
  let copied = value;
  if (type === VT_BSTR && value !== 0) {
    copied = allocateBstr(call, value, bstrBytes(call, value));
    if (copied === 0) return E_OUTOFMEMORY;
  }
  memory.copy(target, source, VARIANT_BYTES);
  if (type === VT_BSTR) memory.writePointer(target + VARIANT_VALUE, copied);
  return isInterface(type) && value !== 0 ? callMethod(call, value, ADD_REF, 1) : S_OK;
}

/** HRESULT VariantCopy(target, source). */
const variantCopy: Service = {
  enter: (call) => {
    const [target, source] = [call.address(0), call.address(1)];
    const types = [call.memory.readU16(source), call.memory.readU16(target)];
    for (const type of types) {
      const status = checkType(type);
      if (status !== S_OK) return status;
    }
    if (target === source) return S_OK;
    const pending = release(call, target, 0);
    return pending === false ? copyInto(call) : pending;
  },
  steps: [copyInto, () => S_OK],
};

/** void VariantInit(variant). */
const variantInit: ServiceFunction = (call) => call.memory.fill(call.address(0), VARIANT_BYTES, 0);

export const variantFunctions: Record<string, Service | ServiceFunction> = {
  VariantInit: variantInit,
  VariantClear: variantClear,
  VariantCopy: variantCopy,
};
