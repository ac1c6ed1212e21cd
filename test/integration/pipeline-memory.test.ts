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

interface Setting {
  /** What the libraries do with kernels and memory. */
  readonly name: string;
  /** The environment of all processes. */
  readonly env: Readonly<Record<string, string>>;
  /** By the formula one partition needs 303 MB and the largest of four 88 MB; an open process has 230 MB, the maps of one operation are 9 MB each. */
  readonly capBytes: number;
  /** What the formula leaves out: the maps that an operation has under way (test/cloud/train/gpipe/memory.test.ts), and holes. */
  readonly restMapCount: number;
  /** Whether it is also trained as a planner cuts it, which may put more into one stage. */
  readonly isPlannedToo: boolean;
}
/** Larger chunks go back to the system when they are freed: what a process holds is then what its tensors need. */
const givenBack = { MALLOC_MMAP_THRESHOLD_: String(2 ** 20) };
const ownKernels: Setting = {
  name: "TensorFlow's own kernels, memory given back",
  env: { ...givenBack, TF_ENABLE_ONEDNN_OPTS: '0' },
  capBytes: 450e6,
  restMapCount: 7.5,
  isPlannedToo: true,
};
/** Only x64 has oneDNN's kernels, and with them TensorFlow's pool, which keeps what is freed and takes memory in advance of what it gives out. */
const oneDnn: readonly Setting[] = [
  {
    name: "oneDNN's kernels, memory given back, as docs/training.md advises where memory is short",
    env: { ...givenBack, TF_ENABLE_ONEDNN_OPTS: '1', TF_ONEDNN_USE_SYSTEM_ALLOCATOR: '1' },
    capBytes: 450e6,
    restMapCount: 7.5,
    isPlannedToo: true,
  },
  {
    name: "oneDNN's kernels, the pool: what users have",
    env: { TF_ENABLE_ONEDNN_OPTS: '1' },
    capBytes: 540e6,
    restMapCount: 11,
    isPlannedToo: false, // what the pool takes in advance counts against the limit, and leaves less the more a stage holds
  },
];
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
  setting: Setting,
  { isLimited = true, isPlanned = false } = {},
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
  const limit = isLimited ? String(Math.floor(setting.capBytes / 1024)) : 'unlimited';
  const shell = ['-c', `ulimit -d ${limit} && exec "$0" "$@"`, process.execPath, program, JSON.stringify(options)];
  const env = { ...process.env, ...setting.env };
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

const megabytes = (bytes: readonly number[]) => bytes.map((count) => (count / 1e6).toFixed(0)).join(' ');

/** Trains where there is room, then in four under the limit, also as a planner cuts it: to the same bits, with the memory that the formula says. */
async function trainsInFour(data: PackedDataset, setting: Setting): Promise<void> {
  const free = await train(data, 1, setting, { isLimited: false });
  expect(free.sha256).toMatch(/^[0-9a-f]{64}$/);
  const four = await train(data, 4, setting);
  expect(four.sha256).toBe(free.sha256);
  if (setting.isPlannedToo) expect(await train(data, 4, setting, { isPlanned: true })).toEqual({ sha256: free.sha256 });
  for (const [stageCount, { grownBytes }] of [[1, free] as const, [4, four] as const]) {
    const expected = await formulaBytes(data, stageCount);
    console.log(
      `K = ${stageCount}: MB resident at the peak beyond an open process ${megabytes(grownBytes!)}, by the formula ${megabytes(expected)}`,
    );
    for (const [k, byteCount] of grownBytes!.entries()) {
      expect(byteCount).toBeGreaterThan(0.9 * expected[k]!);
      expect(byteCount).toBeLessThan(expected[k]! + setting.restMapCount * mapBytes);
    }
  }
}

describe.skipIf(obstacle !== null)('a network that does not fit into one process', () => {
  it(`ends there at once with a sentence that says what to do, and trains in four with the bits of one that has room: ${ownKernels.name}`, async () => {
    const data = await packed();
    const { code, message } = await train(data, 1, ownKernels);
    expect(code).toBe('STAGE_FAILED');
    expect(message).toMatch(
      /^expected stage 0 of the pipeline to compute its part, but .* no memory left \(.+\); take more partitions .*$/,
    );
    console.log(message);
    await trainsInFour(data, ownKernels);
  }, 240_000);

  it.skipIf(process.arch !== 'x64').each(oneDnn)(
    'ends there with a sentence that says what to do, and trains in four: $name',
    async (setting) => {
      const data = await packed();
      const { code, message } = await train(data, 1, setting);
      // Some kernels of oneDNN write to scratch memory that they did not get: that stage dies, and is started again before the pipeline gives up.
      const endings: Readonly<Record<string, RegExp>> = {
        STAGE_FAILED: /no memory left \(.+\); take more partitions/,
        STAGE_LOST: /\(SIGSEGV\).*; where memory is short, take more partitions/s,
      };
      expect(Object.keys(endings)).toContain(code);
      expect(message).toMatch(endings[code!]!);
      console.log(message);
      await trainsInFour(data, setting);
    },
    240_000,
  );
});
