/**
 * Do our latencies agree with those of others on the same files? Twenty workloads of 0.2 ms and more on this machine, written once as .tflite; our
 * agent, with its own XNNPACK and with tf.lite's, and three Python programs (invoke() alone, XNNPACK, one thread) take turns on each file, round by
 * round, and each counts its two quietest passes, with the model loaded afresh, and takes out what slows the device as the same small block tells it.
 *
 *   agent                    Python
 *   as it is installed       its own library                the same in all but the program: tells whether our method is right
 *   as it is installed       tf.lite, the agent's XNNPACK   another interpreter (agreement-delegate.c)
 *   tf.lite's XNNPACK        tf.lite as it comes            another interpreter, too (agreement-tensorflow-delegate.c). Aims: median error <= 5%, worst <= 12%
 *   as it is installed       tf.lite as it comes            kernels some versions newer: one factor for all workloads is taken out, what kernels won or lost
 *                                                           apart from it stays in. The same aims
 *
 * Argument: rounds.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { graphModelOf } from '@bespoke/agent/graph-model.js';
import { createMeasurer } from '@bespoke/agent/measurer.js';
import { passCount } from '@bespoke/agent/passes.js';
import { referenceBlock } from '@bespoke/agent/reference-block.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { writeTflite } from '@bespoke/shared/format/tflite.js';
import { quietestFirst } from '@bespoke/shared/latency/reading.js';
import { ascending, median } from '@bespoke/shared/latency/statistics.js';
import { compile } from '../../agent/runtime/xnnpack-delegate/build.mjs';
import { moduleFolder } from '../../scripts/setup-tensorflow.mjs';
import { agentWithXnnpackOf } from './agreement-agent.mjs';
import { benchWorkloads, measureSuccess, percent, printLoad, tfliteRuntime } from './workloads.mjs';

const roundCount = Number(process.argv[2] ?? 5);
const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const python = pathOf('../../build/python/bin/python');
const delegate = pathOf(`../../agent/build/libxnnpack-delegate.${process.platform === 'darwin' ? 'dylib' : 'so'}`);

const tensorflow = moduleFolder('tensorflow');
if (!tensorflow) {
  console.log('agreement: SKIPPED, no build/python with TensorFlow; run `npm run setup:tensorflow`');
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'bespoke-agreement-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** The agent, timing files as Python does. */
async function openAgent(create) {
  const measurer = create({ threads: [1], runtimes: ['tflite'] });
  const runtime = await tfliteRuntime(measurer);
  return {
    measurer,
    runtime,
    async measureMs({ workload, bytes }) {
      const { samplesMs } = await measureSuccess(measurer, workload, { runtime, fileBytes: bytes });
      return median(samplesMs);
    },
    close: () => measurer.close(),
  };
}

const installed = await openAgent(createMeasurer);
const exchanged = process.platform === 'linux' ? await openAgent(await agentWithXnnpackOf(tensorflow, folder)) : null;
if (!exchanged) {
  const why = `it is taken out of TensorFlow's library for Linux, and this is ${process.platform}`;
  console.log(`agreement of the agent with tf.lite's XNNPACK: SKIPPED, ${why}`);
}
printLoad('before');
// By the newer kernels, which nearly always are the quicker.
const quickest = exchanged ?? installed;
const files = (await benchWorkloads(quickest.measurer, quickest.runtime)).map(({ name, workload }, index) => {
  const { path, bytes } = writeFile(workload, name, `${index}.tflite`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name, path, bytes, workload: { kind: 'file', format: 'tflite', sha256, byteCount: bytes.length } };
});

function writeFile(workload, description, name) {
  const { graph, weights, batch } = graphModelOf(workload);
  const bytes = writeTflite(graph, weights, { batch, description });
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { path, bytes };
}

/** A Python program that times files. */
async function openPython(...how) {
  const child = spawn(python, [pathOf('./agreement.py'), block, ...how], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.once('exit', (code, signal) => {
    if (code || signal) throw new Error(`agreement.py ${how.join(' ')} ended with ${signal ?? `code ${code}`}`);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: version } = await lines.next();
  return {
    version,
    async measureMs({ path }) {
      child.stdin.write(`${path}\n`);
      const passes = JSON.parse((await lines.next()).value);
      const readings = passes.map((pass) => ({ ...pass, medianMs: median(pass.samplesMs) }));
      const counted = quietestFirst(readings).slice(0, passCount.counted);
      return median(counted.flatMap(({ samplesMs }) => samplesMs));
    },
    async close() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

const block = writeFile(referenceBlock, 'block', 'block.tflite').path;
const laterDelegate = join(folder, 'delegate.so');
compile(pathOf('./agreement-delegate.c'), laterDelegate, '-fPIC', '-shared');
const library = await openPython('library', delegate);
const withOurs = await openPython('tensorflow', laterDelegate);
const asItComes = await openPython('tensorflow');
/** What is compared takes turns that are near. */
const timers = [library, withOurs, installed, asItComes, exchanged].filter(Boolean);

/** For each file, by each of the timers: the time of each round. */
const roundsMs = files.map(() => new Map(timers.map((timer) => [timer, []])));
// The first round does not count: before it, not all have met the device at its quietest.
for (let round = 0; round <= roundCount; round++) {
  for (const index of randomStream(1, 'agreement', round).permutation(files.length)) {
    for (const timer of timers) {
      const ms = await timer.measureMs(files[index]);
      if (round > 0) roundsMs[index].get(timer).push(ms);
    }
  }
}
printLoad('after');
for (const timer of timers) await timer.close();

compare('the agent and the same library, called from Python', installed, library);
compare("the agent and tf.lite with the agent's XNNPACK", installed, withOurs);
if (exchanged) {
  compare("the agent with tf.lite's XNNPACK and tf.lite as it comes", exchanged, asItComes, { hasAims: true });
}
compare('the agent and tf.lite as it comes', installed, asItComes, { hasFactor: true, hasAims: true });

function compare(name, agent, reference, { hasFactor = false, hasAims = false } = {}) {
  const ratios = roundsMs.map((timesMs) => {
    const ofAgent = timesMs.get(agent);
    return median(timesMs.get(reference).map((ms, round) => ofAgent[round] / ms));
  });
  const factor = hasFactor ? median(ratios) : 1;
  const errors = ratios.map((ratio) => ratio / factor - 1);
  console.log(`\n${name}, ${reference.version}${hasFactor ? `, factor ${factor.toFixed(3)}` : ''}`);
  for (const [index, { name }] of files.entries()) {
    const tookMs = median(roundsMs[index].get(agent));
    console.log(`${tookMs.toFixed(3).padStart(8)} ms, off by ${percent(errors[index]).padStart(6)}  ${name}`);
  }
  const errorSizes = ascending(errors.map(Math.abs));
  const aim = (limit) => (hasAims ? ` (aim <= ${limit})` : '');
  console.log(
    `agreement of ${name}: ${files.length} workloads, ${roundCount} rounds; ` +
      `error median ${percent(median(errorSizes))}${aim('5%')}, worst ${percent(errorSizes.at(-1))}${aim('12%')}`,
  );
}
