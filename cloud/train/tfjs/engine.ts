/** The embedded engine: trains and runs Graphs on tfjs, native TensorFlow or WebAssembly. */
import { hashJson } from '@bespoke/shared/base/json.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { verifyWeights, type Weights } from '@bespoke/shared/graph/weights.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { type Batch, noAugmentation, normalizationTable, openLoader } from '../data/loader.js';
import { imageSize, type PackedDataset } from '../data/packed.js';
import type { Engine, Evaluation } from '../engine.js';
import { type BackendName, type OpenedBackend, openBackend } from './backend.js';
import { scoreLogits } from './loss.js';
import { imageTensor, yieldToEvents } from './step.js';
import { TfjsSupernet } from './supernet.js';
import { trainGraph } from './train.js';
import { zeroCostScore } from './zero-cost.js';

/** Opens the engine on `preference`, or on the best backend that works here. Throws `BACKEND_UNAVAILABLE`. */
export async function openTfjsEngine(preference?: BackendName): Promise<Engine> {
  return tfjsEngine(await openBackend(preference));
}

/** The engine on an opened backend. */
export function tfjsEngine({ tf, backend, version }: OpenedBackend): Engine {
  return {
    describe: () => ({ engine: 'tfjs', backend, version }),
    openSupernet: async (space, data, recipe) => new TfjsSupernet(tf, space, data, recipe),
    train: (graph, data, recipe, hooks) =>
      trainGraph({ tf, runtime: hashJson([backend, version]) }, graph, data, recipe, hooks),

    zeroCostScore: (graph, data, seed) => zeroCostScore(tf, graph, data, seed),

    async evaluate(graph, weights, data, split): Promise<Evaluation> {
      const loader = openLoader(data, { split, seed: 0, batchSize: 250, augmentation: noAugmentation });
      let lossSum = 0;
      let correct = 0;
      const batches = (function* () {
        for (let first = 0; first < loader.sampleCount; first += 250) yield loader.inOrder(first);
      })();
      await runBatches(tf, graph, weights, data, batches, (logits, { labels }) => {
        const score = scoreLogits(logits, labels, data.manifest.classes.length);
        lossSum += score.lossSum;
        correct += score.correct;
      });
      const count = loader.sampleCount;
      return { loss: lossSum / count, accuracy: correct / count, count };
    },

    async predict(graph, weights, images, data) {
      const all: Float32Array[] = [];
      await runBatches(tf, graph, weights, data, rawBatches(images, data), (logits) => all.push(logits));
      const joined = new Float32Array(all.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const logits of all) {
        joined.set(logits, at);
        at += logits.length;
      }
      return joined;
    },
  };
}

/** Runs the graph in evaluation form on each batch and hands its logits [count, classes] on. Throws `WEIGHTS_MISMATCH`. */
async function runBatches(
  tf: Tf,
  graph: Graph,
  weights: Weights,
  data: PackedDataset,
  batches: Iterable<Batch>,
  see: (logits: Float32Array, batch: Batch) => void,
): Promise<void> {
  verifyWeights(graph, weights);
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape, values }] of weights) tensors.set(name, tf.tensor(values, [...shape]));
  try {
    for (const batch of batches) {
      await yieldToEvents();
      const logits = tf.tidy(() => {
        const x = imageTensor({ tf, manifest: data.manifest }, batch);
        return execute(tf, graph, new Map([[graph.inputs[0]!.id, x]]), tensors, { training: false })[0]!;
      });
      see((await logits.data()) as Float32Array, batch);
      logits.dispose();
    }
  } finally {
    for (const tensor of tensors.values()) tensor.dispose();
  }
}

/** Raw pixels [count, height, width, channels] as normalized batches without labels. */
function* rawBatches(images: Uint8Array, { manifest }: PackedDataset): Generator<Batch> {
  const size = imageSize(manifest);
  const table = normalizationTable(manifest);
  const total = images.length / size;
  for (let first = 0; first < total; first += 250) {
    const pixels = images.subarray(first * size, Math.min(first + 250, total) * size);
    const normalized = Float32Array.from(pixels, (value, index) => table[((index % manifest.channels) << 8) | value]!);
    yield { images: normalized, labels: new Int32Array(), count: pixels.length / size };
  }
}
