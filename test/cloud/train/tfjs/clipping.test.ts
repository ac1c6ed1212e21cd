import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { clipScale, squaredNorms } from '@bespoke/cloud/train/tfjs/clipping.js';
import { describe, expect, it } from 'vitest';

describe('squaredNorms', () => {
  it('sums the squares of each gradient in float64', async () => {
    const { tf } = await openBackend('wasm');
    const gradients = [tf.tensor([3, 4], [1, 2]), tf.tensor([4096, 2 ** -12])];
    const norms = await squaredNorms(['a', 'b'], gradients);
    tf.dispose(gradients);
    // In float32 the second square would be lost.
    expect(norms).toEqual({ 'squaredNorm:a': 25, 'squaredNorm:b': 2 ** 24 + 2 ** -24 });
  });
});

describe('clipScale', () => {
  it('shortens what is longer, and that alone', () => {
    const figures = { 'squaredNorm:a': 9, lossSum: 100, 'squaredNorm:b': 16 };
    expect(clipScale(1, figures)).toBeCloseTo(0.2, 12);
    expect(clipScale(5, figures)).toBe(1);
    expect(clipScale(6, figures)).toBe(1);
  });

  it('does not depend on the order in which the figures come', () => {
    const entries = Array.from({ length: 50 }, (_, index) => [`squaredNorm:w${index}`, 1 / (index + 3)] as const);
    const forwards = clipScale(0.01, Object.fromEntries(entries));
    expect(clipScale(0.01, Object.fromEntries([...entries].reverse()))).toBe(forwards);
    expect(clipScale(0.01, Object.fromEntries([...entries.slice(25), ...entries.slice(0, 25)]))).toBe(forwards);
  });
});
