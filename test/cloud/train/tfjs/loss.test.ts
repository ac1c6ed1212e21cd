import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { crossEntropy, meanScore, writeTargets } from '@bespoke/cloud/train/tfjs/loss.js';
import { describe, expect, it } from 'vitest';

// Two samples, three classes: softmax of [0, ln 2, 0] is [1/4, 1/2, 1/4].
const logits = Float32Array.from([0, Math.log(2), 0, 0, Math.log(2), 0]);
const labels = Int32Array.from([1, 0]);

describe('meanScore', () => {
  it('gives mean cross-entropy and the share that is right', () => {
    const { loss, accuracy } = meanScore(logits, labels, 3);
    expect(loss).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 6);
    expect(accuracy).toBe(0.5);
  });

  it('stays finite for large logits', () => {
    expect(meanScore(Float32Array.from([1000, 0]), Int32Array.from([1]), 2)).toEqual({ loss: 1000, accuracy: 0 });
  });
});

describe('crossEntropy', () => {
  it('equals the sum by hand, with and without smoothing', async () => {
    const { tf } = await openBackend('wasm');
    const loss = (smoothing: number) => {
      const targets = new Float32Array(6);
      writeTargets(targets, { labels }, 3, smoothing);
      return tf.tidy(() => crossEntropy(tf, tf.tensor(logits, [2, 3]), tf.tensor(targets, [2, 3])).dataSync()[0]);
    };
    const [own, other] = [Math.log(2), Math.log(4)];
    expect(loss(0)).toBeCloseTo((own + other) / 2, 6);
    expect(loss(0.3)).toBeCloseTo((0.8 * own + 0.2 * other + (0.8 * other + 0.1 * own + 0.1 * other)) / 2, 6);
  });

  it('of mixed samples is the mixture of the losses', async () => {
    const { tf } = await openBackend('wasm');
    const mixed = { labels: Int32Array.from([0, 1]), share: 0.75 };
    const targets = new Float32Array(6);
    writeTargets(targets, { labels, mixed }, 3, 0);
    const loss = tf.tidy(() => crossEntropy(tf, tf.tensor(logits, [2, 3]), tf.tensor(targets, [2, 3])).dataSync()[0]);
    const [own, other] = [Math.log(2), Math.log(4)];
    expect(loss).toBeCloseTo((0.75 * own + 0.25 * other + 0.75 * other + 0.25 * own) / 2, 6);
    expect(targets.reduce((sum, target) => sum + target, 0)).toBeCloseTo(-1, 6);
  });
});
