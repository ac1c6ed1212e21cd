/**
 * Does evolution beat random search of equal cost, and what do the early exits save? On the networks that small-space.mjs trained for real.
 *
 *   node test/experiments/small-space.mjs FOLDER DATA && node test/experiments/evolution.mjs FOLDER [--seeds 30] [--seconds 300] [--plot docs/evolution.svg]
 *
 * A run ends when the trainings that it asked for took so many seconds in all, as they took when they ran. The budget is the latency that half of the space keeps.
 * Objectives: error, latency, parameters. Hypervolume: of what keeps the budget, between the best and the worst that any such network has in each objective, as a share of
 * what all of them together reach.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { costQuantile, EarlyExit } from '@bespoke/cloud/search/eeea/early-exit.js';
import { macsOf, objectivesOf, paramsOf } from '@bespoke/cloud/search/eeea/objective.js';
import { geneLatency } from '@bespoke/cloud/search/eeea/pricing.js';
import { evolve } from '@bespoke/cloud/search/eeea/search.js';
import { Archive } from '@bespoke/cloud/search/evolution/archive.js';
import { noStandards } from '@bespoke/cloud/train/evaluation/evaluator.js';
import { spearman } from '@bespoke/shared/latency/calibration.js';
import { ascending, median, quantile } from '@bespoke/shared/latency/statistics.js';
import { init } from 'echarts';

import { everyGenes, readSpace, space } from './small-space.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '30' },
    seconds: { type: 'string', default: '300' },
    plot: { type: 'string' },
  },
});
const [folder] = positionals;
if (!folder) throw new Error('expected the folder of small-space.mjs');
const [seedCount, limitSeconds] = [Number(options.seeds), Number(options.seconds)];

const { prices, latencyMs, cache } = await readSpace(folder);
const { budgetMs } = prices;
const marginShare = prices.predictor.holdOut.worstError;
const predictMs = geneLatency(space, prices);
const params = paramsOf(space);
const paramsBelow = costQuantile(space, params, 0.5, 0);

const all = everyGenes.map((genes) => {
  const known = cache.get(space.key(genes), noStandards);
  if (!known) throw new Error(`${space.key(genes)} was not trained; run small-space.mjs to its end`);
  return { genes, ...known, accuracy: known.evaluation.accuracy, latencyMs: latencyMs[space.key(genes)] };
});
const pointOf = (one) => [1 - one.accuracy, one.latencyMs, params(one.genes)];
const within = all.filter((one) => one.latencyMs <= budgetMs).map(pointOf);
const ranges = [0, 1, 2].map((axis) => {
  const values = ascending(within.map((point) => point[axis]));
  return { low: values[0], high: values.at(-1) };
});
const scaled = (point) =>
  point.map((value, axis) => (value - ranges[axis].low) / (ranges[axis].high - ranges[axis].low));
const newArchive = () => new Archive([1, 1, 1]);
const everything = newArchive();
for (const point of within) everything.add({ objectives: scaled(point), violation: 0 });
const wholeVolume = everything.hypervolume();

/** What all arms have in common: population 10, one pair mutated, no early exit, no choice among offspring. */
const plain = { populationSize: 10, candidateCount: 1, curveQuantile: null, zeroCostQuantile: null, gates: [] };
/** More than any run gets to. */
const never = 100_000;
const gated = { ...plain, gates: ['latency'] };
const chosen = { ...gated, candidateCount: 10 };
const arms = {
  'random, no exit': { ...plain, populationSize: never },
  'random, latency gate': { ...gated, populationSize: never },
  'evolution, no exit': plain,
  'parameters gate': { ...plain, gates: ['params'] },
  'latency gate': gated,
  'both gates': { ...plain, gates: ['params', 'latency'] },
  'latency gate, zero-cost exit': { ...gated, zeroCostQuantile: 0.5 },
  'latency gate, curve exit': { ...gated, curveQuantile: 0.5 },
  'latency gate, choice among ten (default)': chosen,
  'the same, curve exit': { ...chosen, curveQuantile: 0.5 },
};

/** [charged seconds, share of the whole hypervolume] after each individual, and how the individuals ended. */
async function run(arm, seed) {
  const isGated = (gate) => arm.gates.includes(gate);
  const archive = newArchive();
  const course = [];
  const counts = { evaluated: 0, ended: 0 };
  let chargedSeconds = 0;
  const abort = new AbortController();
  await evolve({
    space,
    objectives: objectivesOf(['error', 'latency', 'params'], {
      space,
      devices: [{ name: 'here', budgetMs, weight: 1 }],
      mix: 'each',
      limits: { latency: true, paramsBelow: null },
    }),
    budgetsMs: [budgetMs],
    gates: new EarlyExit({
      params: isGated('params') ? { params, below: paramsBelow } : null,
      latencies: isGated('latency') ? [{ predictMs, budgetMs, marginShare }] : [],
    }),
    settings: {
      ...arm,
      seed,
      mode: 'generational',
      evaluationCount: never,
      crossoverProbability: 0.9,
      mutatedGroupCount: 1,
    },
    workerCount: 1,
    journal: { individuals: [], append: async () => undefined },
    table: prices.table,
    async evaluate(genes, standards) {
      const evaluated = cache.get(space.key(genes), standards);
      chargedSeconds += evaluated.seconds;
      if (chargedSeconds > limitSeconds) throw abort;
      return evaluated;
    },
    predictLatenciesMs: (genes) => [predictMs(genes)],
    latencies: async (genes) => [{ predictedMs: predictMs(genes), measuredMs: latencyMs[space.key(genes)] }],
    onIndividual({ accuracy, objectives, violation }) {
      counts.evaluated++;
      if (accuracy === null) counts.ended++;
      else if (violation === 0) archive.add({ objectives: scaled(objectives), violation: 0 });
      course.push([chargedSeconds, archive.hypervolume() / wholeVolume]);
    },
  }).catch((error) => {
    if (error !== abort && error.code !== 'EVOLUTION_EXHAUSTED' && error.code !== 'GATES_UNPASSABLE') throw error;
  });
  return { course, ...counts };
}

const volumeAt = (course, seconds) => course.findLast(([at]) => at <= seconds)?.[1] ?? 0;
/** Seconds until the run has so much; infinite where it never does. */
const secondsTo = (course, volume) => course.find(([, reached]) => reached >= volume)?.[0] ?? Number.POSITIVE_INFINITY;
const spread = (values, format) => {
  const sorted = ascending(values);
  return `${format(median(sorted))} (${format(quantile(sorted, 0.25))}..${format(quantile(sorted, 0.75))})`;
};
const percent = (share) => `${(100 * share).toFixed(1)}%`;

const runs = new Map();
for (const [name, arm] of Object.entries(arms)) {
  const ofSeeds = [];
  for (let seed = 0; seed < seedCount; seed++) ofSeeds.push(await run(arm, seed));
  runs.set(name, ofSeeds);
}

const final = (course) => volumeAt(course, limitSeconds);
const base = runs.get('evolution, no exit');
const random = runs.get('random, latency gate');
const target = median(base.map(({ course }) => final(course)));
console.log(
  `${all.length} networks, ${within.length} within ${budgetMs.toFixed(4)} ms; ${limitSeconds} s of training a run, ${seedCount} seeds; medians (quartiles)\n`,
);
console.log(
  `| arm | hypervolume, share of the whole space's | beats random, latency gate: seeds | networks evaluated | of these ended early | seconds to the ${percent(target)} of evolution without exits |\n|---|---|---|---|---|---|`,
);
for (const [name, ofSeeds] of runs) {
  const wins = ofSeeds.filter(({ course }, seed) => final(course) > final(random[seed].course)).length;
  const seconds = ofSeeds.map(({ course }) => secondsTo(course, target));
  console.log(
    `| ${name} | ${spread(
      ofSeeds.map(({ course }) => final(course)),
      percent,
    )} | ${ofSeeds === random ? '-' : `${wins} of ${seedCount}`} | ${median(ofSeeds.map(({ evaluated }) => evaluated))} | ${median(ofSeeds.map(({ ended }) => ended))} | ${spread(seconds, (value) => (Number.isFinite(value) ? value.toFixed(0) : `> ${limitSeconds}`))} |`,
  );
}

console.log(
  '\n| rank correlation (Spearman) with accuracy after the training | all networks | within the budget |\n|---|---|---|',
);
const macs = macsOf(space);
for (const [name, of] of Object.entries({
  'zero-cost score, untrained': ({ zeroCostScore }) => zeroCostScore,
  'accuracy at a third of the training': ({ probeAccuracy }) => probeAccuracy,
  parameters: ({ genes }) => params(genes),
  MACs: ({ genes }) => macs(genes),
  'measured latency': (one) => one.latencyMs,
})) {
  const correlation = (ones) =>
    spearman(
      ones.map(of),
      ones.map(({ accuracy }) => accuracy),
    ).toFixed(2);
  console.log(`| ${name} | ${correlation(all)} | ${correlation(all.filter((one) => one.latencyMs <= budgetMs))} |`);
}

/** Median hypervolume over charged seconds, a line for each of the arms that matter. */
function plot(path) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 760, height: 420 });
  const shown = [
    'random, no exit',
    'random, latency gate',
    'evolution, no exit',
    'latency gate',
    'latency gate, choice among ten (default)',
    'the same, curve exit',
  ];
  const grid = Array.from({ length: 61 }, (_, index) => (index * limitSeconds) / 60);
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: ['#9aa0a6', '#5f6368', '#e8710a', '#12a4af', '#1a73e8', '#7b1fa2'],
    legend: { top: 0, data: shown },
    grid: { left: 64, right: 24, top: 76, bottom: 52 },
    xAxis: { type: 'value', name: 'seconds of training', nameLocation: 'middle', nameGap: 30, max: limitSeconds },
    yAxis: {
      type: 'value',
      name: "hypervolume, share of the whole space's",
      nameLocation: 'middle',
      nameGap: 44,
      axisLabel: { formatter: (value) => `${Math.round(100 * value)}%` },
    },
    series: shown.map((name) => ({
      type: 'line',
      name,
      step: 'end',
      showSymbol: false,
      lineStyle: { width: 2, ...(name.startsWith('random') && { type: 'dashed' }) },
      data: grid.map((seconds) => [seconds, median(runs.get(name).map(({ course }) => volumeAt(course, seconds)))]),
    })),
  });
  writeFileSync(path, chart.renderToSVGString());
  chart.dispose(); // else it keeps the process alive
}
if (options.plot) plot(options.plot);
