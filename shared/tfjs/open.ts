/**
 * Opening tfjs's backends in Node. tfjs is CommonJS with one registry of backends: every package must come by one `require`, so
 * that is an argument.
 */
import type { Tf } from './tf.js';

/** What of Node is needed. */
export interface NodeParts {
  readonly require: { (name: string): unknown; resolve(name: string): string };
  /** The module node:util. */
  readonly util: object;
  readonly env: Record<string, string | undefined>;
}

export interface OpenedTf {
  readonly tf: Tf;
  /** Of TensorFlow, e.g. `2.21.0`, or of tfjs-backend-wasm. */
  readonly version: string;
}

/** Native TensorFlow becomes tfjs's current backend. Throws what the package throws where its binding does not load. */
export async function openTensorflow({ require, util, env }: NodeParts): Promise<OpenedTf> {
  // tfjs-node 4.22 calls a function that Node 23 dropped.
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // TensorFlow greets on stderr otherwise
  const tf = require('@tensorflow/tfjs-node') as Tf;
  await tf.setBackend('tensorflow');
  await tf.ready();
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
  return { tf, version: binding.TF_Version };
}

/** The WebAssembly backend becomes the current one of `tfjs`, which is `@tensorflow/tfjs` where gradients are wanted, too. */
export async function openWasm(
  { require }: NodeParts,
  tfjs: '@tensorflow/tfjs' | '@tensorflow/tfjs-core',
): Promise<OpenedTf> {
  const tf = require(tfjs) as Tf;
  const name = '@tensorflow/tfjs-backend-wasm';
  const wasm = require(name) as { version_wasm: string; setWasmPaths(folder: string): void };
  if (tf.getBackend() !== 'wasm') wasm.setWasmPaths(require.resolve(name).replace(/[^/\\]*$/, ''));
  await tf.setBackend('wasm');
  await tf.ready();
  return { tf, version: wasm.version_wasm };
}
