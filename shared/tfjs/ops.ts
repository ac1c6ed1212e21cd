/**
 * One row per op: the tfjs calls that compute it. Windows pad as TensorFlow's SAME; where no backend can do so by itself
 * (holes, strides that differ by axis), window.ts rearranges the map so that it can.
 */
import type { Node } from '../graph/graph.js';
import type { FusedActivation, OpAttributes, OpKind } from '../graph/op.js';
import { activate, batchNormalize, globalAverage, type Moments } from './kernels/calls.js';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D, Tf } from './tf.js';
import { withHoles, withUnequalStrides } from './window.js';

export type { Moments };

export interface NodeContext {
  readonly inputs: readonly Tensor[];
  /** The node's weight of that name. Throws `WEIGHTS_MISMATCH`. */
  weight(name: string): Tensor;
  readonly training: boolean;
}

/** A node's output, and the batch's statistics where it normalized by them. */
export interface NodeResult {
  readonly output: Tensor;
  readonly moments?: Moments;
}

type Row<A> = (tf: Tf, attributes: A, context: NodeContext) => Tensor | NodeResult;

const rows: { readonly [K in OpKind]: Row<OpAttributes[K]> } = {
  conv2d: (tf, a, context) => {
    const filter = context.weight('filter') as Tensor4D;
    const x = context.inputs[0] as Tensor4D;
    const ending = fusedEnding(a, context);
    if (a.dilation === 1) {
      if (isPlain(a)) return tf.conv2d(x, filter, [...a.stride], 'same');
      return tf.fused.conv2d({ x, filter, strides: [...a.stride], pad: 'same', ...ending });
    }
    const convolve = (padded: Tensor4D) => tf.conv2d(padded, filter, 1, 'valid');
    return finish(tf, withHoles(tf, x, a.kernel, a.dilation, a.stride, convolve), ending);
  },
  depthwiseConv2d: (tf, a, context) => {
    const filter = context.weight('filter') as Tensor4D;
    const x = context.inputs[0] as Tensor4D;
    const ending = fusedEnding(a, context);
    if (a.dilation === 1 && a.stride[0] === a.stride[1]) {
      if (isPlain(a)) return tf.depthwiseConv2d(x, filter, [...a.stride], 'same');
      return tf.fused.depthwiseConv2d({ x, filter, strides: [...a.stride], pad: 'same', ...ending });
    }
    const convolve = (padded: Tensor4D) => tf.depthwiseConv2d(padded, filter, 1, 'valid');
    const y =
      a.dilation === 1
        ? withUnequalStrides(tf, x, a.kernel, a.stride, convolve)
        : withHoles(tf, x, a.kernel, a.dilation, a.stride, convolve);
    return finish(tf, y, ending);
  },
  dense: (tf, a, context) =>
    tf.fused.matMul({
      a: context.inputs[0] as Tensor2D,
      b: context.weight('filter') as Tensor2D,
      ...fusedEnding(a, context),
    }),
  batchNorm: (tf, a, { inputs: [x], weight, training }) => {
    const [scale, shift] = [weight('scale') as Tensor1D, weight('shift') as Tensor1D];
    if (training) return batchNormalize(tf, x!, scale, shift, a.epsilon);
    return tf.batchNorm(
      x as Tensor4D,
      weight('mean') as Tensor1D,
      weight('variance') as Tensor1D,
      shift,
      scale,
      a.epsilon,
    );
  },
  activation: (tf, a, { inputs: [x] }) => activate(tf, a.kind, x!),
  add: (tf, a, { inputs: [x, y] }) => applyFused(tf, a.fused, tf.add(x!, y!)),
  scaleChannels: (tf, _, { inputs: [x, gate] }) =>
    tf.mul(x!, tf.reshape(gate!, [gate!.shape[0]!, 1, 1, gate!.shape[1]!])),
  concat: (tf, _, { inputs }) => tf.concat([...inputs], -1),
  maxPool: (tf, a, { inputs: [x] }) => tf.maxPool(x as Tensor4D, [...a.kernel], [...a.stride], 'same'),
  avgPool: (tf, a, { inputs: [x] }) => tf.avgPool(x as Tensor4D, [...a.kernel], [...a.stride], 'same'),
  globalAvgPool: (tf, _, { inputs: [x] }) => globalAverage(tf, x as Tensor4D),
  slice: (tf, a, { inputs: [x] }) => tf.slice(x!, [0, ...a.begin], [-1, ...a.size]),
  padChannels: (tf, a, { inputs: [x] }) =>
    tf.pad(x!, [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, a.after],
    ]),
  shuffleChannels: (tf, a, { inputs: [x] }) => {
    const [n, height, width, channels] = (x as Tensor4D).shape;
    const grouped = tf.reshape(x!, [n * height * width, a.groups, channels / a.groups]);
    return tf.reshape(tf.transpose(grouped, [0, 2, 1]), [n, height, width, channels]);
  },
};

/** Runs one node. The result is new; what a row makes on the way is disposed of. */
export function runNode(tf: Tf, node: Node, context: NodeContext): NodeResult {
  const row = rows[node.op] as Row<OpAttributes[OpKind]>;
  return tf.tidy(() => {
    const result = row(tf, node.attributes, context);
    return (result instanceof tf.Tensor ? { output: result } : result) as never;
  });
}

/** What comes after the sums of a convolution or dense layer, in the words of tf.fused. */
interface Ending {
  readonly bias?: Tensor;
  readonly activation: 'linear' | 'relu' | 'relu6';
}

/** Without an ending tf.fused brings nothing, and its gradient computes the filter's even where only the map's is asked for. */
function isPlain(a: { bias: boolean; fused: FusedActivation }): boolean {
  return !a.bias && a.fused === 'none';
}

function fusedEnding(a: { bias: boolean; fused: FusedActivation }, context: NodeContext): Ending {
  const activation = a.fused === 'none' ? 'linear' : a.fused;
  return a.bias ? { bias: context.weight('bias'), activation } : { activation };
}

/** The same ending for convolutions that tf.fused cannot run. */
function finish(tf: Tf, sums: Tensor, { bias, activation }: Ending): Tensor {
  return applyFused(tf, activation === 'linear' ? 'none' : activation, bias ? tf.add(sums, bias) : sums);
}

function applyFused(tf: Tf, fused: FusedActivation, x: Tensor): Tensor {
  return fused === 'none' ? x : activate(tf, fused, x);
}
