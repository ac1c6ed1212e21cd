/**
 * The closed union of primitive ops: all that machines ever run.
 *
 * Each consumer (shape, weights, MACs, tflite, tfjs, …) is a total table
 * `{ [K in OpKind]: Row<OpAttributes[K]> }`, so a new op does not compile until every table has its row.
 * All windows pad as TensorFlow's SAME; layout is NHWC; filters are [kernelHeight, kernelWidth, in, out].
 */

/** Elementwise functions. hardSigmoid(x) = relu6(x + 3) / 6, hardSwish(x) = x * hardSigmoid(x). */
export const activationKinds = ['relu', 'relu6', 'hardSwish', 'hardSigmoid', 'sigmoid'] as const;
export type ActivationKind = (typeof activationKinds)[number];

/** What `fold` may fuse into the op before it. */
export type FusedActivation = 'none' | 'relu' | 'relu6';

/** [along height, along width] */
export type Pair = readonly [number, number];

export interface OpAttributes {
  /** x [H, W, C] -> [ceil(H/s), ceil(W/s), filters] */
  conv2d: { filters: number; kernel: Pair; stride: Pair; dilation: number; bias: boolean; fused: FusedActivation };
  /** x [H, W, C] -> [ceil(H/s), ceil(W/s), C]; one filter per channel. */
  depthwiseConv2d: { kernel: Pair; stride: Pair; dilation: number; bias: boolean; fused: FusedActivation };
  /** x [C] -> [units] */
  dense: { units: number; bias: boolean; fused: FusedActivation };
  /** x [.., C] -> same; scale * (x - mean) / sqrt(variance + epsilon) + shift, per channel. Training Graphs only. */
  batchNorm: { epsilon: number };
  /** x [..] -> same */
  activation: { kind: ActivationKind };
  /** a, b of the same shape -> that shape */
  add: { fused: FusedActivation };
  /** x [H, W, C], gate [C] -> [H, W, C]: squeeze-and-excitation's gating */
  scaleChannels: Record<string, never>;
  /** n >= 2 maps of equal height and width -> their channels one after another */
  concat: Record<string, never>;
  maxPool: { kernel: Pair; stride: Pair };
  /** Averages over the elements inside the map: padding does not count. */
  avgPool: { kernel: Pair; stride: Pair };
  /** x [H, W, C] -> [C] */
  globalAvgPool: Record<string, never>;
  /** x [H, W, C] -> x[begin ..< begin + size], along each of the three axes */
  slice: { begin: readonly number[]; size: readonly number[] };
  /** x [H, W, C] -> [H, W, C + after]: zeros behind the last channel (PyramidNet's shortcut) */
  padChannels: { after: number };
  /** ShuffleNet's channel shuffle: channel g * (C/groups) + i moves to i * groups + g. */
  shuffleChannels: { groups: number };
}

export type OpKind = keyof OpAttributes;

/** How many inputs each op takes: [least, most]. */
export const inputCounts: { readonly [K in OpKind]: readonly [least: number, most: number] } = {
  conv2d: [1, 1],
  depthwiseConv2d: [1, 1],
  dense: [1, 1],
  batchNorm: [1, 1],
  activation: [1, 1],
  add: [2, 2],
  scaleChannels: [2, 2],
  concat: [2, Number.POSITIVE_INFINITY],
  maxPool: [1, 1],
  avgPool: [1, 1],
  globalAvgPool: [1, 1],
  slice: [1, 1],
  padChannels: [1, 1],
  shuffleChannels: [1, 1],
};
