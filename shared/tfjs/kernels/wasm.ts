/**
 * The gradients that tfjs-backend-wasm lacks or gets wrong, made of the kernels that it has.
 *
 * Convolutions: the gradient of a filter is a convolution as well: the map is the image, dy the filter, and what was the stride becomes
 * the dilation. The gradient of a map is a convolution of the spread dy with the filter turned by half a circle.
 * Pools (tfjs 4.22): AvgPoolGrad counts padding as elements; MaxPoolGrad misses a maximum that is not positive.
 */
import type { Tensor, Tensor4D, Tf } from '../tf.js';

interface ConvolutionAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'same' | 'valid' | number;
}

interface WindowGeometry {
  readonly stride: [number, number];
  /** Padding before the first row and column. */
  readonly before: [number, number];
  readonly kernel: [number, number];
  readonly output: [number, number];
}

interface PoolAttributes extends ConvolutionAttributes {
  readonly filterSize: [number, number] | number;
}

export function registerWasmGradients(tf: Tf): void {
  registerConvolutionGradients(tf);
  registerPoolGradients(tf);
}

type Compute = (inputs: Record<string, Tensor>, attributes: never) => Tensor;

function register(tf: Tf, kernelName: string, compute: Compute): void {
  if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => tf.tidy(() => compute(inputs as Record<string, Tensor>, attrs as never)),
  });
}

function registerConvolutionGradients(tf: Tf): void {
  type FilterAttributes = ConvolutionAttributes & { filterShape: Tensor4D['shape'] };
  register(tf, 'Conv2DBackpropFilter', ({ x, dy }, attributes: FilterAttributes) => {
    const geometry = windowGeometry(tf, (x as Tensor4D).shape, attributes.filterShape, attributes, false);
    return convolutionFilterGradient(tf, x as Tensor4D, dy as Tensor4D, geometry);
  });
  register(tf, 'DepthwiseConv2dNativeBackpropFilter', ({ x, dy }, attributes: FilterAttributes) => {
    const geometry = windowGeometry(tf, (x as Tensor4D).shape, attributes.filterShape, attributes, true);
    return depthwiseFilterGradient(tf, x as Tensor4D, dy as Tensor4D, geometry);
  });
  type InputAttributes = ConvolutionAttributes & { inputShape: Tensor4D['shape'] };
  register(tf, 'Conv2DBackpropInput', ({ dy, filter }, attributes: InputAttributes) => {
    const geometry = windowGeometry(tf, attributes.inputShape, (filter as Tensor4D).shape, attributes, false);
    const turned = tf.transpose(tf.reverse(filter as Tensor4D, [0, 1]), [0, 1, 3, 2]) as Tensor4D;
    return inputGradient(tf, dy as Tensor4D, attributes.inputShape, geometry, (image) =>
      tf.conv2d(image, turned, 1, 'valid'),
    );
  });
  register(tf, 'DepthwiseConv2dNativeBackpropInput', ({ dy, filter }, attributes: InputAttributes) => {
    const geometry = windowGeometry(tf, attributes.inputShape, (filter as Tensor4D).shape, attributes, true);
    const turned = tf.reverse(filter as Tensor4D, [0, 1]);
    return inputGradient(tf, dy as Tensor4D, attributes.inputShape, geometry, (image) =>
      tf.depthwiseConv2d(image, turned, 1, 'valid'),
    );
  });
}

function registerPoolGradients(tf: Tf): void {
  const poolGeometry = (x: Tensor4D, { filterSize, ...attributes }: PoolAttributes) => {
    const [height, width] = typeof filterSize === 'number' ? [filterSize, filterSize] : filterSize;
    return windowGeometry(tf, x.shape, [height, width, x.shape[3], 1], attributes, true);
  };
  register(tf, 'AvgPoolGrad', ({ dy, input }, attributes: PoolAttributes) =>
    averagePoolGradient(tf, dy as Tensor4D, (input as Tensor4D).shape, poolGeometry(input as Tensor4D, attributes)),
  );
  register(tf, 'MaxPoolGrad', ({ dy, input, output }, attributes: PoolAttributes) =>
    maxPoolGradient(
      tf,
      dy as Tensor4D,
      input as Tensor4D,
      output as Tensor4D,
      poolGeometry(input as Tensor4D, attributes),
    ),
  );
}

function windowGeometry(
  tf: Tf,
  x: Tensor4D['shape'],
  filter: Tensor4D['shape'],
  a: ConvolutionAttributes,
  depthwise: boolean,
): WindowGeometry {
  const info = tf.backend_util.computeConv2DInfo(x, filter, a.strides, 1, a.pad, undefined, depthwise);
  return {
    stride: [info.strideHeight, info.strideWidth],
    before: [info.padInfo.top, info.padInfo.left],
    kernel: [info.filterHeight, info.filterWidth],
    output: [info.outHeight, info.outWidth],
  };
}

/** x [N, H, W, C], dy [N, OH, OW, D] -> [kernelHeight, kernelWidth, C, D] */
function convolutionFilterGradient(tf: Tf, x: Tensor4D, dy: Tensor4D, geometry: WindowGeometry): Tensor {
  const { stride, kernel, output } = geometry;
  const [inChannels, outChannels] = [x.shape[3], dy.shape[3]];
  const seen = seenMap(tf, x, geometry);
  if (kernel[0] === 1 && kernel[1] === 1 && stride[0] === 1 && stride[1] === 1) {
    const pixels = dy.shape[0] * output[0] * output[1];
    // The backend multiplies transposed matrices by a plain loop, ten times slower.
    const product = tf.matMul(
      tf.transpose(tf.reshape(seen, [pixels, inChannels])),
      tf.reshape(dy, [pixels, outChannels]),
    );
    return tf.reshape(product, [1, 1, inChannels, outChannels]);
  }
  const image = tf.transpose(seen, [3, 1, 2, 0]);
  const filter = tf.transpose(dy, [1, 2, 0, 3]) as Tensor4D;
  return tf.transpose(tf.conv2d(image, filter, 1, 'valid', 'NHWC', stride), [1, 2, 0, 3]);
}

/** x [N, H, W, C], dy [N, OH, OW, C] -> [kernelHeight, kernelWidth, C, 1]; sample and channel together are the depth of one convolution. */
function depthwiseFilterGradient(tf: Tf, x: Tensor4D, dy: Tensor4D, geometry: WindowGeometry): Tensor {
  const { stride, kernel } = geometry;
  const [n, , , channels] = x.shape;
  const seen = seenMap(tf, x, geometry);
  const depthLast = (map: Tensor4D) =>
    tf.reshape(tf.transpose(map, [1, 2, 0, 3]), [map.shape[1], map.shape[2], n * channels]);
  const image = tf.expandDims(depthLast(seen)) as Tensor4D;
  const filter = tf.expandDims(depthLast(dy), -1) as Tensor4D;
  const bySample = tf.depthwiseConv2d(image, filter, 1, 'valid', 'NHWC', stride);
  return tf.reshape(tf.sum(tf.reshape(bySample, [kernel[0] * kernel[1], n, channels]), 1), [...kernel, channels, 1]);
}

/** The gradient of a window op's map: `convolve` is the op with the filter turned by half a circle. dy [N, OH, OW, D] -> [N, H, W, C] */
function inputGradient(
  tf: Tf,
  dy: Tensor4D,
  shape: Tensor4D['shape'],
  { stride, before, kernel }: WindowGeometry,
  convolve: (image: Tensor4D) => Tensor4D,
): Tensor {
  const spread = spreadOut(tf, dy, stride);
  const edges = ([0, 1] as const).map((axis) => {
    const lead = kernel[axis] - 1 - before[axis];
    return {
      lead,
      size: shape[axis + 1]! + kernel[axis] - 1,
      rest: shape[axis + 1]! + kernel[axis] - 1 - lead - spread.shape[axis + 1]!,
    };
  });
  const [rows, columns] = edges.map(({ lead, rest }): [number, number] => [lead, Math.max(rest, 0)]);
  const padded = tf.pad(spread, [[0, 0], rows!, columns!, [0, 0]]);
  return convolve(tf.slice(padded, [0, 0, 0, 0], [-1, edges[0]!.size, edges[1]!.size, -1]));
}

/** dy [N, OH, OW, C] -> [N, H, W, C]: each result shared out among the elements that its window saw. */
function averagePoolGradient(tf: Tf, dy: Tensor4D, shape: Tensor4D['shape'], geometry: WindowGeometry): Tensor {
  const { kernel, output } = geometry;
  const [, height, width] = shape;
  const ones = tf.ones([...kernel, shape[3], 1]) as Tensor4D;
  const [rows, columns] = [clippedWindows(geometry, height, 0), clippedWindows(geometry, width, 1)];
  const shares = tf.tensor(
    rows.flatMap((row) => columns.map((column) => 1 / (row.count * column.count))),
    [1, ...output, 1],
  );
  return inputGradient(tf, tf.mul(dy, shares) as Tensor4D, shape, geometry, (image) =>
    tf.depthwiseConv2d(image, ones, 1, 'valid'),
  );
}

/** dy and y [N, OH, OW, C], x [N, H, W, C] -> [N, H, W, C]: each dy goes to the first element of its window that is the maximum. */
function maxPoolGradient(tf: Tf, dy: Tensor4D, x: Tensor4D, y: Tensor4D, geometry: WindowGeometry): Tensor {
  const [n, height, width, channels] = x.shape;
  const [dyValues, xValues, yValues] = [dy.dataSync(), x.dataSync(), y.dataSync()];
  const dx = new Float32Array(x.size);
  const [windowRows, windowColumns] = [clippedWindows(geometry, height, 0), clippedWindows(geometry, width, 1)];
  let index = 0; // of the result at hand
  for (let sample = 0; sample < n; sample++) {
    for (const rows of windowRows) {
      for (const columns of windowColumns) {
        const corner = ((sample * height + rows.start) * width + columns.start) * channels;
        for (let channel = 0; channel < channels; channel++, index++) {
          let at = corner + channel;
          search: for (let row = 0; row < rows.count; row++) {
            for (let column = 0; column < columns.count; column++) {
              at = corner + (row * width + column) * channels + channel;
              if (xValues[at] === yValues[index]) break search;
            }
          }
          dx[at]! += dyValues[index]!;
        }
      }
    }
  }
  return tf.tensor(dx, x.shape);
}

/** The part of each window along an axis that lies inside the map. */
function clippedWindows(
  { stride, before, kernel, output }: WindowGeometry,
  size: number,
  axis: 0 | 1,
): { start: number; count: number }[] {
  return Array.from({ length: output[axis] }, (_, index) => {
    const start = index * stride[axis] - before[axis];
    return { start: Math.max(start, 0), count: Math.min(start + kernel[axis], size) - Math.max(start, 0) };
  });
}

/** What windows see of x: padded, and cut after the last element that one of them reads. */
function seenMap(tf: Tf, x: Tensor4D, { stride, before, kernel, output }: WindowGeometry): Tensor4D {
  const seen = ([0, 1] as const).map((axis) => (output[axis] - 1) * stride[axis] + kernel[axis]);
  const after = seen.map((size, axis) => Math.max(size - before[axis]! - x.shape[axis + 1]!, 0));
  const padded = [...before, ...after].every((size) => size === 0)
    ? x
    : tf.pad(x, [
        [0, 0],
        [before[0], after[0]!],
        [before[1], after[1]!],
        [0, 0],
      ]);
  if (padded.shape[1] === seen[0] && padded.shape[2] === seen[1]) return padded;
  return tf.slice(padded, [0, 0, 0, 0], [-1, seen[0]!, seen[1]!, -1]);
}

/** dy with stride - 1 zeros behind each element: [N, OH, OW, C] -> [N, OH * s, OW * s, C] */
function spreadOut(tf: Tf, dy: Tensor4D, [strideY, strideX]: [number, number]): Tensor4D {
  if (strideY === 1 && strideX === 1) return dy;
  const [n, height, width, channels] = dy.shape;
  const columns = tf.pad(tf.reshape(dy, [n * height, width, channels]), [
    [0, 0],
    [0, 0],
    [0, (strideX - 1) * channels],
  ]);
  const rows = tf.pad(tf.reshape(columns, [n, height, width * strideX * channels]), [
    [0, 0],
    [0, 0],
    [0, (strideY - 1) * width * strideX * channels],
  ]);
  return tf.reshape(rows, [n, height * strideY, width * strideX, channels]);
}
