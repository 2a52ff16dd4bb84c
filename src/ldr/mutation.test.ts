/** Broken images: each is refused with a typed error or runs to a limit; nothing crashes, hangs or keeps a frame. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryHost } from '../host/memory-host.js';
import { FRAME_ACTIVE } from '../mm/pfn-database.js';
import { verify } from '../mm/verify.js';
import { Kernel } from '../nt/kernel.js';
import { closeUnusedSegments } from '../nt/memory-threads.js';
import type { Process } from '../nt/process.js';
import { createProcess } from '../nt/process-create.js';
import { terminateProcess } from '../nt/process-delete.js';
import { runKernel } from '../nt/run-loop.js';
import { PeError } from '../pe/pe-error.js';
import { describePeImage, parsePeImage } from '../pe/pe-image.js';
import { buildModule, DATA_RVA } from '../testing/module-builder.js';
import { below, mulberry32, type Random, seedFor } from '../testing/seed.js';
import { SYSTEM_MODULES } from '../win32/modules.js';
import { generateSystemDlls } from './system-dlls.js';

const ROUNDS = 4;
const MUTANTS_PER_ROUND = 5000;
/** Instructions that a mutant may run. */
const LIMIT = 3000;
const VERIFY_EVERY = 500;

const EXAMPLES = [
  'hello',
  'hello-O0',
  'hello-O2',
  'reserve',
  'share',
  'sort',
  'stack',
  'states',
  'widen',
].map((name) => new Uint8Array(readFileSync(new URL(`../../examples/bin/${name}.exe`, import.meta.url))));
/** A program and its DLL with all that a loader reads: imports, exports, a forwarder, relocations, TLS. */
const PROGRAM = buildModule({
  name: 'mutant.exe',
  imports: { 'mutant.dll': ['twice', 'passed'] },
  entry: (code) => code.enter().call('mutant.dll!twice').call('mutant.dll!passed').leave(),
});
const DLL = buildModule({
  name: 'mutant.dll',
  dll: true,
  imports: { 'kernel32.dll': ['GetTickCount', 'GetCurrentProcessId'] },
  readOnlyImports: true,
  functions: {
    callback: (code) => code.raw(0xc3),
    twice: (code) => code.enter().call('kernel32.dll!GetTickCount').raw(0x01, 0xc0).leave(),
  },
  forwarders: { passed: 'KERNEL32.GetCurrentProcessId' },
  tls: { template: [1, 2, 3], callbacks: ['callback'] },
  pointers: { 0: DATA_RVA + 0x10, 4088: DATA_RVA },
  imageBase: 0x7ffe0000,
  entry: (code) => code.raw(0xb8).u32(1).raw(0xc3),
});

const EDGES = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x200, 0xfff, 0x1000, 0x7fff, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000,
  0xffff_f000, 0xffff_ffff,
];
/** Bytes at the start of a file in which all headers of the examples lie. */
const HEADER_BYTES = 0x400;

/** One to four changes, most of them in the headers: bits, bytes, words at the edges of their range, moved and cut bytes. */
function mutate(source: Uint8Array, random: Random): Uint8Array {
  const bytes = source.slice();
  const view = new DataView(bytes.buffer);
  for (let change = below(random, 4); change >= 0; change--) {
    const at = below(random, below(random, 3) === 0 ? bytes.length - 8 : HEADER_BYTES);
    const word = at & ~3;
    switch (below(random, 8)) {
      case 0:
        bytes[at]! ^= 1 << below(random, 8);
        break;
      case 1:
        bytes[at] = below(random, 256);
        break;
      case 2:
        view.setUint16(at & ~1, EDGES[below(random, EDGES.length)]!, true);
        break;
      case 3:
      case 4:
        view.setUint32(word, EDGES[below(random, EDGES.length)]!, true);
        break;
      case 5:
        view.setUint32(word, view.getUint32(word, true) + below(random, 0x2000) - 0x1000, true);
        break;
      case 6:
        bytes.copyWithin(below(random, bytes.length), at, at + 1 + below(random, 64));
        break;
      default:
        if (below(random, 4) === 0) return bytes.slice(0, below(random, bytes.length));
        view.setUint32(word, below(random, bytes.length), true);
    }
  }
  return bytes;
}

/** A kernel in which a suspended process keeps the system DLLs loaded, so that only the mutants' own pages come and go. */
class MutantMachine {
  readonly kernel: Kernel;
  private readonly host = new MemoryHost();

  constructor() {
    this.kernel = new Kernel({
      ram: 32 * 2 ** 20,
      pageFiles: [],
      seed: 1,
      host: this.host,
      system: generateSystemDlls(SYSTEM_MODULES),
      bootSeconds: 1_767_225_600,
    });
    const keeper = this.start('C:\\keeper', { 'mutant.exe': EXAMPLES[0]! });
    runKernel(this.kernel, { instructions: LIMIT, work: Number.POSITIVE_INFINITY });
    if (typeof keeper !== 'number') this.kernel.scheduler.suspend(keeper.threads[0]!);
  }

  start(folder: string, files: Readonly<Record<string, Uint8Array>>): Process | number {
    this.kernel.fileSystem.mount(folder, this.host, this.host.addRoot(files), false);
    return createProcess(this.kernel, {
      imagePath: `${folder}\\mutant.exe`,
      commandLine: 'mutant',
      environment: ['A=B'],
      currentDirectory: folder,
      suspended: false,
    });
  }

  /** Runs a mutant to its end or the limit; 'refused', 'ended' or 'limit'. */
  run(files: Readonly<Record<string, Uint8Array>>): 'refused' | 'ended' | 'limit' {
    const process = this.start('C:\\mutant', files);
    if (typeof process === 'number') return 'refused';
    const instructions = this.kernel.processor.instructions + LIMIT;
    runKernel(this.kernel, { instructions, work: Number.POSITIVE_INFINITY });
    if (process.exitStatus !== null) return 'ended';
    terminateProcess(this.kernel, process, 1);
    return 'limit';
  }

  /** Frames in use when segments that nobody uses are gone, without those that system page tables keep once they have grown. */
  get framesInUse(): number {
    closeUnusedSegments(this.kernel);
    let count = -this.kernel.mm.systemPages;
    for (const state of this.kernel.mm.pfn.state) if (state === FRAME_ACTIVE) count++;
    return count;
  }
}

function isImage(bytes: Uint8Array): boolean {
  try {
    describePeImage(parsePeImage(bytes));
    return true;
  } catch (error) {
    if (error instanceof PeError) return false;
    throw error;
  }
}

describe('mutated images', () => {
  it.each(Array.from({ length: ROUNDS }, (_, round) => round + 1))(
    `${MUTANTS_PER_ROUND} of them, round %i`,
    (round) => {
      const random = mulberry32(seedFor(`mutated images ${round}`));
      const machine = new MutantMachine();
      machine.run({ 'mutant.exe': PROGRAM, 'mutant.dll': DLL });
      const frames = machine.framesInUse;
      const outcomes = { broken: 0, refused: 0, ended: 0, limit: 0 };
      for (let mutant = 0; mutant < MUTANTS_PER_ROUND; mutant++) {
        const isDll = below(random, 5) === 0;
        const image = mutate(isDll ? DLL : EXAMPLES[below(random, EXAMPLES.length)]!, random);
        if (!isImage(image)) outcomes.broken++;
        const files: Record<string, Uint8Array> = isDll
          ? { 'mutant.exe': PROGRAM, 'mutant.dll': image }
          : { 'mutant.exe': image };
        outcomes[machine.run(files)]++;
        if (machine.framesInUse !== frames)
          expect.fail(`mutant ${mutant} keeps ${machine.framesInUse - frames} frames`);
        if (mutant % VERIFY_EVERY === 0) verify(machine.kernel.mm);
      }
      verify(machine.kernel.mm);
      console.log(`mutated images, round ${round}: ${JSON.stringify(outcomes)}`);
      expect(outcomes.refused + outcomes.ended + outcomes.limit).toBe(MUTANTS_PER_ROUND);
      expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(MUTANTS_PER_ROUND / 50);
    },
    600_000,
  );
});
