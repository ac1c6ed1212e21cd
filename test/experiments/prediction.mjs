/**
 * How well do latencies of pieces predict whole networks? Measures a space's pieces and random networks of it through the agent's
 * own measuring process, in rounds of random order and in blocks between sentinels until all are settled, as the cloud does, and prints one row: raw sum of pieces, MACs alone, and the calibrated predictor, on the
 * networks that no fit saw. Those of `eeea` differ in cells and channels, too, as they would over the budgets of a study; with --no-spread all
 * have one skeleton, and the slowest takes little more than the quickest.
 *
 * With --effects instead: adjacent blocks of `small` as a chain against the sum of the two, and a branch whose output nobody reads,
 * measured with and without (TFLite only: no other runtime reads files).
 *
 * With --within-ns, for runtimes of several threads, it measures only while a word takes no longer from one processor to the other and back (../bench/processor-distance.mjs): a virtual
 * machine's host moves them, and what is measured before and after does not belong together.
 *
 *   node test/experiments/prediction.mjs --space small|eeea --runtime tflite --threads 1 [--networks 30] [--holdout 12] [--rounds 2] [--seed 0] [--no-spread] [--effects] [--within-ns 250]
 */
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createMeasurer } from '@bespoke/agent/measurer.js';
import { agreeing, isSettled } from '@bespoke/cloud/fleet/campaign.js';
import { doubtOfBlock, maxJobCount, recentBlockCount, repeatsAfter } from '@bespoke/cloud/fleet/sentinel.js';
import { openCells, resolveCells } from '@bespoke/cloud/search/eeea/cell-presets.js';
import { drawGenes } from '@bespoke/cloud/search/eeea/gene-space.js';
import { fitPredictor, networkWorkload } from '@bespoke/cloud/search/predictor.js';
import { buildSpace } from '@bespoke/cloud/search/presets.js';
import { choose, samplePath } from '@bespoke/cloud/search/space.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { Model } from '@bespoke/shared/format/generated/model.js';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { judge } from '@bespoke/shared/latency/calibration.js';
import { doubtsOf } from '@bespoke/shared/latency/doubt.js';
import { quietestFirst } from '@bespoke/shared/latency/reading.js';
import { summarize } from '@bespoke/shared/latency/statistics.js';
import { piecesOf, workloadKey } from '@bespoke/shared/latency/workload.js';
import { ByteBuffer } from 'flatbuffers';
import { openDistance } from '../bench/processor-distance.mjs';
import { readingNow, tellAgain } from '../bench/workloads.mjs';

const { values: options } = parseArgs({
  options: {
    space: { type: 'string', default: 'small' },
    runtime: { type: 'string', default: 'tflite' },
    threads: { type: 'string', default: '1' },
    networks: { type: 'string', default: '30' },
    holdout: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '2' },
    seed: { type: 'string', default: '0' },
    spread: { type: 'boolean', default: true },
    effects: { type: 'boolean', default: false },
    'within-ns': { type: 'string' },
  },
  allowNegative: true,
});
const [threads, networkCount, heldOutCount, roundCount, seed] = [
  'threads',
  'networks',
  'holdout',
  'rounds',
  'seed',
].map((name) => Number(options[name]));
const timeoutMs = 120_000;
/** Networks whose adjacent blocks are measured as chains, with --effects. */
const pairCount = 24;

/** The only place that knows how the agent's measurer is asked. */
async function openMeasuring() {
  const measurer = createMeasurer({ threads: [threads], runtimes: [options.runtime] });
  const runtimes = await measurer.runtimes();
  const runtime = runtimes.find(({ delegate }) => delegate !== 'none');
  if (!runtime)
    throw new Error(`no runtime ${options.runtime} with ${threads} thread(s) here: ${JSON.stringify(runtimes)}`);
  const measure = (workload, fileBytes) => measurer.measure(workload, { runtime, timeoutMs, fileBytes });
  return { measure, close: () => measurer.close() };
}

const shape = { height: 32, width: 32, channels: 3, classes: { length: 10 } };
const small = buildSpace({ preset: 'small' }, shape);
/** How networks of `eeea` are stacked, each as often as the others. */
const stackings = options.spread
  ? [5, 8].flatMap((cells) => [12, 16, 24].map((channels) => ({ cells, channels })))
  : [{ cells: 5, channels: 16 }];
const cellSpaces = stackings.map((size) => openCells(resolveCells({ preset: 'paper', ...size }), shape));
/** Draws a random network of the space. */
const draws = {
  small: (stream) => choose(small, samplePath(small, stream)),
  eeea(stream) {
    const space = cellSpaces[stream.integer(cellSpaces.length)];
    return space.decode(drawGenes(space, stream));
  },
};

const { measure, close } = await openMeasuring();

/** What the sentinel took around the last good blocks, in ms. */
const levelsMs = [];
/** Of each block so far. */
const wereVoid = [];

const withinNs = options['within-ns'] === undefined ? null : Number(options['within-ns']);
const distance = withinNs === null ? null : await openDistance();
const areNear = () => distance === null || distance.tripNs() <= withinNs;

async function measureWhileNear(workload) {
  for (;;) {
    while (!areNear()) await setTimeout(500);
    const outcome = await measure(workload);
    if (areNear()) return outcome;
  }
}

async function measureOne(workload) {
  const outcome = await measureWhileNear(workload);
  if (!outcome.ok) throw new Error(`${JSON.stringify(workload)}: ${outcome.reason}: ${outcome.log}`);
  return readingNow(outcome);
}

/** Measures the workloads as a block between two sentinels, again while these differ, as the cloud does: what comes of void tries counts only where there is nothing else, and the last try counts with its doubt. */
async function measureBlock(workloads, openingMs) {
  const entries = [];
  for (let repeat = 0; ; repeat++) {
    const tried = [];
    for (const workload of workloads) tried.push([workloadKey(workload), await measureOne(workload)]);
    const closingMs = (await measureOne(sentinel)).medianMs;
    const doubt = doubtOfBlock(openingMs, closingMs, levelsMs.slice(-2 * recentBlockCount));
    if (doubt === null) levelsMs.push(openingMs, closingMs);
    else process.stderr.write(`  ${doubt}\n`);
    const isLast = doubt === null || repeat >= repeatsAfter(wereVoid.slice(-recentBlockCount));
    wereVoid.push(doubt !== null);
    for (const [key, entry] of tried) entries.push([key, { ...entry, doubt, isVoid: !isLast }]);
    if (isLast) return { entries, closingMs };
    openingMs = closingMs;
  }
}

/** The best verdict first, then the quietest, as the store ranks them (cloud/store/latencies.ts). */
function ranked(entries) {
  const rank = ({ isVoid, doubt, outcome }) => (isVoid ? 2 : Number(doubt !== null || doubtsOf(outcome).length > 0));
  return quietestFirst(entries).toSorted((a, b) => rank(a) - rank(b));
}

/** What stands of each workload, by key, after so many rounds and as many more as it takes until all are settled, as in campaigns. */
async function measureAll(workloads) {
  const distinct = new Map(workloads.map((workload) => [workloadKey(workload), workload]));
  const table = new Map([...distinct.keys()].map((key) => [key, []]));
  const isDue = (key) => {
    const counted = table.get(key).filter(({ isVoid }) => !isVoid);
    return counted.length < roundCount || !isSettled(quietestFirst(counted), agreeing);
  };
  let sentinelMs = (await measureOne(sentinel)).medianMs;
  for (let round = 0; ; round++) {
    const due = [...distinct].filter(([key]) => isDue(key)).map(([, workload]) => workload);
    if (due.length === 0) break;
    process.stderr.write(`round ${round + 1}: ${due.length} of ${distinct.size} workloads\n`);
    const order = [...randomStream(seed, 'order', round).permutation(due.length)];
    for (let at = 0; at < order.length; at += maxJobCount) {
      const block = order.slice(at, at + maxJobCount).map((index) => due[index]);
      const { entries, closingMs } = await measureBlock(block, sentinelMs);
      sentinelMs = closingMs;
      for (const [key, entry] of entries) {
        tellAgain(table.values(), entry);
        table.get(key).push(entry);
      }
    }
  }
  const standing = new Map();
  for (const [key, entries] of table) {
    const [entry] = ranked(entries);
    standing.set(key, { ...entry, ...summarize(entry.outcome.samplesMs) });
  }
  const doubtCount = [...standing.values()].filter(({ doubt, isVoid }) => doubt !== null || isVoid).length;
  process.stderr.write(`${standing.size} workloads, ${doubtCount} in doubt for their blocks\n`);
  return standing;
}

const percent = (share) => `${(100 * share).toFixed(2)}%`;
const describe = ({ meanError, worstError, spearman, within10Share }) =>
  `${percent(meanError)} | ${percent(worstError)} | ${spearman.toFixed(4)} | ${percent(within10Share)}`;

/** Least squares of relative errors of a + b x MACs, on `fit`. */
function fitMacs(fit) {
  let [aa, ab, bb, a1, b1] = [0, 0, 0, 0, 0];
  for (const { macs, measuredMs } of fit) {
    const [a, b] = [1 / measuredMs, macs / measuredMs];
    [aa, ab, bb, a1, b1] = [aa + a * a, ab + a * b, bb + b * b, a1 + a, b1 + b];
  }
  const determinant = aa * bb - ab * ab;
  const [constant, slope] = [(a1 * bb - b1 * ab) / determinant, (b1 * aa - a1 * ab) / determinant];
  return ({ macs }) => constant + slope * macs;
}

async function predictNetworks() {
  const stream = randomStream(seed, 'prediction', options.space);
  const networks = Array.from({ length: networkCount + heldOutCount }, () => {
    const network = draws[options.space](stream);
    return { network, pieces: piecesOf(network) };
  });
  const workloads = networks.flatMap(({ network, pieces }) => [networkWorkload(network), ...pieces]);
  const table = await measureAll(workloads);
  const { calibration, holdOut, points } = fitPredictor(options.space, networks, heldOutCount, table);
  const held = points.filter(({ heldOut }) => heldOut);
  const byMacs = fitMacs(points.filter(({ heldOut }) => !heldOut));
  const { factor, perPieceMs, perInputMiBMs } = calibration;
  const measured = points.map(({ measuredMs }) => measuredMs);
  const pieceCount = new Set(networks.flatMap(({ pieces }) => pieces.map(workloadKey))).size;
  const of = `${options.space}, ${options.runtime}, ${threads} thread(s)`;
  const row = (what, error) => process.stdout.write(`| ${of} | ${what} | ${describe(error)} |\n`);
  process.stdout.write(
    `whole = ${factor.toFixed(4)} x sum + ${perPieceMs.toFixed(5)} ms x pieces + ${perInputMiBMs.toFixed(4)} ms x MiB that they read; ${pieceCount} pieces; networks of ${Math.min(...measured).toFixed(3)} to ${Math.max(...measured).toFixed(3)} ms\n`,
  );
  row('sum of pieces', judge(held.map(({ sumMs, measuredMs }) => ({ predictedMs: sumMs, measuredMs }))));
  row('a + b x MACs', judge(held.map((point) => ({ predictedMs: byMacs(point), measuredMs: point.measuredMs }))));
  row('calibrated', holdOut);
}

/** Adjacent blocks of random networks of `small`, as one graph and alone. */
async function measurePairs() {
  const stream = randomStream(seed, 'pairs');
  const pairs = Array.from({ length: pairCount }, () => {
    const pieces = piecesOf(draws.small(stream));
    const first = stream.integer(pieces.length - 1);
    return [pieces[first], pieces[first + 1]];
  });
  const chainOf = ([{ body, ...rest }, next]) => ({ ...rest, kind: 'chain', bodies: [body, next.body] });
  const table = await measureAll(pairs.flatMap((pair) => [chainOf(pair), ...pair]));
  const ms = (workload) => table.get(workloadKey(workload)).medianMs;
  const effects = pairs.map((pair) => ms(chainOf(pair)) / (ms(pair[0]) + ms(pair[1])) - 1).sort((x, y) => x - y);
  const at = (share) => percent(effects[Math.round(share * (effects.length - 1))]);
  process.stdout.write(
    `${pairCount} adjacent pairs, chain against sum: least ${at(0)}, median ${at(0.5)}, greatest ${at(1)}\n`,
  );
}

/** A convolution beside one that nobody reads, against the convolution alone. */
async function measureDeadBranch() {
  const conv = { filters: 32, kernel: [3, 3], stride: [1, 1], dilation: 1, bias: true, fused: 'none' };
  for (const [what, names] of [
    ['without', ['read']],
    ['with', ['read', 'dead']],
  ]) {
    const builder = new GraphBuilder();
    const x = builder.input('input', [32, 32, 32]);
    const graph = builder.build(names.map((name) => builder.add('branch', name, 'conv2d', conv, x)));
    const weights = initializeWeights(graph, seed);
    const bytes = withFirstOutput(writeTflite(graph, weights, { batch: 1, description: 'branch' }));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const outcome = await measure({ kind: 'file', format: 'tflite', sha256, byteCount: bytes.length }, bytes);
    const text = outcome.ok
      ? `${summarize(outcome.samplesMs).medianMs.toFixed(4)} ms`
      : `${outcome.reason}: ${outcome.log}`;
    process.stdout.write(`a convolution ${what} another that nobody reads: ${text}\n`);
  }
}

/** The file with its first output alone: no writer of ours makes a node that no output needs, so the list is cut in the bytes. */
function withFirstOutput(file) {
  const bytes = Uint8Array.from(file);
  const buffer = new ByteBuffer(bytes);
  const graph = Model.getRootAsModel(buffer).subgraphs(0);
  const outputsField = 8; // of the table SubGraph, as shared/format/tflite-subset.fbs orders it
  const vector = buffer.__vector(graph.bb_pos + buffer.__offset(graph.bb_pos, outputsField));
  buffer.writeInt32(vector - 4, 1); // a vector's length stands before it
  return bytes;
}

try {
  if (options.effects) {
    await measurePairs();
    if (options.runtime === 'tflite') await measureDeadBranch();
  } else await predictNetworks();
} finally {
  await close();
  await distance?.close();
}
