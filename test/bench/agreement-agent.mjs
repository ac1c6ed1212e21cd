/** The agent with the XNNPACK of Python's tf.lite in the place of its own, all else as it is installed: a copy with another delegate. Linux. */
import { execFileSync } from 'node:child_process';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compile } from '../../agent/runtime/xnnpack-delegate/build.mjs';

const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Makes the copy in a folder, for the TensorFlow of a Python; gives its `createMeasurer`. Throws where the library is not as expected. */
export async function agentWithXnnpackOf(python, folder) {
  const copy = join(folder, 'agent');
  for (const part of ['dist', 'build', 'package.json']) {
    cpSync(pathOf(`../../agent/${part}`), join(copy, part), { recursive: true });
  }
  symlinkSync(pathOf('../../node_modules'), join(folder, 'node_modules'));
  compileDelegate(tfliteOf(python), folder, join(copy, 'build', 'libxnnpack-delegate.so'));
  const { createMeasurer } = await import(pathToFileURL(join(copy, 'dist', 'measurer.js')));
  return createMeasurer;
}

function compileDelegate(library, folder, output) {
  const own = symbols(library);
  const names = join(folder, 'python-names.h');
  const ofPython = symbols(library, '--dynamic', '--undefined-only').filter(({ name }) => /^_?Py/.test(name));
  writeFileSync(names, ofPython.map(({ name }) => `long ${name}[64];\n`).join(''));
  const places = { OPTIONS: 'TfLiteXNNPackDelegateOptionsDefault', CREATE: 'TfLiteXNNPackDelegateCreate' };
  const defined = Object.entries(places).map(([macro, function_]) => {
    const found = own.find(({ name }) => name === function_);
    if (!found) throw new Error(`expected ${function_} in ${library}, but its names are not there`);
    return `-D${macro}=0x${found.address}`;
  });
  const flags = ['-fPIC', '-shared', '-include', names, `-DLIBRARY="${library}"`, ...defined];
  compile(pathOf('./agreement-tensorflow-delegate.c'), output, ...flags);
}

function tfliteOf(python) {
  const question = 'import importlib.util as u; print(u.find_spec("tensorflow").submodule_search_locations[0])';
  const tensorflow = execFileSync(python, ['-c', question], { encoding: 'utf8' }).trim();
  return join(tensorflow, 'lite', 'python', 'libpywrap_tflite_common.so');
}

/** Names in a library, and where they lie where it defines them. */
function symbols(library, ...flags) {
  const text = execFileSync('nm', [...flags, library], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  return [...text.matchAll(/^([0-9a-f]*) +\w (\S+)$/gm)].map(([, address, name]) => ({ address, name }));
}
