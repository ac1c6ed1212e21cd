/**
 * An evolution as the cloud would tell it, generated from a seed: six generations of cells, their errors, latencies and sizes. Figures follow
 * simple laws (an op has a price, a gain and a size); they were measured nowhere.
 */
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { eeeaOps } from '@bespoke/cloud/search/eeea/cell-space.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import type { CellPair } from '@bespoke/shared/network/cell.js';
import type { Genotype } from '@bespoke/shared/network/genotype.js';
import type { EvolutionFrame, EvolutionView, IndividualView, StudyDetail } from '@bespoke/shared/protocol/api.js';
import { frontOf } from '../../cloud/dashboard/charts/front.js';
import { study } from './scenario.js';

export const populationSize = 20;
export const generationCount = 6;
export const latencyLimitMs = 8.2;

export const frame: EvolutionFrame = {
  objectives: [
    { name: 'error', unit: 'share', limit: null },
    { name: 'latency', unit: 'ms', limit: latencyLimitMs },
    { name: 'parameters', unit: 'count', limit: null },
  ],
  evaluationCount: populationSize * generationCount,
  populationSize,
};

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const space = openCells(resolveCells({ preset: 'paper' }), shape);

/** Of each op: milliseconds, gain, thousands of parameters. */
const laws = new Map(
  eeeaOps.map((op, index) => {
    const random = randomStream(11, 'law', op);
    return [
      op as string,
      [0.1 * 10 ** random.uniform(), 0.03 + 0.004 * index + 0.04 * random.uniform(), 8 * index],
    ] as const;
  }),
);

/** One op of one cell drawn anew. */
function mutated(genotype: Genotype, index: number): Genotype {
  const random = randomStream(12, 'mutation', index);
  const cell = random.integer(2) === 0 ? 'normal' : 'reduce';
  const at = random.integer(genotype[cell].length);
  const op = eeeaOps[random.integer(eeeaOps.length)]!;
  return { ...genotype, [cell]: genotype[cell].map((pair, place): CellPair => (place === at ? [op, pair[1]] : pair)) };
}

/** The front's share of the box up to (0.5, 12 ms, 1 M), by 2000 seeded points. */
const reference = [0.5, 12, 1_000_000];
const samples = Array.from({ length: 2000 }, (_, index) => {
  const random = randomStream(13, 'box', index);
  return reference.map((side) => side * random.uniform());
});
function shareOfBox(individuals: readonly Pick<IndividualView, 'objectives' | 'violation'>[]): number {
  const kept = individuals.filter(({ violation }) => violation === 0);
  const taken = samples.filter((sample) =>
    kept.some(({ objectives }) => objectives.every((value, at) => value <= sample[at]!)),
  );
  return taken.length / samples.length;
}

function judge(genotype: Genotype, index: number) {
  const random = randomStream(14, 'judge', index);
  const ops = [...genotype.normal, ...genotype.reduce].map(([op]) => laws.get(op)!);
  const sum = (place: 0 | 1 | 2) => ops.reduce((total, law) => total + law[place], 0);
  const predictedMs = 1.2 + sum(0);
  const measured = Math.abs(predictedMs - latencyLimitMs) < 0.5;
  const measuredMs = measured ? predictedMs * (0.96 + 0.08 * random.uniform()) : null;
  const probeAccuracy = 0.18 + 0.2 * random.uniform();
  const endedEarly = probeAccuracy < 0.205;
  const latencyMs = measuredMs ?? predictedMs;
  const error = endedEarly ? 1 - probeAccuracy : Math.max(0.08, 0.95 - 0.62 * sum(1) + 0.03 * random.normal());
  return {
    accuracy: endedEarly ? null : 1 - error,
    zeroCostScore: 180 + 40 * random.uniform(),
    probeAccuracy,
    standards: { zeroCostScore: null, probeAccuracy: 0.205 },
    latencies: [{ predictedMs, measuredMs }],
    objectives: [error, latencyMs, 230_000 + Math.round(1000 * sum(2))],
    violation: Math.max(0, latencyMs / latencyLimitMs - 1, endedEarly ? 1 - probeAccuracy / 0.205 : 0),
    seconds: 20 + 30 * random.uniform(),
  };
}

function bred(individuals: readonly IndividualView[], index: number, generation: number): IndividualView {
  const random = randomStream(15, 'parents', index);
  const before = individuals.filter((each) => each.generation < generation);
  const front = frontOf(before);
  const pool = [...front, ...front, ...before.slice(-populationSize)];
  const parents = generation === 0 ? [] : [pool[random.integer(pool.length)]!, pool[random.integer(pool.length)]!];
  const genotype =
    parents.length === 0 ? space.genotype(drawGenes(space, random)) : mutated(parents[0]!.genotype!, index);
  const individual = {
    index,
    generation,
    genes: [...genotype.normal, ...genotype.reduce].flatMap(([op, state]) => [
      eeeaOps.indexOf(op as (typeof eeeaOps)[number]),
      state,
    ]),
    genotype,
    parents: [...new Set(parents.map((parent) => parent.index))],
    operators: parents.length === 0 ? [] : ['pair crossover', 'mutation'],
    ...judge(genotype, index),
    table: 'prices-1',
  };
  return { ...individual, hypervolume: index + 1 < populationSize ? null : shareOfBox([...individuals, individual]) };
}

export const individuals: readonly IndividualView[] = (() => {
  const known: IndividualView[] = [];
  for (let index = 0; index < frame.evaluationCount; index++)
    known.push(bred(known, index, Math.floor(index / populationSize)));
  return known;
})();

export const refusedCounts = { 'known already': 41, parameters: 18, 'predicted latency': 236 };

export const evolution: EvolutionView = { ...frame, individuals, refusedCounts };

/** A study that evolves, after `count` of its networks. */
export function evolutionStudy(count: number): StudyDetail {
  return {
    ...study,
    name: 'small-cells',
    phase: 'search',
    progress: count / frame.evaluationCount,
    remainingMs: 1000 * 30 * (frame.evaluationCount - count),
    budgetMs: latencyLimitMs,
    engine: 'tensorflow 2.21.0',
    evolution: { ...evolution, individuals: individuals.slice(0, count) },
  };
}
