/**
 * Study: from a specification to a measured model file, in five phases.
 *
 *   measure ─▶ search ─▶ train ─▶ export ─▶ verify
 *      │          │        │         │         └ result.json     the exported bytes timed on the device, the test split
 *      │          │        │         └ exported.json, model.tflite
 *      │          │        └ trained.json, weights.safetensors   (train/ while it runs)
 *      │          └ derived.json                                 (search/ while it runs)
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
import { countParams, type Weights } from '@bespoke/shared/graph/weights.js';
import { type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { SearchPoint, SlotView, StudyPhase, StudyResult, TrainPoint } from '@bespoke/shared/protocol/api.js';
import type { PackedDataset } from '../train/data/packed.js';
import type { Engine } from '../train/engine.js';
import { type Derived, deriveMeasured } from './derive-measured.js';
import { outcome } from './outcome.js';
import { planSearch, planTraining, type StepCounts } from './plan.js';
import { formatError, networkCounts, type Predictor } from './predictor.js';
import { buildSpace } from './presets.js';
import { type Measure, type Prices, priceSpace } from './pricing.js';
import { runProxyless } from './proxyless/search.js';
import { proxylessSettings, supernetRecipe, trainRecipe } from './settings.js';
import { candidateName, choose, type SearchSpace } from './space.js';
import type { ResolvedSpec } from './spec.js';
import { type StepTimes, timeSteps, timeTrainStep } from './step-times.js';

/** What changed, to be stored and shown. */
export type StudyUpdate =
  | {
      readonly type: 'progress';
      readonly phase: StudyPhase;
      readonly progress: number;
      readonly remainingMs: number | null;
    }
  | { readonly type: 'log'; readonly line: string }
  | { readonly type: 'predictor'; readonly predictor: Predictor }
  | { readonly type: 'priced'; readonly slots: readonly SlotView[]; readonly budgetMs: number }
  | { readonly type: 'search'; readonly point: SearchPoint; readonly probabilities: readonly (readonly number[])[] }
  | { readonly type: 'network'; readonly network: Network }
  | { readonly type: 'train'; readonly point: TrainPoint };

export interface ModelFile {
  readonly path: string;
  readonly sha256: string;
  readonly byteCount: number;
}

/** What a study needs from outside. */
export interface StudyPorts {
  /** The study's own folder. */
  readonly directory: string;
  readonly engine: Engine;
  /** What measures, as people read it. */
  readonly device: { readonly name: string; readonly runtime: string; readonly threads: number };
  /** Packed, from the specification's source. */
  readonly data: PackedDataset;
  readonly measure: Measure;
  /** Writes the file, checks that it gives the engine's outputs, keeps it for download. */
  exportModel(graph: Graph, weights: Weights): Promise<ModelFile>;
  saveWeights(path: string, weights: Weights): Promise<void>;
  loadWeights(path: string): Promise<Weights>;
  tell(update: StudyUpdate): void;
  /** When the study was created, and a clock, both in ms since the epoch. */
  readonly createdMs: number;
  now(): number;
}

/** Kept out of search and training for what follows them: the test split, the export, the last measurement. */
const reservedMs = 35_000;
const checkpointEveryMs = 20_000;

/** Runs the study from wherever it stands to its result. Throws the AppErrors of its phases. */
export async function runStudy(spec: ResolvedSpec, ports: StudyPorts): Promise<StudyResult> {
  const { directory, engine, data } = ports;
  const space = buildSpace(spec.space, data.manifest);
  const { engine: name, backend, version } = engine.describe();
  ports.tell({
    type: 'log',
    line: `engine ${name} on ${backend} ${version}; data ${data.manifest.name}, ${JSON.stringify(data.manifest.counts)}`,
  });

  const prices = await outcome(directory, 'prices', () => runMeasure(spec, space, ports));
  ports.tell({ type: 'predictor', predictor: prices.predictor });
  ports.tell({ type: 'priced', slots: slotViews(space, prices), budgetMs: prices.budgetMs });

  const derived = await outcome(directory, 'derived', () => runSearch(spec, space, prices, ports));
  const network = choose(space, derived.path, spec.name);
  const graph = lower(network);
  ports.tell({ type: 'network', network });

  await outcome(directory, 'trained', () => runTrain(spec, graph, derived, ports));
  const weights = await ports.loadWeights(join(directory, weightsFile));

  progress(spec, ports, 'export', 0);
  const model = await outcome(directory, 'exported', () => ports.exportModel(graph, weights));

  progress(spec, ports, 'verify', 0);
  return outcome(directory, 'result', async (): Promise<StudyResult> => {
    const workload = verifiedWorkload(spec, network, model);
    const table = await ports.measure([workload]);
    const { accuracy } = await engine.evaluate(graph, weights, data, 'test');
    return {
      device: ports.device.name,
      runtime: ports.device.runtime,
      threads: ports.device.threads,
      budgetMs: prices.budgetMs,
      predictedMs: derived.predictedMs,
      measuredMs: table.get(workloadKey(workload))!.medianMs,
      accuracy,
      params: countParams(graph),
      macs: countMacs(graph),
      model: model.path,
    };
  });
}

async function runMeasure(spec: ResolvedSpec, space: SearchSpace, ports: StudyPorts): Promise<Prices> {
  const budget = spec.budgetMs === null ? { fraction: spec.budgetFraction! } : { ms: spec.budgetMs };
  const prices = await priceSpace(space, ports.measure, {
    budget,
    seed: spec.seed,
    counts: networkCounts(spec.minutes),
  });
  const { predictor, fastestMs, slowestMs, budgetMs, doubts, measurementCount } = prices;
  const { factor, perPieceMs } = predictor.calibration;
  const fitCount = predictor.points.length - predictor.holdOut.count;
  ports.tell({
    type: 'log',
    line: `networks of this space take ${fastestMs.toFixed(3)} to ${slowestMs.toFixed(3)} ms here, budget ${budgetMs.toFixed(3)} ms; whole = ${factor.toFixed(3)} x sum of blocks + ${perPieceMs.toFixed(4)} ms per block, fitted on ${fitCount} networks, ${formatError(predictor.holdOut)}`,
  });
  if (doubts.length > 0) {
    const line = `${doubts.length} of the ${measurementCount} measurements that these prices stand on are in doubt, e.g.: ${doubts[0]}`;
    ports.tell({ type: 'log', line });
  }
  return prices;
}

interface SearchPlan extends StepCounts {
  readonly times: StepTimes;
}

async function runSearch(
  spec: ResolvedSpec,
  space: SearchSpace,
  prices: Prices,
  ports: StudyPorts,
): Promise<Derived & { trainStepMs: number }> {
  const { directory, engine, data } = ports;
  progress(spec, ports, 'search', 0);
  const plan = await outcome(directory, 'plan', async (): Promise<SearchPlan> => {
    const times = await timeSteps(spec, space, engine, data, ports.now);
    const counts = planSearch(spec, {
      ...times,
      remainingMs: remainingOf(spec, ports) ?? Number.POSITIVE_INFINITY,
      reservedMs,
    });
    return { ...counts, times };
  });
  const supernet = await engine.openSupernet(space, data, supernetRecipe(spec, plan));
  try {
    const startMs = ports.now();
    let startStep: number | null = null;
    const result = await runProxyless({
      ...prices,
      space,
      supernet,
      settings: proxylessSettings(spec, plan),
      checkpoint: {
        directory: join(directory, 'search'),
        everySteps: checkpointSteps(plan),
      },
      onPoint(point, probabilities) {
        startStep ??= point.step;
        ports.tell({ type: 'search', point, probabilities });
        progress(
          spec,
          ports,
          'search',
          point.step / point.stepCount,
          remainingSteps(ports.now() - startMs, point, startStep),
        );
      },
    });
    const derived = await deriveMeasured(space, prices, result, ports.measure, spec.name);
    for (const line of derived.log) ports.tell({ type: 'log', line });
    return { ...derived, trainStepMs: await timeTrainStep(supernet, derived.path, ports.now) };
  } finally {
    supernet.dispose();
  }
}

/** By the clock, but ten times in a search at least. */
function checkpointSteps({ stepCount, times }: SearchPlan): number {
  return Math.max(Math.round(Math.min(checkpointEveryMs / times.weightStepMs, stepCount / 10)), 1);
}

const weightsFile = 'weights.safetensors';

async function runTrain(
  spec: ResolvedSpec,
  graph: Graph,
  { trainStepMs }: { trainStepMs: number },
  ports: StudyPorts,
): Promise<{ stepCount: number }> {
  const { directory, engine, data } = ports;
  progress(spec, ports, 'train', 0);
  const plan = await outcome(directory, 'train-plan', async () => {
    const remainingMs = remainingOf(spec, ports) ?? Number.POSITIVE_INFINITY;
    return { stepCount: planTraining(spec, { remainingMs, reservedMs, trainStepMs }) };
  });
  const checkpointDirectory = join(directory, 'train');
  const startMs = ports.now();
  let startStep: number | null = null;
  const average = averageOf(Math.max(Math.round(plan.stepCount / trainPointCount), 1));
  const weights = await engine.train(graph, data, trainRecipe(spec, plan.stepCount), {
    checkpointDirectory,
    checkpointEveryMs,
    onProgress(step) {
      startStep ??= step.step;
      const point = average(step);
      if (!point) return;
      ports.tell({ type: 'train', point });
      progress(
        spec,
        ports,
        'train',
        point.step / point.stepCount,
        remainingSteps(ports.now() - startMs, point, startStep),
      );
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

function slotViews(space: SearchSpace, { latencyMs }: Prices): SlotView[] {
  return space.slots.map((slot, index) => ({
    id: slot.id,
    candidates: slot.candidates.map((candidate) => candidateName(slot, candidate)),
    latenciesMs: latencyMs[index]!,
  }));
}

/** Until the study's minutes are over; null where it has none. */
function remainingOf(spec: ResolvedSpec, ports: StudyPorts): number | null {
  return spec.minutes === null ? null : ports.createdMs + spec.minutes * 60_000 - ports.now();
}

/** By the pace since `startStep`, which was the first heard of. */
function remainingSteps(
  elapsedMs: number,
  point: { step: number; stepCount: number },
  startStep: number,
): number | null {
  const doneCount = point.step - startStep;
  return doneCount === 0 ? null : (elapsedMs / doneCount) * (point.stepCount - point.step);
}

function progress(
  spec: ResolvedSpec,
  ports: StudyPorts,
  phase: StudyPhase,
  share: number,
  phaseRemainingMs: number | null = null,
): void {
  const remainingMs = remainingOf(spec, ports);
  ports.tell({
    type: 'progress',
    phase,
    progress: share,
    remainingMs: remainingMs === null ? phaseRemainingMs : Math.max(remainingMs, 0),
  });
}
