import { drawBeta, drawMixing, mixImages } from '@bespoke/cloud/train/data/mixup.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import { describe, expect, it } from 'vitest';

describe('drawBeta', () => {
  // Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)).
  it.each([0.01, 0.2, 1, 4])('has the mean and the variance of Beta(%d, %d)', (alpha) => {
    const stream = randomStream(1, 'beta', alpha);
    const values = Array.from({ length: 20_000 }, () => drawBeta(stream, alpha));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0.5, 1.7);
    expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1.3);
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('is uniform for alpha 1', () => {
    const stream = randomStream(2, 'beta');
    const values = Array.from({ length: 20_000 }, () => drawBeta(stream, 1)).sort((a, b) => a - b);
    for (const share of [0.05, 0.25, 0.75, 0.95]) expect(values[share * values.length]).toBeCloseTo(share, 1.7);
  });
});

describe('drawMixing', () => {
  it('depends on its key alone, and leaves a sample the larger share', () => {
    const draw = (step: number) => drawMixing(0.4, 6, 1, 'train', step);
    expect(draw(3)).toEqual(draw(3));
    const drawn = Array.from({ length: 50 }, (_, step) => draw(step));
    expect(new Set(drawn.map(({ share }) => share)).size).toBe(50);
    for (const { share, partners } of drawn) {
      expect(share).toBeGreaterThanOrEqual(0.5);
      expect([...partners].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });
});

describe('mixImages', () => {
  it('mixes every image with its partner as that was before', () => {
    const images = Float32Array.from([1, 10, 2, 20, 4, 40]);
    mixImages(images, new Float32Array(6), 2, { share: 0.75, partners: Uint32Array.from([1, 2, 2]) });
    expect([...images]).toEqual([1.25, 12.5, 2.5, 25, 4, 40]);
  });
});
