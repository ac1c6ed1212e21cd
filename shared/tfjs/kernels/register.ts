/** Registration of our kernels and their gradients with a tfjs: once for each backend that runs a Graph. */
import type { ActivationKind } from '../../graph/op.js';
import type { Tensor, Tensor1D, Tensor4D, Tf } from '../tf.js';
import { kernelNames } from './calls.js';
import { type BackendKernels, composedKernels, globalAverageGradient, gradientReads } from './composed.js';
import { type NativeBackend, tensorflowKernels } from './tensorflow.js';
import { registerTensorflowGradients } from './tensorflow-gradients.js';
import { registerWasmGradients } from './wasm.js';

type Inputs = Record<string, Tensor>;
type Attributes = Record<string, unknown>;

/** Makes the current backend of `tf` able to run and differentiate every op. Quick when done before. */
export function ensureKernels(tf: Tf): void {
  const backendName = tf.getBackend();
  if (tf.getKernel(kernelNames.batchNorm, backendName)) return;
  const kernels = backendName === 'tensorflow' ? tensorflowKernels(tf) : composedKernels(tf);
  if (backendName === 'wasm') registerWasmGradients(tf);
  if (backendName === 'tensorflow') registerTensorflowGradients(tf, tf.backend() as unknown as NativeBackend);
  registerBatchNorm(tf, backendName, kernels);
  for (const kind of Object.keys(gradientReads)) registerActivation(tf, backendName, kind as ActivationKind, kernels);
  registerGlobalAverage(tf, backendName);
}

/** Registers kernel `name`; `compute` gets tensors and may leave others behind, which are disposed of. */
function register(
  tf: Tf,
  kernelName: string,
  backendName: string,
  compute: (inputs: Inputs, attributes: Attributes) => Tensor | Tensor[],
): void {
  const kernelFunc = ({ inputs, attrs }: { inputs: unknown; attrs?: unknown }) =>
    tf.tidy(() => compute(inputs as Inputs, (attrs ?? {}) as Attributes));
  tf.registerKernel({ kernelName, backendName, kernelFunc });
}

/** Runs kernel `name`, whose gradient nobody asks for. */
function run(tf: Tf, name: string, inputs: Inputs, attributes: Attributes): Tensor[] {
  const result = tf.engine().runKernel(name, inputs as never, attributes as never) as Tensor | Tensor[];
  return Array.isArray(result) ? result : [result];
}

function registerBatchNorm(tf: Tf, backendName: string, kernels: BackendKernels): void {
  const gradientName = `${kernelNames.batchNorm}Gradient`;
  register(tf, kernelNames.batchNorm, backendName, ({ x, scale, shift }, { epsilon }) =>
    kernels.batchNorm(x!, scale as Tensor1D, shift as Tensor1D, epsilon as number),
  );
  register(tf, gradientName, backendName, ({ dy, x, scale, saved1, saved2 }, { epsilon }) =>
    kernels.batchNormGradient(dy!, x!, scale as Tensor1D, saved1!, saved2!, epsilon as number),
  );
  if (tf.getGradient(kernelNames.batchNorm)) return;
  tf.registerGradient({
    kernelName: kernelNames.batchNorm,
    inputsToSave: ['x', 'scale'],
    outputsToSave: [false, false, false, true, true],
    gradFunc: (dys, [x, scale, saved1, saved2], attributes) => {
      const inputs = { dy: (dys as Tensor[])[0]!, x: x!, scale: scale!, saved1: saved1!, saved2: saved2! };
      const [dx, dScale, dShift] = run(tf, gradientName, inputs, attributes as Attributes);
      return { x: () => dx!, scale: () => dScale!, shift: () => dShift! };
    },
  });
}

function registerActivation(tf: Tf, backendName: string, kind: ActivationKind, kernels: BackendKernels): void {
  const kernelName = kernelNames.activation(kind);
  const gradientName = `${kernelName}Gradient`;
  register(tf, kernelName, backendName, ({ x }) => kernels.activation(kind, x!));
  register(tf, gradientName, backendName, ({ dy, read }) => kernels.activationGradient(kind, dy!, read!));
  if (tf.getGradient(kernelName)) return;
  tf.registerGradient({
    kernelName,
    ...(gradientReads[kind] === 'x' ? { inputsToSave: ['x'] } : { outputsToSave: [true] }),
    gradFunc: (dy, [read]) => ({ x: () => run(tf, gradientName, { dy: dy as Tensor, read: read! }, {})[0]! }),
  });
}

function registerGlobalAverage(tf: Tf, backendName: string): void {
  register(tf, kernelNames.globalAverage, backendName, ({ x }) => tf.mean(x!, [1, 2]));
  if (tf.getGradient(kernelNames.globalAverage)) return;
  tf.registerGradient({
    kernelName: kernelNames.globalAverage,
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => globalAverageGradient(tf, dy as Tensor, (x as Tensor4D).shape) }),
  });
}
