/**
 * Benchmark of a pipeline on two cores: a chain of MBConv blocks, batch 64, cut in two by the planner, against one process with one thread and with two, and against
 * what two processes that have nothing to do with each other come to; then other schedules and recomputation against the same. What is compared is open at once and takes
 * turns in rounds; ratios within a round count.
 * `node test/bench/pipeline.mjs [rounds]`, after a build. Prints rows of Markdown.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { packDataset } from '@bespoke/cloud/train/data/pack.js';
import { splitMicroBatches } from '@bespoke/cloud/train/gpipe/microbatch.js';
import { planPipeline } from '@bespoke/cloud/train/gpipe/planner.js';
import { snapshotEvery } from '@bespoke/cloud/train/gpipe/planning.js';
import { measureTransfer } from '@bespoke/cloud/train/gpipe/transfer.js';
import { besideEachOther, median, openAlone, openPipeline, sum } from './pipeline-sides.mjs';
import { openDistance } from './processor-distance.mjs';
import { trainedBlock } from './workloads.mjs';

/**
 * A training has thousands of steps, one after the other: V8 goes on compiling until a few hundred are done, beside a single process on the other processor, but in the way of a pipeline, which has both;
 * and the first steps of a turn, before which a processor was idle or others had the caches, take up to 15% longer.
 */
const [roundCount, warmupCount, settleCount, stepsPerTurn] = [Number(process.argv[2] ?? 5), 300, 5, 20];
const [stageCount, microBatchCount, sampleCount] = [2, 8, 64];
const [oneName, gpipeName, fastName, twoName] = [
  '1 process, 1 thread, M = 8',
  'pipeline, gpipe',
  'pipeline, zero-bubble',
  'two processes at once',
];
const aims = { speedup: 1.6, idleShare: 0.2, recomputing: 0.27 };

const network = {
  version: 1,
  name: 'chain',
  input: { height: 32, width: 32, channels: 3 },
  blocks: [
    { kind: 'conv', id: 'stem', outChannels: 32, kernelSize: 3, stride: 2, activation: 'relu6' },
    ...Array.from({ length: 6 }, (_, index) => ({ id: `block${index}`, kind: 'mbconv', ...trainedBlock })),
    { kind: 'head', id: 'head', classes: 10 },
  ],
};
const recipe = {
  seed: 1,
  stepCount: 1000,
  batchSize: sampleCount,
  learningRate: 0.05,
  warmupStepCount: 10,
  momentum: 0.9,
  weightDecay: 4e-5,
  labelSmoothing: 0.1,
  augmentation: { flip: true, cropPaddingPixels: 2, cutoutPixels: 0 },
};

async function main() {
  const { directory: dataDirectory } = await packDataset('synthetic', folder);
  const common = { network, recipe, dataDirectory };
  const sizes = splitMicroBatches(sampleCount, microBatchCount).map((part) => part.sampleCount);
  const one = await openAlone(common, sizes, 1);
  console.log(
    `Pipeline of ${stageCount} stages; ${one.engine.backend} ${one.engine.version}, ${availableParallelism()} processors, load ${loadavg()[0].toFixed(1)}; stem, 6 x MBConv(e6, k5, 32 channels, 16x16), head; batch ${sampleCount}\n`,
  );
  await warm(one.run); // a profile of code that V8 has not compiled yet may lead to another cut
  const plan = await planCut(one, sizes);
  const pipeline = (schedule, remat) =>
    openPipeline(common, plan.cuts, sizes, { schedule, remat, snapshotEvery: snapshotEvery(plan) }, folder);
  const both = {
    [oneName]: one,
    [fastName]: await pipeline('zero-bubble', 'none'),
    [gpipeName]: await pipeline('gpipe', 'none'),
  };

  const again = await openAlone(common, sizes, 1);
  const processes = {
    ...both,
    'the same again': again,
    [twoName]: besideEachOther(one, again),
    '1 process, 1 thread, M = 1': await openAlone(common, [sampleCount], 1),
    '1 process, 2 threads, M = 8': await openAlone(common, sizes, 2),
    '1 process, 2 threads, M = 1': await openAlone(common, [sampleCount], 2),
  };
  const ratios = await compare(processes);
  printBounds(plan, ratios);
  printTraces(both);
  const figures = [
    ['times as fast as 1 thread, zero-bubble', `>= ${aims.speedup}`, ratios[fastName].toFixed(2)],
    ['times as fast as 1 thread, gpipe', '', ratios[gpipeName].toFixed(2)],
    ['idle share, zero-bubble', `<= ${aims.idleShare}`, tracedOf(both[fastName]).idleShare.toFixed(3)],
    ['idle share, gpipe', `<= ${aims.idleShare}`, tracedOf(both[gpipeName]).idleShare.toFixed(3)],
  ];
  for (const [name, side] of Object.entries(processes)) if (!(name in both)) await side.close();

  const pipelines = {
    ...both,
    'pipeline, 1f1b': await pipeline('1f1b', 'none'),
    'pipeline, gpipe, except-last': await pipeline('gpipe', 'except-last'),
    'pipeline, gpipe, always': await pipeline('gpipe', 'always'),
    'pipeline, zero-bubble, always': await pipeline('zero-bubble', 'always'),
  };
  const others = await compare(pipelines);
  printTraces(pipelines);
  for (const remat of ['except-last', 'always']) {
    const longer = others[gpipeName] / others[`${gpipeName}, ${remat}`] - 1;
    figures.push([`longer with remat ${remat}`, `<= ${aims.recomputing}`, longer.toFixed(3)]);
  }
  for (const side of Object.values(pipelines)) await side.close();
  header(['figure', 'aim', 'measured']);
  for (const figure of figures) row(figure);
}

/** Where to cut, by the blocks' measured costs, with the cuts as `partitionNetwork` takes them. */
async function planCut(one, sizes) {
  const { height, width, channels } = network.input;
  const plan = planPipeline({
    schedule: 'gpipe',
    remat: 'none',
    stageCount,
    sampleCount,
    candidates: [
      {
        microBatchCount,
        inputBytes: Float32Array.BYTES_PER_ELEMENT * sizes[0] * height * width * channels,
        blocks: await one.ask({ request: 'profile' }),
      },
    ],
    transfer: await measureTransfer(),
    optimizerBytesPerParameter: Float32Array.BYTES_PER_ELEMENT,
    memoryCapBytes: null,
    oneProcessStepMs: null,
  });
  const ends = plan.partitions.map((_, stage) =>
    sum(plan.partitions.slice(0, stage + 1).map(({ blockCount }) => blockCount)),
  );
  return { ...plan, cuts: ends.slice(0, -1) };
}

/** Prints what the sides take; returns how many times as fast as the first each is, the median over the rounds. */
async function compare(sides) {
  const rounds = await takeTurns(Object.values(sides).map(({ run }) => run));
  return printTimes(Object.keys(sides), rounds);
}

const warmRuns = new Set();

async function warm(run) {
  if (!warmRuns.has(run)) await run(warmupCount);
  warmRuns.add(run);
}

/** The median step of each side's turn, by round. The order of the turns moves on by one each round: what a side follows counts. */
async function takeTurns(runs) {
  for (const run of runs) await warm(run);
  const rounds = [];
  const distances = [];
  for (let round = 0; round < roundCount; round++) {
    const times = new Map();
    const trips = [distance.tripNs()];
    for (const turn of runs.keys()) {
      const run = runs[(turn + round) % runs.length];
      times.set(run, median((await run(settleCount + stepsPerTurn)).slice(settleCount)));
      trips.push(distance.tripNs());
    }
    rounds.push(runs.map((run) => times.get(run)));
    distances.push(trips);
  }
  const spans = distances.map((trips) =>
    [Math.min(...trips), Math.max(...trips)].map((ns) => ns.toFixed(0)).join('..'),
  );
  console.log(`From one processor to the other and back, ns, by round: ${spans.join(', ')}\n`);
  return rounds;
}

const row = (cells) => console.log(`| ${cells.join(' | ')} |`);
function header(cells) {
  row(cells);
  row(cells.map(() => '---'));
}

function printTimes(names, rounds) {
  header(['ms per step', 'best', 'median', 'every round', 'times as fast as 1 thread, median', 'least..greatest']);
  const medians = {};
  for (const [index, name] of names.entries()) {
    const times = rounds.map((round) => round[index]);
    const ratios = rounds.map((round) => round[0] / round[index]);
    medians[name] = median(ratios);
    const spread = `${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)}`;
    const [best, middle] = [Math.min(...times), median(times)].map((time) => time.toFixed(0));
    row([name, best, middle, times.map((time) => time.toFixed(0)).join(' '), medians[name].toFixed(2), spread]);
  }
  return medians;
}

function printBounds({ partitions, stepMs, cuts }, ratios) {
  const blockMs = sum(partitions.map(({ forwardMs, backwardMs }) => forwardMs + backwardMs));
  const each = partitions.map((part) => `${part.forwardMs.toFixed(1)} + ${part.backwardMs.toFixed(1)}`).join(' and ');
  console.log(
    `\nBounds: M K / (M + K - 1) = ${((microBatchCount * stageCount) / (microBatchCount + stageCount - 1)).toFixed(2)}`,
  );
  console.log(
    `by the profile, cut before block ${cuts} (forward + backward ${each} ms): ${((microBatchCount * blockMs) / stepMs).toFixed(2)}`,
  );
  console.log(`by the machine, two processes at once: ${ratios[twoName].toFixed(2)}\n`);
}

const shareNames = ['busy', 'bubble', 'imbalance', 'transport', 'other'];

/** Means over all steps but those that warmed up, so that the parts still add up to 1. */
function tracedOf({ steps }) {
  const counted = steps.slice(warmupCount);
  const meanOf = (pick) => sum(counted.map(pick)) / counted.length;
  const shares = Object.fromEntries(
    [...shareNames, 'idleShare', 'betweenMs'].map((name) => [name, meanOf((step) => step[name])]),
  );
  const byStage = (kind) => counted[0][kind].map((_, stage) => meanOf((step) => step[kind][stage]));
  return { ...shares, forwardMs: byStage('forwardMs'), backwardMs: byStage('backwardMs') };
}

function printTraces(sides) {
  header(
    [...shareNames, 'idle']
      .map((name) => `${name}, %`)
      .toSpliced(0, 0, 'traced steps')
      .concat('between steps, ms', 'forward by stage, ms', 'backward by stage, ms'),
  );
  for (const [name, side] of Object.entries(sides)) {
    if (!side.steps) continue;
    const traced = tracedOf(side);
    const shares = [...shareNames, 'idleShare'].map((part) => (100 * traced[part]).toFixed(1));
    const times = [traced.forwardMs, traced.backwardMs].map((values) =>
      values.map((value) => value.toFixed(1)).join(', '),
    );
    row([name, ...shares, traced.betweenMs.toFixed(1), ...times]);
  }
  console.log('');
}

const distance = await openDistance();
const folder = await mkdtemp(join(tmpdir(), 'bespoke-pipeline-'));
try {
  await main();
} finally {
  await rm(folder, { recursive: true });
  await distance.close();
}
