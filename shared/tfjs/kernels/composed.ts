/** Our kernels made of tfjs ops: for any backend that brings nothing better. */
import type { ActivationKind } from '../../graph/op.js';
import type { Tensor, Tensor1D, Tensor4D, Tf } from '../tf.js';

/** What a backend must be able to do. All run outside the gradient tape, inside a tidy. */
export interface BackendKernels {
  /** x [.., C] -> y [.., C], mean [C], unbiased variance [C], and two tensors [C] that the gradient asks back. */
  batchNorm(
    x: Tensor,
    scale: Tensor1D,
    shift: Tensor1D,
    epsilon: number,
  ): [y: Tensor, mean: Tensor, variance: Tensor, saved1: Tensor, saved2: Tensor];
  /** -> dx [.., C], dScale [C], dShift [C] */
  batchNormGradient(
    dy: Tensor,
    x: Tensor,
    scale: Tensor1D,
    saved1: Tensor,
    saved2: Tensor,
    epsilon: number,
  ): [Tensor, Tensor, Tensor];
  activation(kind: ActivationKind, x: Tensor): Tensor;
  /** dy and what the gradient reads (`gradientReads`) [..] -> dx [..] */
  activationGradient(kind: ActivationKind, dy: Tensor, read: Tensor): Tensor;
}

/**
 * Which side of an activation its gradient reads. The result where that says as much: it is what the next convolution keeps as well, so that a tape does not hold the
 * normalized map besides, a third of what MBConv blocks keep.
 */
export const gradientReads: { readonly [K in ActivationKind]: 'x' | 'y' } = {
  relu: 'y',
  relu6: 'y',
  sigmoid: 'y',
  hardSigmoid: 'x',
  hardSwish: 'x',
};

export function composedKernels(tf: Tf): BackendKernels {
  const rows = activationRows(tf);
  return {
    batchNorm: (x, scale, shift, epsilon) => {
      const count = x.size / x.shape.at(-1)!;
      const mean = tf.mul(sumPerChannel(tf, x), 1 / count);
      const centered = tf.sub(x, mean);
      const population = tf.mul(sumPerChannel(tf, tf.square(centered)), 1 / count);
      const inverseDeviation = tf.rsqrt(tf.add(population, epsilon));
      const y = tf.add(tf.mul(centered, tf.mul(inverseDeviation, scale)), shift);
      return [y, mean, tf.mul(population, count / Math.max(count - 1, 1)), tf.clone(mean), inverseDeviation];
    },
    batchNormGradient: (dy, x, scale, mean, inverseDeviation) => {
      // dx = scale / deviation * (dy - mean(dy) - normalized * mean(dy * normalized))
      const count = x.size / x.shape.at(-1)!;
      const centered = tf.sub(x, mean);
      const dShift = sumPerChannel(tf, dy);
      const dScale = tf.mul(sumPerChannel(tf, tf.mul(dy, centered)), inverseDeviation);
      const share = tf.mul(tf.mul(dScale, inverseDeviation), 1 / count);
      const inner = tf.sub(tf.sub(dy, tf.mul(dShift, 1 / count)), tf.mul(centered, share));
      return [tf.mul(inner, tf.mul(scale, inverseDeviation)), dScale, dShift];
    },
    activation: (kind, x) => rows[kind].value(x),
    activationGradient: (kind, dy, read) => rows[kind].gradient(dy, read),
  };
}

interface ActivationRow {
  readonly value: (x: Tensor) => Tensor;
  /** Of dy and x or y, as `gradientReads` says. */
  readonly gradient: (dy: Tensor, read: Tensor) => Tensor;
}

function activationRows(tf: Tf): { readonly [K in ActivationKind]: ActivationRow } {
  const hardSigmoid = (x: Tensor) => tf.mul(tf.relu6(tf.add(x, 3)), 1 / 6);
  const insideSix = (x: Tensor) => tf.mul(tf.step(x), tf.step(tf.sub(6, x)));
  const hardSigmoidSlope = (x: Tensor) => tf.mul(insideSix(tf.add(x, 3)), 1 / 6);
  return {
    relu: { value: (x) => tf.relu(x), gradient: (dy, y) => tf.mul(dy, tf.step(y)) },
    relu6: { value: (x) => tf.relu6(x), gradient: (dy, y) => tf.mul(dy, insideSix(y)) },
    sigmoid: { value: (x) => tf.sigmoid(x), gradient: (dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y))) },
    hardSigmoid: { value: hardSigmoid, gradient: (dy, x) => tf.mul(dy, hardSigmoidSlope(x)) },
    hardSwish: {
      value: (x) => tf.mul(x, hardSigmoid(x)),
      gradient: (dy, x) => tf.mul(dy, tf.add(hardSigmoid(x), tf.mul(x, hardSigmoidSlope(x)))),
    },
  };
}

/**
 * x [N, .., C] -> its sums [C], by average pooling first: tfjs-backend-wasm sums along the last axis only and would turn the
 * whole map around (21 ms against 1.5 for 64 maps of 16x16x192).
 */
function sumPerChannel(tf: Tf, x: Tensor): Tensor {
  const [n, channels] = [x.shape[0]!, x.shape.at(-1)!];
  const pixels = x.size / (n * channels);
  if (pixels === 1) return tf.sum(tf.reshape(x, [n, channels]), 0);
  const means = tf.avgPool(tf.reshape(x, [n, pixels, 1, channels]) as Tensor4D, [pixels, 1], 1, 'valid');
  return tf.mul(tf.sum(tf.reshape(means, [n, channels]), 0), pixels);
}

/** dy [N, C] -> dx [N, H, W, C] of global average pooling; spread without a map of ones. */
export function globalAverageGradient(tf: Tf, dy: Tensor, [n, height, width, channels]: Tensor4D['shape']): Tensor {
  const scaled = tf.reshape(tf.mul(dy, 1 / (height * width)), [n, 1, 1, channels]);
  return tf.tile(scaled, [1, height, width, 1]);
}
