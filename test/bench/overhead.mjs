/**
 * Is what an empty model takes the overhead of every model? For blocks whose output has the shape of their input, chains of 1, 2 and 4
 * copies within one Graph say it otherwise: time over copies is a line, a block is its slope and the overhead its intercept. Prints
 * how far one block less the empty model lies from the slope. Argument: rounds.
 */
import { fillInputs } from '@bespoke/agent/inputs.js';
import { openTflite } from '@bespoke/agent/runtime/tflite.js';
import { scaledWeights } from '@bespoke/agent/scaled-weights.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { ascending, median, quantile } from '@bespoke/shared/latency/statistics.js';
import { lowerBlock } from '@bespoke/shared/network/block.js';
import { percent, printLoad } from './workloads.mjs';

const roundCount = Number(process.argv[2] ?? 60);
const copyCounts = [1, 2, 4];
const sampleMs = 1;

const mbconv = (channels, kernelSize, expandRatio, pixels, squeezeExcite = false) => ({
  name: `mbconv k${kernelSize} e${expandRatio}${squeezeExcite ? ' with gate' : ''} on ${pixels}x${pixels}x${channels}`,
  body: {
    kind: 'mbconv',
    outChannels: channels,
    kernelSize,
    stride: 1,
    expandRatio,
    activation: 'relu6',
    squeezeExcite,
  },
  shape: [pixels, pixels, channels],
});
const conv = (channels, kernelSize, pixels) => ({
  name: `conv k${kernelSize} on ${pixels}x${pixels}x${channels}`,
  body: { kind: 'conv', outChannels: channels, kernelSize, stride: 1, activation: 'relu6' },
  shape: [pixels, pixels, channels],
});
const blocks = [
  mbconv(24, 3, 3, 16),
  mbconv(24, 5, 6, 16),
  mbconv(40, 3, 6, 8),
  mbconv(80, 3, 3, 4),
  mbconv(80, 7, 6, 4),
  mbconv(32, 5, 6, 28),
  mbconv(56, 3, 6, 14),
  mbconv(112, 5, 6, 7),
  mbconv(112, 3, 3, 14, true),
  mbconv(160, 3, 6, 7),
  conv(16, 3, 32),
  conv(64, 3, 16),
  conv(64, 1, 16),
  conv(128, 3, 14),
];

const runtime = openTflite(1, 'xnnpack', { readsOutputs: false });

async function loadChain({ body, shape }, copyCount) {
  const builder = new GraphBuilder();
  let tensors = [builder.input('input', shape)];
  for (let copy = 0; copy < copyCount; copy++) tensors = lowerBlock(builder, `block${copy}`, body, tensors);
  const graph = builder.build(tensors);
  return runtime.load({ kind: 'graph', ...fold(graph, scaledWeights(graph)), batch: 1 });
}

function timed(session, count) {
  const startMs = performance.now();
  session.run(count);
  return (performance.now() - startMs) / count;
}

/** Low quantiles of interleaved samples: what disturbs adds, and lasts for many samples. */
function interleaved(sessions) {
  const batches = sessions.map((session) =>
    Math.ceil(sampleMs / median(Array.from({ length: 9 }, () => timed(session, 5)))),
  );
  const samples = sessions.map(() => []);
  for (let round = 0; round < roundCount; round++) {
    for (const [index, session] of sessions.entries()) {
      session.run(Math.ceil(batches[index] / 4));
      for (let repeat = 0; repeat < 2; repeat++) samples[index].push(timed(session, batches[index]));
    }
  }
  return samples.map((values) => quantile(ascending(values), 0.15));
}

/** Least squares. */
function line(xs, ys) {
  const mean = (values) => values.reduce((sum, value) => sum + value) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  const slope =
    mean(xs.map((value, index) => (value - x) * (ys[index] - y))) / mean(xs.map((value) => (value - x) ** 2));
  return { slope, intercept: y - slope * x };
}

printLoad('before');
const differences = [];
for (const block of blocks) {
  const chains = await Promise.all(copyCounts.map((count) => loadChain(block, count)));
  const empty = await runtime.loadEmpty([block.shape], [block.shape]);
  for (const session of chains) fillInputs(session);
  const [emptyMs, ...chainMs] = interleaved([empty, ...chains]);
  const { slope, intercept } = line(copyCounts, chainMs);
  const difference = (chainMs[0] - emptyMs) / slope - 1;
  differences.push(Math.abs(difference));
  const microseconds = (ms) => `${(1000 * ms).toFixed(1)} us`.padStart(10);
  console.log(
    `one ${microseconds(chainMs[0])}, empty ${microseconds(emptyMs)}, slope ${microseconds(slope)}, intercept ${microseconds(intercept)}, ` +
      `difference ${percent(difference).padStart(5)}  ${block.name}`,
  );
}
printLoad('after');
const sorted = ascending(differences);
console.log(
  `overhead: one block less the empty model against the slope over ${copyCounts.join(', ')} copies, ${blocks.length} blocks: ` +
    `median difference ${percent(median(sorted))}, greatest ${percent(sorted.at(-1))}`,
);
