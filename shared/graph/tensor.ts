/**
 * Shapes of tensors, for one sample: the batch is the runner's affair, so one Graph serves every batch size.
 */

/** `[height, width, channels]` of a feature map or `[channels]` of a vector, without the batch axis. */
export type Shape = readonly number[];

/** The only element type for now; int8 comes with quantization. */
export type Dtype = 'float32';

export const bytesPerElement: { readonly [D in Dtype]: number } = { float32: 4 };

/** How many elements a tensor of this shape has, for one sample. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** `32x32x16`, or `10` for a vector. */
export function formatShape(shape: Shape): string {
  return shape.join('x');
}

/** Output size of a window op under TensorFlow's SAME padding: ceil(size / stride), whatever kernel and dilation. */
export function sameOutputSize(size: number, stride: number): number {
  return Math.ceil(size / stride);
}

/**
 * SAME padding before and after, along one axis: total = max((out - 1) * stride + effectiveKernel - size, 0), the
 * odd element goes after.
 */
export function samePadding(
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
): [before: number, after: number] {
  const effectiveKernel = (kernel - 1) * dilation + 1;
  const total = Math.max((sameOutputSize(size, stride) - 1) * stride + effectiveKernel - size, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
