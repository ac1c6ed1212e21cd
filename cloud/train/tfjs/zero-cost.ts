/**
 * The zero-cost score of an untrained network: how different the patterns are in which samples switch its rectifiers on and off
 * (NASWOT; Mellor et al., ICML 2021, arXiv 2006.04647, §3).
 *
 *   c_i: one bit per rectified number of sample i      K_ij = how many bits of c_i and c_j agree      score = log |det K|
 *
 * Samples that a network does not tell apart before it learns make K singular. One forward pass, no labels.
 */
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { ActivationKind } from '@bespoke/shared/graph/op.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { noAugmentation, openLoader } from '../data/loader.js';
import type { PackedDataset } from '../data/packed.js';
import { imageTensor, yieldToEvents } from './step.js';

/** Samples that are told apart. */
const sampleCount = 32;

/** Whether what an activation gives is above 0 where what it takes is. */
const rectifies: { readonly [K in ActivationKind]: boolean } = {
  relu: true,
  relu6: true,
  hardSwish: true,
  hardSigmoid: false,
  sigmoid: false,
};

/** Pivots are not taken for less: a singular K has a score, far below that of others. */
const leastPivot = 1e-6;

/** See Engine.zeroCostScore. */
export async function zeroCostScore(tf: Tf, graph: Graph, data: PackedDataset, seed: number): Promise<number> {
  const loader = openLoader(data, { split: 'train', seed, batchSize: sampleCount, augmentation: noAugmentation });
  const rectified = graph.nodes.flatMap((node) =>
    node.op === 'activation' && rectifies[node.attributes.kind] ? [node.id] : [],
  );
  await yieldToEvents();
  const agreements = tf.tidy(() => {
    const weights = new Map<string, Tensor>();
    for (const [name, { shape, values }] of initializeWeights(graph, seed)) {
      weights.set(name, tf.tensor(values, [...shape]));
    }
    const x = imageTensor({ tf, manifest: data.manifest }, loader.batchAt(0));
    const inputs = new Map([[graph.inputs[0]!.id, x]]);
    const outputs = execute(tf, { ...graph, outputs: rectified }, inputs, weights, { training: true });
    const counts = outputs.map((output) => agreementCounts(tf, output));
    return counts.reduce((sum, count) => tf.add(sum, count), tf.zeros([sampleCount, sampleCount]));
  });
  const values = Float64Array.from(await agreements.data());
  agreements.dispose();
  return logDeterminant(values, sampleCount);
}

/** [N, N]: in how many of its numbers sample i is above 0 where sample j is, or is not where it is not. */
function agreementCounts(tf: Tf, output: Tensor): Tensor {
  const above = tf.cast(tf.greater(tf.reshape(output, [sampleCount, -1]), 0), 'float32');
  const below = tf.sub(1, above);
  return tf.add(tf.matMul(above, above, false, true), tf.matMul(below, below, false, true));
}

/** log |det| of a symmetric matrix [size, size], row by row, by Gaussian elimination with partial pivoting; overwrites it. */
export function logDeterminant(matrix: Float64Array, size: number): number {
  let sum = 0;
  for (let column = 0; column < size; column++) {
    let best = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(matrix[row * size + column]!) > Math.abs(matrix[best * size + column]!)) best = row;
    }
    for (let index = column; index < size; index++) {
      const kept = matrix[column * size + index]!;
      matrix[column * size + index] = matrix[best * size + index]!;
      matrix[best * size + index] = kept;
    }
    const pivot = matrix[column * size + column]!;
    sum += Math.log(Math.max(Math.abs(pivot), leastPivot));
    if (Math.abs(pivot) < leastPivot) continue;
    for (let row = column + 1; row < size; row++) {
      const factor = matrix[row * size + column]! / pivot;
      for (let index = column; index < size; index++) {
        matrix[row * size + index]! -= factor * matrix[column * size + index]!;
      }
    }
  }
  return sum;
}
