// Makes src/generated/iced-x86.js from the npm package: an ES module with the WebAssembly inlined, which asks nothing of its
// host but TextDecoder, TextEncoder, atob and WebAssembly. Does nothing when it is current.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, root } from './tools.mjs';

const PACKAGE = join(root, 'node_modules/iced-x86');
const OUTPUT = join(root, 'src/generated/iced-x86.js');
const NAMES = [
  'Code',
  'Decoder',
  'DecoderError',
  'DecoderOptions',
  'Formatter',
  'FormatterSyntax',
  'Instruction',
  'OpKind',
  'Register',
];
/** Where the package hands the code to its decoder: the place of the copy is kept. */
const CONSTRUCTION = 'wasm.decoder_new(retptr, bitness, ptr0, len0, options);';
/** A decoder over a window of its own memory, so that one serves for all code: fill the window, then set `position` and `ip`. */
const WINDOW = `
export function windowDecoder(bitness, size, options) {
    const decoder = new Decoder(bitness, new Uint8Array(size), options);
    return { decoder, offset: decoder.windowOffset, memory: wasm.memory };
}
`;
const WINDOW_TYPES = `
/** A decoder over \`size\` bytes at \`offset\` of \`memory\`. */
export function windowDecoder(bitness: number, size: number, options: number): { decoder: Decoder; offset: number; memory: WebAssembly.Memory };
`;

function replaceOnce(text, from, to) {
  if (text.split(from).length !== 2) throw new Error(`build-decoder: iced-x86 has changed: ${from}`);
  return text.replace(from, () => to);
}

function convert(source, wasm) {
  let text = replaceOnce(source, 'const { TextDecoder, TextEncoder } = require(`util`);\n', '');
  text = replaceOnce(text, "const path = require('path').join(__dirname, 'iced_x86_bg.wasm');\n", '');
  text = replaceOnce(
    text,
    "const bytes = require('fs').readFileSync(path);\n",
    `const bytes = Uint8Array.from(atob('${wasm.toString('base64')}'), (character) => character.charCodeAt(0));\n`,
  );
  text = replaceOnce(text, CONSTRUCTION, `${CONSTRUCTION} this.windowOffset = ptr0;`);
  return `const module = { exports: {} };\n${text}${WINDOW}\n${NAMES.map((name) => `const ${name}_ = module.exports.${name};`).join('\n')}\nexport { ${NAMES.map((name) => `${name}_ as ${name}`).join(', ')} };\n`;
}

const stamp = `// ${hashOf(['scripts/build-decoder.mjs', 'package-lock.json'])}`;
if (!existsSync(OUTPUT) || !readFileSync(OUTPUT, 'utf8').startsWith(stamp)) {
  mkdirSync(join(root, 'src/generated'), { recursive: true });
  const source = readFileSync(join(PACKAGE, 'iced_x86.js'), 'utf8');
  const wasm = readFileSync(join(PACKAGE, 'iced_x86_bg.wasm'));
  const license = readFileSync(join(PACKAGE, 'LICENSE.txt'), 'utf8');
  writeFileSync(OUTPUT, `${stamp}\n/*!\n${license}*/\n${convert(source, wasm)}`);
  writeFileSync(
    OUTPUT.replace('.js', '.d.ts'),
    `${readFileSync(join(PACKAGE, 'iced_x86.d.ts'), 'utf8')}${WINDOW_TYPES}`,
  );
  console.error('build-decoder: done');
}
