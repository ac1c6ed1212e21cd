/**
 * How many copies of a piece side by side tell what it takes within a network of several threads? Pieces of EEEA networks, alone (with the waking of threads),
 * and as slopes between more copies and fewer, behind a prelude: 3 and 1, as many as the agent takes and 1 (agent/passes.ts), 24 and 8; then their sums as shares of the whole networks.
 * The quietest tenth of short looks in each of some rounds, of which the quietest counts.
 *
 *   node test/bench/side-by-side.mjs [rounds 3] [threads 2]
 */
import { fillInputs } from '@bespoke/agent/inputs.js';
import { modelOf } from '@bespoke/agent/job.js';
import { copyCountOf } from '@bespoke/agent/passes.js';
import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import { sideBySide } from '@bespoke/agent/side-by-side.js';
import { describeWorkload } from '@bespoke/cloud/fleet/describe.js';
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { ascending, quantile } from '@bespoke/shared/latency/statistics.js';
import { piecesOf, workloadKey } from '@bespoke/shared/latency/workload.js';
import { networkWorkload, printLoad } from './workloads.mjs';

const [roundCount, threads] = [3, 2].map((usual, index) => Number(process.argv[2 + index] ?? usual));
const [sampleCount, sampleMs] = [40, 0.6];
const runtime = openTflite(threads, 'xnnpack', { readsOutputs: false });

/** In us, without what an empty model of the same inputs and outputs takes. */
async function lookUs(model) {
  const session = await runtime.load(model);
  const empty = await runtime.loadEmpty(
    session.inputs.map((x) => [x.length]),
    session.outputs.map((y) => [y.length]),
  );
  const us = runUs(session) - runUs(empty);
  session.close();
  empty.close();
  return us;
}

function runUs(session) {
  fillInputs(session);
  const timeMs = (count) => {
    const startMs = performance.now();
    session.run(count);
    return (performance.now() - startMs) / count;
  };
  timeMs(10);
  const batch = Math.max(1, Math.ceil(sampleMs / timeMs(10)));
  const timesMs = Array.from({ length: sampleCount }, () => timeMs(batch));
  return 1000 * quantile(ascending(timesMs), 0.1);
}

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const networks = [12, 16, 24, 12].map((channels, index) => {
  const space = openCells(resolveCells({ preset: 'paper', cells: 5, channels }), shape);
  return space.decode(drawGenes(space, randomStream(index, 'side by side')));
});

/** Per workload: the models that are looked at, by how they are called, and what each took at least. */
const entries = new Map();
for (const network of networks) {
  for (const workload of [networkWorkload(network), ...piecesOf(network)]) {
    const key = workloadKey(workload);
    if (entries.has(key)) continue;
    const model = { kind: 'graph', ...modelOf({ workload }) };
    const entry = { name: describeWorkload(workload), models: { alone: model }, us: {}, pairs: {} };
    if (workload.kind !== 'network') {
      const own = copyCountOf(model, (await lookUs(model)) / 1000);
      entry.pairs = { '3 and 1': [1, 3], '24 and 8': [8, 24], ...(own && { agent: [1, own] }) };
      for (const count of new Set(Object.values(entry.pairs).flat())) entry.models[count] = sideBySide(model, count);
    }
    entries.set(key, entry);
  }
}

printLoad('before');
for (let round = 0; round < roundCount; round++) {
  const all = [...entries.values()];
  for (const index of randomStream(0, 'order', round).permutation(all.length)) {
    const { models, us } = all[index];
    for (const [name, model] of Object.entries(models))
      us[name] = Math.min(us[name] ?? Number.POSITIVE_INFINITY, await lookUs(model));
  }
}
printLoad('after');

const slopeUs = ({ us, pairs }, way) => {
  if (!pairs[way]) return us.alone; // as the agent takes what is long
  const [fewer, more] = pairs[way];
  return (us[more] - us[fewer]) / (more - fewer);
};
const ways = ['3 and 1', 'agent', '24 and 8'];
const cells = (values) => values.map((value) => value.padStart(9)).join(' ');
console.log(`${cells(['alone', ...ways])}   us, ${threads} threads`);
for (const entry of entries.values()) {
  if (!entry.pairs.agent) continue;
  const us = [entry.us.alone, ...ways.map((way) => slopeUs(entry, way))].map((value) => value.toFixed(1));
  console.log(`${cells(us)}   ${entry.name} (agent: ${entry.pairs.agent[1]})`);
}
console.log(`${cells(['alone', ...ways])}   sum of pieces, as a share of the whole`);
for (const network of networks) {
  const wholeUs = entries.get(workloadKey(networkWorkload(network))).us.alone;
  const pieces = piecesOf(network).map((piece) => entries.get(workloadKey(piece)));
  const share = (usOf) => (pieces.reduce((sum, piece) => sum + usOf(piece), 0) / wholeUs).toFixed(3);
  const shares = [share(({ us }) => us.alone), ...ways.map((way) => share((piece) => slopeUs(piece, way)))];
  console.log(`${cells(shares)}   of ${wholeUs.toFixed(0)} us`);
}
