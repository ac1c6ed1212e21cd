/**
 * Do our latencies agree with those of others on the same files? Twenty workloads of 0.2 ms and more on this machine, written once as .tflite; our
 * agent and three Python programs (invoke() alone, XNNPACK, one thread) take turns on each file, round by round, and each counts its
 * two quietest passes, with the model loaded afresh, and takes out what slows the device as the same small block tells it.
 *
 *   the same library, called from Python      tells whether our method is right: no factor
 *   tf.lite, with the agent's XNNPACK         another interpreter, our kernels (agreement-delegate.c): no factor
 *   tf.lite, with its own XNNPACK             kernels some versions newer: one factor for all workloads is taken out, what kernels won or lost apart from it
 *                                             stays in. Aims: median error <= 5%, worst <= 12%
 *
 * Argument: rounds.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
import { benchWorkloads, measureSuccess, percent, printLoad, tfliteRuntime } from './workloads.mjs';

const roundCount = Number(process.argv[2] ?? 5);
const pathOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const python = pathOf('../../build/python/bin/python');
const delegate = pathOf(`../../agent/build/libxnnpack-delegate.${process.platform === 'darwin' ? 'dylib' : 'so'}`);

if (!existsSync(python)) {
  console.log('agreement: SKIPPED, no build/python with TensorFlow; run `npm run setup:tensorflow`');
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'bespoke-agreement-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const measurer = createMeasurer({ threads: [1], runtimes: ['tflite'] });
const runtime = await tfliteRuntime(measurer);
printLoad('before');
const files = (await benchWorkloads(measurer, runtime)).map(({ name, workload }, index) => {
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
async function openReference(name, hasFactor, ...how) {
  const child = spawn(python, [pathOf('./agreement.py'), block, ...how], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.once('exit', (code, signal) => {
    if (code || signal) throw new Error(`agreement.py ${how.join(' ')} ended with ${signal ?? `code ${code}`}`);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: version } = await lines.next();
  return {
    label: `${name} ${version}`,
    hasFactor,
    /** [file][round] */
    ratios: files.map(() => []),
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
const references = [
  await openReference('the same library, called from Python,', false, 'library', delegate),
  await openReference("tf.lite with the agent's XNNPACK, TensorFlow", false, 'tensorflow', laterDelegate),
  await openReference('tf.lite with its own XNNPACK, TensorFlow', true, 'tensorflow'),
];
const ours = files.map(() => []);

for (let round = 0; round < roundCount; round++) {
  for (const index of randomStream(1, 'agreement', round).permutation(files.length)) {
    const file = files[index];
    const { samplesMs } = await measureSuccess(measurer, file.workload, { runtime, fileBytes: file.bytes });
    ours[index].push(median(samplesMs));
    for (const reference of references) {
      reference.ratios[index].push(ours[index].at(-1) / (await reference.measureMs(file)));
    }
  }
}
printLoad('after');
await measurer.close();
for (const reference of references) await reference.close();

for (const { label, hasFactor, ratios } of references) {
  const middles = ratios.map(median);
  const factor = hasFactor ? median(middles) : 1;
  const errors = middles.map((ratio) => ratio / factor - 1);
  console.log(`\nagainst ${label}${hasFactor ? `, factor ${factor.toFixed(3)}` : ''}`);
  for (const [index, { name }] of files.entries()) {
    console.log(
      `${median(ours[index]).toFixed(3).padStart(8)} ms, off by ${percent(errors[index]).padStart(6)}  ${name}`,
    );
  }
  const sizes = ascending(errors.map(Math.abs));
  console.log(
    `agreement with ${label}: ${files.length} workloads, ${roundCount} rounds; ` +
      `error median ${percent(median(sizes))}${hasFactor ? ' (aim <= 5%)' : ''}, worst ${percent(sizes.at(-1))}${hasFactor ? ' (aim <= 12%)' : ''}`,
  );
}
