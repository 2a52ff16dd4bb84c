/** Known folders. Sources: Microsoft, "KNOWNFOLDERID", "SHGetKnownFolderPath function". */
import type { ServiceCall, ServiceFunction } from '../../nt/service.js';
import { environmentEntries } from '../kernel32/process-parameters.js';
import { textInHeap, WIDE } from '../kernel32/text-form.js';

const S_OK = 0;
const E_OUTOFMEMORY = 0x8007000e;
/** HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND): no folder of that identifier. */
const FILE_NOT_FOUND = 0x80070002;

/** Identifier -> the environment variable that names the folder, or its start, and what follows. */
const FOLDERS: Readonly<Record<string, readonly [variable: string, rest: string]>> = {
  '5E6C858F-0E22-4760-9AFE-EA3317B67173': ['USERPROFILE', ''],
  '3EB685DB-65F9-4CF6-A03A-E3EF65729F3D': ['APPDATA', ''],
  'F1B32785-6FBA-4FCF-9D55-7B8E7F157091': ['LOCALAPPDATA', ''],
  'B4BFCC3A-DB2C-424C-B029-7FE99A87C641': ['USERPROFILE', '\\Desktop'],
  'FDD39AD0-238F-46AF-ADB4-6C85480369C7': ['USERPROFILE', '\\Documents'],
  '374DE290-123F-4565-9164-39C4925E467B': ['USERPROFILE', '\\Downloads'],
  '62AB5D82-FDC1-4DC3-A9DD-070D1D495D97': ['ProgramData', ''],
  '905E63B6-C1BF-494E-B29C-65B732D3D21A': ['ProgramFiles', ''],
  'F38BF404-1D43-42F2-9305-67DE0B28FC23': ['SystemRoot', ''],
  '1AC14E77-02E7-4E5D-B744-2EB1AE5198B7': ['SystemRoot', '\\System32'],
};

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** A GUID of guest memory in the form of the registry, without braces. */
function readGuid({ memory }: ServiceCall, at: number): string {
  const bytes = Array.from({ length: 8 }, (_, index) => hex(memory.readU8(at + 8 + index), 2));
  const [first, second, third] = [memory.readU32(at), memory.readU16(at + 4), memory.readU16(at + 6)];
  return `${hex(first, 8)}-${hex(second, 4)}-${hex(third, 4)}-${bytes.slice(0, 2).join('')}-${bytes.slice(2).join('')}`;
}

/** The value of an environment variable, or undefined. */
export function environmentVariable(call: ServiceCall, name: string): string | undefined {
  const start = `${name.toUpperCase()}=`;
  const entry = environmentEntries(call).find((text) => text.slice(0, start.length).toUpperCase() === start);
  return entry?.slice(start.length);
}

/** HRESULT SHGetKnownFolderPath(identifier, flags, token, path): a text that CoTaskMemFree gives back. */
export const getKnownFolderPath: ServiceFunction = (call) => {
  const to = call.address(3);
  call.memory.writePointer(to, 0);
  const folder = FOLDERS[readGuid(call, call.address(0))];
  const start = folder === undefined ? undefined : environmentVariable(call, folder[0]);
  if (folder === undefined || start === undefined) return FILE_NOT_FOUND;
  const address = textInHeap(call, WIDE, start + folder[1]);
  call.memory.writePointer(to, address);
  return address === 0 ? E_OUTOFMEMORY : S_OK;
};
