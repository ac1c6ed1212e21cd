/**
 * Removes what this device never loads from its installed packages: TensorFlow Lite's libraries for other systems, and the browser
 * build of TensorFlow Lite that tfjs-tflite-node names for its types alone. Together they are half of the agent's size.
 *
 * Runs at install. Plain Node, because it runs before the build.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const systems = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const processors = { x64: 'amd64', arm64: 'arm64' };
const own = `${systems[process.platform]}_${processors[process.arch]}`;

const require = createRequire(import.meta.url);
const binding = dirname(require.resolve('tfjs-tflite-node/package.json'));
const libraries = join(binding, 'cc_deps');
for (const folder of readdirSync(libraries)) {
  if (folder !== own && folder !== 'include') rmSync(join(libraries, folder), { recursive: true });
}

const browserBuilds = require.resolve
  .paths('@tensorflow/tfjs-tflite')
  .concat(join(binding, 'node_modules'))
  .map((folder) => join(folder, '@tensorflow', 'tfjs-tflite'))
  .filter(existsSync);
for (const folder of browserBuilds) {
  for (const part of ['dist', 'wasm']) rmSync(join(folder, part), { recursive: true, force: true });
}
