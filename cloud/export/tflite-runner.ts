/**
 * Runs a .tflite file in the cloud's own process, for the parity check. By tfjs-tflite-node as it comes, without XNNPACK: slow,
 * but its built-in kernels are a second opinion, and the check needs no device online. The kernels that devices use are held to
 * the same references by test/conformance/tflite.test.ts.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { RunModel } from './parity.js';

/** Loads a file with one input and one output. Throws `RUNTIME_UNAVAILABLE`, `RUNTIME_REFUSED`. */
export async function openTfliteRunner(bytes: Uint8Array): Promise<RunModel> {
  const { TFLiteNodeModelRunner } = await loadPackage();
  const interpreter = create(() => new TFLiteNodeModelRunner(Uint8Array.from(bytes).buffer, { threads: 1 }));
  const [input] = interpreter.getInputs();
  const [output] = interpreter.getOutputs();
  return (values) => {
    input!.data().set(values);
    interpreter.infer();
    return Float32Array.from(output!.data());
  };
}

async function loadPackage() {
  try {
    return await import('tfjs-tflite-node');
  } catch (error) {
    const remedy = 'run `npm rebuild tfjs-tflite-node` in the project (needs python3, make, g++)';
    throw new AppError(
      'RUNTIME_UNAVAILABLE',
      { runtime: 'tflite', problem: (error as Error).message, remedy },
      { cause: error },
    );
  }
}

function create<T>(construct: () => T): T {
  try {
    return construct();
  } catch (error) {
    throw new AppError('RUNTIME_REFUSED', { runtime: 'tflite', problem: (error as Error).message }, { cause: error });
  }
}
