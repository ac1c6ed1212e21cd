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
import { join } from 'node:path';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { StudyResult } from '@bespoke/shared/protocol/api.js';
import { methods } from './methods.js';
import { outcome } from './outcome.js';
import type { ResolvedSpec } from './spec.js';
import { type MeasuringDevice, type ModelFile, phaseProgress, type StudyPorts } from './study-ports.js';
import { runTraining } from './training.js';

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

  const weightsPath = join(directory, 'weights.safetensors');
  await runTraining(spec, { network, trainStepMs: found.trainStepMs, weightsPath }, ports);
  const weights = await ports.loadWeights(weightsPath);

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

/** What the device times at the end: the exported bytes or, on a runtime that does not read them, the network that they hold. */
export function verifiedWorkload(
  { runtime }: ResolvedSpec,
  network: Network,
  { sha256, byteCount }: ModelFile,
): Workload {
  if (runtime === 'tflite') return { kind: 'file', format: 'tflite', sha256, byteCount };
  return { kind: 'network', network, dtype: 'float32', batch: 1 };
}
