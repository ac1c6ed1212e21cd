/**
 * Builds what tfjs-tflite-node lacks, and notes the version of its library, into agent/build/:
 *
 *   libxnnpack-delegate.so   (.dylib on macOS)
 *   libtflite-in-place.so    (Linux; elsewhere, functions of one library do not stand before those of another)
 *   tflite.json              {"version": "2.9.0"}
 *
 * Runs at install, and from scripts/prepare.mjs where a source is newer; by hand: `node agent/runtime/xnnpack-delegate/build.mjs`. Plain Node, because it runs before the build.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '..', '..', 'build');
/** Where tfjs-tflite-node keeps its library, by platform and processor. */
const folders = { 'linux-x64': 'linux_amd64', 'linux-arm64': 'linux_arm64', 'darwin-arm64': 'darwin_arm64' };
const folder = folders[`${process.platform}-${process.arch}`];

function compiler() {
  const candidates = [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean);
  return candidates.find((candidate) => spawnSync(candidate, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** Compiles C against the library inside tfjs-tflite-node. Needs a folder of libraries and a compiler. */
export function compile(source, output, ...flags) {
  const packageFile = createRequire(import.meta.url).resolve('tfjs-tflite-node/package.json');
  const dependencies = join(dirname(packageFile), 'cc_deps');
  const library = join(dependencies, folder);
  const link = ['-I', join(dependencies, 'include'), '-L', library, '-ltensorflowlite_c', `-Wl,-rpath,${library}`];
  execFileSync(compiler(), ['-O2', ...flags, source, '-o', output, ...link], { stdio: 'inherit' });
}

/** Without the library, of which it uses declarations only: it is loaded before that, wherever that lies by then. */
const compileInPlace = (output) => compile(join(here, 'in-place.c'), output, '-fPIC', '-shared', '-Wl,--as-needed');

function main() {
  if (!folder) {
    console.warn(
      `No TensorFlow Lite for ${process.platform} ${process.arch}: expected one of ${Object.keys(folders).join(', ')}. This machine cannot measure.`,
    );
    return;
  }
  if (!compiler()) {
    console.error(
      'Measuring with TensorFlow Lite needs a C compiler, but found none of $CC, cc, gcc, clang; on Debian or Ubuntu: apt-get install gcc libc6-dev',
    );
    process.exit(1);
  }
  const extension = process.platform === 'darwin' ? 'dylib' : 'so';
  const program = join(out, 'tflite-version');
  mkdirSync(out, { recursive: true });
  compile(join(here, 'delegate.c'), join(out, `libxnnpack-delegate.${extension}`), '-fPIC', '-shared');
  if (process.platform === 'linux') compileInPlace(join(out, 'libtflite-in-place.so'));
  compile(join(here, 'version.c'), program);
  const version = execFileSync(program, { encoding: 'utf8' }).trim();
  rmSync(program);
  writeFileSync(join(out, 'tflite.json'), `${JSON.stringify({ version })}\n`);
}

const [, program] = process.argv;
if (program && import.meta.url === pathToFileURL(realpathSync(program)).href) main();
