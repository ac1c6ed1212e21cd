/** The method in the ports of a study, with devices that are functions and trainings that are none. */
import { existsSync } from 'node:fs';
import { findByEvolution } from '@bespoke/cloud/search/eeea/study.js';
import { parseSpec, resolveSpec } from '@bespoke/cloud/search/spec.js';
import type { StudyPorts, StudyUpdate } from '@bespoke/cloud/search/study-ports.js';
import type { EvaluationTask, Evaluator } from '@bespoke/cloud/train/evaluation/evaluator.js';
import { replaceFile } from '@bespoke/cloud/train/files.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { type GraphWorkload, graphOf, type Workload, workloadKey } from '@bespoke/shared/latency/workload.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

/** One counts MACs, the other nodes; both some overhead. */
const devices = {
  counter: (workload: GraphWorkload) => countMacs(graphOf(workload)) / 1e6 + 0.01,
  stepper: (workload: GraphWorkload) => graphOf(workload).nodes.length / 100 + 0.01,
} as const;
type DeviceName = keyof typeof devices;

const entry = (medianMs: number) => ({ medianMs, lowMs: medianMs, highMs: medianMs, count: 20, doubt: null });
const tableOf = (device: DeviceName, workloads: readonly Workload[]) =>
  new Map(workloads.map((workload) => [workloadKey(workload), entry(devices[device](workload as GraphWorkload))]));

const trainer: Evaluator = {
  workerCount: 2,
  async evaluate({ network, recipe }) {
    const accuracy = 0.3 + 0.4 * randomStream(0, JSON.stringify(network.blocks)).uniform();
    expect(recipe.stepCount).toBe(300);
    const scored = { zeroCostScore: 1, scoringSeconds: 0 };
    return { evaluation: { accuracy, loss: 1, count: 100 }, probeAccuracy: accuracy / 2, ...scored, seconds: 10 };
  },
  close: async () => undefined,
};

interface Asked {
  readonly updates: StudyUpdate[];
  measuredCount: number;
}

function portsOf(names: readonly DeviceName[], asked: Asked): StudyPorts {
  const measureOnAll = async (workloads: readonly Workload[]) => {
    asked.measuredCount += workloads.length;
    return names.map((name) => tableOf(name, workloads));
  };
  let nowMs = 0;
  return {
    directory: `${temporaryFolder()}/studies/s`,
    devices: names.map((name) => ({ name, runtime: 'pretend', threads: 1 })),
    data: {
      manifest: { height: 16, width: 16, channels: 3, classes: ['a', 'b'], counts: { train: 100 }, sha256: 'x' },
    },
    measureOnAll,
    measure: async (workloads: readonly Workload[]) => (await measureOnAll(workloads))[0]!,
    openEvaluator: () => trainer,
    engine: {
      describe: () => ({ engine: 'tfjs', backend: 'wasm', version: '0' }),
      async train(
        _: unknown,
        __: unknown,
        { stepCount }: { stepCount: number },
        hooks: { onProgress(at: unknown): void },
      ) {
        for (let step = 1; step <= stepCount; step++) hooks.onProgress({ step, stepCount });
      },
    },
    tell: (update: StudyUpdate) => asked.updates.push(update),
    stops: { search: new AbortController().signal, train: new AbortController().signal },
    startMs: 0,
    now: () => nowMs++,
  } as unknown as StudyPorts;
}

const specOf = (more: string) =>
  resolveSpec(
    parseSpec(
      `{version: 1, method: eeea, evolution: {evaluations: 24, population: 6, cells: {preset: cells, steps: 2, cells: 3}${more}}}`,
    ),
  );

const specWith = (evolution: object) => resolveSpec({ version: 1, method: 'eeea', evolution });

async function find(names: readonly DeviceName[], more = '') {
  const asked: Asked = { updates: [], measuredCount: 0 };
  const found = await findByEvolution(specOf(more), portsOf(names, asked));
  const frame = asked.updates.find((update) => update.type === 'evolution')!.frame;
  const individuals = asked.updates.flatMap((update) => (update.type === 'individual' ? [update.individual] : []));
  return { found, frame, individuals, updates: asked.updates };
}

describe('findByEvolution', () => {
  it('finds a network within the budget, and says what it goes by', async () => {
    const { found, frame, individuals, updates } = await find(['counter']);
    expect(
      devices.counter({ kind: 'network', network: found.network, dtype: 'float32', batch: 1 }),
    ).toBeLessThanOrEqual(found.budgetMs);
    expect(found.others).toEqual([]);
    expect(found.trainStepMs).toBeGreaterThan(0);
    expect(frame).toEqual({
      objectives: [
        { name: 'error', unit: 'share', limit: null },
        { name: 'latency', unit: 'ms', limit: found.budgetMs },
        { name: 'params', unit: 'count', limit: null },
      ],
      evaluationCount: 24,
      populationSize: 6,
    });
    expect(individuals).toHaveLength(24);
    const volumes = individuals.map(({ hypervolume }) => hypervolume);
    expect(volumes.slice(0, 5).every((volume) => volume === null)).toBe(true);
    expect(volumes.slice(5).every((volume, index, all) => index === 0 || volume! >= all[index - 1]!)).toBe(true);
    expect(individuals[0]!.genotype!.normal).toHaveLength(4);
    const log = updates.flatMap((update) => (update.type === 'log' ? [update.line] : []));
    expect(log[0]).toMatch(/^networks of this space take \d\.\d{3} to \d\.\d{3} ms on counter, budget/);
    expect(log.filter((line) => line.startsWith('finalist ')).length).toBeGreaterThan(0);
  });

  it('has latency on each device as an objective of its own, and keeps every budget', async () => {
    const { found, frame, individuals } = await find(
      ['counter', 'stepper'],
      ', objectives: [error, latency], alsoOn: [{device: stepper}]',
    );
    expect(frame.objectives.map(({ name }) => name)).toEqual(['error', 'latency on counter', 'latency on stepper']);
    const whole = { kind: 'network', network: found.network, dtype: 'float32', batch: 1 } as const;
    expect(devices.counter(whole)).toBeLessThanOrEqual(found.budgetMs);
    expect(devices.stepper(whole)).toBeLessThanOrEqual(found.others![0]!.budgetMs);
    expect(individuals.every(({ latencies }) => latencies.length === 2)).toBe(true);
  });

  it('has one objective for all devices: the greatest share of a budget', async () => {
    const { frame, individuals } = await find(
      ['counter', 'stepper'],
      ', latencyOver: max, objectives: [error, latency, macs], alsoOn: [{device: stepper, weight: 2}]',
    );
    expect(frame.objectives.map(({ name }) => name)).toEqual(['error', 'greatest latency', 'macs']);
    for (const { objectives, violation } of individuals) {
      if (violation === 0) expect(objectives[1]).toBeLessThanOrEqual(1);
    }
  });

  it('knows peak memory and parameters of what is found, not of what stands in for it', async () => {
    const { individuals, found } = await find(['counter'], ', objectives: [error, memory, params]');
    const params = individuals.map(({ objectives }) => objectives[2]);
    expect(params).toContain(countParams(lower(found.network)));
  });

  it('judges the networks of another study anew, on another device, and trains none', async () => {
    const asked: Asked = { updates: [], measuredCount: 0 };
    const ports = portsOf(['counter'], asked);
    const cells = { preset: 'cells', steps: 2, cells: 3 };
    await findByEvolution(specWith({ evaluations: 24, population: 6, cells }), ports);
    const again: Asked = { updates: [], measuredCount: 0 };
    const elsewhere = portsOf(['stepper'], again);
    const spec = specWith({ evaluations: 24, population: 6, cells, archiveOf: 's', objectives: ['error', 'latency'] });
    const untrained: StudyPorts = {
      ...elsewhere,
      directory: ports.directory.replace(/s$/, 't'),
      openEvaluator: () => ({ ...trainer, evaluate: () => Promise.reject(new Error('a training')) }),
    };
    const { network, budgetMs } = await findByEvolution(spec, untrained);
    const individuals = (of: Asked) =>
      of.updates.flatMap((update) => (update.type === 'individual' ? [update.individual] : []));
    const pick = ({ genes, accuracy }: { genes: readonly number[]; accuracy: number | null }) => [genes, accuracy];
    expect(individuals(again).map(pick)).toEqual(individuals(asked).map(pick));
    expect(individuals(again)[0]!.latencies).not.toEqual(individuals(asked)[0]!.latencies);
    expect(devices.stepper({ kind: 'network', network, dtype: 'float32', batch: 1 })).toBeLessThanOrEqual(budgetMs);
  });

  it('hands the weights of parents on where they are inherited, and keeps what is learnt so to itself', async () => {
    const asked: Asked = { updates: [], measuredCount: 0 };
    const ports = portsOf(['counter'], asked);
    const begunWith: (string | null)[] = [];
    const openEvaluator = () => ({
      ...trainer,
      async evaluate(task: EvaluationTask) {
        begunWith.push(task.weights!.from);
        await replaceFile(task.weights!.to, '');
        return trainer.evaluate(task);
      },
    });
    const evaluation = { inherit: true };
    const cells = { preset: 'cells', steps: 2, cells: 3 };
    const spec = specWith({ evaluations: 24, population: 6, cells, evaluation });
    await findByEvolution(spec, { ...ports, openEvaluator });
    expect(begunWith.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => null));
    expect(begunWith.slice(6).every((from) => from !== null)).toBe(true);
    expect(existsSync(`${ports.directory}/weights`)).toBe(false);
    expect(existsSync(`${ports.directory}/../../accuracies`)).toBe(false);
  });

  it('plans as many evaluations as there is time for, also where all of them are known already', async () => {
    const asked: Asked = { updates: [], measuredCount: 0 };
    const ports = portsOf(['counter'], asked);
    const cells = { preset: 'cells', steps: 2, cells: 3 };
    const spec = resolveSpec({ version: 1, method: 'eeea', minutes: 12, evolution: { population: 6, cells } });
    await findByEvolution(spec, ports);
    const again: Asked = { updates: [], measuredCount: 0 };
    await findByEvolution(spec, { ...portsOf(['counter'], again), directory: ports.directory.replace(/s$/, 't') });
    const counts = [asked, again].map(
      ({ updates }) => updates.find((update) => update.type === 'evolution')!.frame.evaluationCount,
    );
    // 0.6 of 12 minutes less 35 s, at 10 s each: 41, in whole populations.
    expect(counts).toEqual([36, 36]);
  });

  it('evolves chains of the MBConv space where there are no cells', async () => {
    const asked: Asked = { updates: [], measuredCount: 0 };
    const spec = resolveSpec(
      parseSpec('{version: 1, method: eeea, evolution: {evaluations: 12, population: 6, cells: null}}'),
    );
    const { network } = await findByEvolution(spec, portsOf(['counter'], asked));
    expect(network.blocks.some(({ kind }) => kind === 'mbconv')).toBe(true);
    expect(network.name).toBe('study');
  });
});
