/**
 * MobileNetV2 1.0 at 224 px, written by us and timed by our agent, against TensorFlow's own interpreter on TensorFlow's own
 * conversion of the same network. Rounds alternate between the two, so that whatever else the machine does meets both;
 * the ratio of medians is taken per round. Aim: at most 1.35. On a busy machine two threads tell little: the library's
 * thread pool waits for a thread that has lost its core, TensorFlow's newer one does not. Then look at the fastest rounds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createMeasurer } from '@bespoke/agent/measurer.js';
import { ascending, median } from '@bespoke/shared/latency/statistics.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';

const roundCount = 9;
const runsPerRound = 50;
const python = fileURLToPath(new URL('../../build/python/bin/python', import.meta.url));

if (!existsSync(python)) {
  console.log('mobilenet-v2: SKIPPED, no build/python with TensorFlow; run `npm run setup:tensorflow`');
  process.exit(0);
}

const reference = spawn(python, [fileURLToPath(new URL('./mobilenet-v2.py', import.meta.url))], {
  stdio: ['pipe', 'pipe', 'ignore'],
});
const lines = createInterface({ input: reference.stdout })[Symbol.asyncIterator]();
reference.once('exit', (code) => {
  if (code) throw new Error(`mobilenet-v2.py ended with code ${code}`);
});
while ((await lines.next()).value !== 'ready');

const workload = { kind: 'network', network: zooNetwork('mobilenet-v2'), dtype: 'float32', batch: 1 };

console.log(`load average before: ${loadavg()[0].toFixed(1)}`);
for (const threads of [1, 2]) {
  const measurer = createMeasurer({ threads: [threads], runtimes: ['tflite'] });
  const [runtime] = await measurer.runtimes();
  const rounds = [];
  for (let round = 0; round < roundCount; round++) {
    reference.stdin.write(`${threads} ${runsPerRound}\n`);
    const theirs = median(JSON.parse((await lines.next()).value));
    const outcome = await measurer.measure(workload, { runtime, timeoutMs: 60_000 });
    if (!outcome.ok) throw new Error(outcome.log);
    rounds.push({ theirs, ours: median(outcome.samplesMs), overheadMs: outcome.overheadMs });
  }
  await measurer.close();
  const ratios = ascending(rounds.map(({ ours, theirs }) => ours / theirs));
  const of = (key, statistic) => statistic(rounds.map((round) => round[key]));
  const least = (values) => Math.min(...values);
  console.log(
    `mobilenet-v2, ${threads} thread(s): agent ${of('ours', median).toFixed(2)} ms, tf.lite ${of('theirs', median).toFixed(2)} ms (medians of ${roundCount} rounds); ` +
      `ratio ${median(ratios).toFixed(3)} (${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}), ` +
      `of the fastest rounds ${(of('ours', least) / of('theirs', least)).toFixed(3)}; aim <= 1.35. ` +
      `Overhead of ${(of('overheadMs', median) * 1000).toFixed(0)} us are taken out.`,
  );
}
reference.stdin.end();
await once(reference, 'exit');
