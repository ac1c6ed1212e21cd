import { choose } from '@bespoke/cloud/search/space.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { tfjsEngine } from '@bespoke/cloud/train/tfjs/engine.js';
import { logDeterminant } from '@bespoke/cloud/train/tfjs/zero-cost.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';
import { tinyData, tinySpace } from './tiny.js';

describe('logDeterminant', () => {
  it.each([
    ['one that needs its rows swapped', [0, 2, 3, 0], 2, Math.log(6)],
    ['one of three rows', [4, 2, 1, 2, 5, 3, 1, 3, 6], 3, Math.log(67)],
    ['a singular one, far down but finite', [1, 1, 1, 1], 2, Math.log(1e-6)],
  ])('knows %s', (_, values, size, expected) => {
    expect(logDeterminant(Float64Array.from(values), size)).toBeCloseTo(expected, 9);
  });
});

describe('zeroCostScore', () => {
  const data = tinyData();
  const graph = lower(choose(tinySpace, [0, 0, 2, 0]));

  it('is a number of the network and the seed, and leaves no tensor behind', async () => {
    const opened = await openBackend();
    const engine = tfjsEngine(opened);
    const score = await engine.zeroCostScore(graph, data, 3);
    const before = opened.tf.memory().numTensors;
    expect(await engine.zeroCostScore(graph, data, 3)).toBe(score);
    expect(opened.tf.memory().numTensors).toBe(before);
    expect(await engine.zeroCostScore(graph, data, 4)).not.toBe(score);
  });

  it('is far lower where all samples are the same', async () => {
    const engine = tfjsEngine(await openBackend());
    const same = { ...data, images: data.images.slice().fill(128) };
    const [told, untold] = [await engine.zeroCostScore(graph, data, 3), await engine.zeroCostScore(graph, same, 3)];
    // All but one of 32 pivots are none.
    expect(untold).toBeLessThan(31 * Math.log(1e-6) + 20);
    expect(told).toBeGreaterThan(0);
  });
});
