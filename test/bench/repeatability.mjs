/**
 * Does a measurement say the same when it is made again, and does its interval keep its word? Ten runs over twenty workloads in
 * random order, by the real measuring process: the coefficient of variation of the medians per workload, and how many of the 95%
 * intervals hold the long-run median, that of all runs. Aims: <= 3%, >= 90%. Arguments: runs, workloads.
 */
import { createMeasurer } from '@bespoke/agent/measurer.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { doubtsOf } from '@bespoke/shared/latency/doubt.js';
import { samplesOfPasses } from '@bespoke/shared/latency/measurement.js';
import { ascending, median, summarize, summarizePasses } from '@bespoke/shared/latency/statistics.js';
import { benchWorkloads, measureSuccess, percent, printLoad, tfliteRuntime } from './workloads.mjs';

const runCount = Number(process.argv[2] ?? 10);

printLoad('before');
const measurer = createMeasurer({ threads: [1], runtimes: ['tflite'] });
const runtime = await tfliteRuntime(measurer);
const workloads = (await benchWorkloads(measurer, runtime)).slice(0, Number(process.argv[3] ?? 20));
const runs = workloads.map(() => []);
for (let run = 0; run < runCount; run++) {
  for (const index of randomStream(1, 'repeatability', run).permutation(workloads.length)) {
    const outcome = await measureSuccess(measurer, workloads[index].workload, { runtime });
    const { lowMs, highMs } = summarize(outcome.samplesMs);
    runs[index].push({
      ...summarizePasses(samplesOfPasses(outcome)),
      byRanks: { lowMs, highMs },
      doubts: doubtsOf(outcome),
    });
  }
}
await measurer.close();
printLoad('after');

function variation(values) {
  const mean = values.reduce((sum, value) => sum + value) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) / mean;
}

const rows = runs.map((summaries, index) => {
  const longRunMs = median(summaries.map(({ medianMs }) => medianMs));
  const holds = ({ lowMs, highMs }) => lowMs <= longRunMs && longRunMs <= highMs;
  return {
    name: workloads[index].name,
    longRunMs,
    variation: variation(summaries.map(({ medianMs }) => medianMs)),
    coveredCount: summaries.filter(holds).length,
    coveredByRanksCount: summaries.filter(({ byRanks }) => holds(byRanks)).length,
    reach: median(summaries.map(({ lowMs, highMs, medianMs }) => (highMs - lowMs) / 2 / medianMs)),
    doubtCount: summaries.filter(({ doubts }) => doubts.length > 0).length,
  };
});
for (const { name, longRunMs, variation, coveredCount, reach, doubtCount } of rows) {
  console.log(
    `${longRunMs.toFixed(3).padStart(8)} ms, variation ${percent(variation).padStart(6)}, interval of ±${percent(reach)} ` +
      `held ${coveredCount} of ${runCount}, in doubt ${doubtCount}  ${name}`,
  );
}
const variations = ascending(rows.map((row) => row.variation));
const total = (key) => rows.reduce((sum, row) => sum + row[key], 0) / (rows.length * runCount);
console.log(
  `repeatability: ${runCount} runs of ${rows.length} workloads; coefficient of variation median ${percent(median(variations))}, worst ` +
    `${percent(variations.at(-1))} (aim <= 3%), ${variations.filter((value) => value <= 0.03).length} of ${rows.length} within it; ` +
    `95% intervals that hold the long-run median ${percent(total('coveredCount'))} (aim >= 90%; by ranks alone ${percent(total('coveredByRanksCount'))}); in doubt ${percent(total('doubtCount'))}`,
);
