/** Native TensorFlow through tfjs-node: what the cloud trains with, op by op and without a compiled graph. */
import { openTensorflow } from '@bespoke/shared/tfjs/open.js';
import type { Tensor } from '@bespoke/shared/tfjs/tf.js';
import type { Runtime, Use } from './runtime.js';
import { node, tfjsRuntime } from './tfjs.js';

/** What tfjs-node calls before each kernel: makes TensorFlow's copy of each tensor that has none. */
interface Uploader {
  getInputTensorIds(tensors: readonly Tensor[]): unknown;
}

/** Once per process: TensorFlow reads its number of threads when it starts. Throws what the package throws. */
export async function openTfjsTensorflow(threads: number, { readsOutputs }: Use): Promise<Runtime> {
  node.env.TF_NUM_INTRAOP_THREADS = String(threads);
  node.env.TF_NUM_INTEROP_THREADS = '1';
  const { tf, version } = await openTensorflow(node);
  const backend = tf.backend() as unknown as Uploader;
  return tfjsRuntime({ runtime: 'tfjs-tensorflow', version, threads, delegate: 'cpu' }, tf, {
    upload: (x) => void backend.getInputTensorIds([x]),
    download: readsOutputs ? 'sync' : 'none',
    downloadsOnce: false,
  });
}
