/**
 * A job: a workload becomes a model file by the exporter's own passes, the file runs, samples or a failure come back.
 * Runs in the measuring process only (see isolated.ts).
 */
import { createHash } from 'node:crypto';
import { isAppError } from '@bespoke/shared/base/errors.js';
import { writeEmptyTflite, writeTflite } from '@bespoke/shared/format/tflite.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { bytesPerElement, elementCount } from '@bespoke/shared/graph/tensor.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import type { FailureReason, MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import type { FileWorkload, Workload } from '@bespoke/shared/latency/workload.js';
import { lower, lowerSingle } from '@bespoke/shared/network/lower.js';
import { watchHost } from './host-state.js';
import { type Clock, measure, overheadSettings } from './measure.js';
import type { Runtime, Session } from './runtime/runtime.js';
import { scaledWeights } from './scaled-weights.js';

export interface Job {
  readonly workload: Workload;
  /** The file of a file workload. */
  readonly fileBytes?: Uint8Array | undefined;
}

/** More than any network for a small device has; beyond them a job would bring the device down, not measure it. */
export const limits = { params: 200e6, activationBytes: 2 ** 30 } as const;

/** The lowest latency that is told: a block that does nothing takes no less than one nanosecond. */
const leastMs = 1e-6;

/** Why a job cannot be done as asked. */
class Refusal extends Error {}

/** Never throws: what fails is a failure with its reason. */
export function runJob(job: Job, runtime: Runtime, clock: Clock): MeasurementOutcome {
  try {
    return measureModel(modelBytes(job), runtime, clock);
  } catch (error) {
    const { message, stack } = error as Error;
    return {
      ok: false,
      reason: reasonOf(error),
      log: isAppError(error) || error instanceof Refusal ? message : (stack ?? message),
    };
  }
}

function reasonOf(error: unknown): FailureReason {
  if (isAppError(error, 'RUNTIME_REFUSED') || isAppError(error, 'RUNTIME_UNAVAILABLE')) return 'runtime';
  return isAppError(error) || error instanceof Refusal ? 'refused' : 'crashed';
}

/** The model file of a workload. Throws `GRAPH_ILLEGAL`, `NETWORK_ILLEGAL`. */
export function modelBytes({ workload, fileBytes }: Job): Uint8Array {
  if (workload.kind === 'file') return checkedFile(workload, fileBytes);
  const graph =
    workload.kind === 'block' ? lowerSingle('block', workload.body, workload.inputShapes) : lower(workload.network);
  checkSize(graph, workload.batch);
  const folded = fold(graph, scaledWeights(graph));
  return writeTflite(folded.graph, folded.weights, {
    batch: workload.batch,
    description: 'Bespoke workload with random weights',
  });
}

function checkedFile({ sha256, byteCount }: FileWorkload, bytes: Uint8Array | undefined): Uint8Array {
  if (!bytes) throw new Refusal(`expected the ${byteCount} bytes of file ${sha256}, but got none`);
  const got = createHash('sha256').update(bytes).digest('hex');
  if (got !== sha256)
    throw new Refusal(
      `expected a file with SHA-256 ${sha256} and ${byteCount} bytes, but got ${got} and ${bytes.length}`,
    );
  return bytes;
}

/** Before anything of that size is allocated. */
function checkSize(graph: Graph, batch: number): void {
  const params = countParams(graph);
  if (params > limits.params) throw new Refusal(`expected at most ${limits.params} params, but got ${params}`);
  const tensors = [...graph.inputs, ...graph.nodes];
  const activationBytes = tensors.reduce(
    (sum, { shape }) => sum + elementCount(shape) * batch * bytesPerElement.float32,
    0,
  );
  if (activationBytes > limits.activationBytes) {
    throw new Refusal(`expected at most ${limits.activationBytes} bytes of activations, but got ${activationBytes}`);
  }
}

function measureModel(bytes: Uint8Array, runtime: Runtime, clock: Clock): MeasurementOutcome {
  const session = runtime.load(bytes);
  fillInputs(session);
  const hostAfter = watchHost();
  const overheadMs = measureOverhead(session, runtime, clock);
  const { samplesMs, batchSize } = measure(() => session.run(), clock);
  session.close();
  const net = samplesMs.map((sampleMs) => Math.max(sampleMs - overheadMs, leastMs));
  return { ok: true, samplesMs: net, overheadMs, batchSize, runtime: runtime.key, host: hostAfter() };
}

/** Median time of a model that does nothing but take the same inputs and give the same outputs. */
function measureOverhead({ inputs, outputs }: Session, runtime: Runtime, clock: Clock): number {
  const session = runtime.load(
    writeEmptyTflite(
      inputs.map((x) => [x.length]),
      outputs.map((y) => [y.length]),
      1,
    ),
  );
  const { samplesMs } = measure(() => session.run(), clock, overheadSettings);
  session.close();
  return median(samplesMs);
}

/** Numbers spread over -1..1, by the golden ratio: zeros would let a clever kernel off, denormals would slow an honest one. */
function fillInputs({ inputs }: Session): void {
  for (const input of inputs) for (let i = 0; i < input.length; i++) input[i] = ((i * 0.6180339887498949) % 1) * 2 - 1;
}
