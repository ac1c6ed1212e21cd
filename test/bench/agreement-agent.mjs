/** The agent with the XNNPACK of Python's tf.lite in the place of its own, all else as it is installed: a copy with another delegate. On Linux. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compile } from '../../agent/runtime/xnnpack-delegate/build.mjs';

const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Makes the copy in a folder, from the folder of a TensorFlow wheel; gives its `createMeasurer`. Throws where the wheel's library is not as expected. */
export async function agentWithXnnpackOf(tensorflow, folder) {
  const copy = join(folder, 'agent');
  for (const part of ['dist', 'build/tflite.json', 'build/libtflite-in-place.so', 'package.json']) {
    cpSync(pathOf(`../../agent/${part}`), join(copy, part), { recursive: true });
  }
  symlinkSync(pathOf('../../node_modules'), join(folder, 'node_modules'));
  const library = join(tensorflow, 'lite', 'python', 'libpywrap_tflite_common.so');
  compileDelegate(library, join(folder, 'python-names.h'), join(copy, 'build', 'libxnnpack-delegate.so'));
  const { createMeasurer } = await import(pathToFileURL(join(copy, 'dist', 'measurer.js')));
  return createMeasurer;
}

function compileDelegate(library, header, output) {
  if (!existsSync(library)) throw new Error(`expected ${library}, as TensorFlow 2.21 has it, but it is not there`);
  const ofPython = symbolsOf(library, '--dynamic', '--undefined-only').filter(({ name }) => /^_?Py/.test(name));
  writeFileSync(header, ofPython.map(({ name }) => `long ${name}[64];\n`).join(''));
  const defined = symbolsOf(library, '--defined-only');
  const placeOf = (wanted) => {
    const found = defined.find(({ name }) => name === wanted);
    if (!found) throw new Error(`expected ${wanted} in ${library}, as in TensorFlow 2.21, but its names are not there`);
    return `0x${found.address}`;
  };
  const macros = {
    LIBRARY: `"${library}"`,
    OPTIONS: placeOf('TfLiteXNNPackDelegateOptionsDefault'),
    CREATE: placeOf('TfLiteXNNPackDelegateCreate'),
  };
  const flags = Object.entries(macros).map(([name, value]) => `-D${name}=${value}`);
  compile(pathOf('./agreement-tensorflow-delegate.c'), output, '-fPIC', '-shared', '-include', header, ...flags);
}

/** Names in a library, and where it has those that it defines. */
function symbolsOf(library, ...flags) {
  const { stdout, stderr, error } = spawnSync('nm', [...flags, library], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (!stdout)
    throw new Error(`expected nm to list ${library}; on Debian: apt-get install binutils`, { cause: error ?? stderr });
  return [...stdout.matchAll(/^([0-9a-f]*) +\w (\S+)$/gm)].map(([, address, name]) => ({ address, name }));
}
