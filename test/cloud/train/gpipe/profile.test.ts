import { choose } from '@bespoke/cloud/search/space.js';
import { planPipeline } from '@bespoke/cloud/train/gpipe/planner.js';
import { profileBlocks } from '@bespoke/cloud/train/gpipe/profile.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';
import { tinyData, tinyRecipe, tinySpace } from '../tfjs/tiny.js';

const network = choose(tinySpace, [0, 0, 2, 0]);

describe('profileBlocks', () => {
  it('measures every block, and what the planner takes', async () => {
    const { tf } = await openBackend();
    const options = { network, data: tinyData(), recipe: tinyRecipe, microBatchSize: 4, warmupCount: 1, roundCount: 3 };
    await profileBlocks(tf, options);
    const before = tf.memory().numTensors;
    const blocks = await profileBlocks(tf, options);
    expect(tf.memory().numTensors).toBe(before);
    expect(blocks.map(({ id }) => id)).toEqual(network.blocks.map(({ id }) => id));
    for (const { forwardMs, backwardMs } of blocks) expect(Math.min(forwardMs, backwardMs)).toBeGreaterThan(0);
    expect(blocks.reduce((sum, { parameterBytes }) => sum + parameterBytes, 0)).toBe(4 * countParams(lower(network)));
    // 4 samples, float32: the stem gives 8x8x4, the first block halves it.
    expect(blocks.map(({ boundaryBytes }) => boundaryBytes)).toEqual([4 * 4 * 256, 4 * 4 * 64, 4 * 4 * 64, 0]);
    expect(blocks.slice(0, 3).every(({ savedBytes, boundaryBytes }) => savedBytes >= boundaryBytes)).toBe(true);
    const plan = planPipeline({
      schedule: 'gpipe',
      remat: 'none',
      stageCount: 2,
      sampleCount: 16,
      candidates: [{ microBatchCount: 4, inputBytes: 4 * 4 * 64, blocks }],
      transfer: { messageMs: 0.1, byteMs: 1e-6 },
      optimizerBytesPerParameter: 4,
      memoryCapBytes: null,
      oneProcessStepMs: null,
    });
    expect(plan.partitions.reduce((sum, { blockCount }) => sum + blockCount, 0)).toBe(4);
  });
});
