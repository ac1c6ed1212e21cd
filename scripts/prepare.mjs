/**
 * Makes a fresh clone ready: installs packages, builds, and with --tensorflow sets the native training backend up, with --pymoo what
 * evolution is compared with.
 * Plain Node, because nothing is installed yet when it runs. What is ready already costs a second or two.
 * All it says goes to stderr: stdout belongs to the command that follows.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Ends the process with one sentence. */
function fail(sentence) {
  process.stderr.write(`prepare: ${sentence}\n`);
  process.exit(1);
}

/** Runs a command in the project, with its output on stderr; fails with `remedy`. */
function run(what, command, args, remedy) {
  const startMs = Date.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: process.env });
  if (status !== 0) fail(`${what} failed (${error?.message ?? `exit code ${status}`}); ${remedy}`);
  const seconds = (Date.now() - startMs) / 1000;
  if (seconds > 2) process.stderr.write(`prepare: ${what} took ${seconds.toFixed(0)} s\n`);
}

/** The time of the newest file under `folder` whose path passes `counts`. */
function newestMs(folder, counts = () => true) {
  if (!existsSync(folder)) return 0;
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue;
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path, counts) : counts(path) ? statSync(path).mtimeMs : 0);
  }
  return newest;
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(
      `expected Node 20.19 or newer, but this is ${process.versions.node}; install a newer one from https://nodejs.org`,
    );
  }
}

function installPackages() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  const wanted = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  for (const tool of ['python3', 'make', 'g++']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) {
      fail(
        `expected ${tool}, which the native parts are built with, but it is not on the PATH; on Debian or Ubuntu: apt-get install python3 make g++`,
      );
    }
  }
  process.stderr.write('prepare: installing packages (about a minute, once)\n');
  // The variables are for npm older than 11.16, which does not read `allowScripts`.
  process.env.ELECTRON_SKIP_BINARY_DOWNLOAD = '1';
  run(
    'npm ci',
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['ci', '--no-audit', '--no-fund'],
    'see the lines above',
  );
}

/** An install builds it, too. */
function buildNative() {
  const folder = join(root, 'agent', 'runtime', 'xnnpack-delegate');
  const built = join(root, 'agent', 'build', 'tflite.json');
  if (existsSync(built) && statSync(built).mtimeMs > newestMs(folder)) return;
  run('what TensorFlow Lite is measured with', process.execPath, [join(folder, 'build.mjs')], 'see the lines above');
}

function build() {
  const bin = (name) => join(root, 'node_modules', '.bin', name);
  run('the build', bin('tsc'), ['-b'], 'the lines above name the files');
  const dashboard = join(root, 'cloud', 'dashboard');
  const built = join(dashboard, 'dist', 'index.html');
  const sourceMs = Math.max(
    newestMs(dashboard),
    newestMs(join(root, 'shared'), (path) => path.endsWith('.ts')),
  );
  if (existsSync(built) && statSync(built).mtimeMs > sourceMs) return;
  run(
    'the dashboard',
    bin('vite'),
    ['build', 'cloud/dashboard', '--logLevel', 'warn'],
    'the lines above name the files',
  );
}

checkNode();
installPackages();
buildNative();
build();
if (process.argv.includes('--tensorflow')) {
  const { setupTensorflow, setupTorch } = await import('./setup-tensorflow.mjs');
  // Without it everything works on WebAssembly, slower: no reason to stop.
  await setupTensorflow().catch((error) => {
    process.stderr.write(`prepare: going on without native TensorFlow: ${error.message}\n`);
  });
  if (process.argv.includes('--torch')) setupTorch();
}
if (process.argv.includes('--pymoo')) {
  const { setupPymoo } = await import('./setup-tensorflow.mjs');
  try {
    setupPymoo();
  } catch (error) {
    fail(error.message);
  }
}
