/** shell32.dll, as console programs use it: command lines and known folders. */
import { restartable, type ServiceFunction } from '../../nt/service.js';
import type { SystemModule } from '../../nt/system-module.js';
import { splitCommandLine } from '../msvcrt/command-line.js';
import { allocateFromHeap } from '../ntdll/heap.js';
import { heapContext } from '../ntdll/heap-context.js';
import { usingHeap } from '../ntdll/heap-guard.js';
import { processHeap } from '../ntdll/heap-services.js';
import { wideBytes } from '../wide-bytes.js';
import { getKnownFolderPath } from './known-folders.js';

const ERROR_NOT_ENOUGH_MEMORY = 8;
const ERROR_INVALID_PARAMETER = 87;

/**
 * LPWSTR *CommandLineToArgvW(line, count): one block for LocalFree with the pointers and the texts; an empty line gives the
 * program's path. Source: Microsoft, "CommandLineToArgvW function".
 */
const commandLineToArgv: ServiceFunction = (call) => {
  const { memory } = call;
  const [at, countAt] = [call.address(0), call.address(1)];
  if (at === 0 || countAt === 0) return call.fail(ERROR_INVALID_PARAMETER);
  const line = memory.readUtf16(at);
  memory.probeWrite(countAt, 4);
  const texts = line === '' ? [call.process.imagePath] : splitCommandLine(line).map(({ text }) => text);
  const pointers = (texts.length + 1) * 8;
  const bytes = texts.reduce((sum, text) => sum + 2 * text.length + 2, pointers);
  const block = allocateFromHeap(heapContext(call), processHeap(call), 0, bytes);
  if (block === 0) return call.fail(ERROR_NOT_ENOUGH_MEMORY);
  let text = block + pointers;
  texts.forEach((argument, index) => {
    memory.writePointer(block + 8 * index, text);
    memory.writeBytes(text, wideBytes(`${argument}\0`));
    text += 2 * argument.length + 2;
  });
  memory.writePointer(block + 8 * texts.length, 0);
  memory.writeU32(countAt, texts.length);
  return block;
};

export const shell32: SystemModule = {
  name: 'shell32.dll',
  functions: restartable(
    usingHeap({ CommandLineToArgvW: commandLineToArgv, SHGetKnownFolderPath: getKnownFolderPath }),
  ),
  dependencies: ['kernel32.dll', 'ntdll.dll'],
  description: 'Windows Shell Common Dll',
  version: '10.0.19045.1',
};
