/** The model file of a trained network: exported, and held to the engine before anybody sees it. */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { type ExportedModel, exportModel } from './export/export.js';
import { compareOutputs, isWithinBounds } from './export/parity.js';
import { openTfliteRunner } from './export/tflite-runner.js';
import { noAugmentation, openLoader } from './train/data/loader.js';
import { imageSize, type PackedDataset, splitRange } from './train/data/packed.js';
import type { Engine } from './train/engine.js';

/** Images of split `search` on which the exported file is compared with the engine. */
const parityCount = 256;

export interface CheckedModel extends ExportedModel {
  /** How alike file and engine are, in words. */
  readonly parity: string;
}

/** The .tflite of a trained network. Throws `EXPORT_DIFFERS` unless it gives the engine's outputs. */
export async function exportChecked(
  engine: Engine,
  graph: Graph,
  weights: Weights,
  data: PackedDataset,
  name: string,
): Promise<CheckedModel> {
  const model = exportModel('tflite', graph, weights, `${name}, made to measure by Bespoke`);
  const { first, count } = splitRange(data.manifest, 'search');
  const batchSize = Math.min(parityCount, count);
  const loader = openLoader(data, { split: 'search', seed: 0, batchSize, augmentation: noAugmentation });
  const { images: inputs, count: compared } = loader.inOrder(0);
  const size = imageSize(data.manifest);
  const images = data.images.subarray(first * size, (first + compared) * size);
  const logits = await engine.predict(graph, weights, images, data);
  const parity = compareOutputs(await openTfliteRunner(model.bytes), inputs, logits, data.manifest.classes.length);
  const text = `${(100 * parity.agreement).toFixed(1)}% same class, largest difference ${parity.largestDifference.toExponential(1)} of the logits' range, ${parity.count} images`;
  if (!isWithinBounds(parity)) throw new AppError('EXPORT_DIFFERS', { got: text });
  return { ...model, parity: text };
}
