/**
 * Study: from a specification to a measured model file, in five phases. The first two are the method's (methods.ts).
 *
 *   measure ─▶ search ─▶ train ─▶ export ─▶ verify
 *      │          │        │         │         └ result.json     the exported bytes timed on the device, the test split
 *      │          │        │         └ exported.json, model.tflite
 *      │          │        └ trained.json, weights.safetensors   (train/ while it runs)
 *      │          └ derived.json                                 (search/ or journal.jsonl while it runs)
 *      └ prices.json, plan.json
 *
 * Each phase ends with its outcome in the study's folder. A study that was killed at any moment is run again: it skips
 * the phases whose outcome is there and goes on from the checkpoint of the first that has none. What is random is keyed
 * by the seed and the step, and prices and step counts are outcomes too, so the end is the same.
 *
 * The study knows neither agents nor SQL nor an engine's inside: all that comes in through StudyPorts.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { StudyResult, TrainPoint } from '@bespoke/shared/protocol/api.js';
import { methods } from './methods.js';
import { outcome } from './outcome.js';
import { planTraining } from './plan.js';
import { trainRecipe } from './settings.js';
import type { ResolvedSpec } from './spec.js';
import {
  type MeasuringDevice,
  type ModelFile,
  phaseProgress,
  remainingOf,
  reservedMs,
  type StudyPorts,
} from './study-ports.js';

const checkpointEveryMs = 20_000;

/** Runs the study from wherever it stands to its result. Throws the AppErrors of its phases. */
export async function runStudy(spec: ResolvedSpec, ports: StudyPorts): Promise<StudyResult> {
  const { directory, engine, data } = ports;
  const { engine: name, backend, version } = engine.describe();
  ports.tell({
    type: 'log',
    line: `engine ${name} on ${backend} ${version}; data ${data.manifest.name}, ${JSON.stringify(data.manifest.counts)}`,
  });

  const found = await methods[spec.method](spec, ports);
  const { network, budgetMs, predictedMs } = found;
  const graph = lower(network);
  ports.tell({ type: 'network', network });

  await outcome(directory, 'trained', () => runTrain(spec, graph, found, ports));
  const weights = await ports.loadWeights(join(directory, weightsFile));

  phaseProgress(spec, ports, 'export');
  const model = await outcome(directory, 'exported', () => ports.exportModel(graph, weights));

  phaseProgress(spec, ports, 'verify');
  return outcome(directory, 'result', async (): Promise<StudyResult> => {
    const workload = verifiedWorkload(spec, network, model);
    const tables = await ports.measureOnAll([workload]);
    const [measuredMs, ...othersMs] = tables.map((table) => table.get(workloadKey(workload))!.medianMs);
    const { accuracy } = await engine.evaluate(graph, weights, data, 'test');
    const [{ name: device, runtime, threads }, ...others] = ports.devices as [MeasuringDevice, ...MeasuringDevice[]];
    return {
      device,
      runtime,
      threads,
      budgetMs,
      predictedMs,
      measuredMs: measuredMs!,
      ...(others.length > 0 && {
        others: others.map((other, index) => {
          return { device: other.name, ...found.others![index]!, measuredMs: othersMs[index]! };
        }),
      }),
      accuracy,
      params: countParams(graph),
      macs: countMacs(graph),
      model: model.path,
    };
  });
}

const weightsFile = 'weights.safetensors';

async function runTrain(
  spec: ResolvedSpec,
  graph: Graph,
  { trainStepMs }: { trainStepMs: number },
  ports: StudyPorts,
): Promise<{ stepCount: number }> {
  const { directory, engine, data } = ports;
  const progress = phaseProgress(spec, ports, 'train');
  const sampleCount = data.manifest.counts.train;
  const plan = await outcome(directory, 'train-plan', async () => {
    const remainingMs = remainingOf(spec, ports) ?? Number.POSITIVE_INFINITY;
    return { stepCount: planTraining(spec, { sampleCount, remainingMs, reservedMs, trainStepMs }) };
  });
  const checkpointDirectory = join(directory, 'train');
  const average = averageOf(Math.max(Math.round(plan.stepCount / trainPointCount), 1));
  const weights = await engine.train(graph, data, trainRecipe(spec, plan.stepCount, sampleCount), {
    checkpointDirectory,
    checkpointEveryMs,
    onProgress(step) {
      const point = average(step);
      if (!point) return;
      ports.tell({ type: 'train', point });
      progress(point.step, point.stepCount);
    },
  });
  await ports.saveWeights(join(directory, weightsFile), weights);
  await rm(checkpointDirectory, { recursive: true, force: true });
  return plan;
}

/** Points of a training's curve. */
const trainPointCount = 200;

/** Means of loss and accuracy over every `stepCount` steps and what is left at the end; null in between. */
function averageOf(stepCount: number): (point: TrainPoint) => TrainPoint | null {
  let window: TrainPoint[] = [];
  return (point) => {
    window.push(point);
    if (point.step % stepCount !== 0 && point.step !== point.stepCount) return null;
    const mean = (pick: (point: TrainPoint) => number) =>
      window.reduce((sum, one) => sum + pick(one), 0) / window.length;
    const averaged = { ...point, loss: mean(({ loss }) => loss), accuracy: mean(({ accuracy }) => accuracy) };
    window = [];
    return averaged;
  };
}

/** What the device times at the end: the exported bytes or, on a runtime that does not read them, the network that they hold. */
export function verifiedWorkload(
  { runtime }: ResolvedSpec,
  network: Network,
  { sha256, byteCount }: ModelFile,
): Workload {
  if (runtime === 'tflite') return { kind: 'file', format: 'tflite', sha256, byteCount };
  return { kind: 'network', network, dtype: 'float32', batch: 1 };
}
