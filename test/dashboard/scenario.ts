/**
 * A study as the cloud would tell it, generated from a seed: device, latencies, search, training, result. Figures follow
 * simple laws (latency from multiply-accumulates, curves from exponentials); they were measured nowhere.
 */
import { randomStream } from '@bespoke/shared/base/random.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import { type BlockWorkload, workloadKey, workloadsOf } from '@bespoke/shared/latency/workload.js';
import type { Block } from '@bespoke/shared/network/block.js';
import { lower, lowerSingle } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type {
  DeviceView,
  LatencyView,
  SearchPoint,
  SlotView,
  StudyDetail,
  StudyResult,
  TrainPoint,
} from '@bespoke/shared/protocol/api.js';

export const deviceId = 'pi-kitchen';
export const studyId = 'study-1';
export const searchStepCount = 240;
export const trainStepCount = 400;
const startedAt = '2026-11-24T09:00:00.000Z';

export const runtime: RuntimeKey = { runtime: 'tflite', version: '2.9.0', threads: 2, delegate: 'xnnpack' };

export const device: DeviceView = {
  id: deviceId,
  name: 'pi-kitchen',
  info: {
    hostname: 'pi-kitchen.local',
    platform: 'linux',
    arch: 'arm64',
    cpuModel: 'Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)',
    cpuCount: 4,
    memoryBytes: 8 * 2 ** 30,
  },
  runtimes: [{ ...runtime, threads: 1 }, runtime],
  online: true,
  currentJob: null,
  measuredCount: 0,
  pendingCount: 0,
};

/** [out channels, stride of the first block, blocks] of each stage, after a stem of 16 channels on 32x32x3. */
const stages = [
  [24, 1, 3],
  [40, 2, 3],
  [80, 2, 4],
  [112, 1, 3],
  [192, 2, 3],
] as const;

type Choice = readonly [kernelSize: number, expandRatio: number] | 'skip';
const choices: readonly Choice[] = [[3, 3], [3, 6], [5, 3], [5, 6], [7, 3], [7, 6], 'skip'];

interface ScenarioSlot {
  readonly id: string;
  readonly candidates: readonly Block[];
}

function candidate(slot: string, choice: Choice, outChannels: number, stride: number): Block {
  if (choice === 'skip') return { kind: 'identity', id: `${slot}.skip` };
  const [kernelSize, expandRatio] = choice;
  return {
    kind: 'mbconv',
    id: `${slot}.k${kernelSize}-e${expandRatio}`,
    outChannels,
    kernelSize,
    stride,
    expandRatio,
    activation: 'relu6',
    squeezeExcite: false,
  };
}

const searched: readonly ScenarioSlot[] = stages.flatMap(([outChannels, firstStride, count], stage) =>
  Array.from({ length: count }, (_, index) => {
    const id = `stage${stage + 1}-${index + 1}`;
    const stride = index === 0 ? firstStride : 1;
    const legal = index === 0 ? choices.filter((choice) => choice !== 'skip') : choices;
    return { id, candidates: legal.map((choice) => candidate(id, choice, outChannels, stride)) };
  }),
);

const stem: Block = { kind: 'conv', id: 'stem', outChannels: 16, kernelSize: 3, stride: 1, activation: 'relu6' };
const head: Block = { kind: 'head', id: 'head', classes: 10 };

/** The network of candidate `index(slot)` everywhere. */
function networkOf(index: (slot: number) => number): Network {
  const blocks = searched.map(({ candidates }, slot) => candidates[index(slot)]!);
  return {
    version: 1,
    name: 'first-light',
    input: { height: 32, width: 32, channels: 3 },
    blocks: [stem, ...blocks, head],
  };
}

/** 5 M multiply-accumulates take about a millisecond, a call 8 µs. */
function latencyMs(workload: BlockWorkload): number {
  return 0.008 + countMacs(lowerSingle('block', workload.body, workload.inputShapes)) / 5e6;
}

/** All of the space's block workloads, each once, in the order in which the device is asked. */
export const latencies: readonly LatencyView[] = (() => {
  const random = randomStream(1, 'latencies');
  const byKey = new Map<string, BlockWorkload>();
  for (let choice = 0; choice < 6; choice++) {
    for (const workload of workloadsOf(networkOf(() => choice))) byKey.set(workloadKey(workload), workload);
  }
  return [...byKey].map(([key, workload], index) => {
    const medianMs = latencyMs(workload) * (0.94 + 0.12 * random.uniform());
    const measuredAt = new Date(Date.parse(startedAt) + 900 * index).toISOString();
    return {
      deviceId,
      runtime,
      key,
      workload,
      measuredAt,
      medianMs,
      lowMs: 0.992 * medianMs,
      highMs: 1.009 * medianMs,
      count: 20 + random.integer(60),
      doubt: null,
    };
  });
})();

const table = new Map(latencies.map((latency) => [latency.key, latency.medianMs]));

/** The index that the search will settle on in each slot. */
const winners = searched.map(({ candidates }) =>
  randomStream(4, 'winners', candidates[0]!.id).integer(candidates.length),
);

export const network = networkOf((slot) => winners[slot]!);

function predictedMs(of: Network): number {
  return workloadsOf(of).reduce((sum, workload) => sum + (table.get(workloadKey(workload)) ?? 0), 0);
}

export const slots: readonly SlotView[] = searched.map(({ id, candidates }, slot) => ({
  id,
  candidates: candidates.map((block) => block.id.slice(id.length + 1).replace('-', ' ')),
  latenciesMs: candidates.map((_, index) => {
    const block = networkOf((other) => (other === slot ? index : 0)).blocks[slot + 1]!;
    const workload = workloadsOf(networkOf((other) => (other === slot ? index : 0)))[slot + 1]!;
    return block.kind === 'identity' ? 0 : table.get(workloadKey(workload))!;
  }),
}));

export const budgetMs = Number((1.02 * predictedMs(network)).toFixed(2));

/** Probabilities at a step: uniform at first, then leaning towards the winners. */
export function probabilitiesAt(step: number): number[][] {
  return searched.map(({ candidates }, slot) => {
    const random = randomStream(2, 'preferences', slot);
    const strength = (6 * step) / searchStepCount;
    const weights = candidates.map((_, index) =>
      Math.exp(strength * (index === winners[slot] ? 1 : 0.75 * random.uniform())),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / sum);
  });
}

export function searchPoint(step: number): SearchPoint {
  const random = randomStream(3, 'search', step);
  const done = step / searchStepCount;
  const probabilities = probabilitiesAt(step);
  const expected = slots.reduce(
    (sum, slot, index) => sum + slot.latenciesMs.reduce((part, ms, c) => part + ms * probabilities[index]![c]!, 0),
    0,
  );
  return {
    step,
    stepCount: searchStepCount,
    loss: 2.3 * Math.exp(-2.2 * done) + 0.55 + 0.12 * random.normal(),
    accuracy: Math.max(0.08, 0.1 + 0.6 * (1 - Math.exp(-2.5 * done)) + 0.03 * random.normal()),
    expectedMs: expected,
  };
}

export function trainPoint(step: number): TrainPoint {
  const random = randomStream(3, 'train', step);
  const done = step / trainStepCount;
  return {
    step,
    stepCount: trainStepCount,
    loss: 1.9 * Math.exp(-3.2 * done) + 0.3 + 0.05 * random.normal(),
    accuracy: Math.max(0.1, 0.32 + 0.56 * (1 - Math.exp(-3 * done)) + 0.012 * random.normal()),
  };
}

const graph = lower(network);

export const result: StudyResult = {
  device: 'pi-kitchen',
  runtime: 'tflite 2.9.0 xnnpack',
  threads: 2,
  budgetMs,
  predictedMs: predictedMs(network),
  measuredMs: 1.017 * predictedMs(network),
  accuracy: 0.8734,
  params: 1_462_378,
  macs: countMacs(graph),
  model: 'models/first-light.tflite',
};

export const study: StudyDetail = {
  id: studyId,
  name: 'first-light',
  deviceId,
  createdAt: startedAt,
  status: 'running',
  phase: 'measure',
  progress: 0,
  remainingMs: null,
  engine: null,
  budgetMs: null,
  error: null,
  result: null,
  specYaml: 'version: 1\nname: first-light\ndevice: pi-kitchen\nseed: 0\n',
  slots: [],
  probabilities: [],
  searchPoints: [],
  trainPoints: [],
  evolution: null,
  pipeline: null,
  network: null,
  predictionError: null,
  log: ['asked pi-kitchen for the latencies of the space'],
};

/** The study as it stands when all is done. */
export const finishedStudy: StudyDetail = {
  ...study,
  status: 'finished',
  phase: 'verify',
  progress: 1,
  remainingMs: 0,
  engine: 'tensorflow 2.21.0',
  budgetMs,
  result,
  slots,
  probabilities: probabilitiesAt(searchStepCount),
  searchPoints: Array.from({ length: searchStepCount / 2 }, (_, index) => searchPoint(2 * index + 2)),
  trainPoints: Array.from({ length: trainStepCount / 4 }, (_, index) => trainPoint(4 * index + 4)),
  network,
  log: [
    ...study.log,
    'measured 181 workloads',
    'search: 240 steps',
    'training: 400 steps',
    'wrote first-light.tflite',
    'measured first-light.tflite',
  ],
};
