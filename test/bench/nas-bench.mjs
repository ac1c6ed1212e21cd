/**
 * A synthetic search over EEEA-Net's genotypes, in which an evaluation costs nothing: what does an algorithm make of 1,084 of them (the paper's 40 + 29 x 36)?
 *
 *   node test/bench/nas-bench.mjs [SEEDS [EVALUATIONS]]
 *
 * Objectives: parameters and MACs, exact; and an error that is deterministic, rugged, and less where networks are larger: half of it an NK landscape (what a pair
 * contributes depends by a hash on its own op and state and on those of three other pairs), half exp(-2 x size), size being the place of the parameters within their range.
 * Each objective is scaled by the front of 2,000 random networks, 0 its best and 1 its worst, and (1, 1, 1) is the reference point of the hypervolume of all that was
 * evaluated. Aims: 15% more than the authors' algorithm (`reference`), 35% more than random.
 */
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { drawGenes, groupsOf } from '@bespoke/cloud/search/eeea/gene-space.js';
import { macsOf, paramsOf } from '@bespoke/cloud/search/eeea/objective.js';
import { learnAccuracy } from '@bespoke/cloud/search/eeea/promise.js';
import { ReferenceAlgorithm } from '@bespoke/cloud/search/eeea/reference.js';
import { Archive } from '@bespoke/cloud/search/evolution/archive.js';
import { groupVariation } from '@bespoke/cloud/search/evolution/group-variation.js';
import { openNsga2 } from '@bespoke/cloud/search/evolution/nsga2.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { ascending, quantile } from '@bespoke/shared/latency/statistics.js';

const seedCount = Number(process.argv[2] ?? 15);
const evaluationCount = Number(process.argv[3] ?? 1084);
const neighbourCount = 3;

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const space = openCells(resolveCells({ preset: 'published' }), shape);
const [params, macs] = [paramsOf(space), macsOf(space)];
const pairCount = space.valueCounts.length / space.groupSize;

/** The landscape is one, whatever the seed of a search: which pairs a pair depends on. */
const neighbours = Array.from({ length: pairCount }, (_, pair) => [
  pair,
  ...randomStream(0, 'nk', pair)
    .permutation(pairCount)
    .filter((other) => other !== pair)
    .subarray(0, neighbourCount),
]);

/** A number in [0, 1) that follows from the pair and its neighbours (a 32-bit mix). */
function contribution(genes, pair) {
  let hash = Math.imul(pair + 1, 0x9e3779b1);
  for (const other of neighbours[pair]) {
    hash = Math.imul(hash ^ (genes[2 * other] * 64 + genes[2 * other + 1]), 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 32;
}

const stream = randomStream(0, 'nas-bench-sample');
const sample = Array.from({ length: 2000 }, () => drawGenes(space, stream));
const sortedParams = ascending(sample.map(params));

function error(genes) {
  let sum = 0;
  for (let pair = 0; pair < pairCount; pair++) sum += contribution(genes, pair);
  const size = (params(genes) - sortedParams[0]) / (sortedParams.at(-1) - sortedParams[0]);
  return 0.5 * (sum / pairCount) + 0.5 * Math.exp(-2 * size);
}

const costs = [error, params, macs];
const sampleFront = new Archive([]);
for (const genes of sample) sampleFront.add({ objectives: costs.map((cost) => cost(genes)), violation: 0 });
const ranges = costs.map((_, index) => {
  const values = ascending(sampleFront.members.map(({ objectives }) => objectives[index]));
  return { low: values[0], high: values.at(-1) };
});
const objectivesOf = (genes) =>
  costs.map((cost, index) => (cost(genes) - ranges[index].low) / (ranges[index].high - ranges[index].low));

const common = {
  objectiveCount: 3,
  keyOf: (genes) => space.key(genes),
  admits: (genes) => space.isLegal(genes),
};

/** As studies have it by default, but for the choice among offspring. */
function nsga2(seed, populationSize, mutatedGroupCount, screening) {
  const variation = groupVariation(groupsOf(space), { crossoverProbability: 0.9, mutatedGroupCount });
  return openNsga2('generational', { ...common, seed, populationSize, variation, ...(screening && { screening }) });
}

const algorithms = {
  random(seed) {
    const draws = randomStream(seed, 'random-search');
    return { ask: () => ({ genotype: drawGenes(space, draws) }), tell: () => undefined };
  },
  reference: (seed) => new ReferenceAlgorithm({ ...common, populationSize: 40, seed, space }),
  'NSGA-II of 40': (seed) => nsga2(seed, 40, 2, null),
  'NSGA-II of 20': (seed) => nsga2(seed, 20, 1, null),
  ours(seed) {
    const individuals = [];
    const predict = (pool) => {
      const accuracyOf = learnAccuracy(individuals, space.groupSize);
      return pool.map((genes) => {
        const [, ...known] = objectivesOf(genes);
        return { objectives: [1 - accuracyOf(genes), ...known], violation: 0 };
      });
    };
    const optimizer = nsga2(seed, 20, 1, { poolFactor: 10, predict });
    return {
      ask: () => optimizer.ask(),
      tell(told) {
        optimizer.tell(told);
        const accuracy = 1 - told.objectives[0];
        const generation = Math.floor(individuals.length / 20);
        individuals.push({ genes: told.genotype, accuracy, probeAccuracy: 1, generation });
      },
    };
  },
};

const medians = {};
for (const [name, open] of Object.entries(algorithms)) {
  const startMs = performance.now();
  const volumes = Array.from({ length: seedCount }, (_, seed) => {
    const algorithm = open(seed);
    const archive = new Archive([1, 1, 1]);
    for (let count = 0; count < evaluationCount; count++) {
      const { genotype } = algorithm.ask();
      const told = { genotype, objectives: objectivesOf(genotype), violation: 0 };
      archive.add(told);
      algorithm.tell(told);
    }
    return archive.hypervolume();
  });
  const sorted = ascending(volumes);
  medians[name] = quantile(sorted, 0.5);
  const seconds = (performance.now() - startMs) / 1000 / seedCount;
  console.log(
    `${name.padEnd(14)} hypervolume ${medians[name].toFixed(4)} (${sorted[0].toFixed(4)} .. ${sorted.at(-1).toFixed(4)}), ${seedCount} seeds, ${seconds.toFixed(2)} s a search`,
  );
}
const gain = (over) => `${(100 * (medians.ours / medians[over] - 1)).toFixed(1)}%`;
console.log(`ours: ${gain('reference')} over the reference (aim 15%), ${gain('random')} over random (aim 35%)`);
