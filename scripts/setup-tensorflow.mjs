/**
 * Makes the native `tensorflow` backend work (`npm run setup:tensorflow`): the package's own binary where it can be
 * had, else its binding built against the shared libraries inside the TensorFlow wheel that pip installs.
 *
 * Plain Node without dependencies, so that it runs right after an install. The wheel lives in build/python, which
 * outlasts `npm ci`: a second run only links and builds again (seconds), a third finds all done.
 * What only benchmarks need goes into build/python, too: PyTorch with `--torch`, pymoo by scripts/prepare.mjs.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const packageFolder = join(root, 'node_modules/@tensorflow/tfjs-node');
const python = join(root, 'build/python/bin/python');

/** The release that the binding was tried with; only x64 has a wheel without CUDA by its own name. */
const tensorflowWheel = `${process.arch === 'x64' ? 'tensorflow-cpu' : 'tensorflow'}>=2.21,<2.22`;
const napiVersion = 8;

/** The release that docs/search.md has figures of, and what it needs to run; it asks for plots and a progress bar besides. */
const pymooWheel = 'pymoo>=0.6.2,<0.6.3';
const pymooNeeds = ['numpy', 'scipy', 'moocore', 'autograd', 'cma', 'Deprecated'];

/** How long the package's own download may stay silent, and take in all. */
const silentMs = 15_000;
const downloadMs = 600_000;

/** Loads the binding as cloud/train/tfjs/backend.ts does (Node 23 dropped a function that the package calls) and multiplies once. */
const probe = `
  const util = require('node:util');
  util.isNullOrUndefined ??= (value) => value == null;
  const tf = require('@tensorflow/tfjs-node');
  if (tf.matMul([[2]], [[3]]).dataSync()[0] !== 6) throw new Error('2 * 3 is not 6');
  console.log(tf.backend().binding.TF_Version);`;

class SetupError extends Error {}

/**
 * Makes `tensorflow` loadable and resolves to TensorFlow's version. `log` gets progress lines.
 * Throws SetupError with one sentence that names the remedy.
 */
export async function setupTensorflow(log = printProgress()) {
  if (!existsSync(packageFolder)) {
    throw new SetupError('@tensorflow/tfjs-node is not installed: run "npm ci" first');
  }
  const ready = loadedVersion();
  if (ready) {
    log(`tensorflow ${ready} is ready: nothing to do`);
    return ready;
  }

  const hasWheel = existsSync(python) && moduleFolder('tensorflow') !== undefined;
  if (hasWheel || !(await installOwnBinary(log))) {
    installWheels([tensorflowWheel], 'tensorflow', log);
    linkWheel(log);
    buildBinding(log);
  }

  const version = loadedVersion();
  if (!version) throw new SetupError(`the binding was built but does not load: ${loadError()}`);
  log(`tensorflow ${version} is ready`);
  return version;
}

/** Installs PyTorch (CPU) into build/python, for the benchmark alone. Throws SetupError. */
export function setupTorch(log = printProgress()) {
  installWheels(['torch'], 'torch', log);
  log('torch is ready');
}

/** Installs pymoo into build/python, for the benchmark of evolution alone. Throws SetupError. */
export function setupPymoo(log = printProgress()) {
  installWheels(pymooNeeds, 'moocore', log);
  installWheels(['--no-deps', pymooWheel], 'pymoo', log);
  log('pymoo is ready');
}

/** TensorFlow's version if the binding loads, else undefined. */
function loadedVersion() {
  const { status, stdout } = runProbe();
  return status === 0 ? stdout.trim() : undefined;
}

function loadError() {
  const lines = runProbe().stderr.split('\n');
  return lines.find((line) => /Error/.test(line))?.trim() ?? 'no message';
}

function runProbe() {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  return spawnSync(process.execPath, ['-e', probe], { cwd: root, env, encoding: 'utf8', timeout: 60_000 });
}

/**
 * Runs the package's own install script. It says nothing while it waits, so it is given up when no file has come
 * after `silentMs`. Resolves to whether the binding loads then.
 */
async function installOwnBinary(log) {
  log("asking for the package's own binary");
  const manifest = join(packageFolder, 'package.json');
  const original = readFileSync(manifest, 'utf8'); // the script edits it while it works
  const child = spawn(process.execPath, ['scripts/install.js'], {
    cwd: packageFolder,
    stdio: 'ignore',
    detached: true,
  });
  const stop = () => process.kill(-child.pid, 'SIGKILL');
  const silence = setTimeout(() => existsSync(join(packageFolder, 'deps/lib')) || stop(), silentMs);
  const limit = setTimeout(stop, downloadMs);
  const status = await new Promise((done) => child.once('close', done).once('error', done));
  clearTimeout(silence);
  clearTimeout(limit);

  writeFileSync(manifest, original);
  if (status === 0 && loadedVersion()) return true;
  log('it cannot be had here: building the binding against the TensorFlow wheel instead');
  return false;
}

/** Installs wheels into build/python unless the module of one is there. */
function installWheels(requirements, module, log) {
  if (!existsSync(python)) {
    log('making a Python environment in build/python');
    run('python3', ['-m', 'venv', join(root, 'build/python')], 'install python3 with its venv module');
  }
  if (moduleFolder(module)) return;
  log(`installing ${requirements.join(' ')} with pip (some hundred megabytes)`);
  const quiet = ['--quiet', '--progress-bar', 'off', '--disable-pip-version-check'];
  run(
    python,
    ['-m', 'pip', 'install', '--retries', '0', ...quiet, ...requirements],
    'pip needs a package index that it can reach and Python 3.10 to 3.13',
  );
}

/** The folder of an installed Python module, found without importing it; undefined where there is none. */
export function moduleFolder(module) {
  const code = `import importlib.util as u; s = u.find_spec("${module}"); print(s.submodule_search_locations[0] if s else "")`;
  return spawnSync(python, ['-c', code], { encoding: 'utf8' }).stdout?.trim() || undefined;
}

/** Lays the wheel's libraries and headers where the package's build looks for them. */
function linkWheel(log) {
  if (process.platform !== 'linux') {
    throw new SetupError(
      `the binding can be built against the wheel on Linux only, not on ${process.platform}: the wasm backend is used instead`,
    );
  }
  log('linking the wheel into @tensorflow/tfjs-node');
  const wheel = moduleFolder('tensorflow');
  const deps = join(packageFolder, 'deps');
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(join(deps, 'lib'), { recursive: true });
  const links = {
    'lib/libtensorflow.so': 'libtensorflow_cc.so.2',
    'lib/libtensorflow_cc.so.2': 'libtensorflow_cc.so.2',
    'lib/libtensorflow_framework.so': 'libtensorflow_framework.so.2',
    'lib/libtensorflow_framework.so.2': 'libtensorflow_framework.so.2',
    include: 'include',
  };
  for (const [name, target] of Object.entries(links)) {
    if (!lstatSync(join(wheel, target), { throwIfNoEntry: false })) {
      throw new SetupError(`the TensorFlow wheel holds no ${target}: delete build/python and run this again`);
    }
    symlinkSync(join(wheel, target), join(deps, name));
  }
}

function buildBinding(log) {
  log('building the binding (10 s or so)');
  const options = [
    '--module_name=tfjs_binding',
    `--module_path=${join(packageFolder, `lib/napi-v${napiVersion}`)}`,
    '--napi_version=9',
    `--napi_build_version=${napiVersion}`,
  ];
  const prefix = resolve(dirname(process.execPath), '..');
  if (existsSync(join(prefix, 'include/node/node.h'))) options.push(`--nodedir=${prefix}`); // saves a download
  run(process.execPath, [nodeGyp(), 'rebuild', '--silent', ...options], 'install make and g++', packageFolder);
}

/** node-gyp as npm brings it along. */
function nodeGyp() {
  const npm = process.env.npm_execpath ? [resolve(dirname(process.env.npm_execpath), '..')] : [];
  npm.push(resolve(dirname(process.execPath), '../lib/node_modules/npm'));
  const global = spawnSync('npm', ['root', '-g'], { encoding: 'utf8' }).stdout?.trim();
  if (global) npm.push(join(global, 'npm'));
  const found = npm.map((folder) => join(folder, 'node_modules/node-gyp/bin/node-gyp.js')).find(existsSync);
  if (!found) throw new SetupError('npm brings no node-gyp here: install npm 8 or newer');
  return found;
}

/** Runs a command; on failure throws the last lines that it said and the remedy. */
function run(command, args, remedy, cwd = root) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status === 0) return;
  const said = (error?.message ?? `${stdout}\n${stderr}`).trim().split('\n').slice(-3).join(' | ');
  throw new SetupError(`${command} ${args.slice(0, 3).join(' ')} failed (${said}): ${remedy}`);
}

/** Progress lines with the seconds since the start, on stderr. */
function printProgress() {
  const started = Date.now();
  return (text) => process.stderr.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setupTensorflow();
    if (process.argv.includes('--torch')) setupTorch();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`setup:tensorflow: ${error.message}\n`);
    process.exitCode = 1;
  }
}
