/**
 * Our kernels on native TensorFlow: one of its own fused kernels each, called through tfjs-node's binding.
 * tfjs would compose them of many small ops with maps of ones made in JavaScript: 3.6 times slower in a training step.
 */
import type { ActivationKind } from '../../graph/op.js';
import type { Tensor, Tf } from '../tf.js';
import { type BackendKernels, composedKernels } from './composed.js';

/** What tfjs-node's backend offers: any TensorFlow op by name. */
export interface NativeBackend {
  readonly binding: Readonly<
    Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_STRING' | 'TF_ATTR_INT' | 'TF_FLOAT', number>
  >;
  executeSingleOutput(name: string, attributes: readonly OpAttribute[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly Tensor[],
    outputCount: number,
  ): Tensor[];
}

export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

export function tensorflowKernels(tf: Tf): BackendKernels {
  const backend = tf.backend() as unknown as NativeBackend;
  const { binding } = backend;
  const composed = composedKernels(tf);
  const float32 = (name: string): OpAttribute => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT });
  const normAttributes = (epsilon: number): OpAttribute[] => [
    float32('T'),
    float32('U'),
    { name: 'epsilon', type: binding.TF_ATTR_FLOAT, value: epsilon },
    { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: binding.TF_ATTR_BOOL, value: true },
  ];
  const empty = tf.keep(tf.tensor1d([], 'float32')); // stands for moving statistics, and for the sixth output, which only GPUs use
  const call = (name: string, ...inputs: Tensor[]) => backend.executeSingleOutput(name, [float32('T')], inputs);

  const activations: {
    readonly [K in ActivationKind]?: { value(x: Tensor): Tensor; gradient(dy: Tensor, read: Tensor): Tensor };
  } = {
    relu: { value: (x) => call('Relu', x), gradient: (dy, y) => call('ReluGrad', dy, y) },
    relu6: { value: (x) => call('Relu6', x), gradient: (dy, y) => call('Relu6Grad', dy, y) },
    sigmoid: { value: (x) => call('Sigmoid', x), gradient: (dy, y) => call('SigmoidGrad', y, dy) },
  };
  return {
    batchNorm: (x, scale, shift, epsilon) => {
      const attributes = [
        ...normAttributes(epsilon),
        { name: 'exponential_avg_factor', type: binding.TF_ATTR_FLOAT, value: 1 },
      ];
      const inputs = [as4D(tf, x), scale, shift, empty, empty];
      const [y, mean, variance, saved1, saved2] = backend.executeMultipleOutputs(
        'FusedBatchNormV3',
        attributes,
        inputs,
        6,
      );
      return [withShapeOf(tf, x, y!), mean!, variance!, saved1!, saved2!];
    },
    batchNormGradient: (dy, x, scale, saved1, saved2, epsilon) => {
      const inputs = [as4D(tf, dy), as4D(tf, x), scale, saved1, saved2, empty];
      const [dx, dScale, dShift] = backend.executeMultipleOutputs(
        'FusedBatchNormGradV3',
        normAttributes(epsilon),
        inputs,
        5,
      );
      return [withShapeOf(tf, x, dx!), dScale!, dShift!];
    },
    activation: (kind, x) => (activations[kind] ?? { value: () => composed.activation(kind, x) }).value(x),
    activationGradient: (kind, dy, read) =>
      (activations[kind] ?? { gradient: () => composed.activationGradient(kind, dy, read) }).gradient(dy, read),
  };
}

/** x [.., C] as [N, H, W, C], which TensorFlow's batch norm asks for. */
function as4D(tf: Tf, x: Tensor): Tensor {
  return x.rank === 4 ? x : tf.reshape(x, [x.size / x.shape.at(-1)!, 1, 1, x.shape.at(-1)!]);
}

/** `y`, of `as4D(x)`, in the shape of `x`. To reshape is a native call here, and so is not done in vain. */
function withShapeOf(tf: Tf, x: Tensor, y: Tensor): Tensor {
  return x.rank === 4 ? y : tf.reshape(y, x.shape);
}
