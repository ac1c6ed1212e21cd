/**
 * `bespoke-agent runtime`: the runtimes that are too heavy for every device, added where somebody wants them.
 *
 * A package is installed in a folder of its own, build/added, and linked into the project's node_modules, where the runtime finds
 * it: the agent's own install stays as its lock file says. `npm ci` drops the links; adding again restores them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import { runtimeCommands } from '@bespoke/shared/latency/runtime-commands.js';
import type { RuntimeName } from '@bespoke/shared/latency/table.js';
import { type Command, InvalidArgumentError } from 'commander';
import { examineRuntimes } from './doctor.js';
import { createMeasurer } from './measurer.js';

interface Addition {
  readonly runtime: RuntimeName;
  /** Pinned by the project's package-lock.json. */
  readonly packages: readonly string[];
  /** A program of the project that finishes the set-up. */
  readonly setUp?: string;
}

/** By the name that people type. */
export const additions: { readonly [name: string]: Addition } = {
  onnx: { runtime: 'onnx', packages: ['onnxruntime-node'] },
  webgpu: { runtime: 'tfjs-webgpu', packages: ['@tensorflow/tfjs-backend-webgpu', 'webgpu'] },
  tensorflow: {
    runtime: 'tfjs-tensorflow',
    packages: ['@tensorflow/tfjs-node'],
    setUp: 'scripts/setup-tensorflow.mjs',
  },
};

const agentFolder = fileURLToPath(new URL('..', import.meta.url));
const projectFolder = dirname(agentFolder.replace(/\/$/, ''));
const addedFolder = join(agentFolder, 'build', 'added');
const requireHere = createRequire(import.meta.url);

export function registerRuntime(parent: Command): void {
  const runtime = parent.command('runtime').description('runtimes that this device has and could have');
  runtime
    .command('ls')
    .description('which there are, and how to get the others')
    .option('--json', 'one line of JSON')
    .action(list);
  runtime
    .command('add')
    .description('install the packages of a runtime beside the agent')
    .argument('<name>', `one of ${Object.keys(additions).join(', ')}`, parseName)
    .action(add);
}

/** Runtimes whose packages are not here, but could be added. */
export function possibleRuntimes(): RuntimeName[] {
  return Object.values(additions)
    .filter((addition) => !isInstalled(addition))
    .map(({ runtime }) => runtime);
}

function isInstalled({ packages }: Addition): boolean {
  return packages.every((name) => requireHere.resolve.paths(name)!.some((folder) => existsSync(join(folder, name))));
}

function list({ json }: { json?: true }): void {
  const rows = Object.entries(additions).map(([name, addition]) => ({ name, installed: isInstalled(addition) }));
  const text = rows.map(({ name, installed }) =>
    installed ? `installed  ${name}` : `possible   ${name.padEnd(12)} ${runtimeCommands[additions[name]!.runtime]}`,
  );
  process.stdout.write(`${json ? JSON.stringify(rows) : text.join('\n')}\n`);
}

/** Throws `RUNTIME_NOT_ADDED`. */
async function add(name: string): Promise<void> {
  const { runtime, packages, setUp } = additions[name]!;
  const wanted = packages.map((each) => pinned(name, each));
  const npmOptions = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel', 'error'];
  mkdirSync(addedFolder, { recursive: true });
  run(name, 'npm', ['install', '--prefix', addedFolder, ...npmOptions, ...wanted]);
  for (const each of packages) link(each);
  if (setUp !== undefined) run(name, process.execPath, [join(projectFolder, setUp)]);
  await requireLoads(name, runtime);
  process.stderr.write(`${name} is added; start the agent with --runtimes tflite,${runtime} to offer it\n`);
}

/** Throws `RUNTIME_NOT_ADDED`. */
async function requireLoads(name: string, runtime: RuntimeName): Promise<void> {
  const measurer = createMeasurer({ threads: [1], runtimes: [runtime] });
  const [finding] = await examineRuntimes(measurer);
  await measurer.close();
  if (!finding!.ok) throw new AppError('RUNTIME_NOT_ADDED', { runtime: name, problem: finding!.detail });
}

/** `name@version` as the project's lock file pins it: the one that this release was tried with. Throws `RUNTIME_NOT_ADDED`. */
function pinned(runtime: string, name: string): string {
  const lock = JSON.parse(readFileSync(join(projectFolder, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, { version: string }>>;
  };
  const version = lock.packages[`node_modules/${name}`]?.version;
  if (version !== undefined) return `${name}@${version}`;
  throw new AppError('RUNTIME_NOT_ADDED', { runtime, problem: `package-lock.json pins no ${name}` });
}

function link(name: string): void {
  const path = join(projectFolder, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { recursive: true, force: true });
  symlinkSync(join(addedFolder, 'node_modules', name), path, 'junction');
}

/** Runs a step of `add` with its output on stderr. Throws `RUNTIME_NOT_ADDED`. */
function run(runtime: string, command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: projectFolder, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  const problem = `\`${[command, ...args].join(' ')}\` failed (${error?.message ?? `exit code ${status}`})`;
  throw new AppError('RUNTIME_NOT_ADDED', { runtime, problem });
}

function parseName(text: string): string {
  if (Object.hasOwn(additions, text)) return text;
  throw new InvalidArgumentError(`Expected one of ${Object.keys(additions).join(', ')}.`);
}
