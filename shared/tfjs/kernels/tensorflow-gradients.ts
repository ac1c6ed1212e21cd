/**
 * Convolution gradients on native TensorFlow, by the fastest of its kernels that computes them (measured on 64 maps of
 * 16x16x192, window 5x5, two AVX-512 cores):
 *
 *   filter of a depthwise convolution   oneDNN 18.3 ms, TensorFlow's own kernel 6.0 ms
 *   map of a depthwise convolution      its gradient kernel 3.2 ms, the forward kernel with the filter turned by half a circle 2.4 ms
 *   filter, map of a 1x1 convolution    oneDNN's convolutions 2.3 and 2.1 ms, one matrix product 1.5 and 1.8 ms
 *
 * TensorFlow hands an op to oneDNN unless its padding is EXPLICIT, which is how its own kernel is reached.
 */
import type { Tensor, Tensor4D, Tf } from '../tf.js';
import type { NativeBackend, OpAttribute } from './tensorflow.js';

interface ConvolutionAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'same' | 'valid' | number;
  readonly dilations?: [number, number] | number;
  readonly filterShape?: Tensor4D['shape'];
  readonly inputShape?: Tensor4D['shape'];
}

type Inputs = Readonly<Record<string, Tensor>>;
type ConvInfo = ReturnType<Tf['backend_util']['computeConv2DInfo']>;
/** The gradient, or undefined where TensorFlow's usual kernel serves best. */
type Compute = (inputs: Inputs, attributes: ConvolutionAttributes) => Tensor | undefined;

export function registerTensorflowGradients(tf: Tf, backend: NativeBackend): void {
  register(tf, 'DepthwiseConv2dNativeBackpropFilter', ({ x, dy }, attributes) => {
    const filterShape = attributes.filterShape!;
    const info = convInfo(tf, (x as Tensor4D).shape, filterShape, attributes, true);
    return backend.executeSingleOutput('DepthwiseConv2dNativeBackpropFilter', explicitPadding(backend, info), [
      x!,
      tf.tensor1d(filterShape, 'int32'),
      dy!,
    ]);
  });
  register(tf, 'DepthwiseConv2dNativeBackpropInput', ({ dy, filter }, attributes) => {
    const info = convInfo(tf, attributes.inputShape!, (filter as Tensor4D).shape, attributes, true);
    if (!isCentered(info)) return undefined;
    return tf.depthwiseConv2d(dy as Tensor4D, tf.reverse(filter as Tensor4D, [0, 1]), 1, 'same');
  });
  register(tf, 'Conv2DBackpropFilter', ({ x, dy }, attributes) => {
    if (!isPointwise(convInfo(tf, (x as Tensor4D).shape, attributes.filterShape!, attributes, false))) return undefined;
    return tf.reshape(
      matrixProduct(backend, asMatrix(tf, x!), asMatrix(tf, dy!), [true, false]),
      attributes.filterShape!,
    );
  });
  register(tf, 'Conv2DBackpropInput', ({ dy, filter }, attributes) => {
    if (!isPointwise(convInfo(tf, attributes.inputShape!, (filter as Tensor4D).shape, attributes, false)))
      return undefined;
    return tf.reshape(
      matrixProduct(backend, asMatrix(tf, dy!), asMatrix(tf, filter!), [false, true]),
      attributes.inputShape!,
    );
  });
}

/** Puts `compute` before the kernel that tfjs-node brings. */
function register(tf: Tf, kernelName: string, compute: Compute): void {
  const { kernelFunc: usual, ...config } = tf.getKernel(kernelName, 'tensorflow');
  tf.unregisterKernel(kernelName, 'tensorflow');
  tf.registerKernel({
    ...config,
    kernelFunc: (call) => {
      const result = tf.tidy(() => compute(call.inputs as Inputs, call.attrs as never) as Tensor);
      return result ?? usual(call);
    },
  });
}

function convInfo(
  tf: Tf,
  x: Tensor4D['shape'],
  filter: Tensor4D['shape'],
  a: ConvolutionAttributes,
  depthwise: boolean,
): ConvInfo {
  return tf.backend_util.computeConv2DInfo(x, filter, a.strides, a.dilations ?? 1, a.pad, undefined, depthwise);
}

/** Whether it is one product of matrices. */
function isPointwise({ filterHeight, filterWidth, strideHeight, strideWidth }: ConvInfo): boolean {
  return filterHeight === 1 && filterWidth === 1 && strideHeight === 1 && strideWidth === 1;
}

/** Whether the window moves by one element and reaches equally far to all sides, so that turned by half a circle it pads alike. */
function isCentered({ filterHeight, filterWidth, strideHeight, strideWidth, padInfo }: ConvInfo): boolean {
  const odd = filterHeight % 2 === 1 && filterWidth % 2 === 1;
  return odd && strideHeight === 1 && strideWidth === 1 && padInfo.type === 'SAME';
}

function explicitPadding(
  { binding }: NativeBackend,
  { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo }: ConvInfo,
): OpAttribute[] {
  const { top, bottom, left, right } = padInfo;
  return [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'strides', type: binding.TF_ATTR_INT, value: [1, strideHeight, strideWidth, 1] },
    { name: 'dilations', type: binding.TF_ATTR_INT, value: [1, dilationHeight, dilationWidth, 1] },
    { name: 'padding', type: binding.TF_ATTR_STRING, value: 'EXPLICIT' },
    { name: 'explicit_paddings', type: binding.TF_ATTR_INT, value: [0, 0, top, bottom, left, right, 0, 0] },
    { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' },
  ];
}

/** a times b, either transposed or not; tfjs-node's own matMul takes the slower kernel for batches of matrices. */
function matrixProduct(
  backend: NativeBackend,
  a: Tensor,
  b: Tensor,
  [transposeA, transposeB]: [boolean, boolean],
): Tensor {
  const { binding } = backend;
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: transposeA },
    { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: transposeB },
  ];
  return backend.executeSingleOutput('MatMul', attributes, [a, b]);
}

/** [.., C] -> [all else, C] */
function asMatrix(tf: Tf, x: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  return tf.reshape(x, [x.size / channels, channels]);
}
