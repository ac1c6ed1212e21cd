/** Opening a tfjs backend: native TensorFlow where its binding loads, else WebAssembly, which always does. */
import { createRequire } from 'node:module';
import util from 'node:util';
import { AppError } from '@bespoke/shared/base/errors.js';
import { openTensorflow, openWasm } from '@bespoke/shared/tfjs/open.js';
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

const node = { require: createRequire(import.meta.url), util, env: process.env };

/**
 * Opens `preference`, or the best backend that works here, and makes it tfjs's current one.
 * Throws `BACKEND_UNAVAILABLE` where `tensorflow` is asked for and does not load.
 */
export async function openBackend(preference?: BackendName): Promise<OpenedBackend> {
  if (preference === 'wasm') return fallBack('wasm was asked for');
  chooseKernels();
  try {
    return { ...(await openTensorflow(node)), backend: 'tensorflow' };
  } catch (error) {
    const problem = describeFailure(error);
    if (preference === 'tensorflow')
      throw new AppError('BACKEND_UNAVAILABLE', { backend: preference, problem }, { cause: error });
    return fallBack(`the native tensorflow backend does not load (${problem}): run "npm run setup:tensorflow"`);
  }
}

/**
 * TensorFlow takes oneDNN's kernels by itself only where the processor has AVX-512 VNNI or the like; on one with AVX2 they make a training step faster, too (docs/experiments.md, whose kernels).
 * Read when the library loads. Who has set the variable himself keeps it.
 */
function chooseKernels(): void {
  if (process.arch === 'x64') process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
}

async function fallBack(reason: string): Promise<OpenedBackend> {
  return { ...(await openWasm(node, '@tensorflow/tfjs')), backend: 'wasm', reason }; // tfjs-core alone has no gradients in Node
}

/** The first sentence of what went wrong. */
function describeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0]!.trim();
}
