/**
 * What pipelines are for: a network that does not fit into one process is trained by four. The limit is the system's own (RLIMIT_DATA, which every process below the shell
 * inherits: writable memory of its own, so not the code of TensorFlow), the network's needs come from its activations.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type PackedDataset, writePacked } from '@bespoke/cloud/train/data/packed.js';
import { BlockSums } from '@bespoke/cloud/train/gpipe/costs.js';
import { partitionBytes } from '@bespoke/cloud/train/gpipe/memory.js';
import { profileBlocks } from '@bespoke/cloud/train/gpipe/profile.js';
import type { TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import type { Block } from '@bespoke/shared/network/block.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support/folder.js';

const program = fileURLToPath(new URL('./pipeline-process.mjs', import.meta.url));
const { backend } = await openBackend();
const obstacle =
  process.platform !== 'linux'
    ? 'other systems do not limit writable memory'
    : backend !== 'tensorflow'
      ? 'the limit is chosen for the memory of TensorFlow'
      : null;
if (obstacle) console.log(`pipeline-memory: left out: ${obstacle}`);

/** By the formula one partition needs 303 MB and the largest of four 88 MB; an open process has 230 MB, the maps of one operation are 9 MB each. */
const capBytes = 450e6;
/** Larger chunks go back to the system when they are freed: what a process holds is then what its tensors need, not the holes between them as well. */
const exactBytes = 2 ** 20;
/**
 * What the formula leaves out: the maps that an operation has under way (test/cloud/train/gpipe/memory.test.ts), the scratch memory of kernels, and code that is loaded when it is first run. That depends on
 * the processor: 7.1 maps at most on one, 11.0 on another, newer one.
 */
const restMapCount = 12;
const stepCount = 2;
const [sampleCount, microBatchCount] = [32, 2];
const [side, channels] = [32, 3] as const;
const expandedChannels = 144;
const mapBytes = (4 * sampleCount * side * side * expandedChannels) / microBatchCount;
const cutsBy = { 1: [], 4: [2, 4, 6] } as const;
const network: Network = {
  version: 1,
  name: 'wide',
  input: { height: side, width: side, channels },
  blocks: [
    { kind: 'conv', id: 'stem', outChannels: expandedChannels / 6, kernelSize: 3, stride: 1, activation: 'relu6' },
    ...Array.from({ length: 7 }, (_, index): Block => {
      const body = {
        outChannels: expandedChannels / 6,
        kernelSize: 3,
        stride: 1,
        expandRatio: 6,
        squeezeExcite: false,
      } as const;
      return { kind: 'mbconv', id: `block${index}`, ...body, activation: 'relu6' };
    }),
    { kind: 'head', id: 'head', classes: 2 },
  ],
};
const recipe: TrainRecipe = {
  seed: 3,
  stepCount,
  batchSize: sampleCount,
  learningRate: 0.05,
  warmupStepCount: 0,
  momentum: 0.9,
  weightDecay: 4e-5,
  labelSmoothing: 0.1,
  augmentation: { flip: true, cropPaddingPixels: 2, cutoutPixels: 0 },
};

function packed(): Promise<PackedDataset> {
  const counts = { train: 64, search: 8, test: 8 };
  const total = 80;
  const stream = randomStream(1, 'pixels');
  const images = Uint8Array.from({ length: total * side * side * channels }, () => stream.integer(256));
  const labels = Uint16Array.from({ length: total }, (_, index) => index % 2);
  const [mean, deviation] = [Array(channels).fill(0.5), Array(channels).fill(0.3)];
  const manifest = { version: 1, name: 'noise', classes: ['a', 'b'], height: side, width: side, channels } as const;
  return writePacked(join(temporaryFolder(), 'packed'), { ...manifest, counts, mean, deviation }, images, labels);
}

interface Outcome {
  readonly sha256?: string;
  readonly grownBytes?: readonly number[];
  readonly code?: string;
  readonly message?: string;
}

/** Trains in so many partitions, in processes that may have so many bytes of memory each. */
async function train(
  { directory: dataDirectory }: PackedDataset,
  stageCount: keyof typeof cutsBy,
  limitBytes: number | null,
  isPlanned = false,
): Promise<Outcome> {
  const options = {
    layout: { schedule: 'gpipe', remat: 'always', stageCount, microBatchCount },
    training: {
      network,
      recipe,
      dataDirectory,
      cuts: cutsBy[stageCount],
      microBatchSizes: Array(microBatchCount).fill(sampleCount / microBatchCount),
    },
    isPlanned,
    directory: temporaryFolder(),
    stepCount,
  };
  const limit = limitBytes === null ? 'unlimited' : String(Math.floor(limitBytes / 1024));
  const shell = ['-c', `ulimit -d ${limit} && exec "$0" "$@"`, process.execPath, program, JSON.stringify(options)];
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: String(exactBytes) };
  const child = spawn('sh', shell, { stdio: ['ignore', 'pipe', 'inherit'], env });
  onTestFinished(() => void child.kill());
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(output) as Outcome;
}

/** Of each partition, as the planner counts. */
async function formulaBytes(data: PackedDataset, stageCount: keyof typeof cutsBy): Promise<readonly number[]> {
  const { tf } = await openBackend();
  const microBatchSize = sampleCount / microBatchCount;
  const blocks = await profileBlocks(tf, { network, data, recipe, microBatchSize, warmupCount: 0, roundCount: 1 });
  const inputBytes = Float32Array.BYTES_PER_ELEMENT * microBatchSize * side * side * channels;
  const sums = new BlockSums({ microBatchCount, inputBytes, blocks }, { messageMs: 0, byteMs: 0 });
  const edges = [0, ...cutsBy[stageCount], network.blocks.length];
  const layout = { schedule: 'gpipe', remat: 'always', stageCount, microBatchCount } as const;
  return edges
    .slice(1)
    .map((end, k) => partitionBytes(sums.sizes(edges[k]!, end), layout, k, Float32Array.BYTES_PER_ELEMENT));
}

/**
 * How a stage ends that has no memory left. Where a tensor cannot be had, TensorFlow throws; where a kernel's own scratch memory cannot be had (which of the two comes first depends on
 * the processor's kernels), it aborts the process, and the coordinator tries again before it gives up.
 */
const shortage = {
  STAGE_FAILED:
    /^expected stage 0 of the pipeline to compute its part, but .* no memory left \(.+\); take more partitions .*$/,
  STAGE_LOST:
    /^expected the pipeline to get over its faults, .* stage 0 \(SIGABRT\).*std::bad_alloc; where memory is short, .*$/s,
} as const;

const megabytes = (bytes: readonly number[]) => bytes.map((count) => (count / 1e6).toFixed(0)).join(' ');

describe.skipIf(obstacle !== null)('a network that does not fit into one process', () => {
  it('ends there at once with a sentence that says what to do, and trains in four with the bits of one that has room', async () => {
    const data = await packed();
    const alone = await train(data, 1, capBytes);
    expect(Object.keys(shortage)).toContain(alone.code);
    expect(alone.message).toMatch(shortage[alone.code as keyof typeof shortage]);
    console.log(alone.message);

    const four = await train(data, 4, capBytes);
    const free = await train(data, 1, null);
    expect(free.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(four.sha256).toBe(free.sha256);
    expect(await train(data, 4, capBytes, true)).toEqual({ sha256: free.sha256 });
    for (const [stageCount, { grownBytes }] of [[1, free] as const, [4, four] as const]) {
      const expected = await formulaBytes(data, stageCount);
      console.log(
        `K = ${stageCount}: MB resident at the peak beyond an open process ${megabytes(grownBytes!)}, by the formula ${megabytes(expected)}`,
      );
      for (const [k, byteCount] of grownBytes!.entries()) {
        expect(byteCount).toBeGreaterThan(0.9 * expected[k]!);
        expect(byteCount).toBeLessThan(expected[k]! + restMapCount * mapBytes);
      }
    }
  }, 240_000);
});
