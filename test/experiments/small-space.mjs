/**
 * A small space, known through and through: each of its 400 networks measured on this machine and trained for real, once. What a search would have seen can then be
 * told for any seed and any settings without training anything again, as in NAS-Bench.
 *
 *   node test/experiments/small-space.mjs FOLDER DATA [--workers 2]
 *
 * Chains of MBConv at 16x16: four slots, kernels 3 and 5, expansions 1 and 6, the second slot of each stage may be empty. Latency: TensorFlow Lite, one thread, whole
 * networks. Training: 150 steps of 64 images, each network with the same seed; accuracy on split `search`. Takes about half an hour of an otherwise idle machine with two
 * cores, and goes on where it was stopped.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createMeasurer } from '@bespoke/agent/measurer.js';
import { openChainSpace } from '@bespoke/cloud/search/eeea/chain-space.js';
import { priceGenes } from '@bespoke/cloud/search/eeea/pricing.js';
import { outcome } from '@bespoke/cloud/search/outcome.js';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { evaluationRecipe } from '@bespoke/cloud/search/settings.js';
import { resolveSpec } from '@bespoke/cloud/search/spec.js';
import { packDataset } from '@bespoke/cloud/train/data/pack.js';
import { AccuracyCache } from '@bespoke/cloud/train/evaluation/accuracy-cache.js';
import { noStandards } from '@bespoke/cloud/train/evaluation/evaluator.js';
import { openEvaluationPool } from '@bespoke/cloud/train/evaluation/pool.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { readingOf } from '@bespoke/shared/latency/measurement.js';
import { quietestFirst } from '@bespoke/shared/latency/reading.js';
import { summarize } from '@bespoke/shared/latency/statistics.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import { measureSuccess, networkWorkload, tfliteRuntime } from '../bench/workloads.mjs';

const pixels = 16;
const spec = resolveSpec({
  version: 1,
  method: 'eeea',
  data: { resolution: pixels },
  space: {
    preset: 'custom',
    stages: [
      { width: 24, depth: 2, stride: 2 },
      { width: 40, depth: 2, stride: 2 },
    ],
    stemStride: 1,
    kernelSizes: [3, 5],
    expandRatios: [1, 6],
    featureWidth: 96,
  },
  evolution: { cells: null, evaluation: { steps: 150 } },
});

export const space = openChainSpace(
  buildSpace(spec.space, { height: pixels, width: pixels, channels: 3, classes: { length: 10 } }),
);

/** Genes of every network of the space. */
export const everyGenes = space.valueCounts.reduce(
  (all, count) => all.flatMap((genes) => Array.from({ length: count }, (_, value) => [...genes, value])),
  [[]],
);

/** What is known of the space: prices as a study has them, every network's latency, and the accuracies. */
export async function readSpace(folder) {
  const cache = await AccuracyCache.open(join(folder, 'accuracies.jsonl'));
  const { prices, latencyMs } = await outcome(folder, 'latencies', measure);
  return { prices, latencyMs, cache };
}

/** The quietest of two rounds. */
async function measure() {
  const measurer = createMeasurer({ threads: [1], runtimes: ['tflite'] });
  const runtime = await tfliteRuntime(measurer);
  const table = new Map();
  const measureAll = async (workloads) => {
    for (let round = 0; round < 2; round++) {
      for (const workload of workloads) {
        const measured = await measureSuccess(measurer, workload, { runtime });
        const entry = { ...readingOf(measured), ...summarize(measured.samplesMs), doubt: null };
        const key = workloadKey(workload);
        table.set(key, quietestFirst([table.get(key) ?? entry, entry])[0]);
      }
    }
    return [table];
  };
  const counts = { fit: 30, heldOut: 10 };
  const [prices] = await priceGenes(space, measureAll, { budgets: [{ fraction: 0.5 }], seed: 0, counts });
  const workloads = everyGenes.map((genes) => networkWorkload(space.decode(genes)));
  await measureAll(workloads);
  await measurer.close();
  return {
    prices,
    latencyMs: Object.fromEntries(
      everyGenes.map((genes, index) => [space.key(genes), table.get(workloadKey(workloads[index])).medianMs]),
    ),
  };
}

async function main() {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: { workers: { type: 'string', default: '2' } },
  });
  const [folder, source] = positionals;
  if (!source) throw new Error('expected a folder and data');
  const { cache } = await readSpace(folder);
  const { resolution, searchShare, testShare } = spec.data;
  const data = await packDataset(source, join(folder, 'datasets'), { resolution, searchShare, testShare });
  const pool = openEvaluationPool({
    workerCount: Number(options.workers),
    threadCount: 1,
    backend: 'tensorflow',
    dataDirectory: data.directory,
  });
  const recipe = evaluationRecipe(spec);
  const order = randomStream(0, 'order').permutation(everyGenes.length);
  const missing = [...order]
    .map((index) => everyGenes[index])
    .filter((genes) => !cache.get(space.key(genes), noStandards));
  await Promise.all(
    missing.map(async (genes) => {
      const evaluated = await pool.evaluate({
        network: space.decodeProxy(genes),
        recipe,
        standards: noStandards,
      });
      await cache.set(space.key(genes), evaluated);
      process.stderr.write(`${cache.size} of ${everyGenes.length}\r`);
    }),
  );
  await pool.close();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
