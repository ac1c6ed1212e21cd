/** Opening a tfjs backend: native TensorFlow where its binding loads, else WebAssembly, which always does. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import util from 'node:util';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';

export type BackendName = 'tensorflow' | 'wasm';

export interface OpenedBackend {
  readonly tf: Tf;
  readonly backend: BackendName;
  /** Of TensorFlow, e.g. `2.21.0`, or of tfjs-backend-wasm. */
  readonly version: string;
  /** Why native TensorFlow is not used, in one sentence with the remedy; absent where it is. */
  readonly reason?: string;
}

// tfjs is CommonJS with one registry of backends: every package must get it from the same place.
const require = createRequire(import.meta.url);

/**
 * Opens `preference`, or the best backend that works here, and makes it tfjs's current one.
 * Throws `BACKEND_UNAVAILABLE` where `tensorflow` is asked for and does not load.
 */
export async function openBackend(preference?: BackendName): Promise<OpenedBackend> {
  if (preference === 'wasm') return openWasm('wasm was asked for');
  try {
    return await openTensorflow();
  } catch (error) {
    const problem = describeFailure(error);
    if (preference === 'tensorflow')
      throw new AppError('BACKEND_UNAVAILABLE', { backend: preference, problem }, { cause: error });
    return openWasm(`the native tensorflow backend does not load (${problem}): run "npm run setup:tensorflow"`);
  }
}

async function openTensorflow(): Promise<OpenedBackend> {
  // tfjs-node 4.22 calls a function that Node 23 dropped.
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // TensorFlow greets on stderr otherwise
  const tf: Tf = require('@tensorflow/tfjs-node');
  await tf.setBackend('tensorflow');
  await tf.ready();
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
  return { tf, backend: 'tensorflow', version: binding.TF_Version };
}

async function openWasm(reason: string): Promise<OpenedBackend> {
  const tf: Tf = require('@tensorflow/tfjs'); // tfjs-core alone has no gradients in Node
  const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof import('@tensorflow/tfjs-backend-wasm');
  if (tf.getBackend() !== 'wasm') wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  await tf.setBackend('wasm');
  await tf.ready();
  return { tf, backend: 'wasm', version: wasm.version_wasm, reason };
}

/** The first sentence of what went wrong. */
function describeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!.trim();
}
