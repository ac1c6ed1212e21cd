/**
 * Windows that no backend runs as they are, rewritten as plain VALID convolutions with stride 1.
 *
 * tfjs has no gradients of dilated convolutions, and TensorFlow's depthwise kernel takes neither holes nor strides that
 * differ by axis. The rewriting is exact and made of ops that every backend can differentiate.
 */
import type { Pair } from '../graph/op.js';
import { samePadding } from '../graph/tensor.js';
import type { Tensor4D, Tf } from './tf.js';

type Convolve = (padded: Tensor4D) => Tensor4D;

/**
 * A window with holes: the map is dealt out to dilation^2 smaller maps, as TensorFlow does, each of which meets the window without holes.
 * x [N, H, W, C] -> [N, ceil(H/s), ceil(W/s), out]
 */
export function withHoles(
  tf: Tf,
  x: Tensor4D,
  kernel: Pair,
  dilation: number,
  stride: Pair,
  convolve: Convolve,
): Tensor4D {
  const paddings = ([0, 1] as const).map((axis) => {
    const size = x.shape[axis + 1]!;
    const [before, after] = samePadding(size, kernel[axis], stride[axis], dilation);
    const extra = (dilation - ((size + before + after) % dilation)) % dilation; // the maps must be of one size
    return { before, after, extra };
  });
  const dealt = tf.spaceToBatchND(
    x,
    [dilation, dilation],
    paddings.map(({ before, after, extra }) => [before, after + extra]),
  );
  const y = tf.batchToSpaceND(
    convolve(dealt),
    [dilation, dilation],
    paddings.map(({ extra }) => [0, extra]),
  );
  return everyNth(tf, y, stride);
}

/** A window whose strides differ: with stride 1 everywhere, of which every n-th result is kept. x [N, H, W, C] -> [N, ceil(H/s), ceil(W/s), out] */
export function withUnequalStrides(tf: Tf, x: Tensor4D, kernel: Pair, stride: Pair, convolve: Convolve): Tensor4D {
  const [rows, columns] = ([0, 1] as const).map((axis) =>
    samePadding(x.shape[axis + 1]!, kernel[axis], stride[axis], 1),
  );
  return everyNth(tf, convolve(tf.pad(x, [[0, 0], rows!, columns!, [0, 0]])), stride);
}

/** y [N, H, W, C] -> its elements 0, s, 2s, … along height and width; by reshape and slice, since tfjs has no gradient of stridedSlice. */
function everyNth(tf: Tf, y: Tensor4D, [strideY, strideX]: Pair): Tensor4D {
  if (strideY === 1 && strideX === 1) return y;
  const [n, height, width, channels] = y.shape;
  const [outHeight, outWidth] = [Math.ceil(height / strideY), Math.ceil(width / strideX)];
  const padded = tf.pad(y, [
    [0, 0],
    [0, outHeight * strideY - height],
    [0, outWidth * strideX - width],
    [0, 0],
  ]);
  const rowSize = outWidth * strideX * channels;
  const rows = tf.slice(tf.reshape(padded, [n * outHeight, strideY * rowSize]), [0, 0], [-1, rowSize]);
  const columns = tf.slice(tf.reshape(rows, [n * outHeight * outWidth, strideX * channels]), [0, 0], [-1, channels]);
  return tf.reshape(columns, [n, outHeight, outWidth, channels]);
}
