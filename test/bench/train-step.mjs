/**
 * Benchmark of a training step: 4 x MBConv(e6, k5, 32 channels, 16x16), batch 64: forward, backward and SGD with momentum,
 * on the `tensorflow` and `wasm` backends against PyTorch (channels_last).
 *
 * The sides take turns in short rounds, so that what else the machine does meets all of them alike; compared are ratios
 * within a round. On a busy machine look at the fastest rounds: PyTorch's threads spin for one that has lost its core.
 * `node test/bench/train-step.mjs [rounds]`, after a build; PyTorch comes by `npm run setup:bench`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { applyGradients } from '@bespoke/cloud/train/tfjs/optimizer.js';
import { Variables } from '@bespoke/cloud/train/tfjs/variables.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lowerMBConv } from '@bespoke/shared/network/mbconv.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import { trainedBlock } from './workloads.mjs';

const batchSize = 64;
const sgd = { stepsDone: 0, learningRate: 0.01, momentum: 0.9, weightDecay: 0 };
const python = fileURLToPath(new URL('../../build/python/bin/python', import.meta.url));

/** A side of the race: `run(count)` makes so many steps and resolves to their times in milliseconds. */
async function openTfjs(name) {
  const { tf, backend, version, reason } = await openBackend(name);
  const graph = buildGraph();
  const variables = new Variables(tf, initializeWeights(graph, 1));
  const names = [...variables.values.keys()].filter((weight) => !/\/(mean|variance)$/.test(weight));
  const x = tf.randomNormal([batchSize, 16, 16, 32], 0, 1, 'float32', 1);

  const step = () => {
    const started = performance.now();
    const { value, grads } = tf.valueAndGrads((...weights) => {
      const current = new Map([...variables.values, ...names.map((weight, index) => [weight, weights[index]])]);
      const [y] = execute(tf, graph, new Map([['input', x]]), current, { training: true });
      return tf.mean(tf.square(y));
    })(names.map((weight) => variables.values.get(weight)));
    applyGradients(tf, variables, names, grads, sgd);
    value.dataSync(); // waits for what is under way
    value.dispose();
    return performance.now() - started;
  };
  const run = async (count) => {
    await tf.setBackend(backend);
    return Array.from({ length: count }, step);
  };
  return { name: `${backend} ${version}`, run, close: () => {}, reason };
}

function buildGraph() {
  const builder = new GraphBuilder();
  let tensor = builder.input('input', [16, 16, 32]);
  for (let index = 0; index < 4; index++) tensor = lowerMBConv(builder, `block${index}`, trainedBlock, tensor);
  return builder.build([tensor]);
}

async function openTorch() {
  const program = fileURLToPath(new URL('train-step.py', import.meta.url));
  const child = spawn(python, [program, String(availableParallelism())], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('PyTorch is not there: run "npm run setup:bench"');
    return JSON.parse(value);
  };
  const { version } = await answer();
  const run = (count) => {
    child.stdin.write(`${count}\n`);
    return answer();
  };
  return { name: `PyTorch ${version}`, run, close: () => child.stdin.end() };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** The sides that work here, and for each that does not, why. */
async function openSides() {
  const openings = [() => openTfjs('tensorflow'), () => openTfjs('wasm')];
  if (existsSync(python)) openings.unshift(openTorch);
  else process.stderr.write('train-step: PyTorch is left out: run "npm run setup:bench"\n');
  const sides = [];
  for (const open of openings) {
    try {
      sides.push(await open());
    } catch (error) {
      process.stderr.write(`train-step: left out: ${error.message}\n`);
    }
  }
  return sides;
}

const roundCount = Number(process.argv[2] ?? 5);
const sides = await openSides();
const rounds = [];
for (const side of sides) await side.run(1); // warm-up
for (let round = 0; round < roundCount; round++) {
  const times = new Map();
  for (const side of sides) times.set(side, median(await side.run(side.name.startsWith('wasm') ? 1 : 4)));
  rounds.push(times);
}
for (const side of sides) side.close();

const torch = sides.find(({ name }) => name.startsWith('PyTorch'));
const timesOf = (side) => rounds.map((times) => times.get(side));
console.log(
  `training step of 4 x MBConv(e6, k5, 32 channels, 16x16), batch 64; load average ${loadavg()[0].toFixed(1)}`,
);
for (const side of sides)
  console.log(
    `  ${side.name.padEnd(20)} ${describeTimes(timesOf(side))}${torch && side !== torch ? describeRatios(side) : ''}`,
  );

function describeTimes(timesMs) {
  return `median ${median(timesMs).toFixed(0)} ms (${Math.min(...timesMs).toFixed(0)}..${Math.max(...timesMs).toFixed(0)})`;
}

function describeRatios(side) {
  const ratios = rounds.map((times) => times.get(side) / times.get(torch));
  const fastest = Math.min(...timesOf(side)) / Math.min(...timesOf(torch));
  const spread = `${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)}`;
  return `, ${median(ratios).toFixed(2)} x PyTorch (${spread}), of the fastest rounds ${fastest.toFixed(2)}`;
}
