/**
 * Does a measurement say the same when it is made again, and does its interval keep its word? Ten runs over twenty workloads in random order, by the real
 * measuring process. In each run a workload is measured until that is settled, as in a campaign (cloud/fleet/campaign.ts), whose quietest stands in the table. Of these, and of each run's
 * first measurements alone: the coefficient of variation of the medians per workload, and how many of the 95% intervals hold the long-run median, that of
 * all runs. Aims: <= 3%, >= 90%. Arguments: runs, workloads.
 */
import { createMeasurer } from '@bespoke/agent/measurer.js';
import { agreeing, isSettled } from '@bespoke/cloud/fleet/campaign.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { doubtsOf } from '@bespoke/shared/latency/doubt.js';
import { summarizeMeasurement } from '@bespoke/shared/latency/measurement.js';
import { quietestFirst } from '@bespoke/shared/latency/reading.js';
import { ascending, median, summarize } from '@bespoke/shared/latency/statistics.js';
import {
  benchWorkloads,
  measureSuccess,
  percent,
  printLoad,
  readingNow,
  tellAgain,
  tfliteRuntime,
} from './workloads.mjs';

const runCount = Number(process.argv[2] ?? 10);

printLoad('before');
const measurer = createMeasurer({ threads: [1], runtimes: ['tflite'] });
const runtime = await tfliteRuntime(measurer);
const workloads = (await benchWorkloads(measurer, runtime)).slice(0, Number(process.argv[3] ?? 20));

const startMs = performance.now();
/** [run][workload]: its readings in the order in which they were made. */
const runs = Array.from({ length: runCount }, () => workloads.map(() => []));
for (const [run, measured] of runs.entries()) {
  for (let round = 0; ; round++) {
    const waiting = [...measured.keys()].filter((index) => !isSettled(quietestFirst(measured[index]), agreeing));
    if (waiting.length === 0) break;
    for (const at of randomStream(run, 'repeatability', round).permutation(waiting.length)) {
      const index = waiting[at];
      const reading = readingNow(await measureSuccess(measurer, workloads[index].workload, { runtime }));
      tellAgain(runs.flat(), reading);
      measured[index].push(reading);
    }
  }
  const leftS = ((performance.now() - startMs) / 1000 / (run + 1)) * (runCount - run - 1);
  process.stderr.write(`run ${run + 1} of ${runCount}, ${leftS.toFixed(0)} s left\n`);
}
await measurer.close();
printLoad('after');

function measurementOf({ outcome, ...reading }) {
  const { lowMs, highMs } = summarize(outcome.samplesMs);
  const isDoubtful = doubtsOf(outcome).length > 0;
  return { ...reading, ...summarizeMeasurement(outcome), byRanks: { lowMs, highMs }, isDoubtful };
}

/** Of those without doubt, where there are any: as the store ranks them. */
function quietest(measurements) {
  return quietestFirst(measurements).toSorted((a, b) => a.isDoubtful - b.isDoubtful)[0];
}

function variation(values) {
  const mean = values.reduce((sum, value) => sum + value) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) / mean;
}

/** `choose` takes one of a run's measurements of a workload. */
function report(what, choose) {
  const rows = workloads.map(({ name }, index) => {
    const chosen = runs.map((measured) => choose(measured[index].map(measurementOf)));
    const longRunMs = median(chosen.map(({ medianMs }) => medianMs));
    const holds = ({ lowMs, highMs }) => lowMs <= longRunMs && longRunMs <= highMs;
    return {
      name,
      longRunMs,
      variation: variation(chosen.map(({ medianMs }) => medianMs)),
      coveredCount: chosen.filter(holds).length,
      coveredByRanksCount: chosen.filter(({ byRanks }) => holds(byRanks)).length,
      reach: median(chosen.map(({ lowMs, highMs, medianMs }) => (highMs - lowMs) / 2 / medianMs)),
      doubtCount: chosen.filter(({ isDoubtful }) => isDoubtful).length,
    };
  });
  console.log(`\n${what}`);
  for (const { name, longRunMs, variation, coveredCount, reach, doubtCount } of rows) {
    console.log(
      `${longRunMs.toFixed(3).padStart(8)} ms, variation ${percent(variation).padStart(6)}, interval of ±${percent(reach)} ` +
        `held ${coveredCount} of ${runCount}, in doubt ${doubtCount}  ${name}`,
    );
  }
  const variations = ascending(rows.map((row) => row.variation));
  const total = (key) => rows.reduce((sum, row) => sum + row[key], 0) / (rows.length * runCount);
  console.log(
    `repeatability of ${what}: ${runCount} runs of ${rows.length} workloads; coefficient of variation median ${percent(median(variations))}, worst ` +
      `${percent(variations.at(-1))} (aim <= 3%), ${variations.filter((value) => value <= 0.03).length} of ${rows.length} within it; ` +
      `95% intervals that hold the long-run median ${percent(total('coveredCount'))} (aim >= 90%; by ranks alone ${percent(total('coveredByRanksCount'))}); in doubt ${percent(total('doubtCount'))}`,
  );
}

report('single measurements', ([first]) => first);
report('what a table holds', quietest);
const jobCount = runs.flat(2).length;
console.log(`measurements until settled: ${(jobCount / (runCount * workloads.length)).toFixed(1)} on average`);
