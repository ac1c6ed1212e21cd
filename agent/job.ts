/**
 * A job: a workload becomes a model file by the exporter's own passes, the file runs, samples or a failure come back.
 * Runs in the measuring process only (see isolated.ts).
 */
import { createHash } from 'node:crypto';
import { isAppError } from '@bespoke/shared/base/errors.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { bytesPerElement, elementCount } from '@bespoke/shared/graph/tensor.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { type FailureReason, type MeasurementOutcome, maxLogLength } from '@bespoke/shared/latency/measurement.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { type FileWorkload, graphOf, type Workload } from '@bespoke/shared/latency/workload.js';
import { watchHost } from './host-state.js';
import { type Clock, measure, overheadSettings, type Samples } from './measure.js';
import type { Model, Runtime, Session } from './runtime/runtime.js';
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

/**
 * A model is loaded and timed in short passes, over half a second. What disturbs a pass (another process, a busy neighbour on
 * the host, an unlucky place for its buffers) adds time and never takes it away, and comes in bursts of some passes; so the
 * passes with the lowest medians count, once they agree.
 */
const passCount = { least: 4, most: 10, counted: 2 } as const;
/** How far the counted passes' medians may lie apart. */
const agreementShare = 0.02;

/** Never throws: what fails is a failure with its reason. */
export async function runJob(job: Job, runtime: Runtime, clock: Clock): Promise<MeasurementOutcome> {
  try {
    return await measureModel(modelOf(job), runtime, clock);
  } catch (error) {
    const { message, stack } = error as Error;
    const log = isAppError(error) || error instanceof Refusal ? message : (stack ?? message);
    return { ok: false, reason: reasonOf(error), log: log.slice(0, maxLogLength) };
  }
}

function reasonOf(error: unknown): FailureReason {
  if (isAppError(error, 'RUNTIME_REFUSED') || isAppError(error, 'RUNTIME_UNAVAILABLE')) return 'runtime';
  return isAppError(error) || error instanceof Refusal ? 'refused' : 'crashed';
}

/** What the runtime is to load for a workload. Throws `GRAPH_ILLEGAL`, `NETWORK_ILLEGAL`. */
export function modelOf({ workload, fileBytes }: Job): Model {
  if (workload.kind === 'file') {
    return { kind: 'file', format: workload.format, bytes: checkedFile(workload, fileBytes) };
  }
  const graph = graphOf(workload);
  checkSize(graph, workload.batch);
  return { kind: 'graph', ...fold(graph, scaledWeights(graph)), batch: workload.batch };
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

interface Pass extends Samples {
  readonly overheadMs: number;
  readonly medianMs: number;
}

async function measureModel(model: Model, runtime: Runtime, clock: Clock): Promise<MeasurementOutcome> {
  const hostAfter = watchHost();
  const passes: Pass[] = [];
  let counted: Pass[];
  do {
    passes.push(await measurePass(model, runtime, clock));
    counted = passes.sort((a, b) => a.medianMs - b.medianMs).slice(0, passCount.counted);
  } while (passes.length < passCount.least || (passes.length < passCount.most && !agree(counted)));
  const overheadMs = median(counted.map((pass) => pass.overheadMs));
  const samplesMs = counted.flatMap((pass) => pass.samplesMs.map((ms) => Math.max(ms - overheadMs, leastMs)));
  return { ok: true, samplesMs, overheadMs, batchSize: counted[0]!.batchSize, runtime: runtime.key, host: hostAfter() };
}

/** Of passes in ascending order. */
function agree(passes: readonly Pass[]): boolean {
  return passes.at(-1)!.medianMs <= passes[0]!.medianMs * (1 + agreementShare);
}

/** Loads the model afresh and times it. */
async function measurePass(model: Model, runtime: Runtime, clock: Clock): Promise<Pass> {
  const session = await runtime.load(model);
  try {
    fillInputs(session);
    const overheadMs = await measureOverhead(session, runtime, clock);
    const samples = await measure((count) => session.run(count), clock);
    return { ...samples, overheadMs, medianMs: median(samples.samplesMs) };
  } finally {
    session.close();
  }
}

/** Median time of a model that does nothing but take the same inputs and give the same outputs. */
async function measureOverhead({ inputs, outputs }: Session, runtime: Runtime, clock: Clock): Promise<number> {
  const session = await runtime.loadEmpty(
    inputs.map((x) => [x.length]),
    outputs.map((y) => [y.length]),
  );
  const { samplesMs } = await measure((count) => session.run(count), clock, overheadSettings);
  session.close();
  return median(samplesMs);
}

/** Numbers spread over -1..1, by the golden ratio: zeros would let a clever kernel off, denormals would slow an honest one. */
function fillInputs({ inputs }: Session): void {
  for (const input of inputs) for (let i = 0; i < input.length; i++) input[i] = ((i * 0.6180339887498949) % 1) * 2 - 1;
}
