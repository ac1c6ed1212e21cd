/**
 * What do cold weights cost? A block that is run again and again finds its weights in the cache; within a network other blocks' weights
 * passed through meanwhile. Prints each block of MobileNetV2 three ways: repeated; in turn with copies that hold weights of their own,
 * more of them than the last-level cache holds; and after the whole cache was overwritten, activations and code with it.
 */
import { readFileSync } from 'node:fs';
import { fillInputs } from '@bespoke/agent/inputs.js';
import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import { scaledWeights } from '@bespoke/agent/scaled-weights.js';
import { describeWorkload } from '@bespoke/cloud/fleet/describe.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { ascending, median, quantile } from '@bespoke/shared/latency/statistics.js';
import { workloadsOf } from '@bespoke/shared/latency/workload.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { printLoad } from './workloads.mjs';

const sampleCount = 200;
const mostCopies = 400;
const cacheBytes = lastLevelCacheBytes();

/** Of the first core, as Linux tells; 32 MiB elsewhere. */
function lastLevelCacheBytes() {
  try {
    const text = readFileSync('/sys/devices/system/cpu/cpu0/cache/index3/size', 'utf8');
    return Number.parseInt(text, 10) * 1024;
  } catch {
    return 32 * 2 ** 20;
  }
}

const runtime = openTflite(1, 'xnnpack', { readsOutputs: false });
const flushed = new Float64Array((1.5 * cacheBytes) / 8);
const flush = () => {
  for (let i = 0; i < flushed.length; i += 8) flushed[i] += 1; // one number of each 64-byte line
};

function timed(session) {
  const startMs = performance.now();
  session.run(1);
  return performance.now() - startMs;
}

/** Low, because what disturbs adds. */
const low = (samples) => quantile(ascending(samples), 0.3);

async function threeWays({ body, inputShapes }) {
  const graph = lowerSingle('block', body, inputShapes);
  const model = { kind: 'graph', ...fold(graph, scaledWeights(graph)), batch: 1 };
  const weightBytes = 4 * countParams(graph);
  const copyCount = Math.min(mostCopies, Math.max(2, Math.ceil((1.5 * cacheBytes) / weightBytes)));
  const copies = [];
  while (copies.length < copyCount) copies.push(await runtime.load(model));
  for (const session of copies) fillInputs(session);
  const one = copies[0];
  for (const copy of [one, ...copies]) copy.run(1);
  const warm = Array.from({ length: sampleCount }, () => timed(one));
  const rotated = Array.from({ length: Math.max(sampleCount, copyCount) }, (_, index) =>
    timed(copies[index % copyCount]),
  );
  const cold = Array.from({ length: sampleCount / 8 }, () => {
    flush();
    return timed(one);
  });
  for (const copy of copies) copy.close();
  return { weightBytes, copyCount, warmMs: low(warm), rotatedMs: low(rotated), coldMs: low(cold) };
}

printLoad('before');
const rows = [];
for (const workload of workloadsOf(zooNetwork('mobilenet-v2'))) {
  const row = await threeWays(workload);
  rows.push(row);
  const { weightBytes, copyCount, warmMs, rotatedMs, coldMs } = row;
  console.log(
    `${Math.round(weightBytes / 1024)} KiB of weights, `.padStart(21) +
      `repeated ${warmMs.toFixed(3)} ms, ${String(copyCount).padStart(3)} in turn x${(rotatedMs / warmMs).toFixed(2)}, ` +
      `overwritten x${(coldMs / warmMs).toFixed(2)}  ${describeWorkload(workload)}`,
  );
}
printLoad('after');
const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
const middle = (key) => median(rows.map((row) => row[key] / row.warmMs)).toFixed(2);
console.log(
  `cold weights, cache of ${Math.round(cacheBytes / 2 ** 20)} MiB: in turn x${middle('rotatedMs')} (median), sum of blocks x${(sum('rotatedMs') / sum('warmMs')).toFixed(2)}; ` +
    `overwritten x${middle('coldMs')}, sum x${(sum('coldMs') / sum('warmMs')).toFixed(2)}`,
);
