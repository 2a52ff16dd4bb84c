import {
  STATUS_ACCESS_DENIED,
  STATUS_INSUFFICIENT_RESOURCES,
  STATUS_OBJECT_NAME_NOT_FOUND,
} from '../base/ntstatus.js';
import { foldName } from '../host/folding.js';
import { KEY_READ, MAXIMUM_ALLOWED, mapGenericMask } from './access.js';
import type { Kernel } from './kernel.js';
import type { KernelObject } from './object.js';
import { createObject, mayCreateObject, openOrDelete } from './object-manager.js';
import type { Process } from './process.js';

/** A value of a key: a text (REG_SZ) or a number (REG_DWORD). */
export type RegistryValue = string | number;

/** A key of the registry: fixed data that programs may read. */
export interface RegistryKey {
  readonly values?: Readonly<Record<string, RegistryValue>>;
  readonly keys?: Readonly<Record<string, RegistryKey>>;
}

/** An open key (CM_KEY_BODY). */
export interface KeyObject extends KernelObject {
  readonly kind: 'key';
  readonly key: RegistryKey;
}

/** \Registry\Machine\HARDWARE\DESCRIPTION\System\CentralProcessor\0: the processor as CPUID describes it. */
const PROCESSOR: RegistryKey = {
  values: {
    Identifier: 'AMD64 Family 6 Model 15 Stepping 1',
    ProcessorNameString: 'ntmm x86-64 processor',
    VendorIdentifier: 'NtmmNtmmNtmm',
    '~MHz': 1000,
  },
};

/** \Registry\Machine\SOFTWARE\Microsoft\Windows NT\CurrentVersion: the version that the system DLLs have. */
const CURRENT_VERSION: RegistryKey = {
  values: {
    CurrentBuild: '19045',
    CurrentBuildNumber: '19045',
    CurrentMajorVersionNumber: 10,
    CurrentMinorVersionNumber: 0,
    CurrentType: 'Uniprocessor Free',
    CurrentVersion: '6.3',
    ProductName: 'Windows 10 Pro',
    SystemRoot: 'C:\\Windows',
  },
};

const within = (names: readonly string[], key: RegistryKey): RegistryKey =>
  names.reduceRight<RegistryKey>((inner, name) => ({ keys: { [name]: inner } }), key);

const EMPTY: RegistryKey = {};

/** \Registry\Machine. */
export const MACHINE_KEY: RegistryKey = {
  keys: {
    HARDWARE: within(['DESCRIPTION', 'System', 'CentralProcessor', '0'], PROCESSOR),
    SOFTWARE: within(['Microsoft', 'Windows NT', 'CurrentVersion'], CURRENT_VERSION),
    SYSTEM: within(['CurrentControlSet', 'Control'], EMPTY),
  },
};

/** The keys of the user, of all users, of classes and of the hardware profile: there, and empty. */
export const EMPTY_KEY: RegistryKey = { keys: { Software: EMPTY } };

/** What a name means among the names of a key, without regard to case. */
export function findName<T>(entries: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  const folded = foldName(name);
  return Object.entries(entries ?? {}).find(([each]) => foldName(each) === folded)?.[1];
}

/** KEY_WOW64_64KEY and KEY_WOW64_32KEY: there is one view of the registry. */
const KEY_WOW64 = 0x300;

/** Opens a key below another (NtOpenKey). STATUS_OBJECT_NAME_NOT_FOUND, STATUS_ACCESS_DENIED for more than reading. */
export function openKey(
  kernel: Kernel,
  process: Process,
  parent: RegistryKey,
  path: string,
  access: number,
  out: { handle: number },
): number {
  let key: RegistryKey | undefined = parent;
  for (const name of path.split('\\').filter((part) => part !== '')) key = findName(key?.keys, name);
  if (key === undefined) return STATUS_OBJECT_NAME_NOT_FOUND;
  const asked = mapGenericMask('key', access & ~MAXIMUM_ALLOWED & ~KEY_WOW64);
  if (asked & ~KEY_READ) return STATUS_ACCESS_DENIED;
  if (!mayCreateObject(kernel, 'key')) return STATUS_INSUFFICIENT_RESOURCES;
  const object: KeyObject = { kind: 'key', name: null, handleCount: 0, referenceCount: 0, key };
  const granted = access & MAXIMUM_ALLOWED ? KEY_READ : asked;
  return openOrDelete(kernel, process, createObject(kernel, object), granted, 0, out);
}
