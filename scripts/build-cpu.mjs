// Compiles the processor (src/machine/cpu, AssemblyScript) into src/generated/cpu-wasm.ts. Does nothing when that is current.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, hashOf, root } from './tools.mjs';

const OUTPUT = join(root, 'src/generated/cpu-wasm.ts');
const OPTIONS = [
  '--optimizeLevel',
  '3',
  '--converge',
  '--noAssert',
  '--runtime',
  'stub',
  '--importMemory',
  '--initialMemory',
  '16',
  '--memoryBase',
  '4096',
  '--enable',
  'simd',
  '--disable',
  'mutable-globals',
  '--disableWarning',
  '201',
];

const sources = filesBelow('src/machine/cpu').filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
);
const stamp = `// ${hashOf([...sources, 'scripts/build-cpu.mjs', 'package-lock.json'])}`;

if (!existsSync(OUTPUT) || !readFileSync(OUTPUT, 'utf8').startsWith(stamp)) {
  const { default: asc } = await import('assemblyscript/asc');
  let wasm;
  const { error, stderr } = await asc.main(
    ['src/machine/cpu/index.ts', '--baseDir', root, '--outFile', 'cpu.wasm', ...OPTIONS],
    {
      writeFile: (name, contents) => {
        if (name === 'cpu.wasm') wasm = contents;
      },
    },
  );
  if (error) {
    console.error(stderr.toString());
    console.error(`build-cpu: ${error.message}`);
    process.exit(1);
  }
  mkdirSync(join(root, 'src/generated'), { recursive: true });
  const text = Buffer.from(wasm).toString('base64');
  writeFileSync(OUTPUT, `${stamp}\nexport const CPU_WASM =\n  '${text}';\n`);
  console.error(`build-cpu: ${wasm.length} bytes`);
}
