/** Our own kernels as functions: what ops.ts calls. Each is one node on a gradient tape, whatever the backend makes of it. */
import type { ActivationKind } from '../../graph/op.js';
import type { Tensor, Tensor1D, Tensor4D, Tf } from '../tf.js';

/** Names in tfjs's registry. */
export const kernelNames = {
  batchNorm: 'BespokeBatchNorm',
  activation: (kind: ActivationKind) => `BespokeActivation:${kind}`,
  globalAverage: 'BespokeGlobalAverage',
} as const;

/** Statistics of a batch per channel, each [C]; the variance is unbiased. */
export interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** x [.., C] normalized by its own statistics, scaled and shifted (both [C]). */
export function batchNormalize(
  tf: Tf,
  x: Tensor,
  scale: Tensor1D,
  shift: Tensor1D,
  epsilon: number,
): { output: Tensor; moments: Moments } {
  const [output, mean, variance] = run(tf, kernelNames.batchNorm, { x, scale, shift }, { epsilon });
  return { output: output!, moments: { mean: mean!, variance: variance! } };
}

/** x [..] -> same */
export function activate(tf: Tf, kind: ActivationKind, x: Tensor): Tensor {
  return run(tf, kernelNames.activation(kind), { x }, {})[0]!;
}

/** x [N, H, W, C] -> [N, C] */
export function globalAverage(tf: Tf, x: Tensor4D): Tensor {
  return run(tf, kernelNames.globalAverage, { x }, {})[0]!;
}

function run(
  tf: Tf,
  name: string,
  inputs: Record<string, Tensor>,
  attributes: Record<string, number | string>,
): Tensor[] {
  const result = tf.engine().runKernel(name, inputs as never, attributes as never) as Tensor | Tensor[];
  return Array.isArray(result) ? result : [result];
}
