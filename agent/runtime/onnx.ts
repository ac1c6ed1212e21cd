/** The ONNX Runtime: onnxruntime-node, which holds its own processor kernels and, on some platforms, other execution providers. */
import { createRequire } from 'node:module';
import { AppError } from '@bespoke/shared/base/errors.js';
import { writeEmptyOnnx, writeOnnx } from '@bespoke/shared/format/onnx.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { InferenceSession, Tensor, ValueMetadata } from 'onnxruntime-node';
import { graphOf, type Runtime, type Session } from './runtime.js';
import { writtenOnce } from './written.js';

type Ort = typeof import('onnxruntime-node');

/** Execution providers by their names there. */
export type OnnxDelegate = 'cpu' | 'cuda' | 'webgpu';

/** The exporter's own passes: what is measured is what would be downloaded. */
const bytesOf = writtenOnce(({ graph, weights, batch }) =>
  writeOnnx(graph, weights, { batch, description: 'Bespoke workload' }),
);

/** Loads the native library and, to be sure that the provider works, a model of no operators. Throws what the package throws. */
export async function openOnnx(delegate: OnnxDelegate, threads: number): Promise<Runtime> {
  const ort = createRequire(import.meta.url)('onnxruntime-node') as Ort;
  ort.env.logLevel = 'fatal'; // what fails is thrown, too
  const key: RuntimeKey = { runtime: 'onnx', version: ort.env.versions.node!, threads, delegate };
  const open = (bytes: Uint8Array) => openSession(ort, key, bytes);
  const runtime: Runtime = {
    key,
    layout: 'NCHW',
    load: async (model) => open(bytesOf(graphOf(model, key))),
    loadEmpty: (inputShapes, outputShapes) => open(writeEmptyOnnx(inputShapes, outputShapes)),
  };
  const trial = await runtime.loadEmpty([[1]], [[1]]);
  await trial.run(1);
  trial.close();
  return runtime;
}

async function openSession(ort: Ort, { delegate, threads }: RuntimeKey, bytes: Uint8Array): Promise<Session> {
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(bytes, {
      executionProviders: [delegate],
      intraOpNumThreads: threads,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
    });
  } catch (cause) {
    throw new AppError('RUNTIME_REFUSED', { runtime: 'onnx', problem: (cause as Error).message }, { cause });
  }
  const [feeds, inputs] = tensorsOf(ort, session.inputMetadata);
  const [fetches, outputs] = tensorsOf(ort, session.outputMetadata);
  return {
    inputs,
    outputs,
    async run(count) {
      for (let i = 0; i < count; i++) await session.run(feeds, fetches); // reads and writes our arrays
    },
    close: () => void session.release(),
  };
}

/** Tensors by name on arrays of ours, zeros at first. */
function tensorsOf(
  ort: Ort,
  metadata: readonly ValueMetadata[],
): [tensors: Record<string, Tensor>, arrays: Float32Array[]] {
  const tensors: Record<string, Tensor> = {};
  const arrays = metadata.map((value) => {
    const shape = value.shape as number[]; // our files name every size
    const array = new Float32Array(shape.reduce((product, size) => product * size, 1));
    tensors[value.name] = new ort.Tensor(array, shape);
    return array;
  });
  return [tensors, arrays];
}
