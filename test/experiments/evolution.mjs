/**
 * Does evolution beat random search of equal cost, and what do the early exits save? Real trainings, on this machine.
 *
 *   node test/experiments/evolution.mjs FOLDER DATA --arm evolution|paper|random|no-gates|params-gate|no-curve --seed 0 [--seconds 900] [--steps 150] [--workers 2]
 *   node test/experiments/evolution.mjs FOLDER --table
 *
 * Space: EEEA-Net's cells, preset `cells`; latency: this machine's, TensorFlow Lite, one thread, measured once for all arms. A run ends when the trainings that it asked
 * for have taken so many seconds in all. What was trained for one arm is not trained again for another, but charged with the seconds that it took. The budget is the
 * latency that half of the space's networks keep.
 *
 *   evolution     all gates, ten offspring bred for each that is trained            no-gates     neither latency, parameters nor learning curve
 *   paper         no choice among offspring                                         params-gate  parameters (below the median of the space) in place of latency
 *   random        random networks that pass the latency gate                        no-curve     latency alone: no training is ended early
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMeasurer } from '@bespoke/agent/measurer.js';
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { costQuantile, EarlyExit } from '@bespoke/cloud/search/eeea/early-exit.js';
import { Journal } from '@bespoke/cloud/search/eeea/journal.js';
import { objectivesOf, paramsOf } from '@bespoke/cloud/search/eeea/objective.js';
import { geneLatency, priceGenes } from '@bespoke/cloud/search/eeea/pricing.js';
import { evolve } from '@bespoke/cloud/search/eeea/search.js';
import { Archive } from '@bespoke/cloud/search/evolution/archive.js';
import { outcome } from '@bespoke/cloud/search/outcome.js';
import { evaluationRecipe } from '@bespoke/cloud/search/settings.js';
import { resolveSpec } from '@bespoke/cloud/search/spec.js';
import { packDataset } from '@bespoke/cloud/train/data/pack.js';
import { AccuracyCache } from '@bespoke/cloud/train/evaluation/accuracy-cache.js';
import { openEvaluationPool } from '@bespoke/cloud/train/evaluation/pool.js';
import { ascending, median, summarize } from '@bespoke/shared/latency/statistics.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { measureSuccess, tfliteRuntime } from '../bench/workloads.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    arm: { type: 'string', default: 'evolution' },
    seed: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '900' },
    steps: { type: 'string', default: '150' },
    workers: { type: 'string', default: '2' },
    table: { type: 'boolean', default: false },
  },
});
const [folder, source] = positionals;
/** More than any run gets to. */
const unbounded = 100_000;
const evolution = { populationSize: 20, candidateCount: 10, latencyGate: true, paramsGate: false, curveQuantile: 0.25 };
const arms = {
  evolution,
  paper: { ...evolution, candidateCount: 1 },
  random: { ...evolution, populationSize: 2000, curveQuantile: null },
  'no-gates': { ...evolution, latencyGate: false, curveQuantile: null },
  'params-gate': { ...evolution, latencyGate: false, paramsGate: true },
  'no-curve': { ...evolution, curveQuantile: null },
};
const space = openCells(resolveCells({ preset: 'cells' }), {
  height: 32,
  width: 32,
  channels: 3,
  classes: { length: 10 },
});

/** Measures with this machine's TensorFlow Lite: the quietest of two rounds. */
async function price() {
  const measurer = createMeasurer({ threads: [1], runtimes: ['tflite'] });
  const runtime = await tfliteRuntime(measurer);
  const measure = async (workloads) => {
    const table = new Map();
    for (let round = 0; round < 2; round++) {
      for (const workload of workloads) {
        const entry = { ...summarize((await measureSuccess(measurer, workload, { runtime })).samplesMs), doubt: null };
        const key = workloadKey(workload);
        if (!(table.get(key)?.medianMs <= entry.medianMs)) table.set(key, entry);
      }
    }
    return [table];
  };
  const [prices] = await priceGenes(space, measure, {
    budgets: [{ fraction: 0.5 }],
    seed: 0,
    counts: { fit: 30, heldOut: 10 },
  });
  await measurer.close();
  return prices;
}

async function run() {
  const arm = arms[options.arm];
  const prices = await outcome(folder, 'prices', price);
  const data = await packDataset(source, join(folder, 'datasets'), { searchShare: 0.1, testShare: 0.2 });
  const spec = resolveSpec({ version: 1, method: 'eeea', evolution: { evaluation: { steps: Number(options.steps) } } });
  const recipe = evaluationRecipe(spec);
  const workerCount = Number(options.workers);
  const pool = openEvaluationPool({
    workerCount,
    threadCount: 1,
    backend: 'tensorflow',
    dataDirectory: data.directory,
  });
  const cache = await AccuracyCache.open(join(folder, `accuracies-${options.steps}.jsonl`));
  const predictMs = geneLatency(space, prices);
  const params = paramsOf(space);
  const { budgetMs } = prices;
  const marginShare = prices.predictor.holdOut.worstError;
  const limit = Number(options.seconds);
  const abort = new AbortController();
  let chargedSeconds = 0;
  const path = join(folder, 'runs', `${options.arm}-${options.seed}.jsonl`);
  mkdirSync(join(folder, 'runs'), { recursive: true });
  rmSync(path, { force: true }); // what it trained before is in the cache
  const journal = await Journal.open(path);
  await evolve({
    space,
    objectives: objectivesOf(['error', 'latency', 'params'], {
      space,
      devices: [{ name: 'here', budgetMs, weight: 1 }],
      mix: 'each',
      limits: { latency: arm.latencyGate, paramsBelow: null },
    }),
    budgetsMs: arm.latencyGate ? [budgetMs] : null,
    gates: new EarlyExit({
      params: arm.paramsGate ? { params, below: costQuantile(space, params, 0.5, 0) } : null,
      latencies: arm.latencyGate ? [{ predictMs, budgetMs, marginShare }] : [],
    }),
    settings: {
      ...arm,
      seed: Number(options.seed),
      mode: 'generational',
      evaluationCount: unbounded,
      crossoverProbability: 0.9,
      mutatedGroupCount: 1,
    },
    workerCount,
    journal,
    table: prices.table,
    async evaluate(genes, leastProbeAccuracy) {
      const key = space.key(genes);
      const known = cache.get(key, leastProbeAccuracy);
      const network = space.decodeProxy(genes);
      const evaluated = known ?? (await pool.evaluate({ network, recipe, leastProbeAccuracy }));
      if (!known) await cache.set(key, evaluated);
      chargedSeconds += evaluated.seconds;
      return evaluated;
    },
    predictLatenciesMs: (genes) => [predictMs(genes)],
    latencies: async (genes) => [{ predictedMs: predictMs(genes), measuredMs: null }],
    onIndividual({ index, accuracy }) {
      process.stderr.write(
        `${options.arm} ${options.seed}: ${index + 1}, ${chargedSeconds.toFixed(0)} s, ${accuracy}\n`,
      );
      if (chargedSeconds >= limit) abort.abort(new Error('time is up'));
    },
    signal: abort.signal,
  }).catch((error) => {
    if (error !== abort.signal.reason) throw error;
  });
  await journal.close();
  await pool.close();
}

/** Hypervolume of error (below 0.9), latency (below the budget) and parameters (below the space's most), as a share of that box, of all that keeps the budget. */
function table() {
  const { budgetMs } = JSON.parse(readFileSync(join(folder, 'prices.json'), 'utf8'));
  const mostParams = costQuantile(space, paramsOf(space), 0.999, 0);
  const rows = new Map();
  for (const name of readdirSync(join(folder, 'runs'))) {
    const [, arm] = /^(.*)-\d+\.jsonl$/.exec(name);
    const individuals = readFileSync(join(folder, 'runs', name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const archive = new Archive([1, 1, 1]);
    for (const {
      accuracy,
      objectives: [error, latencyMs, params],
    } of individuals) {
      if (accuracy === null || latencyMs > budgetMs) continue;
      archive.add({ objectives: [error / 0.9, latencyMs / budgetMs, params / mostParams], violation: 0 });
    }
    const ended = individuals.filter(({ accuracy }) => accuracy === null).length;
    const best = Math.max(
      ...individuals.flatMap(({ accuracy, objectives }) => (objectives[1] <= budgetMs ? [accuracy ?? 0] : [])),
    );
    const row = { volume: archive.hypervolume(), count: individuals.length, ended, best };
    rows.set(arm, [...(rows.get(arm) ?? []), row]);
  }
  console.log(
    '| arm | hypervolume, by seed | median | networks trained | of these ended early | best accuracy in the search |\n|---|---|---|---|---|---|',
  );
  for (const [arm, runs] of rows) {
    const of = (pick, digits) => runs.map((row) => pick(row).toFixed(digits)).join(', ');
    const middle = median(ascending(runs.map(({ volume }) => volume)));
    console.log(
      `| ${arm} | ${of(({ volume }) => volume, 4)} | ${middle.toFixed(4)} | ${of(({ count }) => count, 0)} | ${of(({ ended }) => ended, 0)} | ${of(({ best }) => 100 * best, 1)} |`,
    );
  }
}

if (!folder || !(options.table || (source && existsSync(source) && options.arm in arms))) {
  throw new Error(`expected a folder, data and an arm (${Object.keys(arms).join(', ')}), or a folder and --table`);
}
if (options.table) table();
else await run();
